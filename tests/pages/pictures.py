"""Pictures of any size, made of nothing."""

from __future__ import annotations

import struct
import zlib


def a_png(width: int = 240, height: int | None = None, *, pad: int = 0) -> bytes:
    size = struct.pack(">IIBBBBB", width, height or width, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * (width + 1) * (height or width))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", size) + _chunk(b"IDAT", rows) + b"\0" * pad + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
