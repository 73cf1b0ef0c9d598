"""The door for presses: the same proof as everywhere, a toast at once, and nothing silent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.connectors.lark.callback import LarkCallback
from chalicelib.connectors.lark.cards import LONGEST_COMMAND, PRESSED, LarkCards
from chalicelib.core.errors import SignatureError
from chalicelib.core.message import Opened
from chalicelib.core.secret import Secret
from tests.builders import a_source
from tests.callbacks.vendors import Lark, Push

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/lark.json").read_text(encoding="utf-8"))
NOW = datetime.fromtimestamp(1721980800, UTC)
HQ = a_source("hq", kind="lark", settings={"app_id": "cli_rollcall0001"})
LARK = Lark()
PLAIN = Lark(encrypt_key="")
VALUE = {"command": "sync approve 12", "lang": "en", "direct": "oc_1"}


def opened(push: Push, app: Lark = LARK, now: datetime = NOW) -> Opened:
    keys = {"encrypt_key": Secret(app.encrypt_key), "verification_token": Secret(app.token)}
    return LarkCards().open(push.request, HQ, keys, now)


def press(value: object, event_id: str = "e1", **changes: object) -> bytes:
    event = {
        "operator": {"tenant_key": "t1", "open_id": "ou_ann", "union_id": "on_ann"},
        "token": "c-1",
        "action": {"value": value, "tag": "button"},
        "host": "im_message",
        "context": {"open_message_id": "om_1", "open_chat_id": "oc_1"},
        **changes,
    }
    return LARK.event(event_id, PRESSED, event, create_time="1721980799123456")


def pressed(text: bytes, app: Lark = LARK) -> Opened:
    return opened(app.push(text, NOW), app)


def toast(got: Opened) -> Any:
    assert got.ack.status == 200
    document = json.loads(got.ack.body)
    assert document.keys() == {"toast"}
    return document["toast"]


def is_too_old(got: Opened) -> bool:
    shown = toast(got)
    return (
        (got.delivery, shown["type"]) == (None, "warning")
        and "too old" not in shown["content"]
        and "help" in (shown["content"])
    )


def named(name: str) -> Any:
    return next(each for each in VECTORS["requests"] if each["name"] == name)


def test_the_vendors_own_press_is_taken_and_answered() -> None:
    vector = named("card_action")
    push = Push(body=vector["body"].encode(), headers=vector["headers"])
    got = opened(push, Lark(encrypt_key=vector["encrypt_key"], token=VECTORS["verification_token"]))
    assert is_too_old(got)


@pytest.mark.parametrize("name", ["url_verification", "plain_url_verification"])
def test_the_check_of_the_url_is_answered(name: str) -> None:
    vector = named(name)
    push = Push(body=vector["body"].encode(), headers=vector["headers"])
    got = opened(push, Lark(encrypt_key=vector["encrypt_key"], token=VECTORS["verification_token"]))
    assert json.loads(got.ack.body) == json.loads(vector["sdk"]["response"])
    assert got.delivery is None


@pytest.mark.parametrize("vector", VECTORS["rejected"], ids=[each["name"] for each in VECTORS["rejected"]])
def test_what_larks_own_library_refuses_is_refused(vector: Any) -> None:
    app = Lark(encrypt_key=vector["encrypt_key"], token=vector["verification_token"])
    with pytest.raises(SignatureError):
        opened(Push(body=vector["body"].encode(), headers=vector["headers"]), app)


def test_a_press_is_verified_before_it_is_looked_at() -> None:
    for push in (
        LARK.unsigned(press(VALUE)),
        PLAIN.unsigned(press(VALUE)),
        LARK.push(press(VALUE), NOW).without("x-lark-signature"),
        LARK.push(press(VALUE), NOW - timedelta(hours=2)),
        Lark(encrypt_key="another").push(press(VALUE), NOW),
    ):
        with pytest.raises(SignatureError):
            opened(push)


def test_what_is_no_press_is_refused_here() -> None:
    with pytest.raises(SignatureError):
        pressed(LARK.event("e1", "contact.user.updated_v3", {"object": {"union_id": "on_ann"}}))


def test_a_press_is_kept_with_what_its_reader_needs() -> None:
    got = pressed(press(VALUE))
    assert got.delivery is not None
    assert (got.delivery.delivery_id, got.delivery.type, got.delivery.proven) == ("e1", PRESSED, True)
    assert got.delivery.occurred_at == datetime(2024, 7, 26, 7, 59, 59, 123456, UTC)
    assert json.loads(got.delivery.talk) == {
        "sender": "ou_ann",
        "command": "sync approve 12",
        "lang": "en",
        "message_id": "om_1",
        "chat_id": "oc_1",
        "direct": "oc_1",
    }


def test_without_an_encrypt_key_a_press_is_not_proven() -> None:
    got = pressed(press(VALUE), PLAIN)
    assert got.delivery is not None
    assert not got.delivery.proven


def test_a_redelivery_is_the_same_press_and_a_second_press_another() -> None:
    ids = [got.delivery.delivery_id for each in ("e1", "e1", "e2") if (got := pressed(press(VALUE, each))).delivery]
    assert ids == ["e1", "e1", "e2"]


@pytest.mark.parametrize(
    ("command", "lang", "said", "chinese"),
    [
        ("sync approve 12", "en", "Received: approving…", "已收到：正在批准…"),
        ("sync now hq", "zh", "已收到：正在开始同步…", "已收到：正在开始同步…"),
        ("record 12 --page 2", "en", "Received: looking it up…", "已收到：正在查询…"),
        ("choose 12", "fr", "Received: looking it up…", "已收到：正在查询…"),
        ("who " + "ann " * 90, "en", "Received: looking it up…", "已收到：正在查询…"),
    ],
)
def test_the_toast_says_what_was_pressed(command: str, lang: str, said: str, chinese: str) -> None:
    shown = toast(pressed(press({"command": command, "lang": lang})))
    assert shown["type"] == "info"
    assert shown["content"] == said
    assert shown["i18n"]["zh_cn"] == chinese
    assert shown["i18n"]["en_us"].startswith("Received: ")


def test_a_value_may_come_as_text() -> None:
    got = pressed(press(json.dumps(VALUE)))
    assert got.delivery is not None
    assert json.loads(got.delivery.talk)["command"] == "sync approve 12"


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        [],
        7,
        "sync approve 12",
        "[" * 100_000,
        {"cmd": "confirm"},
        {"command": ""},
        {"command": " "},
        {"command": 7},
        {"command": {"command": "help"}},
        {"command": "help\nsync now hq"},
        {"command": "sync \u202enow"},
        {"command": "x" * (LONGEST_COMMAND + 1)},
        {"command": "\ud83d"},
    ],
)
def test_a_press_that_is_not_ours_says_so(value: object) -> None:
    for door in (LarkCards(), LarkCallback()):
        keys = {"encrypt_key": Secret(LARK.encrypt_key), "verification_token": Secret(LARK.token)}
        assert is_too_old(door.open(LARK.push(press(value), NOW).request, HQ, keys, NOW))


def test_a_press_by_nobody_says_so() -> None:
    assert is_too_old(pressed(press(VALUE, operator={"open_id": 7})))
    assert is_too_old(pressed(press(VALUE, operator=None)))


def test_somebody_of_another_company_presses_as_nobody() -> None:
    told = json.loads(press(VALUE))
    for home, sender in (("t1", "ou_ann"), ("t2", ""), ("", "ou_ann")):
        told["header"]["tenant_key"] = home
        got = pressed(json.dumps(told).encode())
        assert got.delivery is not None
        assert json.loads(got.delivery.talk)["sender"] == sender


def test_a_card_of_nowhere_is_answered_to_the_person() -> None:
    got = pressed(press(VALUE, context=None))
    assert got.delivery is not None
    told = json.loads(got.delivery.talk)
    assert (told["message_id"], told["chat_id"]) == ("", "")
