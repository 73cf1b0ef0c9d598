"""One run of the pipeline, and the rows of its plan, which are its record (law 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from chalicelib.core.diff import Action, removes_access
from chalicelib.core.model import NOTHING, Key, Kind, Part, Remark, State, Value, Values
from chalicelib.core.presence import Presence


class Trigger(StrEnum):
    MANUAL = "manual"
    SCHEDULE = "schedule"
    EVENT = "event"
    APPROVAL = "approval"
    DELETION = "deletion"


class Purpose(StrEnum):
    """A preview is a sync that stops before it applies."""

    SYNC = "sync"
    PREVIEW = "preview"


class TaskStatus(StrEnum):
    """`held`: all else is applied, some rows wait for a person. `previewed`: all rows wait."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    HELD = "held"
    PREVIEWED = "previewed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        return self not in (TaskStatus.QUEUED, TaskStatus.RUNNING)


class Phase(StrEnum):
    """Where a run is; it only ever moves forward, also over kills. `read`: staging and planning. `settle`: counting."""

    READ = "read"
    APPLY = "apply"
    SETTLE = "settle"


class RowStatus(StrEnum):
    """`conflict`: it may be one of several entries, and a person must say which."""

    PLANNED = "planned"
    APPLIED = "applied"
    HELD = "held"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    CONFLICT = "conflict"
    CONTRADICTED = "contradicted"
    CANCELLED = "cancelled"

    @property
    def waits(self) -> bool:
        return self in (RowStatus.PLANNED, RowStatus.HELD)


class Evidence(StrEnum):
    """What a row rests on: the source showed it, said that it is gone, claimed it in an event, or nobody can see it.

    `outside`: the source showed it, but not in the departments that were chosen for it. `deleted`: nobody was asked,
    for a person deleted the source and let its people leave.
    """

    SHOWN = "shown"
    GONE = "gone"
    CLAIMED = "claimed"
    UNSEEN = "unseen"
    OUTSIDE = "outside"
    DELETED = "deleted"


class Lane(StrEnum):
    """A source's work goes in two lanes, each under a lease of its own: events never wait for a full sync."""

    FULL = "full"
    HINTS = "hints"


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    """Look at the whole of a source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A verified callback said "this key left at that time" (law 4). `looks`: how often it was looked at again."""

    key: Key
    at: datetime
    looks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Only:
    """Look at these keys; of some of them a departure is claimed."""

    keys: tuple[Key, ...]
    claims: tuple[Claim, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """Look at what a person approved: the waiting rows of task `of`, or those of them with these entry ids."""

    of: str
    entry_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dismissal:
    """Let everybody of a source leave, and close its departments, whatever the vendor says: it is being deleted."""


Extent = Everything | Only | Approved | Dismissal


# What a delivery asks for: look at a key again, believe a departure, or read everything.
Hint = Key | Claim | Everything


class Tally(StrEnum):
    CREATED = "created"
    ADOPTED = "adopted"
    UPDATED = "updated"
    DEACTIVATED = "deactivated"
    REACTIVATED = "reactivated"
    UNCHANGED = "unchanged"
    HELD = "held"
    REJECTED = "rejected"
    CONFLICT = "conflict"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


TALLY_OF = {
    Action.CREATE: Tally.CREATED,
    Action.ADOPT: Tally.ADOPTED,
    Action.UPDATE: Tally.UPDATED,
    Action.DEACTIVATE: Tally.DEACTIVATED,
    Action.REACTIVATE: Tally.REACTIVATED,
}

Counts = Mapping[Kind, Mapping[Tally, int]]


def no_counts() -> dict[Kind, dict[Tally, int]]:
    return {kind: dict.fromkeys(Tally, 0) for kind in Kind}


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a running task is: parts read, then keys confirmed, then rows applied. `total` 0 means not known yet."""

    stage: str
    done: int
    total: int


class Verdict(StrEnum):
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Who decided about rows that waited, and when. `by` is as in SyncTask.asked_by, `task` that of an approval."""

    verdict: Verdict
    by: str
    at: datetime
    task: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncTask:
    """One run. `source` is the uid, `asked_by` a principal's key. `calls` counts requests to the vendor by endpoint.

    `not_before` is set while a fault is waited out. `deliveries` are the ids of the callbacks that caused it.
    `decisions` are the last ones about its rows, oldest first. `plan_keys` are those of all rows of its plan, once that
    is complete, where they are few: so they are read by name; None where they are many, or not known.
    """

    task_id: str
    source: str
    trigger: Trigger
    extent: Extent
    purpose: Purpose
    asked_by: str
    asked_at: datetime
    status: TaskStatus = TaskStatus.QUEUED
    phase: Phase = Phase.READ
    slices: int = 0
    attempts: int = 0
    not_before: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    counts: Counts = field(default_factory=no_counts)
    calls: Mapping[str, int] = field(default_factory=dict)
    entry_writes: int = 0
    reason: Remark | None = None
    remarks: tuple[Remark, ...] = ()
    deliveries: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()
    plan_keys: tuple[Key, ...] | None = None

    @property
    def lane(self) -> Lane:
        return Lane.HINTS if isinstance(self.extent, Only) else Lane.FULL


def next_due(waiting: Sequence[SyncTask], now: datetime) -> SyncTask | None:
    """Choose the oldest task that need not wait out a fault."""
    return next((task for task in waiting if task.not_before is None or task.not_before <= now), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRecord:
    """One entry's change in one task. `source` holds the vendor's fields, `before` and `after` all directory fields.

    `revision` is the entry's when the row was planned, 0 for a Create. A row rejected for what its record lacks has no
    `after`. `within` is what its link gets. `second` is set where
    the entry is another source's and stays as it is, and only the link is new: to the state that this source shows.
    """

    task: str
    key: Key
    entry_id: str
    action: Action
    status: RowStatus
    source: Values
    before: Values
    after: Values
    observed_at: datetime
    digest: str
    revision: int
    evidence: Evidence
    reason: Remark | None = None
    within: str = ""
    second: State | None = None

    @property
    def name(self) -> Value:
        return self.after.get("name") or self.before.get("name")

    @property
    def removes_access(self) -> bool:
        return removes_access(self.key.kind, self.before, self.after)

    def wiped(self) -> SyncRecord:
        """Keep what happened to whom, and none of the values but the states."""
        before, after = (
            {"state": values["state"]} if values.get("state") is not None else NOTHING
            for values in (self.before, self.after)
        )
        return replace(self, source=NOTHING, before=before, after=after, digest="")

    def ended(self, status: RowStatus, reason: Remark | None = None) -> SyncRecord:
        return replace(self, status=status, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOutcome:
    """What a count of rows must know of each; it is read without the row's values."""

    kind: Kind
    action: Action
    status: RowStatus
    removes_access: bool


class Outcome(StrEnum):
    """What became of one row that was to be applied.

    `stale`: the entry or its link changed meanwhile, but not by a newer observation: load again, diff again.
    `already`: this very task wrote it before it was killed.
    """

    APPLIED = "applied"
    ALREADY = "already"
    SUPERSEDED = "superseded"
    STALE = "stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """A held lease of one lane. Every write of a run is made on the condition that `owner` still holds it."""

    source: str
    owner: str
    lane: Lane = Lane.FULL


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A batch of answers of `confirm`, staged under `name` so that a restart does not ask again."""

    name: str
    presences: Mapping[Key, Presence]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What the last whole read of a source showed, by names of parts and answers; each is loaded when asked for.

    `task` made the read, which began at `read_at`.
    """

    task: str
    read_at: datetime
    parts: Mapping[str, Part]
    sightings: Mapping[str, Sighting]
