"""An app that sees only part of the company, and a company too big to be listed at once."""

from __future__ import annotations

from math import ceil

import pytest

from chalicelib.core.errors import NotFoundError, SetupError
from chalicelib.core.model import Remark
from chalicelib.core.presence import Found
from chalicelib.core.scope import Chosen, Scope
from infra.lab import faults
from infra.lab.lark.choices import Choices
from infra.lab.lark.records import ROOT
from tests.connectors.lark.tenancy import Tenancy, a_company, a_tenancy, departments, employees


def a_partial_range() -> tuple[Tenancy, dict[str, str]]:
    """Make two branches of which one is granted, and a lone person outside of both."""
    tenancy = a_tenancy()
    company = tenancy.workspace
    ids = {"sales": company.add_department("sales"), "plant": company.add_department("plant")}
    ids["east"] = company.add_department("east", ids["sales"])
    ids["ann"] = company.add_user("ann", ids["east"])
    ids["bob"] = company.add_user("bob", ids["plant"])
    ids["cat"] = company.add_user("cat", ids["plant"])
    ids["root"] = company.add_user("root")
    company.set_range([ids["sales"]], [ids["cat"]])
    return tenancy, ids


def test_a_partial_range_is_read_from_what_was_granted() -> None:
    tenancy, ids = a_partial_range()
    parts = tenancy.read()
    assert set(departments(parts)) == {ids["sales"], ids["east"]}
    assert set(employees(parts)) == {tenancy.union(ids["ann"]), tenancy.union(ids["cat"])}
    assert set(parts) == {"departments", "lone", f"members/{ids['sales']}", f"members/{ids['east']}"}
    assert {part.of for part in parts.values()} == {4}
    assert parts["departments"].remarks == (Remark(code="range is partial", facts={"departments": 1, "people": 1}),)
    assert tenancy.calls("contact.scopes") == 2
    assert tenancy.calls("departments.batch") == 1
    assert tenancy.calls("departments.children") == 2


def test_a_range_without_lone_people_has_no_part_for_them() -> None:
    tenancy, ids = a_partial_range()
    tenancy.workspace.set_range([ids["sales"]])
    assert "lone" not in tenancy.read()


def test_nothing_is_asked_for_what_is_staged_of_a_partial_range() -> None:
    tenancy, _ = a_partial_range()
    staged = tenancy.read()
    tenancy.api.reset_calls()
    assert tenancy.read(staged) == staged
    assert dict(tenancy.api.calls) == {}


def test_a_restart_knows_from_the_staged_departments_that_the_range_is_partial() -> None:
    tenancy, _ = a_partial_range()
    whole = tenancy.read()
    tenancy.api.reset_calls()
    again = tenancy.read({"departments": whole["departments"]})
    assert set(again) == set(whole)
    assert set(employees(again)) == set(employees(whole))
    assert tenancy.calls("departments.children") == 0


@pytest.mark.parametrize("mode", ["skipped", "error"])
def test_granted_people_who_cannot_be_read_are_left_out(mode: str) -> None:
    tenancy, ids = a_partial_range()
    setattr(tenancy.api.choices, "unreadable_in_batch", mode)  # noqa: B010
    company = tenancy.workspace
    company.set_range([ids["sales"]], [ids["cat"], ids["bob"]])
    company.resign(ids["bob"])
    assert [record.key for record in tenancy.read()["lone"].records] == [tenancy.person(ids["cat"])]


def test_many_granted_departments_are_read_fifty_at_a_time() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    granted = [company.add_department(f"d{number}") for number in range(120)]
    company.set_range(granted)
    assert set(departments(tenancy.read())) == set(granted)
    assert tenancy.calls("departments.batch") == ceil(120 / 50)
    assert tenancy.calls("contact.scopes") == ceil(120 / 100)


def test_granted_departments_are_read_singly_where_batches_are_not_permitted() -> None:
    tenancy, ids = a_partial_range()
    tenancy.workspace.scopes_granted = {"contact:contact:readonly"}
    parts = tenancy.read()
    assert set(departments(parts)) == {ids["sales"], ids["east"]}
    assert tenancy.calls("departments.get") == 1
    assert tenancy.calls("users.get") == 1


def test_a_range_narrowed_during_the_walk_still_shows_those_granted_singly() -> None:
    tenancy, ids = a_partial_range()
    company = tenancy.workspace
    company.range_all()
    tenancy.api.faults.add(
        faults.on_call(
            lambda call: company.set_range([ids["sales"]], [ids["root"]]), endpoint="departments.children", nth=1
        )
    )
    parts = tenancy.read()
    assert [record.key for record in parts["members/0"].records] == [tenancy.person(ids["root"])]
    assert parts[f"members/{ids['plant']}"].records == ()
    assert [record.key for record in parts[f"members/{ids['east']}"].records] == [tenancy.person(ids["ann"])]


def test_refused_recursion_is_done_level_by_level() -> None:
    tenancy = a_company(200, 60)
    whole = tenancy.read()
    company = tenancy.workspace
    company.configure(recursion_refused=True, recursion_threshold=10)
    tenancy.api.reset_calls()
    parts = tenancy.read()
    assert set(departments(parts)) == set(departments(whole))
    assert set(employees(parts)) == set(employees(whole))
    children = [len(company.children(key)) for key in (ROOT, *company.departments)]
    assert tenancy.calls("departments.children") == 1 + sum(max(1, ceil(count / 50)) for count in children)


def test_refused_recursion_below_a_granted_department_is_done_level_by_level() -> None:
    tenancy = a_company(60, 40)
    company = tenancy.workspace
    top = max(company.children(ROOT), key=lambda key: len(list(company.subtree(key))))
    company.configure(recursion_refused=True, recursion_threshold=1)
    company.set_range([top])
    assert set(departments(tenancy.read())) == set(company.subtree(top))


def test_a_department_that_vanishes_from_a_walk_by_levels_is_left_out() -> None:
    tenancy = a_tenancy(choices=Choices())
    company = tenancy.workspace
    upper = company.add_department("upper")
    doomed = company.add_department("doomed", upper)
    company.configure(recursion_refused=True, recursion_threshold=1)
    tenancy.api.faults.add(
        faults.on_call(
            lambda call: company.close_department(doomed),
            endpoint="departments.children",
            nth=1,
            where=lambda call: call.param("department_id") == upper,
        )
    )
    assert set(departments(tenancy.read())) == {upper}


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
    assert set(employees(parts)) == {tenancy.union(ids["ann"])}
    assert tenancy.calls("contact.scopes") == 0
    assert (tenancy.calls("departments.batch"), tenancy.calls("departments.children")) == (1, 1)
    assert tenancy.calls("users.find_by_department") == 2


def test_where_people_are_in_no_department_that_is_known() -> None:
    tenancy, ids = a_partial_range()
    tenancy.workspace.range_all()
    reader = tenancy.reader()
    found = reader.confirm([tenancy.person(ids["root"]), tenancy.person(ids["ann"])])
    homes = [reader.homes(each.record) for each in found.values() if isinstance(each, Found)]
    assert homes == [(), (ids["east"],)]
    tenancy.workspace.scopes_granted -= {"contact:user.department:readonly"}
    reader = tenancy.reader()
    again = reader.confirm([tenancy.person(ids["ann"])])
    assert [reader.homes(each.record) for each in again.values() if isinstance(each, Found)] == [None]
