"""What is drawn: within the vendor's limits whatever is said, read on a phone, and harmless."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.connectors.lark import card
from chalicelib.core.catalogue import Lang
from chalicelib.core.reply import Block, Button, Line, Pairs, Reply, Table, Tone, Weight
from infra.lab.lark import cards as vendor

VENDOR_BYTES = 30 * 1024
CALL = re.compile(r"<\s*/?\s*at\b", re.IGNORECASE)
ENTITY = re.compile(r"&#[0-9]+;")
# What this renderer itself writes: bold, dots between cells, line ends.
OURS = re.compile(r"\*\*|[·…–\s]")

EVIL = (
    '<at id=all></at> <AT user_id="all"></AT> < at id=ou_1> </ at> [x](https://evil.example) ![i](img_v2_1) `code` '
    "**bold** ~~s~~ # head\n> quote\n- item\n1. item\n| a | b |\n$urlVal <font color='red'>r</font> "
    "<person id='ou_1'></person> :OK: &lt;at&gt; &#60;at id=all&#62; \\*x\\* "
    "www.evil.example \u202eodd\u2066 \u0000\u0007\ufeff"
)
words = st.text(max_size=60) | st.sampled_from(
    (EVIL, "x" * 64_000, "张" * 9000, "<at id=all>", "", "\ud83d", "1. a", "👨‍👩‍👧")
)
lines = st.builds(Line, text=words, tone=st.sampled_from(Tone))
pairs = st.builds(Pairs, pairs=st.lists(st.tuples(words, words), max_size=30).map(tuple), caption=words)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    columns = draw(st.lists(words, max_size=6))
    row = st.lists(words, min_size=len(columns), max_size=len(columns)).map(tuple)
    rows = draw(st.lists(row, max_size=12))
    return Table(columns=tuple(columns), rows=tuple(rows * draw(st.sampled_from((1, 1, 40)))), caption=draw(words))


buttons = st.builds(Button, label=words, command=words, weight=st.sampled_from(Weight))
replies = st.builds(
    Reply,
    blocks=st.lists(lines | pairs | tables(), max_size=12).map(tuple),
    data=st.none(),
    tone=st.sampled_from(Tone),
    task=st.none() | st.just("12"),
    title=words,
    buttons=st.lists(buttons, max_size=15).map(tuple),
    lang=st.sampled_from(Lang),
)


def a_reply(*blocks: Block, title: str = "", buttons: tuple[Button, ...] = (), task: str | None = None) -> Reply:
    return Reply(blocks=blocks, data=None, title=title, buttons=buttons, task=task)


def drawn(reply: Reply) -> Any:
    return vendor.check(card.card(reply))


def elements(reply: Reply, tag: str = "") -> list[Any]:
    return [each for each in drawn(reply)["body"]["elements"] if not tag or each["tag"] == tag]


def tagged(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "tag" in value:
            yield value
        for each in value.values():
            yield from tagged(each)
    elif isinstance(value, list):
        for each in value:
            yield from tagged(each)


def shown(reply: Reply) -> str:
    """Everything that is read, as it is shown."""
    texts = [str(each["content"]) for each in tagged(drawn(reply)) if "content" in each]
    texts += [json.dumps(each["rows"], ensure_ascii=False) for each in tagged(drawn(reply)) if each["tag"] == "table"]
    return ENTITY.sub(lambda found: chr(int(found[0][2:-1])), "\n".join(texts))


def request_bytes(content: card.Json) -> int:
    """Count as the message API is sent it: JSON within a string of JSON."""
    return len(json.dumps({"content": card.dumped(content)}, ensure_ascii=False).encode())


@settings(max_examples=80, deadline=None)
@given(replies)
def test_whatever_is_said_fits_and_is_taken(reply: Reply) -> None:
    made = card.card(reply)
    vendor.check(made)
    assert request_bytes(made) <= VENDOR_BYTES
    assert sum(1 for _ in tagged(made)) <= 200
    assert sum(each["tag"] == "table" for each in tagged(made)) <= 5
    in_words = card.post(reply)
    assert request_bytes(in_words) <= VENDOR_BYTES
    (said,) = in_words.values()
    assert isinstance(said, dict)
    assert said["content"]


@settings(max_examples=80, deadline=None)
@given(replies)
def test_whatever_is_said_calls_nobody_and_formats_nothing(reply: Reply) -> None:
    made = card.card(reply)
    carried = [each.pop("behaviors") for each in tagged(made) if each["tag"] == "button"]
    assert len(carried) <= 10
    assert not CALL.search(json.dumps(made, ensure_ascii=False))
    for each in tagged(made):
        if each["tag"] == "markdown":
            assert not re.search(r"[!-/:-@\[-`{-~]", OURS.sub("", ENTITY.sub("", each["content"])))
            assert "****" not in each["content"].replace("**\n**", "")
    assert not CALL.search(json.dumps(card.post(reply), ensure_ascii=False))
    assert {each["tag"] for each in tagged(card.post(reply))} == {"text"}


@settings(max_examples=50, deadline=None)
@given(replies)
def test_what_fits_is_not_said_to_be_missing(reply: Reply) -> None:
    (said,) = card.post(reply).values()
    assert isinstance(said, dict)
    if request_bytes(card.post(reply)) < 20_000:
        assert "more lines do not fit" not in json.dumps(said)
        assert "行放不进" not in json.dumps(said, ensure_ascii=False)


@settings(max_examples=50, deadline=None)
@given(replies)
def test_nothing_invisible_and_nothing_that_turns_text_is_shown(reply: Reply) -> None:
    made = card.card(reply)
    for each in tagged(made):
        each.pop("behaviors", None)
    told = json.dumps([made, card.post(reply)], ensure_ascii=False).replace("\u200d", "").replace("\\n", "")
    assert not re.search(
        "[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]", told
    )


def test_a_card_of_a_task_is_read_at_a_glance() -> None:
    reply = Reply(
        title="hq · sync 12 · held",
        tone=Tone.WARN,
        blocks=(
            Line(text="3 people would lose access."),
            Line(text="Approve, or refuse."),
            Table(columns=("", "people", "departments"), rows=(("created", "1", "2"), ("left", "3", "·"))),
            Pairs(pairs=(("R&D", "3"), ("Sales", "1")), caption="by department"),
        ),
        buttons=(
            Button(label="Approve", command="sync approve 12", weight=Weight.DANGER),
            Button(label="Refuse", command="sync reject 12", weight=Weight.PRIMARY),
            Button(label="Details", command="record 12"),
        ),
        data=None,
        task="12",
    )
    made = drawn(reply)
    assert made["header"] == {"title": {"tag": "plain_text", "content": "hq · sync 12 · held"}, "template": "orange"}
    assert made["config"]["summary"] == {"content": "hq · sync 12 · held"}
    text, table, caption, places, row = made["body"]["elements"]
    assert text["text"]["content"] == "3 people would lose access.\nApprove, or refuse."
    assert [each["display_name"] for each in table["columns"]] == ["", "people", "departments"]
    assert table["rows"] == [{"c0": "created", "c1": "1", "c2": "2"}, {"c0": "left", "c1": "3", "c2": "·"}]
    assert caption["content"] == "**by department**"
    assert places["content"] == "**R&#38;D**  3\n**Sales**  1"
    shown_buttons = [column["elements"][0] for column in row["columns"]]
    assert [each["type"] for each in shown_buttons] == ["danger", "primary", "default"]
    assert shown_buttons[0]["behaviors"] == [
        {"type": "callback", "value": {"command": "sync approve 12", "lang": "en"}}
    ]


def test_a_card_for_one_person_knows_its_chat() -> None:
    made = card.card(a_reply(Line(text="x"), buttons=(Button(label="Help", command="help"),)), direct="oc_1")
    (button,) = vendor.buttons(vendor.check(made))
    behaviors: Any = button["behaviors"]
    config: Any = made["config"]
    assert config["enable_forward"] is False
    assert behaviors[0]["value"] == {"command": "help", "lang": "en", "direct": "oc_1"}


@pytest.mark.parametrize(
    ("tone", "template"), [(Tone.GOOD, "green"), (Tone.PLAIN, "blue"), (Tone.WARN, "orange"), (Tone.BAD, "red")]
)
def test_the_head_has_the_colour_of_the_tone(tone: Tone, template: str) -> None:
    assert drawn(Reply(blocks=(Line(text="x"),), data=None, title="T", tone=tone))["header"]["template"] == template


def test_without_a_title_the_first_line_is_the_head() -> None:
    made = drawn(a_reply(Line(text="Five sources."), Pairs(pairs=(("hq", "enabled"),))))
    assert made["header"]["title"]["content"] == "Five sources."
    assert [each["content"] for each in made["body"]["elements"]] == ["**hq**  enabled"]


def test_a_single_line_has_no_head_above_it() -> None:
    made = drawn(a_reply(Line(text="hq: queued as task 12.", tone=Tone.GOOD)))
    assert "header" not in made
    (line,) = made["body"]["elements"]
    assert line["text"] == {"tag": "plain_text", "content": "✅ hq: queued as task 12.", "text_color": "green"}
    assert made["config"]["summary"] == {"content": "hq: queued as task 12."}


def test_a_reply_of_nothing_is_still_a_card() -> None:
    assert elements(a_reply())[0]["text"]["content"] == "Rollcall"
    assert card.post(a_reply()) == {"en_us": {"title": "", "content": [[{"tag": "text", "text": "Rollcall"}]]}}


def test_a_wide_table_becomes_lines_on_a_phone() -> None:
    columns = ("task", "status", "asked by", "started", "changes")
    row = ("12", "applied", "an admin of the company", "2026-11-22 12:00", "+3 ~2")
    reply = a_reply(Table(columns=columns, rows=(row,)))
    names, rows = elements(reply)
    assert names["text"]["content"] == "task · status · asked by · started · changes"
    assert shown(reply).endswith("**12** · applied · an admin of the company · 2026-11-22 12:00 · +3 ~2")
    assert rows["tag"] == "markdown"


def test_a_column_in_which_nothing_stands_is_left_out_and_a_gap_is_shown() -> None:
    columns = ("entry", "name", "English name", "title", "departments", "state")
    rows = (("e1", "Ann", "", "", "R&D", "active"), ("e2", "Bob", "", "Chef", "", "active"))
    text = shown(a_reply(Table(columns=columns, rows=rows)))
    assert "entry · name · title · departments · state" in text
    assert "**e1** · Ann · – · R&D · active\n**e2** · Bob · Chef · – · active" in text


def test_chinese_counts_double_in_the_width_of_a_table() -> None:
    assert elements(a_reply(Table(columns=("a", "b"), rows=(("x" * 30, "y"),))), "table")
    assert not elements(a_reply(Table(columns=("a", "b"), rows=(("研" * 30, "y"),))), "table")


def test_of_many_tables_five_stay_tables() -> None:
    reply = a_reply(*(Table(columns=("a", "b"), rows=(("1", str(n)),)) for n in range(8)))
    assert [each["tag"] for each in elements(reply)].count("table") == 5
    assert "**1** · 7" in shown(reply)


def test_of_a_plan_of_a_hundred_thousand_rows_some_are_shown_and_the_rest_is_pointed_to() -> None:
    rows = tuple((f"person {n}", "leaves") for n in range(100_000))
    reply = a_reply(Table(columns=("who", "what"), rows=rows), title="plan", task="12")
    (table,) = elements(reply, "table")
    last = elements(reply)[-1]["text"]["content"]
    assert len(table["rows"]) > 200
    assert last.startswith(f"{100_000 - len(table['rows'])} more lines")
    assert "`record 12`" in last
    (said,) = card.post(reply).values()
    assert isinstance(said, dict)
    assert f"{100_000 + 1 - (len(said['content']) - 1)} more lines" in said["content"][-1][0]["text"]


def test_once_something_is_left_out_all_that_follows_is_but_the_buttons_stay() -> None:
    long = Pairs(pairs=tuple((f"label {n}", "v" * 900) for n in range(60)))
    reply = a_reply(long, Line(text="the end"), buttons=(Button(label="More", command="record 12"),))
    assert "the end" not in shown(reply)
    assert "Ask for less at a time" in shown(reply)
    assert elements(reply)[-1]["tag"] == "column_set"


def test_a_command_that_cannot_be_carried_whole_is_no_button() -> None:
    reply = a_reply(Line(text="x"), buttons=(Button(label="a", command="x" * 501), Button(label="b", command="a\nb")))
    assert not elements(reply, "column_set")


def test_hostile_text_is_shown_as_it_is_without_meaning() -> None:
    name = "<at id=all></at> [free](http://evil.example) **bold** `x`"
    reply = a_reply(Pairs(pairs=(("name", name),)), Line(text=name), Table(columns=("who",), rows=((name,),)))
    assert "[free](http://evil.example) **bold** `x`" in shown(reply)
    assert not CALL.search(json.dumps(drawn(reply)))
    pair = elements(reply, "markdown")[0]["content"]
    assert "&#91;free&#93;&#40;http&#58;&#47;&#47;evil&#46;example&#41;" in pair


def test_a_text_without_end_is_cut_into_lines_that_are_counted() -> None:
    reply = a_reply(Line(text="x" * 64_000), Line(text="the end"))
    text, rest = elements(reply)
    lines = text["text"]["content"].split("\n")
    assert {len(each) for each in lines} == {2000}
    assert rest["text"]["content"].startswith(f"{32 + 1 - len(lines)} more lines")


def test_usage_stays_readable() -> None:
    assert "sync now <source>" in shown(a_reply(Line(text="sync now <source>"), Line(text="help", tone=Tone.GOOD)))


def test_in_words_a_button_is_what_to_type() -> None:
    approve = Button(label="Approve", command="sync approve 12")
    reply = Reply(title="T", blocks=(Line(text="x", tone=Tone.BAD),), data=None, buttons=(approve,), lang=Lang.ZH)
    assert card.post(reply) == {
        "zh_cn": {
            "title": "T",
            "content": [[{"tag": "text", "text": "❌ x"}], [{"tag": "text", "text": "Approve：输入 sync approve 12"}]],
        }
    }
