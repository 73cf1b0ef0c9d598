"""The one pipeline (law 1): read, map, diff, confirm, guard, apply, record.

Every write to the directory comes through here. It is entered again after a kill or at the end of a slice, and goes on
in the phase that the task says it is in.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache

from chalicelib.core.model import Key, Kind, Link, Remark, State
from chalicelib.core.ports import Catalog, Clock, Connector, Directory, Tasks
from chalicelib.core.scope import STEP
from chalicelib.core.source import Source
from chalicelib.core.task import (
    TALLY_OF,
    Approved,
    Claim,
    Decision,
    Dismissal,
    Everything,
    Evidence,
    Fence,
    Only,
    Phase,
    Progress,
    Purpose,
    RowStatus,
    SyncTask,
    Tally,
    TaskStatus,
    Trigger,
    Verdict,
    no_counts,
)
from chalicelib.sync.adopt import entries_without_a_source
from chalicelib.sync.apply import apply_plan, chunks, outlook
from chalicelib.sync.dismiss import plan_dismissal
from chalicelib.sync.plan import ASKED_BY_MATCHING, Plan, in_question
from chalicelib.sync.pulse import Pulse
from chalicelib.sync.read import approved_rows, read_approved, read_everything, read_only
from chalicelib.sync.rows import outcomes_of, rows_of
from chalicelib.sync.shown import Shown
from chalicelib.sync.within import Within

GUARD_WINDOW = timedelta(hours=1)
# How many decisions about its rows a task remembers.
MOST_DECISIONS = 20
# How many keys one task is asked to look at: an item holds more than twice as many.
MOST_ASKED = 5000
# How long to wait before the first, second and third look at a departure that the source contradicts.
LOOKS = {1: timedelta(seconds=10), 2: timedelta(seconds=60), 3: timedelta(minutes=10)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What one run works with."""

    source: Source
    connector: Connector
    directory: Directory
    catalog: Catalog
    tasks: Tasks
    clock: Clock
    pulse: Pulse
    earlier_calls: Mapping[str, int]

    def handles(self) -> Mapping[str, str]:
        """Name the sources that there are by their uids."""
        return {source.uid: source.handle for source in self.catalog.sources()}

    def enabled(self) -> Collection[str]:
        """Name the uids of the sources that are enabled."""
        return frozenset(source.uid for source in self.catalog.sources() if source.enabled)

    def shown(self) -> Shown:
        return Shown(directory=self.directory, handles=cache(self.handles), enabled=cache(self.enabled))

    def chosen_below(self) -> Collection[Key]:
        """Name the chosen departments of all sources that were not top ones when they were chosen."""
        return frozenset(
            Key(source.uid, Kind.DEPARTMENT, each.external_id)
            for source in self.catalog.sources()
            for each in source.scope.departments
            if STEP in each.path
        )

    def calls(self) -> Mapping[str, int]:
        """Count the vendor calls of this task, those of earlier slices included."""
        return dict(Counter(self.earlier_calls) + Counter(self.connector.calls))


def reconcile(task: SyncTask, bench: Bench) -> SyncTask:
    """Take a task from the phase it is in to its end; return it ended and stored.

    Raises:
        OutOfTimeError: the slice is over; what is done is kept.
        RollcallError: the run cannot go on now, or ever, by its family.
    """
    if task.phase is Phase.READ:
        task = _plan_dismissal(task, bench) if isinstance(task.extent, Dismissal) else _plan(task, bench)
    if task.phase is Phase.APPLY:
        task = _apply(task, bench)
    return _settle(task, bench)


def _plan_dismissal(task: SyncTask, bench: Bench) -> SyncTask:
    bench.pulse.step()
    sources = bench.catalog.sources()
    plan_dismissal(task, bench.clock.now(), bench.directory, sources, bench.tasks, bench.pulse.fence)
    task = replace(task, phase=Phase.APPLY, attempts=0)
    bench.tasks.save(task, bench.pulse.fence)
    return task


def _plan(task: SyncTask, bench: Bench) -> SyncTask:
    links = _links(task, bench)
    handles = cache(bench.handles)
    plan = Plan(
        task=task,
        source=bench.source,
        links=links,
        directory=bench.directory,
        tasks=bench.tasks,
        fence=bench.pulse.fence,
        within=Within(
            source=bench.source,
            extent=task.extent,
            links=links,
            directory=bench.directory,
            homes=bench.connector.homes,
        ),
        handles=handles,
        enabled=cache(bench.enabled),
        chosen_below=cache(bench.chosen_below),
    )
    remarks: tuple[Remark, ...] = ()
    reading = (bench.connector, bench.tasks, plan, bench.pulse.step)
    match task.extent:
        case Everything():
            remarks = read_everything(task, bench.source, *reading)
        case Only() as extent:
            read_only(task, extent, *reading)
        case Approved() as extent:
            read_approved(task, extent, bench.source, *reading)
    plan.adopt()  # those whom a read by name has shown
    if task.purpose is Purpose.PREVIEW and not links:
        remarks += entries_without_a_source(bench.source, bench.directory, handles)
    remarks += plan.finish(guarded=not isinstance(task.extent, Approved), recent=lambda: _removals(task, bench))
    counts = no_counts()
    for kind in Kind:
        counts[kind][Tally.UNCHANGED] = plan.unchanged(kind)
    if task.purpose is Purpose.SYNC:
        bench.directory.relink(bench.pulse.fence, tuple(plan.relinks.values()))
        _ask_owners(task, plan.parted, bench)
        _ask_again(task.source, plan.deserted(), bench, once=f"deserted:{task.task_id}")
        bench.tasks.look_again(task.source, [(bench.clock.now() + LOOKS[each.looks], each) for each in plan.look_again])
    phase = Phase.APPLY if task.purpose is Purpose.SYNC else Phase.SETTLE
    planned = replace(task, phase=phase, counts=counts, remarks=remarks, attempts=0, calls=bench.calls())
    planned = replace(planned, plan_keys=plan.few_keys())
    bench.tasks.save(planned, bench.pulse.fence)
    return planned


def _removals(task: SyncTask, bench: Bench) -> Mapping[Kind, int]:
    """Count what other tasks took away within the hour."""
    return bench.tasks.removals(task.source, bench.clock.now() - GUARD_WINDOW, except_task=task.task_id)


def _ask_owners(task: SyncTask, parted: Collection[Key], bench: Bench) -> None:
    """Let other sources look again at what waits there only because this one showed somebody with access, too.

    The tick rings for it. Asked for again after a kill, it is the same task.
    """
    owners: defaultdict[str, list[Key]] = defaultdict(list)
    for key in sorted(parted):
        owners[key.source].append(key)
    enabled = bench.enabled() if owners else ()
    for owner in sorted(owners.keys() & set(enabled)):
        # A run that has not ended yet may hold them too; asked for in this order, none is missed that ends meanwhile.
        tasks = [*bench.tasks.waiting(owner), *bench.tasks.held(owner)]
        synced = dict.fromkeys(each.task_id for each in tasks if each.purpose is Purpose.SYNC)
        rows = (row for task_id in synced for row in bench.tasks.rows_of(task_id, owners[owner]).values())
        waiting = (row for row in rows if row.status is RowStatus.HELD and row.removes_access)
        about = [in_question(row.key, row.evidence, row.observed_at) for row in waiting]
        _ask_again(owner, about, bench, once=f"parted:{task.source}:{task.task_id}")


def _ask_again(source: str, about: Collection[Key | Claim], bench: Bench, *, once: str) -> None:
    """Let a source look at some of its people for what other sources show of them."""
    claims = {each.key: each for each in about if isinstance(each, Claim)}
    asked = sorted({*claims, *(each for each in about if isinstance(each, Key))})
    for start in range(0, len(asked), MOST_ASKED):
        some = asked[start : start + MOST_ASKED]
        draft = SyncTask(
            task_id="",
            source=source,
            trigger=Trigger.EVENT,
            extent=Only(
                keys=tuple(key for key in some if key not in claims),
                claims=tuple(claims[key] for key in some if key in claims),
            ),
            purpose=Purpose.SYNC,
            asked_by=ASKED_BY_MATCHING,
            asked_at=bench.clock.now(),
        )
        bench.tasks.ask(draft, once=f"{once}:{start}")


def _links(task: SyncTask, bench: Bench) -> dict[Key, Link]:
    """Load what the run must know: all links of the source, or those of a few keys."""
    match task.extent:
        case Only(keys=keys, claims=claims):
            return dict(bench.directory.links_of(tuple({*keys, *(claim.key for claim in claims)})))
        case _:
            return {link.key: link for link in bench.directory.links(task.source)}


def _apply(task: SyncTask, bench: Bench) -> SyncTask:
    removals, total = outlook(task, bench.tasks)
    if removals and not isinstance(task.extent, Approved):
        bench.tasks.reserve_removals(task.source, task.task_id, bench.clock.now(), removals)
    apply_plan(task, total, bench.directory, bench.tasks, bench.pulse.fence, bench.pulse.step, bench.shown())
    task = replace(task, phase=Phase.SETTLE, attempts=0)
    bench.tasks.save(task, bench.pulse.fence)
    return task


def _settle(task: SyncTask, bench: Bench) -> SyncTask:
    # A slice that is too short for anything else ends the task all the same.
    bench.pulse.note(Progress(stage="settle", done=0, total=0))
    counts, waiting, writes = tally(task, bench.tasks)
    task = replace(task, counts=counts, entry_writes=writes, finished_at=bench.clock.now(), calls=bench.calls())
    if task.purpose is Purpose.PREVIEW:
        status = TaskStatus.PREVIEWED if waiting else TaskStatus.DONE
        reason = Remark(code="is a preview", facts={"task": task.task_id}) if waiting else None
    else:
        status = TaskStatus.HELD if waiting else TaskStatus.DONE
        facts: Mapping[str, str | int] = {"count": waiting, "task": task.task_id}
        reason = Remark(code="waits for approval", facts=facts) if waiting else None
    task = replace(task, status=status, reason=reason)
    whole = isinstance(task.extent, Everything) and task.purpose is Purpose.SYNC
    if whole:
        for older in bench.tasks.held(task.source):
            if older.task_id != task.task_id:
                _outdate(older, task, bench)
    if isinstance(task.extent, Approved):
        _report_back(task, task.extent, bench.tasks)
    # Also a preview has read everything: what it staged is the source's snapshot from now on.
    read_all = isinstance(task.extent, Everything)
    read_began_at = task.started_at if whole else None
    bench.tasks.end(task, bench.pulse.fence, read_began_at=read_began_at, keeps_stage=read_all)
    if not read_all:
        bench.tasks.clear_stage(task.task_id)
    return task


def tally(task: SyncTask, tasks: Tasks) -> tuple[dict[Kind, dict[Tally, int]], int, int]:
    """Count the rows of a task: by kind and what became of them, how many wait, how many entries were written."""
    counts = no_counts()
    waiting = writes = 0
    for kind in Kind:
        counts[kind][Tally.UNCHANGED] = task.counts[kind][Tally.UNCHANGED]
    for row in outcomes_of(task, tasks):
        waiting += row.status.waits
        writes += row.status is RowStatus.APPLIED
        match row.status:
            case RowStatus.HELD:
                what = Tally.HELD
            case RowStatus.SUPERSEDED:
                what = Tally.SUPERSEDED
            case RowStatus.REJECTED:
                what = Tally.REJECTED
            case RowStatus.CONFLICT:
                what = Tally.CONFLICT
            case RowStatus.CANCELLED:
                what = Tally.CANCELLED
            case RowStatus.CONTRADICTED:
                continue
            case RowStatus.PLANNED if task.purpose is Purpose.SYNC:
                continue  # the run ended before it came to this row
            case RowStatus.PLANNED | RowStatus.APPLIED:
                what = TALLY_OF[row.action]
        counts[row.kind][what] += 1
    return counts, waiting, writes


def with_decision(task: SyncTask, decision: Decision) -> SyncTask:
    """Remember who decided about rows of a task; said twice, it is remembered once."""
    if decision in task.decisions:
        return task
    return replace(task, decisions=(*task.decisions, decision)[-MOST_DECISIONS:])


def conclude_decided(task: SyncTask, tasks: Tasks, why: Remark | None = None) -> SyncTask:
    """Bring an ended task in step with its rows after some of them were decided; `why` is told when none waits."""
    counts, waiting, _ = tally(task, tasks)
    reason = why
    if task.reason and waiting:
        reason = replace(task.reason, facts={**task.reason.facts, "count": waiting})
    task = replace(task, counts=counts, status=task.status if waiting else TaskStatus.DONE, reason=reason)
    tasks.close(task)
    return task


def conclude_cancelled(
    task: SyncTask, tasks: Tasks, fence: Fence, now: datetime, calls: Mapping[str, int] | None = None
) -> SyncTask:
    """End a task that somebody stopped: what is applied stays, whatever else is in its plan is marked.

    Raises:
        StoreConflictError: the lease is lost; whoever takes it next ends the task.
    """
    for status in (RowStatus.PLANNED, RowStatus.HELD):
        waiting = (row for row in rows_of(task, tasks) if row.status is status)
        for chunk in chunks(waiting):
            tasks.decide([row.ended(RowStatus.CANCELLED) for row in chunk], instead_of=status)
    counts, _, writes = tally(task, tasks)
    cancelled = replace(
        task,
        status=TaskStatus.CANCELLED,
        reason=tasks.stopped(task),
        counts=counts,
        entry_writes=writes,
        not_before=None,
        finished_at=now,
        calls=task.calls if calls is None else calls,
    )
    tasks.end(cancelled, fence)
    tasks.clear_stage(task.task_id)
    return cancelled


def _outdate(older: SyncTask, newer: SyncTask, bench: Bench) -> None:
    why = Remark(code="out of date", facts={"task": newer.task_id})
    kept = _unanswered(older, newer, bench)
    for status in (RowStatus.PLANNED, RowStatus.HELD):
        rows = (row for row in rows_of(older, bench.tasks) if row.status is status and row.key not in kept)
        bench.tasks.decide([row.ended(RowStatus.SUPERSEDED, why) for row in rows], instead_of=status)
    conclude_decided(older, bench.tasks, why)


def _unanswered(older: SyncTask, newer: SyncTask, bench: Bench) -> Collection[Key]:
    """Name those whose departure was reported and waits on, for the newer run could not see them either."""
    rows = (row for row in rows_of(older, bench.tasks) if row.status is RowStatus.HELD)
    at = {row.key: row.observed_at for row in rows if row.evidence is Evidence.CLAIMED}
    if not at:
        return ()
    planned = bench.tasks.rows_of(newer.task_id, tuple(at))
    unseen = {link.key: link for link in bench.directory.links_of(tuple(at)).values() if link.unseen_since is not None}
    return {
        key
        for key, link in unseen.items()
        if link.state is not State.LEFT
        and link.observed_at <= at[key]
        and (key not in planned or planned[key].evidence is Evidence.UNSEEN)
    }


def _report_back(task: SyncTask, extent: Approved, tasks: Tasks) -> None:
    """Write what became of an approval onto the rows that were approved."""
    carried = {row.key for row in rows_of(task, tasks) if row.status is RowStatus.APPLIED}
    facts = {"task": task.task_id}
    for status in (RowStatus.PLANNED, RowStatus.HELD):
        decided = []
        for row in approved_rows(tasks, extent):
            if row.status is not status:
                continue
            if row.key in carried:
                decided.append(row.ended(RowStatus.APPLIED, Remark(code="approved", facts=facts)))
            else:
                decided.append(row.ended(RowStatus.SUPERSEDED, Remark(code="approval not true any more", facts=facts)))
        tasks.decide(decided, instead_of=status)
    decision = Decision(verdict=Verdict.APPROVED, by=task.asked_by, at=task.asked_at, task=task.task_id)
    conclude_decided(with_decision(tasks.get(extent.of), decision), tasks)
