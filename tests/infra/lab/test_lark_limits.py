from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from infra.lab.lark import LarkApi
from infra.lab.transport import LabTransport
from tests.infra.lab.lab_client import a_company, a_lab

CHILDREN = "departments/0/children"


def test_the_fifty_first_call_in_a_second_is_throttled_and_told_how_long_to_wait() -> None:
    lab = a_lab(limits=True)
    assert all(lab.get(CHILDREN).code == 0 for _ in range(50))
    shown = lab.get(CHILDREN)
    assert (shown.status, shown.code) == (429, 99991400)
    assert shown.headers["x-ogw-ratelimit-limit"] == "50"
    assert shown.headers["x-ogw-ratelimit-reset"] == "1"
    lab.clock.sleep(1)
    assert lab.get(CHILDREN).code == 0
    assert (lab.api.calls["departments.children"], lab.api.throttled["departments.children"]) == (52, 1)


def test_a_thousand_a_minute_is_a_limit_of_its_own() -> None:
    lab = a_lab(limits=True)
    for _ in range(20):
        for _ in range(50):
            assert lab.get(CHILDREN).code == 0
        lab.clock.sleep(1.5)
    shown = lab.get(CHILDREN)
    assert (shown.headers["x-ogw-ratelimit-limit"], shown.headers["x-ogw-ratelimit-reset"]) == ("1000", "30")
    lab.clock.sleep(30)
    assert lab.get(CHILDREN).code == 0


def test_limits_count_each_endpoint_by_itself() -> None:
    lab = a_lab(limits=True)
    for _ in range(51):
        lab.get(CHILDREN)
    assert lab.get("users/find_by_department", department_id="0").code == 0
    assert lab.ask_token().code == 0


def test_a_scaled_lab_has_shorter_windows_and_says_so_in_fractions() -> None:
    lab = a_lab(limits=True, rate_scale=4)
    for _ in range(50):
        lab.get(CHILDREN)
    lab.clock.sleep(0.1)
    assert lab.get(CHILDREN).headers["x-ogw-ratelimit-reset"] == "0.150"
    lab.clock.sleep(0.15)
    assert lab.get(CHILDREN).code == 0


def test_limits_can_be_lifted_and_a_few_old_apis_throttle_with_400() -> None:
    lab = a_lab(limits=True)
    lab.api.choices.throttle_status = 400
    for _ in range(50):
        lab.get(CHILDREN)
    assert (lab.get(CHILDREN).status, lab.get(CHILDREN).code) == (400, 99991400)
    lab.api.limits = False
    assert lab.get(CHILDREN).code == 0


def test_a_call_without_a_token_is_not_counted_against_the_limit() -> None:
    lab = a_lab(limits=True)
    good, lab.token = lab.token, ""
    for _ in range(60):
        lab.get(CHILDREN)
    lab.token = good
    assert lab.get(CHILDREN).code == 0


def test_latency_passes_on_the_labs_clock() -> None:
    lab = a_lab()
    lab.api.latency_s = 0.25
    before = lab.clock.now()
    lab.get(CHILDREN)
    assert (lab.clock.now() - before).total_seconds() == pytest.approx(0.25)


def test_many_threads_are_counted_and_answered_right() -> None:
    lab = a_lab(a_company(), limits=True)
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: lab.get(CHILDREN, fetch_child="true").code, range(80)))
    assert codes.count(0) == 50
    assert codes.count(99991400) == lab.api.throttled["departments.children"] == 30
    assert lab.api.calls["departments.children"] == 80


def test_counts_can_be_started_over() -> None:
    lab = a_lab()
    lab.get(CHILDREN, nonsense="1")
    lab.api.reset_calls()
    assert (dict(lab.api.calls), dict(lab.api.throttled), lab.api.suspicious) == ({}, {}, [])


def test_a_transport_may_serve_several_hosts_and_knows_no_others() -> None:
    china, world = a_company(), a_company(seed=2)
    hosts = {"open.feishu.cn": LarkApi(china), "open.larksuite.com": LarkApi(world)}
    with httpx.Client(transport=LabTransport(hosts)) as http:
        path = "/open-apis/auth/v3/tenant_access_token/internal"
        body = {"app_id": world.app_id, "app_secret": world.app_secret}
        assert http.post(f"https://open.larksuite.com{path}", json=body).json()["code"] == 0
        assert http.post(f"https://open.feishu.cn{path}", json=body).json()["code"] == 10014
        with pytest.raises(httpx.ConnectError):
            http.get("https://example.com/")
