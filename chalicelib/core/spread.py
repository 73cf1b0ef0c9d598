"""Spreads over time what would begin at full hours, when everybody's does: vendors are slowest, and strictest, then.

What is derived from a source's uid is always the same for it, so the times that people are shown are those that come.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Final

MINUTE: Final = timedelta(minutes=1)
# A run that a cron expression puts at a full hour begins so much later: never before, so that its word is kept.
SHORTEST_DELAY, LONGEST_DELAY = MINUTE, 5 * MINUTE
# Runs of a cycle begin at a minute of the hour between these.
_FIRST_MINUTE, _LAST_MINUTE = 6, 54


def delay(uid: str) -> timedelta:
    """Tell how much later than a full hour a source's sync begins, in whole minutes."""
    return SHORTEST_DELAY + _number(uid, "delay", (LONGEST_DELAY - SHORTEST_DELAY) // MINUTE + 1) * MINUTE


def minute(uid: str) -> int:
    """Tell at which minute of the hour a source is synced that goes by a cycle."""
    return _FIRST_MINUTE + _number(uid, "minute", _LAST_MINUTE - _FIRST_MINUTE + 1)


def _number(uid: str, what: str, below: int) -> int:
    digest = hashlib.blake2b(f"{what}#{uid}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) % below
