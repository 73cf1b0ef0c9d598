"""What people are answered, free of any chat: blocks to read, buttons to press.

A side renders it: a card, markdown, coloured text. Cells and lines are plain text; whoever renders them makes them
harmless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from chalicelib.core.catalogue import Lang


class Tone(StrEnum):
    GOOD = "good"
    PLAIN = "plain"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`caption` stands above; cells are plain text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Labels and values, one below the other."""

    pairs: tuple[tuple[str, str], ...]
    caption: str = ""


Block = Line | Table | Pairs
Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]


class Weight(StrEnum):
    PLAIN = "plain"
    PRIMARY = "primary"
    DANGER = "danger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """Pressing it is typing `command`; where nothing can be pressed, the command is shown to be typed."""

    label: str
    command: str
    weight: Weight = Weight.PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Opens a page in a browser; `url` is one of ours, never anybody else's."""

    label: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer: blocks to read, and the same as one JSON document. `task` is the one it started or is about.

    `title` is a card's head; without one the first line is. `link` is never left out where something must be. `lang` is
    that of the blocks. What `failed` is no success; the terminal says so by its exit status.
    """

    blocks: tuple[Block, ...]
    data: Json
    tone: Tone = Tone.PLAIN
    task: str | None = None
    title: str = ""
    buttons: tuple[Button, ...] = ()
    link: Link | None = None
    lang: Lang = Lang.EN
    failed: bool = False
