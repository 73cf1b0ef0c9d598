"""What a trial shows is what a preview shows, also where others show the same people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from chalicelib import wiring
from chalicelib.core.diff import Action
from chalicelib.core.expression import parse
from chalicelib.core.mapping import Rule, with_rule
from chalicelib.core.matching import Matching
from chalicelib.core.model import Kind, State, Values
from chalicelib.core.principal import TERMINAL
from chalicelib.core.scope import Chosen, Scope
from chalicelib.core.source import Source
from chalicelib.core.task import RowStatus, SyncRecord
from chalicelib.sources.trial import Trial
from tests.sync.town import Town

Told = dict[str, tuple[str, Action, RowStatus, Values, Values]]


@pytest.fixture
def town() -> Iterator[Town]:
    yield Town()
    wiring.use(None)


def tried(town: Town, handle: str = "branch", *, most: int | None = None) -> Trial:
    return wiring.rooms().mappings.attempt(TERMINAL, handle, most=most)


def told(rows: list[SyncRecord] | tuple[SyncRecord, ...]) -> Told:
    return {str(row.key): (row.entry_id, row.action, row.status, row.before, row.after) for row in rows}


def both(town: Town) -> Told:
    """Preview, and see that a trial says the same."""
    previewed = told(list(town.tasks.rows(town.run("branch", preview=True).task_id)))
    assert told(tried(town).rows) == previewed
    return previewed


def edit(town: Town, change: Callable[[Source], Source]) -> None:
    source = town.outside.catalog.source("branch")
    assert town.outside.catalog.update(change(source), instead_of=source)


def shared(town: Town) -> None:
    """The seventh of hq is x of branch."""
    town.hq.hire("ann", en_name="7", title="Cook")
    town.hq.hire("bob", en_name="8")
    town.run("hq")
    town.branch.hire("x", en_name="7")
    town.branch.hire("y", en_name="9")
    town.matches("branch")
    town.run("branch")


def test_whoever_would_be_matched_is_not_created(town: Town) -> None:
    town.hq.hire("ann", en_name="7", title="Cook")
    town.run("hq")
    town.branch.hire("x", en_name="7", title="Boss")
    town.branch.hire("y", en_name="9")
    town.matches("branch")
    rows = both(town)
    assert [rows[f"employee:{each}"][1] for each in "xy"] == [Action.ADOPT, Action.CREATE]
    counts = tried(town, most=1).counts[Kind.EMPLOYEE]
    assert (counts[Action.ADOPT], counts[Action.CREATE]) == (1, 1)
    town.delete("hq")
    assert both(town)["employee:x"][4]["title"] == "Boss"


def test_whoever_matches_two_waits_for_a_person(town: Town) -> None:
    town.hq.hire("ann", en_name="7")
    town.hq.hire("twin", en_name="7")
    town.run("hq")
    town.branch.hire("x", en_name="7")
    town.matches("branch")
    assert both(town)["employee:x"][2] is RowStatus.CONFLICT
    attempt = tried(town)
    assert (attempt.conflicts, attempt.total, attempt.counts[Kind.EMPLOYEE][Action.CREATE]) == (1, 1, 0)


def test_an_entry_whose_owner_is_gone_is_taken_over(town: Town) -> None:
    shared(town)
    assert both(town) == {}
    town.delete("hq")
    assert both(town)["employee:x"][1] is Action.ADOPT
    town.branch.people["x"]["title"] = "Boss"
    assert both(town)["employee:x"][4]["title"] == "Boss"


def test_what_cannot_be_mapped_of_somebody_whom_another_source_keeps_is_refused(town: Town) -> None:
    shared(town)
    town.branch.people["x"]["email"] = "not an address"
    assert both(town)["employee:x"][2] is RowStatus.REJECTED


def test_whoever_refers_to_a_matched_department_is_tried_so(town: Town) -> None:
    town.hq.open("s")
    town.hq.open("in", "s")
    town.hq.hire("ann", "in")
    town.run("hq")
    town.branch.hire("x")
    town.run("branch")
    town.branch.open("bs")
    town.branch.open("bi", "bs")
    town.branch.departments["bs"]["name"] = "S"
    town.branch.departments["bi"]["name"] = "In"
    town.branch.people["x"]["departments"] = ("bi",)
    town.branch.hire("y", "bs")
    town.matches("branch", Matching(departments=("path",)))
    rows = both(town)
    ours = town.of("hq", "in", Kind.DEPARTMENT).entry_id
    assert (rows["department:bi"][0], rows["employee:x"][4]["departments"]) == (ours, (ours,))


def test_a_department_below_what_is_out_of_scope_is_no_top_one(town: Town) -> None:
    town.hq.open("s")
    town.hq.departments["s"]["name"] = "Sales"
    town.hq.hire("ann", "s")
    town.run("hq")
    town.branch.open("emea")
    town.branch.open("bs", "emea")
    town.branch.departments["bs"]["name"] = "Sales"
    town.branch.hire("x", "bs")
    town.matches("branch", Matching(departments=("path",)))
    scope = Scope(departments=(Chosen(external_id="bs", path="Emea / Sales"),))
    edit(town, lambda source: replace(source, scope=scope))
    town.many.before_call = lambda number: setattr(town.many.opened[-1], "scope", scope)
    assert both(town)["department:bs"][1] is Action.CREATE


def test_the_guard_counts_those_that_a_source_keeps_and_not_those_it_only_shows(town: Town) -> None:
    for number in range(140):
        town.hq.hire(f"a{number}", en_name=str(number))
        town.branch.hire(f"b{number}", en_name=str(number))
    for number in range(12):
        town.branch.hire(f"own{number}", en_name=str(900 + number), title="T")
    town.run("hq")
    town.matches("branch")
    town.run("branch")
    rule = Rule.of("title", parse("nothing"))
    edit(town, lambda source: replace(source, mapping=with_rule(source.mapping, Kind.EMPLOYEE, "title", rule)))
    held = {status for _, _, status, _, _ in both(town).values()}
    assert (held, tried(town).held) == ({RowStatus.HELD}, 12)


def test_whoever_was_forgotten_and_is_still_listed_as_left_is_no_part_of_it(town: Town) -> None:
    town.branch.hire("x")
    town.branch.hire("y")
    town.run("branch")
    town.branch.people["x"]["state"] = State.LEFT
    town.run("branch")
    wiring.rooms().forgetting.forget(TERMINAL, town.of("branch", "x").entry_id)
    town.branch.people["x"]["email"] = "not an address"
    assert both(town) == {}
