from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx
import pytest

from infra.lab import faults
from infra.lab.clock import ManualLabClock
from infra.lab.dingtalk import scopes
from infra.lab.limits import Ban, Excess, StandingWindow, Window
from infra.lab.wire import LabError
from tests.infra.lab.dingtalk_client import LISTSUB, USER_LIST, a_company, a_lab

LATE = datetime(2026, 1, 5, 1, 0, 0, 900_000, tzinfo=UTC)


def test_the_twenty_first_call_of_one_api_in_a_whole_second_is_throttled_until_the_next() -> None:
    lab = a_lab(limits=True, clock=ManualLabClock(LATE))
    assert all(lab.post(LISTSUB).code == 0 for _ in range(20))
    refused = lab.post(LISTSUB)
    assert (refused.status, refused.body["errcode"], refused.body["sub_code"]) == (200, 88, "90018")
    window = "从 2026-01-05 09:00:00 到 2026-01-05 09:00:00 请求总次数超过 20 次, 限制将在 2026-01-05 09:00:01 结束."
    assert refused.body["sub_msg"].endswith(window)
    assert "apiPath(dingtalk.oapi.v2.department.listsub)" in refused.body["errmsg"]
    lab.clock.sleep(0.1)
    assert [lab.post(LISTSUB).code for _ in range(21)] == [0] * 20 + [90018]
    assert (lab.api.calls["departments.listsub"], lab.api.throttled["departments.listsub"]) == (42, 2)


def test_each_api_is_counted_by_itself_and_tokens_are_counted_too() -> None:
    lab = a_lab(limits=True)
    assert [lab.post(LISTSUB).code for _ in range(21)][-1] == 90018
    assert lab.post(USER_LIST, dept_id=1, cursor=0, size=1).code == 0
    assert [lab.ask_token().code for _ in range(20)][-1] == 90018


def test_the_package_allows_sixty() -> None:
    lab = a_lab(limits=True)
    lab.workspace.configure(calls_per_second=60)
    assert [lab.post(LISTSUB).code for _ in range(61)] == [0] * 60 + [90018]


def test_a_scaled_lab_has_shorter_windows_and_tells_their_end_in_fractions() -> None:
    lab = a_lab(limits=True, rate_scale=4)
    assert [lab.post(LISTSUB).code for _ in range(21)][-1] == 90018
    assert "限制将在 2026-01-05 09:00:00.250 结束" in lab.post(LISTSUB).body["sub_msg"]
    lab.clock.sleep(0.25)
    assert lab.post(LISTSUB).code == 0


def test_too_many_calls_from_one_address_shut_it_out_for_five_minutes_on_a_page_without_errcode() -> None:
    lab = a_lab(limits=True)
    lab.workspace.configure(calls_per_second=20_000)
    for _ in range(9_999):
        lab.api.handle("POST", "/topapi/nothing", (), {}, b"")
    page = lab.http.post(f"/topapi/{LISTSUB}", json={}, params=lab.query())
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    lab.api.choices.ban_page = "json"
    assert lab.get("/nothing").body.items() >= {"status": 1111, "wait": 5, "punish": "deny"}.items()
    lab.clock.sleep(299)
    assert "errcode" not in lab.post(LISTSUB).body
    lab.clock.sleep(1)
    assert lab.post(LISTSUB).code == 0


def test_a_standing_window_and_a_ban_by_themselves() -> None:
    window = StandingWindow(1)
    assert [window.admit(0.9, 1), window.admit(1.0, 1)] == [None, None]
    assert window.admit(1.5, 1) == Excess(Window(1, 1), 0.5)
    assert window.admit(0.9, 1) is not None
    ban = Ban(Window(2, 10), 60)
    assert [ban.wait_s(second) for second in (0, 5, 9, 10, 68, 69)] == [0, 0, 60, 59, 1, 0]


@pytest.mark.parametrize(
    ("kind", "code", "api_code"),
    [
        ("", 90018, "QpsLimitForAppkeyAndApi"),
        ("platform", 90002, "QpsLimitForApi"),
        ("month", 90020, "ApiCountLimitForOrg"),
        ("minute", 90006, "QpmLimitForAppkeyAndApi"),
    ],
)
def test_a_fault_can_throttle_in_each_of_the_vendors_ways(kind: str, code: int, api_code: str) -> None:
    lab = a_lab()
    lab.workspace.grant(scopes.CONTACT_COMMON)
    lab.api.faults.add(faults.throttle(kind=kind, wait_s=3))
    refused = lab.post(LISTSUB)
    assert (refused.body["errcode"], refused.code) == (88, code)
    new = lab.new_get("/v1.0/contact/empLeaveRecords")
    assert (new.status, new.body["code"]) == (403, f"Forbidden.AccessDenied.{api_code}")
    assert lab.api.throttled.total() == 2
    assert kind == "month" or "限制将在 2026-01-05 09:00:03 结束." in refused.body["sub_msg"]


def test_a_fault_can_be_the_ban_page_or_plain_busy_and_no_other_kind() -> None:
    lab = a_lab()
    lab.api.faults.add(
        faults.throttle(kind="ip", nth=1), faults.throttle(kind="ip_json", nth=2), faults.throttle(kind="busy", nth=3)
    )
    assert "html" in lab.http.post(f"/topapi/{LISTSUB}").headers["content-type"]
    assert lab.post(LISTSUB).body["status"] == 1111
    assert lab.post(LISTSUB).body["errcode"] == -1
    lab.api.faults.add(faults.throttle(kind="moon"))
    with pytest.raises(LabError):
        lab.post(LISTSUB)


def test_full_hours_can_be_busy_for_everybody() -> None:
    lab = a_lab(clock=ManualLabClock(LATE))
    lab.api.choices.busy_hours = True
    codes = []
    for _ in range(4):
        codes.append(lab.post(LISTSUB).code)
        lab.clock.sleep(1)
    assert codes == [90002, 0, 90002, 0]
    lab.clock.sleep(60)
    assert lab.post(LISTSUB).code == 0


def test_a_months_quota_can_be_used_up() -> None:
    lab = a_lab()
    lab.workspace.configure(month_used_up=True)
    assert lab.post(LISTSUB).code == 90020
    assert lab.ask_token().code == 0


def test_many_threads_are_counted_and_answered_right() -> None:
    lab = a_lab(a_company(), limits=True)
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: lab.post(LISTSUB).code, range(60)))
    assert codes.count(0) == 20
    assert codes.count(90018) == lab.api.throttled["departments.listsub"] == 40


def test_latency_passes_on_the_labs_clock_and_counts_can_be_started_over() -> None:
    lab = a_lab()
    lab.api.latency_s = 0.25
    before = lab.clock.now()
    lab.post(LISTSUB, nonsense=1)
    assert (lab.clock.now() - before).total_seconds() == pytest.approx(0.25)
    lab.api.reset_calls()
    assert (dict(lab.api.calls), dict(lab.api.throttled), lab.api.suspicious) == ({}, {}, [])


def test_a_host_outside_the_lab_cannot_be_reached() -> None:
    with pytest.raises(httpx.ConnectError):
        a_lab().http.get("https://login.dingtalk.com/")
