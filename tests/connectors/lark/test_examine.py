"""What a test of a source finds: what is missing, in whose words, and what to do about it.

What each mistake is called stands in tests/misconfigured; here is what the steps themselves must hold.
"""

from __future__ import annotations

import json

import pytest

from chalicelib.connectors import Registry
from chalicelib.core.catalogue import Lang
from chalicelib.core.diagnosis import told
from chalicelib.core.errors import SourceUnavailableError
from chalicelib.core.finding import Check, Finding, Grade
from chalicelib.core.secret import Secret
from infra.lab import faults
from infra.lab.lark import scopes
from infra.lab.transport import LabTransport
from tests.connectors.lark.tenancy import Tenancy, a_company, a_tenancy
from tests.connectors.test_registry import Kept

KEYS = ("encrypt_key", "verification_token")
ALL_WELL = [
    Check.CREDENTIALS,
    Check.NETWORK,
    Check.CLOCK,
    Check.PERMISSIONS,
    Check.RANGE,
    Check.SAMPLE,
    Check.FIELDS,
    Check.CHAT,
    Check.CALLBACK,
    Check.QUOTA,
]


def findings(tenancy: Tenancy, *, keys: tuple[str, ...] = KEYS) -> list[Finding]:
    """Test with these secrets besides the app's own; every finding has its words."""
    secrets = {"app_secret": Secret(tenancy.secret or tenancy.workspace.app_secret)}
    secrets |= {name: Secret("k") for name in keys}
    registry = Registry(secrets=Kept(secrets), clock=tenancy.clock, transport=LabTransport(tenancy.api))
    reader = registry.open(tenancy.source())
    found = list(reader.examine())
    reader.close()
    console = registry.form("lark").console
    for each in found:
        for lang in Lang:
            words = told(each, lang, console, {"handle": "hq"})
            assert words.tried
            assert words.came
            assert each.grade is Grade.OK or words.do
            assert "?" not in words.do.removesuffix(each.link)
    return found


def worst(tenancy: Tenancy, check: Check, *, keys: tuple[str, ...] = KEYS) -> Finding:
    (found,) = (each for each in findings(tenancy, keys=keys) if each.check is check and each.grade is not Grade.OK)
    return found


def refused(code: int, endpoint: str) -> faults.Fault:
    body = json.dumps({"code": code, "msg": "no", "error": {"log_id": "log-1"}}).encode()
    return faults.replace(status=400, body=body, endpoint=endpoint)


def test_of_an_app_that_has_everything_all_is_well() -> None:
    tenancy = a_company()
    found = findings(tenancy)
    assert [each.check for each in found] == ALL_WELL
    assert {each.grade for each in found} == {Grade.OK}


@pytest.mark.parametrize(("people", "departments"), [(12, 2), (600, 80)])
def test_a_test_costs_a_handful_of_calls_however_large_the_company_is(people: int, departments: int) -> None:
    tenancy = a_company(people, departments)
    counted = findings(tenancy)[-1]
    assert sum(tenancy.api.calls.values()) <= 9
    assert counted.facts["count"] == sum(tenancy.api.calls.values())
    assert tenancy.api.suspicious == []


def test_with_a_wrong_secret_nothing_else_is_tried() -> None:
    tenancy = a_company()
    tenancy.secret = "wrong"
    (found,) = findings(tenancy)
    assert (found.check, found.grade, found.cause) == (Check.CREDENTIALS, Grade.FAILED, "credentials refused")
    assert found.vendor_code in ("10014", "10015")


def test_an_app_that_is_not_installed_is_told() -> None:
    tenancy = a_company()
    tenancy.workspace.configure(installed=False)
    (found,) = findings(tenancy)
    assert (found.check, found.grade, found.cause) == (Check.CREDENTIALS, Grade.FAILED, "app not available")
    assert found.request_id


def test_a_missing_permission_is_named_with_what_it_hides_and_where_to_add_it() -> None:
    tenancy = a_company()
    tenancy.workspace.revoke(scopes.PHONE)
    found = worst(tenancy, Check.PERMISSIONS)
    assert (found.grade, found.facts) == (Grade.WARNING, {"fields": "mobile", "scopes": scopes.PHONE})
    app = f"https://open.feishu.cn/app/{tenancy.workspace.app_id}"
    assert found.link == f"{app}/auth?q={scopes.PHONE}&token_type=tenant"


def test_what_nobody_can_be_created_without_is_a_failure_with_all_that_its_permission_hides() -> None:
    tenancy = a_company()
    tenancy.workspace.revoke(scopes.EMPLOYEE)
    found = worst(tenancy, Check.PERMISSIONS)
    assert found.grade is Grade.FAILED
    assert "state" in str(found.facts["fields"])
    assert "employee_no" in str(found.facts["fields"])


def test_permissions_that_are_not_told_do_not_end_the_test() -> None:
    tenancy = a_company()
    tenancy.api.faults.add(refused(212200, "application.scopes"))
    found = worst(tenancy, Check.PERMISSIONS)
    assert (found.grade, found.cause, found.vendor_code) == (Grade.WARNING, "permissions unknown", "212200")
    assert [each.check for each in findings(tenancy)] == ALL_WELL


def test_where_permissions_are_not_told_the_sample_tells() -> None:
    tenancy = a_company()
    tenancy.workspace.revoke(scopes.PHONE)
    tenancy.api.faults.add(refused(212200, "application.scopes"))
    found = worst(tenancy, Check.FIELDS)
    assert (found.cause, found.facts["fields"]) == ("fields not shown", "mobile")


def test_a_partial_range_is_counted_with_the_vendors_code() -> None:
    tenancy = a_company()
    company = tenancy.workspace
    company.set_range([company.some_leaf_department()])
    found = worst(tenancy, Check.RANGE)
    assert (found.grade, found.vendor_code) == (Grade.WARNING, "40004")
    assert found.request_id
    assert found.facts == {"departments": 1, "people": 0}
    assert [each.check for each in findings(tenancy)] == ALL_WELL


def test_an_empty_range_is_a_failure() -> None:
    tenancy = a_company()
    tenancy.workspace.set_range([])
    found = worst(tenancy, Check.RANGE)
    assert (found.grade, found.cause) == (Grade.FAILED, "range is empty")


@pytest.mark.parametrize(
    ("endpoint", "check"),
    [("departments.children", Check.RANGE), ("users.find_by_department", Check.SAMPLE)],
)
def test_what_the_vendor_refuses_is_a_finding_and_the_test_goes_on(endpoint: str, check: Check) -> None:
    tenancy = a_company()
    tenancy.api.faults.add(refused(99991672, endpoint))
    found = worst(tenancy, check)
    assert (found.grade, found.vendor_code, found.cause) == (Grade.FAILED, "99991672", "permission missing")
    assert found.request_id
    assert findings(tenancy)[-1].check is Check.QUOTA


def test_a_range_that_may_not_be_asked_for_is_no_trouble_where_everybody_is_seen() -> None:
    tenancy = a_company()
    tenancy.api.faults.add(refused(99991672, "contact.scopes"))
    assert {each.grade for each in findings(tenancy)} == {Grade.OK}


def test_a_tree_that_is_too_big_to_be_listed_is_sampled_from_its_top() -> None:
    tenancy = a_company(300, 60)
    tenancy.workspace.configure(recursion_refused=True, recursion_threshold=10)
    assert {each.grade for each in findings(tenancy)} == {Grade.OK}


def test_people_who_are_not_shown_are_missed() -> None:
    found = worst(a_tenancy(), Check.SAMPLE)
    assert (found.grade, found.cause) == (Grade.WARNING, "nobody is seen")


def test_a_bot_that_is_off_is_told_and_holds_nothing_back() -> None:
    tenancy = a_company()
    tenancy.workspace.configure(bot_on=False)
    found = worst(tenancy, Check.CHAT)
    assert (found.grade, found.cause, found.vendor_code) == (Grade.WARNING, "bot is switched off", "1")
    tenancy.workspace.configure(bot_on=True)
    tenancy.api.faults.add(refused(11205, "bot.info"))
    found = worst(tenancy, Check.CHAT)
    assert (found.cause, found.vendor_code) == ("bot is switched off", "11205")
    assert found.request_id


def test_what_the_bot_may_not_do_is_named() -> None:
    tenancy = a_company()
    for scope in scopes.BOT:
        tenancy.workspace.revoke(scope)
    found = worst(tenancy, Check.CHAT)
    assert found.facts["scopes"] == (
        "im:message:send_as_bot, im:message.p2p_msg:readonly, im:message.group_at_msg:readonly"
    )
    tenancy.workspace.grant("im:message:send_as_bot")
    assert "send_as_bot" not in str(worst(tenancy, Check.CHAT).facts["scopes"])


def test_what_the_callbacks_are_proven_by_is_looked_at() -> None:
    tenancy = a_company()
    assert worst(tenancy, Check.CALLBACK, keys=("note",)).cause == "callbacks have no key"
    assert worst(tenancy, Check.CALLBACK, keys=("verification_token",)).cause == "callbacks are not signed"


def test_a_vendor_that_is_down_ends_the_test_soon() -> None:
    tenancy = a_company()
    tenancy.api.faults.add(faults.server_error(endpoint="departments.children"))
    began = tenancy.clock.now()
    with pytest.raises(SourceUnavailableError):
        findings(tenancy)
    assert (tenancy.clock.now() - began).total_seconds() < 10
