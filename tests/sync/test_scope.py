"""Chosen departments: what a sync reads, keeps, takes away and brings back, seen from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chalicelib.core.guard import Guard
from chalicelib.core.model import Key, Kind, State, Value
from chalicelib.core.scope import Chosen, Scope
from chalicelib.core.task import Evidence, Only, Purpose, RowStatus, SyncTask, Tally, TaskStatus, Trigger
from tests.scripted import Company, House, a_company

NO_GUARD = Guard(accounts=10_000, departments=10_000, share=1.0, floor=10_000, vanish_share=1.0, edit_share=1.0)


def chosen(house: House, *departments: str) -> None:
    scope = Scope(departments=tuple(Chosen(external_id=each, path=each.title()) for each in departments))
    edited(house, scope=scope)


def edited(house: House, **changes: object) -> None:
    before = house.outside.catalog.source("hq")
    assert house.outside.catalog.update(replace(before, **changes), instead_of=before)  # type: ignore[arg-type]  # its own


def a_house(company: Company | None = None, *departments: str, guard: Guard | None = None) -> House:
    house = House(company or a_company(people=40, departments=8))
    if guard:
        edited(house, guard=guard)
    if departments:
        chosen(house, *departments)
    return house


def below(company: Company, roots: tuple[str, ...]) -> set[str]:
    """Name the chosen departments and all below them; everything where none is chosen."""

    def lies(department: Value, seen: frozenset[Value] = frozenset()) -> bool:
        if department in seen or not isinstance(department, str) or department not in company.departments:
            return False
        if department in roots:
            return True
        return lies(company.departments[department]["parent"], seen | {department})

    return {each for each in company.departments if not roots or lies(each)}


def people_of(company: Company, departments: set[str], roots: tuple[str, ...]) -> set[str]:
    def homes(fields: Mapping[str, Value]) -> tuple[str, ...]:
        value = fields["departments"]
        return value if isinstance(value, tuple) else ()

    return {each for each, fields in company.people.items() if not roots or departments & set(homes(fields))}


def present(house: House, kind: Kind) -> set[str]:
    links = house.directory.links(house.source.uid)
    return {link.key.external_id for link in links if link.key.kind is kind and link.state is not State.LEFT}


def check_directory(house: House, *roots: str) -> None:
    """Hold the directory against the company restricted to its scope, references and all."""
    company, uid = house.company, house.source.uid
    departments = below(company, roots)
    people = people_of(company, departments, roots)
    assert present(house, Kind.DEPARTMENT) == departments
    assert present(house, Kind.EMPLOYEE) == people
    ids = {each: house.entry(each, Kind.DEPARTMENT).entry_id for each in departments}
    for each in departments:
        parent = company.departments[each]["parent"]
        assert house.entry(each, Kind.DEPARTMENT).values["parent"] == ids.get(str(parent))
    for each in people:
        homes = company.people[each]["departments"]
        assert isinstance(homes, tuple)
        assert house.entry(each).values["departments"] == tuple(ids[home] for home in homes if home in ids)
    assert all(key.source == uid for key in house.directory.links_of([Key(uid, Kind.DEPARTMENT, each) for each in ids]))


def hinted(house: House, *keys: Key) -> SyncTask:
    draft = SyncTask(
        task_id="",
        source=house.source.uid,
        trigger=Trigger.EVENT,
        extent=Only(keys=keys),
        purpose=Purpose.SYNC,
        asked_by="event",
        asked_at=house.clock.now(),
    )
    house.clock.sleep(1)
    return house.run_hints(draft)


def test_only_the_chosen_subtree_is_read() -> None:
    house = a_house(None, "d1")
    task = house.sync()
    assert task.status is TaskStatus.DONE
    check_directory(house, "d1")
    assert present(house, Kind.DEPARTMENT) == {"d1", "d3", "d4", "d7"}
    assert dict(task.calls) == {"departments": 1, "members": 4}


def test_a_sync_of_a_scope_without_changes_makes_no_row_and_writes_no_link() -> None:
    house = a_house(None, "d1", "d5")
    house.sync()
    before = {link.key: link for link in house.directory.links(house.source.uid)}
    again = house.sync()
    assert house.rows(again) == []
    assert again.entry_writes == 0
    assert {link.key: link for link in house.directory.links(house.source.uid)} == before


def test_somebody_with_departments_inside_and_outside_stays_and_shows_those_inside() -> None:
    house = a_house(None)
    house.company.hire("both", "d3", "d2")
    house.sync()
    chosen(house, "d1")
    edited(house, guard=NO_GUARD)
    house.sync()
    assert house.state("both") is State.ACTIVE
    assert house.entry("both").values["departments"] == (house.entry("d3", Kind.DEPARTMENT).entry_id,)
    assert house.rows(house.sync()) == []


def test_narrowing_holds_the_removals_and_says_why() -> None:
    house = a_house(None)
    house.sync()
    chosen(house, "d1")
    task = house.sync()
    assert task.status is TaskStatus.HELD
    held = [row for row in house.rows(task) if row.status is RowStatus.HELD]
    assert {row.evidence for row in held} == {Evidence.OUTSIDE}
    assert sum(row.removes_access for row in held) == 20 + 4
    assert [remark.code for remark in task.remarks] == ["some are out of scope"]
    assert task.remarks[0].facts == {"employees": 20, "departments": 4}
    assert present(house, Kind.EMPLOYEE) == set(house.company.people)


def test_what_was_held_is_removed_when_it_is_approved() -> None:
    house = a_house(None)
    house.sync()
    chosen(house, "d1")
    done = house.approve(house.sync())
    assert done.status is TaskStatus.DONE
    check_directory(house, "d1")
    assert house.rows(house.sync()) == []


def test_an_approval_removes_nobody_who_lies_within_the_scope_by_then() -> None:
    house = a_house(None)
    house.sync()
    chosen(house, "d1")
    held = house.sync()
    house.company.people["p2"]["departments"] = ("d3",)
    chosen(house, "d1", "d5")
    house.approve(held)
    assert house.state("p2") is State.ACTIVE
    assert house.state("p5") is State.ACTIVE
    assert house.state("p6") is State.LEFT
    house.sync()
    check_directory(house, "d1", "d5")


def test_a_preview_of_a_narrower_scope_can_be_approved() -> None:
    house = a_house(None)
    house.sync()
    chosen(house, "d1")
    preview = house.preview()
    assert preview.status is TaskStatus.PREVIEWED
    assert present(house, Kind.EMPLOYEE) == set(house.company.people)
    house.approve(preview)
    check_directory(house, "d1")
    assert house.rows(house.sync()) == []


def test_a_preview_of_a_wider_scope_can_be_approved() -> None:
    house = a_house(None, "d3")
    house.sync()
    chosen(house, "d1")
    house.approve(house.preview())
    check_directory(house, "d1")
    assert house.rows(house.sync()) == []


def test_widening_brings_back_whom_narrowing_removed() -> None:
    house = a_house(None, guard=NO_GUARD)
    house.sync()
    chosen(house, "d1")
    house.sync()
    check_directory(house, "d1")
    chosen(house)
    task = house.sync()
    assert task.counts[Kind.EMPLOYEE][Tally.REACTIVATED] == 20
    check_directory(house)
    assert house.rows(house.sync()) == []


def test_somebody_who_moves_out_of_the_scope_is_removed_by_the_next_full_run_and_not_by_an_event() -> None:
    house = a_house(None, "d1")
    house.sync()
    house.company.people["p3"] |= {"departments": ("d2",), "title": "Head"}
    assert house.rows(house.hinted("p3")) == []
    assert house.state("p3") is State.ACTIVE
    task = house.sync()
    (row,) = house.rows(task)
    assert (row.evidence, row.status, row.key.external_id) == (Evidence.OUTSIDE, RowStatus.APPLIED, "p3")
    assert house.state("p3") is State.LEFT
    assert house.rows(house.sync()) == []
    house.company.people["p3"]["departments"] = ("d4",)
    house.hinted("p3")
    assert house.state("p3") is State.ACTIVE
    assert house.rows(house.sync()) == []


def test_events_about_people_outside_change_nothing_and_cost_no_further_call() -> None:
    house = a_house(None, "d1")
    house.sync()
    house.company.people["p2"]["title"] = "Head"
    task = house.hinted("p2")
    assert house.rows(task) == []
    assert dict(task.calls) == {"confirm": 1}
    assert "p2" not in present(house, Kind.EMPLOYEE)


def test_an_event_creates_whoever_is_hired_within_the_scope() -> None:
    house = a_house(None, "d1")
    house.sync()
    house.company.hire("new", "d7", "d2")
    house.hinted("new")
    assert house.entry("new").values["departments"] == (house.entry("d7", Kind.DEPARTMENT).entry_id,)
    assert house.rows(house.sync()) == []


def test_a_new_department_and_its_people_come_in_by_events() -> None:
    house = a_house(None, "d1")
    house.sync()
    house.company.open("d9", "d7")
    house.company.open("d10", "d9")
    house.company.hire("new", "d10")
    uid = house.source.uid
    hinted(house, Key(uid, Kind.EMPLOYEE, "new"), Key(uid, Kind.DEPARTMENT, "d10"), Key(uid, Kind.DEPARTMENT, "d9"))
    check_directory(house, "d1")
    assert house.rows(house.sync()) == []


def test_an_event_about_a_known_person_in_an_unknown_department_asks_where_that_lies() -> None:
    house = a_house(None, "d1")
    house.sync()
    house.company.open("d9", "d7")
    house.company.people["p3"]["departments"] = ("d9", "d3")
    house.hinted("p3")
    check_directory(house, "d1")
    assert house.rows(house.sync()) == []


def test_after_the_scope_was_changed_events_wait_for_the_next_full_run() -> None:
    house = a_house(None)
    house.sync()
    chosen(house, "d1")
    house.company.hire("new", "d3")
    house.company.people["p3"]["title"] = "Head"
    assert house.rows(house.hinted("new", "p3", "p2")) == []
    house.approve(house.sync())
    check_directory(house, "d1")


def test_a_reported_departure_counts_whatever_the_scope_is() -> None:
    house = a_house(None)
    house.sync()
    chosen(house, "d1")
    house.company.leave("p2")
    house.hinted(claims=[house.claim("p2")])
    assert house.state("p2") is State.LEFT


def test_a_chosen_department_that_is_gone_fails_the_run_and_nobody_leaves() -> None:
    house = a_house(None, "d1", "d5")
    house.sync()
    everybody = present(house, Kind.EMPLOYEE)
    house.company.leave("d1")
    task = house.sync()
    assert task.status is TaskStatus.FAILED
    assert task.reason is not None
    assert (task.reason.code, task.reason.facts) == ("chosen department is gone", {"paths": "D1", "handle": "hq"})
    assert present(house, Kind.EMPLOYEE) == everybody


def test_a_chosen_department_that_cannot_be_seen_fails_the_run() -> None:
    house = a_house(None, "d1")
    house.sync()
    house.company.hidden.add("d1")
    task = house.sync()
    assert task.reason is not None
    assert task.reason.code == "chosen department cannot be seen"


def test_a_chosen_department_that_is_deleted_during_the_walk_fails_the_run() -> None:
    house = a_house(None, "d1", guard=NO_GUARD)
    house.sync()
    everybody = present(house, Kind.EMPLOYEE)

    def delete(number: int) -> None:
        if number == 2:
            for each in ("d1", "d3", "d4", "d7"):
                house.company.leave(each)
            for fields in house.company.people.values():
                fields["departments"] = ("d2",)

    house.connectors.before_call = delete
    task = house.sync()
    assert task.reason is not None
    assert task.reason.code == "chosen department is gone"
    assert present(house, Kind.EMPLOYEE) == everybody


def test_a_department_that_lists_left_out_keeps_its_people_and_their_references() -> None:
    house = a_house(None, "d1")
    house.company.hire("both", "d3", "d7")
    house.sync()
    house.company.unlisted |= {"d7", "p7"}
    assert house.rows(house.sync()) == []
    check_directory(house, "d1")


def test_a_department_that_was_opened_during_the_walk_takes_nobody_out() -> None:
    house = a_house(None, "d1")
    house.sync()

    def reorganise(number: int) -> None:
        if number == 2:
            house.company.open("d9", "d3")
            for fields in house.company.people.values():
                if fields["departments"] == ("d3",):
                    fields["departments"] = ("d9",)

    house.connectors.before_call = reorganise
    house.sync()
    house.connectors.before_call = lambda number: None
    check_directory(house, "d1")
    assert house.rows(house.sync()) == []


def test_people_whose_departments_are_not_shown_stay() -> None:
    house = a_house(None, "d1")
    house.sync()
    house.company.unlisted |= {"p3", "p4"}
    house.company.uncovered.add("departments")
    house.sync()
    assert {"p3", "p4"} <= present(house, Kind.EMPLOYEE)


def test_people_of_whom_it_is_not_clear_where_they_are_stay_as_they_are() -> None:
    house = a_house(None, "d1")
    house.sync()
    house.company.open("secret", "d2")
    house.company.hidden.add("secret")
    house.company.people["p3"] |= {"departments": ("secret",), "title": "Head"}
    task = house.sync()
    assert house.rows(task) == []
    assert [remark.code for remark in task.remarks] == ["some are unclear"]
    assert house.rows(house.hinted("p3")) == []
    assert house.state("p3") is State.ACTIVE


def test_a_held_closing_looks_alike_to_full_runs_and_events() -> None:
    house = a_house(None, "d1", guard=Guard(departments=0, floor=0))
    house.company.hire("both", "d3", "d7")
    house.sync()
    house.company.departments["d7"]["parent"] = "d2"
    held = house.sync()
    assert held.status is TaskStatus.HELD
    alone = (house.entry("d3", Kind.DEPARTMENT).entry_id,)
    assert house.entry("both").values["departments"] == alone
    assert house.rows(house.hinted("both")) == []
    assert house.entry("both").values["departments"] == alone


def test_the_scope_of_another_slice_is_not_mixed_with_this_one() -> None:
    house = a_house(None, "d1")
    house.sync()
    asked = house.requests.sync_now(house.audit()[0].principal, "hq")
    budget = iter([100.0, 100.0, *[0.0] * 50])
    house.runner.wake(house.source.uid, lambda: next(budget))
    chosen(house, "d2")
    house.work()
    assert house.tasks.get(asked.task.task_id).status.is_over
    house.sync()
    assert {"d2", "d5", "d6"} <= present(house, Kind.DEPARTMENT)


# --- any company, any scope


@st.composite
def companies(draw: st.DrawFn) -> Company:
    company = Company()
    count = draw(st.integers(1, 9))
    for number in range(count):
        parent = draw(st.one_of(st.none(), st.integers(0, number - 1))) if number else None
        company.open(f"d{number}", None if parent is None else f"d{parent}")
    for number in range(draw(st.integers(0, 12))):
        homes = draw(st.lists(st.integers(0, count - 1), max_size=3, unique=True))
        company.hire(f"p{number}", *(f"d{each}" for each in homes), manager="p0" if number else None)
    return company


def scopes(company: Company, *, least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    names = sorted(company.departments)
    return st.lists(st.sampled_from(names), min_size=least, max_size=3).map(lambda each: tuple(dict.fromkeys(each)))


Turn = Callable[[House, st.DataObject], None]


def _move(house: House, data: st.DataObject) -> None:
    company = house.company
    if company.people:
        who = data.draw(st.sampled_from(sorted(company.people)))
        # Where nothing is chosen, a value that nobody shows any more is a lost permission (law 5).
        least = int(house.outside.catalog.source("hq").scope.is_everything)
        homes = data.draw(st.lists(st.sampled_from(sorted(company.departments)), min_size=least, max_size=2))
        company.people[who]["departments"] = tuple(dict.fromkeys(homes))


def _hang(house: House, data: st.DataObject) -> None:
    company = house.company
    who = data.draw(st.sampled_from(sorted(company.departments)))
    # Where nothing is chosen, a parent that nobody shows any more is a lost permission (law 5).
    top: list[str | None] = [] if house.outside.catalog.source("hq").scope.is_everything else [None]
    places = [*sorted(set(company.departments) - below(company, (who,))), *top]
    if places:
        company.departments[who]["parent"] = data.draw(st.sampled_from(places))


def _hire(house: House, data: st.DataObject) -> None:
    house.company.hire(f"n{len(house.company.people)}", data.draw(st.sampled_from(sorted(house.company.departments))))


def _retitle(house: House, data: st.DataObject) -> None:
    for who in data.draw(st.lists(st.sampled_from(sorted(house.company.people) or ["p0"]), max_size=3)):
        if who in house.company.people:
            house.company.people[who]["title"] = data.draw(st.sampled_from(["Head", "Hand", ""]))


TURNS: tuple[Turn, ...] = (_move, _hang, _hire, _retitle)
LIGHT = settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)


@given(company=companies(), data=st.data())
@LIGHT
def test_the_directory_is_the_company_restricted_to_the_scope(company: Company, data: st.DataObject) -> None:
    house = a_house(company, guard=NO_GUARD)
    for _ in range(3):
        roots = data.draw(scopes(company))
        chosen(house, *roots)
        for turn in data.draw(st.lists(st.sampled_from(TURNS), max_size=3)):
            turn(house, data)
        assert house.sync().status is TaskStatus.DONE
        check_directory(house, *roots)
        again = house.sync()
        assert house.rows(again) == []
        assert again.entry_writes == 0


@given(company=companies(), data=st.data())
@LIGHT
def test_narrowing_removes_nobody_whom_nobody_approved(company: Company, data: st.DataObject) -> None:
    house = a_house(company)
    house.sync()
    edited(house, guard=Guard(accounts=0, departments=0, share=0.0, floor=0))
    before = present(house, Kind.EMPLOYEE), present(house, Kind.DEPARTMENT)
    roots = data.draw(scopes(company))
    chosen(house, *roots)
    task = house.sync()
    assert (present(house, Kind.EMPLOYEE), present(house, Kind.DEPARTMENT)) == before
    if task.status is TaskStatus.HELD:
        house.approve(task)
    check_directory(house, *roots)
    assert house.rows(house.sync()) == []
    chosen(house)
    house.sync()
    assert (present(house, Kind.EMPLOYEE), present(house, Kind.DEPARTMENT)) == before


@given(company=companies(), data=st.data())
@LIGHT
def test_events_leave_nothing_for_a_full_run_but_removals_and_say_nothing_that_it_takes_back(
    company: Company, data: st.DataObject
) -> None:
    roots = data.draw(scopes(company, least=1))
    house = a_house(company, *roots, guard=NO_GUARD)
    house.sync()
    for turn in data.draw(st.lists(st.sampled_from((_move, _hire, _retitle)), min_size=1, max_size=4)):
        turn(house, data)
    uid = house.source.uid
    hinted(house, *(Key(uid, Kind.EMPLOYEE, each) for each in sorted(company.people)))
    full = house.sync()
    assert {row.evidence for row in house.rows(full)} <= {Evidence.OUTSIDE}
    check_directory(house, *roots)


@pytest.mark.parametrize("roots", [("d1",), ("d1", "d2"), ()])
@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_hints_about_moved_branches_never_disagree_for_long(roots: tuple[str, ...], data: st.DataObject) -> None:
    house = a_house(a_company(people=12, departments=8), *roots, guard=NO_GUARD)
    house.sync()
    _hang(house, data)
    uid = house.source.uid
    hinted(
        house,
        *(Key(uid, Kind.DEPARTMENT, each) for each in sorted(house.company.departments)),
        *(Key(uid, Kind.EMPLOYEE, each) for each in sorted(house.company.people)),
    )
    house.sync()
    check_directory(house, *roots)
    assert house.rows(house.sync()) == []
