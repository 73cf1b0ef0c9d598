"""A Reply as Card JSON 2.0, or as plain text where cards are refused.

Everything a reply says is foreign text to this renderer. Where Lark has plain text, it stays plain; where only markdown
looks well, every character that markdown could mean something by becomes its number (`&#42;`), as the vendor's page on
escaping asks. Whom a text calls is decided by tags, so none survives in either.

Cards are read on phones: a table that would not fit the width becomes lines.

Source: Feishu, "Card JSON 2.0 structure", and the pages of its components; "Rich text: escaping special characters".
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, groupby, islice
from typing import Final

from chalicelib.core.catalogue import Lang, say
from chalicelib.core.reply import Block, Button, Line, Link, Pairs, Reply, Table, Tone, Weight

Json = dict[str, object]

# Of 30 KB, which styles fill faster than their JSON; counted as they stand in a request, a string within a string.
LARGEST_BYTES: Final = 27 * 1024
MOST_ELEMENTS: Final = 180
MOST_TABLES: Final = 5
MOST_ROWS_A_PAGE: Final = 10
MOST_BUTTONS: Final = 10
LONGEST_TITLE: Final = 100
LONGEST_TEXT: Final = 100_000
LONGEST_LINE: Final = 2000
LONGEST_VALUE: Final = 1000
LONGEST_CELL: Final = 200
LONGEST_LABEL: Final = 60
LONGEST_COMMAND: Final = 500
# The shortest rows of which no more fit than these.
MOST_PIECES: Final = 3000
# What a phone shows beside each other, in halves of a Chinese character.
NARROW: Final = 40
MOST_NARROW_COLUMNS: Final = 4

_HEADS: Final = {Tone.GOOD: "green", Tone.PLAIN: "blue", Tone.WARN: "orange", Tone.BAD: "red"}
_COLOURS: Final = {Tone.GOOD: "green", Tone.WARN: "orange", Tone.BAD: "red"}
_MARKS: Final = {Tone.GOOD: "✅ ", Tone.PLAIN: "", Tone.WARN: "⚠️ ", Tone.BAD: "❌ "}
_WEIGHTS: Final = {Weight.PLAIN: "default", Weight.PRIMARY: "primary", Weight.DANGER: "danger"}
# Joins the parts of one emoji, and does nothing else.
_JOINER: Final = "\u200d"
_GONE: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
_MEANS_SOMETHING: Final = re.compile(r"[!-/:-@\[-`{-~]")
_URL: Final = re.compile(r"https?://[A-Za-z0-9._~:/%\[\]-]{1,500}")
_CALLS: Final = re.compile(r"<(?=\s*/?\s*at\b)", re.IGNORECASE)
_ROOM_FOR_THE_REST: Final = 900
_ABOUT_AN_ELEMENT: Final = 260


def card(reply: Reply, *, direct: str = "") -> Json:
    """Draw a card within the vendor's limits.

    `direct` is the chat that only one person reads, or that person's id; such a card is not to be forwarded, for it may
    show what others are not to see. Its buttons carry the id, so that a press is known to come from there.
    """
    head, blocks = _headed(reply)
    body = _Body(reply)
    row = _button_row(reply, direct)
    body.reserve(row)
    for block in blocks:
        body.add(block)
    elements = [*body.elements, *body.rest(), *row]
    if not elements:
        elements, head = [_plain(head or "Rollcall")], ""
    shown: Json = {
        "schema": "2.0",
        "config": {
            "update_multi": True,
            "width_mode": "fill",
            "enable_forward": not direct,
            "summary": {"content": clean(summary(reply), LONGEST_TITLE)},
        },
    }
    if head:
        shown["header"] = {"title": _text(head), "template": _HEADS[reply.tone]}
    return {**shown, "body": {"direction": "vertical", "elements": elements}}


def post(reply: Reply) -> Json:
    """Write the same as a message of plain text, within the same limits; buttons become words to type."""
    head, blocks = _headed(reply)
    total = sum(map(_count, blocks))
    lines = list(islice((line for block in blocks for line in _spoken(block)), MOST_PIECES))
    typed = [_run(_typed(each, reply.lang)) for each in reply.buttons[:MOST_BUTTONS] if is_pressable(each)]
    typed = [*_anchor(reply.link), *typed]
    room = LARGEST_BYTES - sum(_size([run]) for run in typed) - _ROOM_FOR_THE_REST
    count = sum(size <= room for size in accumulate(_size([_run(line)]) for line in lines))
    missing = max(total, len(lines)) - count
    rest = [_shortened(reply, missing)] if missing else []
    said = [*map(_run, [*lines[:count], *rest]), *typed] or [_run(head or "Rollcall")]
    shown = {"title": head, "content": [[run] for run in said]}
    return {"zh_cn" if reply.lang is Lang.ZH else "en_us": shown}


def summary(reply: Reply) -> str:
    """Name a reply in the list of chats: its title, or its first line."""
    first = next((each.text for each in reply.blocks if isinstance(each, Line)), "")
    return reply.title or first.strip().partition("\n")[0] or "Rollcall"


def is_pressable(button: Button) -> bool:
    """Tell whether a command can be carried whole: one that was cut is another one."""
    return 0 < len(button.command.strip()) <= LONGEST_COMMAND and button.command.isprintable()


def dumped(shown: Json) -> str:
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))


def clean(text: str, longest: int) -> str:
    """Take out what cannot be seen, drives a screen, turns the direction of text or calls somebody; cut it short."""
    lines = text[: 4 * longest].splitlines() or [""]
    kept = "\n".join("".join(map(_visible, line)).strip() for line in lines).strip("\n")
    kept = _CALLS.sub("＜", kept)
    return kept if len(kept) <= longest else kept[: longest - 1].rstrip() + "…"


def _lines(text: str) -> list[str]:
    """Break a text into lines, and lines without end into pieces; so what does not fit can be counted."""
    lines = text[:LONGEST_TEXT].splitlines() or [""]
    starts = ((line, at) for line in lines for at in range(0, max(len(line), 1), LONGEST_LINE))
    return [clean(line[at : at + LONGEST_LINE], LONGEST_LINE) for line, at in starts]


def flat(text: str, longest: int) -> str:
    """Make text one clean line."""
    return " ".join(clean(text, longest).split())


def escaped(text: str) -> str:
    """Make text mean nothing to markdown."""
    return _MEANS_SOMETHING.sub(lambda found: f"&#{ord(found[0])};", text)


# --- what a card has


@dataclass(slots=True)
class _Body:
    """Elements, as long as there is room for more; what did not fit is counted, in lines."""

    reply: Reply
    elements: list[Json] = field(default_factory=list)
    left: int = LARGEST_BYTES - _ROOM_FOR_THE_REST - 1500
    tags: int = MOST_ELEMENTS - 4
    tables: int = MOST_TABLES
    missing: int = 0

    def reserve(self, row: Sequence[Json]) -> None:
        self.left -= sum(map(_size, row))
        self.tags -= _tags(row)

    def add(self, block: Block | tuple[Line, ...]) -> None:
        match block:
            case Pairs(pairs=pairs, caption=caption):
                self._caption(caption)
                self._fill([_pair(label, value) for label, value in pairs[:MOST_PIECES]], _markdown, 1)
                self.missing += len(pairs[MOST_PIECES:])
            case Table(caption=caption):
                self._caption(caption)
                columns, rows = _used(block)
                is_named = any(map(str.strip, columns))
                if self.tables and is_named and _is_narrow(columns, rows):
                    self.tables -= 1
                    cells = [{f"c{at}": _cell(each) for at, each in enumerate(row)} for row in rows]
                    self._fill(cells, lambda taken: _table(columns, taken), 1, _size(_table(columns, [])))
                else:
                    names = " · ".join(flat(each, LONGEST_LABEL) or "–" for each in columns)
                    self._fill(
                        [names] if is_named and rows else [],
                        lambda taken: _plain(*taken, colour="grey"),
                        2,
                    )
                    self._fill([_wide(row, gaps=is_named) for row in rows], _markdown, 1)
                self.missing += len(block.rows[MOST_PIECES:])
            case Line():
                self.add((block,))
            case _:
                colour = _COLOURS.get(block[0].tone, "")
                lines = [line for each in block for line in _marked(each)]
                self._fill(lines, lambda taken: _plain(*taken, colour=colour), 2)

    def rest(self) -> list[Json]:
        """Say what is missing, and how to see it."""
        return [_plain(_shortened(self.reply, self.missing), colour="grey")] if self.missing else []

    def _caption(self, caption: str) -> None:
        text = flat(caption, LONGEST_CELL)
        self._fill([f"**{escaped(text)}**"] if text else [], _markdown, 1)

    def _fill(
        self, pieces: Sequence[object], make: Callable[[Sequence[object]], Json], tags: int, head: int = 0
    ) -> None:
        """Make one element of as many pieces as there is room for; once something is missing, all that follows is."""
        if not pieces:
            return
        room = self.left - head - _ABOUT_AN_ELEMENT
        sizes = accumulate(_size(piece) for piece in pieces)
        count = 0 if self.missing or self.tags < tags else sum(size <= room for size in sizes)
        if count:
            element = make(pieces[:count])
            self.elements.append(element)
            self.left -= _size(element)
            self.tags -= tags
        self.missing += len(pieces) - count


def _headed(reply: Reply) -> tuple[str, Sequence[Block | tuple[Line, ...]]]:
    """Choose a head, and gather lines of one tone; a line that is the head is not said twice.

    A reply of a single line has no head: it would be nothing else.
    """
    blocks = list(reply.blocks)
    head = flat(reply.title, LONGEST_TITLE)
    first = blocks[0] if blocks else None
    if not head and isinstance(first, Line) and len(blocks) + bool(reply.buttons) > 1:
        line = clean(first.text, LONGEST_LINE)
        if "\n" not in line and len(line) <= LONGEST_TITLE:
            head = flat(first.text, LONGEST_TITLE)
            blocks = blocks[1:] if head else blocks
    gathered: list[Block | tuple[Line, ...]] = []
    for tone, group in groupby(blocks, lambda each: each.tone if isinstance(each, Line) else None):
        if tone is None:
            gathered += group
        else:
            gathered.append(tuple(each for each in group if isinstance(each, Line)))
    return head, gathered


def _button_row(reply: Reply, direct: str) -> list[Json]:
    pressed = [_button(each, reply.lang, direct) for each in reply.buttons if is_pressable(each)][:MOST_BUTTONS]
    buttons = [*_opener(reply.link), *pressed]
    if not buttons:
        return []
    columns = [{"tag": "column", "width": "auto", "elements": [each]} for each in buttons]
    return [{"tag": "column_set", "flex_mode": "flow", "horizontal_spacing": "8px", "columns": columns}]


def _button(button: Button, lang: Lang, direct: str) -> Json:
    value: Json = {"command": button.command, "lang": lang.value}
    if direct:
        value["direct"] = direct
    return {
        "tag": "button",
        "text": _text(flat(button.label, LONGEST_LABEL) or flat(button.command, LONGEST_LABEL)),
        "type": _WEIGHTS[button.weight],
        "behaviors": [{"type": "callback", "value": value}],
    }


def _opener(link: Link | None) -> Iterator[Json]:
    """Draw a button that opens a page; nothing is sent to us when it is pressed."""
    if link is not None and _URL.fullmatch(link.url):
        yield {
            "tag": "button",
            "text": _text(flat(link.label, LONGEST_LABEL)),
            "type": _WEIGHTS[Weight.PRIMARY],
            "behaviors": [{"type": "open_url", "default_url": link.url}],
        }


def _anchor(link: Link | None) -> Iterator[Json]:
    if link is not None and _URL.fullmatch(link.url):
        yield {"tag": "a", "text": flat(link.label, LONGEST_LABEL), "href": link.url}


def _text(content: str) -> Json:
    return {"tag": "plain_text", "content": content}


def _plain(*lines: object, colour: str = "") -> Json:
    text = _text("\n".join(map(str, lines)))
    return {"tag": "div", "text": {**text, "text_color": colour} if colour else text}


def _markdown(lines: Sequence[object]) -> Json:
    return {"tag": "markdown", "content": "\n".join(map(str, lines))}


def _pair(label: str, value: str) -> str:
    named, told = escaped(flat(label, LONGEST_LABEL)), escaped(clean(value, LONGEST_VALUE) or "–")
    return f"**{named}**  {told}" if named else told


def _wide(row: Sequence[str], *, gaps: bool) -> str:
    """Say a row in a line. Where nothing names the columns, an empty cell leaves no gap."""
    first, *others = [escaped(_cell(each)) for each in row] or [""]
    if not others:
        return first or "–"
    return " · ".join((f"**{first or '–'}**", *(each or "–" for each in others if each or gaps)))


def _table(columns: Sequence[str], rows: Sequence[object]) -> Json:
    heads = [
        {"name": f"c{at}", "display_name": flat(each, LONGEST_LABEL), "data_type": "text", "width": "auto"}
        for at, each in enumerate(columns)
    ]
    size = max(1, min(len(rows), MOST_ROWS_A_PAGE))
    return {"tag": "table", "page_size": size, "row_height": "low", "columns": heads, "rows": list(rows)}


def _cell(text: str) -> str:
    return flat(text, LONGEST_CELL)


def _used(table: Table) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Leave out the columns in which nothing stands, and the rows that cannot fit whatever they hold."""
    rows = table.rows[:MOST_PIECES]
    used = sorted({at for row in rows for at, cell in enumerate(row) if cell.strip()})
    return [table.columns[at] for at in used if at < len(table.columns)], [
        [row[at] for at in used if at < len(row)] for row in rows
    ]


def _is_narrow(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    if not 1 <= len(columns) <= MOST_NARROW_COLUMNS or not rows or any(len(row) > len(columns) for row in rows):
        return False
    widths = (max(_width(row[at]) for row in (columns, *rows) if at < len(row)) for at in range(len(columns)))
    return sum(widths) <= NARROW


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text[: NARROW + 1])


# --- the same in words


def _count(block: Block | tuple[Line, ...]) -> int:
    match block:
        case Pairs(pairs=pairs, caption=caption):
            return len(pairs) + bool(flat(caption, LONGEST_CELL))
        case Table(rows=rows, caption=caption):
            return len(rows) + bool(flat(caption, LONGEST_CELL)) + any(each.strip() for each in _used(block)[0])
        case Line(text=text):
            return len(_lines(text))
        case _:
            return sum(map(_count, block))


def _spoken(block: Block | tuple[Line, ...]) -> Iterator[str]:
    match block:
        case Pairs(pairs=pairs, caption=caption):
            yield from filter(None, [flat(caption, LONGEST_CELL)])
            yield from (f"{flat(label, LONGEST_LABEL)}: {clean(value, LONGEST_VALUE) or '–'}" for label, value in pairs)
        case Table(caption=caption):
            columns, rows = _used(block)
            yield from filter(None, [flat(caption, LONGEST_CELL)])
            if any(each.strip() for each in columns):
                yield " · ".join(flat(each, LONGEST_LABEL) or "–" for each in columns)
            gaps = any(each.strip() for each in columns)
            yield from (" · ".join(_cell(each) or "–" for each in row if gaps or each.strip()) or "–" for row in rows)
        case Line():
            yield from _marked(block)
        case _:
            for each in block:
                yield from _spoken(each)


def _marked(line: Line) -> list[str]:
    """Give the lines of a text, with a mark for those who do not see its colour."""
    first, *others = _lines(line.text)
    return [_MARKS[line.tone] + first if first else first, *others]


def _typed(button: Button, lang: Lang) -> str:
    label = flat(button.label, LONGEST_LABEL)
    return f"{label}：输入 {button.command}" if lang is Lang.ZH else f"{label}: type {button.command}"


def _run(text: str) -> Json:
    return {"tag": "text", "text": _CALLS.sub("＜", text)}


def _shortened(reply: Reply, lines: int) -> str:
    if reply.task is not None:
        told = say("reply about a task is shortened", reply.lang, {"lines": lines, "task": reply.task})
    else:
        told = say("reply is shortened", reply.lang, {"lines": lines})
    return clean(told, LONGEST_LINE)


# --- measures


def _visible(letter: str) -> str:
    if letter == "\t":
        return " "
    return letter if letter == _JOINER or unicodedata.category(letter) not in _GONE else ""


def _size(piece: object) -> int:
    """Measure as it will stand in a request: JSON, within a string of JSON, with a comma."""
    inner = json.dumps(piece, ensure_ascii=False, separators=(",", ":"))
    return len(json.dumps(inner, ensure_ascii=False).encode()) - 1


def _tags(elements: Iterable[object]) -> int:
    """Count whatever has a tag, as the vendor counts elements."""
    return sum(
        ("tag" in each) + _tags(each.values()) if isinstance(each, dict) else _tags(each)
        for each in elements
        if isinstance(each, dict | list)
    )
