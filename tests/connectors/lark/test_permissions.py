"""What a missing permission hides, and that nothing is cleared for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.connectors.lark.form import MAPPING
from chalicelib.connectors.lark.permissions import Coverage, granted_scopes
from chalicelib.core.errors import SourceDeniedError
from chalicelib.core.mapping import Rule
from chalicelib.core.model import FieldType, Kind, Remark
from infra.lab import faults
from infra.lab.lark import scopes
from infra.lab.lark.choices import Choices
from tests.connectors.lark.tenancy import a_tenancy, departments, employees, mapped

EMPLOYEE = {rule.field for rule in MAPPING.employees}
DEPARTMENT = {rule.field for rule in MAPPING.departments}


@pytest.mark.parametrize(
    ("scope", "unknown", "hidden"),
    [
        (scopes.PHONE, {"mobile"}, "mobile"),
        (scopes.USER_BASE, {"name", "en_name"}, "name, en_name"),
        (scopes.USER_DEPARTMENT, {"departments", "manager"}, "department_ids, leader_user_id"),
        (
            scopes.EMPLOYEE,
            {"state", "title", "city", "employee_type", "employee_no", "email"},
            "enterprise_email, employee_no, job_title, state, city, employee_type",
        ),
    ],
)
@pytest.mark.parametrize("prefix", [True, False])
def test_a_field_without_permission_is_unknown_not_empty(
    scope: str, unknown: set[str], hidden: str, prefix: bool
) -> None:
    tenancy = a_tenancy(choices=Choices(scope_prefix=prefix))
    company = tenancy.workspace
    person = company.add_user("ann", enterprise_email="ann@example.com", mobile="+8613000000000", en_name="Ann")
    company.revoke(scope)
    parts = tenancy.read()
    assert set(mapped(employees(parts)[tenancy.union(person)])) == EMPLOYEE - unknown
    assert parts["departments"].remarks == (
        Remark(code="fields not readable", facts={"fields": hidden, "scopes": scope}),
    )


@pytest.mark.parametrize(
    ("scope", "unknown"),
    [(scopes.DEPARTMENT_BASE, {"name", "en_name", "state"}), (scopes.ORGANIZE, {"parent", "leaders", "order"})],
)
def test_a_department_field_without_permission_is_unknown_not_empty(scope: str, unknown: set[str]) -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    department = company.add_department("a", company.add_department("b"), leader=company.add_user("ann"))
    company.revoke(scope)
    assert set(mapped(departments(tenancy.read())[department])) == DEPARTMENT - unknown


def test_without_the_count_of_members_every_department_is_walked() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    empty = company.add_department("empty")
    company.revoke(scopes.ORGANIZE)
    assert f"members/{empty}" in tenancy.read()


def test_the_private_address_stays_unknown_where_only_the_mailbox_may_be_read() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    company.revoke(scopes.EMAIL)
    with_box = company.add_user("ann", enterprise_email="ann@example.com", email="a@example.net")
    without = company.add_user("bob", email="b@example.net")
    people = employees(tenancy.read())
    assert mapped(people[tenancy.union(with_box)])["email"] == "ann@example.com"
    assert "email" not in mapped(people[tenancy.union(without)])


def test_with_bare_permissions_nothing_but_ids_is_known() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    company.scopes_granted = {scopes.BASE}
    department = company.add_department("a")
    person = company.add_user("ann", department)
    parts = tenancy.read()
    assert mapped(employees(parts)[tenancy.union(person)]) == {}
    assert mapped(departments(parts)[department]) == {}


def test_legacy_permissions_uncover_all_but_mail_and_mobile() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    company.scopes_granted = {"contact:contact:readonly_as_app"}
    person = company.add_user("ann", enterprise_email="ann@example.com", mobile="+8613000000000")
    parts = tenancy.read()
    assert set(mapped(employees(parts)[tenancy.union(person)])) == EMPLOYEE - {"mobile"}
    assert parts["departments"].remarks[0].facts["fields"] == "email, mobile"


@pytest.mark.parametrize(
    "fault",
    [
        faults.replace(status=200, body=b'{"code":0,"data":[]}', endpoint="application.scopes"),
        faults.replace(status=400, body=b'{"code":212200,"msg":"no"}', endpoint="application.scopes"),
        faults.replace(status=400, body=b'{"code":99991672,"msg":"no"}', endpoint="application.scopes"),
        faults.server_error(endpoint="application.scopes"),
        faults.html_page(endpoint="application.scopes"),
    ],
)
def test_without_knowing_the_permissions_values_are_taken_but_nothing_is_cleared(fault: faults.Fault) -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    person = company.add_user("ann", mobile="+8613000000000", enterprise_email="ann@example.com", employee_type=2)
    tenancy.api.faults.add(fault)
    parts = tenancy.read()
    assert mapped(employees(parts)[tenancy.union(person)]) == {
        "name": "ann",
        "mobile": "+8613000000000",
        "email": "ann@example.com",
        "employee_type": 2,
        "state": "active",
    }
    assert [remark.code for remark in parts["departments"].remarks] == ["permissions unknown"]
    assert parts["departments"].remarks[0].facts["code"]


def test_an_app_that_is_refused_altogether_is_not_read_on() -> None:
    tenancy = a_tenancy()
    tenancy.workspace.configure(installed=False)
    with pytest.raises(SourceDeniedError) as caught:
        tenancy.read()
    assert caught.value.code == "app not available"
    assert tenancy.calls("departments.children") == 0


def test_a_custom_field_that_the_mapping_knows_can_be_cleared() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    field = company.add_custom_field("成本中心", "Cost centre")
    tenancy.mapping = replace(
        MAPPING, employees=(*MAPPING.employees, Rule(field="centre", first_of=(f"custom_attrs.{field}",)))
    )
    extended = (*MAPPING.extended, replace(MAPPING.extended[0], name="centre", type=FieldType.TEXT))
    tenancy.mapping = replace(tenancy.mapping, extended=extended)
    person = company.add_user("ann")
    assert mapped(employees(tenancy.read())[tenancy.union(person)], tenancy.mapping)["centre"] is None
    company.set_custom(person, field, "CC-1")
    assert mapped(employees(tenancy.read())[tenancy.union(person)], tenancy.mapping)["centre"] == "CC-1"
    company.revoke(scopes.EMPLOYEE)
    assert "centre" not in mapped(employees(tenancy.read())[tenancy.union(person)], tenancy.mapping)


def test_a_permission_for_users_tokens_does_not_count() -> None:
    rows: list[dict[str, object]] = [
        {"scope_name": "contact:user.email:readonly", "grant_status": 1, "scope_type": "user"},
        {"scope_name": "contact:user.phone:readonly", "grant_status": 1, "scope_type": "tenant"},
        {"scope_name": "contact:user.base:readonly", "grant_status": 2},
        {"scope_name": "contact:user.department:readonly", "grant_status": 1},
        {"grant_status": 1},
    ]
    granted = granted_scopes(rows)
    assert granted == {"contact:user.phone:readonly", "contact:user.department:readonly"}
    covered = Coverage(granted=granted, mapping=MAPPING).fields(Kind.EMPLOYEE)
    assert covered == {"open_id", "mobile_visible", "mobile", "department_ids", "leader_user_id"}
