"""Choosing departments by their names, and what that would take away."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib import wiring
from chalicelib.core.errors import ConflictError, ForbiddenError, NotFoundError
from chalicelib.core.model import Kind
from chalicelib.core.principal import TERMINAL, Principal, Role
from chalicelib.core.source import Source
from chalicelib.sources.scope import Browsed, Loss, Rescoped, Scoping, Unsure
from tests.scripted import Company, House

VIEWER = Principal(key="ou_viewer", role=Role.VIEWER, door="hq")


def a_company() -> Company:
    company = Company()
    for external_id, name, parent in (
        ("d1", "研发中心", None),
        ("d2", "平台", "d1"),
        ("d3", "平台 / 存储", "d1"),
        ("d4", "销售", None),
        ("d5", "Sales EMEA", "d4"),
        ("d6", "研究院", None),
        ("d7", "平台", "d6"),
        ("d8", "重名", None),
        ("d9", "重名", None),
    ):
        company.open(external_id, parent)
        company.departments[external_id]["name"] = name
    for number, home in enumerate(("d1", "d2", "d3", "d4", "d5", "d5", "d7")):
        company.hire(f"p{number}", home)
    company.hire("boss")
    return company


def a_house() -> House:
    house = House(a_company())
    house.sync()
    return house


def scoping() -> Scoping:
    return wiring.rooms().scoping


def source(house: House) -> Source:
    return house.outside.catalog.source("hq")


def paths(house: House) -> list[str]:
    return [each.path for each in source(house).scope.departments]


@pytest.mark.parametrize(
    ("typed", "external_id", "path"),
    [
        ("研发中心/平台", "d2", "研发中心 / 平台"),
        ("/研发中心／平台/", "d2", "研发中心 / 平台"),
        ("研发中心 / 平台 / 存储", "d3", "研发中心 / 平台 / 存储"),
        ("销售/ＳＡＬＥＳ  emea", "d5", "销售 / Sales EMEA"),
        ("d5", "d5", "销售 / Sales EMEA"),
        ("d4", "d4", "销售"),
    ],
)
def test_a_department_is_chosen_by_its_path_or_id(typed: str, external_id: str, path: str) -> None:
    house = a_house()
    assert isinstance(scoping().choose(TERMINAL, "hq", [typed]), Rescoped)
    (chosen,) = source(house).scope.departments
    assert (chosen.external_id, chosen.path) == (external_id, path)


@pytest.mark.parametrize(
    ("typed", "candidates"),
    [
        ("研", {"研发中心", "研究院"}),
        ("研/平台", {"研发中心 / 平台", "研究院 / 平台"}),
        ("研发/平", {"研发中心 / 平台", "研发中心 / 平台 / 存储"}),
        ("销售/sales", {"销售 / Sales EMEA"}),
        ("销售/Sles EMEA", {"销售 / Sales EMEA"}),
        ("重名", {"重名"}),
        ("发中", {"研发中心"}),
    ],
)
def test_a_path_that_is_no_whole_name_is_answered_with_those_that_may_be_meant(
    typed: str, candidates: set[str]
) -> None:
    house = a_house()
    found = scoping().choose(TERMINAL, "hq", ["销售", typed])
    assert isinstance(found, Unsure)
    assert (found.typed, found.number) == (typed, 1)
    assert {each.path for each in found.candidates} == candidates
    assert source(house).scope.is_everything


def test_departments_called_alike_are_told_apart_by_their_ids() -> None:
    house = a_house()
    found = scoping().choose(TERMINAL, "hq", ["重名"])
    assert isinstance(found, Unsure)
    assert {each.external_id for each in found.candidates} == {"d8", "d9"}
    scoping().choose(TERMINAL, "hq", ["d9"])
    assert [each.external_id for each in source(house).scope.departments] == ["d9"]


@pytest.mark.parametrize("typed", ["火星", "研发中心/火星", "", "/", "d99", "\x00"])
def test_what_is_like_nothing_is_refused(typed: str) -> None:
    a_house()
    with pytest.raises(NotFoundError) as refused:
        scoping().choose(TERMINAL, "hq", [typed])
    assert refused.value.code == "no such department"


def test_a_department_below_a_chosen_one_adds_nothing() -> None:
    house = a_house()
    scoping().choose(TERMINAL, "hq", ["研发中心/平台", "研发中心", "d2"])
    assert paths(house) == ["研发中心"]
    scoping().add(TERMINAL, "hq", ["研发中心/平台", "销售"])
    assert paths(house) == ["研发中心", "销售"]


def test_what_was_chosen_is_added_to_and_taken_from() -> None:
    house = a_house()
    with pytest.raises(ConflictError) as refused:
        scoping().add(TERMINAL, "hq", ["销售"])
    assert refused.value.code == "everything is in scope"
    scoping().choose(TERMINAL, "hq", ["销售"])
    scoping().add(TERMINAL, "hq", ["研发中心/平台"])
    assert paths(house) == ["研发中心 / 平台", "销售"]
    house.company.departments["d2"]["name"] = "Renamed"
    scoping().remove(TERMINAL, "hq", ["研发中心/平台"])
    assert paths(house) == ["销售"]
    with pytest.raises(ConflictError) as refused:
        scoping().remove(TERMINAL, "hq", ["d4"])
    assert refused.value.code == "nothing would be in scope"
    with pytest.raises(NotFoundError):
        scoping().remove(TERMINAL, "hq", ["平台"])
    scoping().everything(TERMINAL, "hq")
    assert source(house).scope.is_everything
    assert scoping().everything(TERMINAL, "hq").changed is False


def test_choosing_says_what_the_next_sync_takes_away_and_takes_nothing_away() -> None:
    house = a_house()
    chosen = scoping().choose(TERMINAL, "hq", ["研发中心"])
    assert isinstance(chosen, Rescoped)
    assert chosen.loss == Loss(employees=5, departments=6)
    assert {house.state(each) for each in ("p3", "boss")} == {house.state("p0")}
    task = house.sync()
    removed = [row for row in house.rows(task) if row.removes_access]
    assert len([row for row in removed if row.key.kind is Kind.EMPLOYEE]) == chosen.loss.employees
    assert len([row for row in removed if row.key.kind is Kind.DEPARTMENT]) == chosen.loss.departments


def test_only_what_narrows_takes_something_away() -> None:
    a_house()
    rooms = scoping()
    assert rooms.loss_by_choosing("hq", ["研发中心"]) == Loss(employees=5, departments=6)
    assert rooms.loss_by_choosing("hq", ["研"]) is None
    rooms.choose(TERMINAL, "hq", ["研发中心/平台", "销售"])
    assert rooms.loss_by_choosing("hq", ["研发中心", "销售"]) is None
    assert rooms.loss_by_choosing("hq", ["销售"]) == Loss(employees=6 - 1, departments=7)
    assert rooms.loss_by_removing("hq", ["销售"]) == Loss(employees=7, departments=8)


def test_departments_are_listed_as_the_vendor_has_them_now() -> None:
    house = a_house()
    top = scoping().browse(TERMINAL, "hq", "")
    assert isinstance(top, Browsed)
    assert [each.path for each in top.below] == ["研发中心", "研究院", "重名", "重名", "销售"]
    house.company.open("new", "d2")
    inner = scoping().browse(TERMINAL, "hq", "研发中心 / 平台")
    assert isinstance(inner, Browsed)
    assert inner.at is not None
    assert inner.above is not None
    assert (inner.at.external_id, inner.above.external_id) == ("d2", "d1")
    assert [each.path for each in inner.below] == ["研发中心 / 平台 / New"]
    assert isinstance(scoping().browse(TERMINAL, "hq", "研"), Unsure)


def test_a_level_is_one_call() -> None:
    house = a_house()
    scoping().browse(TERMINAL, "hq", "")
    assert dict(house.connectors.opened[-1].calls) == {"children": 1}
    scoping().browse(TERMINAL, "hq", "研发中心")
    assert dict(house.connectors.opened[-1].calls) == {"children": 2}


def test_who_may_not_is_refused_and_that_is_noted() -> None:
    house = a_house()
    rooms = scoping()
    verbs: dict[str, Callable[[], object]] = {
        "scope set": lambda: rooms.choose(VIEWER, "hq", ["销售"]),
        "scope add": lambda: rooms.add(VIEWER, "hq", ["销售"]),
        "scope remove": lambda: rooms.remove(VIEWER, "hq", ["销售"]),
        "scope all": lambda: rooms.everything(VIEWER, "hq"),
        "scope browse": lambda: rooms.browse(VIEWER, "hq", ""),
        "user info off": lambda: rooms.user_info(VIEWER, "hq", False),
    }
    for verb, act in verbs.items():
        house.pass_time(seconds=1)
        with pytest.raises(ForbiddenError):
            act()
        assert (house.audit()[0].verb, house.audit()[0].outcome) == (verb, "forbidden")


def test_user_info_is_turned_off_and_on() -> None:
    house = a_house()
    assert scoping().user_info(TERMINAL, "hq", False).changed
    assert source(house).user_info is False
    assert not scoping().user_info(TERMINAL, "hq", False).changed
    scoping().user_info(TERMINAL, "hq", True)
    assert source(house).user_info is True
