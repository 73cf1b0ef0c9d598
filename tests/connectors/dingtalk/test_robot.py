"""The door `chat`: who may speak through it, what is kept of what they say, and that a signature serves once."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.connectors.dingtalk.robot import LONGEST_TEXT, SAID, DingTalkRobot, is_session, sign
from chalicelib.core.errors import SignatureError
from chalicelib.core.message import Delivery, HttpRequest, Opened
from chalicelib.core.secret import Secret
from chalicelib.core.source import Source
from chalicelib.local.clock import ManualClock
from chalicelib.local.table import SqliteTable
from chalicelib.store.chats import TableChats
from tests.builders import a_source

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/dingtalk.json").read_text(encoding="utf-8"))["robot_sign"]
NOW = datetime.fromtimestamp(1783610513, UTC)
SECOND = timedelta(seconds=1)
SECRET = "Kx9-aPp_SeCrEt-0123456789_zyxwvuTSRQ"
SESSION = "https://oapi.dingtalk.com/robot/sendBySession?session=0123456789abcdef"
SAYING: dict[str, object] = {
    "msgtype": "text",
    "text": {"content": " sync now hq "},
    "msgId": "msgZXhhbXBsZQ==",
    "createAt": 1783610512000,
    "conversationType": "2",
    "conversationId": "cid5o+bbZdK/80y1V5ESE5Trw==",
    "conversationTitle": "Directory",
    "senderId": "$:LWCP_v1:$abc",
    "senderStaffId": "manager4220",
    "senderNick": "Ann",
    "senderCorpId": "dingcorp",
    "isAdmin": True,
    "isInAtList": True,
    "atUsers": [{"dingtalkId": "$:LWCP_v1:$robot"}],
    "chatbotUserId": "$:LWCP_v1:$robot",
    "chatbotCorpId": "dingcorp",
    "robotCode": "dingabcdefghij123456",
    "senderPlatform": "Mac",
    "sessionWebhook": SESSION,
    "sessionWebhookExpiredTime": 1783615913000,
}


def a_branch(**settings: str) -> Source:
    return a_source(
        "branch", kind="dingtalk", settings={"app_key": "dingabcdefghij123456", "corp_id": "dingcorp", **settings}
    )


def a_request(body: object = SAYING, *, at: datetime = NOW, stamp: str = "", signature: str = "") -> HttpRequest:
    stamp = stamp or str(int(at.timestamp() * 1000))
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"timestamp": stamp, "sign": signature or sign(SECRET, stamp)}
    return HttpRequest(method="POST", path="/", headers=headers, query={}, body=text)


def opened(request: HttpRequest, source: Source | None = None, now: datetime = NOW, secret: str = SECRET) -> Opened:
    return DingTalkRobot().open(request, source or a_branch(), {"app_secret": Secret(secret)}, now)


def heard(request: HttpRequest, source: Source | None = None, now: datetime = NOW) -> Delivery:
    delivery = opened(request, source, now).delivery
    assert delivery is not None
    return delivery


def kept(**changes: object) -> Any:
    return json.loads(heard(a_request({**SAYING, **changes})).talk)


def refuses(request: HttpRequest, source: Source | None = None, now: datetime = NOW, secret: str = SECRET) -> bool:
    with pytest.raises(SignatureError) as caught:
        opened(request, source, now, secret)
    return (caught.value.code, caught.value.facts) == ("callback refused", {})


@pytest.mark.parametrize("vector", VECTORS, ids=[each["name"] for each in VECTORS])
def test_signatures_of_robots_are_as_in_the_vectors(vector: Any) -> None:
    stamp, signature = vector["headers"]["timestamp"], vector["headers"]["sign"]
    assert sign(vector["app_secret"], stamp) == signature
    now = datetime.fromtimestamp(int(stamp) / 1000, UTC)
    request = a_request(stamp=stamp, signature=signature)
    assert opened(request, now=now, secret=vector["app_secret"]).delivery is not None
    assert refuses(request, now=now, secret=vector["app_secret"] + "x")
    assert refuses(a_request(stamp=stamp, signature="A" + signature), now=now, secret=vector["app_secret"])


@pytest.mark.parametrize("off", [-120, -119, 0, 119, 120])
def test_a_signature_holds_two_minutes_by_either_clock(off: int) -> None:
    assert opened(a_request(at=NOW + off * SECOND)).delivery is not None


@pytest.mark.parametrize("off", [-3600, -121, 121, 3600])
def test_an_older_signature_is_refused_though_the_vendor_would_take_it(off: int) -> None:
    assert refuses(a_request(at=NOW + off * SECOND))


@pytest.mark.parametrize(
    "stamp",
    ["1783610513", "1783610513000.0", "01783610513000", "１７８３６１０５１３０００", "-783610513000", "1" * 400],
)
def test_a_time_that_is_none_is_refused_whatever_signed_it(stamp: str) -> None:
    assert refuses(a_request(stamp=stamp))


def test_without_headers_or_secret_nothing_gets_in() -> None:
    request = a_request()
    assert refuses(replace(request, headers={}))
    assert refuses(replace(request, headers={"timestamp": request.headers["timestamp"]}))
    assert refuses(request, secret="")


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"{", b"[" * 100_000, b'"text"'])
def test_what_is_no_message_is_refused(body: bytes) -> None:
    assert refuses(a_request(body))


def test_what_was_said_is_acknowledged_with_nothing_and_kept_as_not_proven() -> None:
    got = opened(a_request())
    assert (got.ack.status, json.loads(got.ack.body)) == (200, {"msgtype": "empty"})
    delivery = got.delivery
    assert delivery is not None
    assert (delivery.delivery_id, delivery.type, delivery.proven) == ("msgZXhhbXBsZQ==", SAID, False)
    assert delivery.ids == {"userid": ("manager4220",)}
    assert delivery.occurred_at == NOW - SECOND
    assert json.loads(delivery.talk) == {
        "text": " sync now hq ",
        "sender": "manager4220",
        "direct": False,
        "chat": "cid5o+bbZdK/80y1V5ESE5Trw==",
        "blank": False,
        "session": SESSION,
        "until": 1783615913000,
    }


def test_neither_names_nor_the_claim_to_be_an_administrator_are_kept() -> None:
    talk = heard(a_request()).talk
    assert "Ann" not in talk
    assert "dmin" not in talk


@pytest.mark.parametrize("absent", ["senderStaffId", None])
def test_whoever_has_no_id_here_has_none(absent: str | None) -> None:
    body = {name: value for name, value in SAYING.items() if name != absent}
    if absent is None:
        body["senderStaffId"] = "x" * 200
    delivery = heard(a_request(body))
    assert json.loads(delivery.talk)["sender"] == ""
    assert delivery.ids == {}


def test_somebody_of_another_company_is_nobody_here() -> None:
    assert kept(senderCorpId="dingother")["sender"] == ""
    assert kept(senderCorpId="")["sender"] == "manager4220"


def test_a_robot_of_another_company_is_refused() -> None:
    assert refuses(a_request({**SAYING, "chatbotCorpId": "dingother"}))
    assert refuses(a_request({**SAYING, "chatbotCorpId": 7}))
    assert opened(a_request({name: value for name, value in SAYING.items() if name != "chatbotCorpId"})).delivery


def test_a_message_without_an_id_is_known_by_its_body() -> None:
    body = {name: value for name, value in SAYING.items() if name != "msgId"}
    first, again = heard(a_request(body)), heard(a_request(body, at=NOW + SECOND))
    assert first.delivery_id == again.delivery_id
    assert first.delivery_id != heard(a_request({**body, "text": {"content": "x"}})).delivery_id


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"text": {"content": "\n状态 \u3000"}}, "\n状态 \u3000"),
        ({"text": {"content": "x" * 70_000}}, "x" * LONGEST_TEXT),
        ({"text": {"content": "a\ud83db"}}, "a?b"),
        ({"text": "status"}, ""),
        ({"text": {"content": 7}}, ""),
        (
            {
                "msgtype": "richText",
                "content": {"richText": [{"text": "who "}, {"type": "picture"}, {"text": "ann"}, 7]},
            },
            "who ann",
        ),
        ({"msgtype": "richText", "content": {"richText": "who"}}, ""),
        ({"msgtype": "picture", "content": {"downloadCode": "x"}}, ""),
        ({"msgtype": "audio", "content": {"recognition": "disable hq"}}, ""),
    ],
)
def test_of_a_message_its_words_are_kept(changes: dict[str, object], text: str) -> None:
    assert kept(**changes)["text"] == text


def test_a_message_that_comes_without_words_is_known_as_such() -> None:
    body = {name: value for name, value in SAYING.items() if name != "text"} | {"errMsg": "quota", "errCode": 20001}
    assert json.loads(heard(a_request(body)).talk)["blank"] is True


@pytest.mark.parametrize(
    "url",
    [
        SESSION,
        "https://api.dingtalk.com/robot/sendBySession?session=x",
        "https://OAPI.dingtalk.com:443/robot/sendBySession?session=x",
    ],
)
def test_a_session_of_the_vendor_is_kept(url: str) -> None:
    assert kept(sessionWebhook=url)["session"] == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        None,
        7,
        "https://oapi.dingtalk.com.evil.example/robot/sendBySession?session=x",
        "https://evil.example/robot/sendBySession?session=x",
        "https://oapi.dingtalk.com@evil.example/robot/sendBySession",
        "https://evil.example@oapi.dingtalk.com/robot/sendBySession",
        "https://oapi.dingtalk.com:8443/robot/sendBySession?session=x",
        "https://oapi.dingtalk.com:0/robot/sendBySession",
        "https://oapi.dingtalk.com:x/robot/sendBySession",
        "http://oapi.dingtalk.com/robot/sendBySession?session=x",
        "https://oapi.dingtalk.com/topapi/v2/user/delete",
        "https://oapi.dingtalk.com/robot/send?access_token=x",
        "https://oapi.dingtalk.com/robot/sendBySession/../send",
        "https://oapi.dingtalk.com\\@evil.example/robot/sendBySession",
        "https://oapi.dingtalk.com\t.evil.example/robot/sendBySession",
        "https://oapi.dingtalk.com/robot/sendBySession#x",
        "https://oapi。dingtalk.com/robot/sendBySession",
        "http://169.254.169.254/robot/sendBySession",
        "http://127.0.0.1:8123/robot/sendBySession?session=x",
        "//oapi.dingtalk.com/robot/sendBySession",
        "https://[/robot/sendBySession",
        SESSION + "x" * 3000,
    ],
)
def test_a_session_that_leads_elsewhere_is_not_kept(url: object) -> None:
    assert "session" not in kept(sessionWebhook=url)


def test_the_sources_own_hosts_take_answers_and_plain_http_only_on_this_machine() -> None:
    private = a_branch(oapi_url="https://ding.example.com:8443", api_url="https://api.example.com/")
    assert is_session("https://ding.example.com:8443/robot/sendBySession?session=x", private)
    assert is_session("https://api.example.com/robot/sendBySession?session=x", private)
    assert not is_session("https://ding.example.com/robot/sendBySession?session=x", private)
    lab = a_branch(oapi_url="http://127.0.0.1:8123", api_url="http://127.0.0.1:8123")
    assert is_session("http://127.0.0.1:8123/robot/sendBySession?session=x", lab)
    assert not is_session("http://127.0.0.1:22/robot/sendBySession?session=x", lab)
    plain = a_branch(oapi_url="http://ding.example.com", api_url="http://ding.example.com")
    assert not is_session("http://ding.example.com/robot/sendBySession?session=x", plain)


@pytest.mark.parametrize("until", ["soon", -1, 10**30, True, None, 1.5])
def test_the_end_of_a_session_is_a_time_or_nothing(until: object) -> None:
    talk = kept(sessionWebhookExpiredTime=until)
    assert "session" in talk
    assert "until" not in talk


# --- one signature serves one body


def chats() -> TableChats:
    return TableChats(table=SqliteTable(":memory:", clock=ManualClock(NOW)))


def another(**changes: object) -> dict[str, object]:
    return {**SAYING, "msgId": "msgb3RoZXI=", **changes}


def test_a_signature_that_has_served_serves_no_other_body() -> None:
    store = chats()
    assert store.store(heard(a_request()))
    with pytest.raises(SignatureError) as caught:
        store.store(heard(a_request(another(text={"content": "disable hq"}))))
    assert caught.value.code == "callback refused"
    assert [each.delivery_id for each in store.waiting(a_branch().uid)] == ["msgZXhhbXBsZQ=="]


def test_the_same_message_comes_again_in_peace_with_its_signature_or_another() -> None:
    store = chats()
    assert store.store(heard(a_request()))
    assert not store.store(heard(a_request()))
    assert not store.store(heard(a_request(at=NOW + SECOND)))
    assert len(store.waiting(a_branch().uid)) == 1


def test_a_signature_that_a_repetition_came_with_has_served_too() -> None:
    store = chats()
    store.store(heard(a_request()))
    store.store(heard(a_request(at=NOW + SECOND)))
    with pytest.raises(SignatureError):
        store.store(heard(a_request(another(), at=NOW + SECOND)))
    assert store.store(heard(a_request(another(), at=NOW + 2 * SECOND)))


def test_another_body_under_a_known_id_changes_nothing() -> None:
    store = chats()
    store.store(heard(a_request()))
    assert not store.store(heard(a_request({**SAYING, "text": {"content": "disable hq"}})))
    assert "disable" not in store.waiting(a_branch().uid)[0].talk
