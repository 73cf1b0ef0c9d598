from __future__ import annotations

from typing import Any

import pytest

from chalicelib.core.catalogue import Lang
from chalicelib.core.model import Kind, State
from tests.bot.talk import LANGS, Talk, cells, words
from tests.scripted import House, a_company

EMPLOYEE_KEYS = {
    "id",
    "key",
    "source",
    "name",
    "en_name",
    "email",
    "mobile",
    "employee_no",
    "title",
    "departments",
    "manager",
    "state",
    "extended",
    "revision",
    "observed_at",
}
DEPARTMENT_KEYS = {
    "id",
    "key",
    "source",
    "path",
    "name",
    "en_name",
    "parent",
    "leaders",
    "order",
    "state",
    "revision",
    "observed_at",
}


@pytest.fixture
def house() -> House:
    """Wang Wei, who leads Ann; Zoe, who has left; and Sue, who is suspended."""
    house = House(a_company(people=3, departments=3))
    house.company.hire("wei", "d1", name="王伟", en_name="Wang Wei", mobile="+8610012345678", title="总监")
    house.company.hire("ann", "d1", "d2", name="Ann Lee", manager="wei", email="ann.lee@example.com")
    house.company.hire("zoe", "d1", name="Zoe")
    house.company.hire("sue", "d1", name="Sue", state=State.SUSPENDED)
    house.sync()
    house.company.leave("zoe")
    house.sync()
    return house


def named(found: Any) -> list[str]:
    return [each["name"] for each in found]


@pytest.mark.parametrize("lang", LANGS)
def test_an_employee_document_says_everything(house: House, lang: Lang) -> None:
    ann = house.entry("ann")
    document = Talk(house, lang).data(f"employee show {ann.entry_id}")
    assert set(document) == {*EMPLOYEE_KEYS, "links"}
    d0, d1, d2 = (house.entry(each, Kind.DEPARTMENT).entry_id for each in ("d0", "d1", "d2"))
    assert d0 not in (d1, d2)
    assert document == {
        "id": ann.entry_id,
        "key": "ann",
        "source": "hq",
        "name": "Ann Lee",
        "en_name": None,
        "email": "ann.lee@example.com",
        "mobile": None,
        "employee_no": None,
        "title": None,
        "departments": [{"id": d1, "path": "D0 / D1"}, {"id": d2, "path": "D0 / D2"}],
        "manager": {"id": house.entry("wei").entry_id, "name": "王伟"},
        "state": "active",
        "extended": {},
        "revision": 1,
        "observed_at": ann.observed_at.isoformat(),
        "links": [{"source": "hq", "key": "ann", "owns": True}],
    }


@pytest.mark.parametrize("lang", LANGS)
def test_those_with_access_are_listed(house: House, lang: Lang) -> None:
    found = Talk(house, lang).data("employees")
    assert all(set(each) == EMPLOYEE_KEYS for each in found)
    assert named(found) == ["Ann Lee", "P0", "P1", "P2", "王伟"]


def test_those_without_access_are_listed_when_asked_for(house: House) -> None:
    talk = Talk(house)
    assert named(talk.data("employees --inactive")) == ["Sue", "Zoe"]
    assert len(talk.data("employees --all")) == 7
    assert named(talk.data("employees zoe")) == []
    assert named(talk.data("employees zoe --inactive")) == ["Zoe"]
    assert named(talk.data("员工 zoe --all")) == ["Zoe"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("王", ["王伟"]),
        ("王伟", ["王伟"]),
        ("伟", ["王伟"]),
        ("wang", ["王伟"]),
        ("WEI", ["王伟"]),
        ("'ann lee'", ["Ann Lee"]),
        ("ａｎｎ", ["Ann Lee"]),
        ("lee", ["Ann Lee"]),
        ("ann.lee@example.com", ["Ann Lee"]),
        ("ANN.LEE@", ["Ann Lee"]),
        ("10012345678", ["王伟"]),
        ("+8610012345678", ["王伟"]),
        ("'100 1234-5678'", ["王伟"]),
        ("nobody", []),
        ("'[bold]'", []),
    ],
)
def test_people_are_found_by_name_mail_and_mobile(house: House, text: str, names: list[str]) -> None:
    assert named(Talk(house).data(f"employees {text}")) == names


def test_a_search_is_not_crowded_out_by_leavers() -> None:
    house = House(a_company(people=0, departments=1))
    for number in range(220):
        house.company.hire(f"gone{number}", "d0", name=f"Wang {number:03}")
    house.company.hire("here", "d0", name="Wang Zz")
    house.sync()
    for number in range(220):
        house.company.leave(f"gone{number}")
    held = house.sync()
    house.approve(held)
    assert named(Talk(house).data("employees wang")) == ["Wang Zz"]


def test_people_and_departments_of_one_source_are_listed_alone(house: House) -> None:
    talk = Talk(house)
    assert len(talk.data("employees --source hq")) == 5
    assert len(talk.data("departments --source hq")) == 3


@pytest.mark.parametrize("lang", LANGS)
def test_a_long_list_is_shown_in_part_and_counted_whole(lang: Lang) -> None:
    house = House(a_company(people=60))
    house.sync()
    reply = Talk(house, lang).type("employees")
    assert len(cells(reply)) == 50
    assert "60" in words(reply)
    assert isinstance(reply.data, list)
    assert len(reply.data) == 60


@pytest.mark.parametrize("lang", LANGS)
def test_an_empty_directory_is_no_error(lang: Lang) -> None:
    talk = Talk(House(), lang)
    assert talk.data("employees") == []
    assert talk.data("departments") == []
    assert "0" in words(talk.type("employees"))


@pytest.mark.parametrize("lang", LANGS)
def test_departments_are_listed_by_their_path(house: House, lang: Lang) -> None:
    found = Talk(house, lang).data("departments")
    assert all(set(each) == DEPARTMENT_KEYS for each in found)
    assert [each["path"] for each in found] == ["D0", "D0 / D1", "D0 / D2"]
    assert found[1]["parent"] == found[0]["id"]


def test_a_closed_department_is_not_listed(house: House) -> None:
    house.company.people["ann"]["departments"] = ("d1",)
    house.company.people["p2"]["departments"] = ("d1",)
    house.company.leave("d2")
    house.sync()
    assert [each["name"] for each in Talk(house).data("departments")] == ["D0", "D1"]


def test_departments_that_lie_in_each_other_are_still_listed() -> None:
    house = House(a_company(people=1, departments=2))
    house.company.departments["d0"]["parent"] = "d1"
    house.sync()
    assert len(Talk(house).data("departments")) == 2
    assert len(Talk(house).data("employees")) == 1


def test_a_parent_or_manager_that_is_not_known_is_no_error() -> None:
    house = House(a_company(people=1, departments=1))
    house.company.open("orphan", "unheard-of")
    house.company.hire("ann", "orphan", manager="unheard-of")
    house.sync()
    ann = Talk(house).data(f"employee show {house.entry('ann').entry_id}")
    assert ann["departments"][0]["path"] == "? / Orphan"
    assert ann["manager"]["name"] is None


@pytest.mark.parametrize("lang", LANGS)
def test_a_department_is_not_shown_as_an_employee(house: House, lang: Lang) -> None:
    entry = house.entry("d1", Kind.DEPARTMENT).entry_id
    assert entry in Talk(house, lang).refused(f"employee show {entry}")
