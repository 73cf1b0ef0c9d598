from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.errors import MalformedError
from chalicelib.core.logo import as_logo


def a_png(width: int = 240, height: int = 240, size: int = 0) -> bytes:
    head = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", width, height)
    return head.ljust(size or len(head), b"\x00")


def a_jpg(width: int = 240, height: int = 240, frame: int = 0xC0) -> bytes:
    """With a segment of an application and a table before the frame, as cameras write them."""
    application = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF".ljust(14, b"\x00")
    table = b"\xff\xc4" + struct.pack(">H", 6) + bytes(4)
    return (
        b"\xff\xd8" + application + b"\xff" + table + bytes((0xFF, frame)) + struct.pack(">HBHH", 11, 8, height, width)
    )


def test_a_square_picture_is_taken_and_told_in_a_few_words() -> None:
    assert str(as_logo(a_png(size=12 * 1024))) == "PNG 240×240, 12 KB"
    assert str(as_logo(a_jpg(512, 512))) == "JPG 512×512, 1 KB"


@pytest.mark.parametrize("frame", [0xC0, 0xC1, 0xC2, 0xCF])
def test_every_frame_of_jpeg_tells_its_size(frame: int) -> None:
    assert as_logo(a_jpg(300, 300, frame)).width == 300


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "logo is no picture"),
        (b"GIF89a", "logo is no picture"),
        (b"<svg/>", "logo is no picture"),
        (a_png()[:-1], "logo is no picture"),
        (a_jpg()[:-1], "logo is no picture"),
        (b"\xff\xd8\xff", "logo is no picture"),
        (a_png(240, 241), "logo is not square"),
        (a_png(239, 239), "logo is too small"),
        (a_jpg(0, 0), "logo is too small"),
        (a_png(size=120 * 1024 + 1), "logo is too large"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_it(raw: bytes, code: str) -> None:
    with pytest.raises(MalformedError, match=code):
        as_logo(raw)


def test_the_largest_one_is_taken() -> None:
    assert as_logo(a_png(size=120 * 1024)).size == 120 * 1024


@given(st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8\xff", a_png()[:16], a_jpg()[:24]]))
def test_any_bytes_are_a_logo_or_refused(rest: bytes, head: bytes) -> None:
    try:
        logo = as_logo(head + rest)
    except MalformedError:
        return
    assert logo.width == logo.height >= 240
