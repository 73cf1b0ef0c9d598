from __future__ import annotations

from typing import Any

import pytest

from chalicelib.core.catalogue import Lang
from chalicelib.core.model import State
from chalicelib.core.task import TaskStatus
from tests.bot.talk import LANGS, Talk, words
from tests.scripted import House, a_company

TASK_KEYS = {
    "task",
    "source",
    "trigger",
    "status",
    "started_at",
    "finished_at",
    "reason",
    "remarks",
    "counts",
    "calls",
    "entry_writes",
    "deliveries",
}
TALLIES = {
    "created",
    "adopted",
    "updated",
    "deactivated",
    "reactivated",
    "unchanged",
    "held",
    "rejected",
    "conflict",
    "superseded",
    "cancelled",
}


def a_house_with_leavers(leavers: int = 31) -> House:
    """A company of 200, synced, that then loses so many."""
    house = House(a_company(people=200))
    house.sync()
    for number in range(1, leavers + 1):
        house.company.leave(f"p{number}")
    return house


def check_task_document(document: Any) -> None:
    assert set(document) == TASK_KEYS
    assert set(document["counts"]) == {"departments", "employees"}
    assert all(set(tallies) == TALLIES for tallies in document["counts"].values())
    assert all(isinstance(number, int) for tallies in document["counts"].values() for number in tallies.values())
    assert all(isinstance(name, str) and isinstance(number, int) for name, number in document["calls"].items())


@pytest.mark.parametrize("lang", LANGS)
def test_sync_now_queues_a_task_and_rings(lang: Lang) -> None:
    house = House()
    text = "立即同步 hq" if lang is Lang.ZH else "sync now hq"
    reply = Talk(house, lang).type(text)
    check_task_document(reply.data)
    assert reply.task is not None
    assert f"hq{'：' if lang is Lang.ZH else ':'}" in words(reply)
    assert house.tasks.get(reply.task).status is TaskStatus.QUEUED
    assert house.bell.rung == [(house.source.uid, 0)]


@pytest.mark.parametrize("lang", LANGS)
def test_a_second_request_joins_the_first_and_says_so(lang: Lang) -> None:
    house = House()
    first, second = (Talk(house, lang).type("sync now hq") for _ in range(2))
    assert second.task == first.task
    assert f"{first.task}" in words(second)
    assert words(second) != words(first)


def test_a_preview_does_not_join_a_sync() -> None:
    talk = Talk(House())
    asked = talk.type("sync now hq")
    assert f"Task {asked.task} is at work" in talk.refused("sync preview hq")


def test_the_document_of_a_sync_counts_everything() -> None:
    house = House(a_company(people=40, departments=8))
    task = house.sync()
    (document,) = Talk(house).data("records hq")
    check_task_document(document)
    nothing = dict.fromkeys(TALLIES, 0)
    assert document["counts"] == {"departments": nothing | {"created": 8}, "employees": nothing | {"created": 40}}
    assert (document["task"], document["source"], document["trigger"]) == (task.task_id, "hq", "manual")
    assert (document["status"], document["reason"], document["remarks"]) == ("done", None, [])
    assert document["started_at"] < document["finished_at"]
    assert document["calls"] == {"departments": 1, "members": 9}
    assert document["entry_writes"] == 48


@pytest.mark.parametrize("lang", LANGS)
def test_what_is_held_can_be_approved_by_name(lang: Lang) -> None:
    house = a_house_with_leavers()
    held = house.sync()
    chosen = house.entry("p3").entry_id
    reply = Talk(house, lang).type(f"sync approve {held.task_id} {chosen}")
    check_task_document(reply.data)
    house.work()
    assert (house.state("p3"), house.state("p4")) == (State.LEFT, State.ACTIVE)


@pytest.mark.parametrize("lang", LANGS)
def test_what_is_held_can_be_rejected(lang: Lang) -> None:
    house = a_house_with_leavers()
    held = house.sync()
    reply = Talk(house, lang).type(f"拒绝 {held.task_id}")
    check_task_document(reply.data)
    assert reply.task is None
    assert house.state("p3") is State.ACTIVE
    assert Talk(house, lang).refused(f"批准 {held.task_id}")


def test_rejecting_some_leaves_the_rest_waiting() -> None:
    house = a_house_with_leavers()
    held = house.sync()
    document = Talk(house).data(f"sync reject {held.task_id} {house.entry('p3').entry_id}")
    assert (document["status"], document["counts"]["employees"]["held"]) == ("held", 30)
    assert "30 changes" in document["reason"]


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_an_entry_that_is_not_in_the_task_is_refused_and_nothing_is_decided(verb: str) -> None:
    house = a_house_with_leavers()
    held = house.sync()
    stranger = house.entry("p150").entry_id
    known = house.entry("p3").entry_id
    assert stranger in Talk(house).refused(f"sync {verb} {held.task_id} {known} {stranger}")
    assert "[bold]" in Talk(house).refused(f"sync {verb} {held.task_id} '[bold]'")
    assert house.tasks.get(held.task_id).status is TaskStatus.HELD
    assert house.tasks.waiting(house.source.uid) == []


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_a_task_without_anything_held_has_nothing_to_decide(verb: str) -> None:
    house = House()
    task = house.sync()
    assert "waits" in Talk(house).refused(f"sync {verb} {task.task_id}")


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_a_task_that_still_runs_is_not_decided_about(verb: str) -> None:
    talk = Talk(House())
    asked = talk.type("sync now hq")
    assert "has not ended" in talk.refused(f"sync {verb} {asked.task}")


def test_what_is_being_approved_cannot_be_rejected_meanwhile() -> None:
    house = a_house_with_leavers()
    held = house.sync()
    talk = Talk(house)
    approval = talk.type(f"sync approve {held.task_id}")
    assert "approved already" in talk.refused(f"sync reject {held.task_id}")
    assert talk.type(f"sync approve {held.task_id}").task == approval.task


@pytest.mark.parametrize("lang", LANGS)
def test_a_plan_that_is_out_of_date_says_which_task_replaced_it(lang: Lang) -> None:
    house = a_house_with_leavers()
    old = house.sync()
    new = house.sync()
    assert new.task_id in Talk(house, lang).refused(f"sync approve {old.task_id}")


@pytest.mark.parametrize("lang", LANGS)
def test_a_preview_is_shown_and_changes_nothing(lang: Lang) -> None:
    house = House()
    task = house.preview()
    reply = Talk(house, lang).type(f"record {task.task_id}")
    assert task.task_id in words(reply)
    assert ("未写入" if lang is Lang.ZH else "nothing written") in words(reply)
    assert list(house.directory.links(house.source.uid)) == []
