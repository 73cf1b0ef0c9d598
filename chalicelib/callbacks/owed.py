"""A full sync that deliveries wait for, as one row among them: what stands for a storm is not read again and again.

It goes from the inbox only when a full sync that was asked for after them all has ended well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from chalicelib.core.message import Delivery
from chalicelib.sync.request import MOST_DELIVERIES

OWED: Final = "rollcall.full_sync_owed"
# How long to wait after the first, second, third failure in a row, and after every later one.
AFTER_FAILURE: Final = (timedelta(minutes=10), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=6))


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """`deliveries` are the first ids of `count`; `task` was asked for them, and how it ended is not known yet."""

    deliveries: tuple[str, ...]
    count: int
    not_before: datetime
    failures: int = 0
    task: str | None = None

    @classmethod
    def of(cls, row: Delivery) -> Owed:
        """Read what `row` wrote."""
        facts = {name: values[0] for name, values in row.ids.items() if name != "delivery"}
        return cls(
            deliveries=row.ids["delivery"],
            count=int(facts["count"]),
            not_before=row.occurred_at,
            failures=int(facts["failures"]),
            task=facts.get("task"),
        )

    @classmethod
    def to(cls, deliveries: Sequence[Delivery], not_before: datetime) -> Owed:
        ids = tuple(dict.fromkeys(each.delivery_id for each in deliveries))
        return cls(deliveries=ids[:MOST_DELIVERIES], count=len(ids), not_before=not_before)

    def row(self, source: str, now: datetime) -> Delivery:
        asked = {} if self.task is None else {"task": (self.task,)}
        return Delivery(
            delivery_id=f"{OWED} {now.isoformat()} {self.count} {self.failures} {self.task}",
            source=source,
            type=OWED,
            ids={"delivery": self.deliveries, "count": (str(self.count),), "failures": (str(self.failures),), **asked},
            occurred_at=self.not_before,
            received_at=now,
        )

    def failed(self, at: datetime) -> Owed:
        """Owe it still, after the task that was asked for it has failed."""
        pause = AFTER_FAILURE[min(self.failures, len(AFTER_FAILURE) - 1)]
        return replace(self, task=None, failures=self.failures + 1, not_before=at + pause)


def joined(several: Sequence[Owed]) -> Owed:
    """Make one of what is owed; it is due as soon as any of them is."""
    ids = dict.fromkeys(each for owed in several for each in owed.deliveries)
    return Owed(
        deliveries=tuple(ids)[:MOST_DELIVERIES],
        count=sum(owed.count for owed in several),
        not_before=min(owed.not_before for owed in several),
        failures=max(owed.failures for owed in several),
    )
