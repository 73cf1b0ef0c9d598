"""Whoever leaves one of several sources: access ends when the last word is spoken, and not before (ADR 0007)."""

from __future__ import annotations

import math

import pytest

from chalicelib import wiring
from chalicelib.core.diff import Action
from chalicelib.core.matching import Matching
from chalicelib.core.model import Kind, State
from chalicelib.core.principal import TERMINAL
from chalicelib.core.scope import Chosen, Scope
from chalicelib.core.source import Source
from chalicelib.core.task import Everything, Lane, Only, Purpose, RowStatus, SyncTask, TaskStatus, Trigger
from tests.scripted import ScriptedConnector
from tests.sync.town import Town, a_third, edit, shared


@pytest.fixture
def town() -> Town:
    return shared(Town())


def unlinked(town: Town) -> None:
    wiring.rooms().linking.unlink(TERMINAL, "hq", town.of("hq", "ann"))


def hints(town: Town, handle: str) -> None:
    """Work off what waits in the lane of events."""
    town.runner.wake(town.uid(handle), lambda: math.inf, lane=Lane.HINTS)


@pytest.mark.parametrize("how", ["sync", "event", "listed"])
@pytest.mark.parametrize("gone", ["deleted", "unlinked"])
def test_whoever_leaves_the_last_source_that_knows_them_loses_access(town: Town, gone: str, how: str) -> None:
    entry = town.of("branch", "x").entry_id
    town.delete("hq") if gone == "deleted" else unlinked(town)
    if how == "listed":
        town.branch.people["x"]["state"] = State.LEFT
    else:
        town.branch.leave("x")
    task = town.hint("branch", left="x") if how == "event" else town.run("branch")
    row = town.row(task, "x")
    assert (row.action, row.status, row.entry_id) == (Action.ADOPT, RowStatus.APPLIED, entry)
    assert row.removes_access
    left = town.of("branch", "x")
    assert (left.entry_id, left.state, left.key) == (entry, State.LEFT, town.key("branch", "x"))
    assert left.values["title"] == "Cook", "nothing but their state"
    town.run("branch")
    assert town.run("branch").entry_writes == 0
    assert town.of("branch", "x").state is State.LEFT


def test_too_many_last_departures_wait_and_are_approved_as_they_are_still_true() -> None:
    town = Town()
    town.hq.open("d")
    town.branch.open("d")
    for number in range(40):
        town.hq.hire(f"p{number}", "d", en_name=f"n{number}")
        town.branch.hire(f"q{number}", "d", en_name=f"n{number}")
    town.branch.hire("stays", "d")
    town.run("hq")
    town.matches("branch")
    town.run("branch")
    town.delete("hq")
    for number in range(40):
        town.branch.leave(f"q{number}")
    task = town.run("branch")
    assert task.status is TaskStatus.HELD
    assert all(entry.state is State.ACTIVE for entry in town.everybody())
    town.branch.left.discard("q0")
    town.branch.hire("q0", "d", en_name="n0")
    town.decide("branch", task)
    assert town.of("branch", "q0").state is State.ACTIVE, "they are back"
    assert all(town.of("branch", f"q{number}").state is State.LEFT for number in range(1, 40))


def test_whom_the_last_source_cannot_see_any_more_a_person_decides_about(town: Town) -> None:
    town.delete("hq")
    town.branch.hidden.add("x")
    town.run("branch")
    task = town.run("branch")
    row = town.row(task, "x")
    assert row.reason is not None
    assert (row.status, row.reason.code) == (RowStatus.HELD, "cannot be seen")
    town.decide("branch", task)
    assert town.of("branch", "x").state is State.LEFT


def test_without_an_owner_they_stay_while_a_third_source_shows_them_and_leave_with_it(town: Town) -> None:
    third = a_third(town)
    town.delete("hq")
    town.branch.leave("x")
    row = town.row(town.run("branch"), "x")
    assert row.reason is not None
    assert (row.reason.code, row.reason.facts) == ("another source keeps them", {"handle": "third"})
    assert town.of("third", "t").state is State.ACTIVE
    third.leave("t")
    town.hint("third", left="t")
    assert town.of("third", "t").state is State.LEFT


@pytest.mark.parametrize("gone", ["deleted", "unlinked"])
def test_a_departure_that_was_approved_is_undone_by_nobody_but_a_person(town: Town, gone: str) -> None:
    town.hq.leave("ann")
    town.decide("hq", town.run("hq"))
    assert town.of("branch", "x").state is State.LEFT
    town.delete("hq") if gone == "deleted" else unlinked(town)
    task = town.run("branch")
    row = town.row(task, "x")
    assert row.reason is not None
    assert (row.status, row.reason.code) == (RowStatus.HELD, "left before it was taken over")
    assert town.of("branch", "x").state is State.LEFT
    town.decide("branch", task)
    assert (town.of("branch", "x").state, town.of("branch", "x").key) == (State.ACTIVE, town.key("branch", "x"))


def test_what_a_disabled_source_showed_last_holds_nobodys_departure(town: Town) -> None:
    edit(town, "branch", enabled=False)
    town.hq.leave("ann")
    task = town.hint("hq", left="ann")
    assert town.row(task, "ann").status is RowStatus.APPLIED
    assert town.of("hq", "ann").state is State.LEFT


@pytest.mark.parametrize("how", ["gone", "suspended"])
def test_a_departure_that_waited_for_another_source_is_settled_when_that_reports_it_too(town: Town, how: str) -> None:
    town.hq.leave("ann")
    assert town.row(town.hint("hq", left="ann"), "ann").status is RowStatus.HELD
    if how == "gone":
        town.branch.leave("x")
        town.hint("branch", left="x")
    else:
        town.branch.people["x"]["state"] = State.SUSPENDED
        town.hint("branch", "x")
    waiting = town.tasks.waiting(town.uid("hq"))
    assert [task.extent for task in waiting] == [Only(keys=(town.key("hq", "ann"),))]
    hints(town, "hq")
    assert town.of("hq", "ann").state is State.LEFT


def test_nobody_is_looked_at_again_of_whom_nothing_waits(town: Town) -> None:
    town.branch.leave("x")
    town.hint("branch", left="x")
    assert town.tasks.waiting(town.uid("hq")) == []


def test_a_preview_lets_no_other_source_look_again(town: Town) -> None:
    town.hq.leave("ann")
    town.hint("hq", left="ann")
    town.branch.leave("x")
    town.run("branch", preview=True)
    assert town.tasks.waiting(town.uid("hq")) == []


# --- hints, values that are left alone, and scopes


def hinted(town: Town, handle: str, *keys: tuple[str, Kind]) -> SyncTask:
    town.clock.sleep(1)
    draft = SyncTask(
        task_id="",
        source=town.uid(handle),
        trigger=Trigger.EVENT,
        extent=Only(keys=tuple(town.key(handle, each, kind) for each, kind in keys)),
        purpose=Purpose.SYNC,
        asked_by="event",
        asked_at=town.clock.now(),
    )
    task, _ = town.tasks.ask(draft)
    hints(town, handle)
    return town.tasks.get(task.task_id)


def test_a_suspension_is_not_lost_when_a_department_of_the_same_event_is_adopted() -> None:
    town = Town()
    town.hq.open("d0")
    town.hq.departments["d0"]["name"] = "Sales"
    town.hq.hire("ann", "d0")
    town.run("hq")
    town.branch.open("old")
    for each in ("x", "y"):
        town.branch.hire(each, "old", title="Cook")
    town.run("branch")
    town.matches("branch", Matching(departments=("path",)))
    town.branch.open("new")
    town.branch.departments["new"]["name"] = "Sales"
    town.branch.people["x"] |= {"departments": ("new",), "title": None, "state": State.SUSPENDED}
    hinted(town, "branch", ("new", Kind.DEPARTMENT), ("x", Kind.EMPLOYEE))
    x = town.of("branch", "x")
    assert x.state is State.SUSPENDED
    assert x.values["departments"] == (town.of("hq", "d0", Kind.DEPARTMENT).entry_id,)


def scheduled(town: Town, handle: str) -> SyncTask:
    town.clock.sleep(1)
    draft = SyncTask(
        task_id="",
        source=town.uid(handle),
        trigger=Trigger.SCHEDULE,
        extent=Everything(),
        purpose=Purpose.SYNC,
        asked_by="tick:schedule",
        asked_at=town.clock.now(),
    )
    task, _ = town.tasks.ask(draft)
    town.toil(handle)
    return town.tasks.get(task.task_id)


def test_with_values_left_alone_a_rehire_by_adoption_comes_back_with_the_new_values() -> None:
    town = Town()
    for each in ("secret", "desk"):
        town.branch.open(each)
    town.branch.hire("ann", "secret", name="Ann", en_name="7", title="CFO")
    town.branch.hire("other", "desk", en_name="1")
    town.run("branch")
    entry = town.of("branch", "ann").entry_id
    town.branch.leave("ann")
    town.run("branch")
    town.matches("branch")
    edit(town, "branch", user_info=False)
    town.branch.hire("ann2", "desk", name="Ann", en_name="7", title="Intern")
    scheduled(town, "branch")
    back = town.of("branch", "ann2")
    assert (back.entry_id, back.state, back.values["title"]) == (entry, State.ACTIVE, "Intern")
    assert back.values["departments"] == (town.of("branch", "desk", Kind.DEPARTMENT).entry_id,)


def test_with_values_left_alone_an_entry_is_taken_over_by_a_record_that_shows_no_state(town: Town) -> None:
    town.delete("hq")
    edit(town, "branch", user_info=False)
    town.branch.uncovered.add("state")
    town.branch.people["x"]["title"] = "Chef"
    task = scheduled(town, "branch")
    assert task.status is TaskStatus.DONE
    taken = town.of("branch", "x")
    assert (taken.key, taken.state, taken.values["title"]) == (town.key("branch", "x"), State.ACTIVE, "Cook")


def test_with_values_left_alone_whoever_is_seen_again_is_not_counted_as_unseen(town: Town) -> None:
    edit(town, "branch", user_info=False)
    town.branch.people["other"]["title"] = "Chef"
    town.branch.hidden.add("other")
    scheduled(town, "branch")
    town.branch.hidden.clear()
    scheduled(town, "branch")
    link = town.link("branch", "other")
    assert link is not None
    assert link.unseen_since is None
    town.branch.hidden.add("other")
    assert scheduled(town, "branch").status is TaskStatus.DONE


class Scoped(Town):
    """`branch` reads only b-sales, which is Emea / Sales; at hq Sales is a top department, with a Shop below."""

    def __init__(self) -> None:
        super().__init__()
        self.hq.hire("h-boss")
        self.run("hq")
        for company, parent, name in ((self.hq, None, "h"), (self.branch, "emea", "b")):
            if parent:
                company.open(parent)
            company.open(f"{name}-sales", parent)
            company.open(f"{name}-shop", f"{name}-sales")
            company.departments[f"{name}-sales"]["name"] = "Sales"
            company.departments[f"{name}-shop"]["name"] = "Shop"
            company.hire(f"{name}-ann", f"{name}-shop")
        edit(self, "branch", scope=Scope(departments=(Chosen(external_id="b-sales", path="Emea / Sales"),)))
        self.matches("branch", Matching(departments=("path",)))
        opened = self.many.open

        def scoped(source: Source, secrets: object = None) -> ScriptedConnector:
            connector = opened(source)
            connector.scope = source.scope
            return connector

        self.many.open = scoped  # type: ignore[method-assign]  # the made-up vendor, but within a scope


def test_a_chosen_department_is_not_taken_for_a_top_one_of_its_name_nor_are_those_below_it() -> None:
    town = Scoped()
    town.run("hq")
    task = town.run("branch")
    assert task.status is TaskStatus.DONE
    for each in ("sales", "shop"):
        theirs, ours = town.of("hq", f"h-{each}", Kind.DEPARTMENT), town.of("branch", f"b-{each}", Kind.DEPARTMENT)
        assert theirs.entry_id != ours.entry_id
    assert town.of("branch", "b-ann").values["departments"] == (town.of("branch", "b-shop", Kind.DEPARTMENT).entry_id,)


def test_nor_is_a_top_department_taken_for_a_chosen_one_of_another_source() -> None:
    town = Scoped()
    town.run("branch")
    town.matches("hq", Matching(departments=("path",)))
    town.run("hq")
    for each in ("sales", "shop"):
        theirs, ours = town.of("hq", f"h-{each}", Kind.DEPARTMENT), town.of("branch", f"b-{each}", Kind.DEPARTMENT)
        assert theirs.entry_id != ours.entry_id


def test_nor_are_those_below_it_that_an_event_shows_first() -> None:
    town = Scoped()
    town.branch.departments.pop("b-shop")
    town.branch.people["b-ann"]["departments"] = ("b-sales",)
    town.run("hq")
    town.run("branch")
    town.branch.open("b-shop", "b-sales")
    town.branch.departments["b-shop"]["name"] = "Shop"
    hinted(town, "branch", ("b-shop", Kind.DEPARTMENT))
    shop = town.of("branch", "b-shop", Kind.DEPARTMENT)
    assert shop.entry_id != town.of("hq", "h-shop", Kind.DEPARTMENT).entry_id
    assert shop.values["parent"] == town.of("branch", "b-sales", Kind.DEPARTMENT).entry_id


def test_a_chosen_department_at_the_top_is_matched_by_its_path_with_those_below_it() -> None:
    town = Scoped()
    town.branch.departments["b-sales"]["parent"] = None
    edit(town, "branch", scope=Scope(departments=(Chosen(external_id="b-sales", path="Sales"),)))
    town.run("hq")
    town.run("branch")
    for each in ("sales", "shop"):
        theirs, ours = town.of("hq", f"h-{each}", Kind.DEPARTMENT), town.of("branch", f"b-{each}", Kind.DEPARTMENT)
        assert theirs.entry_id == ours.entry_id
