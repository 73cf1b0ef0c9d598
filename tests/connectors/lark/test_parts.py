"""A full read of a tenant whose app sees everything: what is read, what it costs, what is said about it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from datetime import timedelta
from math import ceil

import pytest

from chalicelib.core.errors import SourceDeniedError
from chalicelib.core.model import Kind, State
from infra.lab import faults
from infra.lab.lark.choices import Choices
from infra.lab.lark.records import ROOT
from infra.lab.lark.workspace import LarkWorkspace
from tests.connectors.lark.tenancy import (
    START,
    OneSecret,
    a_company,
    a_tenancy,
    departments,
    employees,
    mapped,
    records,
    working_threads,
)

STATES = {
    "activated": State.ACTIVE,
    "invited": State.INVITED,
    "frozen": State.SUSPENDED,
    "exited": State.LEFT,
    "resigned": State.LEFT,
}


@pytest.mark.parametrize(("people", "count"), [(0, 0), (30, 1), (130, 50), (300, 51), (700, 110)])
def test_a_full_read_costs_what_the_formula_says(people: int, count: int) -> None:
    tenancy = a_company(people, count) if count else a_tenancy()
    reader = tenancy.reader()
    parts = list(reader.parts({}))
    assert reader.calls == {
        "auth.tenant_access_token": 1,
        "application.scopes": 1,
        "departments.children": max(1, ceil(count / 50)),
        "users.find_by_department": tenancy.expected_member_calls(),
    }
    assert reader.calls == dict(tenancy.api.calls)
    assert not tenancy.api.throttled
    assert tenancy.api.suspicious == []
    assert {part.of for part in parts} == {len(parts)}
    assert parts[0].name == "departments"


@pytest.mark.parametrize("empty_items", ["absent", "null", "empty"])
@pytest.mark.parametrize("empty_values", ["absent", "blank", "null"])
def test_everything_that_is_there_is_read(empty_items: str, empty_values: str) -> None:
    choices = Choices()
    setattr(choices, "empty_items", empty_items)  # noqa: B010 - the parameters are plain text, the fields literals
    setattr(choices, "empty_values", empty_values)  # noqa: B010
    tenancy = a_company(choices=choices)
    workspace = tenancy.workspace
    workspace.exit(workspace.some_person(1))
    workspace.resign(workspace.some_person(2))
    parts = tenancy.read()
    people = {user.union_id: user for user in workspace.users.values() if not user.resigned}
    assert set(employees(parts)) == set(people)
    for union_id, record in employees(parts).items():
        user = people[union_id]
        values = mapped(record)
        assert values == {
            "name": user.name,
            "en_name": user.en_name or None,
            "email": user.enterprise_email or user.email or None,
            "mobile": user.mobile or None,
            "employee_no": user.employee_no or None,
            "title": user.job_title or None,
            "departments": values["departments"],
            "manager": tenancy.union(user.leader) if user.leader else None,
            "state": STATES[user.state],
            "city": user.city or None,
            "employee_type": user.employee_type,
        }
        assert isinstance(values["departments"], tuple)
        assert set(values["departments"]) == set(user.departments) - {ROOT}
        assert [each for each in user.departments if each == user.primary and each != ROOT] == list(
            values["departments"][:1]
        )
    for key, record in departments(parts).items():
        department = workspace.departments[key]
        leaders = [each for each in (department.leader, *department.deputies) if each]
        assert mapped(record) == {
            "name": department.name,
            "en_name": department.name_en or None,
            "parent": None if department.parent == ROOT else department.parent,
            "leaders": tuple(tenancy.union(each) for each in leaders),
            "order": department.order,
            "state": State.ACTIVE,
        }
    assert set(departments(parts)) == set(workspace.departments)


def test_all_five_states_are_told_apart() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    ids = {state: company.add_user(state) for state in STATES}
    company.hire(name="unjoined")
    company.users[ids["invited"]].activated = False
    company.freeze(ids["frozen"])
    company.exit(ids["exited"])
    company.resign(ids["resigned"])
    found = {str(record.fields["name"]): record.fields["state"] for record in records(tenancy.read())}
    assert found == {
        "activated": State.ACTIVE,
        "invited": State.INVITED,
        "unjoined": State.INVITED,
        "frozen": State.SUSPENDED,
        "exited": State.LEFT,
    }


def test_people_directly_under_the_company_are_read_and_belong_to_no_department() -> None:
    tenancy = a_tenancy()
    boss = tenancy.workspace.add_user("boss")
    parts = tenancy.read()
    record = parts["members/0"].records[0]
    assert record.key == tenancy.person(boss)
    assert "department_ids" not in record.fields
    assert mapped(record)["departments"] == ()


def test_a_person_of_several_departments_is_shown_alike_in_each() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    first, second, third = (company.add_department(name) for name in "abc")
    person = company.add_user("ann", [third, first, second])
    parts = tenancy.read()
    shown = [parts[f"members/{each}"].records[0] for each in (first, second, third)]
    assert [record.key for record in shown] == [tenancy.person(person)] * 3
    assert [record.fields["department_ids"] for record in shown] == [(third, first, second)] * 3


def test_leaders_come_with_the_main_one_first() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    boss, one, two = (company.add_user(name) for name in ("boss", "one", "two"))
    department = company.add_department("a")
    company.set_leader(department, boss, [one, two])
    record = departments(tenancy.read())[department]
    assert record.fields["leaders"] == tuple(tenancy.union(each) for each in (boss, one, two))
    assert record.fields["leader_user_id"] == tenancy.union(boss)


def test_custom_fields_are_read_as_text() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    text = company.add_custom_field("成本中心", "Cost centre")
    link = company.add_custom_field("主页", "Home page", "HREF")
    choice = company.add_custom_field("合同", "Contract", "ENUMERATION", ["长期", "短期"])
    person = company.add_user("ann")
    company.set_custom(person, text, "CC-1")
    company.set_custom(person, link, "https://ann.example.com")
    company.set_custom(person, choice, "短期")
    record = employees(tenancy.read())[tenancy.union(person)]
    assert {name: value for name, value in record.fields.items() if name.startswith("custom")} == {
        f"custom_attrs.{text}": "CC-1",
        f"custom_attrs.{link}": "https://ann.example.com",
        f"custom_attrs.{choice}": "短期",
    }


def test_departments_without_people_below_them_are_not_walked() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    upper = company.add_department("upper")
    lower = company.add_department("lower", upper)
    empty = company.add_department("empty")
    company.add_user("ann", lower)
    parts = tenancy.read()
    assert set(parts) == {"departments", "members/0", f"members/{upper}", f"members/{lower}"}
    assert empty in departments(parts)


def test_a_big_department_is_one_part() -> None:
    tenancy = a_tenancy()
    department = tenancy.workspace.add_department("a")
    for number in range(101):
        tenancy.workspace.add_user(f"n{number}", department)
    parts = tenancy.read()
    assert len(parts[f"members/{department}"].records) == 101
    assert tenancy.calls("users.find_by_department") == 1 + 3


def test_records_are_observed_when_their_page_was_asked_for() -> None:
    tenancy = a_company(60, 3)
    tenancy.api.latency_s = 2.0
    parts = tenancy.read()
    assert {record.observed_at for record in parts["departments"].records} == {START + timedelta(seconds=4)}
    times = [part.records[0].observed_at for part in parts.values() if part.records]
    assert len(set(times)) == len(times)


def test_nothing_is_asked_for_what_is_staged() -> None:
    tenancy = a_company()
    staged = tenancy.read()
    tenancy.api.reset_calls()
    again = tenancy.read(staged)
    assert again == staged
    assert dict(tenancy.api.calls) == {}


def test_what_is_not_staged_is_read() -> None:
    tenancy = a_company()
    whole = tenancy.read()
    lost = sorted(whole)[-2:]
    tenancy.api.reset_calls()
    again = tenancy.read({name: part for name, part in whole.items() if name not in lost})
    assert set(again) == set(whole)
    assert {part.of for part in again.values()} == {len(whole)}
    assert tenancy.calls("departments.children") == 0
    assert tenancy.calls("users.find_by_department") == sum(max(1, ceil(len(whole[n].records) / 50)) for n in lost)
    assert {r.key: r.fields for r in records(again)} == {r.key: r.fields for r in records(whole)}


def test_a_reader_who_stops_early_leaves_no_threads() -> None:
    tenancy = a_company(300, 40)
    tenancy.in_flight = 8
    parts = tenancy.reader().parts({})
    assert isinstance(parts, Generator)
    for _ in range(3):
        next(parts)
    parts.close()
    assert working_threads() == []
    assert tenancy.calls("users.find_by_department") < tenancy.expected_member_calls()


def test_many_at_a_time_read_the_same() -> None:
    tenancy = a_company(400, 45)
    one_by_one = tenancy.read()
    tenancy.in_flight = 16
    together = tenancy.read()
    assert {name: {(r.key, tuple(r.fields.items())) for r in part.records} for name, part in together.items()} == {
        name: {(r.key, tuple(r.fields.items())) for r in part.records} for name, part in one_by_one.items()
    }
    assert working_threads() == []


def test_preview_and_sync_in_one_process_share_token_and_limits() -> None:
    tenancy = a_company(60, 3)
    registry = tenancy.registry()
    for _ in range(30):
        reader = registry.open(tenancy.source())
        list(reader.parts({}))
        reader.close()
    assert tenancy.calls("auth.tenant_access_token") == 1
    assert not tenancy.api.throttled


def test_a_token_that_was_given_for_another_secret_is_not_used() -> None:
    tenancy = a_company(3, 1)
    registry = tenancy.registry()
    list(registry.open(tenancy.source()).parts({}))
    with pytest.raises(SourceDeniedError):
        list(replace(registry, secrets=OneSecret("wrong")).open(tenancy.source()).parts({}))


@pytest.mark.parametrize("answer", ["refused", "flagged"])
def test_a_department_deleted_during_the_walk_is_an_empty_part(answer: str) -> None:
    choices = Choices()
    setattr(choices, "deleted_department", answer)  # noqa: B010
    tenancy = a_tenancy(choices=choices)
    company = tenancy.workspace
    doomed, other = company.add_department("doomed"), company.add_department("other")
    company.add_user("ann", doomed)
    company.add_user("bob", other)
    tenancy.api.faults.add(
        faults.on_call(lambda call: company.close_branch(doomed), endpoint="departments.children", nth=1)
    )
    parts = tenancy.read()
    assert parts[f"members/{doomed}"].records == ()
    assert [record.fields["name"] for record in parts[f"members/{other}"].records] == ["bob"]
    assert tenancy.calls("departments.get") == 1


def test_a_department_hidden_during_the_walk_is_an_empty_part() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    hidden = company.add_department("hidden")
    for number in range(60):
        company.add_user(f"n{number}", hidden)
    tenancy.api.faults.add(
        faults.on_call(
            lambda call: company.hide(hidden),
            endpoint="users.find_by_department",
            nth=1,
            where=lambda call: call.param("department_id") == hidden,
        )
    )
    assert tenancy.read()[f"members/{hidden}"].records == ()


def test_records_share_what_they_cover() -> None:
    parts = a_company().read()
    for kind in Kind:
        # Two custom fields, each filled in or not.
        assert len({id(record.covers) for record in records(parts) if record.key.kind is kind}) <= 4
    assert all(set(record.fields) <= record.covers for record in records(parts))


def test_a_tenant_of_the_other_cloud_reads_alike() -> None:
    tenancy = a_tenancy(LarkWorkspace.generate(3, 40, 4, cloud="lark"))
    assert len(employees(tenancy.read())) == 40
