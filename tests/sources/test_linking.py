"""What a person says by hand of who is who; no run may undo it, and nobody loses access by it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib import wiring
from chalicelib.core.diff import Action
from chalicelib.core.errors import ConflictError, ForbiddenError, MalformedError, NotFoundError
from chalicelib.core.matching import Matching
from chalicelib.core.model import Kind, State
from chalicelib.core.principal import TERMINAL, Principal, Role
from chalicelib.core.task import Lane, RowStatus, Tally
from chalicelib.sources.linking import Linking
from tests.sync.town import Town

BY_NUMBER = ("employee_no",)


@pytest.fixture
def town() -> Town:
    """Ann is in hq, x in branch; nobody is matched."""
    town = Town()
    town.hq.hire("ann", en_name="7", title="Cook")
    town.hq.hire("boss")
    town.branch.hire("x", en_name="7")
    town.branch.hire("other")
    town.run("hq")
    return town


@pytest.fixture
def linking(town: Town) -> Linking:
    return wiring.rooms().linking


def verbs(town: Town) -> list[tuple[str, str]]:
    return [(line.verb, line.outcome) for line in town.audit()]


# --- rules


def test_rules_are_set_of_each_kind_and_audited(town: Town, linking: Linking) -> None:
    linking.set_matching(TERMINAL, "branch", Kind.EMPLOYEE, ("email", "mobile", "email"), trusts_email=True)
    linking.set_matching(TERMINAL, "branch", Kind.DEPARTMENT, ("path",))
    kept = town.outside.catalog.source("branch").matching
    assert kept == Matching(employees=("email", "mobile"), departments=("path",), trusts_email=True)
    linking.set_matching(TERMINAL, "branch", Kind.EMPLOYEE, ())
    assert town.outside.catalog.source("branch").matching == Matching(departments=("path",))
    assert ("matching set", "done") in verbs(town)


@pytest.mark.parametrize(
    ("kind", "fields", "trusts", "code"),
    [
        (Kind.EMPLOYEE, ("title",), False, "not matched by that"),
        (Kind.DEPARTMENT, ("email",), False, "not matched by that"),
        (Kind.EMPLOYEE, ("mobile",), True, "e-mail is not looked at"),
        (Kind.DEPARTMENT, ("path",), True, "e-mail is not looked at"),
    ],
)
def test_a_rule_that_means_nothing_is_refused(
    linking: Linking, kind: Kind, fields: tuple[str, ...], trusts: bool, code: str
) -> None:
    with pytest.raises(MalformedError) as refused:
        linking.set_matching(TERMINAL, "branch", kind, fields, trusts_email=trusts)
    assert refused.value.code == code


def test_only_an_owner_says_who_is_who(town: Town, linking: Linking) -> None:
    operator = Principal(key="op", role=Role.OPERATOR, door="terminal")
    entry = town.of("hq", "ann")
    for attempt in (
        lambda: linking.set_matching(operator, "branch", Kind.EMPLOYEE, BY_NUMBER),
        lambda: linking.link(operator, "branch", "x", entry),
        lambda: linking.link_to_new(operator, "branch", "x", Kind.EMPLOYEE),
        lambda: linking.unlink(operator, "hq", entry),
    ):
        with pytest.raises(ForbiddenError):
            attempt()
    assert {(verb, "forbidden") for verb in ("matching set", "link", "unlink")} <= set(verbs(town))


# --- link


def test_a_key_that_nobody_knows_yet_is_linked_before_its_first_sync(town: Town, linking: Linking) -> None:
    linked = linking.link(TERMINAL, "branch", "x", town.of("hq", "ann"))
    assert not linked.owns
    task = town.run("branch")
    assert task.counts[Kind.EMPLOYEE][Tally.CREATED] == 1
    shared = town.of("branch", "x")
    assert shared == town.of("hq", "ann")
    assert shared.values["title"] == "Cook"
    link = town.link("branch", "x")
    assert link is not None
    assert (link.state, link.owner) == (State.ACTIVE, town.uid("hq"))
    assert town.run("branch").entry_writes == town.run("hq").entry_writes == 0


def test_link_resolves_a_conflict(town: Town, linking: Linking) -> None:
    town.hq.hire("twin", en_name="7")
    town.run("hq")
    town.matches("branch")
    assert town.row(town.run("branch"), "x").status is RowStatus.CONFLICT
    linking.link(TERMINAL, "branch", "x", town.of("hq", "twin"))
    assert town.run("branch").remarks == ()
    assert town.of("branch", "x").entry_id == town.of("hq", "twin").entry_id


def test_a_conflict_may_be_somebody_new(town: Town, linking: Linking) -> None:
    town.hq.hire("twin", en_name="7")
    town.run("hq")
    town.matches("branch")
    town.run("branch")
    linking.link_to_new(TERMINAL, "branch", "x", Kind.EMPLOYEE)
    assert town.row(town.run("branch"), "x").action is Action.CREATE
    assert town.of("branch", "x").key == town.key("branch", "x")
    with pytest.raises(ConflictError):
        linking.link_to_new(TERMINAL, "branch", "x", Kind.EMPLOYEE)


def test_the_entry_that_a_key_had_stays_as_it_is_and_unlink_gives_it_back(town: Town, linking: Linking) -> None:
    town.run("branch")
    own = town.of("branch", "x")
    linked = linking.link(TERMINAL, "branch", "x", town.of("hq", "ann"))
    assert (linked.former, linked.left_alone) == (own, True)
    town.run("branch")
    assert town.of("branch", "x").entry_id == town.of("hq", "ann").entry_id
    assert town.directory.entries([own.entry_id])[own.entry_id].values == own.values
    linking.unlink(TERMINAL, "branch", town.of("hq", "ann"))
    town.branch.people["x"]["title"] = "Waiter"
    town.run("branch")
    assert town.of("branch", "x").entry_id == own.entry_id
    assert town.of("branch", "x").values["title"] == "Waiter"
    assert town.of("hq", "ann").others == ()


def test_link_makes_an_owner_of_whoever_is_linked_to_an_entry_without_a_source(town: Town, linking: Linking) -> None:
    entry = town.of("hq", "ann")
    town.delete("hq")
    assert linking.link(TERMINAL, "branch", "x", entry).owns
    task = town.run("branch")
    assert town.row(task, "x").action is Action.ADOPT
    taken = town.of("branch", "x")
    assert (taken.entry_id, taken.key, taken.values["name"]) == (entry.entry_id, town.key("branch", "x"), "X")


def test_an_entry_has_one_key_of_a_source(town: Town, linking: Linking) -> None:
    linking.link(TERMINAL, "branch", "x", town.of("hq", "ann"))
    town.run("branch")
    with pytest.raises(ConflictError) as refused:
        linking.link(TERMINAL, "branch", "other", town.of("hq", "ann"))
    assert (refused.value.code, refused.value.facts["key"]) == ("entry is linked", "x")
    with pytest.raises(ConflictError):
        linking.link(TERMINAL, "hq", "boss", town.of("hq", "ann"))


def test_whoever_came_back_under_another_id_is_linked_by_hand(town: Town, linking: Linking) -> None:
    entry = town.of("hq", "ann")
    town.hq.leave("ann")
    town.run("hq")
    town.hq.hire("ann.2", name="Ann Lee")
    linking.link(TERMINAL, "hq", "ann.2", entry)
    town.run("hq")
    back = town.of("hq", "ann.2")
    assert (back.entry_id, back.key, back.state) == (entry.entry_id, town.key("hq", "ann.2"), State.ACTIVE)
    town.hq.left.clear()
    town.hq.hire("ann")
    town.run("hq")
    assert town.of("hq", "ann").entry_id != entry.entry_id


def test_departments_are_linked_like_people(town: Town, linking: Linking) -> None:
    town.hq.open("h0")
    town.run("hq")
    town.branch.open("b0")
    town.branch.people["x"]["departments"] = ("b0",)
    linking.link(TERMINAL, "branch", "b0", town.of("hq", "h0", Kind.DEPARTMENT))
    town.run("branch")
    assert town.of("branch", "x").values["departments"] == (town.of("hq", "h0", Kind.DEPARTMENT).entry_id,)


def test_said_twice_it_is_linked_once(town: Town, linking: Linking) -> None:
    linking.link(TERMINAL, "branch", "x", town.of("hq", "ann"))
    assert not linking.link(TERMINAL, "branch", "x", town.of("hq", "ann")).changed
    assert town.of("hq", "ann").others == (town.key("branch", "x"),)


@pytest.mark.parametrize("lane", list(Lane))
def test_nothing_is_linked_while_a_sync_is_at_work(town: Town, linking: Linking, lane: Lane) -> None:
    entry = town.of("hq", "ann")
    fence = town.tasks.take(town.uid("branch"), "runner", town.at(), timedelta(minutes=1), lane)
    assert fence is not None
    with pytest.raises(ConflictError) as refused:
        linking.link(TERMINAL, "branch", "x", entry)
    assert refused.value.code == "source is at work"
    town.tasks.release(fence)
    linking.link(TERMINAL, "branch", "x", entry)
    with pytest.raises(NotFoundError):
        linking.unlink(TERMINAL, "branch", town.of("hq", "boss"))


def test_a_run_between_two_slices_does_not_undo_a_link(town: Town, linking: Linking) -> None:
    town.clock.sleep(1)
    asked = town.requests.sync_now(TERMINAL, "branch").task
    left = iter([0.0])
    town.runner.wake(town.uid("branch"), lambda: next(left, 0.0))  # it ends after its first part
    town.clock.sleep(1)
    linking.link(TERMINAL, "branch", "x", town.of("hq", "ann"))
    town.toil("branch")
    assert town.tasks.get(asked.task_id).status.is_over
    town.run("branch")
    assert town.of("branch", "x").entry_id == town.of("hq", "ann").entry_id


# --- unlink


def test_a_further_link_is_taken_off_and_its_source_makes_another_entry(town: Town, linking: Linking) -> None:
    town.matches("branch")
    town.run("branch")
    assert town.of("branch", "x").entry_id == town.of("hq", "ann").entry_id
    gone = linking.unlink(TERMINAL, "branch", town.of("hq", "ann"))
    assert (gone.owned, gone.employees) == (False, 0)
    task = town.run("branch")
    assert town.row(task, "x").action is Action.CREATE, "it is not matched again"
    assert town.of("branch", "x").entry_id != town.of("hq", "ann").entry_id
    assert town.of("hq", "ann").others == ()
    assert town.run("branch").entry_writes == town.run("hq").entry_writes == 0


def test_an_owner_that_is_taken_off_leaves_the_entry_to_the_other_source(town: Town, linking: Linking) -> None:
    town.matches("branch")
    town.run("branch")
    entry = town.of("hq", "ann")
    gone = linking.unlink(TERMINAL, "hq", entry)
    assert (gone.owned, gone.employees, [link.key for link in gone.heirs]) == (True, 1, [town.key("branch", "x")])
    town.run("hq")
    assert town.of("hq", "ann").entry_id != entry.entry_id
    town.run("branch")
    taken = town.of("branch", "x")
    assert (taken.entry_id, taken.key, taken.state) == (entry.entry_id, town.key("branch", "x"), State.ACTIVE)
    town.run("branch")  # which clears what it does not show
    assert town.run("branch").entry_writes == town.run("hq").entry_writes == 0


def test_whoever_leaves_after_being_taken_off_is_asked_for_once(town: Town, linking: Linking) -> None:
    linking.unlink(TERMINAL, "hq", town.of("hq", "ann"))
    town.hq.leave("ann")
    assert town.run("hq").calls["confirm"] > 0
    assert "confirm" not in town.run("hq").calls


def test_only_what_is_linked_is_taken_off(town: Town, linking: Linking) -> None:
    with pytest.raises(NotFoundError) as refused:
        linking.unlink(TERMINAL, "branch", town.of("hq", "ann"))
    assert refused.value.code == "entry is not linked"
