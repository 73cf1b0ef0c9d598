"""A Reply as DingTalk's markdown: headings, bold and lines; it has no tables, and buttons become words to type.

Everything a reply says is foreign text to this renderer. How far the clients understand escapes is written nowhere, so
nothing is escaped: what could mean something is replaced by its wide twin, which means nothing, looks alike, and folds
back to the same character (NFKC).

Source: DingTalk, "Robot message types: markdown".
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Final

from chalicelib.core.catalogue import Lang, say
from chalicelib.core.reply import Block, Button, Line, Link, Pairs, Reply, Table, Tone

# `msgParam` may have as many bytes; a webhook takes no less.
LARGEST_BYTES: Final = 15_000
BREAK: Final = "  \n  "
MARKS: Final = {Tone.GOOD: "✅", Tone.PLAIN: "", Tone.WARN: "⚠️", Tone.BAD: "❌"}
LONGEST_LINE_BYTES: Final = 3000
LONGEST_LABEL_BYTES: Final = 300
LONGEST_TITLE: Final = 100
LONGEST_COMMAND: Final = 300
# Of one text; nobody reads more, and a line may hold several.
LONGEST_TEXT: Final = 1000

_WIDER: Final = 0xFEE0
# A backtick only quotes here: a plain quote does as well.
_IN_COMMANDS: Final = str.maketrans({each: chr(ord(each) + _WIDER) for each in "*~[]<>|\\&@"} | {"`": "'"})
_TWINS: Final = {**_IN_COMMANDS, ord("_"): "＿"}
_SCHEME = re.compile(r":(?=//)")
# What looks like the name of a host becomes a link in some clients; not with a joiner of no width in it.
_HOST = re.compile(r"(?<=[^\W_])\.(?=[^\W\d_]{2})")
_JOINER: Final = "\u2060"
# What begins a heading, a quote, a list or an underline.
_FIRST = re.compile(r"([#>+=-])|([0-9]{1,9})([.)])(?=\s|$)")
_URL = re.compile(r"https?://[A-Za-z0-9._~:/%\[\]-]{1,500}")
_SPACES = re.compile(r"\s+")
# What stands in a cell of a grid for none.
_NOTHING: Final = frozenset(("", "·", "–"))
# Controls, halves of surrogates, private and unassigned characters; of the invisible ones all but those in emojis.
_GONE: Final = frozenset({"Cc", "Cs", "Co", "Cn"})
_IN_EMOJIS: Final = frozenset("\u200d\ufe0e\ufe0f")


@dataclass(frozen=True, slots=True)
class Words:
    """What a reply gives to read, a line each; `more` lines beyond them could not fit anywhere."""

    lines: Sequence[str]
    more: int


def markdown(reply: Reply) -> tuple[str, str]:
    """Render title and text; what is too large is left out at the end, and the text says so."""
    read = words(reply)
    named = _short(escaped(heading(reply)))
    title = named or _short(escaped(_first(reply))) or "Rollcall"
    if not any(read.lines):
        read, named = Words([], read.more), title
    head = "### " + " ".join(filter(None, (MARKS[reply.tone], named))) if named else ""
    presses = [typed(each, reply.lang) for each in reply.buttons if is_typable(each)]
    last = _within(LARGEST_BYTES // 2, [*linked(reply.link), *presses])
    room = LARGEST_BYTES - len(param(title, _joined(head, [], last)).encode()) - _json_bytes("\n\n")
    # In JSON a break and a line have the size that they will have in the whole.
    sizes = list(accumulate(_json_bytes(BREAK + line) for line in read.lines))
    if not read.more and (not sizes or sizes[-1] <= room):
        return title, _joined(head, read.lines, last)
    room -= _json_bytes(BREAK + shortened(reply, 10**9))
    count = sum(size <= room for size in sizes)
    left = shortened(reply, len(read.lines) - count + read.more)
    return title, _joined(head, [*read.lines[:count], left], last)


def param(title: str, text: str) -> str:
    """Make what DingTalk calls `msgParam` of a title and a text."""
    return json.dumps({"title": title, "text": text}, ensure_ascii=False)


def words(reply: Reply) -> Words:
    """Render what is to be read; a first line that is the heading is not said twice."""
    skipped = 1 if _is_headed_by_line(reply) else 0
    total = sum(map(_count, reply.blocks))
    lines: list[str] = []
    size = 0
    for line in islice((line for block in reply.blocks for line in _block(block)), skipped, None):
        if size > LARGEST_BYTES:
            break
        lines.append(cut(line, LONGEST_LINE_BYTES))
        size += _json_bytes(BREAK + lines[-1])
    return Words(lines, max(0, total - skipped - len(lines)))


def heading(reply: Reply) -> str:
    """Name a reply: its title, or its first line; "" for what says no more than one line, or begins with a long one."""
    return reply.title or (_first(reply) if _is_headed_by_line(reply) else "")


def typed(button: Button, lang: Lang) -> str:
    """Say what to type instead of pressing."""
    label = cut(escaped(button.label), LONGEST_LABEL_BYTES)
    command = _SCHEME.sub("：", _visible(button.command).translate(_IN_COMMANDS))
    return f"{label}：输入 `{command}`" if lang is Lang.ZH else f"{label}: type `{command}`"


def linked(link: Link | None) -> Iterator[str]:
    """Make a link of what leads to a page of ours."""
    if link is not None and _URL.fullmatch(link.url):
        yield f"[{cut(escaped(link.label), LONGEST_LABEL_BYTES)}]({link.url})"


def is_typable(button: Button) -> bool:
    """Tell whether a command can be shown whole: one that was cut is another one."""
    return 0 < len(button.command) <= LONGEST_COMMAND and bool(_visible(button.command).strip())


def shortened(reply: Reply, lines: int) -> str:
    """Say that lines are left out, and how to see them."""
    if reply.task is not None:
        return escaped(say("reply about a task is shortened", reply.lang, {"lines": lines, "task": reply.task}))
    return escaped(say("reply is shortened", reply.lang, {"lines": lines}))


def escaped(text: str) -> str:
    """Make text one line that no client takes for anything but text."""
    if len(text) > LONGEST_TEXT:
        text = text[:LONGEST_TEXT] + "…"
    text = _visible(text).translate(_TWINS)
    text = _HOST.sub("." + _JOINER, _SCHEME.sub("：", text))
    first = _FIRST.match(text)
    if first is None:
        return text
    at = first.start(1) if first[1] else first.start(3)
    return text[:at] + chr(ord(text[at]) + _WIDER) + text[at + 1 :]


def cut(text: str, most_bytes: int) -> str:
    """Shorten to so many bytes of UTF-8, between characters."""
    octets = text.encode()
    if len(octets) <= most_bytes:
        return text
    return octets[: most_bytes - len("…".encode())].decode(errors="ignore").rstrip() + "…"


def _is_headed_by_line(reply: Reply) -> bool:
    if reply.title or not reply.blocks or not isinstance(reply.blocks[0], Line):
        return False
    text = reply.blocks[0].text
    return len(text.splitlines()) <= 1 and len(text) <= LONGEST_TITLE and len(reply.blocks) + bool(reply.buttons) > 1


def _first(reply: Reply) -> str:
    match reply.blocks[0] if reply.blocks else None:
        case Line(text=text):
            return text
        case Table(caption=caption) | Pairs(caption=caption):
            return caption
    return ""


def _short(text: str) -> str:
    """Cut to what fits a title, between words where there are some."""
    if len(text) <= LONGEST_TITLE:
        return text
    kept = text[: LONGEST_TITLE - 1]
    return (kept.rpartition(" ")[0] or kept).rstrip() + "…"


def _count(block: Block) -> int:
    match block:
        case Line(text=text):
            return len(text.splitlines() or [""])
        case Pairs(pairs=pairs, caption=caption):
            return len(pairs) + bool(escaped(caption))
        case Table(rows=rows, caption=caption):
            return len(rows) + bool(escaped(caption)) + bool(_head(block))


def _block(block: Block) -> Iterator[str]:
    """Render a block; bold is short enough never to be cut open."""
    match block:
        case Line(text=text, tone=tone):
            for number, each in enumerate(text.splitlines() or [""]):
                mark = MARKS[tone] if number == 0 else ""
                yield f"{mark} {escaped(each)}" if mark else escaped(each)
        case Pairs(pairs=pairs, caption=caption):
            yield from _bold(caption)
            for label, value in pairs:
                told = " · ".join(escaped(each) for each in value.splitlines()) or "–"
                yield f"**{cut(escaped(label), LONGEST_LABEL_BYTES)}**: {told}" if escaped(label) else told
        case Table(rows=rows, caption=caption):
            yield from _bold(caption)
            head, used, is_grid = _head(block), _used(block), _is_grid(block)
            if head:
                yield head
            for row in rows:
                yield _grid_row(row, used) if is_grid else _row(row, used, has_head=bool(head))


def _used(table: Table) -> Mapping[int, str]:
    """Name the columns in which something stands, by their place."""
    most = max(map(len, table.rows), default=0)
    used = [at for at in range(most) if any(at < len(row) and row[at].strip() for row in table.rows)]
    return {at: escaped(table.columns[at]) if at < len(table.columns) else "" for at in used}


def _is_grid(table: Table) -> bool:
    """Tell whether a row's first cell names the row: each other one then needs the name of its column."""
    return len(table.columns) > 1 and not escaped(table.columns[0]) and all(map(escaped, table.columns[1:]))


def _head(table: Table) -> str:
    names = _used(table).values()
    is_named = any(names) and not _is_grid(table)
    return cut(" · ".join(name or "–" for name in names), LONGEST_LABEL_BYTES) if is_named else ""


def _row(row: Sequence[str], used: Mapping[int, str], *, has_head: bool) -> str:
    """Say a row in a line, its first cell bold. Where nothing names the columns, an empty cell is left out."""
    first, *others = [escaped(row[at]) if at < len(row) else "" for at in used] or [""]
    if not others:
        return first or "–"
    told = [each or "–" for each in others] if has_head else [each for each in others if each]
    return " · ".join((next(_bold(first), "–"), *told))


def _grid_row(row: Sequence[str], used: Mapping[int, str]) -> str:
    cells = [(used[at], escaped(row[at])) for at in used if 0 < at < len(row)]
    told = " · ".join(f"{name} {cell}" for name, cell in cells if cell not in _NOTHING) or "–"
    return f"{next(_bold(row[0] if row else ''), '–')}: {told}"


def _bold(text: str) -> Iterator[str]:
    if text := cut(escaped(text), LONGEST_LABEL_BYTES):
        yield f"**{text}**"


def _visible(text: str) -> str:
    """Leave out what cannot be seen, or turns around the text beside it; white space becomes single spaces."""
    text = _SPACES.sub(" ", text)
    if text.isascii() and text.isprintable():
        return text.strip()
    return "".join(filter(_is_visible, text)).strip()


def _is_visible(character: str) -> bool:
    category = unicodedata.category(character)
    return category not in _GONE and (category != "Cf" or character in _IN_EMOJIS)


def _within(most_bytes: int, lines: Sequence[str]) -> Sequence[str]:
    """Take the first lines that have as many bytes together."""
    sizes = accumulate(_json_bytes(BREAK + line) for line in lines)
    return [line for line, size in zip(lines, sizes, strict=True) if size <= most_bytes]


def _joined(head: str, lines: Sequence[str], last: Sequence[str]) -> str:
    return "\n\n".join(BREAK.join(part) for part in ([head] if head else [], lines, last) if part)


def _json_bytes(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode()) - 2
