"""What is kept, through the ports of the store, over every Table."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.core.diff import Action
from chalicelib.core.errors import ConflictError, NotFoundError, StoppedError, StoreConflictError
from chalicelib.core.expression import parse
from chalicelib.core.mapping import ExtendedField, FieldMapping, Rule
from chalicelib.core.matching import Matching
from chalicelib.core.model import FieldType, Key, Kind, Part, Remark, State, Values, new_entry_id
from chalicelib.core.ports import Audit, AuditLine, Catalog, Directory, Item, Page, Put, Table, Tasks
from chalicelib.core.presence import Found, Gone, Hidden, Unclear
from chalicelib.core.principal import TERMINAL, Principal, Role
from chalicelib.core.scope import Chosen, Scope
from chalicelib.core.source import Schedule
from chalicelib.core.task import (
    Approved,
    Decision,
    Extent,
    Fence,
    Only,
    Outcome,
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
    Verdict,
    no_counts,
)
from chalicelib.local.clock import ManualClock
from chalicelib.store import keys
from chalicelib.store.audit import TableAudit
from chalicelib.store.catalog import TableCatalog
from chalicelib.store.codec import entry_item, source_item
from chalicelib.store.directory import TableDirectory
from chalicelib.store.tasks import TableTasks
from tests.builders import (
    HQ,
    NOON,
    a_department_key,
    a_department_row,
    a_link,
    a_part,
    a_record,
    a_row,
    a_source,
    a_task,
    an_audit_line,
    an_employee_key,
    an_employee_row,
    an_entry,
    at,
    some_values,
)

MINUTE = timedelta(minutes=1)
ANN = an_employee_key("ann")
BEN = an_employee_key("ben")


@pytest.fixture
def directory(table: Table) -> Directory:
    return TableDirectory(table=table)


@pytest.fixture
def tasks(table: Table, clock: ManualClock) -> Tasks:
    return TableTasks(table=table, clock=clock)


@pytest.fixture
def catalog(table: Table) -> Catalog:
    return TableCatalog(table=table)


@pytest.fixture
def audit(table: Table) -> Audit:
    return TableAudit(table=table)


@pytest.fixture
def fence(tasks: Tasks) -> Fence:
    taken = tasks.take(HQ, "runner-1", NOON, MINUTE)
    assert taken is not None
    return taken


def planner(tasks: Tasks) -> Fence:
    """Take a lease that stands in nobody's way, to write plans under."""
    taken = tasks.take("plans", "planner", NOON, MINUTE)
    assert taken is not None
    return taken


def planned(tasks: Tasks, *rows: SyncRecord) -> Sequence[SyncRecord]:
    tasks.put_rows(rows, planner(tasks))
    return rows


def next_row(row: SyncRecord, *, task: str, after: float, **values: str | None) -> SyncRecord:
    """Plan an update that follows an applied row."""
    return a_row(
        row.key,
        task=task,
        before=row.after,
        after={**row.after, **values},
        observed_at=at(after),
        revision=row.revision + 1,
    )


# --- applying --------------------------------------------------------------------------------------------------------


def test_applying_writes_entry_link_and_outcome(directory: Directory, tasks: Tasks, fence: Fence) -> None:
    row = an_employee_row("ann")
    assert directory.apply(fence, planned(tasks, row)) == [Outcome.APPLIED]
    entry = directory.entries([row.entry_id])[row.entry_id]
    assert (entry.key, entry.values, entry.revision, entry.observed_at) == (ANN, row.after, 1, NOON)
    assert directory.links_of([ANN, BEN]) == {ANN: a_link(ANN, digest=row.digest)}
    assert tasks.rows_of("1", [ANN]) == {ANN: row.ended(RowStatus.APPLIED)}


def test_an_update_raises_the_revision(directory: Directory, tasks: Tasks, fence: Fence) -> None:
    first = an_employee_row("ann")
    second = next_row(first, task="2", after=5, title="Cook")
    directory.apply(fence, planned(tasks, first))
    assert directory.apply(fence, planned(tasks, second)) == [Outcome.APPLIED]
    entry = directory.entries([first.entry_id])[first.entry_id]
    assert (entry.revision, entry.values["title"]) == (2, "Cook")


def test_a_deactivation_is_seen_in_the_link(directory: Directory, tasks: Tasks, fence: Fence) -> None:
    first = an_employee_row("ann")
    second = next_row(first, task="2", after=5, state=State.LEFT)
    directory.apply(fence, planned(tasks, first))
    directory.apply(fence, planned(tasks, second))
    assert directory.links_of([ANN])[ANN].state is State.LEFT


def test_many_rows_are_applied_in_their_order(directory: Directory, tasks: Tasks, fence: Fence) -> None:
    rows = [an_employee_row(f"e{n}") for n in range(60)]
    assert directory.apply(fence, planned(tasks, *rows)) == [Outcome.APPLIED] * 60
    assert {link.key for link in directory.links(HQ)} == {row.key for row in rows}
    assert {entry.entry_id for entry in directory.listing(Kind.EMPLOYEE)} == {row.entry_id for row in rows}
    assert list(directory.listing(Kind.DEPARTMENT)) == []


def test_the_same_row_again_is_already_applied(directory: Directory, tasks: Tasks, fence: Fence) -> None:
    rows = planned(tasks, an_employee_row("ann"), an_employee_row("ben"))
    directory.apply(fence, rows[:1])
    assert directory.apply(fence, rows) == [Outcome.ALREADY, Outcome.APPLIED]


def test_an_older_observation_is_superseded(directory: Directory, tasks: Tasks, fence: Fence) -> None:
    first = an_employee_row("ann", observed_at=at(10))
    directory.apply(fence, planned(tasks, first))
    older = next_row(first, task="2", after=9, title="Cook")
    assert directory.apply(fence, planned(tasks, older)) == [Outcome.SUPERSEDED]
    assert tasks.rows_of("2", [ANN])[ANN].status is RowStatus.PLANNED
    assert directory.entries([first.entry_id])[first.entry_id].values == first.after


def test_of_two_tasks_with_the_very_same_instant_the_first_wins(
    directory: Directory, tasks: Tasks, fence: Fence
) -> None:
    first = an_employee_row("ann")
    directory.apply(fence, planned(tasks, first))
    second = next_row(first, task="2", after=0, title="Cook")
    assert directory.apply(fence, planned(tasks, second)) == [Outcome.SUPERSEDED]


def test_what_was_seen_before_the_last_full_read_is_superseded(
    directory: Directory, tasks: Tasks, fence: Fence
) -> None:
    task, _ = tasks.ask(a_task())
    tasks.end(replace(task, status=TaskStatus.DONE), fence, read_began_at=at(10))
    rows = [an_employee_row("ann", observed_at=at(9)), an_employee_row("ben", observed_at=at(11))]
    same = an_employee_row("col", observed_at=at(10))
    outcomes = directory.apply(fence, planned(tasks, *rows, same))
    assert outcomes == [Outcome.SUPERSEDED, Outcome.APPLIED, Outcome.SUPERSEDED]
    assert directory.links_of([ANN, BEN]).keys() == {BEN}


def test_an_entry_that_changed_by_no_newer_observation_is_stale(
    directory: Directory, tasks: Tasks, fence: Fence
) -> None:
    first = an_employee_row("ann")
    directory.apply(fence, planned(tasks, first))
    blind = replace(next_row(first, task="2", after=5, title="Cook"), revision=0)
    assert directory.apply(fence, planned(tasks, blind)) == [Outcome.STALE]


def test_a_row_that_is_not_in_the_plan_any_more_is_stale(directory: Directory, tasks: Tasks, fence: Fence) -> None:
    rows = planned(tasks, an_employee_row("ann"))
    tasks.drop_rows("1", [ANN], planner(tasks))
    assert directory.apply(fence, rows) == [Outcome.STALE]
    assert directory.entries([rows[0].entry_id]) == {}


def test_only_planned_rows_with_a_state_of_the_lease_s_source_are_applied(directory: Directory, fence: Fence) -> None:
    row = an_employee_row("ann")
    elsewhere = a_row(an_employee_key("ann", source="src-other"))
    for wrong in (row.ended(RowStatus.HELD), replace(row, after={}), elsewhere):
        with pytest.raises(ValueError, match="row"):
            directory.apply(fence, [wrong])


def test_without_the_lease_nothing_is_applied(directory: Directory, tasks: Tasks, fence: Fence) -> None:
    rows = planned(tasks, an_employee_row("ann"), an_employee_row("ben"))
    tasks.release(fence)
    assert tasks.take(HQ, "runner-2", NOON, MINUTE)
    with pytest.raises(StoreConflictError, match="lease is lost"):
        directory.apply(fence, rows)
    with pytest.raises(StoreConflictError, match="lease is lost"):
        directory.relink(fence, [a_link()])
    assert list(directory.links(HQ)) == []


def test_one_key_twice_is_applied_in_two_transactions(directory: Directory, tasks: Tasks, fence: Fence) -> None:
    first = an_employee_row("ann")
    second = next_row(first, task="2", after=5, title="Cook")
    assert directory.apply(fence, planned(tasks, first, second)) == [Outcome.APPLIED, Outcome.APPLIED]


# --- links alone -----------------------------------------------------------------------------------------------------


def test_a_link_is_written_again_at_its_own_instant(directory: Directory, fence: Fence) -> None:
    directory.relink(fence, [a_link(digest="old")])
    unseen = a_link(digest="new", unseen_since=at(60))
    directory.relink(fence, [unseen])
    assert directory.links_of([ANN]) == {ANN: unseen}


def test_a_link_that_was_observed_later_is_left_as_it_is(directory: Directory, fence: Fence) -> None:
    later = a_link(observed_at=at(10))
    directory.relink(fence, [later])
    directory.relink(fence, [a_link(digest="old"), a_link(BEN)])
    assert directory.links_of([ANN, BEN]) == {ANN: later, BEN: a_link(BEN)}


def test_a_tombstone_is_a_link_without_an_entry(directory: Directory, tasks: Tasks, fence: Fence) -> None:
    tombstone = a_link(BEN, entry_id="", state=State.LEFT, observed_at=at(10))
    directory.relink(fence, [tombstone])
    assert list(directory.links(HQ)) == [tombstone]
    staged_hire = an_employee_row("ben", observed_at=at(5))
    assert directory.apply(fence, planned(tasks, staged_hire)) == [Outcome.SUPERSEDED]


def test_links_stay_with_their_source(directory: Directory, fence: Fence) -> None:
    directory.relink(fence, [a_link(an_employee_key(f"e{n}")) for n in range(120)])
    assert len(list(directory.links(HQ))) == 120
    assert list(directory.links("src-other")) == []


# --- searching -------------------------------------------------------------------------------------------------------


def found(directory: Directory, text: str, limit: int = 10) -> list[str]:
    return [entry.name for entry in directory.search(text, limit)]


@pytest.fixture
def searched(directory: Directory, tasks: Tasks, fence: Fence) -> Directory:
    rows = [
        a_row(
            an_employee_key("1"),
            after={
                "name": "王小明",
                "en_name": "Ann Mary Lee",
                "email": "Ann.Lee@Example.com",
                "mobile": "+86 138-0013-8000",
                "employee_no": "ＡB-007",
                "state": State.ACTIVE,
            },
        ),
        a_row(an_employee_key("2"), after={"name": "王芳", "mobile": "13900139000", "state": State.ACTIVE}),
        a_row(an_employee_key("3"), after={"name": "Annette O'Neil", "state": State.LEFT}),
        a_department_row("ann"),
    ]
    directory.apply(fence, planned(tasks, *rows))
    return directory


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("王", ["王小明", "王芳"]),
        ("王小", ["王小明"]),
        ("ANN", ["王小明", "Annette O'Neil"]),
        ("ａｎｎ  mary", ["王小明"]),
        ("mary l", ["王小明"]),
        ("lee", ["王小明"]),
        ("neil", ["Annette O'Neil"]),
        ("ann.lee@", ["王小明"]),
        ("ab-0", ["王小明"]),
        ("13800138000", ["王小明"]),
        ("8613800", ["王小明"]),
        ("+86 138 0013", ["王小明"]),
        ("138-0013", ["王小明"]),
        ("13", ["王小明", "王芳"]),
        ("1", ["王小明", "王芳"]),
        ("小明", ["王小明"]),
        ("小", ["王小明"]),
        ("芳", ["王芳"]),
        ("明", []),
        ("nobody", []),
        ("  ", []),
        ("", []),
    ],
)
def test_people_are_found_by_a_prefix(searched: Directory, text: str, names: list[str]) -> None:
    assert found(searched, text) == names


def test_a_search_ends_at_its_limit(searched: Directory) -> None:
    assert found(searched, "王", 1) == ["王小明"]


def test_an_old_name_finds_nobody(searched: Directory, tasks: Tasks, fence: Fence) -> None:
    key = an_employee_key("2")
    before = searched.entries([new_entry_id(key)])[new_entry_id(key)].values
    row = a_row(
        key, task="2", before=before, after={**before, "name": "李芳", "mobile": None}, observed_at=at(5), revision=1
    )
    assert searched.apply(fence, planned(tasks, row)) == [Outcome.APPLIED]
    assert found(searched, "王芳") == []
    assert found(searched, "139") == []
    assert found(searched, "李") == ["李芳"]


# --- sources ---------------------------------------------------------------------------------------------------------


def test_a_source_comes_back_as_it_was(catalog: Catalog) -> None:
    source = replace(
        a_source("hq", settings={"app_id": "cli_1"}, last_asked_at=at(7)),
        next_due_at=at(60),
        mapping=FieldMapping(
            departments=(Rule(field="name", first_of=("name",)),),
            employees=(
                Rule(field="email", first_of=("work_mail", "mail")),
                Rule.of("title", parse('lookup(lower(grade): 1="Chef, first", else nothing) | "{grade} {{x}}"')),
                Rule.of("mobile", parse("nothing")),
            ),
            extended=(ExtendedField(name="badge", type=FieldType.INTEGER, label="工牌"),),
            retired=("shoe_size",),
        ),
        schedule=Schedule(cron="30 3 * * 1-5", zone="Asia/Shanghai", automatic=False),
        guard=replace(a_source().guard, accounts=3, share=0.125, second_person=7),
        description="登录 hq",
        user_info=False,
        scope=Scope(departments=(Chosen(external_id="od-1", path="Company / Sales"),)),
        matching=Matching(departments=("path",), employees=("employee_number", "email"), trusts_email=True),
        budget=10_000,
        custom=True,
    )
    catalog.add(source)
    assert catalog.source("hq") == catalog.source(source.uid) == replace(source, revision=1)
    assert catalog.sources() == [replace(source, revision=1)]


def test_sources_stand_in_order_of_handle(catalog: Catalog) -> None:
    for handle in ("b", "c", "a"):
        catalog.add(a_source(handle))
    assert [source.handle for source in catalog.sources()] == ["a", "b", "c"]


def test_an_unknown_source_is_not_found(catalog: Catalog) -> None:
    with pytest.raises(NotFoundError):
        catalog.source("hq")


def test_the_rules_on_sources_hold(catalog: Catalog) -> None:
    catalog.add(a_source("custom", custom=True))
    for refused in (a_source("custom", uid="src-x"), a_source("two", custom=True), a_source("new", uid="src-custom")):
        with pytest.raises(ConflictError):
            catalog.add(refused)
    for handle in ("b", "c", "d", "e"):
        catalog.add(a_source(handle))
    with pytest.raises(ConflictError):
        catalog.add(a_source("f"))
    catalog.add(a_source("f", enabled=False))
    assert len(catalog.sources()) == 6


def test_a_due_sync_is_claimed_once(catalog: Catalog) -> None:
    catalog.add(a_source("hq"))
    source = catalog.source("hq")
    assert catalog.claim_due(source, at(1), at(10))
    assert not catalog.claim_due(source, at(1), at(10))
    claimed = catalog.source("hq")
    assert claimed == replace(source, last_asked_at=at(1), next_due_at=at(10))
    assert catalog.claim_due(claimed, at(2), None)
    assert not catalog.claim_due(claimed, at(3), at(10))
    assert catalog.source("hq").next_due_at is None


def test_an_edit_takes_the_place_of_what_it_saw(catalog: Catalog) -> None:
    catalog.add(a_source("hq"))
    before = catalog.source("hq")
    edited = replace(before, enabled=False, schedule=Schedule(cron="0 3 * * *"), next_due_at=at(5))
    assert catalog.update(edited, instead_of=before)
    assert catalog.source("hq") == replace(edited, revision=before.revision + 1)
    assert not catalog.update(replace(before, name="Another"), instead_of=before)
    assert not catalog.update(a_source("nobody"), instead_of=a_source("nobody"))


def test_an_edit_keeps_when_the_source_was_last_asked_for(catalog: Catalog) -> None:
    catalog.add(a_source("hq"))
    before = catalog.source("hq")
    assert catalog.claim_due(before, at(1), at(10))
    assert catalog.update(replace(before, name="Another", next_due_at=at(5)), instead_of=before)
    assert (catalog.source("hq").last_asked_at, catalog.source("hq").next_due_at) == (at(1), at(5))


def test_a_claim_of_a_schedule_that_was_edited_meanwhile_fails(catalog: Catalog) -> None:
    catalog.add(a_source("hq"))
    before = catalog.source("hq")
    assert catalog.update(replace(before, next_due_at=at(50)), instead_of=before)
    assert not catalog.claim_due(before, at(1), at(10))
    assert catalog.source("hq").next_due_at == at(50)
    assert catalog.claim_due(catalog.source("hq"), at(50), at(60))


def test_an_edit_that_breaks_a_rule_writes_nothing(catalog: Catalog) -> None:
    for handle in ("a", "b", "c", "d", "e"):
        catalog.add(a_source(handle))
    catalog.add(a_source("f", enabled=False))
    before = catalog.source("f")
    with pytest.raises(ConflictError, match="too many enabled sources"):
        catalog.update(replace(before, enabled=True), instead_of=before)
    with pytest.raises(ConflictError, match="handle is taken"):
        catalog.update(replace(before, handle="a"), instead_of=before)
    assert catalog.source("f") == before


# --- tasks -----------------------------------------------------------------------------------------------------------


def ended(task: SyncTask, status: TaskStatus = TaskStatus.DONE) -> SyncTask:
    return replace(task, status=status, finished_at=at(99))


def test_a_request_is_known_by_its_name(tasks: Tasks) -> None:
    task, _ = tasks.ask(a_task(), once="m1")
    assert tasks.seen(HQ, "m1") == task
    assert tasks.seen(HQ, "m2") is None
    assert tasks.seen("src-other", "m1") is None


def test_a_request_that_met_a_task_of_another_purpose_is_not_known(tasks: Tasks, fence: Fence) -> None:
    preview, _ = tasks.ask(a_task(purpose=Purpose.PREVIEW))
    assert tasks.ask(a_task(), once="m1") == (preview, False)
    assert tasks.seen(HQ, "m1") is None
    tasks.end(ended(preview), fence)
    assert tasks.ask(a_task(), once="m1")[1]


STOP = Remark(code="cancelled", facts={"by": "ou_ann", "at": "2026-11-22T12:00:00+00:00"})


def test_a_task_that_is_stopped_ends_as_cancelled_or_not_at_all(tasks: Tasks, fence: Fence) -> None:
    task, _ = tasks.ask(a_task())
    assert tasks.stopped(task) is None
    assert tasks.stop(task, STOP)
    assert tasks.stop(task, Remark(code="cancelled", facts={"by": "ou_ben", "at": ""}))
    assert tasks.stopped(task) == STOP
    for status in (TaskStatus.DONE, TaskStatus.FAILED, TaskStatus.HELD):
        with pytest.raises(StoppedError):
            tasks.end(ended(task, status), fence)
    assert tasks.get(task.task_id) == task
    assert tasks.waiting(HQ) == [task]
    tasks.end(ended(task, TaskStatus.CANCELLED), fence)
    assert tasks.waiting(HQ) == []
    assert tasks.stopped(task) is None
    assert tasks.ask(a_task())[1]


def test_a_task_that_is_over_is_not_stopped(tasks: Tasks, fence: Fence) -> None:
    task, _ = tasks.ask(a_task())
    tasks.end(ended(task), fence)
    assert not tasks.stop(task, STOP)
    assert tasks.stopped(task) is None


def test_a_stop_is_of_one_task(tasks: Tasks, fence: Fence) -> None:
    full, _ = tasks.ask(a_task())
    other, _ = tasks.ask(a_task(extent=Only(keys=(ANN,))))
    assert tasks.stop(full, STOP)
    assert tasks.stopped(other) is None
    tasks.end(ended(other), fence)


def test_ids_ascend(tasks: Tasks) -> None:
    asked = [tasks.ask(a_task(extent=Only(keys=(ANN,)))) for _ in range(12)]
    assert [task.task_id for task, _ in asked] == [str(n) for n in range(1, 13)]
    assert all(new for _, new in asked)


def test_a_source_has_one_unfinished_full_task(tasks: Tasks, fence: Fence) -> None:
    first, _ = tasks.ask(a_task())
    assert tasks.ask(a_task(asked_at=at(1))) == (first, False)
    other, new = tasks.ask(a_task("src-other"))
    assert new
    small, new = tasks.ask(a_task(extent=Only(keys=(ANN,))))
    assert new
    tasks.end(ended(small), fence)
    assert tasks.ask(a_task()) == (first, False)
    tasks.end(ended(first), fence)
    second, new = tasks.ask(a_task())
    assert new
    assert second.task_id not in (first.task_id, other.task_id, small.task_id)


def test_a_request_is_heard_once(tasks: Tasks, fence: Fence) -> None:
    draft = a_task(extent=Only(keys=(ANN,)))
    first, new = tasks.ask(draft, once="event-1")
    assert new
    assert tasks.ask(draft, once="event-1") == (first, False)
    assert tasks.ask(draft, once="event-2")[1]
    assert tasks.ask(replace(draft, source="src-other"), once="event-1")[1]


def test_a_request_that_joined_a_task_is_not_heard_again_when_that_is_over(tasks: Tasks, fence: Fence) -> None:
    full, _ = tasks.ask(a_task())
    assert tasks.ask(a_task(), once="event-1") == (full, False)
    tasks.end(ended(full), fence)
    assert tasks.ask(a_task(), once="event-1") == (ended(full), False)


@pytest.mark.parametrize(
    "extent", [Only(keys=(ANN, a_department_key())), Approved(of="7"), Approved(of="7", entry_ids=("e1", "e2"))]
)
def test_a_task_comes_back_as_it_was(tasks: Tasks, fence: Fence, extent: Extent) -> None:
    asked, _ = tasks.ask(a_task(extent=extent))
    counts = no_counts()
    counts[Kind.EMPLOYEE][Tally.CREATED] = 3
    task = replace(
        asked,
        status=TaskStatus.RUNNING,
        phase=Phase.APPLY,
        slices=2,
        attempts=1,
        started_at=at(1),
        counts=counts,
        calls={"users": 4},
        entry_writes=3,
        reason=Remark(code="approved", facts={"task": "9"}),
        remarks=(Remark(code="some cannot be seen", facts={"employees": 1, "departments": 0}),),
        decisions=(
            Decision(verdict=Verdict.REJECTED, by="src-hq:ou_ann", at=at(5)),
            Decision(verdict=Verdict.APPROVED, by="terminal:terminal", at=at(6), task="12"),
        ),
    )
    tasks.save(task, fence)
    assert tasks.get(task.task_id) == task


def test_a_task_with_very_many_keys_fits(tasks: Tasks) -> None:
    keys = tuple(an_employee_key(f"ou_{n:032}") for n in range(6000))
    task, _ = tasks.ask(a_task(extent=Only(keys=keys)))
    assert tasks.get(task.task_id) == task


@pytest.mark.parametrize("task_id", ["1", "", "x", "1#2", "٣", "9" * 2000])
def test_an_unknown_task_is_not_found(tasks: Tasks, task_id: str) -> None:
    with pytest.raises(NotFoundError):
        tasks.get(task_id)


def test_tasks_are_listed_newest_first(tasks: Tasks) -> None:
    for source in (HQ, "src-other", HQ):
        tasks.ask(a_task(source, extent=Only(keys=())))
    assert [task.task_id for task in tasks.recent(None, 2)] == ["3", "2"]
    assert [task.task_id for task in tasks.recent(HQ, 10)] == ["3", "1"]
    assert tasks.recent("src-none", 10) == []


def test_unfinished_tasks_wait_oldest_first(tasks: Tasks, fence: Fence) -> None:
    asked = [tasks.ask(a_task(extent=Only(keys=())))[0] for _ in range(11)]
    assert tasks.waiting(HQ) == asked
    tasks.save(replace(asked[0], status=TaskStatus.RUNNING), fence)
    tasks.end(ended(asked[1]), fence)
    assert [task.task_id for task in tasks.waiting(HQ)] == ["1", *(str(n) for n in range(3, 12))]
    assert tasks.get("2") == ended(asked[1])


@pytest.mark.parametrize("status", [TaskStatus.HELD, TaskStatus.PREVIEWED])
def test_a_task_whose_rows_wait_is_held_until_it_is_closed(tasks: Tasks, fence: Fence, status: TaskStatus) -> None:
    task, _ = tasks.ask(a_task())
    tasks.end(ended(task, status), fence)
    assert tasks.held(HQ) == [ended(task, status)]
    tasks.close(ended(task))
    assert tasks.held(HQ) == []
    assert tasks.get(task.task_id).status is TaskStatus.DONE


def test_the_last_full_read_never_goes_back(tasks: Tasks, fence: Fence) -> None:
    assert tasks.read_through(HQ) is None
    for began, kept in ((10, 10), (5, 10), (10, 10), (11, 11)):
        task, _ = tasks.ask(a_task())
        tasks.end(ended(task), fence, read_began_at=at(began))
        assert tasks.read_through(HQ) == at(kept)


def test_without_the_lease_no_task_is_saved_or_ended(tasks: Tasks, fence: Fence) -> None:
    task, _ = tasks.ask(a_task())
    tasks.release(fence)
    with pytest.raises(StoreConflictError, match="lease is lost"):
        tasks.save(task, fence)
    with pytest.raises(StoreConflictError, match="lease is lost"):
        tasks.end(ended(task), fence)
    assert tasks.get(task.task_id) == task


def test_only_what_has_ended_is_ended(tasks: Tasks, fence: Fence) -> None:
    task, _ = tasks.ask(a_task())
    with pytest.raises(ValueError, match="has not ended"):
        tasks.end(task, fence)
    with pytest.raises(ValueError, match="over"):
        tasks.ask(ended(a_task()))


# --- plans -----------------------------------------------------------------------------------------------------------


def test_a_row_comes_back_as_it_was(tasks: Tasks) -> None:
    before: Values = {
        "name": "Ann",
        "title": "Cook",
        "departments": ("d1", "d2"),
        "badge": 1,
        "state": "active",
        "lost": "x",
    }
    after: Values = {
        "name": "Ann",
        "title": None,
        "departments": ("d2",),
        "badge": True,
        "state": "active",
        "flag": False,
    }
    row = replace(
        a_row(before=before, after=after, action=Action.UPDATE, revision=4),
        source={"custom_attrs.C-1": 5, "tags": ("a",), "open": True, "none": None},
        reason=Remark(code="newer observation"),
    )
    tasks.put_rows([row], planner(tasks))
    (kept,) = tasks.rows(row.task)
    assert kept == row
    assert kept.after["badge"] is True


def test_rows_come_departments_first(tasks: Tasks) -> None:
    rows = [row for n in range(20) for row in (an_employee_row(f"x{n}"), a_department_row(f"x{n}"))]
    tasks.put_rows(rows, planner(tasks))
    read = list(tasks.rows("1"))
    assert [row.key.kind for row in read] == [Kind.DEPARTMENT] * 20 + [Kind.EMPLOYEE] * 20
    assert {row.key for row in read} == {row.key for row in rows}
    assert list(tasks.rows("11")) == []


def test_outcomes_tell_of_every_row_what_a_count_needs(tasks: Tasks, directory: Directory, fence: Fence) -> None:
    hire, home = an_employee_row("ann"), a_department_row("root").ended(RowStatus.REJECTED)
    active: Values = {"name": "Ben", "state": State.ACTIVE}
    leaver = a_row(BEN, before=active, after={**active, "state": State.LEFT}, action=Action.DEACTIVATE)
    tasks.put_rows([hire, home, leaver.ended(RowStatus.HELD)], planner(tasks))
    directory.apply(fence, [hire])
    read = sorted(tasks.outcomes("1"), key=lambda each: (each.kind, each.status))
    assert read == [
        RowOutcome(kind=Kind.DEPARTMENT, action=Action.CREATE, status=RowStatus.REJECTED, removes_access=False),
        RowOutcome(kind=Kind.EMPLOYEE, action=Action.CREATE, status=RowStatus.APPLIED, removes_access=False),
        RowOutcome(kind=Kind.EMPLOYEE, action=Action.DEACTIVATE, status=RowStatus.HELD, removes_access=True),
    ]
    assert list(tasks.outcomes("11")) == []


def test_rows_are_found_and_dropped_by_key(tasks: Tasks) -> None:
    tasks.put_rows([an_employee_row("ann"), an_employee_row("ben")], planner(tasks))
    tasks.drop_rows("1", [BEN, an_employee_key("nobody")], planner(tasks))
    assert tasks.rows_of("1", [ANN, BEN]).keys() == {ANN}


def test_an_overtaken_runner_writes_no_plan(tasks: Tasks, directory: Directory, fence: Fence) -> None:
    row = an_employee_row("ann")
    tasks.put_rows([row], fence)
    later = tasks.take(HQ, "runner-2", at(61), MINUTE)
    assert later is not None
    directory.apply(later, [row])
    with pytest.raises(StoreConflictError, match="lease is lost"):
        tasks.put_rows([row], fence)
    with pytest.raises(StoreConflictError, match="lease is lost"):
        tasks.drop_rows("1", [ANN], fence)
    assert [each.status for each in tasks.rows("1")] == [RowStatus.APPLIED]


def test_a_row_is_decided_once(tasks: Tasks) -> None:
    rows = [an_employee_row(f"e{n}").ended(RowStatus.HELD) for n in range(7)]
    tasks.put_rows(rows, planner(tasks))
    tasks.put_rows([rows[3].ended(RowStatus.APPLIED)], planner(tasks))
    rejected = [row.ended(RowStatus.REJECTED, Remark(code="rejected")) for row in rows]
    stored = tasks.decide(rejected, instead_of=RowStatus.HELD)
    assert stored == [*rejected[:3], *rejected[4:]]
    assert tasks.decide(rejected, instead_of=RowStatus.HELD) == []
    assert tasks.rows_of("1", [rows[3].key])[rows[3].key].status is RowStatus.APPLIED


# --- the stage -------------------------------------------------------------------------------------------------------


def test_a_staged_part_comes_back_as_it_was(tasks: Tasks) -> None:
    part = replace(
        a_part("root", a_record(ANN, name="王"), a_record(BEN, tags=("a", "b"), age=3, open=True), of=12),
        remarks=(Remark(code="range is partial", facts={"departments": 2, "people": 0}),),
    )
    tasks.stage("1", part)
    tasks.stage("1", a_part("empty # of members"))
    staged = tasks.staged_parts("1")
    assert dict(staged) == {"root": part, "empty # of members": a_part("empty # of members")}
    assert "nobody" not in staged
    assert len(tasks.staged_parts("11")) == 0


def test_a_part_of_any_size_is_staged(tasks: Tasks) -> None:
    # Text that does not compress, so that it takes several chunks.
    words = [new_entry_id(an_employee_key(f"{n}")) for n in range(60_000)]
    part = Part(name="huge", records=tuple(a_record(ANN, word="".join(words[n::400])) for n in range(400)))
    tasks.stage("1", part)
    assert tasks.staged_parts("1")["huge"] == part
    tasks.clear_stage("1")
    assert len(tasks.staged_parts("1")) == 0


def test_a_part_staged_again_is_the_new_one(tasks: Tasks) -> None:
    tasks.stage("1", a_part("root", a_record(ANN)))
    tasks.stage("1", a_part("root", a_record(BEN)))
    assert tasks.staged_parts("1") == {"root": a_part("root", a_record(BEN))}


def test_staged_sightings_are_not_parts(tasks: Tasks) -> None:
    why = Remark(code="outside the range", facts={"code": 1})
    keys = [an_employee_key(name) for name in "abcd"]
    sighting = Sighting(
        name="batch-1",
        presences={
            keys[0]: Found(record=a_record(keys[0])),
            keys[1]: Gone(observed_at=at(1)),
            keys[2]: Hidden(observed_at=at(2), why=why),
            keys[3]: Unclear(observed_at=at(3), why=why),
        },
    )
    tasks.stage("1", sighting)
    tasks.stage("1", a_part("batch-1"))
    assert tasks.staged_sightings("1") == {"batch-1": sighting}
    assert list(tasks.staged_parts("1")) == ["batch-1"]


def test_a_stage_older_than_two_days_is_not_there(tasks: Tasks, clock: ManualClock) -> None:
    tasks.stage("1", a_part("old"))
    clock.sleep(timedelta(days=1, hours=23).total_seconds())
    tasks.stage("1", a_part("new"))
    clock.sleep(timedelta(hours=2).total_seconds())
    assert list(tasks.staged_parts("1")) == ["new"]


def test_the_snapshot_is_what_the_last_whole_read_staged(tasks: Tasks, fence: Fence) -> None:
    assert tasks.snapshot(HQ) is None
    for number, record in enumerate((a_record(ANN), a_record(BEN))):
        task, _ = tasks.ask(a_task(asked_at=at(number)))
        tasks.stage(task.task_id, a_part("root", record))
        tasks.stage(task.task_id, Sighting(name="batch", presences={ANN: Gone(observed_at=at(number))}))
        tasks.end(ended(task), fence, keeps_stage=True)
        snapshot = tasks.snapshot(HQ)
        assert snapshot is not None
        assert (snapshot.task, snapshot.read_at) == (task.task_id, at(number))
        assert dict(snapshot.parts) == {"root": a_part("root", record)}
        assert list(snapshot.sightings) == ["batch"]
    assert dict(tasks.staged_parts("1")) == {}
    assert tasks.snapshot("src-other") is None


def test_a_task_that_read_little_or_failed_leaves_the_snapshot_alone(tasks: Tasks, fence: Fence) -> None:
    whole, _ = tasks.ask(a_task())
    tasks.stage(whole.task_id, a_part("root", a_record(ANN)))
    tasks.end(ended(whole), fence, keeps_stage=True)
    failed, _ = tasks.ask(a_task(asked_at=at(1)))
    tasks.stage(failed.task_id, a_part("root", a_record(BEN)))
    tasks.end(replace(ended(failed), status=TaskStatus.FAILED), fence)
    tasks.clear_stage(failed.task_id)
    snapshot = tasks.snapshot(HQ)
    assert snapshot is not None
    assert dict(snapshot.parts) == {"root": a_part("root", a_record(ANN))}


def test_ending_a_task_once_more_keeps_its_snapshot(tasks: Tasks, fence: Fence) -> None:
    task, _ = tasks.ask(a_task())
    tasks.stage(task.task_id, a_part("root", a_record(ANN)))
    for _ in range(2):  # the answer to the first was lost
        tasks.end(ended(task), fence, keeps_stage=True)
    snapshot = tasks.snapshot(HQ)
    assert snapshot is not None
    assert list(snapshot.parts) == ["root"]


def test_a_snapshot_lives_for_a_week_from_the_beginning_of_its_read(
    tasks: Tasks, fence: Fence, clock: ManualClock
) -> None:
    task, _ = tasks.ask(a_task())
    tasks.stage(task.task_id, a_part("root", a_record(ANN)))
    tasks.end(ended(task), fence, keeps_stage=True)
    clock.sleep(timedelta(days=6, hours=23).total_seconds())
    snapshot = tasks.snapshot(HQ)
    assert snapshot is not None
    assert snapshot.parts["root"].records == (a_record(ANN),)
    clock.sleep(timedelta(hours=2).total_seconds())
    assert tasks.snapshot(HQ) is None


def test_a_dropped_snapshot_is_gone(tasks: Tasks, fence: Fence) -> None:
    task, _ = tasks.ask(a_task())
    tasks.stage(task.task_id, a_part("root", a_record(ANN)))
    tasks.end(ended(task), fence, keeps_stage=True)
    for _ in range(2):
        tasks.drop_snapshot(HQ)
        assert tasks.snapshot(HQ) is None
    assert dict(tasks.staged_parts(task.task_id)) == {}


# --- leases ----------------------------------------------------------------------------------------------------------


def test_one_owner_holds_a_lease_until_it_runs_out(tasks: Tasks) -> None:
    first = tasks.take(HQ, "one", NOON, MINUTE)
    assert first == Fence(source=HQ, owner="one")
    assert tasks.take(HQ, "two", at(59), MINUTE) is None
    assert tasks.take("src-other", "two", at(59), MINUTE)
    assert tasks.take(HQ, "two", at(60), MINUTE) == Fence(source=HQ, owner="two")
    assert not tasks.renew(first, at(61), MINUTE, None)
    tasks.release(first)
    assert tasks.lease(HQ) == (at(120), None)


def test_an_owner_may_take_its_own_lease_again(tasks: Tasks) -> None:
    tasks.take(HQ, "one", NOON, MINUTE)
    assert tasks.take(HQ, "one", at(1), MINUTE)
    assert tasks.lease(HQ) == (at(61), None)


def test_a_renewal_pushes_the_end_out_and_tells_progress(tasks: Tasks, fence: Fence) -> None:
    progress = Progress(stage="read", done=3, total=9)
    assert tasks.renew(fence, at(30), MINUTE, progress)
    assert tasks.lease(HQ) == (at(90), progress)
    assert tasks.take(HQ, "two", at(60), MINUTE) is None


def test_a_released_lease_is_held_by_nobody(tasks: Tasks, fence: Fence) -> None:
    tasks.release(fence)
    tasks.release(fence)
    assert tasks.lease(HQ) is None
    assert not tasks.renew(fence, at(1), MINUTE, None)
    assert tasks.lease(HQ) is None


# --- removals --------------------------------------------------------------------------------------------------------


def test_removals_of_other_tasks_are_counted(tasks: Tasks) -> None:
    tasks.reserve_removals(HQ, "1", at(0), {Kind.EMPLOYEE: 5})
    tasks.reserve_removals(HQ, "2", at(10), {Kind.EMPLOYEE: 9, Kind.DEPARTMENT: 1})
    tasks.reserve_removals(HQ, "2", at(10), {Kind.EMPLOYEE: 2, Kind.DEPARTMENT: 1})
    tasks.reserve_removals(HQ, "3", at(20), {Kind.EMPLOYEE: 100})
    tasks.reserve_removals("src-other", "4", at(20), {Kind.EMPLOYEE: 100})
    assert tasks.removals(HQ, at(0), except_task="3") == {Kind.EMPLOYEE: 7, Kind.DEPARTMENT: 1}
    assert tasks.removals(HQ, at(1), except_task="3") == {Kind.EMPLOYEE: 2, Kind.DEPARTMENT: 1}
    assert tasks.removals(HQ, at(30), except_task="3") == {Kind.EMPLOYEE: 0, Kind.DEPARTMENT: 0}


# --- the audit -------------------------------------------------------------------------------------------------------


def test_audit_lines_come_newest_first(audit: Audit) -> None:
    lines = [an_audit_line(f"verb-{n}", at=at(n)) for n in range(5)]
    for line in lines:
        audit.note(line)
    audit.note(replace(lines[4], source=None, task=None, verb="another at the same instant"))
    assert len(audit.recent(10)) == 6
    assert audit.recent(10)[2:] == lines[3::-1]
    assert len(audit.recent(2)) == 2


IN_CHAT = Principal(key="ou_ann", role=Role.VIEWER, door=HQ, audits=True, where="oc_1")


def test_an_audit_line_comes_back_as_it_was(audit: Audit) -> None:
    line = an_audit_line("audit", principal=IN_CHAT)
    audit.note(line)
    assert audit.recent(1) == [line]
    assert audit.recent(1)[0].where == "oc_1"


def verbs(lines: Sequence[AuditLine]) -> list[str]:
    return [line.verb for line in lines]


def test_audit_lines_are_found_by_verb_person_and_time(audit: Audit) -> None:
    said = ("sync now", "admin add", "sync approve", "admins", "sync", "audit")
    for n, verb in enumerate(said):
        audit.note(an_audit_line(verb, at=at(n), principal=IN_CHAT if n % 2 else TERMINAL))
    assert verbs(audit.search(types=["sync"], limit=10)) == ["sync", "sync approve", "sync now"]
    assert verbs(audit.search(types=["sync now", "audit"], limit=10)) == ["audit", "sync now"]
    assert verbs(audit.search(types=["admin"], limit=10)) == ["admin add"]
    assert verbs(audit.search(by="ou_ann", limit=2)) == ["audit", "admins"]
    assert verbs(audit.search(since=at(2), until=at(4), limit=10)) == ["admins", "sync approve"]
    assert verbs(audit.search(since=at(2), until=at(4), types=["sync"], by="terminal", limit=1)) == ["sync approve"]
    assert audit.search(until=NOON, limit=10) == []
    assert audit.search(since=at(9), limit=10) == []
    audit.note(replace(an_audit_line("sync", at=at(0)), outcome="forbidden"))
    assert verbs(audit.search(outcome="forbidden", limit=1)) == ["sync"]
    assert audit.search(outcome="forbidden", by="ou_nobody", limit=1) == []
    assert verbs(audit.search(types=["sync now"], limit=1)) == ["sync now"]


def test_a_search_reads_no_further_than_it_must(table: Table) -> None:
    class Counted:
        """A table that counts the rows of its pages."""

        read = 0

        def __getattr__(self, name: str) -> object:
            return getattr(table, name)

        def query(self, *args: str, **kwargs: object) -> Page:
            page = table.query(*args, **kwargs)  # type: ignore[arg-type] # handed on as it came
            self.read += len(page.items)
            return page

    counted = Counted()
    audit = TableAudit(table=counted)  # type: ignore[arg-type] # the rest is the table's
    for n in range(50):
        audit.note(an_audit_line(f"verb-{n}", at=at(n)))
    assert len(audit.search(since=at(20), until=at(30), limit=100)) == 10
    assert counted.read <= 40
    counted.read = 0
    assert verbs(audit.search(until=at(10), limit=3)) == ["verb-9", "verb-8", "verb-7"]
    assert counted.read == 3


def test_audit_lines_end_when_they_are_told_to(table: Table) -> None:
    TableAudit(table=table, life=timedelta(days=7)).note(an_audit_line(at=NOON))
    assert [item.expires for item in table.query(keys.AUDIT).items] == [int((NOON + timedelta(days=7)).timestamp())]


# --- rows of builds before


def unfolded(item: Item) -> dict[str, Any]:
    body = item.attributes["body"]
    text = zlib.decompress(body) if isinstance(body, bytes) else str(body)
    return dict(json.loads(text))


def test_an_audit_line_of_a_build_before_is_read(table: Table, audit: Audit) -> None:
    body = (
        '{"principal":{"key":"terminal","role":3,"door":"terminal"},"verb":"sync now","source":"s","task":null,'
        '"outcome":"done"}'
    )
    when = "2026-11-22T12:00:00.000000Z"
    table.write([Put(item=Item(partition=keys.AUDIT, sort=f"{when}#1", attributes={"body": body, "at": when}))])
    line = audit.recent(1)[0]
    assert (line.principal.audits, line.where, line.verb, line.at) == (False, "", "sync now", NOON)


@pytest.mark.parametrize(
    ("kept", "schedule"),
    [
        ('{"cycle_s":21600.0}', Schedule(cycle=timedelta(hours=6))),
        ('{"cycle_s":null}', Schedule(automatic=False)),
    ],
)
def test_a_source_of_a_build_before_is_read_and_edited(
    table: Table, catalog: Catalog, kept: str, schedule: Schedule
) -> None:
    new = source_item(a_source("hq"))
    body = unfolded(new)
    body["schedule"] = json.loads(kept)
    del body["guard"]["second_person"]
    when = "2026-11-22T11:00:00.000000Z"
    table.write(
        [
            Put(item=replace(new, attributes={"body": json.dumps(body)})),
            Put(item=Item(partition="catalog", sort="asked#src-hq", attributes={"at": when})),
        ]
    )
    source = catalog.source("hq")
    assert (source.schedule, source.revision, source.next_due_at) == (schedule, 0, None)
    assert source.last_asked_at == NOON - timedelta(hours=1)
    assert source.guard == a_source().guard
    assert catalog.claim_due(source, at(1), at(60))
    assert catalog.update(replace(source, enabled=False), instead_of=source)
    assert not catalog.claim_due(source, at(2), at(60))
    assert catalog.source("hq").revision == 1


def test_a_source_of_a_build_before_that_was_never_asked_for_is_claimed(table: Table, catalog: Catalog) -> None:
    new = source_item(a_source("hq"))
    table.write([Put(item=replace(new, attributes={"body": new.attributes["body"]}))])
    source = catalog.source("hq")
    assert catalog.claim_due(source, at(1), None)
    assert not catalog.claim_due(source, at(1), None)


def test_an_entry_of_a_build_before_has_no_origins_until_it_changes(
    table: Table, directory: Directory, tasks: Tasks, fence: Fence
) -> None:
    (row,) = planned(tasks, an_employee_row("ann", observed_at=at(1)))
    directory.apply(fence, [row])
    entry = directory.entries([row.entry_id])[row.entry_id]
    table.write([Put(item=entry_item(replace(entry, origins={})))])
    assert directory.entries([row.entry_id])[row.entry_id].origins == {}
    changed = next_row(row, task="2", after=2, title="Cook")
    planned(tasks, changed)
    assert directory.apply(fence, [changed]) == [Outcome.APPLIED]
    assert directory.entries([row.entry_id])[row.entry_id].origins == {"title": "2"}


def test_a_task_of_a_build_before_has_no_decisions(table: Table, tasks: Tasks) -> None:
    task, _ = tasks.ask(a_task())
    item = table.get(f"task#{task.task_id}", "task")
    assert item is not None
    body = unfolded(item)
    del body["decisions"]
    table.write([Put(item=replace(item, attributes={**item.attributes, "body": json.dumps(body)}))])
    assert tasks.get(task.task_id) == task


# --- where values come from


@pytest.mark.parametrize(
    "origins",
    [
        {"name": "1", "state": "1"},
        {"name": "1", "state": "2"},
        {"name": "2"},
        {"name": "1", "state": "1", "title": "3"},
        {"title": "3"},
        {"title": "1", "name": "1", "state": "1", "email": "2"},
    ],
)
def test_origins_come_back_as_they_were(table: Table, directory: Directory, origins: dict[str, str]) -> None:
    """`title` is empty: somebody cleared it."""
    entry = replace(an_entry(title=None, email="ann@example.com"), origins=origins)
    table.write([Put(item=entry_item(entry))])
    assert directory.entries([entry.entry_id])[entry.entry_id] == entry


def test_applying_names_the_task_of_what_it_changed(directory: Directory, tasks: Tasks, fence: Fence) -> None:
    first = an_employee_row("ann", observed_at=at(1))
    planned(tasks, first)
    directory.apply(fence, [first])
    second = next_row(first, task="2", after=2, title="Cook")
    third = next_row(second, task="3", after=3, title=None, name="Anna")
    for row in (second, third):
        planned(tasks, row)
        assert directory.apply(fence, [row]) == [Outcome.APPLIED]
    assert directory.entries([first.entry_id])[first.entry_id].origins == {"name": "3", "title": "3", "state": "1"}


# --- further links


BRANCH = "src-branch"
BEA = an_employee_key("bea", source=BRANCH)


def adoption(row: SyncRecord, *, by: Key, task: str, after: float, second: State | None = None) -> SyncRecord:
    """Plan that another key gets the entry of an applied row: as a further link, or as its owner."""
    new = {} if second else {"title": "Chef"}
    return replace(
        a_row(by, task=task, before=row.after, after={**row.after, **new}, observed_at=at(after), revision=1),
        action=Action.ADOPT,
        entry_id=row.entry_id,
        second=second,
    )


def branch(tasks: Tasks) -> Fence:
    taken = tasks.take(BRANCH, "runner-2", NOON, MINUTE)
    assert taken is not None
    return taken


def test_a_further_link_leaves_the_entry_to_its_owner(directory: Directory, tasks: Tasks, fence: Fence) -> None:
    row = an_employee_row("ann")
    directory.apply(fence, planned(tasks, row))
    shared = adoption(row, by=BEA, task="2", after=10, second=State.SUSPENDED)
    assert directory.apply(branch(tasks), planned(tasks, shared)) == [Outcome.APPLIED]
    entry = directory.entries([row.entry_id])[row.entry_id]
    assert (entry.key, entry.values, entry.observed_at, entry.others) == (ANN, row.after, NOON, (BEA,))
    link = directory.links_of([BEA])[BEA]
    assert (link.entry_id, link.state, link.owner) == (row.entry_id, State.SUSPENDED, HQ)
    assert tasks.rows_of("2", [BEA])[BEA] == replace(shared, status=RowStatus.APPLIED)
    update = replace(next_row(row, task="3", after=20, title="Cook"), revision=2)
    assert directory.apply(fence, planned(tasks, update)) == [Outcome.APPLIED]
    assert directory.entries([row.entry_id])[row.entry_id].others == (BEA,)


def test_a_row_of_a_key_that_does_not_own_its_entry_is_stale(directory: Directory, tasks: Tasks, fence: Fence) -> None:
    row = an_employee_row("ann")
    directory.apply(fence, planned(tasks, row))
    foreign = replace(adoption(row, by=BEA, task="2", after=10), action=Action.DEACTIVATE)
    ben = a_row(an_employee_key("ben", source=BRANCH), task="2", observed_at=at(10))
    assert directory.apply(branch(tasks), planned(tasks, foreign, ben)) == [Outcome.STALE, Outcome.APPLIED]
    assert directory.entries([row.entry_id])[row.entry_id].values == row.after


def test_of_two_who_adopt_an_entry_one_is_stale(directory: Directory, tasks: Tasks, fence: Fence) -> None:
    row = an_employee_row("ann")
    directory.apply(fence, planned(tasks, row))
    first = adoption(row, by=BEA, task="2", after=10, second=State.ACTIVE)
    rival = adoption(row, by=an_employee_key("bo", source=BRANCH), task="3", after=11, second=State.ACTIVE)
    held = branch(tasks)
    assert directory.apply(held, planned(tasks, first)) == [Outcome.APPLIED]
    assert directory.apply(held, planned(tasks, rival)) == [Outcome.STALE]
    assert directory.entries([row.entry_id])[row.entry_id].others == (BEA,)


def test_whoever_takes_an_entry_over_owns_it_and_the_links_know(
    directory: Directory, tasks: Tasks, fence: Fence
) -> None:
    row = an_employee_row("ann")
    directory.apply(fence, planned(tasks, row))
    directory.apply(branch(tasks), planned(tasks, adoption(row, by=BEA, task="2", after=10, second=State.ACTIVE)))
    again = an_employee_key("ann.2")
    taken = replace(adoption(row, by=again, task="3", after=20), revision=2)
    assert directory.apply(fence, planned(tasks, taken)) == [Outcome.APPLIED]
    entry = directory.entries([row.entry_id])[row.entry_id]
    assert (entry.key, entry.others, entry.values["title"]) == (again, (BEA,), "Chef")
    links = directory.links_of([ANN, again, BEA])
    assert links[ANN].entry_id not in ("", row.entry_id), "an entry has one key of a source"
    assert (links[again].owner, links[BEA].owner) == ("", HQ)


def test_links_are_written_by_hand_with_their_entries_or_not_at_all(
    directory: Directory, tasks: Tasks, fence: Fence
) -> None:
    row = an_employee_row("ann")
    directory.apply(fence, planned(tasks, row))
    entry = directory.entries([row.entry_id])[row.entry_id]
    link = replace(a_link(BEA, entry_id=row.entry_id), owner=HQ)
    fences = [fence, branch(tasks)]
    assert directory.relate(fences, [replace(entry, others=(BEA,))], [link])
    assert directory.entries([row.entry_id])[row.entry_id].others == (BEA,)
    assert not directory.relate(fences, [replace(entry, others=())], [replace(link, entry_id="e0")])
    assert directory.links_of([BEA])[BEA] == link
    tasks.release(fence)
    with pytest.raises(StoreConflictError):
        directory.relate(fences, [], [link])


def test_a_link_that_leads_elsewhere_meanwhile_is_not_written_again(
    directory: Directory, tasks: Tasks, fence: Fence
) -> None:
    directory.apply(fence, planned(tasks, an_employee_row("ann")))
    before = directory.links_of([ANN])[ANN]
    assert directory.relate([fence], [], [replace(before, entry_id="e0", observed_at=at(5))])
    directory.relink(fence, [replace(before, digest="d2", observed_at=at(9))])
    assert directory.links_of([ANN])[ANN].entry_id == "e0"


@pytest.mark.parametrize("others", [0, 300])
def test_holders_of_a_value_are_found_exactly(directory: Directory, tasks: Tasks, fence: Fence, others: int) -> None:
    people = {
        "ann": {"email": "Ann@Example.com", "mobile": "+86 139 0000 1234", "employee_no": "A-7"},
        "ben": {"email": "ann@example.com.cn", "mobile": "13900001234", "employee_no": "A-70"},
        "a-7": {"name": "A-7"},
    }
    rows = [
        a_row(an_employee_key(each), after=some_values(an_employee_key(each), **values))
        for each, values in people.items()
    ]
    directory.apply(fence, planned(tasks, *rows))
    values = [("email", "ANN@example.com"), ("mobile", "139-0000-1234"), ("employee_no", "a-7"), ("employee_no", "b")]
    noise = [("employee_no", f"n{number}") for number in range(others)]  # so many that all are read once
    found = directory.holders([*values, *noise])
    names = {each: sorted(entry.key.external_id for entry in entries) for each, entries in found.items()}
    assert names == {values[0]: ["ann"], values[1]: ["ann", "ben"], values[2]: ["ann"]}
