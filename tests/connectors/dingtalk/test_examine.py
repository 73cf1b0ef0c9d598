"""The test of a source: each thing that can be missing is found, and said with what to do."""

from __future__ import annotations

import pytest

from chalicelib.connectors import Registry
from chalicelib.core.catalogue import Lang, say
from chalicelib.core.finding import Check, Finding, Grade
from chalicelib.core.secret import Secret
from infra.lab import faults
from infra.lab.dingtalk import scopes
from infra.lab.transport import LabTransport
from tests.connectors.dingtalk.tenancy import Tenancy, a_company, a_tenancy
from tests.connectors.test_registry import Kept

CARDS = {"card_template": "0b9a2f9e-9d1c-4d57-8c0e-4c5f2f8b9a10.schema"}
FOR_EVENTS = ("aes_key", "token")
WELL = [Check.CREDENTIALS, Check.RANGE, Check.COUNTS, Check.PERMISSIONS, Check.CHAT, Check.CALLBACK]


def findings(tenancy: Tenancy, *secrets: str, **settings: str) -> list[Finding]:
    known = {"app_secret": Secret(tenancy.secret or tenancy.workspace.app_secret)}
    hosts = {"oapi.dingtalk.com": tenancy.api, "api.dingtalk.com": tenancy.api}
    registry = Registry(
        secrets=Kept(known | {name: Secret("k") for name in secrets or FOR_EVENTS}),
        clock=tenancy.clock,
        transport=LabTransport(hosts),
    )
    reader = registry.open(tenancy.source(**settings))
    found = list(reader.examine())
    reader.close()
    for each in found:
        if each.remark is not None:
            assert all(say(each.remark.code, lang, each.remark.facts) for lang in Lang)
    return found


def told(found: list[Finding], check: Check) -> tuple[Grade, str]:
    (finding,) = [each for each in found if each.check is check]
    return finding.grade, finding.remark.code if finding.remark else ""


@pytest.fixture
def tenancy() -> Tenancy:
    return a_company()


def test_a_source_that_is_well_has_nothing_said_of_it(tenancy: Tenancy) -> None:
    found = findings(tenancy)
    assert [(each.check, each.grade) for each in found] == [(check, Grade.OK) for check in WELL]
    assert tenancy.workspace.talk.posts == {}
    assert sum(tenancy.api.calls.values()) <= 8
    assert tenancy.api.suspicious == []


def test_with_a_card_template_the_cards_are_tested_too(tenancy: Tenancy) -> None:
    assert told(findings(tenancy, *FOR_EVENTS, "card_api_secret", **CARDS), Check.CARDS) == (Grade.OK, "")
    tenancy.workspace.revoke(scopes.CARDS)
    found = findings(tenancy, *FOR_EVENTS, "card_api_secret", **CARDS)
    assert told(found, Check.CARDS) == (Grade.FAILED, "permission missing")


def test_a_card_template_without_its_secret_is_found(tenancy: Tenancy) -> None:
    assert told(findings(tenancy, **CARDS), Check.CARDS) == (Grade.WARNING, "callbacks have no key")


def test_a_wrong_secret_ends_the_test(tenancy: Tenancy) -> None:
    tenancy.secret = "wrong"
    (finding,) = findings(tenancy)
    assert (finding.check, finding.grade, finding.vendor_code) == (
        Check.CREDENTIALS,
        Grade.FAILED,
        "invalidClientIdOrSecret",
    )


def test_another_company_ends_the_test(tenancy: Tenancy) -> None:
    (finding,) = findings(tenancy, corp_id="dingother0000")
    assert (finding.check, finding.remark and finding.remark.code) == (Check.CREDENTIALS, "company refused")


@pytest.mark.parametrize(
    ("scope", "check"),
    [
        (scopes.BASE, Check.RANGE),
        (scopes.DEPARTMENT_LIST, Check.COUNTS),
        (scopes.DEPARTMENT_MEMBER, Check.COUNTS),
        (scopes.SEND, Check.CHAT),
    ],
)
def test_a_missing_permission_is_named_and_the_test_goes_on(tenancy: Tenancy, scope: str, check: Check) -> None:
    tenancy.workspace.revoke(scope)
    found = findings(tenancy)
    assert told(found, check) == (Grade.FAILED, "permission missing")
    (finding,) = [each for each in found if each.check is check]
    assert finding.remark is not None
    assert finding.remark.facts["scopes"] == scope
    assert finding.vendor_code
    assert finding.request_id
    assert found[-1].check is Check.CALLBACK


@pytest.mark.parametrize(("scope", "field"), [(scopes.MOBILE_FIELD, "mobile"), (scopes.EMAIL_FIELDS, "email")])
@pytest.mark.parametrize("listed", [True, False])
def test_a_missing_field_permission_is_found_by_the_list_or_by_what_nobody_shows(
    tenancy: Tenancy, scope: str, field: str, listed: bool
) -> None:
    tenancy.workspace.revoke(scope)
    if not listed:
        body = b'{"errcode":0,"auth_org_scopes":{"authed_dept":[1]}}'
        tenancy.api.faults.add(faults.replace(body=body, endpoint="auth.scopes"))
    found = findings(tenancy)
    assert told(found, Check.PERMISSIONS) == (Grade.WARNING, "fields not readable" if listed else "fields not shown")
    (finding,) = [each for each in found if each.check is Check.PERMISSIONS]
    assert finding.remark is not None
    assert field in str(finding.remark.facts["fields"])


def test_a_company_where_nobody_has_anything_is_not_complained_of() -> None:
    tenancy = a_tenancy()
    tenancy.workspace.add_user("ann")
    assert told(findings(tenancy), Check.PERMISSIONS) == (Grade.OK, "")


def test_a_partial_and_an_empty_range_are_told_apart(tenancy: Tenancy) -> None:
    person = next(iter(tenancy.everybody()))
    tenancy.workspace.set_range(users=[person])
    found = findings(tenancy)
    assert told(found, Check.RANGE) == (Grade.WARNING, "range is partial")
    assert told(found, Check.COUNTS) == (Grade.OK, "")
    tenancy.workspace.set_range()
    assert told(findings(tenancy), Check.RANGE) == (Grade.FAILED, "range is empty")


def test_a_robot_that_cannot_speak_is_found(tenancy: Tenancy) -> None:
    assert told(findings(tenancy, robot_code="dingother"), Check.CHAT) == (Grade.FAILED, "robot not available")
    tenancy.workspace.configure(robot_on=False)
    assert told(findings(tenancy), Check.CHAT) == (Grade.FAILED, "robot not available")


def test_nobody_is_no_trouble_in_either_way_of_saying_so(tenancy: Tenancy) -> None:
    tenancy.api.choices.unknown_staff = "refused"
    assert told(findings(tenancy), Check.CHAT) == (Grade.OK, "")


def test_a_month_that_is_used_up_is_a_matter_of_quota(tenancy: Tenancy) -> None:
    body = b'{"code":"Forbidden.AccessDenied.ApiCountLimitForOrg","message":"no","requestid":"r1"}'
    tenancy.api.faults.add(faults.replace(status=403, body=body, endpoint="robot.oto"))
    found = findings(tenancy)
    assert told(found, Check.QUOTA) == (Grade.FAILED, "quota used up")
    assert Check.CHAT not in {each.check for each in found}


@pytest.mark.parametrize("secrets", [("aes_key",), ("token",), ("card_api_secret",)])
def test_keys_that_events_are_proven_by_are_missed(tenancy: Tenancy, secrets: tuple[str, ...]) -> None:
    assert told(findings(tenancy, *secrets), Check.CALLBACK) == (Grade.WARNING, "callbacks have no key")
