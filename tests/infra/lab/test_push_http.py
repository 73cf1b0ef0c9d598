"""Events over HTTP: from a lab that serves, to a receiver that listens."""

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from infra.lab.dingtalk import DingTalkApi, DingTalkWorkspace
from infra.lab.lark import LarkApi, LarkWorkspace
from infra.lab.server import LabServer
from tests.infra.lab.push_receiver import (
    AES_KEY,
    DING_TOKEN,
    LARK_KEY,
    ding_decrypt,
    ding_encrypt,
    ding_sign,
    lark_decrypt,
)

Open = Callable[[Any], tuple[Any, object]]


class Ear:
    """A server that opens what is pushed to it and answers as a good app does, or with `status`."""

    def __init__(self, opened: Open) -> None:
        ear = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # http.server's spelling
                document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                event, reply = opened(document)
                ear.events.append(event)
                body = json.dumps(reply).encode()
                self.send_response(ear.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None: ...

        self.status = 200
        self.events: list[Any] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/events"


@contextmanager
def listening(opened: Open) -> Iterator[Ear]:
    ear = Ear(opened)
    thread = threading.Thread(target=ear.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield ear
    finally:
        ear.server.shutdown()
        thread.join()
        ear.server.server_close()


def as_lark(document: Any) -> tuple[Any, object]:
    event = json.loads(lark_decrypt(document["encrypt"], LARK_KEY))
    return event, {"challenge": event.get("challenge")}


def as_dingtalk(document: Any) -> tuple[Any, object]:
    _, text, owner = ding_decrypt(document["encrypt"], AES_KEY)
    sealed = ding_encrypt("success", AES_KEY, owner)
    signature = ding_sign(DING_TOKEN, "1", "n", sealed)
    return json.loads(text), {"msg_signature": signature, "timeStamp": "1", "nonce": "n", "encrypt": sealed}


def until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + 3
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.01)


@pytest.fixture
def lark() -> Iterator[httpx.Client]:
    workspace = LarkWorkspace.generate(1, 30, 6)
    with LabServer(LarkApi(workspace), workspace) as server, httpx.Client(base_url=server.url) as client:
        yield client


def post(http: httpx.Client, control: str, body: object) -> Any:
    response = http.post(f"/_lab/{control}", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def test_lark_pushes_what_happens_to_a_subscriber(lark: httpx.Client) -> None:
    with listening(as_lark) as ear:
        post(lark, "subscribe", {"url": ear.url, "encrypt_key": LARK_KEY, "verification_token": "v"})
        post(lark, "do", {"verb": "hire", "args": {}})
        until(lambda: lark.get("/_lab/pushes").json()["counters"].get("acknowledged") == 1)
        assert ear.events[0]["type"] == "url_verification"
        assert ear.events[1]["header"]["event_type"] == "contact.user.created_v3"
        post(lark, "storm", {"n": 20, "within_s": 0.2})
        until(lambda: len(ear.events) >= 22)
        post(lark, "unsubscribe", {})
        assert lark.get("/_lab/pushes").status_code == 400


def test_pushing_can_be_stepped_and_troubled_from_outside(lark: httpx.Client) -> None:
    with listening(as_lark) as ear:
        settings = {"url": ear.url, "encrypt_key": LARK_KEY, "background": False, "choices": {"event_schema": "1.0"}}
        post(lark, "subscribe", settings | {"trouble": {"delay_s": 0.001}})
        ear.status = 503
        post(lark, "do", {"verb": "hire", "args": {}})
        time.sleep(0.01)
        assert post(lark, "push-due", {}) == {"pushed": 1}
        report = lark.get("/_lab/pushes").json()
        assert (report["pending"], report["last"][0]["status"]) == (1, 503)
        assert ear.events[-1]["event"]["type"] == "user_add"
        assert post(lark, "trouble", {"lose": 1.0})["lose"] == 1.0
        post(lark, "do", {"verb": "hire", "args": {}})
        assert lark.get("/_lab/pushes").json()["counters"]["lost"] == 1


@pytest.mark.parametrize(
    ("control", "body"),
    [
        ("subscribe", {"url": "http://example.com/", "encrypt_key": "k"}),
        ("subscribe", {"url": "http://127.0.0.1:9/", "encrypt_key": "k"}),
        ("subscribe", {"url": "http://127.0.0.1:9/", "aes_key": "k"}),
        ("subscribe", {"url": "http://127.0.0.1:9/", "trouble": {"plague": 1}}),
        ("subscribe", {"url": "http://127.0.0.1:9/", "choices": {"plague": 1}}),
        ("storm", {"n": 5}),
        ("trouble", {"lose": 1}),
        ("push-due", {}),
    ],
)
def test_a_mistaken_control_is_refused_with_a_reason(lark: httpx.Client, control: str, body: object) -> None:
    response = lark.post(f"/_lab/{control}", json=body)
    assert response.status_code == 400
    assert response.json()["error"]


def test_dingtalk_pushes_what_happens_to_a_subscriber() -> None:
    workspace = DingTalkWorkspace.generate(1, 30, 6)
    with (
        listening(as_dingtalk) as ear,
        LabServer(DingTalkApi(workspace), workspace) as server,
        httpx.Client(base_url=server.url) as http,
    ):
        post(http, "subscribe", {"url": ear.url, "aes_key": AES_KEY, "token": DING_TOKEN})
        person = post(http, "do", {"verb": "some_person", "args": {}})["result"]
        post(http, "do", {"verb": "leave", "args": {"user": person}})
        until(lambda: http.get("/_lab/pushes").json()["counters"].get("acknowledged") == 1)
        assert [each["EventType"] for each in ear.events] == ["check_url", "user_leave_org"]
        assert ear.events[1]["UserId"] == [person]


def test_the_command_subscribes_an_url() -> None:
    with listening(as_lark) as ear:
        command = [sys.executable, "-m", "infra.lab", "--port", "0", "--people", "20", "--departments", "5"]
        keys = ["--push", ear.url, "--encrypt-key", LARK_KEY, "--token", "v", "--trouble", "delay_s=0.01"]
        with subprocess.Popen(command + keys, stdout=subprocess.PIPE, text=True) as lab:
            assert lab.stdout is not None
            lines = [lab.stdout.readline() for _ in range(5)]
            assert ear.url in lines[-1]
            url = re.search(r"http://127\.0\.0\.1:\d+", lines[0])
            assert url is not None
            httpx.post(f"{url[0]}/_lab/do", json={"verb": "hire", "args": {}})
            until(lambda: len(ear.events) == 2)
            lab.send_signal(signal.SIGINT)
            assert lab.wait(timeout=5) == 0
