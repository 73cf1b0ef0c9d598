"""What goes wrong with vendors: tokens, limits, networks, answers that lie. A read is whole, or it raises."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from math import floor

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
from infra.lab.dingtalk.choices import Choices
from infra.lab.faults import Fault
from infra.lab.wire import Call
from tests.connectors.dingtalk.tenancy import (
    LISTSUB,
    START,
    USER_GET,
    USER_LIST,
    OneSecret,
    Tenancy,
    a_company,
    a_person,
    a_tenancy,
    employees,
    records,
)

NEW_TOKEN, OLD_TOKEN = "auth.corp_token", "auth.gettoken"


def whole(tenancy: Tenancy) -> bool:
    """Tell whether a read shows everybody there is."""
    return set(employees(tenancy.read())) == set(tenancy.everybody())


# Tokens


def test_a_token_that_ends_during_the_walk_is_renewed_before_it_does() -> None:
    tenancy = a_company()
    tenancy.api.faults.add(faults.on_call(lambda call: tenancy.clock.sleep(6950), endpoint=USER_LIST, nth=3))
    assert whole(tenancy)
    assert (tenancy.calls(NEW_TOKEN), tenancy.calls(OLD_TOKEN)) == (2, 0)


@pytest.mark.parametrize("nth", [2, 5])
@pytest.mark.parametrize("sub_code", [True, False])
@pytest.mark.parametrize("token_error", ["by_cause", "40014", "42001", "40001"])
def test_a_dead_token_is_dropped_and_fetched_once(nth: int, sub_code: bool, token_error: str) -> None:
    choices = Choices(sub_code=sub_code)
    setattr(choices, "token_error", token_error)  # noqa: B010 - the parameters are plain text, the fields literals
    tenancy = a_company(choices=choices)
    tenancy.api.faults.add(faults.token_revoked(endpoint=USER_LIST, nth=nth))
    assert whole(tenancy)
    assert (tenancy.calls(NEW_TOKEN), tenancy.calls(OLD_TOKEN)) == (2, 0)


def test_a_token_of_the_new_host_that_the_old_one_does_not_know_is_replaced_by_one_of_its_own() -> None:
    tenancy = a_company()
    body = b'{"access_token":"another-hosts-token","expires_in":7200}'
    tenancy.api.faults.add(faults.replace(body=body, endpoint=NEW_TOKEN))
    assert whole(tenancy)
    assert (tenancy.calls(NEW_TOKEN), tenancy.calls(OLD_TOKEN)) == (1, 1)


def test_tokens_that_are_always_refused_are_not_fetched_for_ever() -> None:
    tenancy = a_company(30, 2)
    tenancy.api.faults.add(faults.token_revoked(endpoint="auth.scopes"))
    with pytest.raises(SourceUnavailableError, match="fresh credentials refused"):
        tenancy.read()
    assert tenancy.calls(NEW_TOKEN) + tenancy.calls(OLD_TOKEN) == 2


def test_many_threads_fetch_one_token() -> None:
    tenancy = a_company(300, 40, limits=False)
    tenancy.in_flight = 8
    tenancy.api.faults.add(faults.token_revoked(endpoint=USER_LIST, nth=12))
    assert whole(tenancy)
    assert tenancy.calls(NEW_TOKEN) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"access_token":"","expires_in":7200}',
        b'{"access_token":"t-\\n","expires_in":7200}',
        b'{"access_token":"t-1","expires_in":"soon"}',
        b'{"access_token":"t-1","expires_in":0}',
    ],
)
def test_a_misshapen_token_is_a_broken_contract(body: bytes) -> None:
    tenancy = a_company(30, 2)
    tenancy.api.faults.add(faults.replace(body=body, endpoint="auth.*"))
    with pytest.raises(SourceProtocolError):
        tenancy.read()


def test_a_token_that_ends_soon_is_not_fetched_for_every_call() -> None:
    tenancy = a_company(30, 2)
    tenancy.api.faults.add(
        faults.replace(body=b'{"access_token":"t","expires_in":"60"}', endpoint=NEW_TOKEN),
        faults.replace(body=b'{"errcode":0,"auth_org_scopes":{"authed_dept":[]}}', endpoint="auth.scopes"),
    )
    tenancy.read()
    assert tenancy.calls(NEW_TOKEN) == 1


def test_a_wrong_secret_is_told_as_such() -> None:
    tenancy = a_tenancy()
    tenancy.secret = "wrong"
    with pytest.raises(SourceDeniedError) as caught:
        tenancy.read()
    assert caught.value.code == "credentials refused"
    assert caught.value.facts["code"] == "invalidClientIdOrSecret"


def test_another_company_than_the_apps_is_refused_before_anything_is_read() -> None:
    tenancy = a_tenancy()
    tenancy.settings = {"corp_id": "dingffffffff"}
    with pytest.raises(SourceDeniedError) as caught:
        tenancy.read()
    assert caught.value.code == "company refused"
    assert tenancy.calls("auth.scopes") == 0


@pytest.mark.parametrize(
    ("switch", "message", "number"),
    [({"ip_allowed": False}, "address not allowed", 60020), ({"month_used_up": True}, "quota used up", 90020)],
)
def test_what_an_admin_must_set_right_is_told_as_such(switch: dict[str, bool], message: str, number: int) -> None:
    tenancy = a_tenancy()
    tenancy.workspace.configure(**switch)
    with pytest.raises(SourceDeniedError) as caught:
        tenancy.read()
    assert caught.value.code == message
    assert caught.value.facts["code"] == number
    assert caught.value.facts["request_id"]


# Limits


def sent(tenancy: Tenancy) -> list[tuple[str, datetime]]:
    """Note every call with the time at which it arrives."""
    times: list[tuple[str, datetime]] = []
    lock = threading.Lock()

    def note(call: Call) -> None:
        with lock:
            times.append((call.endpoint, tenancy.clock.now()))

    tenancy.api.faults.add(faults.on_call(note, after=False))
    return times


def test_a_big_company_is_read_within_the_limits_and_takes_hardly_longer_than_it_must() -> None:
    tenancy = a_company(2000, 1300)
    times = sent(tenancy)
    reader = tenancy.reader()
    for _ in reader.parts({}):
        pass
    assert reader.calls[LISTSUB] == reader.calls[USER_LIST] == 1301
    assert not tenancy.api.throttled
    assert max(Counter((endpoint, floor(at.timestamp())) for endpoint, at in times).values()) == 20
    optimum_s = (max(reader.calls.values()) - 1) // 20
    assert (tenancy.clock.now() - START).total_seconds() <= 1.15 * optimum_s


def test_big_departments_leave_the_other_list_room() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    for unit in range(6):
        department = company.add_department(f"d{unit}")
        for number in range(1000):
            company.add_user(f"n{number}", department, userid=f"{unit}-{number}")
    for _ in tenancy.reader().parts({}):
        pass
    assert (tenancy.calls(LISTSUB), tenancy.calls(USER_LIST)) == (7, 61)
    assert (tenancy.clock.now() - START).total_seconds() <= 1.15 * 3


@pytest.mark.parametrize("starts_at", [0.0, 0.3, 0.999])
def test_limits_hold_wherever_in_a_second_the_walk_begins(starts_at: float) -> None:
    tenancy = a_company(300, 120)
    tenancy.clock.sleep(starts_at)
    times = sent(tenancy)
    assert whole(tenancy)
    assert not tenancy.api.throttled
    assert max(Counter((endpoint, floor(at.timestamp())) for endpoint, at in times).values()) <= 20


@pytest.mark.parametrize("kind", ["", "platform", "minute", "busy"])
def test_throttled_calls_are_repeated(kind: str) -> None:
    tenancy = a_company()
    tenancy.api.faults.add(faults.throttle(kind=kind, wait_s=4.0, endpoint=USER_LIST, first=3, last=4))
    reader = tenancy.reader()
    assert len(employees({part.name: part for part in reader.parts({})})) == 120
    assert reader.calls[USER_LIST] == tenancy.expected_member_calls() + 2


def test_a_limit_is_waited_out_until_the_end_that_it_names() -> None:
    tenancy = a_company(30, 2)
    tenancy.api.faults.add(faults.throttle(wait_s=4.0, endpoint=USER_LIST, nth=1))
    assert whole(tenancy)
    assert 4.0 <= (tenancy.clock.now() - START).total_seconds() < 5.0


def test_a_full_hour_when_everybody_is_throttled_is_survived() -> None:
    tenancy = a_company(60, 6, choices=Choices(busy_hours=True))
    tenancy.clock.sleep(43 * 60)
    assert tenancy.clock.now().minute == 0
    assert whole(tenancy)
    assert tenancy.api.throttled


def test_throttling_that_does_not_end_is_told_as_such() -> None:
    tenancy = a_company(30, 2)
    tenancy.api.faults.add(faults.throttle(kind="minute", wait_s=60.0, endpoint=USER_LIST))
    with pytest.raises(ThrottledError) as caught:
        tenancy.read()
    assert caught.value.code == "source throttles"
    assert caught.value.facts == {"endpoint": USER_LIST}


@pytest.mark.parametrize("kind", ["ip", "ip_json"])
@pytest.mark.parametrize("endpoint", ["auth.*", LISTSUB, USER_LIST])
def test_a_blocked_address_ends_the_read_at_once_for_five_minutes(kind: str, endpoint: str) -> None:
    tenancy = a_company(60, 6)
    tenancy.api.faults.add(faults.throttle(kind=kind, endpoint=endpoint))
    with pytest.raises(ThrottledError) as caught:
        tenancy.read()
    assert caught.value.code == "network is blocked"
    assert caught.value.retry_after == 300
    assert tenancy.clock.now() == START


# Networks and answers that lie

PASSING: list[Callable[..., Fault]] = [
    faults.server_error,
    faults.garbage_json,
    faults.timeout,
    faults.connect_timeout,
    faults.reset,
]


@pytest.mark.parametrize("trouble", PASSING)
@pytest.mark.parametrize("endpoint", [NEW_TOKEN, "auth.scopes", LISTSUB, USER_LIST])
def test_passing_trouble_is_survived(trouble: Callable[..., Fault], endpoint: str) -> None:
    tenancy = a_company(60, 5)
    tenancy.api.faults.add(trouble(endpoint=endpoint, last=3))
    assert whole(tenancy)


@pytest.mark.parametrize("trouble", PASSING)
@pytest.mark.parametrize("endpoint", [LISTSUB, USER_LIST])
def test_lasting_trouble_raises(trouble: Callable[..., Fault], endpoint: str) -> None:
    tenancy = a_company(60, 5)
    tenancy.api.faults.add(trouble(endpoint=endpoint))
    with pytest.raises(SourceUnavailableError) as caught:
        tenancy.read()
    assert caught.value.facts["endpoint"] == endpoint


@pytest.mark.parametrize("seed", range(3))
def test_trouble_all_over_the_walk_is_survived(seed: int) -> None:
    tenancy = a_company(300, 40)
    tenancy.in_flight = 8
    for number, trouble in enumerate([*PASSING, faults.throttle]):
        tenancy.api.faults.add(trouble(chance=0.03, seed=10 * seed + number))
    assert whole(tenancy)


def a_crowd(people: int = 120) -> Tenancy:
    tenancy = a_tenancy()
    for number in range(people):
        tenancy.workspace.add_user(f"n{number}", userid=f"u{number}")
    return tenancy


def test_more_pages_without_a_cursor_is_a_broken_contract() -> None:
    tenancy = a_crowd(20)
    tenancy.api.faults.add(faults.has_more_lies(says=True, endpoint=USER_LIST))
    with pytest.raises(SourceProtocolError, match="more pages without a cursor"):
        tenancy.read()


@pytest.mark.parametrize("cursor", [b"0", b"-1", b'"0"'])
def test_pages_that_go_round_in_circles_are_a_broken_contract(cursor: bytes) -> None:
    tenancy = a_crowd()
    body = b'{"errcode":0,"result":{"has_more":true,"next_cursor":%s,"list":[]}}' % cursor
    tenancy.api.faults.add(faults.replace(body=body, endpoint=USER_LIST))
    with pytest.raises(SourceProtocolError, match="cursor does not move on"):
        tenancy.read()


def test_the_lab_going_round_in_circles_is_noticed() -> None:
    tenancy = a_crowd(250)
    tenancy.api.faults.add(faults.loop_cursor(endpoint=USER_LIST, first=2))
    with pytest.raises(SourceProtocolError, match="cursor does not move on"):
        tenancy.read()


def test_pages_without_end_are_a_broken_contract() -> None:
    tenancy = a_tenancy(limits=False)
    pages = iter(range(1, 10**6))

    def lie(call: Call) -> None:
        tenancy.api.faults.clear()
        body = b'{"errcode":0,"result":{"has_more":true,"next_cursor":%d,"list":[]}}' % next(pages)
        tenancy.api.faults.add(
            faults.on_call(lie, after=False, endpoint=USER_LIST), faults.replace(body=body, endpoint=USER_LIST)
        )

    lie(Call(endpoint="", method="", path="", args={}, query=(), headers={}, body=b""))
    with pytest.raises(SourceProtocolError, match="pages without end"):
        tenancy.read()


def test_a_cursor_is_taken_as_it_is_told() -> None:
    tenancy = a_tenancy()
    first = b'{"errcode":0,"result":{"has_more":"true","next_cursor":"70000","list":[{"userid":"a","active":true}]}}'
    second = b'{"errcode":0,"result":{"has_more":false,"list":[{"userid":"b"}]}}'
    tenancy.api.faults.add(
        faults.replace(body=second, endpoint=USER_LIST, where=lambda call: call.param("cursor") == "70000"),
        faults.replace(body=first, endpoint=USER_LIST),
    )
    assert set(employees(tenancy.read())) == {"a", "b"}


def test_somebody_listed_twice_because_the_list_moved_is_one_record_the_later() -> None:
    tenancy = a_tenancy()
    body = b'{"errcode":0,"result":{"has_more":false,"list":[{"userid":"a","title":"x"},{"userid":"a","title":"y"}]}}'
    tenancy.api.faults.add(faults.replace(body=body, endpoint=USER_LIST))
    assert [record.fields["title"] for record in tenancy.read()["members/1"].records] == ["y"]


@pytest.mark.parametrize(
    "result",
    [
        b"[]",
        b"null",
        b'"text"',
        b'{"has_more":1}',
        b'{"has_more":"yes"}',
        b'{"next_cursor":7}',
        b'{"has_more":true,"next_cursor":"t"}',
        b'{"has_more":false,"list":{}}',
        b'{"has_more":false,"list":["ann"]}',
        b'{"has_more":false,"list":[{}]}',
        b'{"has_more":false,"list":[{"userid":7}]}',
        b'{"has_more":false,"list":[{"userid":"u","name":{"first":"ann"}}]}',
        b'{"has_more":false,"list":[{"userid":"u","dept_id_list":"1"}]}',
        b'{"has_more":false,"list":[{"userid":"u","leader":"ann"}]}',
    ],
)
def test_a_misshapen_list_of_members_is_a_broken_contract(result: bytes) -> None:
    tenancy = a_company(30, 2)
    tenancy.api.faults.add(faults.replace(body=b'{"errcode":0,"result":%s}' % result, endpoint=USER_LIST))
    with pytest.raises(SourceProtocolError) as caught:
        tenancy.read()
    assert caught.value.code == "source broke its contract"
    assert "ann" not in str(caught.value)


@pytest.mark.parametrize(
    "result", [b"{}", b'"text"', b"[7]", b"[{}]", b'[{"dept_id":1.5}]', b'[{"dept_id":2,"parent_id":"x"}]']
)
def test_a_misshapen_list_of_children_is_a_broken_contract(result: bytes) -> None:
    tenancy = a_tenancy()
    tenancy.api.faults.add(faults.replace(body=b'{"errcode":0,"result":%s}' % result, endpoint=LISTSUB))
    with pytest.raises(SourceProtocolError, match="source broke its contract"):
        tenancy.read()


@pytest.mark.parametrize("endpoint", [LISTSUB, USER_LIST])
@pytest.mark.parametrize("code", [400002, 40009, 40035, 22])
def test_a_refusal_that_nobody_expects_is_a_defect_and_not_an_empty_part(endpoint: str, code: int) -> None:
    tenancy = a_company(30, 5)
    tenancy.api.faults.add(faults.replace(body=b'{"errcode":%d}' % code, endpoint=endpoint, nth=3))
    with pytest.raises(SourceProtocolError) as caught:
        tenancy.read()
    assert caught.value.code == "parameters refused"
    assert caught.value.facts == {"endpoint": endpoint, "code": code}


def test_one_failed_part_leaves_the_others_to_be_staged() -> None:
    tenancy = a_company(60, 6)
    tenancy.api.faults.add(faults.server_error(endpoint=USER_LIST, first=4))
    staged: dict[str, Part] = {}
    with pytest.raises(SourceUnavailableError):
        staged.update((part.name, part) for part in tenancy.reader().parts({}))
    assert len([name for name in staged if name.startswith("members/")]) == 3
    tenancy.api.faults.clear()
    again = tenancy.read(staged)
    assert len({record.key for record in records(again)}) == 60 + 6


@pytest.mark.parametrize("absent", [True, False])
def test_a_list_that_comes_empty_is_an_empty_part_and_nothing_more(absent: bool) -> None:
    tenancy = a_company(60, 6)
    tenancy.api.faults.add(faults.empty_list(endpoint=USER_LIST, nth=2, absent=absent))
    tenancy.api.faults.add(faults.empty_list(endpoint=LISTSUB, nth=3, absent=absent))
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
        faults.html_page(endpoint="users.*"),
        faults.throttle(endpoint="users.*"),
        faults.token_revoked(endpoint="users.*"),
        faults.token_revoked(endpoint="auth.scopes"),
        faults.loop_cursor(endpoint="users.*"),
        faults.has_more_lies(endpoint="users.*"),
        faults.replace(body=b'{"errcode":40035,"errmsg":"CANARY"}', endpoint="users.*"),
        faults.replace(body=b'{"errcode":88,"sub_code":"60011","sub_msg":"CANARY [a b]"}', endpoint="users.*"),
        faults.replace(body=b'{"errcode":88,"errmsg":"CANARY","request_id":"CANARY ann"}', endpoint="users.*"),
        faults.replace(body=b'{"errcode":40096,"errmsg":"CANARY"}', endpoint="auth.*"),
        faults.replace(status=400, body=b'{"code":"CANARY ann","message":"CANARY"}', endpoint="auth.corp_token"),
        faults.replace(body=b'{"errcode":0,"result":{"has_more":"CANARY"}}', endpoint="users.*"),
        faults.replace(body=b'{"errcode":0,"result":[{"dept_id":2,"name":{"CANARY":1}}]}', endpoint=LISTSUB),
        faults.replace(body=b'{"CANARY":"CANARY"}', endpoint="users.*"),
    ):
        tenancy.api.faults.clear()
        tenancy.api.faults.add(fault)
        try:
            tenancy.read()
        except RollcallError as error:
            told += [repr(each) + repr(vars(each)) for each in causes(error)]
    tenancy.api.faults.clear()
    tenancy.read()
    tenancy.confirm(a_person(company.some_person(1)))
    told += [record.getMessage() + repr(vars(record)) for record in caplog.records]
    assert len(told) > 15
    secrets = ["CANARY", company.app_secret, "access_token", *(user.name for user in company.users.values())]
    secrets += [user.mobile for user in company.users.values() if user.mobile]
    secrets += [user.userid for user in company.users.values()]
    assert [secret for secret in secrets if any(secret in text for text in told)] == []
    assert {"departments and members read", "keys confirmed"} <= {record.message for record in caplog.records}


def test_confirming_within_the_limits_goes_on_where_lists_left_off() -> None:
    tenancy = a_company(60, 6)
    reader = tenancy.reader()
    list(reader.parts({}))
    reader.confirm([a_person(userid) for userid in tenancy.workspace.users])
    assert reader.calls[USER_GET] == 60
    assert not tenancy.api.throttled


def test_a_token_that_was_given_for_another_secret_is_not_used() -> None:
    tenancy = a_tenancy()
    registry = tenancy.registry()
    list(registry.open(tenancy.source()).parts({}))
    with pytest.raises(SourceDeniedError):
        list(replace(registry, secrets=OneSecret("wrong")).open(tenancy.source()).parts({}))
