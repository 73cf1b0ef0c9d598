"""Secrets are replaced while the vendor goes on pushing; its console switches at its own moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

import pytest

from chalicelib import wiring
from chalicelib.core.rotation import rotated
from chalicelib.core.secret import Secret
from tests.callbacks.scene import DINGTALK, LARK, REFUSED, SOURCES, Answer, Scene
from tests.callbacks.vendors import DingTalk, Lark, Push

ANN = {"union_id": "on_ann", "open_id": "ou_ann"}
NEW_LARK = Lark(encrypt_key="another-encrypt-key", token="v-token-Another-0123456789")
NEW_DINGTALK = DingTalk(aes_key="9hLRWymFVEA9LKXWKKmXZWWm5HPa6EeFUJFOrNXA6Wh", token="anotherToken2")
HQ, BRANCH = SOURCES["hq"].uid, SOURCES["branch"].uid
CALLBACK = ("encrypt_key", "verification_token", "aes_key", "token")


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene()
    yield scene
    scene.close()


def replace_secrets(scene: Scene, uid: str, **new: str) -> None:
    given = {name: Secret(text) for name, text in new.items()}
    scene.secrets.put(uid, rotated(scene.secrets.get(uid), given, CALLBACK, scene.clock.now()))


def kept(scene: Scene, uid: str) -> set[str]:
    return {name.partition("~")[0] + "~" * ("~" in name) for name in scene.secrets.get(uid)}


def lark(scene: Scene, app: Lark, event: str = "e1") -> Answer:
    return scene.post("hq", app.push(app.event(event, "contact.user.updated_v3", {"object": ANN}), scene.clock.now()))


def dingtalk(scene: Scene, app: DingTalk, event: str = "e1") -> Answer:
    text = f'{{"EventType":"user_modify_org","UserId":["ann"],"EventId":"{event}"}}'.encode()
    return scene.post("branch", app.push(text, scene.clock.now()))


def work(scene: Scene, uid: str) -> None:
    wiring.rotation().settle(uid, scene.inbox.waiting(uid))


def test_both_are_good_until_one_of_the_new_was_proven(scene: Scene) -> None:
    replace_secrets(scene, HQ, encrypt_key=NEW_LARK.encrypt_key, verification_token=NEW_LARK.token)
    assert lark(scene, LARK).status == 200
    work(scene, HQ)
    assert {"encrypt_key~", "verification_token~"} < kept(scene, HQ)
    assert lark(scene, NEW_LARK, "e2").status == 200
    assert lark(scene, LARK, "e3").status == 200
    work(scene, HQ)
    assert kept(scene, HQ) == {"app_secret", "encrypt_key", "verification_token"}
    assert (lark(scene, LARK, "e4").status, lark(scene, NEW_LARK, "e5").status) == (401, 200)


def test_the_console_may_switch_one_secret_before_the_other(scene: Scene) -> None:
    replace_secrets(scene, HQ, encrypt_key=NEW_LARK.encrypt_key, verification_token=NEW_LARK.token)
    assert lark(scene, Lark(encrypt_key=NEW_LARK.encrypt_key, token=LARK.token)).status == 200
    work(scene, HQ)
    assert kept(scene, HQ) == {"app_secret", "encrypt_key", "verification_token", "verification_token~"}
    assert lark(scene, LARK, "e2").status == 401
    assert lark(scene, NEW_LARK, "e3").status == 200


def test_the_answer_is_encrypted_with_the_keys_that_opened_the_request(scene: Scene) -> None:
    replace_secrets(scene, BRANCH, aes_key=NEW_DINGTALK.aes_key, token=NEW_DINGTALK.token)
    for app, event in ((DINGTALK, "e1"), (NEW_DINGTALK, "e2"), (DINGTALK, "e3")):
        answer = dingtalk(scene, app, event)
        assert (answer.status, app.read(answer.body)) == (200, ("success", app.owner))


def test_a_check_of_the_url_is_answered_with_either(scene: Scene) -> None:
    replace_secrets(scene, HQ, encrypt_key=NEW_LARK.encrypt_key, verification_token=NEW_LARK.token)
    replace_secrets(scene, BRANCH, aes_key=NEW_DINGTALK.aes_key, token=NEW_DINGTALK.token)
    for app in (LARK, NEW_LARK):
        assert scene.post("hq", app.unsigned(app.challenge())).status == 200
    for other in (DINGTALK, NEW_DINGTALK):
        push = other.push(b'{"EventType":"check_url"}', scene.clock.now())
        assert other.read(scene.post("branch", push).body)[0] == "success"


def test_after_a_week_the_old_ones_count_no_more(scene: Scene) -> None:
    replace_secrets(scene, HQ, encrypt_key=NEW_LARK.encrypt_key)
    scene.clock.sleep(timedelta(days=7).total_seconds())
    assert lark(scene, LARK).status == 401
    new = Lark(encrypt_key=NEW_LARK.encrypt_key, token=LARK.token)
    assert lark(scene, new, "e2").status == 200
    work(scene, HQ)
    assert kept(scene, HQ) == {"app_secret", "encrypt_key", "verification_token"}


def test_taking_it_costs_no_more_reads_and_writes_than_ever(scene: Scene) -> None:
    replace_secrets(scene, HQ, encrypt_key=NEW_LARK.encrypt_key, verification_token=NEW_LARK.token)
    for app, event in ((LARK, "e1"), (NEW_LARK, "e2")):
        answer = lark(scene, app, event)
        assert answer.reads <= 2
        assert (answer.writes, len(answer.rung)) == (1, 1)


@pytest.mark.parametrize(
    "forge", [lambda push: push, lambda push: Push(body=push.body + b" "), lambda push: Push(body=b"{}")]
)
def test_what_neither_opens_is_refused_in_the_same_words(scene: Scene, forge: Callable[[Push], Push]) -> None:
    replace_secrets(scene, HQ, encrypt_key=NEW_LARK.encrypt_key, verification_token=NEW_LARK.token)
    other = Lark(encrypt_key="nobody-s-key", token=LARK.token)
    push = forge(other.push(other.event("e1", "contact.user.updated_v3", {"object": ANN}), scene.clock.now()))
    answer = scene.post("hq", push)
    assert (answer.status, answer.body) == (401, REFUSED)
    assert scene.inbox.waiting(HQ) == []


def test_no_secret_is_logged(scene: Scene) -> None:
    replace_secrets(scene, HQ, encrypt_key=NEW_LARK.encrypt_key, verification_token=NEW_LARK.token)
    lark(scene, NEW_LARK)
    work(scene, HQ)
    told = scene.logged()
    assert "secrets replaced" in told
    secrets: Mapping[str, Secret] = scene.secrets.get(HQ)
    assert not [name for name, each in secrets.items() if each.reveal() in told]


def test_whoever_works_events_off_lets_the_old_go(scene: Scene) -> None:
    replace_secrets(scene, HQ, encrypt_key=NEW_LARK.encrypt_key, verification_token=NEW_LARK.token)
    scene.disable("hq")
    scene.secrets.kept[HQ] = dict(scene.secrets.get(HQ))
    said = NEW_LARK.event(
        "e9",
        "im.message.receive_v1",
        {
            "sender": {"sender_id": {"open_id": "ou_ann"}, "sender_type": "user", "tenant_key": "t"},
            "message": {
                "message_id": "om_1",
                "chat_id": "oc_1",
                "chat_type": "p2p",
                "message_type": "text",
                "content": '{"text":"help"}',
            },
        },
    )
    assert scene.post("hq", NEW_LARK.push(said, scene.clock.now())).status == 200
    wiring.rotation().settle(HQ, wiring.outside().chats.waiting(HQ))
    assert kept(scene, HQ) == {"app_secret", "encrypt_key", "verification_token"}


def test_a_store_that_takes_no_secrets_stops_no_event(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_secrets(scene, HQ, encrypt_key=NEW_LARK.encrypt_key, verification_token=NEW_LARK.token)
    assert lark(scene, NEW_LARK).status == 200

    def broken(*_: object, **__: object) -> bool:
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(type(scene.secrets), "put", broken)
        work(scene, HQ)
    assert {"encrypt_key~", "verification_token~"} < kept(scene, HQ)
    assert "secrets not settled" in scene.logged()
    work(scene, HQ)
    assert kept(scene, HQ) == {"app_secret", "encrypt_key", "verification_token"}


def test_what_was_proven_before_another_replacement_takes_no_younger_value_along(scene: Scene) -> None:
    third = Lark(encrypt_key="a-third-encrypt-key", token=LARK.token)
    second = Lark(encrypt_key=NEW_LARK.encrypt_key, token=LARK.token)
    replace_secrets(scene, HQ, encrypt_key=second.encrypt_key)
    assert lark(scene, second).status == 200
    scene.clock.sleep(60)
    replace_secrets(scene, HQ, encrypt_key=third.encrypt_key)
    work(scene, HQ)
    assert lark(scene, second, "e2").status == 200
    assert lark(scene, third, "e3").status == 200
