"""Ask for syncs, and decide about what is held. Permission and audit sit here, so that no door can forget them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.core.audited import Noted, audited
from chalicelib.core.errors import ConflictError, NotFoundError
from chalicelib.core.model import Remark
from chalicelib.core.ports import Audit, Bell, Catalog, Clock, Directory, Tasks
from chalicelib.core.principal import EVENTS, SCHEDULE, Principal, Role
from chalicelib.core.source import NextDue, Source, due, due_at, due_next
from chalicelib.core.task import (
    Approved,
    Decision,
    Dismissal,
    Everything,
    Extent,
    Lane,
    Only,
    Purpose,
    RowStatus,
    SyncTask,
    TaskStatus,
    Trigger,
    Verdict,
    next_due,
)
from chalicelib.sync.dismiss import leavers
from chalicelib.sync.reconcile import conclude_cancelled, conclude_decided, with_decision

# A task names the deliveries that caused it: all of them where keys are read by name, the first ones of a storm.
MOST_DELIVERIES = 500
# For how long a task that nobody has begun with is held to end it.
_ENDING = timedelta(seconds=20)
# Nothing new begins in a source that is being deleted, but for another try.
_RECENT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`new` is False when the request joined a task that was there already."""

    task: SyncTask
    new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """`task` as it is now: ended, or about to end at its next step. `new` is False when it was cancelled before."""

    task: SyncTask
    new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    catalog: Catalog
    tasks: Tasks
    audit: Audit
    bell: Bell
    clock: Clock
    next_due: NextDue

    def sync_now(self, who: Principal, handle: str, *, once: str | None = None) -> Asked:
        """Ask for a full sync; one that is under way already is joined.

        Raises:
            ConflictError: the source is disabled, or a preview of it is under way.
        """
        with self._audited(who, "sync now", Role.OPERATOR) as line:
            return self._everything(who, handle, Purpose.SYNC, Trigger.MANUAL, line, once)

    def preview(self, who: Principal, handle: str, *, once: str | None = None) -> Asked:
        """Ask for a plan of a full sync that is not applied.

        Raises:
            ConflictError: the source is disabled, or a sync of it is under way.
        """
        with self._audited(who, "sync preview", Role.OPERATOR) as line:
            return self._everything(who, handle, Purpose.PREVIEW, Trigger.MANUAL, line, once)

    def approve(self, who: Principal, task_id: str, entry_ids: Sequence[str] = (), *, once: str | None = None) -> Asked:
        """Ask to apply what waits in a task, or those of its rows that are named; each is looked at afresh.

        Raises:
            ConflictError: the source is disabled, the task has not ended, it was decided about already, it is out of
                date, or nothing in it waits.
            NotFoundError: the task has no such row.
        """
        with self._audited(who, "sync approve", Role.OPERATOR) as line:
            task = self.tasks.get(task_id)
            line.source, line.task = task.source, task.task_id
            before = self.tasks.seen(task.source, once) if once is not None else None
            if before is not None:
                line.task = before.task_id
                return Asked(task=before, new=False)
            source = self.catalog.source(task.source)
            if not source.enabled:
                raise ConflictError("source is disabled", handle=source.handle)
            self._check_decidable(task, entry_ids)
            extent = Approved(of=task.task_id, entry_ids=tuple(sorted(set(entry_ids))) or None)
            for waiting in self.tasks.waiting(task.source):
                if waiting.extent == extent:
                    return Asked(task=waiting, new=False)
            asked = self._ask(who, source, extent, Purpose.SYNC, Trigger.APPROVAL, once)
            line.task = asked.task.task_id
            return asked

    def reject(self, who: Principal, task_id: str, entry_ids: Sequence[str] = ()) -> SyncTask:
        """Refuse what waits in a task; nothing is written to the directory.

        Raises: as `approve`, but that the source may be disabled.
        """
        with self._audited(who, "sync reject", Role.OPERATOR) as line:
            task = self.tasks.get(task_id)
            line.source, line.task = task.source, task.task_id
            self._check_decidable(task, entry_ids)
            for waiting in self.tasks.waiting(task.source):
                if isinstance(waiting.extent, Approved) and waiting.extent.of == task_id:
                    raise _decided(Verdict.APPROVED, task_id, waiting.asked_by, waiting.asked_at)
            # Written first, so that a kill between the rows leaves nobody to wonder who it was.
            task = with_decision(task, Decision(verdict=Verdict.REJECTED, by=_name(who), at=self.clock.now()))
            self.tasks.close(task)
            why = Remark(code="rejected")
            for status in (RowStatus.PLANNED, RowStatus.HELD):
                rows = [
                    row.ended(RowStatus.REJECTED, why)
                    for row in self.tasks.rows(task_id)
                    if row.status is status and (not entry_ids or row.entry_id in entry_ids)
                ]
                self.tasks.decide(rows, instead_of=status)
            return conclude_decided(task, self.tasks)

    def cancel(self, who: Principal, task_id: str) -> Cancelled:
        """End a task that was asked for or is at work; what it applied stays, the rest of its plan is dropped.

        One that nobody has begun with ends at once, another one at its next step; in the end it is cancelled, whoever
        is killed meanwhile. Asked twice, it is cancelled once.

        Raises:
            ConflictError: the task has ended otherwise, or looks at what an event reported.
        """
        with self._audited(who, "sync cancel", Role.OPERATOR) as line:
            task = self.tasks.get(task_id)
            line.source, line.task = task.source, task.task_id
            if task.lane is Lane.HINTS:
                raise ConflictError("events are not cancelled", task=task_id)
            if isinstance(task.extent, Dismissal):
                raise ConflictError("source is being deleted", handle=self.catalog.source(task.source).handle)
            before = self.tasks.stopped(task) is not None
            facts = {"by": who.key, "at": self.clock.now().isoformat(timespec="seconds")}
            stopped = self._stop(task, Remark(code="cancelled", facts=facts))
            if stopped.status.is_over and stopped.status is not TaskStatus.CANCELLED:
                raise ConflictError("task is over", task=task_id)
            return Cancelled(task=stopped, new=not before and not task.status.is_over)

    def withdraw(self, who: Principal, source: Source) -> None:
        """Cancel whatever waits of a source that was disabled, in both lanes. The disabling is what is audited."""
        facts = {"by": who.key, "at": self.clock.now().isoformat(timespec="seconds"), "handle": source.handle}
        for task in self.tasks.waiting(source.uid):
            if not isinstance(task.extent, Dismissal):
                self._stop(task, Remark(code="cancelled with its source", facts=facts))

    def dismiss(self, who: Principal, source: Source, *, again: bool = False) -> SyncTask:
        """Let everybody of a source leave that is being deleted: once, however often it is asked for.

        A task that failed at it is followed by another one; whoever asks, waits a while before. So is, `again`, one
        that is done: somebody came after it had looked.
        """
        last = self.dismissal(source)
        unfinished = (TaskStatus.FAILED, TaskStatus.CANCELLED)
        if last is not None and last.status not in unfinished and not (again and last.status.is_over):
            return last
        once = f"dismiss:{last.task_id if last else ''}"
        return self._ask(who, source, Dismissal(), Purpose.SYNC, Trigger.DELETION, once).task

    def is_left_by_all(self, source: Source, directory: Directory) -> bool:
        """Tell whether nobody is there any more whom `dismiss` would let leave."""
        return next(leavers(source.uid, directory, self.catalog.sources()), None) is None

    def dismissal(self, source: Source) -> SyncTask | None:
        """Find the last task that lets everybody of a source leave."""
        recent = self.tasks.recent(source.uid, _RECENT)
        return next((task for task in recent if isinstance(task.extent, Dismissal)), None)

    def forfeit(self, source: Source) -> None:
        """Close what waits for a decision in the ended tasks of a source that is being deleted."""
        why = Remark(code="source was deleted", facts={"handle": source.handle})
        for task in self.tasks.held(source.uid):
            for status in (RowStatus.PLANNED, RowStatus.HELD):
                rows = [
                    row.ended(RowStatus.CANCELLED, why) for row in self.tasks.rows(task.task_id) if row.status is status
                ]
                self.tasks.decide(rows, instead_of=status)
            conclude_decided(task, self.tasks, why)

    def reported(self, source: Source, extent: Only, deliveries: Sequence[str]) -> SyncTask:
        """Ask to look at what verified callbacks reported. The task itself is the record of it."""
        return self._ask(EVENTS, source, extent, Purpose.SYNC, Trigger.EVENT, deliveries=deliveries).task

    def reported_whole(self, source: Source, deliveries: Sequence[str]) -> SyncTask | None:
        """Ask for a full sync because of callbacks, in a task that names them.

        None while another is unfinished: one that somebody else asked for names no deliveries, and may have begun
        before them.
        """
        names = tuple(deliveries[:MOST_DELIVERIES])
        task = self._ask(EVENTS, source, Everything(), Purpose.SYNC, Trigger.EVENT, deliveries=names).task
        return task if task.trigger is Trigger.EVENT and task.deliveries == names else None

    def tick(self) -> None:
        """Ask for the syncs that are due, and ring for waiting work that nobody holds.

        Work whose worker died is put back so, and work whose ring was lost: a lease that has run out is nobody's.
        """
        now = self.clock.now()
        for turn in self.catalog.turns(now):
            waiting = self.tasks.waiting(turn.uid)
            # What a preview is in the way of is made up for when that has ended.
            is_due = turn.due_at is not None and turn.due_at <= now
            if is_due and not any(task.purpose is Purpose.PREVIEW for task in waiting):
                self._scheduled(turn.uid, now)
            elif next_due([task for task in waiting if task.lane is Lane.FULL], now) and self._idle(turn.uid):
                self.bell.ring(turn.uid)

    def _scheduled(self, uid: str, now: datetime) -> None:
        source = self._source(uid)
        if source is None or not due(source, now):
            return
        # Asked first, claimed second: a kill in between asks once more, and `once` makes that the same task.
        once = f"schedule:{due_at(source)}"
        with suppress(ConflictError), self._audited(SCHEDULE, "sync now", Role.OPERATOR) as line:
            self._everything(SCHEDULE, source.handle, Purpose.SYNC, Trigger.SCHEDULE, line, once)
            self.catalog.claim_due(source, now, due_next(source, now, self.next_due))

    def _source(self, uid: str) -> Source | None:
        """Read a source; None when it was deleted since the tick began."""
        try:
            return self.catalog.source(uid)
        except NotFoundError:
            return None

    def _idle(self, uid: str) -> bool:
        lease = self.tasks.lease(uid)
        return lease is None or lease[0] <= self.clock.now()

    def _everything(
        self, who: Principal, handle: str, purpose: Purpose, trigger: Trigger, line: Noted, once: str | None
    ) -> Asked:
        source = self.catalog.source(handle)
        line.source = source.uid
        if not source.enabled:
            raise ConflictError("source is disabled", handle=source.handle)
        asked = self._ask(who, source, Everything(), purpose, trigger, once)
        line.task = asked.task.task_id
        if asked.task.purpose is not purpose:
            raise ConflictError("another task is under way", task=asked.task.task_id, handle=source.handle)
        return asked

    def _ask(
        self,
        who: Principal,
        source: Source,
        extent: Extent,
        purpose: Purpose,
        trigger: Trigger,
        once: str | None = None,
        *,
        deliveries: Sequence[str] = (),
    ) -> Asked:
        draft = SyncTask(
            task_id="",
            source=source.uid,
            trigger=trigger,
            extent=extent,
            purpose=purpose,
            asked_by=_name(who),
            asked_at=self.clock.now(),
            deliveries=tuple(deliveries[:MOST_DELIVERIES]),
        )
        task, new = self.tasks.ask(draft, once=once)
        if task.lane is Lane.FULL:
            self.bell.ring(source.uid)
        return Asked(task=task, new=new)

    def _check_decidable(self, task: SyncTask, entry_ids: Sequence[str]) -> None:
        """Tell why nothing can be decided about these rows of a task, or about any."""
        if not task.status.is_over:
            raise ConflictError("task is not over", task=task.task_id)
        if task.status in (TaskStatus.HELD, TaskStatus.PREVIEWED):
            rows = {row.entry_id: row.status.waits for row in self.tasks.rows(task.task_id)}
            for entry_id in entry_ids:
                if entry_id not in rows:
                    raise NotFoundError("entry not in task", task=task.task_id, entry=entry_id[:40])
            if all(rows[each] for each in entry_ids) and any(rows.values()):
                return
            if not any(rows.values()):  # whoever decided was killed before the task was closed
                task = conclude_decided(task, self.tasks)
        if task.reason and task.reason.code == "out of date":
            raise ConflictError("out of date", **task.reason.facts)
        if task.decisions:
            last = task.decisions[-1]
            raise _decided(last.verdict, task.task_id, last.by, last.at)
        raise ConflictError("nothing waits", task=task.task_id)

    def _stop(self, task: SyncTask, why: Remark) -> SyncTask:
        """Note that a task is to end, and end it if nobody has begun with it; a begun plan takes a worker's time."""
        if task.status.is_over or not self.tasks.stop(task, why):
            return self.tasks.get(task.task_id)
        fence = None
        if task.started_at is None:
            fence = self.tasks.take(task.source, uuid.uuid4().hex, self.clock.now(), _ENDING, task.lane)
        try:
            now = self.tasks.get(task.task_id)
            if fence is None or now.status.is_over or now.started_at is not None:
                return now  # whoever is or will be at work finds the note
            return conclude_cancelled(now, self.tasks, fence, self.clock.now())
        finally:
            if fence is not None:
                self.tasks.release(fence)
            # The note is to be found, and who was woken meanwhile found the lease taken.
            if task.lane is Lane.FULL and self.tasks.waiting(task.source):
                self.bell.ring(task.source)

    def _audited(self, who: Principal, verb: str, needed: Role) -> AbstractContextManager[Noted]:
        return audited(self.audit, self.clock, who, verb, needed)


def _name(who: Principal) -> str:
    return f"{who.door}:{who.key}"


def _decided(verdict: Verdict, task_id: str, by: str, at: datetime) -> ConflictError:
    code = "already approved" if verdict is Verdict.APPROVED else "already rejected"
    return ConflictError(code, task=task_id, by=by.partition(":")[2], at=at.isoformat(timespec="seconds"))
