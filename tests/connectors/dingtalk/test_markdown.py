"""What people read: nothing of the data means anything to a client, and it fits."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from chalicelib.connectors.dingtalk.markdown import (
    BREAK,
    LARGEST_BYTES,
    LONGEST_COMMAND,
    escaped,
    markdown,
    param,
    words,
)
from chalicelib.core.catalogue import Lang
from chalicelib.core.reply import Block, Button, Line, Pairs, Reply, Table, Tone

HOSTILE = (
    "[a](https://evil.example)",
    "![a](https://evil.example/a.png)",
    "<https://evil.example>",
    "https://evil.example/x",
    "www.evil.example",
    "ann@evil.example",
    "@all @所有人 @manager4220",
    "**bold** _slanted_ ~~gone~~ `code`",
    "# heading",
    "> quote",
    "- item",
    "+ item",
    "* item",
    "1. item",
    "2) item",
    "===",
    "---",
    "***",
    "| a | b |",
    "    code",
    "```\ncode\n```",
    '<font color="red">x</font><img src=x onerror=y>',
    "&lt;b&gt; &#64;all",
    "[a]: https://evil.example",
    "a\\\nb",
    "a  \n# b",
    "a\r\n\r\n- b\u2028# c\x0b> d\x85+ e",
    "\u202egnirts\u202c \u2066x\u2069 \u200bzero\ufeff",
    "\x00\x1b[31mred\x07",
    "\ud83d half",
    "\ufff9anno\ufffb",
)
text = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=60),
    st.text(alphabet="*_~[]()<>#!|\\`&@:/.-+=1 \n\tab", max_size=40),
    st.lists(st.sampled_from(HOSTILE), max_size=3).map(" ".join),
)
tones = st.sampled_from(Tone)
blocks: st.SearchStrategy[Block] = st.one_of(
    st.builds(Line, text=text, tone=tones),
    st.builds(Pairs, pairs=st.lists(st.tuples(text, text), max_size=4).map(tuple), caption=text),
    st.builds(
        Table,
        columns=st.lists(text, max_size=3).map(tuple),
        rows=st.lists(st.lists(text, max_size=3).map(tuple), max_size=4).map(tuple),
        caption=text,
    ),
)
replies = st.builds(
    Reply,
    blocks=st.lists(blocks, max_size=5).map(tuple),
    data=st.none(),
    tone=tones,
    task=st.one_of(st.none(), st.just("4821")),
    title=st.one_of(st.just(""), text),
    buttons=st.lists(st.builds(Button, label=text, command=text), max_size=4).map(tuple),
    lang=st.sampled_from(Lang),
)
# What this renderer itself writes: a heading, bold, breaks, and commands in quotes.
OURS = {
    "heading_open",
    "heading_close",
    "paragraph_open",
    "paragraph_close",
    "inline",
    "text",
    "softbreak",
    "hardbreak",
    "strong_open",
    "strong_close",
    "code_inline",
}


def a_reply(*given_blocks: Block, title: str = "", buttons: tuple[Button, ...] = (), **more: object) -> Reply:
    reply = Reply(blocks=given_blocks, data=None, title=title, buttons=buttons)
    return Reply(**{**{name: getattr(reply, name) for name in Reply.__slots__}, **more})


def tokens(rendered: str) -> Iterator[Token]:
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    for token in parser.parse(rendered):
        yield token
        yield from token.children or ()


def check_is_harmless(rendered: str, *, bold: bool = True) -> None:
    found = {token.type for token in tokens(rendered)}
    assert found <= OURS if bold else found <= {"paragraph_open", "paragraph_close", "inline", "text"}
    assert not set(rendered) & set("[]<>|\\&@~")
    assert "://" not in rendered
    assert all(unicodedata.category(each) not in ("Cc", "Cs") for each in rendered.replace("\n", ""))
    assert not set(rendered) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\ufeff")


@given(text)
@pytest.mark.parametrize("first", HOSTILE)
def test_foreign_text_is_text_and_nothing_else(first: str, then: str) -> None:
    for each in (first, then, first + then, then + first):
        shown = escaped(each)
        check_is_harmless(shown, bold=False)
        assert "\n" not in shown


@settings(max_examples=300)
@given(replies)
def test_of_a_reply_only_our_own_marks_mean_something(reply: Reply) -> None:
    title, rendered = markdown(reply)
    check_is_harmless(rendered)
    assert len([token for token in tokens(rendered) if token.type == "heading_open"]) <= 1
    assert len([token for token in tokens(rendered) if token.type == "code_inline"]) <= len(reply.buttons)
    assert title
    assert "\n" not in title
    assert len(param(title, rendered).encode()) <= LARGEST_BYTES


@given(text)
def test_what_was_replaced_folds_back(foreign: str) -> None:
    plain = "".join(each for each in foreign if each.isascii() and each.isprintable() and each != "`")
    folded = unicodedata.normalize("NFKC", escaped(plain)).replace("\u2060", "")
    assert folded == " ".join(plain.split())


@pytest.mark.parametrize(
    ("given_", "shown"),
    [
        ("Ann Li", "Ann Li"),
        ("2026-01-05 08:00", "2026-01-05 08:00"),
        ("12.5 %", "12.5 %"),
        ("研发部 / 平台组", "研发部 / 平台组"),
        ("👩‍💻 dev", "👩‍💻 dev"),
        ("`record 12` shows it", "'record 12' shows it"),
        ("1. first", "1． first"),
        ("- x", "－ x"),
        ("a\n\n b", "a b"),
    ],
)
def test_ordinary_words_stay_as_they_are(given_: str, shown: str) -> None:
    assert escaped(given_) == shown


def test_rows_are_lines_and_below_a_heading_empty_cells_are_seen() -> None:
    table = Table(columns=("source", "state"), rows=(("hq", "enabled"), ("branch", "")), caption="Sources")
    _, rendered = markdown(a_reply(Line(text="Two."), table, title="Here"))
    assert rendered == BREAK.join(
        ["### Here\n\nTwo.", "**Sources**", "source · state", "**hq** · enabled", "**branch** · –"]
    )


def test_rows_whose_columns_have_no_name_leave_no_gaps() -> None:
    table = Table(columns=("", "", ""), rows=(("hq", "", "enabled"), ("", "x", "")))
    _, rendered = markdown(a_reply(table, title="t"))
    assert rendered == "### t\n\n" + BREAK.join(["**hq** · enabled", "– · x"])
    _, rendered = markdown(a_reply(Table(columns=("",), rows=(("Sales",), ("R&D",))), title="t"))
    assert rendered == "### t\n\n" + BREAK.join(["Sales", "R＆D"])


def test_of_a_grid_each_cell_is_said_with_its_column() -> None:
    table = Table(columns=("", "employees", "departments"), rows=(("created", "3", "·"), ("held", "·", "·")))
    _, rendered = markdown(a_reply(table, title="t"))
    assert rendered == "### t\n\n" + BREAK.join(["**created**: employees 3", "**held**: –"])


def test_pairs_are_lines_with_their_labels() -> None:
    _, rendered = markdown(a_reply(Pairs(pairs=(("name", "Ann"), ("none", ""), ("", "bare"))), title="t"))
    assert rendered == "### t\n\n" + BREAK.join(["**name**: Ann", "**none**: –", "bare"])


def test_a_line_that_heads_a_reply_is_not_said_twice() -> None:
    two = (Line(text="Done."), Line(text="More."))
    assert markdown(a_reply(*two)) == ("Done.", "### Done.\n\nMore.")
    assert markdown(a_reply(*two, tone=Tone.GOOD)) == ("Done.", "### ✅ Done.\n\nMore.")
    again = (Button(label="Again", command="again"),)
    assert markdown(a_reply(Line(text="Done."), buttons=again))[1].startswith("### Done.\n\nAgain")


def test_a_single_line_has_no_heading_and_is_said_once_and_whole() -> None:
    assert markdown(a_reply(Line(text="Done.", tone=Tone.GOOD))) == ("Done.", "✅ Done.")
    long = ("word " * 40).strip()
    title, rendered = markdown(a_reply(Line(text=long)))
    assert rendered == long
    assert title.endswith("word…")
    assert len(title) <= 100
    title, rendered = markdown(a_reply(Line(text=long), Line(text="more")))
    assert rendered == f"{long}{BREAK}more"


def test_buttons_are_commands_to_type_in_the_language_of_the_reply() -> None:
    buttons = (Button(label="Approve", command="sync approve 4821"), Button(label="批准", command="同步 批准 4821"))
    _, rendered = markdown(a_reply(Line(text="x"), buttons=buttons))
    assert rendered.endswith(f"Approve: type `sync approve 4821`{BREAK}批准: type `同步 批准 4821`")
    _, rendered = markdown(a_reply(Line(text="x"), buttons=buttons, lang=Lang.ZH))
    assert "批准：输入 `同步 批准 4821`" in rendered


def test_a_command_with_a_handle_can_be_copied_and_one_too_long_is_not_shown_cut() -> None:
    buttons = (
        Button(label="Sync", command="sync now head_office-2"),
        Button(label="No", command="x" * (LONGEST_COMMAND + 1)),
    )
    _, rendered = markdown(a_reply(Line(text="x"), buttons=buttons))
    assert "`sync now head_office-2`" in rendered
    assert "xxx" not in rendered


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("cell", ["a", "汉字", '"\\\n', "👩‍💻", "x" * 64_000, "&" * 64_000])
def test_what_is_too_large_is_shortened_with_a_way_to_the_rest(lang: Lang, cell: str) -> None:
    rows = tuple((f"person {number}", cell) for number in range(5000))
    buttons = (Button(label="Next", command="record 4821 --page 2"),)
    reply = a_reply(Table(columns=("a", "b"), rows=rows), title="Plan", task="4821", buttons=buttons, lang=lang)
    title, rendered = markdown(reply)
    size = len(param(title, rendered).encode())
    assert size <= LARGEST_BYTES
    assert size > LARGEST_BYTES - 4000
    shown = rendered.count("person ")
    assert f"{5000 - shown} " in rendered
    assert "record 4821" in rendered.partition(f"{5000 - shown} ")[2]
    assert rendered.endswith("`record 4821 --page 2`")


def test_a_plan_of_a_hundred_thousand_changes_is_not_rendered_whole() -> None:
    reply = a_reply(Table(columns=("a",), rows=(("x",),) * 100_000), title="Plan")
    assert len(words(reply).lines) + words(reply).more == 100_001
    _, rendered = markdown(reply)
    shown = rendered.count(f"{BREAK}x")
    assert f"{100_000 - shown} more lines" in rendered


def test_many_buttons_leave_room_for_words() -> None:
    buttons = tuple(Button(label="按钮" * 100, command="命令" * 150) for _ in range(40))
    title, rendered = markdown(a_reply(Line(text="汉" * 5000), title="t", buttons=buttons))
    assert len(param(title, rendered).encode()) <= LARGEST_BYTES


def test_a_reply_of_nothing_says_who_speaks() -> None:
    assert markdown(a_reply()) == ("Rollcall", "### Rollcall")
    assert json.loads(param(*markdown(a_reply(Line(text="\u202e\x00"))))) == {
        "title": "Rollcall",
        "text": "### Rollcall",
    }
