"""A source whose people's values are not synchronized by itself: who comes and who goes still counts."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.core.model import Kind, State
from chalicelib.core.task import Everything, Purpose, SyncTask, Tally, Trigger
from tests.scripted import House, a_company


def a_house(*, automatic: bool = True) -> House:
    house = House(a_company(people=12, departments=4))
    house.sync()
    before = house.outside.catalog.source("hq")
    schedule = replace(before.schedule, automatic=automatic)
    assert house.outside.catalog.update(replace(before, user_info=False, schedule=schedule), instead_of=before)
    return house


def scheduled(house: House) -> SyncTask:
    house.clock.sleep(1)
    draft = SyncTask(
        task_id="",
        source=house.source.uid,
        trigger=Trigger.SCHEDULE,
        extent=Everything(),
        purpose=Purpose.SYNC,
        asked_by="tick:schedule",
        asked_at=house.clock.now(),
    )
    task, _ = house.tasks.ask(draft)
    house.work()
    return house.tasks.get(task.task_id)


def test_a_sync_by_itself_leaves_values_as_they_are_and_says_of_how_many() -> None:
    house = a_house()
    house.company.people["p1"]["title"] = "Head"
    house.company.people["p2"] |= {"name": "Renamed", "departments": ("d0",)}
    task = scheduled(house)
    assert house.rows(task) == []
    assert [(each.code, each.facts) for each in task.remarks] == [("values are left alone", {"count": 2})]
    assert house.entry("p2").name == "P2"
    assert task.counts[Kind.EMPLOYEE][Tally.UNCHANGED] == 12


def test_who_comes_and_goes_is_synced_all_the_same() -> None:
    house = a_house()
    house.company.leave("p1")
    house.sync()
    house.company.leave("p3")
    house.company.left.discard("p1")
    house.company.hire("p1", "d2", title="Back")
    house.company.hire("new", "d1", title="New")
    house.company.people["p2"] |= {"state": State.SUSPENDED, "title": "Head"}
    house.company.departments["d3"]["name"] = "Renamed"
    task = scheduled(house)
    assert (house.state("p3"), house.state("p2"), house.state("p1")) == (State.LEFT, State.SUSPENDED, State.ACTIVE)
    assert house.entry("p2").values.get("title") is None
    assert house.entry("p1").values["title"] == "Back"
    assert house.entry("new").values["title"] == "New"
    assert house.entry("d3", Kind.DEPARTMENT).name == "Renamed"
    assert [each.facts for each in task.remarks] == [{"count": 1}]


def test_what_was_left_out_comes_with_a_sync_that_somebody_asks_for() -> None:
    house = a_house()
    house.company.people["p1"]["title"] = "Head"
    house.company.people["p2"] |= {"state": State.SUSPENDED, "title": "Hand"}
    scheduled(house)
    scheduled(house)
    asked = house.sync()
    assert {row.key.external_id for row in house.rows(asked)} == {"p1", "p2"}
    assert house.entry("p1").values["title"] == "Head"
    assert house.entry("p2").values["title"] == "Hand"
    assert asked.remarks == ()
    assert scheduled(house).remarks == ()


def test_an_event_leaves_values_as_they_are_too() -> None:
    house = a_house()
    house.company.people["p1"]["title"] = "Head"
    house.company.hire("new", "d1")
    task = house.hinted("p1", "new")
    assert [row.key.external_id for row in house.rows(task)] == ["new"]
    assert [each.code for each in task.remarks] == ["values are left alone"]


def test_a_preview_and_its_approval_show_and_take_over_everything() -> None:
    house = a_house()
    house.company.people["p1"]["title"] = "Head"
    preview = house.preview()
    assert [row.key.external_id for row in house.rows(preview)] == ["p1"]
    house.approve(preview)
    assert house.entry("p1").values["title"] == "Head"


def test_it_has_no_effect_while_the_automatic_sync_is_off() -> None:
    house = a_house(automatic=False)
    house.company.people["p1"]["title"] = "Head"
    house.hinted("p1")
    assert house.entry("p1").values["title"] == "Head"
