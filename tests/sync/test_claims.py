"""A change is a hint, a departure is a fact (law 4), and the latest observation wins (law 3)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.core.errors import SourceUnavailableError
from chalicelib.core.model import State
from chalicelib.core.principal import TERMINAL
from chalicelib.core.task import Claim, Lane, RowStatus, SyncTask, TaskStatus
from chalicelib.sync.plan import MOST_LOOKS
from tests.scripted import House, a_company


@pytest.fixture
def house() -> House:
    house = House(a_company(people=200))
    house.sync()
    house.pass_time(seconds=5)
    return house


def test_a_hint_reads_the_person_again(house: House) -> None:
    house.company.people["p3"]["title"] = "Head"
    house.company.hire("newcomer", "d0")
    task = house.hinted("p3", "newcomer", "p4")
    assert (task.trigger, task.entry_writes) == ("event", 2)
    assert house.entry("p3").values["title"] == "Head"
    assert house.state("newcomer") is State.ACTIVE


def test_a_hint_about_somebody_who_is_gone_deactivates_and_about_the_hidden_does_not(house: House) -> None:
    house.company.leave("p3")
    house.company.hidden.add("p4")
    house.hinted("p3", "p4")
    assert (house.state("p3"), house.state("p4")) == (State.LEFT, State.ACTIVE)
    assert all(link.unseen_since is None for link in house.directory.links(house.source.uid))


@pytest.mark.parametrize("answer", ["gone", "hidden", "unclear", "silent"])
def test_a_claimed_departure_is_a_fact_whatever_else_the_source_says(house: House, answer: str) -> None:
    claim = house.claim("p3")
    match answer:
        case "gone":
            house.company.leave("p3")
        case "hidden":
            house.company.hidden.add("p3")
        case "unclear":
            house.company.unclear.add("p3")
        case _:

            def silent(number: int) -> None:
                raise SourceUnavailableError("source unavailable", endpoint="x", problem="timeout")

            house.connectors.before_call = silent
    house.hinted(claims=[claim])
    assert house.state("p3") is State.LEFT


def test_a_claim_that_the_source_contradicts_is_looked_at_again_and_in_the_end_kept(house: House) -> None:
    claim = house.claim("p3")
    waits = []
    for _ in range(MOST_LOOKS):
        asked_at = house.clock.now()
        task = house.hinted(claims=[claim])
        assert task.status is TaskStatus.DONE
        ((due, claim),) = house.tasks.looks(house.source.uid)
        house.tasks.drop_looks(house.source.uid, [claim.key])
        waits.append(round((due - asked_at) / timedelta(seconds=1)))
        house.clock.sleep((due - house.clock.now()).total_seconds())
    assert waits == [10, 60, 600]
    last = house.hinted(claims=[claim])
    assert house.tasks.looks(house.source.uid) == []
    (row,) = house.rows(last)
    assert (row.status, row.reason and row.reason.code) == (RowStatus.CONTRADICTED, "departure contradicted")
    assert house.state("p3") is State.ACTIVE


def test_a_leaver_whose_event_comes_before_the_read_shows_it_leaves_at_the_next_look(house: House) -> None:
    house.hinted(claims=[house.claim("p3")])
    ((due, claim),) = house.tasks.looks(house.source.uid)
    house.company.leave("p3")
    house.clock.sleep((due - house.clock.now()).total_seconds())
    house.hinted(claims=[claim])
    assert house.state("p3") is State.LEFT


def test_a_late_event_after_a_return_removes_nobody(house: House) -> None:
    claim = house.claim("p3")
    house.company.leave("p3")
    house.sync()
    house.pass_time(seconds=5)
    house.company.hire("p3", "d0")
    house.sync()
    house.company.hidden.add("p3")
    house.connectors.before_call = lambda number: None
    house.company.unclear.add("p3")
    house.company.hidden.discard("p3")
    house.company.people.pop("p3")
    house.hinted(claims=[claim])
    assert house.state("p3") is State.ACTIVE


def test_a_late_event_about_a_returner_who_is_hidden_removes_nobody_and_is_told_in_the_end(house: House) -> None:
    claim = house.claim("p3")
    house.company.leave("p3")
    house.sync()
    house.pass_time(seconds=5)
    house.company.hire("p3", "d0")
    house.sync()
    house.company.hidden.add("p3")
    tasks = looked_to_the_end(house, claim)
    assert house.state("p3") is State.ACTIVE
    assert [[row.status for row in house.rows(task)] for task in tasks] == [[], [], [], [RowStatus.CONTRADICTED]]


def test_a_hidden_leaver_leaves_though_somebody_read_them_before_the_event(house: House) -> None:
    house.company.people["p3"]["title"] = "Head"
    house.sync()
    house.pass_time(seconds=5)
    house.company.hidden.add("p3")
    house.hinted(claims=[house.claim("p3")])
    assert house.state("p3") is State.LEFT


def test_later_looks_at_somebody_who_is_known_to_be_back_end_quietly(house: House) -> None:
    claim = house.claim("p3")
    house.company.leave("p3")
    house.sync()
    house.pass_time(seconds=5)
    house.company.hire("p3", "d0")
    house.sync()
    tasks = looked_to_the_end(house, claim)
    assert len(tasks) == 1 + MOST_LOOKS
    assert [row for task in tasks for row in house.rows(task)] == []
    assert house.tasks.looks(house.source.uid) == []
    assert house.state("p3") is State.ACTIVE


def looked_to_the_end(house: House, claim: Claim) -> list[SyncTask]:
    """Look at a claim, and again whenever that is due."""
    tasks = [house.hinted(claims=[claim])]
    while looks := house.tasks.looks(house.source.uid):
        ((due, claim),) = looks
        house.tasks.drop_looks(house.source.uid, [claim.key])
        house.clock.sleep((due - house.clock.now()).total_seconds())
        tasks.append(house.hinted(claims=[claim]))
    return tasks


def test_a_hire_staged_by_a_slow_sync_who_leaves_before_it_applies_is_never_active(house: House) -> None:
    house.company.hire("brief", "d0")

    def leaves(number: int) -> None:
        if number == 9:  # the walk has seen them, the plan is not applied
            house.company.leave("brief")
            house.hinted(claims=[house.claim("brief")])

    house.connectors.before_call = leaves
    task = house.sync()
    row = next(row for row in house.rows(task) if row.key.external_id == "brief")
    assert row.status is RowStatus.SUPERSEDED
    assert all(link.entry_id == "" for link in house.directory.links(house.source.uid) if link.key == row.key)


def test_a_second_departure_of_a_leaver_outdates_a_return_that_was_staged_between(house: House) -> None:
    house.company.leave("p3")
    house.sync()
    house.pass_time(seconds=5)
    house.company.hire("p3", "d0", manager="p0")

    def leaves(number: int) -> None:
        if number == 9:
            house.company.leave("p3")
            house.hinted(claims=[house.claim("p3")])

    house.connectors.before_call = leaves
    task = house.sync()
    assert [(row.key.external_id, row.status) for row in house.rows(task)] == [("p3", RowStatus.SUPERSEDED)]
    assert house.state("p3") is State.LEFT


def test_reported_departures_pass_up_to_the_storm_limit(house: House) -> None:
    for number in range(90):
        house.company.leave(f"p{number}")
    task = house.hinted(claims=[house.claim(f"p{number}") for number in range(90)])
    assert task.entry_writes == 90
    for number in range(90, 120):
        house.company.leave(f"p{number}")
    held = house.hinted(claims=[house.claim(f"p{number}") for number in range(90, 120)])
    assert held.status is TaskStatus.HELD


def test_events_do_not_wait_for_a_full_sync(house: House) -> None:
    states: list[State] = []

    def during(number: int) -> None:
        if number == 4:
            house.connectors.before_call = lambda number: None
            house.company.leave("p3")
            house.hinted(claims=[house.claim("p3")])
            states.append(house.state("p3"))
            assert house.tasks.lease(house.source.uid, Lane.FULL) is not None

    house.connectors.before_call = during
    assert house.sync().status is TaskStatus.DONE
    assert states == [State.LEFT]
    assert house.state("p3") is State.LEFT


def test_an_event_delivered_again_changes_nothing_again(house: House) -> None:
    house.company.leave("p3")
    claims = [house.claim("p3")]
    assert [house.hinted(claims=claims).entry_writes for _ in range(10)] == [1] + [0] * 9


def test_a_request_does_not_join_what_events_asked_for(house: House) -> None:
    house.hinted("p3")
    assert house.requests.sync_now(TERMINAL, "hq").new
