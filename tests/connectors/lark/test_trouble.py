"""What goes wrong with vendors: tokens, limits, networks, answers that lie. A read is whole, or it raises."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest

from chalicelib.core.errors import (
    RollcallError,
    SourceDeniedError,
    SourceProtocolError,
    SourceUnavailableError,
    ThrottledError,
)
from chalicelib.core.model import Part
from infra.lab import faults
from infra.lab.faults import Fault
from infra.lab.lark.choices import Choices
from tests.connectors.lark.tenancy import Tenancy, a_company, a_tenancy, employees, records

MEMBERS = "users.find_by_department"


def whole(tenancy: Tenancy) -> bool:
    """Tell whether a read shows everybody there is."""
    everybody = {user.union_id for user in tenancy.workspace.users.values()}
    return set(employees(tenancy.read())) == everybody


def test_a_token_that_ends_during_the_walk_is_renewed_before_it_does() -> None:
    tenancy = a_company()
    tenancy.api.faults.add(faults.on_call(lambda call: tenancy.clock.sleep(5500), endpoint=MEMBERS, nth=3))
    assert whole(tenancy)
    assert tenancy.calls("auth.tenant_access_token") == 2


def test_a_token_handed_out_again_is_not_used_beyond_its_end() -> None:
    tenancy = a_company()
    tenancy.read()
    tenancy.clock.sleep(4000)
    tenancy.api.reset_calls()
    tenancy.api.faults.add(faults.on_call(lambda call: tenancy.clock.sleep(600), endpoint=MEMBERS, last=8))
    assert whole(tenancy)
    # 3,200 s are left of it: used for another 1,400 s, then a new one comes, which lasts.
    assert tenancy.calls("auth.tenant_access_token") == 2


@pytest.mark.parametrize("nth", [1, 2, 5])
def test_a_dead_token_is_dropped_and_fetched_once(nth: int) -> None:
    tenancy = a_company()
    tenancy.api.faults.add(faults.token_revoked(endpoint=MEMBERS, nth=nth))
    assert whole(tenancy)
    assert tenancy.calls("auth.tenant_access_token") == 2


@pytest.mark.parametrize("code", [99991661, 99991663, 99991665])
@pytest.mark.parametrize("status", [200, 400, 401])
def test_a_dead_token_is_known_by_its_code_whatever_the_status(code: int, status: int) -> None:
    tenancy = a_company(30, 2)
    body = b'{"code":%d,"msg":"Invalid access token for authorization"}' % code
    tenancy.api.faults.add(faults.replace(status=status, body=body, endpoint=MEMBERS, nth=2))
    assert whole(tenancy)
    assert tenancy.calls("auth.tenant_access_token") == 2


def test_tokens_that_are_always_refused_are_not_fetched_for_ever() -> None:
    tenancy = a_company(30, 2)
    tenancy.api.faults.add(faults.token_revoked(endpoint=MEMBERS))
    with pytest.raises(SourceUnavailableError, match="fresh credentials refused"):
        tenancy.read()
    assert tenancy.calls("auth.tenant_access_token") == 2


def test_many_threads_fetch_one_token() -> None:
    tenancy = a_company(300, 40)
    tenancy.in_flight = 8
    tenancy.api.limits = False
    tenancy.api.faults.add(faults.token_revoked(endpoint=MEMBERS, nth=12))
    assert whole(tenancy)
    assert tenancy.calls("auth.tenant_access_token") == 2


def test_a_token_that_another_reader_renewed_meanwhile_is_taken_over() -> None:
    tenancy = a_company()
    registry = tenancy.registry()
    reader, other = registry.open(tenancy.source()), registry.open(tenancy.source())
    somebody = tenancy.person(tenancy.workspace.some_person(1))

    def renew() -> None:
        tenancy.api.revoke_tokens()
        other.confirm([somebody])

    tenancy.api.faults.add(faults.on_call(lambda call: renew(), after=False, endpoint=MEMBERS, nth=2))
    assert list(reader.parts({}))
    assert tenancy.calls("auth.tenant_access_token") == 2


@pytest.mark.parametrize("status", [429, 400])
@pytest.mark.parametrize("headers", [True, False])
def test_throttled_calls_are_repeated(status: int, headers: bool) -> None:
    tenancy = a_company()
    tenancy.api.faults.add(
        faults.throttle(status=status, headers=headers, wait_s=4.0, endpoint=MEMBERS, first=3, last=4)
    )
    reader = tenancy.reader()
    assert len([record for part in reader.parts({}) for record in part.records]) >= 120
    assert reader.calls[MEMBERS] == tenancy.expected_member_calls() + 2


def test_throttling_that_does_not_end_is_told_as_such() -> None:
    tenancy = a_company(30, 2)
    tenancy.api.faults.add(faults.throttle(wait_s=30.0, endpoint=MEMBERS))
    with pytest.raises(ThrottledError) as caught:
        tenancy.read()
    assert caught.value.retry_after == 30.0
    assert caught.value.facts == {"endpoint": MEMBERS}


def test_a_big_company_is_hardly_ever_throttled_and_takes_hardly_longer_than_it_must() -> None:
    tenancy = a_company(2000, 1300)
    reader = tenancy.reader()
    began = tenancy.clock.now()
    for _ in reader.parts({}):
        pass
    calls = reader.calls[MEMBERS]
    assert calls > 1100
    assert sum(tenancy.api.throttled.values()) == 0
    optimum_s = 60 * ((calls - 1) // 1000) + ((calls - 1) % 1000) // 50
    assert (tenancy.clock.now() - began).total_seconds() <= 1.15 * (optimum_s + 1)


PASSING: list[Callable[..., Fault]] = [
    faults.server_error,
    faults.html_page,
    faults.garbage_json,
    faults.timeout,
    faults.connect_timeout,
    faults.reset,
]


@pytest.mark.parametrize("trouble", PASSING)
@pytest.mark.parametrize("endpoint", ["auth.*", "application.*", "departments.*", "users.*"])
def test_passing_trouble_is_survived(trouble: Callable[..., Fault], endpoint: str) -> None:
    tenancy = a_company(60, 5)
    tenancy.api.faults.add(trouble(endpoint=endpoint, last=3))
    assert whole(tenancy)


@pytest.mark.parametrize("trouble", PASSING)
def test_lasting_trouble_raises(trouble: Callable[..., Fault]) -> None:
    tenancy = a_company(60, 5)
    tenancy.api.faults.add(trouble(endpoint="users.*"))
    with pytest.raises(SourceUnavailableError) as caught:
        tenancy.read()
    assert caught.value.facts["endpoint"] == MEMBERS


@pytest.mark.parametrize("seed", range(3))
def test_trouble_all_over_the_walk_is_survived(seed: int) -> None:
    tenancy = a_company(300, 40)
    tenancy.in_flight = 8
    for number, trouble in enumerate([*PASSING, faults.throttle]):
        tenancy.api.faults.add(trouble(chance=0.03, seed=10 * seed + number))
    assert whole(tenancy)


def test_more_pages_without_a_token_is_a_broken_contract() -> None:
    tenancy = a_company(60, 3)
    tenancy.api.faults.add(faults.has_more_lies(says=True, endpoint=MEMBERS))
    with pytest.raises(SourceProtocolError, match="more pages without a token"):
        tenancy.read()


def test_pages_that_go_round_in_circles_are_a_broken_contract() -> None:
    tenancy = a_tenancy()
    for number in range(120):
        tenancy.workspace.add_user(f"n{number}")
    tenancy.api.faults.add(faults.loop_cursor(endpoint=MEMBERS))
    with pytest.raises(SourceProtocolError, match="page token repeated"):
        tenancy.read()


def test_has_more_decides_and_not_the_number_of_rows() -> None:
    tenancy = a_tenancy()
    for number in range(120):
        tenancy.workspace.add_user(f"n{number}")
    # A page that was filtered after it was cut: short, and yet there is more.
    short = b'{"code":0,"msg":"","data":{"has_more":true,"page_token":"%s"}}'
    tenancy.api.faults.add(faults.replace(body=short % b"next", endpoint=MEMBERS, nth=1))
    tenancy.api.faults.add(
        faults.replace(
            body=b'{"code":0,"msg":"","data":{"has_more":false,"items":[{"union_id":"on_1"}]}}',
            endpoint=MEMBERS,
            where=lambda call: call.param("page_token") == "next",
        )
    )
    assert list(employees(tenancy.read())) == ["on_1"]


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b"null",
        b'"text"',
        b'{"has_more":1}',
        b'{"has_more":"false"}',
        b'{"page_token":"t"}',
        b'{"has_more":true,"page_token":7}',
        b'{"has_more":false,"items":{}}',
        b'{"has_more":false,"items":["ann"]}',
        b'{"has_more":false,"items":[{}]}',
        b'{"has_more":false,"items":[{"union_id":7}]}',
        b'{"has_more":false,"items":[{"union_id":"on_1","name":{"first":"ann"}}]}',
        b'{"has_more":false,"items":[{"union_id":"on_1","department_ids":"od-1"}]}',
        b'{"has_more":false,"items":[{"union_id":"on_1","custom_attrs":[7]}]}',
        b'{"has_more":false,"items":[{"union_id":"on_1","join_time":"soon"}]}',
    ],
)
def test_a_misshapen_answer_is_a_broken_contract(data: bytes) -> None:
    tenancy = a_company(30, 2)
    tenancy.api.faults.add(faults.replace(body=b'{"code":0,"data":%s}' % data, endpoint=MEMBERS))
    with pytest.raises(SourceProtocolError) as caught:
        tenancy.read()
    assert caught.value.code == "source broke its contract"
    assert "ann" not in str(caught.value)


@pytest.mark.parametrize(
    "body", [b'{"msg":"ok"}', b'{"code":"0"}', b'{"code":true}', b'{"code":null,"data":{}}', b'{"code":0.5}']
)
def test_an_answer_without_a_code_is_a_broken_contract(body: bytes) -> None:
    tenancy = a_company(30, 2)
    tenancy.api.faults.add(faults.replace(body=body, endpoint=MEMBERS))
    with pytest.raises(SourceProtocolError, match="no code in the answer"):
        tenancy.read()


@pytest.mark.parametrize(
    "body",
    [
        b'{"code":0,"msg":"ok"}',
        b'{"code":0,"tenant_access_token":"","expire":7200}',
        b'{"code":0,"tenant_access_token":"t-\\n","expire":7200}',
        b'{"code":0,"tenant_access_token":"t-1","expire":"soon"}',
        b'{"code":0,"tenant_access_token":"t-1","expire":0}',
    ],
)
def test_a_misshapen_token_is_a_broken_contract(body: bytes) -> None:
    tenancy = a_company(30, 2)
    tenancy.api.faults.add(faults.replace(body=body, endpoint="auth.*"))
    with pytest.raises(SourceProtocolError):
        tenancy.read()


@pytest.mark.parametrize("code", [10014, 10015])
def test_a_wrong_secret_is_told_as_such(code: int) -> None:
    choices = Choices()
    choices.wrong_secret_code = 10014 if code == 10014 else 10015
    tenancy = a_tenancy(choices=choices)
    tenancy.secret = "wrong"
    with pytest.raises(SourceDeniedError) as caught:
        tenancy.read()
    assert caught.value.code == "credentials refused"
    assert caught.value.facts["code"] == code


def test_an_app_of_the_other_cloud_is_unknown() -> None:
    tenancy = a_tenancy()
    tenancy.api.cloud = "lark"
    with pytest.raises(SourceDeniedError) as caught:
        tenancy.read()
    assert caught.value.code == "unknown app"


@pytest.mark.parametrize(
    ("switch", "message", "number"),
    [("installed", "app not available", 212100), ("ip_allowed", "address not allowed", 99991401)],
)
def test_what_an_admin_must_set_right_is_told_as_such(switch: str, message: str, number: int) -> None:
    tenancy = a_tenancy()
    tenancy.workspace.configure(**{switch: False})
    with pytest.raises(SourceDeniedError) as caught:
        tenancy.read()
    assert caught.value.code == message
    assert caught.value.facts["code"] == number
    assert caught.value.facts["logid"]


def test_a_missing_permission_for_a_call_is_named() -> None:
    tenancy = a_tenancy()
    tenancy.workspace.scopes_granted = set()
    with pytest.raises(SourceDeniedError) as caught:
        tenancy.read()
    assert caught.value.code == "permission missing"
    assert "contact:contact.base:readonly" in str(caught.value.facts["scopes"])
    assert caught.value.facts["code"] == 99991672


def test_one_failed_part_leaves_the_others_to_be_staged() -> None:
    tenancy = a_company(60, 6)
    tenancy.api.faults.add(faults.server_error(endpoint=MEMBERS, first=4))
    staged: dict[str, Part] = {}
    with pytest.raises(SourceUnavailableError):
        staged.update((part.name, part) for part in tenancy.reader().parts({}))
    assert len(staged) == 4
    tenancy.api.faults.clear()
    again = tenancy.read(staged)
    assert len({record.key for record in records(again)}) == 60 + 6


def test_a_list_that_comes_empty_is_an_empty_part_and_nothing_more() -> None:
    tenancy = a_company(60, 6)
    tenancy.api.faults.add(faults.empty_list(endpoint=MEMBERS, nth=2))
    assert len(tenancy.read()) > 6


def causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def test_no_secret_no_token_and_no_person_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    tenancy = a_company(60, 6)
    company = tenancy.workspace
    told: list[str] = []
    for fault in (
        *(make(endpoint="users.*") for make in PASSING),
        faults.throttle(endpoint="users.*"),
        faults.token_revoked(endpoint="users.*"),
        faults.loop_cursor(endpoint="departments.*"),
        faults.has_more_lies(endpoint="users.*"),
        faults.replace(status=400, body=b'{"code":99992402,"msg":"CANARY"}', endpoint="users.*"),
        faults.replace(status=400, body=b'{"code":99991672,"msg":"CANARY [a:b] CANARY"}', endpoint="users.*"),
        faults.replace(status=200, body=b'{"code":10014,"msg":"CANARY"}', endpoint="auth.*"),
        faults.replace(status=200, body=b'{"code":0,"data":{"has_more":"CANARY"}}', endpoint="users.*"),
        faults.replace(status=200, body=b'{"CANARY":"CANARY"}', endpoint="users.*"),
    ):
        tenancy.api.faults.clear()
        tenancy.api.faults.add(fault)
        try:
            tenancy.read()
        except RollcallError as error:
            told += [repr(each) + repr(vars(each)) for each in causes(error)]
    tenancy.api.faults.clear()
    person = tenancy.person(company.some_person(1))
    tenancy.read()
    tenancy.confirm(person)
    told += [record.getMessage() + repr(vars(record)) for record in caplog.records]
    assert told
    secrets = ["CANARY", company.app_secret, "Bearer", "t-", *(user.name for user in company.users.values())]
    secrets += [user.mobile for user in company.users.values() if user.mobile]
    secrets += [user.union_id for user in company.users.values()]
    assert [secret for secret in secrets if any(secret in text for text in told)] == []
    assert {"departments read", "members read", "keys confirmed"} <= {record.message for record in caplog.records}
