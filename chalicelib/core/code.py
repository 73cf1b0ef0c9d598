"""Codes of six digits that go to one person alone, and what is kept of them."""

from __future__ import annotations

import hashlib
import hmac
import secrets


def six_digits() -> str:
    return f"{secrets.randbelow(1_000_000):06}"


def sealed(code: str) -> str:
    """Make what is kept of a code: whoever reads the store for ten minutes' time cannot just look it up."""
    salt = secrets.token_hex(8)
    return f"{salt}:{_digest(salt, code)}"


def fits(code: str, seal: str) -> bool:
    salt, _, digest = seal.partition(":")
    return hmac.compare_digest(_digest(salt, code), digest)


def _digest(salt: str, code: str) -> str:
    return hashlib.scrypt(code.encode("utf-8", "replace"), salt=salt.encode(), n=1024, r=8, p=1, dklen=24).hex()
