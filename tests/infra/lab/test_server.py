import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from infra.lab.lark import LarkApi, LarkWorkspace
from infra.lab.server import LabServer

CHILDREN = "/open-apis/contact/v3/departments/0/children"


@pytest.fixture
def workspace() -> LarkWorkspace:
    return LarkWorkspace.generate(1, 60, 12)


@pytest.fixture
def http(workspace: LarkWorkspace) -> Iterator[httpx.Client]:
    with LabServer(LarkApi(workspace), workspace) as server, httpx.Client(base_url=server.url, timeout=5) as client:
        body = {"app_id": workspace.app_id, "app_secret": workspace.app_secret}
        token = client.post("/open-apis/auth/v3/tenant_access_token/internal", json=body).json()["tenant_access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def do(http: httpx.Client, verb: str, **args: object) -> Any:
    response = http.post("/_lab/do", json={"verb": verb, "args": args})
    assert response.status_code == 200, response.text
    return response.json()["result"]


def test_the_api_answers_over_http_on_one_connection(http: httpx.Client) -> None:
    token: dict[str, str] = {}
    seen = []
    while True:
        data = http.get(CHILDREN, params={"fetch_child": "true", "page_size": 5, **token}).json()["data"]
        seen += [each["open_department_id"] for each in data["items"]]
        if not data["has_more"]:
            break
        token = {"page_token": data["page_token"]}
    assert len(set(seen)) == 12
    assert http.get(CHILDREN).headers["X-Tt-Logid"]


def test_answers_do_not_wait_for_nagle(http: httpx.Client) -> None:
    fastest = min(http.get(CHILDREN).elapsed.total_seconds() for _ in range(20))
    assert fastest < 0.03


def test_the_company_can_be_changed_and_the_truth_told_from_outside(http: httpx.Client) -> None:
    department = do(http, "some_leaf_department")
    hired = do(http, "hire", department=department, name="新人")
    do(http, "activate", user=hired)
    told = {each["open_id"]: each for each in http.get("/_lab/truth").json()["people"].values()}
    assert (told[hired]["name"], told[hired]["state"], told[hired]["departments"]) == (
        "新人",
        "activated",
        [department],
    )
    assert len(do(http, "mutate_randomly", rng=1, n=5)) == 5


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/_lab/do", {"verb": "sack"}, 400),
        ("/_lab/do", {"verb": "rename", "args": {"user": "ou_nobody", "name": "x"}}, 400),
        ("/_lab/do", {"verb": "move", "args": {"user": 5, "to_departments": 7}}, 400),
        ("/_lab/do", [], 400),
        ("/_lab/faults", {"fault": "plague"}, 400),
        ("/_lab/faults", {"fault": "timeout", "endpoit": "users.*"}, 400),
        ("/_lab/faults", {"fault": "timeout", "where": "x"}, 400),
        ("/_lab/nothing", {}, 404),
    ],
)
def test_a_mistaken_control_is_refused_with_a_reason(http: httpx.Client, path: str, body: object, status: int) -> None:
    response = http.post(path, json=body)
    assert response.status_code == status
    assert response.json()["error"]


def test_faults_can_be_armed_and_cleared_from_outside(http: httpx.Client) -> None:
    trouble = {"fault": "server_error", "status": 503, "endpoint": "departments.*", "nth": 2}
    assert http.post("/_lab/faults", json=trouble).json() == {"numbers": [1]}
    assert [http.get(CHILDREN).status_code for _ in range(3)] == [200, 503, 200]
    assert http.get("/_lab/faults").json()["faults"][0]["fired"] == 1
    http.post("/_lab/faults", json={"fault": "throttle"})
    assert http.get(CHILDREN).status_code == 429
    http.post("/_lab/faults", json={"clear": True})
    assert http.get(CHILDREN).status_code == 200


def test_the_company_can_change_during_a_walk_from_outside(http: httpx.Client, workspace: LarkWorkspace) -> None:
    person = do(http, "some_person")
    happening = {"fault": "on_call", "verb": "resign", "args": {"user": person}, "nth": 1}
    http.post("/_lab/faults", json=happening)
    http.get(CHILDREN)
    assert workspace.users[person].state == "resigned"


def test_a_reset_and_a_timeout_are_real_on_the_wire(http: httpx.Client) -> None:
    http.post("/_lab/faults", json={"fault": "reset", "nth": 1})
    with pytest.raises(httpx.TransportError):
        http.get(CHILDREN)
    http.post("/_lab/faults", json={"clear": True, "fault": "timeout", "nth": 1})
    with pytest.raises(httpx.ReadTimeout):
        http.get(CHILDREN, timeout=0.05)
    assert http.get(CHILDREN).status_code == 200


def test_calls_are_counted_for_those_outside(http: httpx.Client) -> None:
    http.post("/_lab/reset-calls")
    http.get(CHILDREN, params={"nonsense": 1})
    assert http.get("/_lab/calls").json() == {
        "calls": {"departments.children": 1},
        "throttled": {},
        "suspicious": ["departments.children: unknown parameter nonsense"],
    }


def test_a_server_can_be_stopped_while_connections_are_open(workspace: LarkWorkspace) -> None:
    server = LabServer(LarkApi(workspace), workspace).start()
    with httpx.Client(base_url=server.url) as client:
        assert client.get("/_lab/calls").status_code == 200
        server.stop()
        with pytest.raises(httpx.TransportError):
            client.get("/_lab/calls")


def test_the_command_serves_until_interrupted() -> None:
    command = [sys.executable, "-m", "infra.lab", "--port", "0", "--people", "20", "--departments", "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as lab:
        assert lab.stdout is not None
        first, app_id, app_secret, _ = (lab.stdout.readline() for _ in range(4))
        url = re.search(r"http://127\.0\.0\.1:\d+", first)
        assert url is not None
        body = {"app_id": app_id.split()[1], "app_secret": app_secret.split()[1]}
        path = "/open-apis/auth/v3/tenant_access_token/internal"
        assert httpx.post(url[0] + path, json=body).json()["code"] == 0
        lab.send_signal(signal.SIGINT)
        assert lab.wait(timeout=5) == 0
