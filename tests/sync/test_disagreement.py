"""Two sources say different things about one person, at the same time or one after the other (ADR 0007)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import pytest

from chalicelib import wiring
from chalicelib.core.model import State
from chalicelib.core.ports import Delete, Put, Write
from chalicelib.core.principal import TERMINAL
from chalicelib.core.task import (
    Everything,
    Evidence,
    Extent,
    Lane,
    Only,
    Purpose,
    RowStatus,
    SyncTask,
    TaskStatus,
    Trigger,
)
from chalicelib.local.table import SqliteTable
from tests.scripted import Company, House, a_company
from tests.sync.town import Town, a_third, edit, newcomers, shared


@pytest.fixture
def town() -> Town:
    return shared(Town())


def asked(town: Town, handle: str, extent: Extent) -> SyncTask:
    """Ask for a sync, or for a look at what an event reported; nobody works on it yet."""
    town.clock.sleep(1)
    draft = SyncTask(
        task_id="",
        source=town.uid(handle),
        trigger=Trigger.EVENT,
        extent=extent,
        purpose=Purpose.SYNC,
        asked_by="event",
        asked_at=town.clock.now(),
    )
    return town.tasks.ask(draft)[0]


def work(town: Town, handle: str) -> None:
    """Work off what waits in both lanes."""
    for lane in Lane:
        town.runner.wake(town.uid(handle), lambda: math.inf, lane=lane)


def hints(town: Town, handle: str) -> None:
    """Work off what waits in the lane of events."""
    town.clock.sleep(1)
    town.runner.wake(town.uid(handle), lambda: math.inf, lane=Lane.HINTS)


def hidden(company: Company, *external_ids: str) -> None:
    """Let the vendor say of leavers only that they may not be seen."""
    for each in external_ids:
        company.people.pop(each)
        company.hidden.add(each)


def now(town: Town, task: SyncTask) -> SyncTask:
    return town.tasks.get(task.task_id)


# --- a reported departure that waits


def claimed(town: Town) -> SyncTask:
    """Let an event say that ann has left, whom hq hides from then on; branch still shows her."""
    hidden(town.hq, "ann")
    task = town.hint("hq", left="ann")
    row = town.row(task, "ann")
    assert (row.status, row.evidence) == (RowStatus.HELD, Evidence.CLAIMED)
    return task


def test_an_approved_departure_that_was_reported_is_a_fact_though_the_vendor_hides_the_leaver(town: Town) -> None:
    task = claimed(town)
    town.decide("hq", task)
    assert town.of("hq", "ann").state is State.LEFT
    assert town.row(task, "ann").status is RowStatus.APPLIED


@pytest.mark.parametrize("answer", ["hidden", "unclear"])
def test_so_is_a_storm_of_them(answer: str) -> None:
    house = House(a_company(120, 8))
    house.sync()
    gone = [f"p{number}" for number in range(1, 105)]
    for each in gone:
        house.company.people.pop(each)
        (house.company.hidden if answer == "hidden" else house.company.unclear).add(each)
    task = house.hinted(claims=[house.claim(each) for each in gone])
    assert task.status is TaskStatus.HELD
    house.approve(task)
    assert {house.state(each) for each in gone} == {State.LEFT}


def test_an_approved_departure_is_none_of_somebody_who_was_seen_since_it_was_reported(town: Town) -> None:
    task = claimed(town)
    town.hq.hidden.discard("ann")
    town.hq.hire("ann", en_name="7", title="Chef")
    town.hint("hq", "ann")
    hidden(town.hq, "ann")
    town.decide("hq", task)
    assert town.of("hq", "ann").state is State.ACTIVE
    assert town.row(task, "ann").status is RowStatus.SUPERSEDED


def test_a_reported_departure_of_somebody_hidden_is_settled_when_the_other_source_agrees(town: Town) -> None:
    claimed(town)
    town.branch.leave("x")
    town.hint("branch", left="x")
    hints(town, "hq")
    assert town.of("hq", "ann").state is State.LEFT


def test_a_reported_departure_waits_on_while_full_syncs_cannot_see_the_leaver(town: Town) -> None:
    task = claimed(town)
    town.run("hq")
    town.run("hq")
    assert now(town, task).status is TaskStatus.HELD
    town.branch.leave("x")
    town.hint("branch", left="x")
    hints(town, "hq")
    assert town.of("hq", "ann").state is State.LEFT
    town.run("hq")
    assert now(town, task).status is TaskStatus.DONE, "what is done waits no longer"


def test_a_reported_departure_waits_no_longer_once_a_full_sync_has_an_answer(town: Town) -> None:
    task = claimed(town)
    town.hq.hidden.discard("ann")
    town.hq.hire("ann", en_name="7", title="Cook")
    town.run("hq")
    assert now(town, task).status is TaskStatus.DONE


# --- a kill while one of them is written down


class Killed(BaseException):
    """The worker is gone."""


def die() -> None:
    raise Killed


class WatchedTable(SqliteTable):
    """Once `left` is set, something happens after so many writes: the worker dies, or another one comes."""

    left: float = math.inf
    then: Callable[[], object] = staticmethod(die)

    def write(self, writes: Sequence[Write]) -> None:
        super().write(writes)
        self._count()

    def write_many(self, writes: Iterable[Put | Delete]) -> None:
        super().write_many(writes)
        self._count()

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.then()


@pytest.mark.parametrize("by", ["walk", "event"])
@pytest.mark.parametrize("how", ["gone", "suspended"])
def test_whoever_is_killed_while_a_departure_is_written_down_the_waiting_one_is_settled(by: str, how: str) -> None:
    at, is_done = 0, False
    while not is_done:
        at += 1
        table = WatchedTable(":memory:")
        town = shared(Town(table))
        town.hq.leave("ann")
        assert town.run("hq").status is TaskStatus.HELD
        if how == "gone":
            town.branch.leave("x")
        else:
            town.branch.people["x"]["state"] = State.SUSPENDED
        task = asked(town, "branch", Everything() if by == "walk" else Only(keys=(town.key("branch", "x"),)))
        table.left = at
        try:
            work(town, "branch")
            is_done = True
        except Killed:
            town.pass_time(minutes=1)
        table.left = math.inf
        hints(town, "hq")  # whose worker may be quicker than the one that goes on
        work(town, "branch")
        hints(town, "hq")
        assert town.of("hq", "ann").state is State.LEFT, at
        if how == "gone":
            row = town.row(task, "x")
            assert row.reason is not None
            assert row.reason.code == "another source keeps them"
    assert at > 5


# --- what the guard and a person say about it


@pytest.mark.parametrize("first", ["hq", "branch"])
def test_two_full_syncs_that_agree_do_not_pass_the_guard_together(first: str) -> None:
    town = Town()
    for number in range(60):
        town.hq.hire(f"p{number}", en_name=f"n{number}")
        town.branch.hire(f"q{number}", en_name=f"n{number}")
    town.run("hq")
    town.matches("branch")
    town.run("branch")
    for number in range(25):
        town.hq.leave(f"p{number}")
        town.branch.leave(f"q{number}")
    for handle in (first, *({"hq", "branch"} - {first})):
        town.run(handle)
        hints(town, "hq")
    assert {town.of("hq", f"p{number}").state for number in range(60)} == {State.ACTIVE}
    rows = list(town.tasks.rows(town.tasks.recent(town.uid("hq"), 1)[0].task_id))
    assert {(row.status, row.reason and row.reason.code) for row in rows} == {
        (RowStatus.HELD, "too many employees at once")
    }


def test_a_departure_that_was_only_previewed_is_carried_out_by_no_other_sources_run(town: Town) -> None:
    town.hq.leave("ann")
    town.run("hq", preview=True)
    town.branch.leave("x")
    town.run("branch")
    hints(town, "hq")
    assert town.of("hq", "ann").state is State.ACTIVE


REVIVAL = "left before it was taken over"


def waits(town: Town, task: SyncTask, external_id: str) -> str:
    """Say why somebody's row waits."""
    row = town.row(task, external_id)
    assert (row.status, row.reason is None) == (RowStatus.HELD, False)
    return row.reason.code if row.reason else ""


def test_whoever_left_while_a_source_was_disabled_that_shows_them_comes_back_by_a_persons_decision(town: Town) -> None:
    edit(town, "branch", enabled=False)
    town.hq.leave("ann")
    town.hint("hq", left="ann")
    assert town.of("hq", "ann").state is State.LEFT
    edit(town, "branch", enabled=True)
    for _ in range(2):
        task = town.run("branch")
        assert waits(town, task, "x") == REVIVAL
        assert town.of("branch", "x").state is State.LEFT
    town.decide("branch", task)
    assert (town.of("branch", "x").state, town.of("branch", "x").key) == (State.ACTIVE, town.key("branch", "x"))
    assert town.run("branch").status is TaskStatus.DONE


def test_so_does_whoever_left_the_last_enabled_source(town: Town) -> None:
    a_third(town)
    town.delete("hq")
    edit(town, "third", enabled=False)
    town.branch.leave("x")
    town.hint("branch", left="x")
    assert town.of("branch", "x").state is State.LEFT
    edit(town, "third", enabled=True)
    task = town.run("third")
    assert waits(town, task, "t") == REVIVAL
    town.decide("third", task)
    assert (town.of("third", "t").state, town.of("third", "t").key) == (State.ACTIVE, town.key("third", "t"))


def test_so_does_whoever_left_while_another_source_had_suspended_them(town: Town) -> None:
    town.branch.people["x"]["state"] = State.SUSPENDED
    town.run("branch")
    town.hq.leave("ann")
    town.run("hq")
    assert town.of("hq", "ann").state is State.LEFT
    town.branch.people["x"]["state"] = State.ACTIVE
    assert waits(town, town.run("branch"), "x") == REVIVAL


def test_of_a_departure_that_a_person_approved_nobody_is_asked_again(town: Town) -> None:
    town.hq.leave("ann")
    town.decide("hq", town.run("hq"))
    town.branch.people["x"]["title"] = "Chef"
    assert town.run("branch").status is TaskStatus.DONE
    assert town.run("branch").status is TaskStatus.DONE
    assert town.of("branch", "x").state is State.LEFT


# --- at the same time


def meanwhile(town: Town, at: int, handle: str, happens: Callable[[], object]) -> bool:
    """Sync a source, and let something happen after so many of its writes; tell whether there were as many."""
    assert isinstance(town.table, WatchedTable)
    asked(town, handle, Everything())
    town.table.left, town.table.then = at, happens
    work(town, handle)
    is_done, town.table.left = town.table.left > 0, math.inf
    return not is_done


def test_whoever_is_adopted_while_their_departure_is_carried_out_keeps_access_or_waits() -> None:
    at, is_done = 0, False
    while not is_done:
        at += 1
        town = newcomers(Town(WatchedTable(":memory:")))
        town.hq.leave("ann")
        is_done = not meanwhile(town, at, "hq", partial(town.run, "branch"))
        for handle in ("branch", "hq", "branch"):
            town.run(handle)
        assert town.of("branch", "x").state is State.ACTIVE, at
    assert at > 5


@pytest.mark.parametrize("by", ["walk", "event"])
def test_of_two_sources_that_show_a_departure_at_the_same_time_one_has_the_last_word(by: str) -> None:
    at, is_done = 0, False
    while not is_done:
        at += 1
        town = shared(Town(WatchedTable(":memory:")))
        third = a_third(town)
        town.delete("hq")
        town.branch.leave("x")
        third.leave("t")
        look = partial(town.run, "third") if by == "walk" else partial(town.hint, "third", left="t")
        is_done = not meanwhile(town, at, "branch", look)
        for handle in ("branch", "third"):
            hints(town, handle)
        assert town.of("branch", "x").state is (State.ACTIVE if is_done else State.LEFT), at
    assert at > 5


def test_a_departure_that_another_source_shows_while_its_own_run_is_under_way_is_settled_at_once() -> None:
    at, is_done = 0, False
    while not is_done:
        at += 1
        town = shared(Town(WatchedTable(":memory:")))
        town.hq.leave("ann")
        town.branch.leave("x")
        is_done = not meanwhile(town, at, "hq", partial(town.hint, "branch", left="x"))
        hints(town, "hq")
        assert town.of("hq", "ann").state is (State.ACTIVE if is_done else State.LEFT), at
    assert at > 5


# --- a source that is deleted with its people


def dismissed(town: Town, handle: str) -> SyncTask:
    town.clock.sleep(1)
    task = wiring.requests().dismiss(TERMINAL, town.outside.catalog.source(handle))
    town.toil(handle)
    return now(town, task)


@pytest.mark.parametrize("shown", [State.ACTIVE, State.SUSPENDED])
def test_the_last_source_that_is_deleted_with_its_people_takes_those_along_whose_owner_is_gone(
    town: Town, shown: State
) -> None:
    town.branch.people["x"]["state"] = shown
    town.run("branch")
    town.delete("hq")
    task = dismissed(town, "branch")
    assert town.of("branch", "x").state is State.LEFT
    assert town.row(task, "x").status is RowStatus.APPLIED
    assert wiring.requests().is_left_by_all(town.outside.catalog.source("branch"), town.directory)


def test_but_nobody_of_whom_another_source_has_the_word_or_shows_them(town: Town) -> None:
    dismissed(town, "branch")
    assert town.of("hq", "ann").state is State.ACTIVE
    a_third(town)
    town.delete("hq")
    dismissed(town, "branch")
    assert town.of("third", "t").state is State.ACTIVE


@pytest.mark.parametrize("kept", ["suspended", "disabled"])
def test_whom_no_enabled_source_shows_with_access_the_deleted_one_takes_along(town: Town, kept: str) -> None:
    if kept == "suspended":
        town.branch.people["x"]["state"] = State.SUSPENDED
        town.run("branch")
    else:
        edit(town, "branch", enabled=False)
    dismissed(town, "hq")
    assert town.of("hq", "ann").state is State.LEFT


def test_nobody_asks_on_about_those_who_have_left_everywhere(town: Town) -> None:
    town.hq.leave("ann")
    town.decide("hq", town.run("hq"))
    town.delete("hq")
    town.branch.people["x"]["state"] = State.LEFT
    last = town.run("branch")
    assert not town.tasks.waiting(town.uid("branch"))
    hints(town, "branch")
    assert town.tasks.recent(town.uid("branch"), 1)[0].task_id == last.task_id
    assert town.of("branch", "x").state is State.LEFT


@pytest.mark.parametrize("ended", ["run", "dismissal"])
@pytest.mark.parametrize("owner", ["enabled", "disabled"])
def test_whoever_left_while_a_source_kept_them_that_is_gone_by_now_has_left(town: Town, owner: str, ended: str) -> None:
    town.hq.leave("ann")
    town.run("hq")
    if owner == "disabled":
        edit(town, "hq", enabled=False)
    town.branch.leave("x")
    town.run("branch")  # hq is to be asked, and is deleted before it looks
    town.delete("hq")
    assert town.of("branch", "x").state is State.ACTIVE
    if ended == "run":
        town.run("branch")
    else:
        dismissed(town, "branch")
    assert town.of("branch", "x").state is State.LEFT
    calls = town.run("branch").calls
    assert town.run("branch").calls == calls
    assert "confirm" not in calls


def test_whoever_is_adopted_while_their_source_is_deleted_with_its_people_keeps_access() -> None:
    at, is_done = 0, False
    while not is_done:
        at += 1
        town = newcomers(Town(WatchedTable(":memory:")))
        assert isinstance(town.table, WatchedTable)
        town.clock.sleep(1)
        wiring.requests().dismiss(TERMINAL, town.outside.catalog.source("hq"))
        town.table.left, town.table.then = at, partial(town.run, "branch")
        town.toil("hq")
        is_done, town.table.left = town.table.left > 0, math.inf
        if is_done:
            town.run("branch")
        assert town.of("branch", "x").state is State.ACTIVE, at
    assert at > 5


# --- what a person has approved


def test_a_source_that_was_disabled_is_heard_again_of_those_whose_departure_was_approved() -> None:
    town = Town()
    for number in range(40):
        town.hq.hire(f"p{number}", en_name=f"n{number}")
    town.run("hq")
    town.branch.hire("q0", en_name="n0")
    town.branch.hire("other", en_name="z")
    town.matches("branch")
    town.run("branch")
    edit(town, "branch", enabled=False)
    for number in range(15):
        town.hq.leave(f"p{number}")
    town.decide("hq", town.run("hq"))
    edit(town, "branch", enabled=True)
    assert town.row(town.run("branch"), "q0").status is RowStatus.HELD


def test_a_suspension_that_was_approved_is_undone_by_a_takeover_only_if_a_person_says_so(town: Town) -> None:
    town.hq.people["ann"]["state"] = State.SUSPENDED
    town.decide("hq", town.run("hq"))
    assert town.of("hq", "ann").state is State.SUSPENDED
    town.delete("hq")
    task = town.run("branch")
    assert waits(town, task, "x") == REVIVAL
    assert town.of("branch", "x").state is State.SUSPENDED
    town.decide("branch", task)
    assert town.of("branch", "x").state is State.ACTIVE


def test_a_suspended_entry_is_taken_over_as_it_is(town: Town) -> None:
    town.hq.people["ann"]["state"] = State.SUSPENDED
    town.decide("hq", town.run("hq"))
    town.branch.people["x"]["state"] = State.SUSPENDED
    town.delete("hq")
    assert town.row(town.run("branch"), "x").status is RowStatus.APPLIED
    assert (town.of("branch", "x").state, town.of("branch", "x").key) == (State.SUSPENDED, town.key("branch", "x"))


def a_held_revival(town: Town) -> SyncTask:
    """Let somebody who left hq, which is deleted then, wait for a person to say whether branch takes them over."""
    town.hq.leave("ann")
    town.decide("hq", town.run("hq"))
    town.delete("hq")
    task = town.run("branch")
    assert waits(town, task, "x") == REVIVAL
    return task


def test_a_revival_that_was_approved_takes_nothing_over_where_another_state_is_shown_by_now(town: Town) -> None:
    task = a_held_revival(town)
    town.branch.people["x"]["state"] = State.INVITED
    town.decide("branch", task)
    assert town.row(task, "x").status is RowStatus.SUPERSEDED
    assert waits(town, town.run("branch"), "x") == REVIVAL, "it is asked again"
    assert town.of("branch", "x").state is State.LEFT


# --- what an event says of somebody whose entry is another source's


def test_a_reported_departure_that_its_source_confirms_is_contradicted_by_nobody(town: Town) -> None:
    town.branch.people["x"]["state"] = State.LEFT
    task = town.hint("branch", left="x")
    assert town.tasks.looks(town.uid("branch")) == []
    assert RowStatus.CONTRADICTED not in {row.status for row in town.tasks.rows(task.task_id)}


def test_one_that_its_source_contradicts_is_looked_at_again(town: Town) -> None:
    town.hint("branch", left="x")
    assert [claim.key for _, claim in town.tasks.looks(town.uid("branch"))] == [town.key("branch", "x")]


def test_of_an_entry_that_has_left_no_source_is_said_to_keep_it(town: Town) -> None:
    town.hq.leave("ann")
    town.decide("hq", town.run("hq"))
    town.branch.leave("x")
    assert list(town.tasks.rows(town.run("branch").task_id)) == []


def test_events_do_not_ask_again_what_a_person_has_not_answered_yet(town: Town) -> None:
    task = a_held_revival(town)
    for _ in range(3):
        town.hint("branch", "x")
    assert town.tasks.held(town.uid("branch")) == [task]


def test_whoever_deletes_a_source_is_shown_those_that_go_along(town: Town) -> None:
    deletions = wiring.deletions()
    assert deletions.losses("branch").people == 1, "ann is hq's"
    town.delete("hq")
    assert deletions.losses("branch").people == 2


def test_whom_an_event_creates_while_a_sync_finds_them_new_has_one_link_and_not_two() -> None:
    at, is_done = 0, False
    while not is_done:
        at += 1
        town = Town(WatchedTable(":memory:"))
        town.matches("hq")
        town.hq.hire("boss", en_name="8")
        town.run("hq")
        town.hq.hire("ann", en_name="7")
        is_done = not meanwhile(town, at, "hq", partial(town.hint, "hq", "ann"))
        assert town.run("hq").status is TaskStatus.DONE
        link, entry = town.link("hq", "ann"), town.of("hq", "ann")
        assert link is not None
        assert (entry.key, entry.others, link.owner) == (link.key, (), ""), at
    assert at > 5


def test_whom_an_event_gives_an_entry_while_a_sync_finds_them_new_keeps_that_one() -> None:
    at, is_done = 0, False
    while not is_done:
        at += 1
        town = Town(WatchedTable(":memory:"))
        town.hq.hire("ann", en_name="7", name="Ann")
        town.hq.hire("boss", en_name="8")
        town.run("hq")
        town.branch.hire("other", en_name="9")
        town.matches("branch")
        town.run("branch")
        town.hq.leave("ann")
        town.run("hq")
        town.branch.hire("x", en_name="7", name="Ann")
        is_done = not meanwhile(town, at, "branch", partial(town.hint, "branch", "x"))
        town.run("branch")
        assert [entry.key.external_id for entry in town.everybody() if entry.name == "Ann"] == ["x"], at
        assert town.of("branch", "x").state is State.ACTIVE, at
    assert at > 5
