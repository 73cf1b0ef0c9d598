"""An app that sees only part of the company."""

from __future__ import annotations

import pytest

from chalicelib.core.errors import NotFoundError, SetupError, SourceProtocolError, SourceUnavailableError
from chalicelib.core.model import Remark
from chalicelib.core.presence import Found
from chalicelib.core.scope import Chosen, Scope
from infra.lab import faults
from infra.lab.wire import Call
from tests.connectors.dingtalk.tenancy import (
    LISTSUB,
    USER_GET,
    USER_LIST,
    Tenancy,
    a_company,
    a_department,
    a_person,
    a_tenancy,
    departments,
    employees,
    mapped,
    records,
    whole,
)


def a_partial_range() -> tuple[Tenancy, dict[str, str]]:
    """Make two branches of which one is granted, and lone people outside of both."""
    tenancy = a_tenancy()
    company = tenancy.workspace
    ids = {"sales": company.add_department("sales"), "plant": company.add_department("plant")}
    ids["east"] = company.add_department("east", ids["sales"])
    ids["ann"] = company.add_user("ann", ids["east"])
    ids["bob"] = company.add_user("bob", ids["plant"])
    ids["cat"] = company.add_user("cat", ids["plant"])
    ids["root"] = company.add_user("root")
    company.set_leader(ids["sales"], company.add_user("dan", ids["sales"], userid="dan"))
    company.set_range([ids["sales"]], [ids["cat"]])
    return tenancy, ids


def test_a_partial_range_is_read_from_what_was_granted() -> None:
    tenancy, ids = a_partial_range()
    parts = tenancy.read()
    assert set(departments(parts)) == {ids["sales"], ids["east"]}
    assert set(employees(parts)) == {ids["ann"], ids["cat"], "dan"}
    lists = {f"{kind}/{ids[name]}" for kind in ("children", "members") for name in ("sales", "east")}
    assert set(parts) == {"range", "lone", *lists}
    assert parts["lone"].of == len(parts)
    assert parts["range"].remarks == (Remark(code="range is partial", facts={"departments": 1, "people": 1}),)
    assert mapped(parts["range"].records[0])["leaders"] == ("dan",)
    assert dict(tenancy.api.calls) == {
        "auth.corp_token": 1,
        "auth.scopes": 1,
        "departments.get": 1,
        LISTSUB: 2,
        USER_LIST: 2,
        USER_GET: 1,
    }


def test_nothing_is_asked_for_what_is_staged_of_a_partial_range() -> None:
    tenancy, _ = a_partial_range()
    staged = tenancy.read()
    tenancy.api.reset_calls()
    again = tenancy.read(staged)
    assert {name: part.records for name, part in again.items()} == {name: p.records for name, p in staged.items()}
    assert dict(tenancy.api.calls) == {}


@pytest.mark.parametrize("lost", ["range", "lone"])
def test_what_is_not_staged_of_a_partial_range_is_read(lost: str) -> None:
    tenancy, _ = a_partial_range()
    staged = tenancy.read()
    tenancy.api.reset_calls()
    again = tenancy.read({name: part for name, part in staged.items() if name != lost})
    assert {name: [(r.key, r.fields) for r in part.records] for name, part in again.items()} == {
        name: [(r.key, r.fields) for r in part.records] for name, part in staged.items()
    }
    assert (tenancy.calls(LISTSUB), tenancy.calls(USER_LIST), tenancy.calls("auth.scopes")) == (0, 0, 1)


def test_a_range_without_lone_people_has_no_part_for_them() -> None:
    tenancy, ids = a_partial_range()
    tenancy.workspace.set_range([ids["sales"]])
    assert "lone" not in tenancy.read()


def test_somebody_granted_singly_and_seen_in_a_list_is_read_once() -> None:
    tenancy, ids = a_partial_range()
    tenancy.workspace.set_range([ids["sales"]], [ids["cat"], ids["ann"]])
    parts = tenancy.read()
    assert [record.key for record in parts["lone"].records] == [a_person(ids["cat"])]
    assert tenancy.calls(USER_GET) == 1


def test_a_department_granted_with_one_above_it_is_walked_once_and_shown_alike() -> None:
    tenancy, ids = a_partial_range()
    tenancy.workspace.set_range([ids["east"], ids["sales"]])
    parts = tenancy.read()
    shown = [record for record in records(parts) if record.key == a_department(ids["east"])]
    assert len(shown) == 2
    assert len({whole(record).digest for record in shown}) == 1
    assert (tenancy.calls(LISTSUB), tenancy.calls(USER_LIST)) == (2, 2)


def test_granted_people_and_departments_that_cannot_be_read_are_left_out() -> None:
    tenancy, ids = a_partial_range()
    company = tenancy.workspace
    company.set_range([ids["sales"], ids["plant"]], [ids["root"], ids["cat"]])
    company.hide(ids["plant"])

    def leave(call: Call) -> None:
        company.leave(ids["cat"])

    tenancy.api.faults.add(faults.on_call(leave, endpoint="auth.scopes", nth=1))
    parts = tenancy.read()
    assert set(departments(parts)) == {ids["sales"], ids["east"]}
    assert [record.key for record in parts["lone"].records] == [a_person(ids["root"])]


def test_a_range_of_nothing_is_read_as_nothing() -> None:
    tenancy, _ = a_partial_range()
    tenancy.workspace.set_range()
    assert set(tenancy.read()) == {"range"}


def test_many_granted_departments_are_read() -> None:
    tenancy = a_company(60, 40)
    company = tenancy.workspace
    granted = [str(key) for key in company.children(1)]
    company.set_range(granted)
    parts = tenancy.read()
    assert set(departments(parts)) == {str(key) for key in company.departments if key != 1}
    assert tenancy.calls("departments.get") == len(granted)


def test_a_range_narrowed_during_the_walk_does_not_empty_the_company() -> None:
    tenancy, ids = a_partial_range()
    company = tenancy.workspace
    company.range_all()
    tenancy.api.faults.add(
        faults.on_call(lambda call: company.set_range([ids["sales"]], [ids["root"]]), endpoint="auth.scopes", nth=1)
    )
    with pytest.raises(SourceUnavailableError, match="the contact range was changed"):
        tenancy.read()


@pytest.mark.parametrize(
    "document",
    [
        b'{"errcode":0}',
        b'{"errcode":0,"auth_org_scopes":[]}',
        b'{"errcode":0,"auth_org_scopes":{"authed_dept":{}}}',
        b'{"errcode":0,"auth_org_scopes":{"authed_dept":[1.5]}}',
        b'{"errcode":0,"auth_org_scopes":{"authed_dept":[true]}}',
    ],
)
def test_a_misshapen_range_is_a_broken_contract(document: bytes) -> None:
    tenancy = a_tenancy()
    tenancy.api.faults.add(faults.replace(body=document, endpoint="auth.scopes"))
    with pytest.raises(SourceProtocolError, match="source broke its contract"):
        tenancy.read()


def test_a_range_in_quotes_is_a_range() -> None:
    tenancy = a_tenancy()
    ann = tenancy.workspace.add_user("ann")
    body = b'{"errcode":"0","auth_org_scopes":{"authed_dept":["1"],"authed_user":[]}}'
    tenancy.api.faults.add(faults.replace(body=body, endpoint="auth.scopes"))
    parts = tenancy.read()
    assert set(employees(parts)) == {ann}
    assert parts["range"].remarks == ()


def test_of_a_partial_range_the_topmost_departments_are_those_that_were_granted() -> None:
    tenancy, ids = a_partial_range()
    assert [(each.external_id, each.name) for each in tenancy.reader().children(None)] == [(ids["sales"], "sales")]
    assert [each.external_id for each in tenancy.reader().children(ids["sales"])] == [ids["east"]]
    with pytest.raises(NotFoundError):
        tenancy.reader().children(ids["plant"])


def test_a_chosen_department_outside_the_range_fails_the_read() -> None:
    tenancy, ids = a_partial_range()
    tenancy.scope = Scope(departments=(Chosen(external_id=ids["plant"], path="Plant"),))
    with pytest.raises(SetupError, match="cannot be seen"):
        tenancy.read()


def test_of_chosen_departments_nothing_is_read_but_those_and_what_is_below() -> None:
    tenancy, ids = a_partial_range()
    tenancy.workspace.range_all()
    tenancy.scope = Scope(departments=(Chosen(external_id=ids["sales"], path="Sales"),))
    parts = tenancy.read()
    assert set(departments(parts)) == {ids["sales"], ids["east"]}
    assert set(employees(parts)) == {ids["ann"], "dan"}
    assert mapped(departments(parts)[ids["sales"]])["leaders"] == ("dan",)
    assert dict(tenancy.api.calls) == {
        "auth.corp_token": 1,
        "auth.scopes": 1,
        "departments.get": 1,
        LISTSUB: 2,
        USER_LIST: 2,
    }


def test_the_company_itself_is_no_department_to_be_in() -> None:
    tenancy, ids = a_partial_range()
    tenancy.workspace.range_all()
    reader = tenancy.reader()
    keys = [a_person(ids["root"]), a_person(ids["ann"]), a_department(ids["sales"])]
    found = reader.confirm(keys)
    homes = [reader.homes(each.record) for key in keys if isinstance(each := found[key], Found)]
    assert homes == [(), (ids["east"],), ()]
