"""What a source answers when it is asked about one key by name. Silence in a list is none of these (law 2)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from chalicelib.core.model import Key, Link, Remark, SourceRecord, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    record: SourceRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """The source says so itself: this key has left."""

    observed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """The source says that we may not see this key."""

    observed_at: datetime
    why: Remark


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclear:
    """The source gave no answer that we understand."""

    observed_at: datetime
    why: Remark


Presence = Found | Gone | Hidden | Unclear


def absentees(links: Mapping[Key, Link], seen: Collection[Key]) -> tuple[Key, ...]:
    """List the keys that should have been seen, departments first: those linked, not left, and not in `seen`."""
    missing = (key for key, link in links.items() if link.state is not State.LEFT and key not in seen)
    return tuple(sorted(missing))
