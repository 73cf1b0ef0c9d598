"""What a source may cost in calls a month, what it has cost, and what the month will cost by its schedule."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from chalicelib.core.audited import audited
from chalicelib.core.budget import (
    DAY,
    MOST_CALLS,
    Forecast,
    forecast,
    month_before,
    month_begins,
    month_ends,
    month_of,
)
from chalicelib.core.cost import Usage, month
from chalicelib.core.errors import MalformedError
from chalicelib.core.ports import Audit, Clock, Connectors, Meter
from chalicelib.core.principal import Principal, Role
from chalicelib.core.source import HOUR, Source, due_at, due_next
from chalicelib.sources.calendar import next_due
from chalicelib.sources.edit import Edited
from chalicelib.sources.room import Sources

# Hourly for a month, and one that is late.
_MOST_RUNS: Final = 24 * 31 + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    sources: Sources
    connectors: Connectors
    meter: Meter
    audit: Audit
    clock: Clock
    # On one machine nobody charges for anything.
    is_deployed: bool = False

    def set(self, who: Principal, handle: str, calls: int) -> Edited:
        """Say how many calls to its vendor a source may make in a month; 0 when nobody is to look at it.

        Nothing is stopped by it: a sync that is left out would leave people in who have left.

        Raises:
            MalformedError: the number breaks its rule.
        """
        with audited(self.audit, self.clock, who, "budget", Role.OWNER) as noted:
            if not 0 <= calls <= MOST_CALLS:
                raise MalformedError("budget breaks its rule", most=MOST_CALLS)
            return self.sources.edited(handle, noted, lambda source: replace(source, budget=calls))

    def forecast(self, source: Source) -> Forecast:
        """Tell what a source has cost this month, and will have cost at its end."""
        now = self.clock.now()
        return forecast(
            now,
            spent=self.meter.month(source.uid, month_of(now)),
            before=self.meter.month(source.uid, month_of(month_before(now))),
            since=source.created_at,
            runs_left=runs_left(source, now, month_ends(now)),
            tariff=self.connectors.form(source.kind).tariff,
            budget=source.budget,
        )

    def charged(self) -> Usage | None:
        """Estimate what AWS charges this month, if it goes on like this; None on one machine."""
        if not self.is_deployed:
            return None
        now, sources = self.clock.now(), self.sources.catalog.sources()
        began = max(month_begins(now), min((each.created_at for each in sources), default=now))
        hours = (month_ends(now) - began) / HOUR
        # A day at least, or its first hour would make a month.
        pace = max(1.0, hours / max((now - began) / HOUR, DAY / HOUR))
        spent = [self.meter.month(each.uid, month_of(now)) for each in sources]
        return month(spent, hours=hours, pace=pace)


def runs_left(source: Source, now: datetime, ends: datetime) -> int:
    """Count the syncs that a schedule wants before an instant; what is overdue is made up for once."""
    count = 0
    at = due_at(source)
    while at is not None and at < ends and count < _MOST_RUNS:
        count += 1
        at = due_next(replace(source, next_due_at=at), max(at, now), next_due)
    return count
