"""The interactive card that docs/dingtalk-card.json installs: its parameters, and the names of its instances.

A parameter is text of at most 1 KB, so the words are spread over several of them. What does not fit is left out, and
the card says so.

Source: DingTalk, "Create and deliver a card".
"""

from __future__ import annotations

import base64
import hashlib
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chalicelib.connectors.dingtalk.markdown import (
    BREAK,
    MARKS,
    cut,
    escaped,
    heading,
    is_typable,
    linked,
    shortened,
    typed,
    words,
)
from chalicelib.core.catalogue import Lang
from chalicelib.core.reply import Button, Reply

TITLE: Final = "title"
STATUS: Final = "status"
NOTE: Final = "note"
MOST_LINES: Final = 8
MOST_BUTTONS: Final = 6
LONGEST_VALUE_BYTES: Final = 1000
LONGEST_LABEL: Final = 40
# What a button sends back; the template gives it the button's `_command`.
COMMAND: Final = "command"

LINES: Final = tuple(f"lines{number}" for number in range(1, MOST_LINES + 1))
BUTTONS: Final = tuple(f"button{number}" for number in range(1, MOST_BUTTONS + 1))
SHOWN, LABEL, SENDS = "_shown", "_label", "_command"
PARAMS: Final = (TITLE, STATUS, *LINES, *(each + part for each in BUTTONS for part in (SHOWN, LABEL, SENDS)), NOTE)

_TRACK = re.compile(r"rollcall\.(en|zh)\.(?:-\.([0-9a-f]{16})|([A-Za-z0-9_-]{1,180}))\.[0-9a-f]{24}")


def params(reply: Reply) -> Mapping[str, str]:
    """Fill every parameter: those of a button that is not there are empty, and it is hidden."""
    pressed = [each for each in reply.buttons if _fits(each)][:MOST_BUTTONS]
    others = [typed(each, reply.lang) for each in reply.buttons if each not in pressed and is_typable(each)]
    others = [each for each in (*linked(reply.link), *others) if len(each.encode()) <= LONGEST_VALUE_BYTES]
    filled = dict.fromkeys(PARAMS, "")
    named = cut(escaped(heading(reply)), LONGEST_VALUE_BYTES)
    filled |= {TITLE: named or "Rollcall", STATUS: MARKS[reply.tone] if named else ""}
    filled |= zip(LINES, _spread(reply, others), strict=False)
    filled |= dict.fromkeys((each + SHOWN for each in BUTTONS), "false")
    for name, button in zip(BUTTONS, pressed, strict=False):
        filled |= {name + SHOWN: "true", name + LABEL: _label(button), name + SENDS: button.command}
    return filled


@dataclass(frozen=True, slots=True)
class Track:
    """What a card's name tells: its language, and the group that it is in, or `whose` it is alone."""

    lang: Lang | None = None
    group: str = ""
    whose: str = ""

    def is_of(self, source: str, person: str) -> bool:
        """Tell whether it was posted to this person alone."""
        return bool(self.whose) and self.whose == _whose(source, person)


def track(once: str, source: str, chat: str, person: str, lang: Lang) -> str:
    """Name a card: the same for the same `once`. Its place and language come back with every press."""
    place = base64.urlsafe_b64encode(chat.encode()).decode().rstrip("=") or f"-.{_whose(source, person)}"
    return f"rollcall.{lang}.{place}.{hashlib.sha256(f'{source} {once}'.encode()).hexdigest()[:24]}"


def tracked(card: str) -> Track:
    """Read a card's name; one that we did not give tells nothing."""
    found = _TRACK.fullmatch(card)
    if found is None:
        return Track()
    lang, whose, place = Lang(found[1]), found[2] or "", found[3] or ""
    try:
        group = base64.urlsafe_b64decode(place + "=" * (-len(place) % 4)).decode()
    except ValueError:
        return Track()
    return Track(lang=lang, group=group, whose=whose) if group or whose else Track()


def _whose(source: str, person: str) -> str:
    return hashlib.sha256(f"{source} {person}".encode("utf-8", "replace")).hexdigest()[:16]


def _fits(button: Button) -> bool:
    """Tell whether a button's command goes into a parameter whole: a command that was cut is another one."""
    return 0 < len(button.command.encode("utf-8", "replace")) <= LONGEST_VALUE_BYTES and button.command.isprintable()


def _label(button: Button) -> str:
    return escaped(button.label)[:LONGEST_LABEL].strip() or escaped(button.command)[:LONGEST_LABEL]


def _spread(reply: Reply, last: Sequence[str]) -> Sequence[str]:
    """Put a reply's lines into as many values as there are, those of `last` in any case."""
    read = words(reply)
    lines = [cut(line, LONGEST_VALUE_BYTES) for line in read.lines]

    def packed(count: int) -> list[str]:
        more = len(lines) - count + read.more
        return _packed([*lines[:count], *([shortened(reply, more)] if more else []), *last])

    if len(whole := packed(len(lines))) <= MOST_LINES:
        return whole
    count = bisect_right(range(len(lines)), MOST_LINES, key=lambda count: len(packed(count)))
    return packed(max(0, count - 1))[:MOST_LINES]


def _packed(lines: Sequence[str]) -> list[str]:
    values: list[str] = []
    for line in lines:
        joined = f"{values[-1]}{BREAK}{line}" if values else line
        if values and len(joined.encode()) <= LONGEST_VALUE_BYTES:
            values[-1] = joined
        else:
            values.append(line)
    return values
