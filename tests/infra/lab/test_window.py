"""What the window's page asks for, and who may ask; and chats through the control interface."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from infra.lab.dingtalk import DingTalkApi, DingTalkWorkspace
from infra.lab.lark import LarkApi, LarkWorkspace
from infra.lab.server import LabServer
from infra.lab.window import Place, Window


@contextmanager
def served(directory: Any = None) -> Iterator[tuple[httpx.Client, LarkWorkspace, DingTalkWorkspace]]:
    lark, ding = LarkWorkspace(), DingTalkWorkspace()
    window = Window(directory)
    window.add(Place(name="hq", title="总部", vendor="lark", workspace=lark, featured={}))
    window.add(Place(name="branch", title="Branch", vendor="dingtalk", workspace=ding, featured={}))
    with (
        LabServer(LarkApi(lark), lark, window=window) as server,
        httpx.Client(base_url=server.window_url, timeout=5) as http,
    ):
        yield http, lark, ding


def test_the_page_and_its_files_load_nothing_from_elsewhere() -> None:
    with served() as (http, _, _):
        for name in ("", "page.css", "page.js", "markdown.js", "cards.js"):
            answer = http.get(name)
            assert answer.status_code == 200
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            # Tests for links in texts from outside are no loads.
            assert "//" not in answer.text.replace("https?:\\/\\/", "").replace("// ", "")


def test_people_type_are_hired_and_let_go_through_the_window() -> None:
    with served() as (http, lark, ding):
        ann = lark.add_user("安")

        def do(**asked: str) -> Any:
            answer = http.post("do", json=asked)
            assert answer.status_code == 200, answer.text
            return answer.json()["result"]

        do(place="hq", verb="enter", person=ann)
        do(place="hq", verb="say", person=ann, text="help")
        hired = do(place="hq", verb="hire", name="新人", department="0")
        assert lark.users[hired].state == "activated"
        do(place="hq", verb="fire", person=hired)
        assert lark.users[hired].resigned
        hired = do(place="branch", verb="hire", name="新人", department="1")
        do(place="branch", verb="fire", person=hired)
        assert ding.users[hired].left
        [hq, branch] = http.get("state").json()["places"]
        assert [each["content"] for each in hq["chats"][0]["posts"]] == [{"text": "help"}]
        assert hq["names"] == {ann: "安"}
        assert (branch["chats"], branch["templates"]) == ([], {})


def test_what_was_seen_is_not_told_again() -> None:
    with served() as (http, lark, _):
        ann = lark.add_user("安")
        version = http.get("state").json()["version"]
        assert http.get("state", params={"seen": version}).json() == {"version": version}
        lark.say(ann, "help")
        assert "places" in http.get("state", params={"seen": version}).json()


def test_people_are_found_by_name_the_newest_first() -> None:
    with served() as (http, lark, _):
        for name in ("王一", "李二", "王三"):
            lark.add_user(name)
        found = http.get("people", params={"place": "hq", "text": "王"}).json()["people"]
        assert [(each["name"], each["department"]) for each in found] == [("王三", "示例公司"), ("王一", "示例公司")]


def test_the_directory_is_what_its_provider_says() -> None:
    with served(lambda: {"employees": []}) as (http, _, _):
        assert http.get("directory").json() == {"employees": []}
    with served() as (http, _, _):
        assert http.get("directory").json() == {}


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rollcall.example"},
        {"Origin": "https://evil.example", "Content-Type": "application/json"},
        {"Content-Type": "text/plain"},
    ],
)
def test_pages_of_other_sites_are_refused(headers: dict[str, str]) -> None:
    with served() as (http, lark, _):
        ann = lark.add_user("安")
        body = f'{{"place": "hq", "verb": "fire", "person": "{ann}"}}'
        assert http.post("do", content=body, headers=headers).status_code == 403
        assert not lark.users[ann].resigned


def test_a_mistake_is_told_as_one() -> None:
    with served() as (http, _, _):
        for asked in ({"place": "moon", "verb": "say"}, {"place": "hq", "verb": "dance"}, {"place": "hq"}):
            assert http.post("do", json=asked).status_code == 400
        assert http.get("secrets").status_code == 404


def test_without_a_window_the_vendor_answers() -> None:
    lark = LarkWorkspace()
    with LabServer(LarkApi(lark), lark) as server:
        assert httpx.get(server.window_url).status_code == 404


def test_chats_are_steered_through_the_control_interface() -> None:
    ding = DingTalkWorkspace()
    with LabServer(DingTalkApi(ding), ding) as server, httpx.Client(base_url=server.url, timeout=5) as http:

        def do(verb: str, **args: object) -> Any:
            answer = http.post("/_lab/do", json={"verb": verb, "args": args})
            assert answer.status_code == 200, answer.text
            return answer.json()["result"]

        ann = do("add_user", name="安")
        group = do("add_chat", title="IT", people=[ann])
        do("connect_chat", url=f"{server.url}/nowhere")
        message = do("say", person=ann, text="@Rollcall help", chat=group)
        assert [each["message"] for each in do("messages", chat=group)] == [message]
        assert [each["title"] for each in do("chats")] == ["IT"]
        assert do("toasts") == []
        # A session's URL leads to where the lab is served.
        assert ding.open_session(ding.talk.chat(group))[0].startswith(server.url)
