import re
import signal
import subprocess
import sys

import httpx

from infra.lab.dingtalk import DingTalkApi, DingTalkWorkspace
from infra.lab.server import LabServer

LISTSUB = "/topapi/v2/department/listsub"


def test_one_server_answers_for_both_hosts_and_to_the_control_interface() -> None:
    workspace = DingTalkWorkspace.generate(1, 60, 12, edition="dedicated")
    with LabServer(DingTalkApi(workspace), workspace) as server, httpx.Client(base_url=server.url, timeout=5) as http:
        keys = {"appKey": workspace.app_key, "appSecret": workspace.app_secret}
        token = http.post("/v1.0/oauth2/accessToken", json=keys).json()["accessToken"]
        assert len(http.post(LISTSUB, params={"access_token": token}, data={"dept_id": "1"}).json()["result"]) > 1
        header = {"x-acs-dingtalk-access-token": token}
        assert http.get("/v1.0/contact/empLeaveRecords", headers=header).status_code == 403

        def do(verb: str, **args: object) -> object:
            response = http.post("/_lab/do", json={"verb": verb, "args": args})
            assert response.status_code == 200, response.text
            return response.json()["result"]

        department = do("some_leaf_department")
        hired = do("hire", department=department, name="新人")
        do("activate", user=hired)
        told = http.get("/_lab/truth").json()["people"][hired]
        assert (told["name"], told["state"], told["departments"]) == ("新人", "active", [department])
        do("close_branch", dept=department, leave=True)
        assert workspace.users[str(hired)].state == "left"
        do("mutate_randomly", rng=1, n=5)
        assert (
            http.post("/_lab/do", json={"verb": "move_department", "args": {"dept": "x", "parent": 1}}).status_code
            == 400
        )
        http.post("/_lab/faults", json={"fault": "throttle", "kind": "platform", "nth": 1})
        assert http.post(LISTSUB, params={"access_token": token}).json()["sub_code"] == "90002"
        assert http.get("/_lab/calls").json()["throttled"] == {"departments.listsub": 1}


def test_the_command_serves_dingtalk_until_interrupted() -> None:
    command = [sys.executable, "-m", "infra.lab", "--vendor", "dingtalk", "--port", "0", "--people", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as lab:
        assert lab.stdout is not None
        first, *rest = (lab.stdout.readline() for _ in range(6))
        url = re.search(r"http://127\.0\.0\.1:\d+", first)
        assert url is not None
        keys = dict(line.split() for line in rest[:4])
        asked = {"appkey": keys["app_key"], "appsecret": keys["app_secret"]}
        assert httpx.get(f"{url[0]}/gettoken", params=asked).json()["errcode"] == 0
        assert keys["corp_id"].startswith("ding")
        lab.send_signal(signal.SIGINT)
        assert lab.wait(timeout=5) == 0
