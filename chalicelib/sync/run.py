"""Work through the waiting tasks of a source, under its lease, in slices.

Any worker may die at any line, be woken twice or run out of time: work is rows, and the next one who holds the lease
goes on (law 8).
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.core.errors import (
    ContractError,
    NotFoundError,
    OutOfTimeError,
    RollcallError,
    StoppedError,
    TransientError,
)
from chalicelib.core.model import Kind, Remark
from chalicelib.core.ports import Bell, Catalog, Clock, Connector, Connectors, Directory, Tasks
from chalicelib.core.source import Source
from chalicelib.core.task import Dismissal, Lane, Progress, SyncTask, TaskStatus, next_due
from chalicelib.log import METRICS, bound, place
from chalicelib.sync.dismiss import NoVendor
from chalicelib.sync.pulse import Deadline, Pulse, Watch
from chalicelib.sync.reconcile import Bench, conclude_cancelled, reconcile, tally

log = logging.getLogger(__name__)

LEASE_TTL = timedelta(seconds=20)
# Starts in a row without coming further. Faults: the vendor or the store had trouble; kills: the worker died.
MOST_FAULTS = 4
MOST_KILLS = 20
LOOK_AGAIN_S = 0.5


def unwatched(progress: Progress) -> None:
    """Show progress to nobody."""


def nothing_more() -> None:
    """Add nothing to what waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    catalog: Catalog
    directory: Directory
    tasks: Tasks
    connectors: Connectors
    bell: Bell
    clock: Clock
    # Rung when a task has moved on, for those who tell people of it.
    news: Bell | None = None
    lease_ttl: timedelta = LEASE_TTL

    def wake(
        self,
        source_uid: str,
        deadline: Deadline,
        watch: Watch = unwatched,
        *,
        lane: Lane = Lane.FULL,
        feed: Callable[[], None] = nothing_more,
    ) -> float | None:
        """Do the work that waits in a lane of a source, or as much of it as `deadline` (seconds left) allows.

        `feed` is called under the lease before each look at what waits: it may add to it.

        Returns after how many seconds there is more to do, None when nothing waits. Does not wait for another worker.

        Raises:
            ContractError: something broke inside Rollcall; the task stays, and is given up after a few tries.
        """
        try:
            source = self.catalog.source(source_uid)
        except NotFoundError:  # deleted since it was rung for
            return None
        fence = self.tasks.take(source_uid, uuid.uuid4().hex, self.clock.now(), self.lease_ttl, lane)
        if fence is None:
            return LOOK_AGAIN_S
        again: float | None = None
        moved = False
        pulse = Pulse(
            tasks=self.tasks, clock=self.clock, fence=fence, ttl=self.lease_ttl, deadline=deadline, watch=watch
        )
        try:
            with pulse, bound(source=source.handle):
                while again is None:
                    feed()
                    waiting = self._waiting(source_uid, lane)
                    to_end = self._to_end(waiting, source)
                    task = to_end or next_due(waiting, self.clock.now())
                    if task is None:
                        break
                    moved = True
                    with bound(task=task.task_id):
                        again = self._slice(task, source, pulse, is_stopped=to_end is not None)
        finally:
            self.tasks.release(fence)
            if moved and self.news is not None:
                self.news.ring(source_uid)
        if again is None:  # what was asked between the last look and the release, or waits out a fault
            now = self.clock.now()
            waits = [(task.not_before or now) - now for task in self._waiting(source_uid, lane)]
            again = max(0.0, min(waits).total_seconds()) if waits else None
        if again is not None:
            self.bell.ring(source_uid, delay_s=again)
        return again

    def _waiting(self, source_uid: str, lane: Lane) -> Sequence[SyncTask]:
        return [task for task in self.tasks.waiting(source_uid) if task.lane is lane]

    def _to_end(self, waiting: Sequence[SyncTask], source: Source) -> SyncTask | None:
        """Find a task that is to end as cancelled, also while it waits out a fault."""
        if waiting and not self.catalog.source(source.uid).enabled:
            for task in waiting:  # asked for at the very moment that the source was disabled
                if not isinstance(task.extent, Dismissal):
                    self.tasks.stop(task, Remark(code="source is disabled", facts={"handle": source.handle}))
        return next((task for task in waiting if self.tasks.stopped(task)), None)

    def _connector(self, task: SyncTask, source: Source) -> Connector:
        return NoVendor() if isinstance(task.extent, Dismissal) else self.connectors.open(source)

    def _slice(self, task: SyncTask, source: Source, pulse: Pulse, *, is_stopped: bool) -> float | None:
        """Work on one task; return None when it has ended or waits out a fault, else when to go on, in seconds."""
        pulse.turn_to(task)
        if is_stopped:
            self._cancel(task, pulse)
            return None
        task = replace(
            task,
            status=TaskStatus.RUNNING,
            reason=None,
            not_before=None,
            slices=task.slices + 1,
            attempts=task.attempts + 1,
            started_at=task.started_at or self.clock.now(),
        )
        self.tasks.save(task, pulse.fence)
        if task.attempts > MOST_KILLS:
            self._fail(task, pulse, Remark(code="gave up", facts={"attempts": task.attempts}))
            return None
        bench: Bench | None = None
        try:
            with closing(self._connector(task, source)) as connector:
                bench = Bench(
                    source=source,
                    connector=connector,
                    directory=self.directory,
                    catalog=self.catalog,
                    tasks=self.tasks,
                    clock=self.clock,
                    pulse=pulse,
                    earlier_calls=task.calls,
                )
                ended = reconcile(task, bench)
        except StoppedError:
            self._cancel(task, pulse, bench)
            return None
        except OutOfTimeError:
            self._pause(task, bench, pulse, attempts=0)
            log.info("paused", extra={"slices": task.slices})
            return 0
        except TransientError as error:
            why = Remark(code=error.code, facts=error.facts)
            log.warning("interrupted", extra={"code": error.code, "attempts": task.attempts})
            if error.code == "lease is lost":
                return error.retry_after
            if task.attempts >= MOST_FAULTS:
                self._fail(task, pulse, why, bench)
                return None
            wait = timedelta(seconds=error.retry_after)
            self._pause(task, bench, pulse, attempts=task.attempts, reason=why, not_before=self.clock.now() + wait)
            return None
        except RollcallError as error:
            self._fail(task, pulse, Remark(code=error.code, facts=error.facts), bench)
            return None
        except Exception as error:
            # The text of a foreign exception may quote people; only its type and place go on.
            facts = {"kind": type(error).__name__, "place": place(error)}
            log.error("broke", extra=facts)
            if task.attempts >= MOST_FAULTS:
                self._fail(task, pulse, Remark(code="internal error", facts=facts), bench)
            raise ContractError("internal error", **facts) from None
        told: dict[str, object] = {"status": ended.status, "entry_writes": ended.entry_writes, **_flat(ended)}
        log.info("recorded", extra={**told, METRICS: _measured(ended)})
        return None

    def _pause(
        self,
        task: SyncTask,
        bench: Bench | None,
        pulse: Pulse,
        *,
        attempts: int,
        reason: Remark | None = None,
        not_before: datetime | None = None,
    ) -> None:
        """Leave a task to be gone on with; the phase it reached is in the store already."""
        stored = self.tasks.get(task.task_id)
        if stored.status.is_over:  # it had just ended when the answer of the store was lost
            return
        calls = bench.calls() if bench else task.calls
        paused = replace(stored, status=TaskStatus.QUEUED, attempts=attempts, calls=calls, reason=reason)
        self.tasks.save(replace(paused, not_before=not_before), pulse.fence)

    def _fail(self, task: SyncTask, pulse: Pulse, why: Remark, bench: Bench | None = None) -> None:
        stored = self.tasks.get(task.task_id)
        if stored.status.is_over:
            return
        calls = bench.calls() if bench else task.calls
        now = self.clock.now()
        counts, _, writes = tally(task, self.tasks)
        failed = replace(
            stored,
            status=TaskStatus.FAILED,
            reason=why,
            finished_at=now,
            calls=calls,
            counts=counts,
            entry_writes=writes,
        )
        try:
            self.tasks.end(failed, pulse.fence)
        except StoppedError:
            self._cancel(task, pulse, bench)
            return
        log.warning("failed", extra={**{f"vendor_{name}": fact for name, fact in why.facts.items()}, "code": why.code})
        self.tasks.clear_stage(task.task_id)

    def _cancel(self, task: SyncTask, pulse: Pulse, bench: Bench | None = None) -> None:
        stored = self.tasks.get(task.task_id)
        if stored.status.is_over:
            return
        calls = bench.calls() if bench else None
        ended = conclude_cancelled(stored, self.tasks, pulse.fence, self.clock.now(), calls)
        log.info("cancelled", extra={"entry_writes": ended.entry_writes, **_flat(ended)})


def _measured(task: SyncTask) -> Mapping[str, float]:
    """Say what a run cost, for a deployment's dashboard."""
    seconds = (task.finished_at - task.started_at).total_seconds() if task.finished_at and task.started_at else 0.0
    return {"SyncSeconds": seconds, "VendorCalls": sum(task.calls.values()), "EntryWrites": task.entry_writes}


def _flat(task: SyncTask) -> Mapping[str, int]:
    """Name the counts for a log line."""
    return {f"{kind}s_{what}": count for kind in Kind for what, count in task.counts[kind].items() if count}
