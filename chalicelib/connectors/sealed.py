"""What the doors for pushed callbacks share: unsealing, comparing, reading what may be anything.

Whatever is wrong with a callback, its sender learns one thing: refused. A bad padding goes the way of a bad text, so
that neither the answer nor the time it takes tells the two apart.

The library for AES is loaded when it is first needed; nothing else of others is.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, TypeGuard

from chalicelib.core.errors import SignatureError
from chalicelib.core.secret import Secret

AES_BLOCK: Final = 16
# A vendor signs each delivery of an event anew, so what is older was kept by somebody.
OLDEST: Final = timedelta(hours=1)
FURTHEST_AHEAD: Final = timedelta(minutes=5)
LONGEST_ID: Final = 128

_TYPE = re.compile(r"[A-Za-z0-9_.-]{1,100}")
# Seconds or milliseconds, no other length: signatures join the timestamp to its neighbour without a mark between them,
# and with a free length digits could be shifted from one to the other until an old callback looked fresh.
_STAMP = re.compile(r"[0-9]{10}|[0-9]{13}")
_EPOCH = re.compile(r"([0-9]{9,17})(?:\.[0-9]{1,9})?")
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


def refused() -> SignatureError:
    """Make the one error of this door; it says nothing of what was wrong."""
    return SignatureError("callback refused")


def revealed(secrets: Mapping[str, Secret], name: str) -> str:
    """Read a secret that may not be set; then it is empty."""
    return secrets[name].reveal() if name in secrets else ""


def same(known: str, given: object) -> bool:
    """Compare in constant time. Nothing is the same as what is empty, and only text is the same as text."""
    text = given if isinstance(given, str) else ""
    return bool(known) and hmac.compare_digest(octets(known), octets(text))


def octets(text: str) -> bytes:
    """Encode text from outside, which may hold halves of surrogate pairs."""
    return text.encode("utf-8", "surrogatepass")


def members(text: bytes) -> Mapping[str, object]:
    """Read a JSON object.

    Raises:
        SignatureError: it is none, or nested without end.
    """
    try:
        value: object = json.loads(text.decode())
    except (ValueError, RecursionError):
        raise refused() from None
    if not isinstance(value, dict):
        raise refused()
    return value


def unseal(sealed: object, key: bytes, *, iv: bytes | None = None, block: int = AES_BLOCK) -> bytes:
    """Decrypt base64 of AES-256-CBC padded to `block`; empty when it is anything else.

    Without `iv` the first 16 bytes are it.
    """
    from Crypto.Cipher import AES

    text = _decoded(sealed)
    if iv is None:
        iv, text = text[:AES_BLOCK], text[AES_BLOCK:]
    if not text or len(text) % AES_BLOCK:
        return b""
    plain = AES.new(key, AES.MODE_CBC, iv).decrypt(text)
    size = plain[-1]
    is_padded = 1 <= size <= block and hmac.compare_digest(plain[-size:], bytes([size]) * size)
    return plain[:-size] if is_padded else b""


def seal(plain: bytes, key: bytes, *, iv: bytes, block: int = AES_BLOCK) -> str:
    """Encrypt as `unseal` reads it."""
    from Crypto.Cipher import AES

    size = block - len(plain) % block
    return base64.b64encode(AES.new(key, AES.MODE_CBC, iv).encrypt(plain + bytes([size]) * size)).decode()


def is_fresh(stamp: str, now: datetime) -> bool:
    at = _instant(stamp) if _STAMP.fullmatch(stamp) else None
    return at is not None and now - OLDEST <= at <= now + FURTHEST_AHEAD


def occurred(stamps: Iterable[object], now: datetime) -> datetime:
    """Choose the first that tells a time; now when none does, or when that time is yet to come.

    A departure from the future would win over everything observed until then.
    """
    times = (at for at in map(_instant, stamps) if at is not None)
    return min(next(times, now), now)


def is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_ID and value.isprintable()


def is_type(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and _TYPE.fullmatch(value) is not None


def _decoded(sealed: object) -> bytes:
    try:
        return base64.b64decode(sealed, validate=True) if isinstance(sealed, str) else b""
    except ValueError:
        return b""


def _instant(stamp: object) -> datetime | None:
    """Read an epoch in seconds (with a fraction or not), milliseconds or microseconds; its length tells which."""
    if isinstance(stamp, int) and not isinstance(stamp, bool) and 0 <= stamp < 10**17:
        stamp = str(stamp)
    if not isinstance(stamp, str) or not (epoch := _EPOCH.fullmatch(stamp)):
        return None
    digits = epoch[1]
    if len(digits) <= 11:
        # Rounded down: a fraction of a second decides nothing that an event's own time decides.
        return _BEGINNING + timedelta(seconds=int(digits))
    return _BEGINNING + (
        timedelta(milliseconds=int(digits)) if len(digits) <= 14 else timedelta(microseconds=int(digits))
    )
