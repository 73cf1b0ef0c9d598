"""What DingTalk pushes: vectors of published libraries, and what those leave out."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.connectors.dingtalk.callback import CHECKS, DingTalkCallback
from chalicelib.connectors.sealed import FURTHEST_AHEAD, OLDEST
from chalicelib.core.errors import SignatureError
from chalicelib.core.message import Delivery, Opened
from chalicelib.core.secret import Secret
from chalicelib.core.source import Source
from tests.builders import a_source
from tests.callbacks.vendors import DingTalk, Push, aes, padded

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/dingtalk.json").read_text(encoding="utf-8"))
NOW = datetime.fromtimestamp(1783610513, UTC)
SECOND = timedelta(seconds=1)
DINGTALK = DingTalk()
MODIFIED = b'{"EventType":"user_modify_org","UserId":["ann"],"TimeStamp":"1783610512000","CorpId":"ding1"}'


def names(vectors: list[Any]) -> list[str]:
    return [each["name"] for each in vectors]


def a_branch(app_key: str = DINGTALK.owner, corp_id: str = "dingcorp") -> Source:
    return a_source("branch", kind="dingtalk", settings={"app_key": app_key, "corp_id": corp_id})


def keys(app: DingTalk) -> Mapping[str, Secret]:
    return {"aes_key": Secret(app.aes_key), "token": Secret(app.token)}


def opened(push: Push, app: DingTalk = DINGTALK, source: Source | None = None, now: datetime = NOW) -> Opened:
    return DingTalkCallback().open(push.request, source or a_branch(), keys(app), now)


def delivered(text: bytes, now: datetime = NOW) -> Delivery:
    delivery = opened(DINGTALK.push(text, now), now=now).delivery
    assert delivery is not None
    return delivery


def refuses(push: Push, app: DingTalk = DINGTALK, source: Source | None = None, now: datetime = NOW) -> bool:
    with pytest.raises(SignatureError) as caught:
        opened(push, app, source, now)
    return (caught.value.code, caught.value.facts) == ("callback refused", {})


def pushed(vector: Any, *, signature_name: str = "msg_signature", timestamp_name: str = "timestamp") -> Push:
    query = {signature_name: vector["signature"], timestamp_name: vector["timestamp"], "nonce": vector["nonce"]}
    return Push(body=json.dumps(vector["body"]).encode(), query=query)


def app_of(vector: Any) -> DingTalk:
    return DingTalk(aes_key=vector["aes_key"], token=vector["token"], owner=vector["owner_key"])


def source_of(vector: Any) -> Source:
    if vector["owner_kind"].startswith("corpId"):
        return a_branch("dingappkey", vector["owner_key"])
    return a_branch(vector["owner_key"], "dingcorp")


@pytest.mark.parametrize("signature_name", ["msg_signature", "signature"])
@pytest.mark.parametrize("timestamp_name", ["timestamp", "timeStamp"])
@pytest.mark.parametrize("vector", VECTORS["events"], ids=names(VECTORS["events"]))
def test_what_other_libraries_take_is_taken(vector: Any, signature_name: str, timestamp_name: str) -> None:
    push = pushed(vector, signature_name=signature_name, timestamp_name=timestamp_name)
    got = opened(push, app_of(vector), source_of(vector))
    assert app_of(vector).read(got.ack.body) == ("success", vector["owner_key"])
    text = json.loads(vector["plaintext"])
    if text["EventType"] in CHECKS:
        assert got.delivery is None
    else:
        assert got.delivery is not None
        assert got.delivery.type == text["EventType"]
        assert got.delivery.delivery_id == text.get("eventId", got.delivery.delivery_id)


@pytest.mark.parametrize("vector", VECTORS["wrong"], ids=names(VECTORS["wrong"]))
def test_what_other_libraries_refuse_is_refused(vector: Any) -> None:
    assert refuses(pushed(vector), app_of(vector), source_of(vector))


@pytest.mark.parametrize("vector", VECTORS["replies"], ids=names(VECTORS["replies"]))
def test_our_reading_of_replies_is_dingtalks(vector: Any) -> None:
    assert app_of(vector).read(json.dumps(vector["reply"])) == (vector["plaintext"], vector["owner_key"])


def test_ids_are_kept_as_texts_whole() -> None:
    vectors = {each["name"]: each for each in VECTORS["events"]}

    def ids(name: str) -> Mapping[str, tuple[str, ...]]:
        return delivered(vectors[name]["plaintext"].encode()).ids

    assert ids("user_add_org, classic names") == {"userid": ("014627181005837", "manager4220")}
    assert ids("user_add_org, new names") == {"userid": ("015000000227",)}
    assert ids("user_modify_org with diffInfo in Chinese") == {"userid": ("user123456",)}
    assert ids("org_dept_create, ids over 2^53") == {
        "dept_id": ("97393188", "9007199254740993", "9223372036854775807"),
    }
    assert ids("label_user_change") == {"userid": ("84597000464",)}
    assert len(ids("a long text, 500 user ids")["userid"]) == 500
    assert ids("bpms event (another product) with a Chinese title") == {}


def test_of_people_only_ids_are_kept() -> None:
    vectors = {each["name"]: each for each in VECTORS["events"]}
    delivery = delivered(vectors["user_modify_org with diffInfo in Chinese"]["plaintext"].encode())
    assert "测试" not in repr(delivery)


@pytest.mark.parametrize("type_", ["USER_LEAVE_ORG", "User_Leave_Org", "user_leave_org"])
@pytest.mark.parametrize(
    ("type_name", "id_name"), [("EventType", "UserId"), ("eventType", "userId"), ("EVENTTYPE", "userid")]
)
def test_names_are_matched_in_any_case(type_: str, type_name: str, id_name: str) -> None:
    delivery = delivered(json.dumps({type_name: type_, id_name: ["ann"]}).encode())
    assert (delivery.type, delivery.ids) == ("user_leave_org", {"userid": ("ann",)})


def test_an_event_without_an_id_is_known_by_its_text() -> None:
    first, again = delivered(MODIFIED), delivered(MODIFIED, NOW + SECOND)
    assert first.delivery_id == again.delivery_id
    assert first.delivery_id != delivered(MODIFIED.replace(b"ann", b"bob")).delivery_id


@pytest.mark.parametrize(
    ("times", "occurred_at"),
    [
        ({"EventTime": 1663143335567, "timeStamp": "1685501863357"}, datetime(2022, 9, 14, 8, 15, 35, 567000, UTC)),
        ({"TimeStamp": "1547556867286"}, datetime(2019, 1, 15, 12, 54, 27, 286000, UTC)),
        ({"EventTime": "soon", "timeStamp": 1547556867}, datetime(2019, 1, 15, 12, 54, 27, tzinfo=UTC)),
        ({"EventTime": 1783610514000}, NOW),
        ({"EventTime": True}, NOW),
        ({}, NOW),
    ],
)
def test_an_event_happened_when_it_says_but_never_later_than_now(
    times: dict[str, object], occurred_at: datetime
) -> None:
    text = json.dumps({"EventType": "user_leave_org", "UserId": ["ann"], **times}).encode()
    assert delivered(text).occurred_at == occurred_at


def test_both_owner_keys_are_ours_and_the_one_received_goes_back() -> None:
    source = a_branch("dingappkey1", "dingcorp1")
    for owner in ("dingappkey1", "dingcorp1"):
        app = replace(DINGTALK, owner=owner)
        assert app.read(opened(app.push(MODIFIED, NOW), source=source).ack.body) == ("success", owner)
    for owner in ("dingother", "", "dingappkey", "dingappkey1dingcorp1", "DINGCORP1"):
        assert refuses(replace(DINGTALK, owner=owner).push(MODIFIED, NOW), source=source)
    assert refuses(replace(DINGTALK, owner="").push(MODIFIED, NOW), source=a_branch("", ""))


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_of_the_url_is_answered_and_nothing_is_kept(check: str) -> None:
    got = opened(DINGTALK.push(json.dumps({"EventType": check, "Random": "x"}).encode(), NOW))
    assert (DINGTALK.read(got.ack.body)[0], got.delivery) == ("success", None)


def test_an_answer_is_never_the_same_twice_and_carries_our_time() -> None:
    answers = [json.loads(opened(DINGTALK.push(MODIFIED, NOW)).ack.body) for _ in range(2)]
    assert answers[0]["encrypt"] != answers[1]["encrypt"]
    assert answers[0]["timeStamp"] == str(int(NOW.timestamp() * 1000))


@pytest.mark.parametrize("off", [-OLDEST, FURTHEST_AHEAD, SECOND])
def test_clocks_may_differ_a_little_and_a_delivery_may_be_late(off: timedelta) -> None:
    assert opened(DINGTALK.push(MODIFIED, NOW + off)).delivery
    in_seconds = str(int((NOW + off).timestamp()))
    assert opened(DINGTALK.signed(DINGTALK.seal(MODIFIED), in_seconds)).delivery


@pytest.mark.parametrize("off", [-OLDEST - SECOND, FURTHEST_AHEAD + SECOND, timedelta(days=-300)])
def test_what_was_signed_at_another_time_is_refused(off: timedelta) -> None:
    assert refuses(DINGTALK.push(MODIFIED, NOW + off))


@pytest.mark.parametrize(
    "timestamp", ["", "0", "178361051", "1783610513000.0", "１７８３６１０５１３０００", "nan", "9" * 400]
)
def test_a_signed_timestamp_that_is_none_is_refused(timestamp: str) -> None:
    assert refuses(DINGTALK.signed(DINGTALK.seal(MODIFIED), timestamp))


@pytest.mark.parametrize("size", range(1, 70))
def test_padding_goes_up_to_32(size: int) -> None:
    text = json.dumps({"EventType": "check_url", "x": "p" * size}).encode()
    assert DINGTALK.read(opened(DINGTALK.push(text, NOW)).ack.body)[0] == "success"


@pytest.mark.parametrize("last", [0, 33, 64, 255])
def test_padding_beyond_32_is_none(last: int) -> None:
    plain = padded(DINGTALK.framed(MODIFIED), 32)
    if last:
        plain = DINGTALK.framed(MODIFIED)
        plain += bytes([last]) * (last + (-len(plain) - last) % 16)
    else:
        plain = plain[:-1] + b"\0"
    sealed = base64.b64encode(aes(plain, DINGTALK.key, DINGTALK.key[:16])).decode()
    assert refuses(DINGTALK.signed(sealed, "1783610513000"))


@pytest.mark.parametrize("length", [0, 1, 10**6, 2**32 - 1])
def test_a_length_that_is_not_the_texts_is_refused(length: int) -> None:
    plain = b"r" * 16 + length.to_bytes(4, "big") + MODIFIED + DINGTALK.owner.encode()
    sealed = base64.b64encode(aes(padded(plain, 32), DINGTALK.key, DINGTALK.key[:16])).decode()
    assert refuses(DINGTALK.signed(sealed, "1783610513000"))


@pytest.mark.parametrize("aes_key", ["", "short", "8hLRWymFVEA9LKXWKKmXZWWm5HPa6EeFUJFOrNXA6Wh=", "中" * 43, "-" * 43])
def test_a_source_whose_key_is_none_refuses(aes_key: str) -> None:
    with pytest.raises(SignatureError):
        DingTalkCallback().open(
            DINGTALK.push(MODIFIED, NOW).request,
            a_branch(),
            {"aes_key": Secret(aes_key), "token": Secret(DINGTALK.token)},
            NOW,
        )


def test_a_source_without_a_token_refuses_what_is_signed_without_one() -> None:
    nobody = replace(DINGTALK, token="")
    assert refuses(nobody.push(MODIFIED, NOW), nobody)
    with pytest.raises(SignatureError):
        DingTalkCallback().open(nobody.push(MODIFIED, NOW).request, a_branch(), {}, NOW)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"success",
        b"[]",
        b"null",
        b"{}",
        b'{"EventType": ""}',
        b'{"EventType": 7}',
        b'{"EventType": "\\ud800"}',
        b"\xff",
    ],
)
def test_a_text_that_is_no_event_is_refused(text: bytes) -> None:
    assert refuses(DINGTALK.push(text, NOW))


@pytest.mark.parametrize(
    ("ids", "kept"),
    [
        ("ann", ("ann",)),
        (["ann", 7, "", None, True, {}, "\ud800", "x" * 200], ("ann", "7")),
        (None, ()),
        ({"ann": 1}, ()),
    ],
)
def test_ids_that_are_none_are_left_out(ids: object, kept: tuple[str, ...]) -> None:
    text = json.dumps({"EventType": "user_leave_org", "UserId": ids}).encode()
    assert delivered(text).ids.get("userid", ()) == kept
