from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.diff import Action
from chalicelib.core.guard import Candidate, Guard, check
from chalicelib.core.model import Key, Kind, Values
from tests.builders import a_department_key, an_employee_key
from tests.core.strategies import candidates

PEOPLE = {Kind.EMPLOYEE: 1000, Kind.DEPARTMENT: 100}
NONE: dict[Kind, int] = {}


def a_leaver(number: int, *homes: str, unseen: bool = False) -> Candidate:
    return Candidate(
        key=an_employee_key(f"p{number}"),
        entry_id=f"p{number}",
        action=Action.DEACTIVATE,
        removes_access=True,
        vanished=(),
        edited=(),
        departments=homes,
        unseen="2026-11-20" if unseen else "",
    )


def a_closing(name: str, parent: str | None = None) -> Candidate:
    return Candidate(
        key=a_department_key(name),
        entry_id=name,
        action=Action.DEACTIVATE,
        removes_access=True,
        vanished=(),
        edited=(),
        departments=(parent,) if parent else (),
    )


def an_edit(number: int, before: Values, after: Values) -> Candidate:
    key = an_employee_key(f"p{number}")
    state = {"state": "active"}
    return Candidate.of(key, f"p{number}", Action.UPDATE, {**state, **before}, {**state, **after}, unseen="")


def codes(
    plan: Sequence[Candidate], people: int = 1000, recent: dict[Kind, int] = NONE, guard: Guard | None = None
) -> dict[str, str]:
    population = {**PEOPLE, Kind.EMPLOYEE: people}
    held = check(guard or Guard(), plan, population, recent)
    return {key.external_id: remark.code for key, remark in held.items()}


@pytest.mark.parametrize(
    ("people", "leavers", "held"),
    [
        (1000, 30, 0),
        (1000, 31, 31),
        (150, 30, 0),
        (150, 31, 31),
        (149, 29, 0),
        (149, 30, 30),
        (100, 20, 0),
        (100, 21, 21),
        (50, 10, 0),
        (50, 11, 11),
        (3, 10, 0),
        (0, 11, 11),
    ],
)
def test_the_limit_on_accounts_is_exact(people: int, leavers: int, held: int) -> None:
    assert len(codes([a_leaver(number) for number in range(leavers)], people)) == held


@pytest.mark.parametrize(("closing", "held"), [(10, 0), (11, 11)])
def test_the_limit_on_departments_is_exact(closing: int, held: int) -> None:
    assert len(codes([a_closing(f"d{number}") for number in range(closing)])) == held


def test_each_limit_is_an_admins_to_set() -> None:
    guard = Guard(accounts=2, departments=1, share=1.0, floor=0)
    assert len(codes([a_leaver(1), a_leaver(2)], guard=guard)) == 0
    assert len(codes([a_leaver(1), a_leaver(2), a_leaver(3)], guard=guard)) == 3
    assert len(codes([a_closing("d1"), a_closing("d2")], guard=guard)) == 2


def test_what_other_runs_removed_within_the_hour_counts() -> None:
    plan = [a_leaver(number) for number in range(20)]
    assert codes(plan, recent={Kind.EMPLOYEE: 10}) == {}
    assert len(codes(plan, recent={Kind.EMPLOYEE: 11})) == 20
    assert codes(plan, recent={Kind.DEPARTMENT: 100}) == {}


def test_recent_removals_alone_hold_nothing_else() -> None:
    plan = [an_edit(1, {"name": "Ann"}, {"name": "Anna"})]
    assert codes(plan, recent={Kind.EMPLOYEE: 1000}) == {}


def test_the_reason_says_how_many_and_how_many_may_pass() -> None:
    plan = [a_leaver(number) for number in range(40)]
    (facts,) = {
        tuple(sorted(remark.facts.items())) for remark in check(Guard(), plan, PEOPLE, {Kind.EMPLOYEE: 3}).values()
    }
    assert dict(facts) == {"count": 40, "recent": 3, "limit": 30}


def test_who_cannot_be_seen_is_always_held_and_does_not_count() -> None:
    plan = [
        *(a_leaver(number, unseen=True) for number in range(100)),
        *(a_leaver(number) for number in range(100, 130)),
    ]
    held = codes(plan)
    assert set(held.values()) == {"cannot be seen"}
    assert len(held) == 100


@pytest.mark.parametrize(("edits", "held"), [(100, 0), (101, 101)])
def test_a_field_that_vanishes_from_more_than_a_tenth_is_kept(edits: int, held: int) -> None:
    plan = [an_edit(number, {"email": "a@example.com"}, {"email": None}) for number in range(edits)]
    found = codes(plan)
    assert len(found) == held
    assert set(found.values()) <= {"field vanished from many"}


@pytest.mark.parametrize(("edits", "held"), [(10, 0), (11, 11)])
def test_in_a_small_company_ten_may_lose_a_field(edits: int, held: int) -> None:
    plan = [an_edit(number, {"email": "a@example.com"}, {"email": ""}) for number in range(edits)]
    assert len(codes(plan, people=20)) == held


@pytest.mark.parametrize(("edits", "held"), [(500, 0), (501, 501)])
def test_a_field_that_changes_for_more_than_half_waits(edits: int, held: int) -> None:
    plan = [an_edit(number, {"title": "Clerk"}, {"title": "Officer"}) for number in range(edits)]
    found = codes(plan)
    assert len(found) == held
    assert set(found.values()) <= {"field changed for many"}


def test_a_field_that_fills_up_for_everybody_is_welcome() -> None:
    plan = [an_edit(number, {"title": None}, {"title": "Officer"}) for number in range(1000)]
    assert codes(plan) == {}


def test_fields_are_counted_one_by_one() -> None:
    plan = [an_edit(number, {"email": "a@example.com"}, {"email": None}) for number in range(60)]
    plan += [an_edit(number, {"title": "Clerk"}, {"title": None}) for number in range(60, 120)]
    assert codes(plan) == {}


def test_a_home_stays_open_all_the_way_up_while_its_people_wait() -> None:
    plan = [
        a_closing("company"),
        a_closing("branch", "company"),
        a_closing("team", "branch"),
        a_closing("elsewhere", "company"),
        *(a_leaver(number, "team") for number in range(31)),
    ]
    held = codes(plan)
    assert {name for name, code in held.items() if code == "its people wait"} == {"company", "branch", "team"}
    assert "elsewhere" not in held


def test_a_home_stays_open_for_one_who_cannot_be_seen() -> None:
    assert codes([a_closing("team"), a_leaver(1, "team", unseen=True)]) == {
        "p1": "cannot be seen",
        "team": "its people wait",
    }


def test_a_home_closes_with_people_who_may_leave() -> None:
    assert codes([a_closing("team"), *(a_leaver(number, "team") for number in range(30))]) == {}


def test_homes_that_lie_in_each_other_do_not_go_round_in_circles() -> None:
    held = codes([a_closing("a", "b"), a_closing("b", "a"), a_leaver(1, "a", unseen=True)])
    assert set(held) == {"a", "b", "p1"}


def test_the_guard_sees_where_somebody_was_not_where_they_go() -> None:
    before: Values = {"state": "active", "departments": ("d1",), "title": "Clerk"}
    after: Values = {"state": "left", "departments": ("d2",), "title": None}
    seen = Candidate.of(an_employee_key(), "e1", Action.DEACTIVATE, before, after, unseen="")
    assert (seen.departments, seen.removes_access, seen.vanished) == (("d1",), True, ())


def passing(plan: Sequence[Candidate], held: Sequence[Key]) -> set[Key]:
    return {each.key for each in plan} - set(held)


@given(candidates(), candidates(prefix="more"), st.integers(0, 60), st.integers(0, 40))
def test_adding_removals_never_lets_more_pass(
    plan: list[Candidate], more: list[Candidate], people: int, recent: int
) -> None:
    population = {Kind.EMPLOYEE: people, Kind.DEPARTMENT: 12}
    guard = Guard(accounts=6, departments=2, floor=3, edit_floor=4)
    lately = {Kind.EMPLOYEE: recent % 5}
    before = check(guard, plan, population, lately)
    extra = [each for each in more if each.removes_access and each.entry_id not in {one.entry_id for one in plan}]
    after = check(guard, [*plan, *extra], population, lately)
    assert passing(plan, list(after)) <= passing(plan, list(before))


@given(candidates(), st.integers(0, 60), st.integers(0, 5))
def test_more_removals_in_the_last_hour_never_let_more_pass(plan: list[Candidate], people: int, recent: int) -> None:
    population = {Kind.EMPLOYEE: people, Kind.DEPARTMENT: 12}
    guard = Guard(accounts=6, departments=2, floor=3, edit_floor=4)
    calm = check(guard, plan, population, {Kind.EMPLOYEE: recent})
    busy = check(guard, plan, population, {Kind.EMPLOYEE: recent + 1, Kind.DEPARTMENT: 1})
    assert passing(plan, list(busy)) <= passing(plan, list(calm))


@given(candidates(), st.integers(0, 60))
def test_the_order_of_the_plan_does_not_matter(plan: list[Candidate], people: int) -> None:
    population = {Kind.EMPLOYEE: people, Kind.DEPARTMENT: 12}
    guard = Guard(accounts=6, departments=2, floor=3, edit_floor=4)
    assert check(guard, plan, population, NONE) == check(guard, plan[::-1], population, NONE)


@given(candidates(), st.integers(0, 60))
def test_no_more_removals_pass_than_the_limits_say(plan: list[Candidate], people: int) -> None:
    population = {Kind.EMPLOYEE: people, Kind.DEPARTMENT: 12}
    guard = Guard(accounts=6, departments=2, floor=3)
    held = check(guard, plan, population, NONE)
    for kind in Kind:
        through = [each for each in plan if each.key.kind is kind and each.removes_access and each.key not in held]
        assert len(through) <= guard.removals(kind, population[kind])


@given(candidates(), st.integers(0, 60))
def test_nobody_waits_in_a_home_that_closes(plan: list[Candidate], people: int) -> None:
    guard = Guard(accounts=6, departments=20, floor=3)
    held = check(guard, plan, {Kind.EMPLOYEE: people, Kind.DEPARTMENT: 12}, NONE)
    closed = {each.entry_id for each in plan if each.key.kind is Kind.DEPARTMENT and each.key not in held}
    waiting = [each for each in plan if each.key in held and each.removes_access]
    assert not closed & {home for each in waiting for home in each.departments}
