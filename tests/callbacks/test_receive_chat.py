"""Walk C up to the chat's bell: somebody says something or presses a button, and is answered at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

import pytest

from chalicelib import wiring
from chalicelib.core.ports import Chats
from chalicelib.core.secret import Secret
from tests.callbacks.scene import CORP_ID, LARK, PLAIN, SECRETS, SOURCES, Scene
from tests.callbacks.talks import DINGTALK_CARD_SECRET, dingtalk_message, dingtalk_press, lark_message, lark_press
from tests.callbacks.vendors import Push

SECRET = SECRETS["branch"]["app_secret"]
MakePush = Callable[[datetime], Push]
TALKS: dict[str, tuple[str, str, MakePush]] = {
    "lark message": ("hq", "events", lambda now: lark_message(LARK, now, "om_1", "张三 sync now hq")),
    "lark press": ("hq", "cards", lambda now: lark_press(LARK, now, "ev_1", "sync now hq")),
    "lark press, one URL for both": ("hq", "events", lambda now: lark_press(LARK, now, "ev_1", "sync now hq")),
    "lark message, unsigned": ("plain", "events", lambda now: lark_message(PLAIN, now, "om_1", "张三 sync now hq")),
    "dingtalk message": (
        "branch",
        "chat",
        lambda now: dingtalk_message(SECRET, now, "msg1", "张三 sync now hq", corp=CORP_ID),
    ),
    "dingtalk press": ("branch", "cards", lambda now: dingtalk_press(now, "sync now hq", corp=CORP_ID)),
}


@pytest.fixture
def chats(scene: Scene) -> Chats:
    secrets = {**SECRETS["branch"], "card_api_secret": DINGTALK_CARD_SECRET}
    scene.secrets.put(SOURCES["branch"].uid, {name: Secret(text) for name, text in secrets.items()})
    return wiring.outside().chats


@pytest.mark.parametrize("talk", TALKS)
def test_what_is_said_is_kept_once_rung_for_and_acknowledged(scene: Scene, chats: Chats, talk: str) -> None:
    handle, door, make = TALKS[talk]
    answer = scene.post(handle, make(scene.clock.now()), door)
    uid = SOURCES[handle].uid
    assert (answer.status, answer.rung) == (200, (uid,))
    assert answer.reads <= 2
    assert answer.writes == 1
    (delivery,) = chats.waiting(uid)
    assert "sync now hq" in delivery.talk
    assert delivery.proven is (handle == "hq")
    assert scene.inbox.waiting(uid) == []


@pytest.mark.parametrize("talk", TALKS)
def test_what_is_said_to_a_disabled_source_is_kept_all_the_same(scene: Scene, chats: Chats, talk: str) -> None:
    handle, door, make = TALKS[talk]
    scene.disable(handle)
    answer = scene.post(handle, make(scene.clock.now()), door)
    assert (answer.status, answer.writes, answer.rung) == (200, 1, (SOURCES[handle].uid,))
    assert len(chats.waiting(SOURCES[handle].uid)) == 1


@pytest.mark.parametrize("talk", TALKS)
def test_what_comes_again_is_acknowledged_the_same_way_and_kept_once(scene: Scene, chats: Chats, talk: str) -> None:
    handle, door, make = TALKS[talk]
    push = make(scene.clock.now())
    uid = SOURCES[handle].uid
    first = scene.post(handle, push, door)
    for _ in range(2):
        scene.clock.sleep(15)
        again = scene.post(handle, push, door)
        assert (again.status, again.body, again.rung) == (200, first.body, (uid,))
    (delivery,) = chats.waiting(uid)
    chats.answered(delivery, [])
    assert scene.post(handle, push, door).body == first.body
    assert chats.waiting(uid) == []


def test_a_message_that_comes_again_under_another_event_is_the_same_message(scene: Scene, chats: Chats) -> None:
    for event_id in ("e1", "e2"):
        push = lark_message(LARK, scene.clock.now(), "om_1", "hello", event_id=event_id)
        assert scene.post("hq", push).status == 200
    assert [each.delivery_id for each in chats.waiting(SOURCES["hq"].uid)] == ["om_1"]


def test_a_robots_signature_serves_one_message_only(scene: Scene, chats: Chats) -> None:
    now = scene.clock.now()
    said = dingtalk_message(SECRET, now, "msg1", "help", corp=CORP_ID)
    forged = Push(body=said.body.replace(b"msg1", b"msg2").replace(b"help", b"disable hq"), headers=said.headers)
    assert scene.post("branch", said, "chat").status == 200
    answer = scene.post("branch", forged, "chat")
    assert (answer.status, answer.rung) == (401, ())
    assert scene.post("branch", said, "chat").status == 200
    later = dingtalk_message(SECRET, now, "msg2", "help", corp=CORP_ID, later_ms=1)
    assert scene.post("branch", later, "chat").status == 200
    assert {each.delivery_id for each in chats.waiting(SOURCES["branch"].uid)} == {"msg1", "msg2"}


@pytest.mark.parametrize("talk", TALKS)
def test_what_nobody_proved_is_not_kept(scene: Scene, chats: Chats, talk: str) -> None:
    handle, door, make = TALKS[talk]
    push = make(scene.clock.now())
    if handle == "plain":
        forged = Push(body=push.body.replace(PLAIN.token.encode(), b"another"), headers=push.headers)
    else:
        name = next(name for name in push.headers if "sign" in name.lower())
        forged = push.with_headers(**{name.replace("-", "_"): "x" * 44})
    answer = scene.post(handle, forged, door)
    assert (answer.status, answer.rung) == (401, ())
    assert chats.waiting(SOURCES[handle].uid) == []


@pytest.mark.parametrize("talk", TALKS)
def test_the_log_has_ids_and_never_what_was_said(scene: Scene, chats: Chats, talk: str) -> None:
    handle, door, make = TALKS[talk]
    scene.post(handle, make(scene.clock.now()), door)
    text = scene.logged()
    (line,) = [json.loads(each) for each in text.splitlines()]
    assert (line["event"], line["source"], line["new"]) == ("heard", handle, True)
    for secret in ("张三", "sync now", "secret0session", "ou_ann"):
        assert secret not in text
