"""Fill a plan: from a whole source, from a few keys, or from what a person approved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from chalicelib.core.diff import Action, Change, changed, departure, diff, narrow
from chalicelib.core.errors import RollcallError, SetupError, SourceDeniedError
from chalicelib.core.mapping import Mapped, map_record
from chalicelib.core.model import Entry, Key, Remark
from chalicelib.core.ports import Connector, Tasks
from chalicelib.core.presence import Found, Gone, Hidden, Presence, Unclear
from chalicelib.core.source import Source
from chalicelib.core.task import Approved, Claim, Evidence, Only, Progress, Sighting, SyncRecord, SyncTask
from chalicelib.sync.plan import Plan
from chalicelib.sync.witness import believed, believed_of_few, recognised, recruited, undiminished

Step = Callable[[Progress], None]
# What is asked together is kept together: a kill costs the answers about so many keys, or about that share of all.
CONFIRM_KEYS = 20
CONFIRM_SHARE = 0.02


def read_everything(task: SyncTask, connector: Connector, tasks: Tasks, plan: Plan, step: Step) -> tuple[Remark, ...]:
    """Walk the source, then ask by name for every absentee, and for what no list shows.

    Returns what the connector has to say about the read.

    Raises:
        SetupError: the walk showed another company, and asked by name the source does not know our people either.
    """
    task_id = task.task_id
    staged = tasks.staged_parts(task_id)
    remarks: dict[str, Remark] = {}
    for done, part in enumerate(connector.parts(staged), start=1):
        new = part.name not in staged
        if new:
            tasks.stage(task_id, part)
        plan.consider(part.records)
        remarks |= {remark.code: remark for remark in part.remarks}
        if new:  # a slice may not end before it has read something
            step(Progress(stage="read", done=done, total=part.of or 0))
    foreign = plan.looks_foreign()
    if foreign and not recognised(plan.missed(), connector):
        raise SetupError("another company", **foreign)
    absent = plan.absent()
    for presences in _confirmed(task_id, absent, connector, tasks, step, witnesses=plan.witnesses(absent)):
        plan.conclude(presences)
    if connector.daily_details:
        today = (task.started_at or task.asked_at).date()
        through = tasks.read_through(task.source)
        rotate = through is None or through.date() < today  # the first full read of a day
        wanted = plan.wanting_details(connector.daily_details, today, rotate=rotate)
        try:
            for presences in _confirmed(task_id, wanted, connector, tasks, step):
                # They were shown a moment ago: another answer takes nothing back; the next walk will tell.
                found = {key: each for key, each in presences.items() if isinstance(each, Found)}
                plan.conclude(undiminished(found, plan, connector))
        except SourceDeniedError as error:  # what lists show is worth having without the rest
            remarks[error.code] = Remark(code=error.code, facts=error.facts)
    return tuple(remarks.values())


def read_only(task_id: str, extent: Only, connector: Connector, tasks: Tasks, plan: Plan, step: Step) -> None:
    """Ask for these keys by name, and for those whose departure is claimed."""
    claims = {claim.key: claim for claim in extent.claims}
    for key, presence in _weighed(claims, connector).items():
        plan.weigh(claims[key], presence)
    keys = tuple(key for key in extent.keys if key not in claims)
    for presences in _confirmed(task_id, keys, connector, tasks, step):
        plan.conclude(believed_of_few(presences, plan, connector))


def _weighed(claims: Mapping[Key, Claim], connector: Connector) -> Mapping[Key, Presence]:
    """Ask about claimed departures. Not staged: a second look must be a new one.

    A vendor that is silent, or refuses us altogether, gives no answer: the departure is a fact all the same (law 4).
    """
    if not claims:
        return {}
    try:
        return connector.confirm(tuple(claims))
    except RollcallError as error:
        why = Remark(code=error.code, facts=error.facts)
        return {key: Unclear(observed_at=claim.at, why=why) for key, claim in claims.items()}


def read_approved(
    task_id: str, extent: Approved, source: Source, connector: Connector, tasks: Tasks, plan: Plan, step: Step
) -> None:
    """Ask afresh for every key that was approved, and plan what is still true of it, never more."""
    rows = {row.key: row for row in approved_rows(tasks, extent)}
    for presences in _confirmed(task_id, tuple(rows), connector, tasks, step):
        entries = plan.entries(presences)
        for key, presence in presences.items():
            row = still_true(rows[key], presence, entries.get(key), source, plan)
            if row is not None:
                plan.add(row)


def approved_rows(tasks: Tasks, extent: Approved) -> Iterator[SyncRecord]:
    """Read the rows of an approval that still wait."""
    wanted = None if extent.entry_ids is None else frozenset(extent.entry_ids)
    for row in tasks.rows(extent.of):
        if row.status.waits and (wanted is None or row.entry_id in wanted):
            yield row


def still_true(
    approved: SyncRecord, presence: Presence, entry: Entry | None, source: Source, plan: Plan
) -> SyncRecord | None:
    """Say what of an approved row holds now: all of it, some of its fields, or nothing."""
    key = approved.key
    match presence:
        case Found(record=record):
            mapped = map_record(record, source.mapping, plan.resolve)
            fresh = diff(entry, mapped) if isinstance(mapped, Mapped) else None
            if not isinstance(mapped, Mapped) or not isinstance(fresh, Change):
                return None
            values = {name: approved.after.get(name) for name in changed(approved.before, approved.after)}
            change = narrow(values, fresh)
            if change is None:
                return None
            whole = mapped if change == fresh else Mapped(record=record, values=mapped.values, digest="")
            return plan.row(key, change, entry, Evidence.SHOWN, record.observed_at, whole)
        case Gone(observed_at=observed_at):
            evidence = Evidence.GONE
        case Hidden(observed_at=observed_at) | Unclear(observed_at=observed_at):
            evidence = Evidence.UNSEEN
    if approved.action is not Action.DEACTIVATE or entry is None:
        return None
    if evidence is Evidence.UNSEEN and approved.evidence is not Evidence.UNSEEN:
        return None
    change = departure(entry)
    return plan.row(key, change, entry, evidence, observed_at) if change else None


def _confirmed(
    task_id: str,
    keys: Sequence[Key],
    connector: Connector,
    tasks: Tasks,
    step: Step,
    *,
    witnesses: Sequence[Key] | None = None,
) -> Iterator[Mapping[Key, Presence]]:
    """Ask for keys by name, in batches that are staged; those that an earlier slice asked for are not asked again.

    With `witnesses` nobody is believed to be gone unless one of them is found by the same question. Where the walk
    showed nobody who is known, those whom it missed are the witnesses.
    """
    staged = tasks.staged_sightings(task_id)
    wanted, done = set(keys), 0
    for sighting in staged.values():
        known = {key: each for key, each in sighting.presences.items() if key in wanted}
        wanted -= known.keys()
        done += len(known)
        if witnesses is not None:
            witnesses = recruited(witnesses, known)
        yield known
    left = [key for key in keys if key in wanted]
    together = max(CONFIRM_KEYS, int(CONFIRM_SHARE * len(keys)))
    for start in range(0, len(left), together):
        batch = left[start : start + together]
        presences = connector.confirm(batch)
        if witnesses is not None:
            witnesses = recruited(witnesses, presences)
            presences = believed(presences, witnesses, connector)
        sighting = Sighting(name=f"confirm/{batch[0]}", presences=presences)
        tasks.stage(task_id, sighting)
        done += len(batch)
        step(Progress(stage="confirm", done=done, total=len(keys)))
        yield sighting.presences
