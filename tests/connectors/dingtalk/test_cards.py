"""The door `cards`: presses of buttons, and what the presser sees at once."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.connectors.dingtalk.cards import PRESSED, DingTalkCards, sign
from chalicelib.connectors.dingtalk.template import track
from chalicelib.core.catalogue import Lang
from chalicelib.core.errors import SignatureError
from chalicelib.core.message import Delivery, HttpRequest, Opened
from chalicelib.core.secret import Secret
from tests.connectors.dingtalk.test_robot import NOW, SECOND, a_branch, chats

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/dingtalk.json").read_text(encoding="utf-8"))["card_sign"]
SECRET = "cardApiSecret01"
CARD = track("msg1#0", "src-hq", "cid5o+bbZdK/80y1V5ESE5Trw==", "", Lang.ZH)
CONTENT = {"cardPrivateData": {"actionIds": ["button1"], "params": {"command": "sync approve 4821"}}}
PRESS: dict[str, object] = {
    "type": "actionCallback",
    "outTrackId": CARD,
    "corpId": "dingcorp",
    "userId": "manager4220",
    "content": json.dumps(CONTENT),
}


def a_press(body: object = PRESS, *, at: datetime = NOW, signature: str = "") -> HttpRequest:
    stamp = str(int(at.timestamp() * 1000))
    headers = {"x-ddpaas-signature-timestamp": stamp, "x-ddpaas-signature": signature or sign(SECRET, stamp)}
    text = json.dumps(body).encode()
    return HttpRequest(method="POST", path="/", headers=headers, query={}, body=text)


def opened(request: HttpRequest, secret: str | None = SECRET, now: datetime = NOW) -> Opened:
    secrets = {"app_secret": Secret("s")} | ({"card_api_secret": Secret(secret)} if secret is not None else {})
    return DingTalkCards().open(request, a_branch(), secrets, now)


def pressed(request: HttpRequest) -> Delivery:
    delivery = opened(request).delivery
    assert delivery is not None
    return delivery


@pytest.mark.parametrize("vector", VECTORS)
def test_signatures_of_presses_are_as_in_the_vectors(vector: dict[str, dict[str, str]]) -> None:
    stamp = vector["headers"]["x-ddpaas-signature-timestamp"]
    secret = str(vector["api_secret"])
    assert sign(secret, stamp) == vector["headers"]["x-ddpaas-signature"]
    request = replace(a_press(), headers=vector["headers"])
    now = datetime.fromtimestamp(int(stamp) / 1000, UTC)
    assert opened(request, secret, now).delivery is not None
    with pytest.raises(SignatureError):
        opened(request, secret + "x", now)


@pytest.mark.parametrize("secret", [None, ""])
def test_where_no_secret_is_set_the_door_is_shut(secret: str | None) -> None:
    with pytest.raises(SignatureError):
        opened(a_press(), secret)


@pytest.mark.parametrize(
    "request_",
    [
        a_press(at=NOW - timedelta(minutes=3)),
        a_press(at=NOW + timedelta(minutes=3)),
        a_press(signature="AAAA"),
        replace(a_press(), headers={}),
        a_press({**PRESS, "corpId": "dingother"}),
        a_press([]),
    ],
)
def test_what_is_old_unsigned_or_of_another_company_is_refused(request_: HttpRequest) -> None:
    with pytest.raises(SignatureError):
        opened(request_)


def test_a_press_is_kept_with_its_command_and_not_proven() -> None:
    delivery = pressed(a_press())
    assert (delivery.type, delivery.proven, delivery.ids) == (PRESSED, False, {"userid": ("manager4220",)})
    assert json.loads(delivery.talk) == {"card": CARD, "sender": "manager4220", "text": "sync approve 4821"}


@pytest.mark.parametrize("lang", Lang)
def test_the_presser_sees_at_once_that_it_was_received_in_the_cards_language(lang: Lang) -> None:
    got = opened(a_press({**PRESS, "outTrackId": track("o", "s", "", "manager4220", lang)}))
    answer = json.loads(got.ack.body)
    assert got.ack.status == 200
    assert answer["cardUpdateOptions"] == {"updateCardDataByKey": True, "updatePrivateDataByKey": True}
    note = answer["userPrivateData"]["cardParamMap"]["note"]
    assert ("已收到" in note) == (lang is Lang.ZH)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "7", '{"cardPrivateData":[]}', '{"cardPrivateData":{"params":{"command":7}}}', None, {}]
)
def test_a_press_without_a_command_is_a_press_all_the_same(content: object) -> None:
    assert json.loads(pressed(a_press({**PRESS, "content": content})).talk)["text"] == ""


def test_another_kind_of_callback_is_answered_and_nothing_is_kept() -> None:
    got = opened(a_press({**PRESS, "type": "somethingElse"}))
    assert (got.ack.body, got.delivery) == ("{}", None)


def test_a_press_that_comes_again_is_one_and_a_second_press_another() -> None:
    store = chats()
    assert store.store(pressed(a_press()))
    assert not store.store(pressed(a_press()))
    assert store.store(pressed(a_press(at=NOW + SECOND)))


def test_a_signature_serves_one_press_only() -> None:
    store = chats()
    store.store(pressed(a_press()))
    with pytest.raises(SignatureError):
        store.store(pressed(a_press({**PRESS, "userId": "owner"})))
