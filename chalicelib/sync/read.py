"""Fill a plan: from a whole source, from a few keys, or from what a person approved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from chalicelib.core.diff import Action, Change, changed, departure, diff, narrow
from chalicelib.core.errors import RollcallError, SetupError, SourceDeniedError
from chalicelib.core.mapping import Mapped, map_record
from chalicelib.core.model import Entry, Key, Kind, Part, Remark, State
from chalicelib.core.ports import Connector, Tasks
from chalicelib.core.presence import Found, Gone, Hidden, Presence, Unclear
from chalicelib.core.scope import check_chosen
from chalicelib.core.source import Source
from chalicelib.core.task import Approved, Claim, Evidence, Only, Progress, Sighting, SyncRecord, SyncTask
from chalicelib.sync.plan import Plan
from chalicelib.sync.within import Place
from chalicelib.sync.witness import believed, believed_of_few, recognised, recruited, undiminished

Step = Callable[[Progress], None]
# What is asked together is kept together: a kill costs the answers about so many keys, or about that share of all.
CONFIRM_KEYS = 20
CONFIRM_SHARE = 0.02
# How many records of parts that were just staged are kept in memory in case that they are looked at again.
KEPT_RECORDS = 2000


class Stage:
    """What a task has staged. Its first slice asks for nothing that it has not staged itself.

    A slice is counted before it begins, so whoever goes on after a kill is not in the first one.
    """

    def __init__(self, task: SyncTask, tasks: Tasks) -> None:
        self._task_id, self._tasks = task.task_id, tasks
        self._any_parts = self._any_sightings = task.slices > 1
        # Parts of this slice, as long as they are few: they need not be read back.
        self._fresh: dict[str, Part] = {}
        self._records = 0

    def parts(self) -> Mapping[str, Part]:
        return self._tasks.staged_parts(self._task_id) if self._any_parts else {}

    def sightings(self) -> Mapping[str, Sighting]:
        return self._tasks.staged_sightings(self._task_id) if self._any_sightings else {}

    def put(self, thing: Part | Sighting) -> None:
        self._tasks.stage(self._task_id, thing)
        if isinstance(thing, Sighting):
            self._any_sightings = True
            return
        self._any_parts = True
        self._records += len(thing.records)
        if self._records <= KEPT_RECORDS:
            self._fresh[thing.name] = thing

    def again(self, names: Iterable[str]) -> Iterator[Part]:
        """Give the parts of a walk once more."""
        stored: Mapping[str, Part] | None = None
        for name in names:
            part = self._fresh.get(name)
            if part is None:
                stored = self.parts() if stored is None else stored
                part = stored[name]
            yield part


def read_everything(
    task: SyncTask, source: Source, connector: Connector, tasks: Tasks, plan: Plan, step: Step
) -> tuple[Remark, ...]:
    """Walk the source, then ask by name for every absentee, and for what no list shows.

    Returns what the connector has to say about the read.

    Raises:
        SetupError: the walk showed another company, and asked by name the source does not know our people either; or a
            chosen department is gone.
    """
    stage = Stage(task, tasks)
    staged = stage.parts()
    remarks: dict[str, Remark] = {}
    names: list[str] = []
    walked: dict[str, tuple[Key, ...]] = {}
    for done, part in enumerate(connector.parts(staged), start=1):
        new = part.name not in staged
        names.append(part.name)
        if new:
            stage.put(part)
        if plan.within.is_everything:
            plan.consider(part.records)
        else:
            plan.within.walked(part.records)
            walked[part.name] = tuple(each.key for each in part.records if each.key.kind is Kind.DEPARTMENT)
        remarks |= {remark.code: remark for remark in part.remarks}
        if new:  # a slice may not end before it has read something
            step(Progress(stage="read", done=done, total=part.of or 0))
    if walked:
        _consider_within(stage, walked, connector, plan, step)
    if plan.adopt():
        for part in stage.again(names):
            plan.reconsider(part.records)
    foreign = plan.looks_foreign()
    if foreign and not recognised(plan.missed(), connector):
        raise SetupError("another company", **foreign)
    absent = plan.absent()
    for presences in _confirmed(stage, absent, connector, step, witnesses=plan.witnesses(absent)):
        _conclude(presences, connector, plan)
    if connector.daily_details:
        today = (task.started_at or task.asked_at).date()
        through = tasks.read_through(task.source)
        # In the first full read of a day; but not for values that are left as they are.
        rotate = (through is None or through.date() < today) and not plan.leaves_values
        wanted = plan.wanting_details(connector.daily_details, today, rotate=rotate)
        try:
            for presences in _confirmed(stage, wanted, connector, step):
                # They were shown a moment ago: another answer takes nothing back; the next walk will tell.
                found = {key: each for key, each in presences.items() if isinstance(each, Found)}
                _conclude(undiminished(found, plan, connector), connector, plan)
        except SourceDeniedError as error:  # what lists show is worth having without the rest
            remarks[error.code] = Remark(code=error.code, facts=error.facts)
    if plan.leaves_out:
        # What lay below a chosen department that was deleted a moment ago lies outside now; nobody left with it.
        check_chosen(source.scope, source.handle, connector.confirm(source.scope.keys(source.uid)))
    return tuple(remarks.values())


def _consider_within(
    stage: Stage, walked: Mapping[str, Sequence[Key]], connector: Connector, plan: Plan, step: Step
) -> None:
    """Consider what a walk below chosen departments showed, once it is known which departments lie within the scope.

    Somebody may be in one that is read later, or was moved during the walk, and in another that lies outside. `walked`
    has the departments of each part.
    """
    shown = [key for keys in walked.values() for key in keys]
    absent = plan.absent_departments(frozenset(shown))
    answers: dict[Key, Presence] = {}
    for presences in _confirmed(stage, absent, connector, step, witnesses=plan.witnesses(absent, shown)):
        answers |= presences
    above = plan.within.learn(answers, connector)
    for part in stage.again(walked):
        plan.consider(part.records)
    plan.conclude({**above, **answers})


def _conclude(presences: Mapping[Key, Presence], connector: Connector, plan: Plan) -> None:
    plan.conclude(plan.within.learn(presences, connector))
    plan.conclude(presences)


def read_only(task: SyncTask, extent: Only, connector: Connector, tasks: Tasks, plan: Plan, step: Step) -> None:
    """Ask for these keys by name, and for those whose departure is claimed."""
    claims = {claim.key: claim for claim in extent.claims}
    weighed = _weighed(claims, connector)
    plan.within.learn(weighed, connector)
    for key, presence in weighed.items():
        plan.weigh(claims[key], presence)
    # Departments first: whoever is in a new one lies within the scope if that does.
    keys = tuple(sorted((key for key in extent.keys if key not in claims), key=lambda key: key.kind))
    for presences in _confirmed(Stage(task, tasks), keys, connector, step):
        plan.conclude(plan.within.learn(presences, connector))
        answers = believed_of_few(presences, plan, connector)
        plan.conclude(answers)
        if plan.adopt():
            plan.reconsider(each.record for each in answers.values() if isinstance(each, Found))


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
    task: SyncTask, extent: Approved, source: Source, connector: Connector, tasks: Tasks, plan: Plan, step: Step
) -> None:
    """Ask afresh for every key that was approved, and plan what is still true of it, never more."""
    rows = {row.key: row for row in approved_rows(tasks, extent)}
    plan.meet(row for row in tasks.rows(extent.of) if row.action is Action.ADOPT)
    for presences in _confirmed(Stage(task, tasks), tuple(rows), connector, step):
        plan.within.learn(presences, connector)
        adopted = [rows[key] for key in presences if rows[key].action is Action.ADOPT]
        for again in plan.readopted([row for row in adopted if not _departs(row)], presences):
            plan.add(again)
        departing = {row.key: row for row in adopted if _departs(row)}
        for key, entry in plan.free(tuple(departing.values())).items():
            departed = replace(departing[key], action=Action.DEACTIVATE)
            left = still_true(departed, presences[key], entry, source, plan)
            if left is not None:
                plan.add(replace(left, action=Action.ADOPT))
        entries = plan.entries(key for key in presences if rows[key].action is not Action.ADOPT)
        for key, presence in presences.items():
            if rows[key].action is Action.ADOPT or (key in entries and entries[key].key != key):
                continue  # adopted above, or another source's by now
            row = still_true(rows[key], presence, entries.get(key), source, plan)
            if row is not None:
                plan.add(row)


def _departs(row: SyncRecord) -> bool:
    """Tell whether an entry that nobody writes any more is taken over only because its last source says they left."""
    return row.removes_access and row.after.get("state") == State.LEFT


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
        case Found(record=record) if plan.within.place(record) is Place.OUTSIDE:
            if approved.evidence is not Evidence.OUTSIDE:
                return None
            evidence, observed_at = Evidence.OUTSIDE, record.observed_at
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
            # Silence confirms only what rests on silence, or on the word of an event.
            if approved.evidence not in (Evidence.UNSEEN, Evidence.CLAIMED):
                return None
            if approved.evidence is Evidence.CLAIMED and plan.shown_since(key, approved.observed_at):
                return None
            evidence = approved.evidence
    if approved.action is not Action.DEACTIVATE or entry is None:
        return None
    change = departure(entry)
    return plan.row(key, change, entry, evidence, observed_at) if change else None


def _confirmed(
    stage: Stage,
    keys: Sequence[Key],
    connector: Connector,
    step: Step,
    *,
    witnesses: Sequence[Key] | None = None,
) -> Iterator[Mapping[Key, Presence]]:
    """Ask for keys by name, in batches that are staged; those that an earlier slice asked for are not asked again.

    With `witnesses` nobody is believed to be gone unless one of them is found by the same question. Where the walk
    showed nobody who is known, those whom it missed are the witnesses.
    """
    if not keys:
        return
    staged = stage.sightings()
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
        stage.put(sighting)
        done += len(batch)
        step(Progress(stage="confirm", done=done, total=len(keys)))
        yield sighting.presences
