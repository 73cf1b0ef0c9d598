"""Asking by name: every answer that DingTalk can give about one key, and that only a departure is a departure."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.core.errors import SourceDeniedError, SourceUnavailableError
from chalicelib.core.model import Remark, State
from chalicelib.core.presence import Found, Gone, Hidden, Unclear
from infra.lab import faults
from infra.lab.dingtalk import scopes
from infra.lab.dingtalk.choices import Choices
from tests.connectors.dingtalk.tenancy import (
    START,
    USER_GET,
    a_company,
    a_department,
    a_person,
    a_tenancy,
    employees,
    mapped,
    whole,
)


@pytest.mark.parametrize("code", [60121, 33012])
def test_a_leaver_is_gone(code: int) -> None:
    tenancy = a_tenancy(choices=Choices(user_gone_code=60121 if code == 60121 else 33012))
    key = a_person(tenancy.workspace.add_user("ann"))
    assert isinstance(tenancy.confirm(key)[key], Found)
    tenancy.workspace.leave(key.external_id)
    assert tenancy.confirm(key) == {key: Gone(observed_at=START)}


def test_somebody_out_of_range_is_hidden() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    department = company.add_department("a")
    key = a_person(company.add_user("ann", department))
    company.hide(department)
    why = Remark(code="outside the range", facts={"code": 50002})
    assert tenancy.confirm(key) == {key: Hidden(observed_at=START, why=why)}


def test_somebody_who_is_partly_out_of_range_is_found() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    seen, hidden = company.add_department("a"), company.add_department("b")
    key = a_person(company.add_user("ann", [hidden, seen]))
    company.hide(hidden)
    answer = tenancy.confirm(key)[key]
    assert isinstance(answer, Found)
    assert mapped(answer.record)["departments"] == tuple(sorted((seen, hidden), key=int))


def test_departments_are_answered_like_people() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    there, closed, hidden = (company.add_department(name) for name in ("there", "closed", "hidden"))
    company.close_department(closed)
    company.hide(hidden)
    keys = {name: a_department(name) for name in (there, closed, hidden, "7", "od-7", str(2**64))}
    answers = tenancy.confirm(*keys.values())
    assert isinstance(answers[keys[there]], Found)
    assert answers[keys[closed]] == answers[keys["7"]] == Gone(observed_at=START)
    why = Remark(code="outside the range", facts={"code": 50004})
    assert answers[keys[hidden]] == Hidden(observed_at=START, why=why)
    assert isinstance(answers[keys["od-7"]], Unclear)
    assert isinstance(answers[keys[str(2**64)]], Unclear)


@pytest.mark.parametrize("code", [40035, 400002, 50004, 60003, 41001, 1234567])
def test_refusals_that_say_nothing_about_leaving_are_unclear(code: int) -> None:
    tenancy = a_tenancy()
    key = a_person(tenancy.workspace.add_user("ann"))
    tenancy.api.faults.add(faults.replace(body=b'{"errcode":%d,"errmsg":"no"}' % code, endpoint=USER_GET))
    why = Remark(code="answer unclear", facts={"code": code})
    assert tenancy.confirm(key) == {key: Unclear(observed_at=START, why=why)}


@pytest.mark.parametrize("code", [33012, 60121, 50002])
def test_what_is_said_of_people_says_nothing_about_a_department(code: int) -> None:
    tenancy = a_tenancy()
    key = a_department(tenancy.workspace.add_department("a"))
    tenancy.api.faults.add(faults.replace(body=b'{"errcode":%d,"errmsg":"no"}' % code, endpoint="departments.get"))
    assert isinstance(tenancy.confirm(key)[key], Unclear)


def test_another_person_than_the_one_asked_for_is_unclear() -> None:
    tenancy = a_tenancy()
    key = a_person(tenancy.workspace.add_user("ann", userid="Ann"))
    tenancy.api.faults.add(faults.replace(body=b'{"errcode":0,"result":{"userid":"ann"}}', endpoint=USER_GET))
    assert isinstance(tenancy.confirm(key)[key], Unclear)


def test_every_key_is_asked_for_once_and_within_the_limit() -> None:
    tenancy = a_company(150, 4)
    company = tenancy.workspace
    keys = [a_person(userid) for userid in company.users]
    for key in keys[::50]:
        company.leave(key.external_id)
    reader = tenancy.reader()
    answers = reader.confirm([*keys, *keys])
    assert set(answers) == set(keys)
    assert sum(isinstance(answer, Gone) for answer in answers.values()) == 3
    assert reader.calls == {"auth.corp_token": 1, USER_GET: 150}
    assert not tenancy.api.throttled
    assert tenancy.api.suspicious == []
    assert (tenancy.clock.now() - START).total_seconds() <= 1.15 * (150 / 20)


def test_nothing_is_asked_for_nobody() -> None:
    tenancy = a_tenancy()
    assert tenancy.confirm() == {}
    assert dict(tenancy.api.calls) == {}


def test_a_silent_vendor_is_no_answer_about_anybody() -> None:
    tenancy = a_tenancy()
    key = a_person(tenancy.workspace.add_user("ann"))
    tenancy.api.faults.add(faults.server_error(endpoint=USER_GET))
    with pytest.raises(SourceUnavailableError):
        tenancy.confirm(key)


def test_an_app_that_may_ask_for_nobody_cannot_confirm() -> None:
    tenancy = a_tenancy()
    key = a_person(tenancy.workspace.add_user("ann"))
    tenancy.workspace.revoke(scopes.MEMBER)
    with pytest.raises(SourceDeniedError) as caught:
        tenancy.confirm(key)
    assert caught.value.code == "permission missing"
    assert caught.value.facts["scopes"] == scopes.MEMBER


def test_an_answer_is_observed_when_it_was_asked_for() -> None:
    tenancy = a_tenancy()
    tenancy.api.latency_s = 3.0
    key = a_person(tenancy.workspace.add_user("ann"))
    answer = tenancy.confirm(key)[key]
    assert isinstance(answer, Found)
    assert answer.record.observed_at == START + timedelta(seconds=3)


def test_only_a_read_by_name_shows_managers_and_roles() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    boss, ann, bob = (company.add_user(name) for name in ("boss", "ann", "bob"))
    company.set_manager(ann, boss)
    company.set_roles(ann, [company.add_role("财务"), company.add_role("人事")])
    listed = employees(tenancy.read())
    for record in listed.values():
        assert not {"manager", "roles"} & mapped(record).keys()
        assert record.details == frozenset()
    found = tenancy.confirm(a_person(ann), a_person(bob))
    named = {key.external_id: answer.record for key, answer in found.items() if isinstance(answer, Found)}
    assert mapped(named[ann])["manager"] == boss
    assert mapped(named[ann])["roles"] == "人事, 财务"
    assert {"manager": None, "roles": None}.items() <= mapped(named[bob]).items()
    for userid, record in named.items():
        assert record.details >= {"manager_userid", "role_list"}
        assert whole(record).digest != ""
        assert set(listed[userid].covers) < set(record.covers)


def test_a_department_read_by_name_tells_its_managers_as_leaders_and_adds_its_order() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    department = company.add_department("a")
    ann = company.add_user("ann", department)
    company.set_leader(department, ann)
    key = a_department(department)
    answer = tenancy.confirm(key)[key]
    assert isinstance(answer, Found)
    assert answer.record.fields["dept_manager_userid_list"] == (ann,)
    values = mapped(answer.record)
    assert values["leaders"] == (ann,)
    assert values["order"] == company.departments[int(department)].order > 2**53
    assert values["state"] == State.ACTIVE


def test_how_many_to_read_by_name_a_day_is_a_setting() -> None:
    tenancy = a_tenancy()
    assert tenancy.reader().daily_details == 1000
    tenancy.settings = {"daily_details": "0"}
    assert tenancy.reader().daily_details == 0
    tenancy.settings = {"daily_details": "250"}
    assert tenancy.reader().daily_details == 250
