"""The test of a source: each thing that can be missing is found, and said with what to do.

What each mistake is called stands in tests/misconfigured; here is what the steps themselves must hold.
"""

from __future__ import annotations

import pytest

from chalicelib.connectors import Registry
from chalicelib.core.catalogue import Lang
from chalicelib.core.diagnosis import told as worded
from chalicelib.core.finding import Check, Finding, Grade
from chalicelib.core.secret import Secret
from infra.lab import faults
from infra.lab.dingtalk import scopes
from infra.lab.transport import LabTransport
from tests.connectors.dingtalk.tenancy import Tenancy, a_company, a_tenancy
from tests.connectors.test_registry import Kept

TEMPLATE = "0b9a2f9e-9d1c-4d57-8c0e-4c5f2f8b9a10.schema"
CARDS = {"card_template": TEMPLATE}
FOR_EVENTS = ("aes_key", "token")
WELL = [
    Check.CREDENTIALS,
    Check.NETWORK,
    Check.CLOCK,
    Check.RANGE,
    Check.SAMPLE,
    Check.PERMISSIONS,
    Check.FIELDS,
    Check.CHAT,
    Check.CALLBACK,
    Check.QUOTA,
]


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
    console = registry.form("dingtalk").console
    for each in found:
        for lang in Lang:
            words = worded(each, lang, console, {"handle": "branch"})
            assert words.tried
            assert words.came
            assert each.grade is Grade.OK or words.do
            assert "?" not in words.do.removesuffix(each.link)
    return found


def told(found: list[Finding], check: Check) -> tuple[Grade, str]:
    (finding,) = [each for each in found if each.check is check]
    return finding.grade, finding.cause


@pytest.fixture
def tenancy() -> Tenancy:
    return a_company()


def test_a_source_that_is_well_has_nothing_said_of_it(tenancy: Tenancy) -> None:
    found = findings(tenancy)
    assert [(each.check, each.grade) for each in found] == [(check, Grade.OK) for check in WELL]
    assert tenancy.workspace.talk.posts == {}
    assert sum(tenancy.api.calls.values()) <= 15
    assert found[-1].facts["count"] == sum(tenancy.api.calls.values())
    assert tenancy.api.suspicious == []


def test_with_a_card_template_the_cards_are_tested_too_and_none_is_made(tenancy: Tenancy) -> None:
    tenancy.workspace.install_card(TEMPLATE, "title", [], [])
    assert told(findings(tenancy, *FOR_EVENTS, "card_api_secret", **CARDS), Check.CARDS)[1] == "card callback unknown"
    tenancy.workspace.route_card(f"rollcall-{tenancy.workspace.app_key}", "http://127.0.0.1/cards")
    assert told(findings(tenancy, *FOR_EVENTS, "card_api_secret", **CARDS), Check.CARDS) == (Grade.OK, "")
    assert tenancy.workspace.talk.posts == {}
    tenancy.workspace.revoke(scopes.CARDS)
    found = findings(tenancy, *FOR_EVENTS, "card_api_secret", **CARDS)
    assert told(found, Check.CARDS) == (Grade.WARNING, "cards not allowed")


def test_a_card_template_without_its_secret_is_found(tenancy: Tenancy) -> None:
    assert told(findings(tenancy, **CARDS), Check.CARDS) == (Grade.WARNING, "cards have no key")


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
    assert (finding.check, finding.cause) == (Check.CREDENTIALS, "company refused")


@pytest.mark.parametrize(
    ("scope", "check", "grade", "cause"),
    [
        (scopes.BASE, Check.RANGE, Grade.FAILED, "permission missing"),
        (scopes.DEPARTMENT_LIST, Check.SAMPLE, Grade.FAILED, "permission missing"),
        (scopes.DEPARTMENT_MEMBER, Check.SAMPLE, Grade.FAILED, "permission missing"),
        (scopes.MEMBER, Check.SAMPLE, Grade.FAILED, "details not allowed"),
        (scopes.SEND, Check.CHAT, Grade.WARNING, "chat permissions missing"),
    ],
)
def test_a_missing_permission_is_named_and_the_test_goes_on(
    tenancy: Tenancy, scope: str, check: Check, grade: Grade, cause: str
) -> None:
    tenancy.workspace.revoke(scope)
    found = findings(tenancy)
    assert told(found, check) == (grade, cause)
    (finding,) = [each for each in found if each.check is check]
    assert finding.facts["scopes"] == scope
    app_key = tenancy.workspace.app_key
    assert finding.link == f"https://open-dev.dingtalk.com/appscope/apply?content={app_key}%23{scope}"
    assert finding.vendor_code
    assert finding.request_id
    assert found[-1].check is Check.QUOTA


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
    check, cause = (Check.PERMISSIONS, "fields not readable") if listed else (Check.FIELDS, "fields not shown")
    assert told(found, check) == (Grade.WARNING, cause)
    (finding,) = [each for each in found if each.check is check]
    assert field in str(finding.facts["fields"])


def test_a_company_where_nobody_has_anything_is_not_complained_of() -> None:
    tenancy = a_tenancy()
    tenancy.workspace.add_user("ann")
    assert {each.grade for each in findings(tenancy)} == {Grade.OK}


def test_people_who_are_not_shown_are_missed() -> None:
    assert told(findings(a_tenancy()), Check.SAMPLE) == (Grade.WARNING, "nobody is seen")


def test_a_partial_and_an_empty_range_are_told_apart(tenancy: Tenancy) -> None:
    person = next(iter(tenancy.everybody()))
    tenancy.workspace.set_range(users=[person])
    found = findings(tenancy)
    assert told(found, Check.RANGE) == (Grade.WARNING, "range is partial")
    assert told(found, Check.SAMPLE) == (Grade.OK, "a sample is seen")
    tenancy.workspace.set_range()
    assert told(findings(tenancy), Check.RANGE) == (Grade.FAILED, "range is empty")


def test_a_robot_that_cannot_speak_is_found_and_holds_nothing_back(tenancy: Tenancy) -> None:
    assert told(findings(tenancy, robot_code="dingother"), Check.CHAT) == (Grade.WARNING, "robot unknown")
    tenancy.workspace.configure(robot_on=False)
    assert told(findings(tenancy), Check.CHAT) == (Grade.WARNING, "robot stopped")


def test_nobody_is_no_trouble_in_either_way_of_saying_so(tenancy: Tenancy) -> None:
    tenancy.api.choices.unknown_staff = "refused"
    assert told(findings(tenancy), Check.CHAT) == (Grade.OK, "")


def test_a_month_that_is_used_up_for_the_robot_stops_no_sync(tenancy: Tenancy) -> None:
    body = b'{"code":"Forbidden.AccessDenied.ApiCountLimitForOrg","message":"no","requestid":"r1"}'
    tenancy.api.faults.add(faults.replace(status=403, body=body, endpoint="robot.oto"))
    found = findings(tenancy)
    assert (Check.QUOTA, Grade.WARNING, "chat quota used up") in [
        (each.check, each.grade, each.cause) for each in found
    ]
    assert Check.CHAT not in {each.check for each in found}


@pytest.mark.parametrize("secrets", [("aes_key",), ("token",), ("card_api_secret",)])
def test_keys_that_events_are_proven_by_are_missed(tenancy: Tenancy, secrets: tuple[str, ...]) -> None:
    assert told(findings(tenancy, *secrets), Check.CALLBACK) == (Grade.WARNING, "callbacks have no key")
