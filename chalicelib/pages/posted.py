"""What a browser sends: forms, with a file or without, and the cookie that names its page."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from chalicelib.core.errors import MalformedError
from chalicelib.core.message import HttpRequest

# More than a photo that somebody takes for a logo, so that they are told beside the field; Lambda takes 4.5 MB.
LARGEST_BODY_BYTES: Final = 4 * 1024 * 1024
COOKIE: Final = "rollcall"
_MOST_PARTS: Final = 100
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_ENCODINGS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """The fields of a form by name, the last of those that are given twice; files apart."""

    fields: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)

    def get(self, name: str) -> str:
        return self.fields.get(name, "")


def posted(request: HttpRequest) -> Posted:
    """Read the form of a request. Nothing of it is ever written to a disk.

    Raises:
        MalformedError: it is too large, or no form.
    """
    if len(request.body) > LARGEST_BODY_BYTES:
        raise MalformedError("page takes less")
    from multipart import MultipartError, parse_form_data

    kind = request.headers.get("content-type", "")
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": kind,
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.input": io.BytesIO(request.body),
    }
    if not kind.startswith(_ENCODINGS):
        raise MalformedError("form is stale")
    try:
        forms, files = parse_form_data(
            environ,
            strict=True,
            part_limit=_MOST_PARTS,
            spool_limit=LARGEST_BODY_BYTES,
            memory_limit=LARGEST_BODY_BYTES,
            disk_limit=0,
        )
    except (MultipartError, ValueError):
        raise MalformedError("form is stale") from None  # what it says may quote what was typed
    return Posted(
        fields={name: _sound(forms[name]) for name in forms},
        files={name: files[name].file.read() for name in files if files[name].filename},
    )


def browser(request: HttpRequest) -> str:
    """Read what this browser holds of its page; "" when it holds nothing."""
    # One by one: other programs on the same host set cookies that no parser of whole headers reads.
    pairs = (each.strip().partition("=") for each in request.headers.get("cookie", "").split(";"))
    return next((value.strip() for name, _, value in pairs if name == COOKIE), "")


def is_https(request: HttpRequest) -> bool:
    return request.headers.get("x-forwarded-proto", "").split(",")[0].strip() == "https"


def is_loopback(request: HttpRequest) -> bool:
    """Tell whether the browser runs on this very machine: what is typed crosses no network then."""
    host = request.headers.get("host", "")
    return (host if host.endswith("]") else host.rpartition(":")[0] or host) in _LOOPBACK


def is_from_here(request: HttpRequest) -> bool:
    """Tell whether a form was sent by a page of ours.

    A page that sends no referrer names no origin either ("null"); browsers of today say in another way where a request
    comes from. Where neither is said, the form's token decides alone.
    """
    site = request.headers.get("sec-fetch-site", "")
    if site:
        return site == "same-origin"
    origin = request.headers.get("origin", "null")
    return origin == "null" or origin.partition("://")[2] == request.headers.get("host", "")


def _sound(text: str) -> str:
    """Replace halves of characters, which no store can spell."""
    return text.encode("utf-8", "replace").decode()
