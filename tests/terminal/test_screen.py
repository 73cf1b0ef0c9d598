from __future__ import annotations

import io
import json

import pytest
from rich.cells import cell_len
from rich.console import Console

from chalicelib.core.reply import Block, Line, Pairs, Reply, Table, Tone
from chalicelib.terminal.screen import Screen

ODD = ["[bold]x[/bold]", "[/]", "[link=file:///etc/passwd]y[/link]", ":smile:", "a\\[b"]
DANGEROUS = ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\u202egnp.exe", "\r", "\x00", "\u200b"]


def shown(*blocks: Block, as_json: bool = False, data: object = None, to_errors: bool = False) -> tuple[str, str]:
    """What stands on standard output, and what on standard error."""
    out, errors = (Console(file=io.StringIO(), width=100, highlight=False, force_terminal=False) for _ in range(2))
    reply = Reply(blocks=blocks, data=data)  # type: ignore[arg-type]  # anything that JSON has
    Screen(out=out, errors=errors, as_json=as_json).show(reply, to_errors=to_errors)
    return tuple(each.file.getvalue() for each in (out, errors))  # type: ignore[attr-defined]  # StringIO


def everywhere(text: str) -> tuple[Block, ...]:
    return (
        Line(text=text, tone=Tone.WARN),
        Table(columns=("a",), rows=((text,),)),
        Pairs(pairs=(("label", text), (text, "value"))),
    )


@pytest.mark.parametrize("text", ODD)
def test_what_looks_like_markup_is_shown_as_it_is(text: str) -> None:
    out, _ = shown(*everywhere(text))
    assert out.count(text) == 4


@pytest.mark.parametrize("text", DANGEROUS)
def test_nothing_that_drives_a_terminal_gets_through(text: str) -> None:
    out, _ = shown(*everywhere(f"before{text}after"))
    assert not [each for each in out if not each.isprintable() and each != "\n"]


def test_a_caption_is_shown_as_it_is() -> None:
    out, _ = shown(
        Pairs(pairs=(("a" * 20, "b"),), caption="[red]hq"), Table(columns=("a" * 20,), rows=(), caption="[red]hq")
    )
    assert out.count("[red]hq") == 2


def test_an_error_stands_on_standard_error_but_as_json_on_standard_output() -> None:
    line = Line(text="no", tone=Tone.BAD)
    assert shown(line, to_errors=True) == ("", "no\n")
    out, errors = shown(line, to_errors=True, as_json=True, data={"error": {"code": "x"}})
    assert (json.loads(out), errors) == ({"error": {"code": "x"}}, "")


def test_a_document_of_any_width_is_not_broken_into_lines() -> None:
    out, _ = shown(as_json=True, data=["x" * 5000, "[bold]", "王"])
    assert json.loads(out) == ["x" * 5000, "[bold]", "王"]


def test_a_note_stands_beside_the_answer() -> None:
    errors = Console(file=io.StringIO(), width=100)
    Screen(out=Console(file=io.StringIO()), errors=errors, as_json=True).note("[red]note")
    assert errors.file.getvalue() == "[red]note\n"  # type: ignore[attr-defined]  # StringIO


LABEL = "Events & Callbacks, Event configuration: request URL, which is long"
ADDRESS = "https://rollcall.example.com/callbacks/hq/events"


def test_a_value_that_is_there_to_be_copied_is_never_torn() -> None:
    out, _ = shown(Pairs(pairs=((LABEL, ADDRESS), ("b", "one\ntwo")), caption="to copy"))
    assert out.splitlines() == ["to copy", LABEL, f"  {ADDRESS}", "b", "  one", "  two"]


def test_what_is_longer_than_its_room_has_a_line_of_its_own_beside_its_label() -> None:
    out, _ = shown(Pairs(pairs=(("tried", f"opened {ADDRESS * 3} and waited"), ("do", "look"))))
    assert out.splitlines() == ["tried opened", f"      {ADDRESS * 3}", "      and waited", "do    look"]


def test_what_may_be_folded_stands_beside_its_label() -> None:
    out, _ = shown(Pairs(pairs=((LABEL, "以下内容可在任意位置换行" * 9), ("b", "three words here " * 9), ("c", ""))))
    lines = out.splitlines()
    assert all(line.startswith((f"{LABEL} ", "b ", "c", " " * len(LABEL))) for line in lines)
    assert max(map(cell_len, lines)) <= 100
    assert lines[-1].strip() == "c"
