"""What a missing permission hides, and that nothing is cleared for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.connectors.dingtalk.form import MAPPING
from chalicelib.core.errors import SourceDeniedError
from chalicelib.core.mapping import ExtendedField, FieldMapping, Rule
from chalicelib.core.model import FieldType, Remark
from chalicelib.core.presence import Found
from infra.lab import faults
from infra.lab.dingtalk import scopes
from tests.connectors.dingtalk.tenancy import Tenancy, a_person, a_tenancy, employees, mapped, whole

FULL: dict[str, Any] = {"mobile": "13000000000", "state_code": "86", "email": "a@example.net", "work_place": "3F"}
CENTRE = Rule(field="centre", first_of=("extension.成本中心",))


def with_centre() -> FieldMapping:
    extended = ExtendedField(name="centre", type=FieldType.TEXT, label="Cost centre")
    return replace(MAPPING, employees=(*MAPPING.employees, CENTRE), extended=(*MAPPING.extended, extended))


def two_people() -> tuple[Tenancy, str, str]:
    """Make one who has filled everything in, and one who has nothing, in one department."""
    tenancy = a_tenancy()
    company = tenancy.workspace
    department = company.add_department("a")
    return tenancy, company.add_user("ann", department, **FULL), company.add_user("bob", department)


@pytest.mark.parametrize(
    ("scope", "unknown", "hidden", "console_name"),
    [
        (scopes.MOBILE_FIELD, {"mobile"}, "mobile", "企业员工手机号信息"),
        (scopes.EMAIL_FIELDS, {"email", "work_place"}, "org_email, email, work_place", "邮箱等个人信息"),
    ],
)
def test_a_field_without_permission_is_unknown_not_empty(
    scope: str, unknown: set[str], hidden: str, console_name: str
) -> None:
    tenancy, ann, bob = two_people()
    before = employees(tenancy.read())
    assert unknown <= mapped(before[ann]).keys()
    assert dict.fromkeys(unknown).items() <= mapped(before[bob]).items()
    tenancy.workspace.revoke(scope)
    parts = tenancy.read()
    for userid in (ann, bob):
        assert mapped(employees(parts)[userid]).keys() == mapped(before[userid]).keys() - unknown
        named = tenancy.confirm(a_person(userid))[a_person(userid)]
        assert isinstance(named, Found)
        assert not unknown & mapped(named.record).keys()
    facts = {"fields": hidden, "scopes": console_name}
    assert parts["range"].remarks == (Remark(code="fields not readable", facts=facts),)


def test_where_nobody_was_seen_with_a_field_its_absence_says_nothing() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    bob = company.add_user("bob")
    assert not {"mobile", "email", "work_place"} & mapped(employees(tenancy.read())[bob]).keys()


def test_what_was_seen_once_holds_for_the_rest_of_the_read() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    company.add_user("ann", **FULL)
    bob = company.add_user("bob", company.add_department("b"))
    reader = tenancy.reader()
    parts = {part.name: part for part in reader.parts({})}
    listed = employees(parts)[bob]
    assert {"mobile": None, "email": None, "work_place": None}.items() <= mapped(listed).items()
    # What is read by name afterwards maps alike, so that links keep their digest.
    named = reader.confirm([a_person(bob)])[a_person(bob)]
    assert isinstance(named, Found)
    assert whole(named.record).digest == whole(listed).digest


def test_a_restart_remembers_what_the_staged_parts_showed() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    company.add_user("ann", **FULL)
    department = company.add_department("b")
    bob = company.add_user("bob", department)
    complete = tenancy.read()
    again = tenancy.read({name: part for name, part in complete.items() if name != f"members/{department}"})
    assert employees(again)[bob].covers == employees(complete)[bob].covers


def test_the_vendors_own_list_of_readable_fields_clears_nothing() -> None:
    tenancy, ann, _ = two_people()
    tenancy.workspace.revoke(scopes.MOBILE_FIELD)
    body = (
        b'{"errcode":0,"auth_org_scopes":{"authed_dept":[1]},"auth_user_field":["name","mobile","stateCode","email"]}'
    )
    tenancy.api.faults.add(faults.replace(body=body, endpoint="auth.scopes"))
    parts = tenancy.read()
    assert "mobile" not in mapped(employees(parts)[ann])
    assert parts["range"].remarks == ()


@pytest.mark.parametrize(
    "listed", [b"", b',"auth_user_field":[]', b',"auth_user_field":{}', b',"auth_user_field":null']
)
def test_no_list_of_readable_fields_is_no_reason_to_complain(listed: bytes) -> None:
    tenancy, ann, _ = two_people()
    body = b'{"errcode":0,"auth_org_scopes":{"authed_dept":[1]}%s}' % listed
    tenancy.api.faults.add(faults.replace(body=body, endpoint="auth.scopes"))
    parts = tenancy.read()
    assert parts["range"].remarks == ()
    assert mapped(employees(parts)[ann])["mobile"] == "+8613000000000"


def test_a_mailbox_that_nobody_has_does_not_hide_the_address_typed_in() -> None:
    tenancy, ann, bob = two_people()
    people = employees(tenancy.read())
    assert mapped(people[ann])["email"] == "a@example.net"
    assert mapped(people[bob])["email"] is None


def test_a_custom_field_that_the_mapping_knows_can_be_cleared() -> None:
    tenancy, ann, bob = two_people()
    tenancy.mapping = with_centre()
    company = tenancy.workspace
    company.set_custom(ann, "成本中心", "CC-1")
    people = employees(tenancy.read())
    assert mapped(people[ann], tenancy.mapping)["centre"] == "CC-1"
    assert mapped(people[bob], tenancy.mapping)["centre"] is None
    company.set_custom(ann, "成本中心", "")
    assert mapped(employees(tenancy.read())[ann], tenancy.mapping)["centre"] is None
    company.revoke(scopes.EMAIL_FIELDS)
    assert "centre" not in mapped(employees(tenancy.read())[ann], tenancy.mapping)


def test_custom_fields_that_cannot_be_read_are_unknown_not_empty() -> None:
    tenancy, ann, _ = two_people()
    tenancy.mapping = with_centre()
    tenancy.workspace.edit(ann, extension='{"成本中心": "CC-1')
    record = employees(tenancy.read())[ann]
    assert "centre" not in mapped(record, tenancy.mapping)
    assert mapped(record, tenancy.mapping)["name"] == "ann"


def test_a_permission_granted_a_moment_ago_works_with_a_token_asked_for_again() -> None:
    tenancy, ann, bob = two_people()
    company = tenancy.workspace
    registry = tenancy.registry()
    company.revoke(scopes.MEMBER)
    with pytest.raises(SourceDeniedError, match="permission missing"):
        registry.open(tenancy.source()).confirm([a_person(ann)])
    assert tenancy.calls("auth.corp_token") == 2
    reader = registry.open(tenancy.source())
    list(reader.parts({}))
    company.grant(scopes.MEMBER)
    tenancy.api.reset_calls()
    assert isinstance(reader.confirm([a_person(bob)])[a_person(bob)], Found)
    assert tenancy.calls("auth.corp_token") == 1


@pytest.mark.parametrize("new_permission", ["asked_again", "new_token", "at_once"])
@pytest.mark.parametrize("named", [True, False])
def test_a_missing_permission_for_a_call_is_named_after_one_fresh_token(new_permission: str, named: bool) -> None:
    tenancy = a_tenancy()
    tenancy.api.choices.names_missing_permission = named
    setattr(tenancy.api.choices, "new_permission", new_permission)  # noqa: B010 - the parameters are plain text
    tenancy.workspace.revoke(scopes.DEPARTMENT_LIST)
    with pytest.raises(SourceDeniedError) as caught:
        tenancy.read()
    assert caught.value.code == "permission missing"
    assert caught.value.facts["scopes"] == (scopes.DEPARTMENT_LIST if named else "?")
    assert tenancy.calls("auth.corp_token") == 2
