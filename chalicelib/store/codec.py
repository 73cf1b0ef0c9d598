"""Core types to rows and back.

A row is flat: what conditions look at stands by itself, everything else in one JSON body.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from itertools import groupby, islice
from sys import intern
from typing import Final, assert_never

from chalicelib.core.diff import Action, is_empty
from chalicelib.core.expression import parse
from chalicelib.core.guard import Guard
from chalicelib.core.mapping import ExtendedField, FieldMapping, Rule
from chalicelib.core.matching import Matching
from chalicelib.core.message import Delivery
from chalicelib.core.model import (
    Entry,
    FieldType,
    Key,
    Kind,
    Link,
    Part,
    SourceRecord,
    State,
    Value,
    Values,
    new_entry_id,
)
from chalicelib.core.ports import Attribute, AuditLine, Item
from chalicelib.core.presence import Found, Gone, Hidden, Presence, Unclear
from chalicelib.core.principal import Principal, Role
from chalicelib.core.scope import Chosen, Scope
from chalicelib.core.source import Deleting, Schedule, Source
from chalicelib.core.task import (
    Approved,
    Claim,
    Decision,
    Dismissal,
    Everything,
    Evidence,
    Extent,
    Only,
    Phase,
    Progress,
    Purpose,
    RowOutcome,
    RowStatus,
    Sighting,
    SyncRecord,
    SyncTask,
    Tally,
    TaskStatus,
    Trigger,
    Verdict,
    no_counts,
)
from chalicelib.store import keys
from chalicelib.store.body import (
    BODY,
    Body,
    Json,
    as_instant,
    as_remark,
    broken,
    dump,
    folded,
    instant,
    key_json,
    moment,
    number_of,
    parse_instant,
    remark_json,
    text_of,
)
from chalicelib.store.keys import Place

# What conditions look at.
OBSERVED_AT: Final = "o"
REVISION: Final = "revision"
STATUS: Final = "status"
OWNER: Final = "owner"
UNTIL: Final = "until"
THROUGH: Final = "through"
TASK: Final = "task"
AT: Final = "at"
LAST: Final = "last"
DUE: Final = "due"
DELETING: Final = "deleting"
TURN: Final = "turn"
COUNT: Final = "count"
# What a link has beside the instant of its observation; of all rows these are read most.
LINK: Final = "l"
# As many as the largest page of a vendor has.
RECORDS_A_LINE: Final = 100
_STATES: Final = {state[0]: state for state in State}
# What a count of a plan's rows looks at.
ACTION: Final = "action"
REMOVES: Final = "removes"


def expiry(from_: datetime, life: timedelta) -> int:
    return int((from_ + life).timestamp())


def row(place: Place, attributes: Mapping[str, Attribute], *, expires: int | None = None) -> Item:
    return Item(partition=place[0], sort=place[1], attributes=attributes, expires=expires)


# --- links and entries -----------------------------------------------------------------------------------------------


def link_item(link: Link) -> Item:
    """Spell a link short: a full sync reads all links of a source, and is charged by their bytes.

    Its key stands in the item's own; the entry id only where it is not the one that is derived from the key.
    """
    more: dict[str, Json] = {}
    if link.entry_id != new_entry_id(link.key):
        more["entry"] = link.entry_id
    if link.unseen_since is not None:
        more["unseen"] = instant(link.unseen_since)
    if link.within:
        more["within"] = link.within
    if link.owner:
        more["owner"] = link.owner
    facts: list[Json] = [link.state[0], link.task, link.digest]
    tombstone = not link.entry_id
    return row(
        keys.link(link.key),
        {LINK: dump([*facts, more] if more else facts), OBSERVED_AT: moment(link.observed_at)},
        expires=expiry(link.observed_at, keys.TOMBSTONE_LIFE) if tombstone else None,
    )


def as_link(item: Item) -> Link:
    key = keys.key_of_link(item.partition, item.sort)
    state, task, digest, more = _link_facts(text_of(item, LINK))
    return Link(
        key=key,
        entry_id=more.text("entry") if more and more.has("entry") else new_entry_id(key),
        digest=digest,
        observed_at=as_instant(number_of(item, OBSERVED_AT)),
        state=state,
        task=intern(task),
        unseen_since=more.maybe_when("unseen") if more else None,
        within=more.text("within") if more and more.has("within") else "",
        owner=more.text("owner") if more and more.has("owner") else "",
    )


def _link_facts(text: str) -> tuple[State, str, str, Body | None]:
    match json.loads(text):
        case [str(state), str(task), str(digest)] if state in _STATES:
            return _STATES[state], task, digest, None
        case [str(state), str(task), str(digest), dict(more)] if state in _STATES:
            return _STATES[state], task, digest, Body(more)
        case _:
            raise broken(LINK)


def entry_item(entry: Entry) -> Item:
    if not entry.entry_id.startswith(keys.initial(entry.kind)):
        raise ValueError(f"entry id {entry.entry_id!r} does not begin like its kind")
    body: dict[str, Json] = {
        "key": key_json(entry.key),
        "values": entry.values,
        "observed_at": instant(entry.observed_at),
    }
    if entry.origins:
        body |= _origins_json(entry)
    if entry.others:
        body["links"] = [key_json(key) for key in entry.others]
    return row(keys.entry(entry.entry_id), {BODY: folded(body), REVISION: entry.revision})


def as_entry(item: Item) -> Entry:
    body = Body.of(item)
    return Entry(
        entry_id=item.sort,
        key=body.key("key"),
        values=body.values("values"),
        revision=number_of(item, REVISION),
        observed_at=body.when("observed_at"),
        origins=_as_origins(body),
        others=body.keys("links") if body.has("links") else (),
    )


def _origins_json(entry: Entry) -> dict[str, Json]:
    """Name the task of most fields that have a value, and the fields that have another: "" where it is not known."""
    filled = [name for name, value in entry.values.items() if not is_empty(value)]
    of = {name: entry.origins.get(name, "") for name in (*filled, *entry.origins)}
    most = Counter(of[name] for name in filled).most_common(1)
    task = most[0][0] if most else ""
    others = {name: origin for name, origin in of.items() if origin != task or name not in filled}
    return {"task": task, "others": others} if others else {"task": task}


def _as_origins(body: Body) -> Mapping[str, str]:
    if not body.has("task"):  # nobody has changed it since origins are kept
        return {}
    values, task = body.values("values"), body.text("task")
    origins = {name: task for name, value in values.items() if not is_empty(value)}
    if body.has("others"):
        others = body.child("others")
        origins |= {name: others.text(name) for name in others.names()}
    return {name: origin for name, origin in origins.items() if origin}


# --- tasks and their plans -------------------------------------------------------------------------------------------


def task_item(task: SyncTask) -> Item:
    body: Json = {
        "source": task.source,
        "trigger": task.trigger,
        "extent": _extent_json(task.extent),
        "purpose": task.purpose,
        "asked_by": task.asked_by,
        "asked_at": instant(task.asked_at),
        "phase": task.phase,
        "slices": task.slices,
        "attempts": task.attempts,
        "not_before": _maybe(task.not_before),
        "started_at": _maybe(task.started_at),
        "finished_at": _maybe(task.finished_at),
        "counts": {kind: {tally: count for tally, count in of.items() if count} for kind, of in task.counts.items()},
        "calls": task.calls,
        "entry_writes": task.entry_writes,
        "reason": remark_json(task.reason),
        "remarks": [remark_json(each) for each in task.remarks],
        "deliveries": list(task.deliveries),
        "decisions": [[each.verdict, each.by, instant(each.at), each.task or ""] for each in task.decisions],
        **({} if task.plan_keys is None else {"plan_keys": [key_json(key) for key in task.plan_keys]}),
    }
    # One that is not over has no end of life: its marks on the waiting list would outlive it.
    ended_at = (task.finished_at or task.asked_at) if task.status.is_over else None
    return row(
        keys.task(task.task_id),
        {BODY: folded(body), TASK: task.task_id, STATUS: task.status},
        expires=None if ended_at is None else expiry(ended_at, keys.TASK_LIFE),
    )


def as_task(item: Item) -> SyncTask:
    body = Body.of(item)
    counts = no_counts()
    for kind in body.child("counts").names():
        for tally, count in body.child("counts").numbers(kind).items():
            counts[Kind(kind)][Tally(tally)] = count
    return SyncTask(
        task_id=text_of(item, TASK),
        source=body.text("source"),
        trigger=Trigger(body.text("trigger")),
        extent=_as_extent(body.child("extent")),
        purpose=Purpose(body.text("purpose")),
        asked_by=body.text("asked_by"),
        asked_at=body.when("asked_at"),
        status=TaskStatus(text_of(item, STATUS)),
        phase=Phase(body.text("phase")),
        slices=body.number("slices"),
        attempts=body.number("attempts"),
        not_before=body.maybe_when("not_before"),
        started_at=body.maybe_when("started_at"),
        finished_at=body.maybe_when("finished_at"),
        counts=counts,
        calls=body.numbers("calls"),
        entry_writes=body.number("entry_writes"),
        reason=body.remark("reason"),
        remarks=body.remarks("remarks"),
        deliveries=body.texts("deliveries"),
        decisions=_as_decisions(body),
        plan_keys=body.keys("plan_keys") if body.has("plan_keys") else None,
    )


def _as_decisions(body: Body) -> tuple[Decision, ...]:
    if not body.has("decisions"):  # stored by a build before
        return ()
    return tuple(
        Decision(verdict=Verdict(verdict), by=by, at=parse_instant(at), task=task or None)
        for verdict, by, at, task in body.tuples("decisions", 4)
    )


def record_item(record: SyncRecord) -> Item:
    # `after` repeats most of `before`: only what differs is kept.
    new = {name: value for name, value in record.after.items() if not _identical(record.before, name, value)}
    body: dict[str, Json] = {
        "key": key_json(record.key),
        "entry_id": record.entry_id,
        "source": dict(record.source),
        "before": dict(record.before),
        "new": new,
        "lost": [name for name in record.before if name not in record.after],
        "observed_at": instant(record.observed_at),
        "digest": record.digest,
        "revision": record.revision,
        "evidence": record.evidence,
        "reason": remark_json(record.reason),
    }
    if record.within:
        body["within"] = record.within
    if record.second:
        body["second"] = record.second
    attributes = {BODY: folded(body), TASK: record.task, STATUS: record.status, ACTION: record.action}
    if record.removes_access:
        attributes[REMOVES] = 1
    return row(keys.plan_row(record.task, record.key), attributes, expires=expiry(record.observed_at, keys.TASK_LIFE))


def as_record(item: Item) -> SyncRecord:
    body = Body.of(item)
    before = body.values("before")
    lost = body.texts("lost")
    after = {name: value for name, value in before.items() if name not in lost}
    return SyncRecord(
        task=text_of(item, TASK),
        key=body.key("key"),
        entry_id=body.text("entry_id"),
        action=Action(text_of(item, ACTION)),
        status=RowStatus(text_of(item, STATUS)),
        source=body.values("source"),
        before=before,
        after={**after, **body.values("new")},
        observed_at=body.when("observed_at"),
        digest=body.text("digest"),
        revision=body.number("revision"),
        evidence=Evidence(body.text("evidence")),
        reason=body.remark("reason"),
        within=body.text("within") if body.has("within") else "",
        second=State(body.text("second")) if body.has("second") else None,
    )


def as_outcome(item: Item) -> RowOutcome:
    return RowOutcome(
        kind=keys.kind(item.sort),
        action=Action(text_of(item, ACTION)),
        status=RowStatus(text_of(item, STATUS)),
        removes_access=REMOVES in item.attributes,
    )


def _identical(before: Values, name: str, value: Value) -> bool:
    # 1 == True, so types are compared too.
    return name in before and before[name] == value and type(before[name]) is type(value)


def _extent_json(extent: Extent) -> Json:
    match extent:
        case Everything():
            return {"type": "everything"}
        case Only(keys=wanted, claims=claims):
            claimed = [claim_json(claim) for claim in claims]
            return {"type": "only", "keys": [key_json(key) for key in wanted], "claims": claimed}
        case Approved(of=of, entry_ids=entry_ids):
            return {"type": "approved", "of": of, "entry_ids": entry_ids}
        case Dismissal():
            return {"type": "dismissal"}
        case _:
            assert_never(extent)


def _as_extent(body: Body) -> Extent:
    match body.text("type"):
        case "everything":
            return Everything()
        case "only":
            return Only(keys=body.keys("keys"), claims=tuple(as_claim(each) for each in body.children("claims")))
        case "approved":
            return Approved(of=body.text("of"), entry_ids=body.texts("entry_ids") if body.has("entry_ids") else None)
        case "dismissal":
            return Dismissal()
        case _:
            raise broken("extent")


def claim_json(claim: Claim) -> dict[str, Json]:
    return {"key": key_json(claim.key), "at": instant(claim.at), "looks": claim.looks}


def as_claim(body: Body) -> Claim:
    return Claim(key=body.key("key"), at=body.when("at"), looks=body.number("looks"))


def look_item(source: str, due: datetime, claim: Claim) -> Item:
    return row(
        keys.look(source, claim.key),
        {BODY: folded(claim_json(claim)), AT: instant(due)},
        expires=expiry(due, keys.ONCE_LIFE),
    )


def progress_json(progress: Progress) -> Json:
    return {"stage": progress.stage, "done": progress.done, "total": progress.total}


def as_progress(body: Body) -> Progress:
    return Progress(stage=body.text("stage"), done=body.number("done"), total=body.number("total"))


# --- the stage -------------------------------------------------------------------------------------------------------


def part_lines(part: Part) -> Iterator[str]:
    """Spell a part in lines of JSON: its head, then records a few at a time, so that no line holds a large department.

    Records that were read together share what they cover, and when.
    """
    yield dump({"name": part.name, "remarks": [remark_json(each) for each in part.remarks], "of": part.of})
    for (source, covers, details, observed_at), shown in groupby(part.records, key=_read_together):
        while few := tuple(islice(shown, RECORDS_A_LINE)):
            yield dump(
                {
                    "source": source,
                    "covers": sorted(covers),
                    "details": sorted(details),
                    "observed_at": instant(observed_at),
                    "records": [[each.key.kind, each.key.external_id, each.fields] for each in few],
                }
            )


def as_part(lines: Iterator[str]) -> Part:
    head = Body.parse(next(lines))
    return Part(
        name=head.text("name"),
        records=tuple(record for line in lines for record in _as_records(Body.parse(line))),
        remarks=head.remarks("remarks"),
        of=head.number("of") if head.has("of") else None,
    )


def _read_together(record: SourceRecord) -> tuple[str, frozenset[str], frozenset[str], datetime]:
    return record.key.source, record.covers, record.details, record.observed_at


def _as_records(body: Body) -> Iterator[SourceRecord]:
    source, observed_at = body.text("source"), body.when("observed_at")
    covers, details = frozenset(body.texts("covers")), frozenset(body.texts("details"))
    for kind, external_id, fields in body.rows("records"):
        yield SourceRecord(
            key=Key(source=source, kind=Kind(kind), external_id=external_id),
            fields=fields,
            covers=covers,
            details=details,
            observed_at=observed_at,
        )


def sighting_lines(sighting: Sighting) -> Iterator[str]:
    presences = [{"key": key_json(key), **_presence_json(each)} for key, each in sighting.presences.items()]
    yield dump({"name": sighting.name, "presences": presences})


def as_sighting(lines: Iterator[str]) -> Sighting:
    body = Body.parse(next(lines))
    return Sighting(
        name=body.text("name"),
        presences={each.key("key"): _as_presence(each) for each in body.children("presences")},
    )


def _source_record_json(record: SourceRecord) -> dict[str, Json]:
    return {
        "key": key_json(record.key),
        "fields": record.fields,
        "covers": sorted(record.covers),
        "details": sorted(record.details),
        "observed_at": instant(record.observed_at),
    }


def _as_source_record(body: Body) -> SourceRecord:
    return SourceRecord(
        key=body.key("key"),
        fields=body.values("fields"),
        covers=frozenset(body.texts("covers")),
        details=frozenset(body.texts("details")),
        observed_at=body.when("observed_at"),
    )


def _presence_json(presence: Presence) -> dict[str, Json]:
    match presence:
        case Found(record=record):
            return {"type": "found", "record": _source_record_json(record)}
        case Gone(observed_at=observed_at):
            return {"type": "gone", "observed_at": instant(observed_at)}
        case Hidden(observed_at=observed_at, why=why):
            return {"type": "hidden", "observed_at": instant(observed_at), "why": remark_json(why)}
        case Unclear(observed_at=observed_at, why=why):
            return {"type": "unclear", "observed_at": instant(observed_at), "why": remark_json(why)}
        case _:
            assert_never(presence)


def _as_presence(body: Body) -> Presence:
    match body.text("type"):
        case "found":
            return Found(record=_as_source_record(body.child("record")))
        case "gone":
            return Gone(observed_at=body.when("observed_at"))
        case "hidden":
            return Hidden(observed_at=body.when("observed_at"), why=as_remark(body.child("why")))
        case "unclear":
            return Unclear(observed_at=body.when("observed_at"), why=as_remark(body.child("why")))
        case _:
            raise broken("presence")


# --- the catalog and the audit ---------------------------------------------------------------------------------------


def source_item(source: Source) -> Item:
    """`last_asked_at` and `next_due_at` are not in it: they stand in a row of their own, which ticks write."""
    body: Json = {
        "handle": source.handle,
        "name": source.name,
        "kind": source.kind,
        "enabled": source.enabled,
        "settings": source.settings,
        "mapping": {
            "departments": [_rule_json(rule) for rule in source.mapping.departments],
            "employees": [_rule_json(rule) for rule in source.mapping.employees],
            "extended": [
                {"name": each.name, "type": each.type, "label": each.label} for each in source.mapping.extended
            ],
            "retired": source.mapping.retired,
        },
        "created_at": instant(source.created_at),
        "custom": source.custom,
        "schedule": {
            "cycle_s": source.schedule.cycle.total_seconds(),
            "cron": source.schedule.cron,
            "zone": source.schedule.zone,
            "automatic": source.schedule.automatic,
        },
        "guard": asdict(source.guard),
        "description": source.description,
        "user_info": source.user_info,
        "scope": [[each.external_id, each.path] for each in source.scope.departments],
        "matching": asdict(source.matching),
        "budget": source.budget,
        **({"deleting": _deleting_json(source.deleting)} if source.deleting else {}),
    }
    return row(keys.source(source.uid), {BODY: folded(body), REVISION: source.revision})


def as_source(item: Item) -> Source:
    body = Body.of(item)
    mapping, guard = body.child("mapping"), body.child("guard")
    source = Source(
        uid=item.sort.removeprefix(keys.SOURCE_PREFIX),
        handle=body.text("handle"),
        name=body.text("name"),
        kind=body.text("kind"),
        enabled=body.flag("enabled"),
        settings={name: body.child("settings").text(name) for name in body.child("settings").names()},
        mapping=FieldMapping(
            departments=tuple(_as_rule(each) for each in mapping.children("departments")),
            employees=tuple(_as_rule(each) for each in mapping.children("employees")),
            extended=tuple(
                ExtendedField(name=each.text("name"), type=FieldType(each.text("type")), label=each.text("label"))
                for each in mapping.children("extended")
            ),
            retired=mapping.texts("retired") if mapping.has("retired") else (),
        ),
        created_at=body.when("created_at"),
        custom=body.flag("custom"),
        schedule=_as_schedule(body.child("schedule")),
        guard=Guard(
            accounts=guard.number("accounts"),
            departments=guard.number("departments"),
            share=guard.share("share"),
            floor=guard.number("floor"),
            vanish_share=guard.share("vanish_share"),
            edit_share=guard.share("edit_share"),
            edit_floor=guard.number("edit_floor"),
            storm=guard.number("storm") if guard.has("storm") else Guard().storm,
            second_person=guard.number("second_person") if guard.has("second_person") else Guard().second_person,
        ),
        revision=number_of(item, REVISION) if REVISION in item.attributes else 0,
    )
    if not body.has("matching"):  # stored by a build before
        return source
    matching = body.child("matching")
    return replace(
        source,
        description=body.text("description"),
        user_info=body.flag("user_info"),
        scope=Scope(departments=tuple(Chosen(external_id=each, path=path) for each, path in body.tuples("scope", 2))),
        matching=Matching(
            departments=matching.texts("departments"),
            employees=matching.texts("employees"),
            trusts_email=matching.flag("trusts_email"),
        ),
        budget=body.number("budget"),
        deleting=_as_deleting(body.child("deleting")) if body.has("deleting") else None,
    )


def _deleting_json(deleting: Deleting) -> Json:
    return {"by": deleting.by, "at": instant(deleting.at), "people_leave": deleting.people_leave}


def _as_deleting(body: Body) -> Deleting:
    return Deleting(by=body.text("by"), at=body.when("at"), people_leave=body.flag("people_leave"))


def _as_schedule(body: Body) -> Schedule:
    if not body.has("automatic"):  # stored by a build before, where no cycle meant never
        if not body.has("cycle_s"):
            return Schedule(automatic=False)
        return Schedule(cycle=timedelta(seconds=body.share("cycle_s")))
    return Schedule(
        cycle=timedelta(seconds=body.share("cycle_s")),
        cron=body.text("cron"),
        zone=body.text("zone"),
        automatic=body.flag("automatic"),
    )


def _rule_json(rule: Rule) -> Json:
    if rule.by is None:
        return {"field": rule.field, "first_of": rule.first_of}
    # As people type it: what `parse` reads and `spell` writes is a format that is kept anyway.
    return {"field": rule.field, "by": rule.text}


def _as_rule(body: Body) -> Rule:
    if body.has("by"):
        return Rule(field=body.text("field"), by=parse(body.text("by"), field=body.text("field")))
    return Rule(field=body.text("field"), first_of=body.texts("first_of"))


def audit_item(line: AuditLine, life: timedelta) -> Item:
    who = line.principal
    body = dump(
        {
            "principal": {
                "key": who.key,
                "role": who.role,
                "door": who.door,
                "audits": who.audits,
                "where": who.where,
            },
            "verb": line.verb,
            "source": line.source,
            "task": line.task,
            "outcome": line.outcome,
        }
    )
    at = instant(line.at)
    return row(keys.audit(at, body), {BODY: body, AT: at}, expires=expiry(line.at, life))


def as_audit_line(item: Item) -> AuditLine:
    body = Body.of(item)
    who = body.child("principal")
    return AuditLine(
        at=parse_instant(text_of(item, AT)),
        principal=Principal(
            key=who.text("key"),
            role=Role(who.number("role")),
            door=who.text("door"),
            audits=who.flag("audits") if who.has("audits") else False,
            where=who.text("where") if who.has("where") else "",
        ),
        verb=body.text("verb"),
        source=body.text("source") if body.has("source") else None,
        task=body.text("task") if body.has("task") else None,
        outcome=body.text("outcome"),
    )


def removal_counts(item: Item) -> Mapping[Kind, int]:
    return {Kind(kind): count for kind, count in Body.of(item).numbers("counts").items()}


def removals_item(source: str, task_id: str, now: datetime, counts: Mapping[Kind, int]) -> Item:
    return row(
        keys.removals(source, task_id),
        {BODY: folded({"counts": {kind: count for kind, count in counts.items()}}), AT: instant(now)},
        expires=expiry(now, keys.REMOVALS_LIFE),
    )


def delivery_item(delivery: Delivery) -> Item:
    body: Json = {
        "delivery_id": delivery.delivery_id,
        "source": delivery.source,
        "type": delivery.type,
        "ids": dict(delivery.ids),
        "occurred_at": instant(delivery.occurred_at),
        "received_at": instant(delivery.received_at),
        **({"proves": list(delivery.proves)} if delivery.proves else {}),
    }
    return row(
        keys.delivery(delivery.source, instant(delivery.received_at), delivery.delivery_id),
        {BODY: folded(body)},
        expires=expiry(delivery.received_at, keys.DELIVERY_LIFE),
    )


def as_delivery(item: Item) -> Delivery:
    body = Body.of(item)
    ids = body.child("ids")
    return Delivery(
        delivery_id=body.text("delivery_id"),
        source=body.text("source"),
        type=body.text("type"),
        ids={name: ids.texts(name) for name in ids.names()},
        occurred_at=body.when("occurred_at"),
        received_at=body.when("received_at"),
        proves=body.texts("proves") if body.has("proves") else (),
    )


def _maybe(at: datetime | None) -> str | None:
    return None if at is None else instant(at)
