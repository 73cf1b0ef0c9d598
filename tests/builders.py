"""Small builders: each shows at the call only what matters to the test."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from chalicelib.core.diff import Action
from chalicelib.core.mapping import FieldMapping, Rule, digest
from chalicelib.core.model import (
    NOTHING,
    Entry,
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
from chalicelib.core.ports import AuditLine
from chalicelib.core.principal import TERMINAL, Principal
from chalicelib.core.source import Form, Source, answered, wrong_answers
from chalicelib.core.task import Everything, Evidence, Extent, Purpose, RowStatus, SyncRecord, SyncTask, Trigger

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HQ = "src-hq"


def at(seconds: float) -> datetime:
    """Name an instant that lies so far after noon."""
    return NOON + timedelta(seconds=seconds)


def an_employee_key(external_id: str = "ann", *, source: str = HQ) -> Key:
    return Key(source=source, kind=Kind.EMPLOYEE, external_id=external_id)


def a_department_key(external_id: str = "root", *, source: str = HQ) -> Key:
    return Key(source=source, kind=Kind.DEPARTMENT, external_id=external_id)


def some_values(key: Key, **values: Value) -> Values:
    """Give the values of somebody active who is named like the key."""
    return {"name": key.external_id.capitalize(), "state": State.ACTIVE, **values}


def an_entry(key: Key | None = None, *, revision: int = 1, observed_at: datetime = NOON, **values: Value) -> Entry:
    key = key or an_employee_key()
    return Entry(
        entry_id=new_entry_id(key),
        key=key,
        values=some_values(key, **values),
        revision=revision,
        observed_at=observed_at,
    )


def a_link(
    key: Key | None = None,
    *,
    entry_id: str | None = None,
    observed_at: datetime = NOON,
    state: State = State.ACTIVE,
    task: str = "1",
    digest: str = "d1",
    unseen_since: datetime | None = None,
) -> Link:
    key = key or an_employee_key()
    return Link(
        key=key,
        entry_id=new_entry_id(key) if entry_id is None else entry_id,
        digest=digest,
        observed_at=observed_at,
        state=state,
        task=task,
        unseen_since=unseen_since,
    )


def a_row(
    key: Key | None = None,
    *,
    task: str = "1",
    before: Values = NOTHING,
    after: Values | None = None,
    action: Action | None = None,
    status: RowStatus = RowStatus.PLANNED,
    observed_at: datetime = NOON,
    revision: int = 0,
    evidence: Evidence = Evidence.SHOWN,
) -> SyncRecord:
    """Make a row of a plan; without `before` it creates somebody active who is named like the key."""
    key = key or an_employee_key()
    after = some_values(key) if after is None else after
    return SyncRecord(
        task=task,
        key=key,
        entry_id=new_entry_id(key),
        action=action or (Action.UPDATE if before else Action.CREATE),
        status=status,
        source={"name": after.get("name")},
        before=before,
        after=after,
        observed_at=observed_at,
        digest=digest(after),
        revision=revision,
        evidence=evidence,
    )


def an_employee_row(external_id: str = "ann", *, task: str = "1", observed_at: datetime = NOON) -> SyncRecord:
    return a_row(an_employee_key(external_id), task=task, observed_at=observed_at)


def a_department_row(external_id: str = "root", *, task: str = "1", observed_at: datetime = NOON) -> SyncRecord:
    return a_row(a_department_key(external_id), task=task, observed_at=observed_at)


def a_record(key: Key | None = None, *, observed_at: datetime = NOON, **fields: Value) -> SourceRecord:
    key = key or an_employee_key()
    fields = {"name": key.external_id.capitalize(), "state": State.ACTIVE, **fields}
    return SourceRecord(key=key, fields=fields, covers=frozenset(fields), observed_at=observed_at)


def a_part(name: str = "root", *records: SourceRecord, of: int | None = None) -> Part:
    return Part(name=name, records=records, of=of)


def a_task(
    source: str = HQ,
    *,
    extent: Extent | None = None,
    asked_at: datetime = NOON,
    trigger: Trigger = Trigger.MANUAL,
    purpose: Purpose = Purpose.SYNC,
) -> SyncTask:
    """Make a draft: its id is given when it is asked for."""
    return SyncTask(
        task_id="",
        source=source,
        trigger=trigger,
        extent=extent or Everything(),
        purpose=purpose,
        asked_by=TERMINAL.key,
        asked_at=asked_at,
    )


def a_mapping() -> FieldMapping:
    """Take name and state as the source calls them."""
    rules = (Rule(field="name", first_of=("name",)), Rule(field="state", first_of=("state",)))
    return FieldMapping(departments=rules, employees=rules)


def a_source(
    handle: str = "hq",
    *,
    uid: str | None = None,
    kind: str = "scripted",
    enabled: bool = True,
    custom: bool = False,
    mapping: FieldMapping | None = None,
    settings: Mapping[str, str] = {},
    last_asked_at: datetime | None = None,
) -> Source:
    return Source(
        uid=uid or f"src-{handle}",
        handle=handle,
        name=f"Source-{handle}",
        kind=kind,
        enabled=enabled,
        custom=custom,
        settings=settings,
        mapping=mapping or a_mapping(),
        created_at=NOON,
        last_asked_at=last_asked_at,
    )


def an_audit_line(verb: str = "sync.now", *, at: datetime = NOON, principal: Principal = TERMINAL) -> AuditLine:
    return AuditLine(at=at, principal=principal, verb=verb, source=HQ, task="1", outcome="done")


def answers_to(form: Form, settings: Mapping[str, str], secrets: Collection[str]) -> Mapping[str, str]:
    """Fill a form's defaults in; raise the first of what is wrong with the answers."""
    for error in wrong_answers(form, settings, secrets).values():
        raise error
    return answered(form, settings)
