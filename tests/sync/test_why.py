from __future__ import annotations

from dataclasses import replace

from chalicelib.core.model import Kind, State
from chalicelib.core.principal import Principal, Role
from chalicelib.core.task import Evidence, Trigger
from chalicelib.sync.why import Origin, explain
from tests.scripted import House, a_company

ANN = Principal(key="ou_ann", role=Role.OPERATOR, door="src-hq")


def why(house: House, external_id: str) -> dict[str, Origin]:
    return {each.field: each for each in explain(house.entry(external_id), house.tasks)}


def test_every_value_of_a_new_entry_comes_from_the_task_that_created_it() -> None:
    house = House()
    first = house.sync()
    origins = why(house, "p1")
    assert list(origins) == ["name", "email", "departments", "manager", "state"]
    assert all(each.task == first for each in origins.values())
    assert origins["name"].value == "P1"
    assert (origins["name"].trigger, origins["name"].asked_by) == (Trigger.MANUAL, "terminal")
    assert origins["name"].evidence is Evidence.SHOWN
    row = next(row for row in house.rows(first) if row.key.external_id == "p1")
    assert origins["name"].when == row.observed_at


def test_a_changed_value_comes_from_the_task_that_changed_it_and_the_others_stay() -> None:
    house = House()
    first = house.sync()
    house.company.people["p1"]["title"] = "Cook"
    second = house.sync()
    house.company.people["p1"]["name"] = "Renamed"
    third = house.sync()
    origins = why(house, "p1")
    assert {name: each.task_id for name, each in origins.items()} == {
        "name": third.task_id,
        "email": first.task_id,
        "title": second.task_id,
        "departments": first.task_id,
        "manager": first.task_id,
        "state": first.task_id,
    }


def test_who_was_emptied_is_told_too() -> None:
    house = House()
    house.sync()
    house.company.people["p1"]["email"] = None
    second = house.sync()
    assert (why(house, "p1")["email"].value, why(house, "p1")["email"].task) == (None, second)


def test_a_departure_names_the_event_that_reported_it() -> None:
    house = House()
    house.sync()
    house.company.leave("p1")
    at = house.clock.now()
    task = house.hinted(claims=[house.claim("p1")])
    state = why(house, "p1")["state"]
    assert (state.value, state.task_id, state.trigger) == (State.LEFT, task.task_id, Trigger.EVENT)
    assert state.evidence is Evidence.GONE
    assert state.when is not None
    assert state.when >= at


def test_an_approval_names_the_admin() -> None:
    house = House(a_company(people=200))
    house.sync()
    for number in range(1, 32):
        house.company.leave(f"p{number}")
    held = house.sync()
    asked = house.requests.approve(ANN, held.task_id)
    house.work()
    state = why(house, "p1")["state"]
    assert (state.trigger, state.asked_by, state.task_id) == (Trigger.APPROVAL, "ou_ann", asked.task.task_id)


def test_of_an_entry_of_a_build_before_nothing_is_guessed() -> None:
    house = House()
    house.sync()
    before = replace(house.entry("p1"), origins={})
    origins = explain(before, house.tasks)
    assert {each.field for each in origins} == {"name", "email", "departments", "manager", "state"}
    assert {(each.task_id, each.trigger, each.when, each.asked_by) for each in origins} == {(None, None, None, None)}


def test_a_task_that_is_not_kept_any_more_is_named_still() -> None:
    house = House()
    house.sync()
    lost = replace(house.entry("d1", Kind.DEPARTMENT), origins={"name": "77"})
    origins = {each.field: each for each in explain(lost, house.tasks)}
    assert (origins["name"].task_id, origins["name"].task, origins["name"].when) == ("77", None, None)
    assert origins["state"].task_id is None
