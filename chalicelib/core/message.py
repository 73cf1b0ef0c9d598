"""What passes through the doors, free of any framework."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """Header names are lower case; `body` is as received, undecoded."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A verified callback: what happened to which ids, and when; never what the payload says about people.

    `delivery_id` is the vendor's event id (or a hash of the text where it gives none), `ids` are grouped by the
    vendor's name of the id (`union_id`, `userid`, ...). `occurred_at` is the vendor's own time.
    """

    delivery_id: str
    source: str
    type: str
    ids: Mapping[str, tuple[str, ...]]
    occurred_at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What a callback turned out to be: what to answer, and what to keep (nothing for a check of the URL)."""

    ack: HttpResponse
    delivery: Delivery | None
