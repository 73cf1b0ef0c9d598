"""Others are asked before a bad answer is believed: whether somebody is gone, and whether a value is."""

from __future__ import annotations

from chalicelib.core.model import Kind, State
from chalicelib.core.task import RowStatus, TaskStatus
from tests.scripted import House

FIRST_CONFIRM = 11  # the departments, the people of eight of them, those of none


def a_synced_house() -> House:
    house = House()
    house.sync()
    return house


def replace_the_company(house: House) -> None:
    for external_id in [*house.company.people, *house.company.departments]:
        house.company.leave(external_id)
    house.company.open("else")
    for number in range(30):
        house.company.hire(f"stranger{number}", "else")


def test_nobody_is_gone_of_whom_another_company_says_so_though_it_took_over_in_the_middle_of_a_batch() -> None:
    house = a_synced_house()
    house.company.unlisted |= {*house.company.people, *house.company.departments}

    def take_over(number: int) -> None:
        if number == FIRST_CONFIRM:
            house.company.leave("d7")
            house.company.leave("p0")
        if number == FIRST_CONFIRM + 1:
            replace_the_company(house)

    house.connectors.before_call = take_over
    task = house.sync()
    assert house.rows(task) == []
    assert (house.state("p0"), house.state("d7", Kind.DEPARTMENT)) == (State.ACTIVE, State.ACTIVE)


def test_people_vouch_for_people_whatever_is_found_of_departments() -> None:
    house = a_synced_house()
    people = list(house.company.people)

    def lose_the_people(number: int) -> None:
        if number == FIRST_CONFIRM:
            for external_id in people:
                house.company.leave(external_id)

    house.company.unlisted |= {"d7", "p1"}
    house.connectors.before_call = lose_the_people
    assert house.rows(house.sync()) == []


def test_leavers_whom_lists_still_show_are_no_witnesses() -> None:
    house = a_synced_house()
    for number in range(38):
        house.company.people[f"p{number}"]["state"] = State.LEFT
        house.company.left.add(f"p{number}")
    house.company.leave("p39")
    task = house.sync()
    assert {row.status for row in house.rows(task) if row.key.external_id == "p39"} == {RowStatus.HELD}
    assert task.remarks == ()


def test_a_company_of_which_one_new_person_is_left_to_be_seen_is_still_the_same() -> None:
    house = a_synced_house()
    house.company.leave("p9")
    house.company.hidden |= {*house.company.people, *house.company.departments}
    house.company.hire("lone")
    task = house.sync()
    assert task.status is TaskStatus.DONE
    assert (house.state("lone"), house.state("p1"), house.state("p9")) == (State.ACTIVE, State.ACTIVE, State.LEFT)


def test_a_hint_about_somebody_who_is_gone_is_not_believed_if_nobody_else_is_found() -> None:
    house = a_synced_house()
    replace_the_company(house)
    task = house.hinted("p3")
    assert (task.status, house.rows(task), house.state("p3")) == (TaskStatus.DONE, [], State.ACTIVE)


def test_a_hint_clears_a_value_that_others_still_show() -> None:
    house = a_synced_house()
    house.company.people["p3"]["email"] = None
    house.hinted("p3")
    assert house.entry("p3").values["email"] is None


def test_a_hint_clears_nothing_that_nobody_shows_any_more_and_the_rest_goes_on() -> None:
    house = a_synced_house()
    for fields in house.company.people.values():
        fields["email"] = None
    house.company.people["p3"]["name"] = "Renamed"
    task = house.hinted("p3")
    assert (house.entry("p3").name, house.entry("p3").values["email"]) == ("Renamed", "p3@example.com")
    assert [(remark.code, remark.facts["fields"]) for remark in task.remarks] == [("fields not shown", "email")]
    for external_id, fields in house.company.people.items():
        fields["email"] = None if external_id == "p3" else f"{external_id}@example.com"
    house.sync()
    assert house.entry("p3").values["email"] is None


def test_a_claim_that_the_source_contradicts_clears_nothing() -> None:
    house = a_synced_house()
    house.pass_time(seconds=5)
    house.company.people["p3"]["departments"] = ()
    house.hinted(claims=[house.claim("p3")])
    assert house.entry("p3").values["departments"] == (house.entry("d3", Kind.DEPARTMENT).entry_id,)


def test_values_wait_that_only_those_found_by_name_have_lost_while_nobody_shows_them() -> None:
    house = a_synced_house()
    people = set(house.company.people)
    house.company.unlisted |= people
    house.company.unclear |= people - {"p1", "p2", "p3"}
    for external_id in ("p1", "p2", "p3"):
        house.company.people[external_id]["email"] = None
    task = house.sync()
    assert {row.reason.code for row in house.rows(task) if row.reason} == {"field vanished from many"}
    assert house.entry("p1").values["email"] == "p1@example.com"


def a_house_read_by_name() -> House:
    """A company whose lists show no managers; so many people are read by name in each first full read of a day."""
    house = House()
    house.company.daily_details = 50
    house.sync()
    house.company.daily_details = 5
    house.pass_time(days=1)
    return house


def test_what_others_do_not_show_either_any_more_is_not_cleared_by_a_read_by_name() -> None:
    house = a_house_read_by_name()

    def withdraw(number: int) -> None:
        if number == FIRST_CONFIRM:  # between the walk and the first read by name
            for fields in house.company.people.values():
                fields["manager"] = None

    house.connectors.before_call = withdraw
    task = house.sync()
    assert house.rows(task) == []
    assert [(remark.code, remark.facts["fields"]) for remark in task.remarks] == [("fields not shown", "manager")]


def test_what_others_still_show_is_cleared_by_a_read_by_name() -> None:
    house = a_house_read_by_name()
    for external_id in ("p1", "p2"):
        house.company.people[external_id]["manager"] = None
    for _ in range(8):  # days until it was everybody's turn
        house.sync()
        house.pass_time(days=1)
    unmanaged = {each for each in house.company.people if house.entry(each).values.get("manager") is None}
    assert unmanaged == {"p0", "p1", "p2"}
