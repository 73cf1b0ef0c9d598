"""What Lark pushes: vectors that its own library made and refused, and what those leave out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.connectors.lark.callback import (
    ENTERED,
    LARGEST_CONTENT_BYTES,
    LONGEST_EVENT_KEY,
    LONGEST_NAME,
    MENU,
    MESSAGE,
    MOST_MENTIONS,
    LarkCallback,
)
from chalicelib.connectors.lark.cards import PRESSED
from chalicelib.connectors.lark.envelope import LARGEST_UNSIGNED_BYTES
from chalicelib.connectors.sealed import FURTHEST_AHEAD, OLDEST, unseal
from chalicelib.core.errors import SignatureError
from chalicelib.core.message import Delivery, Opened
from chalicelib.core.secret import Secret
from tests.builders import a_source
from tests.callbacks.vendors import Lark, Push

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/lark.json").read_text(encoding="utf-8"))
NOW = datetime.fromtimestamp(1721980800, UTC)
HQ = a_source("hq", kind="lark", settings={"app_id": "cli_rollcall0001"})
LARK = Lark()
PLAIN = Lark(encrypt_key="")
UPDATED = "contact.user.updated_v3"
EVENT = LARK.event("e1", UPDATED, {"object": {"union_id": "on_ann", "name": "张三丰"}})
SECOND = timedelta(seconds=1)


def names(vectors: list[Any]) -> list[str]:
    return [each["name"] for each in vectors]


def keys(encrypt_key: str, token: str) -> Mapping[str, Secret]:
    return {"encrypt_key": Secret(encrypt_key), "verification_token": Secret(token)}


def opened(push: Push, app: Lark = LARK, now: datetime = NOW) -> Opened:
    return LarkCallback().open(push.request, HQ, keys(app.encrypt_key, app.token), now)


def delivered(text: bytes, app: Lark = LARK, now: datetime = NOW) -> Delivery:
    delivery = opened(app.push(text, now), app, now).delivery
    assert delivery is not None
    return delivery


def refuses(push: Push, app: Lark = LARK, now: datetime = NOW) -> bool:
    with pytest.raises(SignatureError) as caught:
        opened(push, app, now)
    return (caught.value.code, caught.value.facts) == ("callback refused", {})


@pytest.mark.parametrize("vector", VECTORS["decrypt"], ids=names(VECTORS["decrypt"]))
def test_what_lark_sealed_is_unsealed(vector: Any) -> None:
    key = hashlib.sha256(vector["encrypt_key"].encode()).digest()
    assert unseal(vector["encrypt"], key).decode() == vector["plaintext"]


@pytest.mark.parametrize("vector", VECTORS["requests"], ids=names(VECTORS["requests"]))
def test_what_larks_own_library_takes_is_taken(vector: Any) -> None:
    push = Push(body=vector["body"].encode(), headers=vector["headers"])
    got = opened(push, Lark(encrypt_key=vector["encrypt_key"], token=VECTORS["verification_token"]))
    assert got.ack.status == vector["sdk"]["status"]
    if vector["event_type"] == "url_verification":
        assert json.loads(got.ack.body) == json.loads(vector["sdk"]["response"])
        assert got.delivery is None
    elif vector["event_type"] == PRESSED:
        # Its button carries nothing of ours: a toast, and nothing to do.
        assert json.loads(got.ack.body)["toast"]["content"]
        assert got.delivery is None
    else:
        assert got.delivery is not None
        # A message is known by its own id, as the vendor advises.
        known_by = "om_5ce6d572455d361153b7cb51da133945" if vector["event_type"] == MESSAGE else vector["dedup_id"]
        assert (got.delivery.type, got.delivery.delivery_id) == (vector["event_type"], known_by)
        assert got.delivery.proven is bool(vector["encrypt_key"])
        assert (got.delivery.source, got.delivery.received_at) == (HQ.uid, NOW)


@pytest.mark.parametrize("vector", VECTORS["rejected"], ids=names(VECTORS["rejected"]))
def test_what_larks_own_library_refuses_is_refused(vector: Any) -> None:
    app = Lark(encrypt_key=vector["encrypt_key"], token=vector["verification_token"])
    assert refuses(Push(body=vector["body"].encode(), headers=vector["headers"]), app)


def test_of_people_only_ids_are_kept() -> None:
    vectors = {each["name"]: each for each in VECTORS["decrypt"]}
    ids = {
        "union_id": ("on_576833b917gda3d939b9a3c2d53e72c8",),
        "open_id": ("ou_7dab8a3d3cdcc9da365777c7ad535d62",),
        "user_id": ("e33ggbyz",),
    }
    for name in ("user_created", "user_updated_chinese", "user_deleted", "legacy_v1_user_leave"):
        assert delivered(vectors[name]["plaintext"].encode()).ids == ids
    for name in ("department_created_emoji", "department_updated", "department_deleted"):
        assert delivered(vectors[name]["plaintext"].encode()).ids == {
            "open_department_id": ("od-4e6ac4d14bcd5071a37a39de902c7141",)
        }
    for name in ("scope_updated", "message_received"):
        assert delivered(vectors[name]["plaintext"].encode()).ids == {}


@pytest.mark.parametrize(
    ("stamp", "occurred_at"),
    [
        ("1721980799123", datetime(2024, 7, 26, 7, 59, 59, 123000, UTC)),
        (1721980799123, datetime(2024, 7, 26, 7, 59, 59, 123000, UTC)),
        ("1721980799123456", datetime(2024, 7, 26, 7, 59, 59, 123456, UTC)),
        ("1502199207.7171419", datetime(2017, 8, 8, 13, 33, 27, tzinfo=UTC)),
        ("1721980900000", NOW),
        ("", NOW),
        (None, NOW),
        ("yesterday", NOW),
        (-5, NOW),
        (10**30, NOW),
        ("１７２１９８０７９９１２３", NOW),
    ],
)
def test_an_event_happened_when_it_says_but_never_later_than_now(stamp: object, occurred_at: datetime) -> None:
    assert delivered(LARK.event("e1", UPDATED, {}, create_time=stamp)).occurred_at == occurred_at


@pytest.mark.parametrize("off", [-OLDEST, FURTHEST_AHEAD, -OLDEST + SECOND, SECOND])
def test_clocks_may_differ_a_little_and_a_delivery_may_be_late(off: timedelta) -> None:
    assert opened(LARK.push(EVENT, NOW + off)).delivery


@pytest.mark.parametrize("off", [-OLDEST - SECOND, FURTHEST_AHEAD + SECOND, timedelta(days=-300), timedelta(days=900)])
def test_what_was_signed_at_another_time_is_refused(off: timedelta) -> None:
    assert refuses(LARK.push(EVENT, NOW + off))


@pytest.mark.parametrize(
    "timestamp",
    ["", "0", "-1721980800", "1721980800.0", " 1721980800", "１７２１９８０８００", "17219808000", "9" * 400, "nan"],
)
def test_a_signed_timestamp_that_is_none_is_refused(timestamp: str) -> None:
    assert refuses(LARK.signed(LARK.unsigned(EVENT).body, timestamp))


def test_digits_of_the_nonce_do_not_make_an_old_timestamp_fresh() -> None:
    body = LARK.unsigned(EVENT).body
    later = NOW + timedelta(seconds=9)
    old = LARK.signed(body, "1721980800", "9nonce")
    for timestamp, nonce in (("17219808009", "nonce"), ("172198080", "09nonce"), ("1721980800", "9nonce")):
        told = old.with_headers(X_Lark_Request_Timestamp=timestamp, X_Lark_Request_Nonce=nonce)
        assert refuses(told, now=later + OLDEST)
    # "1721980800" + "123nonce" is also 1721980800123 and "nonce": the same time, in milliseconds.
    shifted = LARK.signed(LARK.unsigned(EVENT).body, "1721980800", "123nonce").with_headers(
        X_Lark_Request_Timestamp="1721980800123", X_Lark_Request_Nonce="nonce"
    )
    assert opened(shifted).delivery
    assert refuses(shifted, now=NOW + 2 * OLDEST)


def test_header_names_come_in_any_case() -> None:
    push = LARK.push(EVENT, NOW)
    assert opened(replace(push, headers={name.upper(): each for name, each in push.headers.items()})).delivery


@pytest.mark.parametrize("app", [LARK, PLAIN])
def test_a_challenge_is_answered_unsigned(app: Lark) -> None:
    got = opened(app.unsigned(app.challenge("中\ud83d")), app)
    assert (got.ack.status, json.loads(got.ack.body)) == (200, {"challenge": "中\ud83d"})
    assert got.delivery is None


@pytest.mark.parametrize("app", [LARK, PLAIN])
def test_a_challenge_without_the_token_is_refused(app: Lark) -> None:
    stranger = replace(app, token="other-token")
    assert refuses(app.unsigned(stranger.challenge()), app)
    assert refuses(app.unsigned(json.dumps({"type": "url_verification", "challenge": "x"}).encode()), app)
    assert refuses(app.unsigned(app.challenge({"not": "text"})), app)


def test_a_challenge_in_the_open_is_refused_when_there_is_a_key() -> None:
    assert refuses(PLAIN.unsigned(PLAIN.challenge()))


def test_nothing_but_a_challenge_passes_unsigned() -> None:
    both = {**json.loads(EVENT), "token": LARK.token, "challenge": "x"}
    assert refuses(LARK.unsigned(EVENT))
    assert refuses(LARK.unsigned(json.dumps(both).encode()))
    # One that is both is a challenge: it is answered, and nothing of it is kept.
    assert opened(LARK.unsigned(json.dumps({**both, "type": "url_verification"}).encode())).delivery is None
    assert refuses(LARK.unsigned(json.dumps({**both, "type": "URL_VERIFICATION"}).encode()))
    assert refuses(LARK.unsigned(json.dumps({**both, "type": ["url_verification"]}).encode()))


def test_what_is_unsigned_and_long_is_not_even_decrypted() -> None:
    assert refuses(LARK.unsigned(LARK.challenge("x" * LARGEST_UNSIGNED_BYTES)))


@pytest.mark.parametrize("name", ["x-lark-request-timestamp", "x-lark-request-nonce", "x-lark-signature"])
def test_an_event_that_lacks_a_header_is_refused(name: str) -> None:
    assert refuses(LARK.push(EVENT, NOW).without(name))


def test_both_keys_are_needed() -> None:
    push = LARK.push(EVENT, NOW)
    for secrets in ({}, {"encrypt_key": Secret(LARK.encrypt_key)}, keys(LARK.encrypt_key, ""), keys("", "")):
        with pytest.raises(SignatureError):
            LarkCallback().open(push.request, HQ, secrets, NOW)
    # An empty token matches nothing, not even an empty one.
    empty = Lark(encrypt_key="", token="")
    assert refuses(empty.push(empty.event("e1", UPDATED, {}), NOW), empty)


@pytest.mark.parametrize(
    "changes",
    [
        {"event_id": ""},
        {"event_id": None},
        {"event_id": 7},
        {"event_id": "x" * 200},
        {"event_id": "\ud800"},
        {"event_id": "e\n1"},
        {"event_type": ""},
        {"event_type": "用户"},
        {"event_type": "x" * 101},
        {"event_type": ["contact.user.updated_v3"]},
        {"token": None},
        {"token": "\ud800"},
        {"token": LARK.token.encode().hex()},
    ],
)
def test_a_header_that_is_not_as_lark_makes_it_is_refused(changes: dict[str, object]) -> None:
    message = json.loads(EVENT)
    message["header"] |= changes
    assert refuses(LARK.push(json.dumps(message).encode(), NOW))


@pytest.mark.parametrize("object_", [None, [], "on_ann", {"union_id": 7}, {"union_id": ""}, {"union_id": "\ud800"}])
def test_an_id_that_is_none_is_left_out(object_: object) -> None:
    assert delivered(LARK.event("e1", UPDATED, {"object": object_})).ids == {}


def test_a_legacy_department_is_known_by_its_open_id() -> None:
    event = {
        "type": "dept_update",
        "open_department_id": "od-old",
        "department": {"open_id": "od-new", "custom_id": "D1"},
    }
    message = {"uuid": "u1", "ts": "1502199207.7", "token": LARK.token, "type": "event_callback", "event": event}
    assert delivered(json.dumps(message).encode()).ids == {"open_department_id": ("od-new",)}
    del event["department"]
    assert delivered(json.dumps(message).encode()).ids == {"open_department_id": ("od-old",)}


# --- what is said


SENDER = {"sender_id": {"open_id": "ou_ann", "union_id": "on_ann"}, "sender_type": "user", "tenant_key": "t1"}
SPOKEN = {
    "message_id": "om_1",
    "create_time": "1721980800123",
    "chat_id": "oc_1",
    "chat_type": "p2p",
    "message_type": "text",
    "content": '{"text":"sync now hq"}',
}
ROLLCALL = {"key": "@_user_1", "id": {"open_id": "ou_bot", "union_id": "on_bot"}, "mentioned_type": "bot", "name": "R"}


def message(*, sender: object = SENDER, tenant: object = "t1", **changes: object) -> bytes:
    event = {"sender": sender, "message": {**SPOKEN, **changes}}
    told = json.loads(LARK.event("e1", MESSAGE, event))
    told["header"]["tenant_key"] = tenant
    return json.dumps(told).encode()


def talk(text: bytes, app: Lark = LARK) -> Any:
    return json.loads(delivered(text, app).talk)


def ignored(text: bytes) -> bool:
    """Acknowledged, and nothing of it is kept."""
    got = opened(LARK.push(text, NOW))
    return (got.ack.status, got.delivery) == (200, None)


def test_of_a_message_only_what_its_reader_needs_is_kept() -> None:
    text = message(mentions=[{**ROLLCALL, "tenant_key": "t1"}], user_agent="Lark/7", root_id="om_0")
    delivery = delivered(text)
    assert (delivery.delivery_id, delivery.ids, delivery.proven) == ("om_1", {}, True)
    assert json.loads(delivery.talk) == {
        "message_id": "om_1",
        "chat_id": "oc_1",
        "direct": True,
        "sender": "ou_ann",
        "type": "text",
        "content": '{"text":"sync now hq"}',
        "mentions": [{"key": "@_user_1", "id": "ou_bot", "name": "R", "type": "bot"}],
    }


def test_a_message_that_comes_again_under_another_event_id_is_the_same() -> None:
    again = json.loads(message())
    again["header"]["event_id"] = "e2"
    assert delivered(message()).delivery_id == delivered(json.dumps(again).encode()).delivery_id


def test_without_an_encrypt_key_nothing_that_is_said_is_proven() -> None:
    assert not delivered(message(), PLAIN).proven


@pytest.mark.parametrize("sender_type", ["bot", "app", "", None, ["user"]])
def test_what_no_person_wrote_is_not_kept(sender_type: object) -> None:
    assert ignored(message(sender={**SENDER, "sender_type": sender_type}))


def test_what_is_said_in_a_group_to_nobody_is_not_kept() -> None:
    assert ignored(message(chat_type="group"))
    assert ignored(message(chat_type="group", mentions=[]))
    assert ignored(message(chat_type="topic", mentions="@_user_1"))
    assert talk(message(chat_type="group", mentions=[ROLLCALL]))["direct"] is False


@pytest.mark.parametrize("changes", [{"message_id": None}, {"message_id": "x" * 200}, {"chat_id": 7}, {"chat_id": ""}])
def test_a_message_that_cannot_be_answered_is_not_kept(changes: dict[str, object]) -> None:
    assert ignored(message(**changes))


def test_somebody_of_another_company_is_nobody_here() -> None:
    assert talk(message(tenant="t2"))["sender"] == ""
    assert talk(message(tenant=""))["sender"] == "ou_ann"
    assert talk(message(sender={**SENDER, "tenant_key": ""}))["sender"] == "ou_ann"


@pytest.mark.parametrize(
    "changes",
    [
        {"content": json.dumps({"text": "x" * 64_000})},
        {"content": json.dumps({"text": "中" * (LARGEST_CONTENT_BYTES // 3)}, ensure_ascii=False)},
        {"content": {"text": "no JSON"}},
        {"content": "\ud83d"},
        {"message_type": "image", "content": '{"image_key":"img_1"}'},
        {"message_type": "sticker", "content": '{"file_key":"f"}'},
        {"message_type": None},
    ],
)
def test_what_cannot_be_a_command_is_a_message_without_words(changes: dict[str, object]) -> None:
    told = talk(message(**changes))
    assert (told["type"], told["content"]) == ("", "")


def test_a_message_is_bounded_whatever_it_holds() -> None:
    mentions = [{**ROLLCALL, "key": f"@_user_{n}", "name": "\ud83d" + "n" * 9000} for n in range(900)]
    kept = delivered(message(content="x" * LARGEST_CONTENT_BYTES, mentions=mentions)).talk
    assert len(kept.encode()) < LARGEST_CONTENT_BYTES + MOST_MENTIONS * (3 * LONGEST_NAME + 400)
    assert len(json.loads(kept)["mentions"]) == MOST_MENTIONS


def test_an_entry_of_the_menu_is_kept_by_its_event() -> None:
    event = {"operator": {"operator_name": "Ann", "operator_id": SENDER["sender_id"]}, "event_key": "sync_now"}
    delivery = delivered(LARK.event("e7", MENU, event))
    assert (delivery.delivery_id, delivery.type) == ("e7", MENU)
    assert json.loads(delivery.talk) == {"sender": "ou_ann", "event_key": "sync_now"}
    for key in ("", None, 7, "x" * (LONGEST_EVENT_KEY + 1), "a\nb"):
        assert ignored(LARK.event("e7", MENU, {**event, "event_key": key}))


def test_whoever_opens_the_chat_for_the_first_time_is_heard() -> None:
    event = {"chat_id": "oc_1", "operator_id": SENDER["sender_id"]}
    delivery = delivered(LARK.event("e8", ENTERED, event))
    assert json.loads(delivery.talk) == {"sender": "ou_ann", "chat_id": "oc_1"}
    assert ignored(LARK.event("e8", ENTERED, {**event, "last_message_id": "om_1"}))
    assert ignored(LARK.event("e8", ENTERED, {"chat_id": "oc_1"}))


def test_a_press_is_heard_here_too() -> None:
    event = {"operator": {"open_id": "ou_ann"}, "action": {"value": {"command": "help", "lang": "zh"}}}
    got = opened(LARK.push(LARK.event("e9", PRESSED, event), NOW))
    assert got.delivery is not None
    assert json.loads(got.ack.body)["toast"]["content"] == "已收到：正在查询…"
