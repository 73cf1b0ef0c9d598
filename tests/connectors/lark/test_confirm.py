"""Asking by name: every answer that Lark can give about one key, and that only a departure is a departure."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.core.errors import SourceDeniedError, SourceUnavailableError
from chalicelib.core.model import Key, Kind, Remark, State
from chalicelib.core.presence import Found, Gone, Hidden, Unclear
from infra.lab import faults
from infra.lab.lark import scopes
from infra.lab.lark.choices import Choices
from tests.connectors.lark.tenancy import START, UID, Tenancy, a_department, a_tenancy, mapped


@pytest.fixture(params=["skipped", "error"])
def tenancy(request: pytest.FixtureRequest) -> Tenancy:
    choices = Choices()
    choices.unreadable_in_batch = request.param
    return a_tenancy(choices=choices)


def test_somebody_who_is_there_is_found(tenancy: Tenancy) -> None:
    key = tenancy.person(tenancy.workspace.add_user("ann"))
    answer = tenancy.confirm(key)[key]
    assert isinstance(answer, Found)
    assert answer.record.key == key
    assert mapped(answer.record)["state"] == State.ACTIVE
    assert tenancy.calls("users.batch") == 1
    assert tenancy.calls("users.get") == 0


def test_a_leaver_is_gone(tenancy: Tenancy) -> None:
    company = tenancy.workspace
    person = company.add_user("ann", company.add_department("a"))
    company.resign(person)
    answer = tenancy.confirm(tenancy.person(person))[tenancy.person(person)]
    assert answer == Gone(observed_at=START)
    assert tenancy.calls("users.get") == 1


def test_somebody_who_left_by_themselves_is_gone(tenancy: Tenancy) -> None:
    person = tenancy.workspace.add_user("ann")
    tenancy.workspace.exit(person)
    assert tenancy.confirm(tenancy.person(person)) == {tenancy.person(person): Gone(observed_at=START)}


@pytest.mark.parametrize(("verb", "state"), [("freeze", State.SUSPENDED), ("activate", State.ACTIVE)])
def test_states_short_of_leaving_are_found(tenancy: Tenancy, verb: str, state: State) -> None:
    person = tenancy.workspace.hire(name="ann", activated=verb == "freeze")
    tenancy.workspace.do(verb, {"user": person})
    answer = tenancy.confirm(tenancy.person(person))[tenancy.person(person)]
    assert isinstance(answer, Found)
    assert answer.record.fields["state"] is state


def test_somebody_out_of_range_is_hidden(tenancy: Tenancy) -> None:
    company = tenancy.workspace
    department = company.add_department("a")
    key = tenancy.person(company.add_user("ann", department))
    company.hide(department)
    assert tenancy.confirm(key)[key] == Hidden(
        observed_at=START, why=Remark(code="outside the range", facts={"code": 41050})
    )


def test_somebody_who_is_partly_out_of_range_is_found(tenancy: Tenancy) -> None:
    company = tenancy.workspace
    seen, hidden = company.add_department("a"), company.add_department("b")
    key = tenancy.person(company.add_user("ann", [hidden, seen]))
    company.hide(hidden)
    answer = tenancy.confirm(key)[key]
    assert isinstance(answer, Found)
    assert answer.record.fields["department_ids"] == (hidden, seen)


@pytest.mark.parametrize(("union_id", "code"), [("on_of_another_tenant", 99992364), ("7", 99992363)])
def test_an_id_that_is_not_known_is_unclear(tenancy: Tenancy, union_id: str, code: int) -> None:
    key = Key(UID, Kind.EMPLOYEE, union_id)
    assert tenancy.confirm(key)[key] == Unclear(
        observed_at=START, why=Remark(code="answer unclear", facts={"code": code})
    )


@pytest.mark.parametrize("code", [41012, 99992381, 42008, 1234567])
def test_refusals_that_say_nothing_about_leaving_are_unclear(tenancy: Tenancy, code: int) -> None:
    key = tenancy.person(tenancy.workspace.add_user("ann"))
    tenancy.api.faults.add(faults.replace(status=400, body=b'{"code":%d,"msg":"no"}' % code, endpoint="users.*"))
    assert isinstance(tenancy.confirm(key)[key], Unclear)


def test_a_leaver_without_the_permission_for_states_is_found_with_the_state_unknown(tenancy: Tenancy) -> None:
    company = tenancy.workspace
    person = company.add_user("ann")
    company.resign(person)
    company.revoke(scopes.EMPLOYEE)
    answer = tenancy.confirm(tenancy.person(person))[tenancy.person(person)]
    assert isinstance(answer, Found)
    assert "state" not in answer.record.covers


def test_another_person_than_the_one_asked_for_is_unclear(tenancy: Tenancy) -> None:
    company = tenancy.workspace
    key, other = tenancy.person(company.add_user("ann")), tenancy.union(company.add_user("bob"))
    body = b'{"code":0,"msg":"","data":{"user":{"union_id":"%s"}}}' % other.encode()
    tenancy.api.faults.add(faults.empty_list(endpoint="users.batch"), faults.replace(body=body, endpoint="users.get"))
    assert isinstance(tenancy.confirm(key)[key], Unclear)


def test_departments_are_answered_like_people(tenancy: Tenancy) -> None:
    company = tenancy.workspace
    there, closed, hidden = (company.add_department(name) for name in ("there", "closed", "hidden"))
    company.close_department(closed)
    company.hide(hidden)
    unknown = "od-unknown"
    keys = {name: a_department(name) for name in (there, closed, hidden, unknown)}
    answers = tenancy.confirm(*keys.values())
    assert isinstance(answers[keys[there]], Found)
    assert answers[keys[closed]] == Gone(observed_at=START)
    assert answers[keys[hidden]] == Hidden(
        observed_at=START, why=Remark(code="outside the range", facts={"code": 40004})
    )
    assert isinstance(answers[keys[unknown]], Unclear)


def test_a_department_that_says_that_it_is_deleted_is_gone() -> None:
    tenancy = a_tenancy(choices=Choices(deleted_department="flagged"))
    closed = tenancy.workspace.add_department("closed")
    tenancy.workspace.close_department(closed)
    assert tenancy.confirm(a_department(closed)) == {a_department(closed): Gone(observed_at=START)}


def test_keys_are_asked_for_fifty_at_a_time_and_those_missing_singly() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    people = [company.add_user(f"n{number}") for number in range(120)]
    for person in people[::40]:
        company.resign(person)
    keys = [tenancy.person(person) for person in people]
    tenancy.in_flight = 4
    answers = tenancy.confirm(*keys, *keys)
    assert set(answers) == set(keys)
    assert sum(isinstance(answer, Gone) for answer in answers.values()) == 3
    assert tenancy.calls("users.batch") == 3
    assert tenancy.calls("users.get") == 3
    assert tenancy.api.suspicious == []


def test_one_bad_id_does_not_spoil_the_others() -> None:
    tenancy = a_tenancy(choices=Choices(unreadable_in_batch="error"))
    keys = [tenancy.person(tenancy.workspace.add_user(f"n{number}")) for number in range(10)]
    bad = Key(UID, Kind.EMPLOYEE, "bad")
    answers = tenancy.confirm(*keys, bad)
    assert all(isinstance(answers[key], Found) for key in keys)
    assert isinstance(answers[bad], Unclear)


def test_without_the_permission_for_batches_everyone_is_asked_for_singly() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    company.scopes_granted = {"contact:contact:readonly"}
    keys = [tenancy.person(company.add_user(f"n{number}")) for number in range(60)]
    answers = tenancy.confirm(*keys)
    assert all(isinstance(answer, Found) for answer in answers.values())
    assert tenancy.calls("users.batch") == 1
    assert tenancy.calls("users.get") == 60


def test_nothing_is_asked_for_nobody() -> None:
    tenancy = a_tenancy()
    assert tenancy.confirm() == {}
    assert dict(tenancy.api.calls) == {}


def test_a_silent_vendor_is_no_answer_about_anybody() -> None:
    tenancy = a_tenancy()
    key = tenancy.person(tenancy.workspace.add_user("ann"))
    tenancy.api.faults.add(faults.server_error(endpoint="users.*"))
    with pytest.raises(SourceUnavailableError):
        tenancy.confirm(key)


def test_an_app_that_may_ask_for_nobody_cannot_confirm() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    key = tenancy.person(company.add_user("ann"))
    company.scopes_granted = {scopes.ORGANIZE}
    with pytest.raises(SourceDeniedError) as caught:
        tenancy.confirm(key)
    assert caught.value.code == "permission missing"
    assert scopes.BASE in str(caught.value.facts["scopes"])


def test_an_answer_is_observed_when_it_was_asked_for() -> None:
    tenancy = a_tenancy()
    tenancy.api.latency_s = 3.0
    key = tenancy.person(tenancy.workspace.add_user("ann"))
    answer = tenancy.confirm(key)[key]
    assert isinstance(answer, Found)
    assert answer.record.observed_at == START + timedelta(seconds=2 * 3)
