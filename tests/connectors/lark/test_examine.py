"""What a test of a source finds: what is missing, in whose words, and what to do about it."""

from __future__ import annotations

import json

import pytest

from chalicelib.connectors.lark.client import LarkClient
from chalicelib.connectors.lark.examine import examined
from chalicelib.core.catalogue import CATALOGUE, Lang, say
from chalicelib.core.errors import SourceUnavailableError
from chalicelib.core.finding import Check, Finding, Grade
from infra.lab import faults
from infra.lab.lark import scopes
from tests.connectors.lark.tenancy import Tenancy, a_company, a_tenancy

KEYS = ("app_secret", "encrypt_key", "verification_token")
ALL_WELL = [Check.CREDENTIALS, Check.PERMISSIONS, Check.RANGE, Check.COUNTS, Check.CHAT, Check.CALLBACK]


def findings(tenancy: Tenancy, *, keys: tuple[str, ...] = KEYS) -> list[Finding]:
    """Test as the reader does, with these secrets; every remark has its words."""
    reader = tenancy.reader()
    client = getattr(reader, "_client", None)
    assert isinstance(client, LarkClient)
    found = list(examined(client, tenancy.mapping, keys))
    for each in found:
        if each.remark is not None:
            assert {say(each.remark.code, lang, each.remark.facts) for lang in Lang}
        else:
            assert each.grade is Grade.OK
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


def test_the_reader_tests_with_the_secrets_that_it_has() -> None:
    tenancy = a_company()
    found = list(tenancy.reader().examine())
    assert [each.check for each in found] == ALL_WELL
    assert found[-1].remark is not None
    assert found[-1].remark.code == "callbacks have no key"


def test_a_test_costs_a_handful_of_calls_however_large_the_company_is() -> None:
    tenancy = a_company(600, 80)
    list(tenancy.reader().examine())
    assert sum(tenancy.api.calls.values()) <= 9


def test_with_a_wrong_secret_nothing_else_is_tried() -> None:
    tenancy = a_company()
    tenancy.secret = "wrong"
    (found,) = findings(tenancy)
    assert (found.check, found.grade) == (Check.CREDENTIALS, Grade.FAILED)
    assert found.vendor_code in ("10014", "10015")
    assert found.remark is not None
    assert found.remark.code == "credentials refused"


def test_an_app_that_is_not_installed_is_told() -> None:
    tenancy = a_company()
    tenancy.workspace.configure(installed=False)
    (found,) = findings(tenancy)
    assert (found.check, found.grade) == (Check.CREDENTIALS, Grade.FAILED)
    assert found.remark is not None
    assert found.remark.code == "app not available"
    assert found.request_id


def test_a_missing_permission_is_named_with_what_it_hides() -> None:
    tenancy = a_company()
    tenancy.workspace.revoke(scopes.PHONE)
    found = worst(tenancy, Check.PERMISSIONS)
    assert (found.grade, found.remark and found.remark.facts) == (
        Grade.WARNING,
        {"fields": "mobile", "scopes": scopes.PHONE},
    )


def test_permissions_that_are_not_told_do_not_end_the_test() -> None:
    tenancy = a_company()
    tenancy.api.faults.add(refused(212200, "application.scopes"))
    found = worst(tenancy, Check.PERMISSIONS)
    assert (found.grade, found.vendor_code) == (Grade.WARNING, "212200")
    assert [each.check for each in findings(tenancy)] == ALL_WELL


def test_a_partial_range_is_counted_with_the_vendors_code() -> None:
    tenancy = a_company()
    company = tenancy.workspace
    company.set_range([company.some_leaf_department()])
    found = worst(tenancy, Check.RANGE)
    assert (found.grade, found.vendor_code) == (Grade.WARNING, "40004")
    assert found.request_id
    assert found.remark is not None
    assert found.remark.facts["departments"] == 1
    assert [each.check for each in findings(tenancy)] == ALL_WELL


def test_an_empty_range_is_a_failure() -> None:
    tenancy = a_company()
    tenancy.workspace.set_range([])
    found = worst(tenancy, Check.RANGE)
    assert found.grade is Grade.FAILED
    assert found.remark is not None
    assert found.remark.code == "range is empty"


@pytest.mark.parametrize(
    ("endpoint", "check"),
    [
        ("contact.scopes", Check.RANGE),
        ("departments.children", Check.COUNTS),
        ("users.find_by_department", Check.COUNTS),
    ],
)
def test_what_the_vendor_refuses_is_a_finding_and_the_test_goes_on(endpoint: str, check: Check) -> None:
    tenancy = a_company()
    tenancy.api.faults.add(refused(99991672, endpoint))
    found = worst(tenancy, check)
    assert (found.grade, found.vendor_code) == (Grade.FAILED, "99991672")
    assert found.request_id
    assert findings(tenancy)[-1].check is Check.CALLBACK


def test_what_is_shown_of_nobody_in_a_sample_is_missed() -> None:
    tenancy = a_company()
    tenancy.workspace.revoke(scopes.EMPLOYEE)
    found = worst(tenancy, Check.COUNTS)
    assert found.remark is not None
    assert found.remark.facts["fields"] == "status"


def test_a_company_without_people_has_no_sample() -> None:
    assert {each.grade for each in findings(a_tenancy())} == {Grade.OK}


def test_a_bot_that_is_off_is_told() -> None:
    tenancy = a_company()
    tenancy.workspace.configure(bot_on=False)
    found = worst(tenancy, Check.CHAT)
    assert (found.grade, found.vendor_code) == (Grade.FAILED, "1")
    tenancy.workspace.configure(bot_on=True)
    tenancy.api.faults.add(refused(11205, "bot.info"))
    found = worst(tenancy, Check.CHAT)
    assert found.vendor_code == "11205"
    assert found.request_id
    assert found.remark is not None
    assert found.remark.code == "bot is switched off"


def test_what_the_bot_may_not_do_is_named() -> None:
    tenancy = a_company()
    for scope in scopes.BOT:
        tenancy.workspace.revoke(scope)
    found = worst(tenancy, Check.CHAT)
    assert found.remark is not None
    assert found.remark.facts["scopes"] == (
        "im:message:send_as_bot, im:message.p2p_msg:readonly, im:message.group_at_msg:readonly"
    )
    tenancy.workspace.grant("im:message:send_as_bot")
    found = worst(tenancy, Check.CHAT)
    assert found.remark is not None
    assert "send_as_bot" not in str(found.remark.facts["scopes"])


def test_what_the_callbacks_are_proven_by_is_looked_at() -> None:
    tenancy = a_company()
    assert worst(tenancy, Check.CALLBACK, keys=("app_secret",)).remark is not None
    unsigned = worst(tenancy, Check.CALLBACK, keys=("app_secret", "verification_token"))
    assert unsigned.remark is not None
    assert unsigned.remark.code == "callbacks are not signed"
    assert "code" in CATALOGUE["callbacks are not signed"][0]


def test_a_vendor_that_is_down_ends_the_test() -> None:
    tenancy = a_company()
    tenancy.api.faults.add(faults.server_error(endpoint="contact.scopes"))
    with pytest.raises(SourceUnavailableError):
        findings(tenancy)
