"""Walk B up to the bell: a vendor pushes, through the framework, and is answered."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from chalicelib import wiring
from chalicelib.callbacks.receive import LARGEST_BODY_BYTES
from chalicelib.core.ports import Door
from tests.callbacks.scene import CORP_ID, DINGTALK, LARK, NOW, PLAIN, REFUSED, SOURCES, Scene
from tests.callbacks.vendors import DingTalk, Push

ANN = {"union_id": "on_ann", "open_id": "ou_ann", "name": "张三丰", "mobile": "+8613011111111"}
UPDATED = "contact.user.updated_v3"
USER_MODIFIED = json.dumps({"EventType": "user_modify_org", "UserId": ["ann"], "TimeStamp": "1783610513000"}).encode()
PUSHES = {
    "hq": LARK.push(LARK.event("e1", UPDATED, {"object": ANN}), NOW),
    "plain": PLAIN.push(PLAIN.event("e1", UPDATED, {"object": ANN}), NOW),
    "branch": DINGTALK.push(USER_MODIFIED, NOW),
}
CHECKS = {
    "hq": LARK.unsigned(LARK.challenge()),
    "plain": PLAIN.unsigned(PLAIN.challenge()),
    "branch": DINGTALK.push(b'{"EventType":"check_url"}', NOW),
}


def accepts(handle: str, body: str) -> bool:
    return DINGTALK.read(body)[0] == "success" if handle == "branch" else body == "{}"


@pytest.mark.parametrize("handle", PUSHES)
def test_an_event_is_stored_once_rung_for_and_acknowledged(scene: Scene, handle: str) -> None:
    answer = scene.post(handle, PUSHES[handle])
    assert (answer.status, accepts(handle, answer.body)) == (200, True)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.rung == (SOURCES[handle].uid,)
    (delivery,) = scene.inbox.waiting(SOURCES[handle].uid)
    assert delivery.source == SOURCES[handle].uid
    assert delivery.received_at == NOW


@pytest.mark.parametrize("handle", PUSHES)
def test_acknowledging_takes_at_most_two_reads_one_write_and_one_ring(scene: Scene, handle: str) -> None:
    answer = scene.post(handle, PUSHES[handle])
    assert answer.reads <= 2
    assert (answer.writes, len(answer.rung)) == (1, 1)


@pytest.mark.parametrize("handle", PUSHES)
def test_an_event_that_comes_again_is_stored_once_and_acknowledged(scene: Scene, handle: str) -> None:
    uid = SOURCES[handle].uid
    for _ in range(3):
        answer = scene.post(handle, PUSHES[handle])
        assert (answer.status, answer.rung) == (200, (uid,))
        scene.clock.sleep(60)
    assert len(scene.inbox.waiting(uid)) == 1
    scene.inbox.done(scene.inbox.waiting(uid))
    assert scene.post(handle, PUSHES[handle]).status == 200
    assert scene.inbox.waiting(uid) == []


@pytest.mark.parametrize("handle", CHECKS)
def test_a_check_of_the_url_is_answered_and_only_noted(scene: Scene, handle: str) -> None:
    answer = scene.post(handle, CHECKS[handle])
    assert answer.status == 200
    if handle == "branch":
        assert DINGTALK.read(answer.body) == ("success", DINGTALK.owner)
    else:
        assert json.loads(answer.body) == {"challenge": "ajls384kdjx98XX"}
    assert (answer.writes, answer.rung) == (1, ())
    assert answer.reads <= 2
    assert wiring.outside().doors.of(SOURCES[handle].uid) == {"events": Door(checked_at=NOW)}
    assert scene.inbox.waiting(SOURCES[handle].uid) == []


@pytest.mark.parametrize("handle", PUSHES)
def test_the_events_of_a_disabled_source_are_acknowledged_counted_and_dropped(scene: Scene, handle: str) -> None:
    scene.disable(handle)
    for so_far in (1, 2):
        answer = scene.post(handle, PUSHES[handle])
        assert (answer.status, accepts(handle, answer.body)) == (200, True)
        assert (answer.reads, answer.writes, answer.rung) == (2, 1, ())
        line = json.loads(scene.logged())
        assert (line["event"], line["source"], line["so_far"]) == ("dropped", handle, so_far)
    assert scene.inbox.waiting(SOURCES[handle].uid) == []


@pytest.mark.parametrize("handle", PUSHES)
def test_a_disabled_source_believes_nobody_either(scene: Scene, handle: str) -> None:
    scene.disable(handle)
    answer = scene.post(handle, Push(body=PUSHES[handle].body + b" "))
    if handle != "plain":
        assert (answer.status, answer.body, answer.rung) == (401, REFUSED, ())
    assert scene.post(handle, CHECKS[handle]).status == 200


def test_what_is_addressed_to_no_source_is_not_found(scene: Scene) -> None:
    answer = scene.post("nobody", PUSHES["hq"])
    assert (answer.status, json.loads(answer.body)["error"]) == (404, "no such source")
    assert (answer.writes, answer.rung) == (0, ())


@pytest.mark.parametrize("door", ["card", "event", "Events", "%2e%2e"])
@pytest.mark.parametrize("handle", PUSHES)
def test_a_door_that_the_vendor_does_not_have_is_not_found(scene: Scene, handle: str, door: str) -> None:
    answer = scene.post(handle, PUSHES[handle], door)
    assert (answer.status, json.loads(answer.body)["error"]) == (404, "no such door")
    assert (answer.writes, answer.rung) == (0, ())


@pytest.mark.parametrize("handle", PUSHES)
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/octet-stream"]
)
def test_any_content_type_comes_as_far_as_the_signature(scene: Scene, handle: str, content_type: str) -> None:
    push = PUSHES[handle].with_headers(Content_Type=content_type)
    assert scene.post(handle, push).status == 200
    scene.begin_anew()
    forged = Push(body=b"{}", headers={"Content-Type": content_type})
    answer = scene.post(handle, forged)
    assert (answer.status, answer.body) == (401, REFUSED)


@pytest.mark.parametrize("handle", [*PUSHES, "nobody"])
def test_what_is_too_large_is_refused_before_anything_is_looked_up(scene: Scene, handle: str) -> None:
    answer = scene.post(handle, Push(body=b" " * (LARGEST_BODY_BYTES + 1)))
    assert (answer.status, answer.body) == (401, REFUSED)
    assert (answer.reads, answer.writes) == (0, 0)


@pytest.mark.parametrize("handle", PUSHES)
def test_a_source_without_the_keys_of_its_door_refuses(scene: Scene, handle: str) -> None:
    scene.secrets.put(SOURCES[handle].uid, {})
    for push in (PUSHES[handle], CHECKS[handle], Push(body=b"{}"), Push(body=b'{"token": ""}')):
        answer = scene.post(handle, push)
        assert (answer.status, answer.body, answer.rung) == (401, REFUSED, ())
    assert scene.inbox.waiting(SOURCES[handle].uid) == []


@pytest.mark.parametrize("handle", PUSHES)
def test_forgers_cannot_have_more_than_one_row_written_in_ten_minutes(scene: Scene, handle: str) -> None:
    written = []
    for minute in range(25):
        for body in (b"{}", b"not json", f'{{"encrypt":"{minute}"}}'.encode()):
            answer = scene.post(handle, Push(body=body))
            assert (answer.status, answer.body, answer.rung) == (401, REFUSED, ())
            assert answer.reads <= 2
            written.append(answer.writes)
        scene.clock.sleep(60)
    assert sum(written) == 3
    assert scene.inbox.waiting(SOURCES[handle].uid) == []
    assert wiring.outside().doors.of(SOURCES[handle].uid)["events"].refused_at == NOW + timedelta(minutes=20)


def test_what_one_source_is_pushed_is_worth_nothing_at_the_door_of_another(scene: Scene) -> None:
    for pushed, push in {**PUSHES, **CHECKS}.items():
        for handle in SOURCES:
            if handle != pushed:
                assert scene.post(handle, push).status == 401


def test_a_robots_message_is_not_taken_at_the_door_of_events(scene: Scene) -> None:
    body = {"msgtype": "text", "text": {"content": " sync now"}, "msgId": "m1", "senderStaffId": "ann", "isAdmin": True}
    sign = {"timestamp": "1783610513000", "sign": "FRFe9IfB/i/0wYD6R0439RphNvR7OJlKc85Zfm22nTk="}
    push = Push(body=json.dumps(body).encode(), headers={"Content-Type": "application/json", **sign})
    assert scene.post("branch", push).status == 401


def test_an_acknowledgement_that_is_sent_back_is_no_event(scene: Scene) -> None:
    ours = json.loads(scene.post("branch", PUSHES["branch"]).body)
    query = {name: ours[name] for name in ("msg_signature", "timeStamp", "nonce")}
    body = json.dumps({"encrypt": ours["encrypt"]}).encode()
    scene.begin_anew()
    answer = scene.post("branch", Push(body=body, query=query))
    assert (answer.status, answer.rung) == (401, ())
    assert scene.inbox.waiting(SOURCES["branch"].uid) == []


def test_the_owner_key_that_came_goes_back(scene: Scene) -> None:
    old = DingTalk(owner=CORP_ID)
    answer = scene.post("branch", old.push(USER_MODIFIED, NOW))
    assert old.read(answer.body) == ("success", CORP_ID)


@pytest.mark.parametrize("handle", PUSHES)
def test_the_log_and_the_store_have_ids_and_never_people(scene: Scene, handle: str) -> None:
    scene.post(handle, PUSHES[handle])
    (delivery,) = scene.inbox.waiting(SOURCES[handle].uid)
    text = scene.logged() + repr(delivery)
    assert "received" in text
    assert "张三丰" not in text
    assert "13011111111" not in text
