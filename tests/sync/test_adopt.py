"""By matching rules a key gets an entry that is there already (ADR 0007); nobody gets or loses one by a guess."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from chalicelib.core.diff import Action
from chalicelib.core.matching import Matching
from chalicelib.core.model import Kind, State
from chalicelib.core.ports import Item, Page
from chalicelib.core.task import RowStatus, SyncTask, Tally, TaskStatus
from chalicelib.local.table import SqliteTable
from infra.bill import CountingTable
from tests.sync.town import BY_NUMBER, Town


@pytest.fixture
def town() -> Town:
    return Town()


def counts(task: SyncTask, kind: Kind = Kind.EMPLOYEE) -> dict[Tally, int]:
    return {tally: count for tally, count in task.counts[kind].items() if count}


def an_orphan(town: Town, external_id: str = "ann", number: str = "7", **fields: str) -> str:
    """Leave an entry in the directory whose source was deleted; give its id."""
    town.hq.hire(external_id, en_name=number, **fields)
    town.run("hq")
    entry = town.of("hq", external_id).entry_id
    town.delete("hq")
    return entry


def test_without_rules_nobody_is_matched(town: Town) -> None:
    entry = an_orphan(town)
    town.branch.hire("ann2", en_name="7")
    assert counts(town.run("branch")) == {Tally.CREATED: 1}
    assert town.of("branch", "ann2").entry_id != entry


def test_an_entry_whose_source_was_deleted_is_adopted_with_what_the_new_source_shows(town: Town) -> None:
    entry = an_orphan(town, title="Cook")
    town.branch.hire("ann2", en_name="7", mobile="+86 13900001234")
    town.matches("branch")
    task = town.run("branch")
    assert counts(task) == {Tally.ADOPTED: 1}
    assert task.entry_writes == 1
    row = town.row(task, "ann2")
    assert (row.action, row.status, row.entry_id) == (Action.ADOPT, RowStatus.APPLIED, entry)
    assert (row.before["name"], row.after["name"]) == ("Ann", "Ann2")
    adopted = town.of("branch", "ann2")
    assert (adopted.entry_id, adopted.key) == (entry, town.key("branch", "ann2"))
    assert adopted.values["mobile"] == "+86 13900001234"
    assert adopted.values["title"] == "Cook", "an adoption takes nothing away"
    assert len(town.everybody()) == 1


def test_what_the_adopter_does_not_show_is_cleared_by_the_next_sync_which_reads_it_twice(town: Town) -> None:
    an_orphan(town, title="Cook")
    town.branch.hire("ann2", en_name="7")
    town.matches("branch")
    town.run("branch")
    town.run("branch")
    assert town.of("branch", "ann2").values["title"] is None
    assert town.run("branch").entry_writes == 0


def test_two_candidates_are_a_conflict_that_is_not_applied(town: Town) -> None:
    town.hq.hire("ann", en_name="7")
    town.hq.hire("bob", en_name="7")
    town.run("hq")
    town.branch.hire("x", en_name="7")
    town.matches("branch")
    task = town.run("branch")
    assert counts(task) == {Tally.CONFLICT: 1}
    assert task.status is TaskStatus.DONE
    row = town.row(task, "x")
    assert row.status is RowStatus.CONFLICT
    assert row.reason is not None
    assert row.reason.code == "several entries match"
    assert all(town.of("hq", each).entry_id in str(row.reason.facts["entries"]) for each in ("ann", "bob"))
    assert town.link("branch", "x") is None
    assert len(town.everybody()) == 2


def test_fields_that_point_at_different_entries_are_a_conflict(town: Town) -> None:
    town.hq.hire("ann", en_name="7")
    town.hq.hire("bob", mobile="13900001234")
    town.run("hq")
    town.branch.hire("x", en_name="7", mobile="13900001234")
    town.matches("branch")
    assert counts(town.run("branch")) == {Tally.CONFLICT: 1}


def test_two_new_keys_that_match_one_entry_are_a_conflict_for_both(town: Town) -> None:
    town.hq.hire("ann", en_name="7")
    town.run("hq")
    town.branch.hire("x", en_name="7")
    town.branch.hire("y", en_name="7")
    town.matches("branch")
    task = town.run("branch")
    assert counts(task) == {Tally.CONFLICT: 2}
    assert {row.reason.code for row in town.rows(task) if row.reason} == {"several match one entry"}
    assert [remark.code for remark in task.remarks] == ["some match several entries"]


def test_a_mobile_with_its_country_code_is_the_same_as_without(town: Town) -> None:
    entry = an_orphan(town, mobile="+86 139-0000-1234")
    town.branch.hire("x", mobile="13900001234")
    town.matches("branch")
    town.run("branch")
    assert town.of("branch", "x").entry_id == entry


@pytest.mark.parametrize(
    ("trusts", "name", "adopted"), [(False, "Someone", False), (False, "ANN", True), (True, "Someone", True)]
)
def test_an_email_alone_proves_nothing_unless_it_is_trusted(
    town: Town, *, trusts: bool, name: str, adopted: bool
) -> None:
    entry = an_orphan(town, email="ann@example.com")
    town.branch.hire("x", name=name, email="Ann@Example.com")
    town.matches("branch", Matching(employees=("email",), trusts_email=trusts))
    town.run("branch")
    assert (town.of("branch", "x").entry_id == entry) is adopted


def test_an_entry_that_another_source_owns_gets_a_further_link_and_keeps_its_values(town: Town) -> None:
    town.hq.hire("ann", en_name="7", title="Cook")
    town.run("hq")
    before = town.of("hq", "ann")
    town.branch.hire("x", en_name="7", title="Waiter")
    town.matches("branch")
    task = town.run("branch")
    assert counts(task) == {Tally.ADOPTED: 1}
    after = town.of("branch", "x")
    assert (after.entry_id, after.key, after.values) == (before.entry_id, before.key, before.values)
    assert after.others == (town.key("branch", "x"),)
    town.branch.people["x"]["title"] = "Chef"
    assert town.run("branch").entry_writes == 0
    town.hq.people["ann"]["title"] = "Head chef"
    assert town.run("hq").entry_writes == 1
    assert town.run("branch").entry_writes == 0
    assert town.of("branch", "x").values["title"] == "Head chef"


def a_shared_person(town: Town) -> None:
    """Let ann be x too: hq owns the entry, branch has a further link."""
    town.hq.hire("ann", en_name="7")
    town.hq.hire("boss")
    town.run("hq")
    town.branch.hire("x", en_name="7")
    town.branch.hire("other")
    town.matches("branch")
    town.run("branch")
    assert town.of("branch", "x").entry_id == town.of("hq", "ann").entry_id


def test_whoever_leaves_the_other_source_keeps_their_access_and_the_record_says_so(town: Town) -> None:
    a_shared_person(town)
    town.branch.leave("x")
    task = town.run("branch")
    assert town.of("hq", "ann").state is State.ACTIVE
    row = town.row(task, "x")
    assert row.reason is not None
    assert (row.status, row.reason.code, row.reason.facts) == (
        RowStatus.SUPERSEDED,
        "another source keeps them",
        {"handle": "hq"},
    )
    link = town.link("branch", "x")
    assert link is not None
    assert link.state is State.LEFT
    assert town.rows(town.run("branch")) == []


def test_a_reported_departure_from_the_other_source_takes_no_access_either(town: Town) -> None:
    a_shared_person(town)
    town.branch.leave("x")
    town.hint("branch", left="x")
    assert town.of("hq", "ann").state is State.ACTIVE


def test_whoever_leaves_the_owner_while_another_source_shows_them_is_held(town: Town) -> None:
    a_shared_person(town)
    town.hq.leave("ann")
    task = town.run("hq")
    row = town.row(task, "ann")
    assert row.reason is not None
    assert (row.status, row.reason.code) == (RowStatus.HELD, "another source shows them")
    assert town.of("hq", "ann").state is State.ACTIVE
    town.decide("hq", task)
    assert town.of("hq", "ann").state is State.LEFT
    town.run("branch")
    assert town.of("hq", "ann").state is State.LEFT, "a person has decided"


def test_whoever_has_left_both_sources_is_deactivated(town: Town) -> None:
    a_shared_person(town)
    town.hq.leave("ann")
    town.run("hq")
    town.branch.leave("x")
    town.run("branch")
    town.run("hq")
    assert town.of("hq", "ann").state is State.LEFT


def test_whoever_comes_back_to_the_other_source_after_leaving_both_is_its_own(town: Town) -> None:
    a_shared_person(town)
    town.branch.leave("x")
    town.run("branch")
    town.hq.leave("ann")
    town.run("hq")
    assert town.of("hq", "ann").state is State.LEFT
    town.branch.left.clear()
    town.branch.hire("x", en_name="7")
    town.run("branch")
    back = town.of("branch", "x")
    assert (back.state, back.key) == (State.ACTIVE, town.key("branch", "x"))
    assert back.others == (town.key("hq", "ann"),)
    assert town.run("hq").entry_writes == 0
    assert town.of("branch", "x").state is State.ACTIVE


def test_when_the_owners_source_is_deleted_the_next_sync_of_the_other_takes_over(town: Town) -> None:
    a_shared_person(town)
    entry = town.of("hq", "ann").entry_id
    town.delete("hq")
    task = town.run("branch")
    assert counts(task) == {Tally.ADOPTED: 1, Tally.UNCHANGED: 1}
    taken = town.of("branch", "x")
    assert (taken.entry_id, taken.key, taken.values["name"]) == (entry, town.key("branch", "x"), "X")
    assert town.run("branch").entry_writes == 0
    town.branch.leave("x")
    town.run("branch")
    assert town.of("branch", "x").state is State.LEFT


def test_whoever_comes_back_under_another_id_gets_their_entry_back(town: Town) -> None:
    town.matches("hq")
    town.hq.hire("ann", en_name="7")
    town.hq.hire("bob")
    town.run("hq")
    entry = town.of("hq", "ann").entry_id
    town.hq.leave("ann")
    town.run("hq")
    town.hq.hire("ann.2", en_name="7", name="Ann")
    task = town.run("hq")
    assert town.row(task, "ann.2").action is Action.ADOPT
    back = town.of("hq", "ann.2")
    assert (back.entry_id, back.state) == (entry, State.ACTIVE)
    town.hq.left.clear()
    town.hq.hire("ann", en_name="8")
    town.run("hq")
    assert town.of("hq", "ann").entry_id != entry
    assert town.of("hq", "ann.2").entry_id == entry
    assert town.run("hq").entry_writes == 0


def test_a_number_that_somebody_else_had_who_has_left_is_a_new_persons(town: Town) -> None:
    town.matches("hq")
    town.hq.hire("ann", en_name="7")
    town.hq.hire("bob")
    town.run("hq")
    town.hq.leave("ann")
    town.run("hq")
    town.hq.hire("carl", en_name="7")
    assert counts(town.run("hq")) == {Tally.CREATED: 1, Tally.UNCHANGED: 1}
    assert town.of("hq", "ann").state is State.LEFT


def test_two_people_of_one_source_who_share_a_number_are_two(town: Town) -> None:
    town.matches("hq")
    town.hq.hire("ann", en_name="7")
    town.run("hq")
    town.hq.hire("bob", en_name="7")
    assert counts(town.run("hq")) == {Tally.CREATED: 1, Tally.UNCHANGED: 1}


def with_departments(town: Town) -> None:
    for company in (town.hq, town.branch):
        prefix = "h" if company is town.hq else "b"
        company.open(f"{prefix}0")
        company.open(f"{prefix}1", f"{prefix}0")
        company.departments[f"{prefix}0"]["name"] = "Acme"
        company.departments[f"{prefix}1"]["name"] = "Sales"


def test_departments_are_adopted_by_their_paths_and_people_refer_to_them(town: Town) -> None:
    with_departments(town)
    town.hq.hire("ann", "h1", en_name="7")
    town.run("hq")
    town.branch.open("b2", "b1")
    town.branch.hire("x", "b1", en_name="7", manager="y")
    town.branch.hire("y", "b2", "b1")
    town.matches("branch", Matching(departments=("path",), employees=("employee_no",)))
    task = town.run("branch")
    assert counts(task, Kind.DEPARTMENT) == {Tally.CREATED: 1, Tally.ADOPTED: 2}
    sales = town.of("hq", "h1", Kind.DEPARTMENT).entry_id
    assert town.of("branch", "b1", Kind.DEPARTMENT).entry_id == sales
    below = town.of("branch", "b2", Kind.DEPARTMENT)
    assert below.values["parent"] == sales
    assert town.of("branch", "y").values["departments"] == (below.entry_id, sales)
    assert town.run("branch").entry_writes == 0
    assert town.rows(town.run("branch")) == []


def test_managers_who_are_adopted_are_referred_to_by_their_entries(town: Town) -> None:
    town.hq.hire("boss", en_name="1")
    town.run("hq")
    town.branch.hire("b1", en_name="1")
    town.branch.hire("ann", manager="b1")
    town.matches("branch")
    town.run("branch")
    assert town.of("branch", "ann").values["manager"] == town.of("hq", "boss").entry_id
    assert town.run("branch").entry_writes == 0


def test_somebody_whom_an_event_shows_first_is_matched_and_refers_to_adopted_departments(town: Town) -> None:
    with_departments(town)
    town.hq.hire("ann", "h1", en_name="7")
    town.run("hq")
    town.branch.hire("y", "b1")
    town.matches("branch", Matching(departments=("path",), employees=("employee_no",)))
    town.run("branch")
    town.branch.hire("x", "b1", en_name="7")
    town.branch.hire("z", "b1", manager="x")
    task = town.hint("branch", "x", "z")
    assert town.row(task, "x").action is Action.ADOPT
    assert town.of("branch", "x").entry_id == town.of("hq", "ann").entry_id
    assert town.of("branch", "z").values["departments"] == (town.of("hq", "h1", Kind.DEPARTMENT).entry_id,)
    assert town.of("branch", "z").values["manager"] == town.of("hq", "ann").entry_id
    assert town.run("branch").entry_writes == 0


def test_an_adoption_is_previewed_and_approved_as_it_was_shown(town: Town) -> None:
    with_departments(town)
    town.hq.hire("ann", "h1", en_name="7")
    town.run("hq")
    entry = town.of("hq", "ann")
    town.delete("hq")
    town.branch.hire("x", "b1", en_name="7")
    town.matches("branch", Matching(departments=("path",), employees=("employee_no",)))
    preview = town.run("branch", preview=True)
    assert {row.action for row in town.rows(preview)} == {Action.ADOPT}
    assert town.link("branch", "x") is None
    town.decide("branch", preview)
    taken = town.of("branch", "x")
    assert (taken.entry_id, taken.key) == (entry.entry_id, town.key("branch", "x"))
    assert taken.values["departments"] == entry.values["departments"]
    assert town.run("branch").entry_writes == 0


def test_an_adoption_that_is_not_true_any_more_is_not_approved(town: Town) -> None:
    an_orphan(town)
    town.branch.hire("x", en_name="7")
    town.matches("branch")
    preview = town.run("branch", preview=True)
    town.found("third", third := type(town.branch)())
    third.hire("t", en_name="7")
    town.matches("third")
    town.run("third")
    town.decide("branch", preview)
    assert town.link("branch", "x") is None
    town.run("branch")
    assert town.of("branch", "x").key == town.key("third", "t")


def test_a_preview_of_a_new_source_hints_at_entries_without_a_source(town: Town) -> None:
    an_orphan(town)
    town.branch.hire("x", en_name="7")
    assert [each.code for each in town.run("branch", preview=True).remarks] == ["entries without a source"]
    town.matches("branch")
    assert town.run("branch", preview=True).remarks == ()


def test_an_adoption_that_takes_access_away_is_guarded(town: Town) -> None:
    for number in range(40):
        town.hq.hire(f"p{number}", en_name=f"n{number}")
    town.run("hq")
    town.delete("hq")
    for number in range(40):
        town.branch.hire(f"q{number}", en_name=f"n{number}", state=State.SUSPENDED)
    town.matches("branch")
    task = town.run("branch")
    assert task.status is TaskStatus.HELD
    assert all(entry.state is State.ACTIVE for entry in town.everybody())


def test_a_run_in_many_slices_adopts_the_same(town: Town) -> None:
    with_departments(town)
    for number in range(30):
        town.hq.hire(f"p{number}", "h1", en_name=f"n{number}")
        town.branch.hire(f"q{number}", "b1", en_name=f"n{number}", manager="q0")
    town.run("hq")
    town.matches("branch", Matching(departments=("path",), employees=("employee_no",)))
    left = itertools.cycle([0.0, 100.0, 0.0])
    task = town.run("branch", deadline=lambda: next(left))
    assert task.slices > 1
    assert counts(task) == {Tally.ADOPTED: 30}
    assert counts(task, Kind.DEPARTMENT) == {Tally.ADOPTED: 2}
    assert town.run("branch").entry_writes == 0


class WatchedTable(CountingTable):
    """Counts what is read, by what it is."""

    def __init__(self) -> None:
        super().__init__(SqliteTable(":memory:"))
        self.read: Counter[str] = Counter()

    def get_many(self, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Item]:
        self.read.update(partition.partition("#")[0] for partition, _ in keys)
        return super().get_many(keys)

    def query(self, partition: str, **how: Any) -> Page:
        self.read[partition.partition("#")[0]] += 1
        return super().query(partition, **how)


def read_without_changes(matching: Matching, *, shared: bool) -> Mapping[str, int]:
    """Count what a run reads of twenty people in whom nothing has changed."""
    table = WatchedTable()
    town = Town(table)
    for number in range(20):
        town.hq.hire(f"p{number}", en_name=f"n{number}" if shared else None)
        town.branch.hire(f"q{number}", en_name=f"n{number}")
    town.matches("branch", matching)
    for handle in ("hq", "branch", "branch"):
        town.run(handle)
    assert len(town.everybody()) == (20 if shared else 40)
    table.read.clear()
    assert town.run("branch").entry_writes == 0
    return table.read


def test_a_run_without_changes_reads_nothing_of_entries_or_aliases() -> None:
    without = read_without_changes(Matching(), shared=False)
    assert not {"entry", "alias"} & without.keys()
    assert read_without_changes(BY_NUMBER, shared=False) == without
    catalog = {"catalog": without["catalog"] + 1}
    assert read_without_changes(BY_NUMBER, shared=True) == {**without, **catalog}, "which sources there are"


def test_rules_are_of_each_kind_apart(town: Town) -> None:
    with_departments(town)
    town.hq.hire("ann", en_name="7")
    town.run("hq")
    town.branch.hire("x", en_name="7")
    town.matches("branch", BY_NUMBER)
    task = town.run("branch")
    assert counts(task, Kind.DEPARTMENT) == {Tally.CREATED: 2}
    assert counts(task) == {Tally.ADOPTED: 1}
