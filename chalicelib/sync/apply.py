"""Carry a stored plan out: row by row in transactions, and again where something moved meanwhile (law 3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from chalicelib.core.diff import Action, Change, changed, diff
from chalicelib.core.errors import StoreConflictError
from chalicelib.core.mapping import Mapped
from chalicelib.core.model import Kind, Remark, SourceRecord
from chalicelib.core.ports import Directory, Tasks
from chalicelib.core.task import Approved, Dismissal, Fence, Outcome, Progress, RowStatus, SyncRecord, SyncTask
from chalicelib.sync.rows import outcomes_of, rows_of
from chalicelib.sync.shown import Shown, other_keys

Step = Callable[[Progress], None]
CHUNK_ROWS = 100
MOST_TRIES = 5


def outlook(task: SyncTask, tasks: Tasks) -> tuple[Counter[Kind], int]:
    """Count what this plan takes away, applied already or about to be, and the rows that are still to be applied."""
    removals: Counter[Kind] = Counter()
    planned = 0
    for row in outcomes_of(task, tasks):
        planned += row.status is RowStatus.PLANNED
        if row.removes_access and row.status in (RowStatus.PLANNED, RowStatus.APPLIED):
            removals[row.kind] += 1
    return removals, planned


def apply_plan(
    task: SyncTask, total: int, directory: Directory, tasks: Tasks, fence: Fence, step: Step, shown: Shown
) -> None:
    """Apply the planned rows, departments first; superseded ones are marked so. `total` is for telling progress.

    Whom other sources have `shown` since the plan was made waits for a person, unless one has approved the plan; of a
    deletion they are left out.

    Raises:
        StoreConflictError: the lease is lost, or a row kept changing under our hands.
    """
    done = 0
    for chunk in chunks(row for row in rows_of(task, tasks) if row.status is RowStatus.PLANNED):
        _apply(task, chunk, directory, tasks, fence, shown)
        done += len(chunk)
        step(Progress(stage="apply", done=done, total=total))


def _apply(
    task: SyncTask, rows: Sequence[SyncRecord], directory: Directory, tasks: Tasks, fence: Fence, shown: Shown
) -> None:
    for _ in range(MOST_TRIES):
        rows = _unheld(task, rows, directory, tasks, fence, shown)
        outcomes = directory.apply(fence, rows)
        dropped = [row for row, outcome in zip(rows, outcomes, strict=True) if outcome is Outcome.SUPERSEDED]
        newer = Remark(code="newer observation")
        tasks.decide([row.ended(RowStatus.SUPERSEDED, newer) for row in dropped], instead_of=RowStatus.PLANNED)
        stale = [row for row, outcome in zip(rows, outcomes, strict=True) if outcome is Outcome.STALE]
        rows = _planned_again(stale, directory, tasks, fence)
        if not rows:
            return
    raise StoreConflictError("store is busy", retry_after=5)


def _unheld(
    task: SyncTask, rows: Sequence[SyncRecord], directory: Directory, tasks: Tasks, fence: Fence, shown: Shown
) -> Sequence[SyncRecord]:
    """Hold whom another source shows by now; of the others, let the disabled sources be heard when they are enabled."""
    taken = {row.key: row.entry_id for row in rows if row.removes_access}
    if not taken:
        return rows
    entries = directory.entries(list(taken.values()))
    others = {key: other_keys(entries[each], key) for key, each in taken.items() if each in entries}
    taking = {key: (taken[key], keys) for key, keys in others.items() if keys}
    held = {} if isinstance(task.extent, Approved) else shown.kept(taking)
    status = RowStatus.SUPERSEDED if isinstance(task.extent, Dismissal) else RowStatus.HELD
    waiting = [row.ended(status, held[row.key]) for row in rows if row.key in held]
    tasks.decide(waiting, instead_of=RowStatus.PLANNED)
    directory.relink(fence, shown.unheard({key: each for key, each in taking.items() if key not in held}))
    return [row for row in rows if row.key not in held]


def _planned_again(
    rows: Sequence[SyncRecord], directory: Directory, tasks: Tasks, fence: Fence
) -> Sequence[SyncRecord]:
    """Diff the values that stale rows wanted against the entries as they are now."""
    if not rows:
        return ()
    links = directory.links_of([row.key for row in rows])
    entry_ids = {row.key: links[row.key].entry_id if row.key in links else row.entry_id for row in rows}
    entries = directory.entries([entry_id or row.entry_id for row in rows for entry_id in [entry_ids[row.key]]])
    again = []
    for row in rows:
        entry = entries.get(entry_ids[row.key] or row.entry_id)
        if row.action is Action.ADOPT or (entry is not None and entry.key != row.key):
            why = Remark(code="entry changed hands")  # whose it is, the next sync says
            tasks.decide([row.ended(RowStatus.SUPERSEDED, why)], instead_of=RowStatus.PLANNED)
            continue
        wanted = {name: row.after.get(name) for name in changed(row.before, row.after)}
        record = SourceRecord(key=row.key, fields=row.source, covers=frozenset(), observed_at=row.observed_at)
        change = diff(entry, Mapped(record=record, values=wanted, digest=row.digest))
        if not isinstance(change, Change):
            newer = Remark(code="newer observation")
            tasks.decide([row.ended(RowStatus.SUPERSEDED, newer)], instead_of=RowStatus.PLANNED)
            continue
        again.append(
            replace(
                row,
                entry_id=entry.entry_id if entry else row.entry_id,
                action=change.action,
                before=change.before,
                after=change.after,
                revision=entry.revision if entry else 0,
            )
        )
    tasks.put_rows(again, fence)
    return again


def chunks(rows: Iterator[SyncRecord]) -> Iterator[Sequence[SyncRecord]]:
    """Cut rows into pieces, each of which is loaded, worked on and forgotten."""
    chunk: list[SyncRecord] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK_ROWS:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
