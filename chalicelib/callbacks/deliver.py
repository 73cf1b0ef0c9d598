"""Turn what was pushed into work, and do it: a burst of deliveries is one task, a storm of them one full sync.

Everything here happens under the source's hints lease, so that it never waits for a full sync.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from chalicelib.callbacks.owed import OWED, Owed, joined
from chalicelib.core.errors import NotFoundError
from chalicelib.core.message import Delivery
from chalicelib.core.model import Key
from chalicelib.core.ports import EVENTS, Bell, Catalog, Clock, Connectors, Doors, Inbox, Tasks
from chalicelib.core.source import Source
from chalicelib.core.task import Claim, Everything, Hint, Lane, Only, SyncTask, TaskStatus, Trigger, next_due
from chalicelib.sources.rotate import Rotation
from chalicelib.sync.pulse import Deadline
from chalicelib.sync.request import MOST_DELIVERIES, Requests
from chalicelib.sync.run import Runner

log = logging.getLogger(__name__)

# Above so many keys within a minute one full sync costs less than reading each by name.
STORM_KEYS = 300
STORM_SPAN = timedelta(minutes=1)
# After so many departures, or keys to read, within seconds, those of a few seconds are joined into one task.
CROWD = 20
CROWD_SPAN = timedelta(seconds=10)
PACE = timedelta(seconds=3)
# How many tasks are read to know what was asked for within that minute: more only where the first are all of it.
STORM_TASKS = (20, 200)
# What one task takes at once; the rest is taken by the next. Departures wait for keys that are being read, which takes
# a vendor without a batch call seconds.
MOST_CLAIMS = 500
MOST_KEYS = 50
LOOK_AGAIN = timedelta(seconds=20)
# The longest that a ring is kept back; for what waits longer the tick rings.
LONGEST_RING_S: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What goes on waiting after a look: ids of rows, when to look at them again, and until when claims wait."""

    ids: frozenset[str] = frozenset()
    due: datetime | None = None
    paced_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A delivery, and what it asks for."""

    delivery: Delivery
    claims: tuple[Claim, ...]
    keys: tuple[Key, ...]
    whole: bool

    @classmethod
    def of(cls, delivery: Delivery, hints: Sequence[Hint]) -> _Read:
        return cls(
            delivery=delivery,
            claims=tuple(hint for hint in hints if isinstance(hint, Claim)),
            keys=tuple(hint for hint in hints if isinstance(hint, Key)),
            whole=Everything() in hints,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """What became of changes: `taken` into a task, kept until `late_until`, or in need of a full sync (`pile`)."""

    pile: Sequence[Delivery]
    not_before: datetime
    taken: Sequence[Delivery] = ()
    late: Sequence[Delivery] = ()
    late_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliverer:
    catalog: Catalog
    connectors: Connectors
    inbox: Inbox
    doors: Doors
    tasks: Tasks
    requests: Requests
    runner: Runner
    bell: Bell
    clock: Clock
    rotation: Rotation

    def deliver(self, source_uid: str, deadline: Deadline) -> None:
        """Work off what was pushed for a source, and ring for what must be looked at later."""
        try:
            source = self.catalog.source(source_uid)
        except NotFoundError:  # deleted since it was rung for
            return
        left: Left | None = None

        def feed() -> None:
            nonlocal left
            left = self.collect(source)

        self.runner.wake(source_uid, deadline, lane=Lane.HINTS, feed=feed)
        if left is None:  # whoever holds the lease looks once more when they have given it back, or the tick does
            return
        now = self.clock.now()
        dues = [max(due, left.paced_until or due) for due, _ in self.tasks.looks(source_uid)]
        if left.due is not None:
            dues.append(left.due)
        if any(each.delivery_id not in left.ids for each in self.inbox.waiting(source_uid)):
            dues.append(now)  # pushed after the last look, by somebody who found the lease taken
        if dues:
            delay_s = (min(dues) - now).total_seconds()
            self.bell.ring(source_uid, delay_s=min(max(0.0, delay_s), LONGEST_RING_S))

    def collect(self, source: Source) -> Left:
        """Join the waiting deliveries and the looks that are due into at most one task of each kind.

        Departures have a task of their own: they are facts even if the source does not answer, and must not fail with
        what has to be read. They are looked at at once; only in a storm of them those of a few seconds are joined.
        """
        now = self.clock.now()
        waiting = self.inbox.waiting(source.uid)
        self.rotation.settle(source.uid, waiting)
        looks = [claim for due, claim in self.tasks.looks(source.uid) if due <= now]
        if not source.enabled:
            self._drop(source, waiting)
            return Left()
        owed = [each for each in waiting if each.type == OWED]
        reads = [_Read.of(each, self.connectors.hints(source, each)) for each in waiting if each.type != OWED]
        lately = self._lately(source, now) if reads or looks else ()
        reports = [read for read in reads if read.claims]
        paced_until = _paced_until([(at, len(only.claims)) for at, only in _asked(lately)], now)
        # What does not fit in is taken by the next task, at once.
        fit = 0 if paced_until is not None else _that_fit([len(read.claims) for read in reports], MOST_CLAIMS)
        late = reports[fit:]
        if paced_until is None:
            self._depart(source, looks, reports[:fit])
        claimed = {claim.key for read in reports for claim in read.claims}
        looked = self._look_at(source, [read for read in reads if not read.claims], claimed, lately, now)
        rows, due = self._whole(source, owed, looked.pile, looked.not_before, now)
        self.inbox.done([read.delivery for read in reports[:fit]])
        self.inbox.done(looked.taken)
        if reads:
            self.doors.seen(source.uid, EVENTS, max(read.delivery.received_at for read in reads))
            extra = {"departures": fit, "changes": len(looked.taken), "for_a_full_sync": len(looked.pile)}
            log.info("collected", extra={"deliveries": len(reads), **extra})
        left = [*rows, *looked.late, *(read.delivery for read in late if paced_until is not None)]
        dues = [due, looked.late and looked.late_until, late and paced_until]
        return Left(
            ids=frozenset(each.delivery_id for each in left),
            due=min((each for each in dues if each), default=None),
            paced_until=paced_until,
        )

    def _depart(self, source: Source, looks: Sequence[Claim], reports: Sequence[_Read]) -> None:
        """Ask to look at claimed departures: of each key the newest claim."""
        claims = {claim.key: claim for claim in looks}
        for claim in (claim for read in reports for claim in read.claims):
            if claim.key not in claims or claims[claim.key].at < claim.at:
                claims[claim.key] = claim
        if claims:
            extent = Only(keys=(), claims=tuple(claims.values()))
            self.requests.reported(source, extent, _ids([read.delivery for read in reports]))
        self.tasks.drop_looks(source.uid, [claim.key for claim in looks])

    def _look_at(
        self,
        source: Source,
        reads: Sequence[_Read],
        claimed: Collection[Key],
        lately: Sequence[SyncTask],
        now: datetime,
    ) -> _Looked:
        """Ask to read the keys that changed, unless there are so many that they need a full sync."""
        whole = [read.delivery for read in reads if read.whole]
        changing = [read for read in reads if not read.whole]
        keys = {key for read in changing for key in read.keys}
        if keys and len(keys) + sum(len(only.keys) for _, only in _asked(lately)) > STORM_KEYS:
            # One full sync a minute is enough, however long the storm lasts.
            last = max((task.asked_at for task in lately if isinstance(task.extent, Everything)), default=None)
            not_before = now if last is None or whole else last + STORM_SPAN
            return _Looked(pile=[*whole, *(read.delivery for read in changing)], not_before=not_before)
        paced_until = _paced_until([(at, len(only.keys)) for at, only in _asked(lately)], now)
        if paced_until is not None and 0 < len(keys) < MOST_KEYS:
            late = [read.delivery for read in changing]
            return _Looked(pile=whole, not_before=now, late=late, late_until=paced_until)
        fit = _that_fit([len(read.keys) for read in changing], MOST_KEYS)
        taken = [read.delivery for read in changing[:fit]]
        wanted = dict.fromkeys(key for read in changing[:fit] for key in read.keys if key not in claimed)
        if wanted:
            self.requests.reported(source, Only(keys=tuple(wanted)), _ids(taken))
        return _Looked(pile=whole, not_before=now, taken=taken)

    def _whole(
        self, source: Source, owed: Sequence[Delivery], pile: Sequence[Delivery], not_before: datetime, now: datetime
    ) -> tuple[Sequence[Delivery], datetime | None]:
        """Ask for the full sync that deliveries wait for, once nothing is in its way.

        Returns the rows that stand for it, and when to look at them again.
        """
        asked: list[Delivery] = []
        waits: list[Delivery] = []
        over = [*pile]
        debts = [Owed.to(pile, not_before)] if pile else []
        for row in owed:
            debt = Owed.of(row)
            task = self.tasks.get(debt.task) if debt.task is not None else None
            if task is not None and not task.status.is_over:
                asked.append(row)
            elif task is not None and self._served(task):
                over.append(row)
            else:
                waits.append(row)
                debts.append(debt if task is None else debt.failed(task.finished_at or now))
        dues = [now + LOOK_AGAIN for _ in asked]
        if debts:
            debt = joined(debts)
            task = self.requests.reported_whole(source, debt.deliveries) if debt.not_before <= now else None
            if task is not None:
                debt = replace(debt, task=task.task_id)
            if [Owed.of(row) for row in waits] != [debt]:
                over += waits
                waits = [debt.row(source.uid, now)]
                self.inbox.store(waits[0])  # before those are taken off that it stands for
            dues.append(max(now + LOOK_AGAIN, debt.not_before))
        self.inbox.done(over)
        return [*asked, *waits], min(dues, default=None)

    def _served(self, task: SyncTask) -> bool:
        """Tell whether a full sync ended well, or another one that began after it."""
        through, ended_at = self.tasks.read_through(task.source), task.finished_at
        ended_well = task.status not in (TaskStatus.FAILED, TaskStatus.CANCELLED)
        return ended_well or bool(through and ended_at and through >= ended_at)

    def _lately(self, source: Source, now: datetime) -> Sequence[SyncTask]:
        """List what events asked for within the last minute."""
        tasks: Sequence[SyncTask] = ()
        for most in STORM_TASKS:
            tasks = self.tasks.recent(source.uid, most)
            if len(tasks) < most or tasks[-1].asked_at <= now - STORM_SPAN:
                break
        return [task for task in tasks if task.trigger is Trigger.EVENT and task.asked_at > now - STORM_SPAN]

    def _drop(self, source: Source, waiting: Sequence[Delivery]) -> None:
        """Take off what was pushed before the source was disabled, and what was to be looked at again."""
        self.inbox.done(waiting)
        self.tasks.drop_looks(source.uid, [claim.key for _, claim in self.tasks.looks(source.uid)])
        if waiting:
            so_far = [self.inbox.drop(source.uid, self.clock.now()) for _ in waiting]
            log.info("dropped", extra={"deliveries": len(waiting), "so_far": so_far[-1]})

    def tick(self) -> None:
        """Ring for what was pushed and for looks that are due where nobody is at work."""
        now = self.clock.now()
        for turn in self.catalog.turns(now):
            if self._waits(turn.uid, now):
                lease = self.tasks.lease(turn.uid, Lane.HINTS)
                if lease is None or lease[0] <= now:
                    self.bell.ring(turn.uid)

    def _waits(self, uid: str, now: datetime) -> bool:
        if self.inbox.waiting(uid) or any(due <= now for due, _ in self.tasks.looks(uid)):
            return True
        return next_due([task for task in self.tasks.waiting(uid) if task.lane is Lane.HINTS], now) is not None


def _asked(tasks: Sequence[SyncTask]) -> Sequence[tuple[datetime, Only]]:
    return [(task.asked_at, task.extent) for task in tasks if isinstance(task.extent, Only)]


def _paced_until(asked: Sequence[tuple[datetime, int]], now: datetime) -> datetime | None:
    """Tell until when work waits for more of its kind, where much of it came lately; None when it does not wait."""
    if sum(count for at, count in asked if at > now - CROWD_SPAN) <= CROWD:
        return None
    until = max(at for at, count in asked if count) + PACE
    return until if until > now else None


def _that_fit(counts: Sequence[int], most: int) -> int:
    """Count how many deliveries one task takes, of which each asks for so many keys or claims."""
    total = 0
    for number, count in enumerate(counts):
        if total >= most or number == MOST_DELIVERIES:
            return number
        total += count
    return len(counts)


def _ids(deliveries: Sequence[Delivery]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(delivery.delivery_id for delivery in deliveries))
