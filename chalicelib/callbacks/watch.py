"""Looks every few minutes for what should have happened by now and did not; the log carries what it finds as metrics.

Silent while all is well: a metric that is not sent costs nothing, and the alarms take silence for health.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from chalicelib.callbacks.owed import OWED
from chalicelib.core.ports import Catalog, Clock, Inbox, Tasks
from chalicelib.core.source import HOUR, NextDue, Source
from chalicelib.core.task import Lane, TaskStatus
from chalicelib.log import METRICS, bound

log = logging.getLogger(__name__)

EVERY_MINUTES: Final = 5
# Below these nobody needs to know.
LATE: Final = timedelta(minutes=5)
HELD_LONG: Final = HOUR
# More missed cycles than this are not told apart.
MOST_MISSED: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    catalog: Catalog
    tasks: Tasks
    inbox: Inbox
    clock: Clock
    next_due: NextDue

    def tick(self) -> None:
        now = self.clock.now()
        if now.minute % EVERY_MINUTES:
            return
        for source in self.catalog.sources():
            metrics = self.look(source, now)
            if metrics:
                with bound(source=source.handle):
                    log.warning("fell behind", extra={METRICS: metrics})

    def look(self, source: Source, now: datetime) -> Mapping[str, float]:
        """Measure how far a source is behind; empty when it is not."""
        return dict(self._behind(source, now))

    def _behind(self, source: Source, now: datetime) -> Iterator[tuple[str, float]]:
        missed = self._missed(source)
        if missed:
            yield "SyncsMissed", missed
        held = [task.finished_at for task in self.tasks.held(source.uid) if task.status is TaskStatus.HELD]
        held_for = now - min((at for at in held if at), default=now)
        if held_for >= HELD_LONG:
            yield "HeldHours", round(held_for / HOUR, 1)
        # What waits for a full sync is counted there.
        pushed = [each.received_at for each in self.inbox.waiting(source.uid) if each.type != OWED]
        waited = now - min(pushed, default=now)
        if source.enabled and waited >= LATE:
            yield "OldestDeliverySeconds", int(waited.total_seconds())

    def _missed(self, source: Source) -> int:
        """Count how often the schedule asked for a sync since the last good one, but for one that is under way."""
        if not source.enabled or not source.schedule.automatic or source.last_asked_at is None:
            return 0
        good_at = self.tasks.read_through(source.uid) or source.created_at
        asked = self._asked(source, good_at, source.last_asked_at)
        if asked and any(task.lane is Lane.FULL for task in self.tasks.waiting(source.uid)):
            asked -= 1
        return asked

    def _asked(self, source: Source, since: datetime, until: datetime) -> int:
        if until <= since:
            return 0
        if not source.schedule.cron:
            # A read begins a little after it was asked for, and a tick comes a little late.
            return min(MOST_MISSED, max(1, round((until - since) / source.schedule.cycle)))
        count, at = 0, self.next_due(source, since)
        while at is not None and at <= until and count < MOST_MISSED:
            count, at = count + 1, self.next_due(source, at)
        return count
