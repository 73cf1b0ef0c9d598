"""What the picture of a source is, read from its first bytes; no picture is ever decoded."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from chalicelib.core.errors import MalformedError

LEAST_PIXELS: Final = 240
MOST_KB: Final = 120

_KB: Final = 1024
_PNG: Final = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_JPG: Final = b"\xff\xd8\xff"
# The frames of JPEG that tell the size; C4, C8 and CC between them are tables.
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Markers that stand alone, without a length after them.
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_FILL: Final = 0xFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Logo:
    format: str
    width: int
    height: int
    size: int

    def __str__(self) -> str:
        return f"{self.format} {self.width}×{self.height}, {_kb(self.size)} KB"


def as_logo(raw: bytes) -> Logo:
    """Read what a picture is.

    Raises:
        MalformedError: naming the rule that it breaks.
    """
    if len(raw) > MOST_KB * _KB:
        raise MalformedError("logo is too large", size=_kb(len(raw)), most=MOST_KB)
    form, pixels = ("PNG", _png(raw)) if raw.startswith(_PNG) else ("JPG", _jpg(raw))
    if pixels is None:
        raise MalformedError("logo is no picture")
    width, height = pixels
    if width != height:
        raise MalformedError("logo is not square", width=width, height=height)
    if width < LEAST_PIXELS:
        raise MalformedError("logo is too small", width=width, height=height, least=LEAST_PIXELS)
    return Logo(format=form, width=width, height=height, size=len(raw))


def _png(raw: bytes) -> tuple[int, int] | None:
    sizes = raw[len(_PNG) : len(_PNG) + 8]
    return struct.unpack(">II", sizes) if len(sizes) == 8 else None


def _jpg(raw: bytes) -> tuple[int, int] | None:
    """Walk the segments up to the frame's."""
    at = 2 if raw.startswith(_JPG) else len(raw)
    while at + 4 <= len(raw) and raw[at] == _FILL:
        marker = raw[at + 1]
        if marker == _FILL or marker in _ALONE:
            at += 1 if marker == _FILL else 2
            continue
        if marker in _FRAMES:
            sizes = raw[at + 5 : at + 9]
            if len(sizes) < 4:
                return None
            height, width = struct.unpack(">HH", sizes)
            return width, height
        at += 2 + max(2, int.from_bytes(raw[at + 2 : at + 4], "big"))
    return None


def _kb(size: int) -> int:
    return -(-size // _KB)
