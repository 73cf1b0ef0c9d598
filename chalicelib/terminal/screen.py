"""Show replies: blocks with rich for people, one JSON document for programs."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from chalicelib.core.reply import Block, Line, Pairs, Reply, Table, Tone

# Chinese may be folded anywhere, and is.
_UNTORN = re.compile(r"[!-~]+")
STYLES = {Tone.GOOD: "green", Tone.PLAIN: "", Tone.WARN: "yellow", Tone.BAD: "bold red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    out: Console
    as_json: bool
    errors: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))

    def show(self, reply: Reply, *, to_errors: bool = False, as_text: bool = False) -> None:
        """Print a reply; an error goes to standard error, but as JSON always to standard output.

        `as_text`: it is for whoever sits there, beside the document.
        """
        if self.as_json and not as_text:
            self.out.file.write(json.dumps(reply.data, ensure_ascii=False, indent=2) + "\n")
            return
        console = self.errors if to_errors or as_text else self.out
        if reply.title:
            console.print(Text(_safe(reply.title), style=f"bold {STYLES[reply.tone]}".strip()))
        for block in reply.blocks:
            _print(console, block)
        if reply.link is not None:
            console.print(Text(f"{_safe(reply.link.label)}: {_safe(reply.link.url)}"))

    def tell(self, block: Block) -> None:
        """Show what is known already, before the rest is."""
        _print(self.out, block)

    def ask(self, question: str) -> None:
        """Put a question; the answer is typed behind it."""
        self.errors.print(Text(question, style="bold"), end="")

    def note(self, text: str) -> None:
        """Say something beside the answer."""
        self.errors.print(Text(text, style="dim"))


def _print(console: Console, block: Block) -> None:
    # Text(), not str: a person's name may look like rich's markup.
    match block:
        case Line(text=text, tone=tone):
            console.print(Text(_safe(text), style=STYLES[tone]))
        case Table(columns=columns, rows=rows, caption=caption):
            table = RichTable(box=box.SIMPLE_HEAD, title=_title(caption), title_justify="left", pad_edge=False)
            for column in columns:
                table.add_column(column, overflow="fold")
            for row in rows:
                table.add_row(*(Text(_safe(cell)) for cell in row))
            console.print(table)
        case Pairs(pairs=pairs, caption=caption):
            if caption:
                console.print(_title(caption))
            _print_pairs(console, [(_safe(label), _safe(value)) for label, value in pairs])


def _print_pairs(console: Console, pairs: Sequence[tuple[str, str]]) -> None:
    """Print values beside their labels, or below them where long labels leave too little room.

    No name or address is torn: they are there to be copied.
    """
    column = max((cell_len(label) for label, _ in pairs), default=0)
    room = console.width - column - 1
    is_torn = any(len(word) > room for _, value in pairs for word in _UNTORN.findall(value))
    is_below = is_torn and column > console.width // 2
    for label, value in pairs:
        lines = value.splitlines() if is_below else list(_folded(console, value, room))
        if is_below:
            console.print(Text(label, style="dim"))
        for nth, line in enumerate(lines or [""]):
            head = "  " if is_below else set_cell_size(label if nth == 0 else "", column + 1)
            console.print(Text.assemble((head, "dim"), line), soft_wrap=True)


def _folded(console: Console, text: str, room: int) -> Iterator[str]:
    for line in text.splitlines():
        if all(len(word) <= room for word in _UNTORN.findall(line)):
            yield from (each.plain.rstrip() for each in Text(line).wrap(console, room))
        else:
            yield from textwrap.wrap(line, max(1, room), break_long_words=False, break_on_hyphens=False)


def _title(caption: str) -> Text | None:
    return Text(_safe(caption), style="italic") if caption else None


def _safe(text: str) -> str:
    """Take control characters out, so that a value cannot drive the terminal."""
    return "".join(each for each in text if each == "\n" or each.isprintable())
