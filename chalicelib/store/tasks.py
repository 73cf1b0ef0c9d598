"""Tasks, their plans, their stage, and the lease under which a source's work is done (law 8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from chalicelib.core.budget import cause_of, month_of, usage_of
from chalicelib.core.errors import ConditionFailedError, NotFoundError, StoppedError
from chalicelib.core.model import Key, Kind, Part, Remark
from chalicelib.core.ports import Absent, Before, Check, Clock, Delete, Equals, Item, Put, Table, Write
from chalicelib.core.task import (
    Claim,
    Everything,
    Fence,
    Lane,
    Progress,
    RowOutcome,
    RowStatus,
    Sighting,
    Snapshot,
    SyncRecord,
    SyncTask,
    TaskStatus,
)
from chalicelib.store import keys, stage
from chalicelib.store.body import (
    BODY,
    Body,
    as_remark,
    folded,
    instant,
    number_of,
    parse_instant,
    remark_json,
    text_of,
)
from chalicelib.store.codec import (
    AT,
    LAST,
    OWNER,
    STATUS,
    TASK,
    THROUGH,
    UNTIL,
    as_claim,
    as_outcome,
    as_part,
    as_progress,
    as_record,
    as_sighting,
    as_task,
    expiry,
    look_item,
    part_lines,
    progress_json,
    record_item,
    removal_counts,
    removals_item,
    row,
    sighting_lines,
    task_item,
)
from chalicelib.store.fencing import busy, every, holds_lease, lease_check, lease_lost, packs
from chalicelib.store.keys import Place, Staged
from chalicelib.store.meter import counted

_TRIES: Final = 20
_ROWS_LOOKED_AT: Final = 100
_DIGITS_AT_MOST: Final = 12
_WAITS_FOR_A_PERSON: Final = (TaskStatus.HELD, TaskStatus.PREVIEWED)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableTasks:
    table: Table
    clock: Clock

    def ask(self, draft: SyncTask, *, once: str | None = None) -> tuple[SyncTask, bool]:
        if draft.status.is_over:
            raise ValueError("a task that is over cannot be asked for")
        spot = None if once is None else keys.once(draft.source, once)
        full = keys.full(draft.source) if isinstance(draft.extent, Everything) else None
        for _ in range(_TRIES):
            found = self.table.get_many([place for place in (keys.COUNTER, spot, full) if place is not None])
            if spot is not None and spot in found:
                return self.get(text_of(found[spot], TASK)), False
            try:
                if full is not None and full in found:
                    return self._join(draft, text_of(found[full], TASK), full, spot), False
                return self._open(draft, found.get(keys.COUNTER), full, spot), True
            except ConditionFailedError:
                continue
        raise busy()

    def get(self, task_id: str) -> SyncTask:
        # Ids are typed by people.
        typed_well = task_id.isascii() and task_id.isdigit() and len(task_id) <= _DIGITS_AT_MOST
        item = self.table.get(*keys.task(task_id)) if typed_well else None
        if item is None:
            raise NotFoundError("no such task", task=task_id[:40])
        return as_task(item)

    def recent(self, source: str | None, limit: int) -> Sequence[SyncTask]:
        tasks: list[SyncTask] = []
        after: str | None = None
        while len(tasks) < limit:
            page = self.table.query(keys.history(source), after=after, backward=True, limit=limit)
            tasks += self._tasks(page.items)
            if page.resume is None:
                break
            after = page.resume
        return tasks[:limit]

    def waiting(self, source: str) -> Sequence[SyncTask]:
        return self._listed(source, keys.WAITING_PREFIX)

    def held(self, source: str) -> Sequence[SyncTask]:
        return self._listed(source, keys.HELD_PREFIX)

    def save(self, task: SyncTask, fence: Fence) -> None:
        try:
            self.table.write([lease_check(fence), Put(item=task_item(task))])
        except ConditionFailedError as error:
            raise lease_lost() from error

    def end(
        self, task: SyncTask, fence: Fence, *, read_began_at: datetime | None = None, keeps_stage: bool = False
    ) -> None:
        if not task.status.is_over:
            raise ValueError(f"a task that is {task.status} has not ended")
        further = [keys.snapshot(task.source)] if keeps_stage else []
        if isinstance(task.extent, Everything) or read_began_at is not None:
            further += [keys.full(task.source), keys.read(task.source)]
        found = self._found_ending(task, further)
        # As it was before the first try, whose answer may have been lost.
        former = found.get(keys.snapshot(task.source)) if keeps_stage else None
        snapshot = [Put(item=self._snapshot_item(task))] if keeps_stage else []
        for nth in range(_TRIES):
            found = found if nth == 0 else self._found_ending(task, further)
            try:
                self.table.write([*self._ending(task, fence, read_began_at, found), *snapshot])
            except ConditionFailedError as error:
                if not holds_lease(self.table, fence):
                    raise lease_lost() from error
                if task.status is not TaskStatus.CANCELLED and self.stopped(task) is not None:
                    raise StoppedError from error
            else:
                if former is not None and text_of(former, TASK) != task.task_id:
                    stage.clear(self.table, text_of(former, TASK))
                return
        raise busy()

    def unreported(self, source: str) -> Sequence[SyncTask]:
        return self._tasks(list(every(self.table, keys.news(source))))

    def reported(self, task: SyncTask) -> None:
        self.table.write_many([_delete(keys.told_of(task.source, task.task_id))])

    def close(self, task: SyncTask) -> None:
        self.table.write([Put(item=task_item(task)), _held_write(task)])

    def seen(self, source: str, once: str) -> SyncTask | None:
        item = self.table.get(*keys.once(source, once))
        return None if item is None else self.get(text_of(item, TASK))

    # a person wants it to end

    def stop(self, task: SyncTask, why: Remark) -> bool:
        partition, sort = keys.waiting(task.source, task.task_id)
        # Only what waits is stopped, so that the note never outlives the task.
        waits = Check(partition=partition, sort=sort, when=Equals(TASK, task.task_id))
        note = row(keys.stop(task.source, task.task_id), {BODY: folded(remark_json(why))})
        try:
            self.table.write([waits, Put(item=note, when=Absent())])
        except ConditionFailedError:
            return self.stopped(task) is not None
        return True

    def stopped(self, task: SyncTask) -> Remark | None:
        item = self.table.get(*keys.stop(task.source, task.task_id))
        return None if item is None else as_remark(Body.of(item))

    # the plan

    def put_rows(self, rows: Iterable[SyncRecord], fence: Fence) -> None:
        self._write_under(fence, [Put(item=record_item(record)) for record in rows])

    def rows(self, task_id: str) -> Iterator[SyncRecord]:
        for kind in (Kind.DEPARTMENT, Kind.EMPLOYEE):
            for partition in keys.plan(task_id):
                for item in every(self.table, partition, prefix=f"{keys.initial(kind)}#"):
                    yield as_record(item)

    def outcomes(self, task_id: str) -> Iterator[RowOutcome]:
        return (as_outcome(item) for partition in keys.plan(task_id) for item in every(self.table, partition))

    def rows_of(self, task_id: str, keys_: Sequence[Key]) -> Mapping[Key, SyncRecord]:
        found = self.table.get_many([keys.plan_row(task_id, key) for key in keys_])
        records = (as_record(item) for item in found.values())
        return {record.key: record for record in records}

    def drop_rows(self, task_id: str, keys_: Iterable[Key], fence: Fence) -> None:
        self._write_under(fence, [_delete(keys.plan_row(task_id, key)) for key in keys_])

    def wipe_rows(self, key: Key, entry_id: str | None = None) -> int:
        wiped = 0
        numbers = (keys.unpadded(item.sort) for item in every(self.table, keys.history(key.source)))
        while chunk := [keys.plan_row(number, key) for number in islice(numbers, _ROWS_LOOKED_AT)]:
            found = [as_record(item) for item in self.table.get_many(chunk).values()]
            found = [record for record in found if entry_id is None or record.entry_id == entry_id]
            self.table.write_many(Put(item=record_item(record.wiped())) for record in found)
            wiped += len(found)
        return wiped

    def decide(self, rows: Sequence[SyncRecord], *, instead_of: RowStatus) -> Sequence[SyncRecord]:
        stored: list[SyncRecord] = []
        for pack in packs(rows, lambda record: (_decision(record, instead_of),), shared=0):
            stored += self._decide(pack, instead_of)
        return stored

    # later looks at claimed departures

    def look_again(self, source: str, looks: Sequence[tuple[datetime, Claim]]) -> None:
        self.table.write_many(Put(item=look_item(source, due, claim)) for due, claim in looks)

    def looks(self, source: str) -> Sequence[tuple[datetime, Claim]]:
        found = every(self.table, keys.work(source), prefix=keys.LOOK_PREFIX)
        return [(parse_instant(text_of(item, AT)), as_claim(Body.of(item))) for item in found]

    def drop_looks(self, source: str, keys_: Sequence[Key]) -> None:
        self.table.write_many(_delete(keys.look(source, key)) for key in keys_)

    # the stage

    def stage(self, task_id: str, part: Part | Sighting) -> None:
        now = self.clock.now()
        if isinstance(part, Part):
            stage.put(self.table, task_id, Staged.PART, part.name, part_lines(part), now)
        else:
            stage.put(self.table, task_id, Staged.SIGHTING, part.name, sighting_lines(part), now)

    def staged_parts(self, task_id: str) -> Mapping[str, Part]:
        return stage.look(self.table, task_id, Staged.PART, as_part, self.clock.now(), keys.RESUME_LIFE)

    def staged_sightings(self, task_id: str) -> Mapping[str, Sighting]:
        return stage.look(self.table, task_id, Staged.SIGHTING, as_sighting, self.clock.now(), keys.RESUME_LIFE)

    def clear_stage(self, task_id: str) -> None:
        stage.clear(self.table, task_id)

    def snapshot(self, source: str) -> Snapshot | None:
        item, now = self.table.get(*keys.snapshot(source)), self.clock.now()
        if item is None or item.expires is None or item.expires <= now.timestamp():
            return None
        task_id = text_of(item, TASK)
        return Snapshot(
            task=task_id,
            read_at=parse_instant(text_of(item, AT)),
            parts=stage.look(self.table, task_id, Staged.PART, as_part, now, keys.STAGE_LIFE),
            sightings=stage.look(self.table, task_id, Staged.SIGHTING, as_sighting, now, keys.STAGE_LIFE),
        )

    def drop_snapshot(self, source: str) -> None:
        item = self.table.get(*keys.snapshot(source))
        if item is not None:
            stage.clear(self.table, text_of(item, TASK))
            self.table.write_many([_delete(keys.snapshot(source))])

    def _snapshot_item(self, task: SyncTask) -> Item:
        """Point at what a task staged; it ends before the first thing that the task can have staged."""
        began = task.started_at or task.asked_at
        attributes = {TASK: task.task_id, AT: instant(began)}
        return row(keys.snapshot(task.source), attributes, expires=expiry(began, keys.STAGE_LIFE))

    # the lease

    def take(self, source: str, owner: str, now: datetime, ttl: timedelta, lane: Lane = Lane.FULL) -> Fence | None:
        fence = Fence(source=source, owner=owner, lane=lane)
        item = _lease_item(fence, now + ttl, None)
        # A lease has run out at its very end; an owner may take its own again.
        for when in (Before(UNTIL, instant(now + timedelta.resolution)), Equals(OWNER, owner)):
            try:
                self.table.write([Put(item=item, when=when)])
            except ConditionFailedError:
                continue
            return fence
        return None

    def renew(self, fence: Fence, now: datetime, ttl: timedelta, progress: Progress | None) -> bool:
        item = _lease_item(fence, now + ttl, progress)
        try:
            self.table.write([Put(item=item, when=Equals(OWNER, fence.owner))])
        except ConditionFailedError:
            return False
        return True

    def release(self, fence: Fence) -> None:
        partition, sort = keys.lease(fence.source, fence.lane)
        try:
            self.table.write([Delete(partition=partition, sort=sort, when=Equals(OWNER, fence.owner))])
        except ConditionFailedError:
            return

    def lease(self, source: str, lane: Lane = Lane.FULL) -> tuple[datetime, Progress | None] | None:
        item = self.table.get(*keys.lease(source, lane))
        if item is None:
            return None
        body = Body.of(item)
        progress = as_progress(body.child("progress")) if body.has("progress") else None
        return parse_instant(text_of(item, UNTIL)), progress

    # what bounds the next run

    def read_through(self, source: str) -> datetime | None:
        item = self.table.get(*keys.read(source))
        return None if item is None else parse_instant(text_of(item, THROUGH))

    def removals(self, source: str, since: datetime, *, except_task: str) -> Mapping[Kind, int]:
        counts = dict.fromkeys(Kind, 0)
        for item in every(self.table, keys.work(source), prefix=keys.REMOVALS_PREFIX):
            ours = item.sort.removeprefix(keys.REMOVALS_PREFIX) == except_task
            if ours or parse_instant(text_of(item, AT)) < since:
                continue
            for kind, count in removal_counts(item).items():
                counts[kind] += count
        return counts

    def reserve_removals(self, source: str, task_id: str, now: datetime, counts: Mapping[Kind, int]) -> None:
        self.table.write([Put(item=removals_item(source, task_id, now, counts))])

    def _join(self, draft: SyncTask, task_id: str, full: Place, spot: Place | None) -> SyncTask:
        """Give the unfinished full task, and remember that this request was given it, if that is what it wanted."""
        joined = self.get(task_id)
        if spot is not None and joined.purpose is draft.purpose:
            still = Check(partition=full[0], sort=full[1], when=Equals(TASK, task_id))
            self.table.write([still, Put(item=_once_item(spot, task_id, draft.asked_at), when=Absent())])
        return joined

    def _open(self, draft: SyncTask, counter: Item | None, full: Place | None, spot: Place | None) -> SyncTask:
        last = 0 if counter is None else number_of(counter, LAST)
        task = replace(draft, task_id=str(last + 1))
        history = {TASK: task.task_id}
        ends = expiry(task.asked_at, keys.TASK_LIFE)
        writes = [
            Put(item=row(keys.COUNTER, {LAST: last + 1}), when=Equals(LAST, last) if counter else Absent()),
            Put(item=task_item(task), when=Absent()),
            Put(item=row(keys.waiting(task.source, task.task_id), history)),
            Put(item=row((keys.history(task.source), keys.padded(task.task_id)), history, expires=ends)),
            Put(item=row((keys.history(None), keys.padded(task.task_id)), history, expires=ends)),
        ]
        if full is not None:
            writes.append(Put(item=row(full, {TASK: task.task_id}), when=Absent()))
        if spot is not None:
            writes.append(Put(item=_once_item(spot, task.task_id, task.asked_at), when=Absent()))
        self.table.write(writes)
        return task

    def _found_ending(self, task: SyncTask, further: Sequence[Place]) -> Mapping[Place, Item]:
        """Read what the end of a task is to change."""
        return self.table.get_many([keys.waiting(task.source, task.task_id), self._meter_of(task), *further])

    def _meter_of(self, task: SyncTask) -> Place:
        return keys.calls(task.source, month_of(task.finished_at or self.clock.now()), cause_of(task.trigger))

    def _ending(
        self, task: SyncTask, fence: Fence, read_began_at: datetime | None, found: Mapping[Place, Item]
    ) -> Iterator[Write]:
        full, read = keys.full(task.source), keys.read(task.source)
        waiting, meter = keys.waiting(task.source, task.task_id), self._meter_of(task)
        ended_at, cause = task.finished_at or self.clock.now(), cause_of(task.trigger)
        yield lease_check(fence)
        yield Put(item=task_item(task))
        if waiting in found:  # it ends now, and not before an answer that got lost: its calls are counted once
            yield Delete(partition=waiting[0], sort=waiting[1], when=Equals(TASK, task.task_id))
            if task.calls:
                yield counted(found.get(meter), task.source, ended_at, cause, usage_of(task))
        partition, sort = keys.stop(task.source, task.task_id)
        if task.status is TaskStatus.CANCELLED:
            yield _delete((partition, sort))
        else:
            yield Check(partition=partition, sort=sort, when=Absent())
        yield _held_write(task)
        news = row(keys.told_of(task.source, task.task_id), {}, expires=expiry(self.clock.now(), keys.NEWS_LIFE))
        yield Put(item=news)
        if full in found and text_of(found[full], TASK) == task.task_id:
            yield Delete(partition=full[0], sort=full[1], when=Equals(TASK, task.task_id))
        if read_began_at is not None:
            through = instant(read_began_at)
            if read not in found or text_of(found[read], THROUGH) < through:
                yield Put(item=row(read, {THROUGH: through}), when=Before(THROUGH, through))

    def _listed(self, source: str, prefix: str) -> Sequence[SyncTask]:
        return self._tasks(list(every(self.table, keys.work(source), prefix=prefix)))

    def _tasks(self, items: Sequence[Item]) -> Sequence[SyncTask]:
        places = [keys.task(keys.unpadded(item.sort)) for item in items]
        found = self.table.get_many(places)
        return [as_task(found[place]) for place in places if place in found]

    def _write_under(self, fence: Fence, writes: Sequence[Write]) -> None:
        """Write what an overtaken worker must not: it would put back what the next one has applied already."""
        for pack in packs(writes, lambda write: (write,), shared=1):
            try:
                self.table.write([lease_check(fence), *pack])
            except ConditionFailedError as error:
                raise lease_lost() from error

    def _decide(self, rows: Sequence[SyncRecord], instead_of: RowStatus) -> Sequence[SyncRecord]:
        try:
            self.table.write([_decision(record, instead_of) for record in rows])
        except ConditionFailedError:
            if len(rows) == 1:
                return []
            middle = len(rows) // 2
            return [*self._decide(rows[:middle], instead_of), *self._decide(rows[middle:], instead_of)]
        return rows


def _delete(place: Place) -> Delete:
    return Delete(partition=place[0], sort=place[1])


def _decision(record: SyncRecord, instead_of: RowStatus) -> Put:
    return Put(item=record_item(record), when=Equals(STATUS, instead_of))


def _held_write(task: SyncTask) -> Put | Delete:
    place = keys.held(task.source, task.task_id)
    if task.status in _WAITS_FOR_A_PERSON:
        return Put(item=row(place, {TASK: task.task_id}))
    return _delete(place)


def _once_item(spot: Place, task_id: str, at: datetime) -> Item:
    return row(spot, {TASK: task_id}, expires=expiry(at, keys.ONCE_LIFE))


def _lease_item(fence: Fence, until: datetime, progress: Progress | None) -> Item:
    body = {} if progress is None else {"progress": progress_json(progress)}
    return row(keys.lease(fence.source, fence.lane), {OWNER: fence.owner, UNTIL: instant(until), BODY: folded(body)})
