"""The chat of a simulated workspace: what people type and press, what the bot says, what the vendor refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from chalicelib.connectors import Means
from chalicelib.connectors.lark.callback import ENTERED, MENU, MESSAGE, LarkCallback
from chalicelib.connectors.lark.cards import PRESSED, LarkCards
from chalicelib.connectors.lark.chat import LONGEST_UUID, MENU_KEYS, LarkChat
from chalicelib.core.catalogue import Lang
from chalicelib.core.errors import NotFoundError, SourceDeniedError, SourceUnavailableError, ThrottledError
from chalicelib.core.message import Address, Delivery, HttpRequest, Message, Said
from chalicelib.core.ports import Chat
from chalicelib.core.reply import Button, Line, Pairs, Reply, Tone
from chalicelib.core.secret import Secret
from chalicelib.local.clock import ManualClock
from infra.lab import faults
from infra.lab.lark import scopes
from infra.lab.lark.workspace import LarkWorkspace
from infra.lab.transport import LabTransport
from infra.lab.wire import Answer
from tests.callbacks.vendors import Push
from tests.connectors.lark.tenancy import UID, Tenancy, a_tenancy

KEYS = {"encrypt_key": Secret("encrypt-key"), "verification_token": Secret("token-1")}
NOW = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass
class Room:
    """A workspace with the bot in it; what it pushes is opened as at the doors, and kept."""

    tenancy: Tenancy
    deliveries: list[Delivery] = field(default_factory=list)
    kept: dict[str, object] = field(default_factory=dict)
    chat: Chat = field(init=False)

    def __post_init__(self) -> None:
        keys = (KEYS["encrypt_key"].reveal(), KEYS["verification_token"].reveal())
        self.company.subscribe("http://127.0.0.1/events", *keys, send=self._events)
        self.company.connect_chat("http://127.0.0.1/cards", *keys, send=self._cards)
        self.chat = self.another_chat()

    @property
    def company(self) -> LarkWorkspace:
        return self.tenancy.workspace

    @property
    def clock(self) -> ManualClock:
        return self.tenancy.clock

    def another_chat(self, **secrets: Secret) -> Chat:
        means = Means(clock=self.clock, transport=LabTransport(self.tenancy.api), kept=self.kept)
        secrets = secrets or {"app_secret": Secret(self.company.app_secret)}
        return LarkChat(source=self.tenancy.source(), secrets=secrets, means=means)

    def hear(self) -> Message:
        """Read what was pushed last."""
        heard = self.listen()
        assert heard is not None
        return heard

    def listen(self) -> Message | None:
        before = len(self.deliveries)
        assert self.company.pusher is not None
        self.company.pusher.drain()
        return self.chat.read(self.deliveries[-1]) if len(self.deliveries) > before else None

    def posts(self) -> list[Any]:
        """Tell what the bot said."""
        return [each for each in self.company.messages() if not each["by"]]

    def calls(self, name: str) -> int:
        return self.tenancy.api.calls[name]

    def _events(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        return self._open(LarkCallback(), headers, body)

    def _cards(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        return self._open(LarkCards(), headers, body)

    def _open(self, door: LarkCallback | LarkCards, headers: Mapping[str, str], body: bytes) -> Answer:
        lowered = {name.lower(): value for name, value in headers.items()}
        request = HttpRequest(method="POST", path="/", headers=lowered, query={}, body=body)
        opened = door.open(request, self.tenancy.source(), KEYS, self.clock.now())
        if opened.delivery is not None and opened.delivery.talk:
            self.deliveries.append(opened.delivery)
        return Answer(opened.ack.status, {}, opened.ack.body.encode())


def a_room() -> Room:
    return Room(a_tenancy())


def a_reply(text: str = "Done.", *, title: str = "hq", command: str = "help") -> Reply:
    button = Button(label="Press", command=command)
    return Reply(title=title, blocks=(Line(text=text),), data=None, buttons=(button,), tone=Tone.GOOD)


def refused(code: int, endpoint: str = "messages.*", **at: Any) -> faults.Fault:
    body = json.dumps({"code": code, "msg": "no", "error": {"log_id": "log-1"}}).encode()
    return faults.replace(status=400, body=body, endpoint=endpoint, **at)


def in_direct(room: Room) -> Message:
    room.company.say(room.company.add_user("Ann Li"), "status")
    return room.hear()


# --- hearing


def test_a_direct_message_is_a_command_of_that_person() -> None:
    room = a_room()
    ann = room.company.add_user("Ann Li")
    said = room.company.say(ann, "sync now hq")
    chat = room.company.direct_chat(ann).chat_id
    assert room.hear() == Message(
        message_id=said,
        source=UID,
        sender=room.company.user(ann).open_id,
        text="sync now hq",
        said=Said.TYPED,
        address=Address(source=UID, chat=chat, person=room.company.user(ann).open_id, direct=True, thread=said),
        at=room.clock.now(),
        proven=True,
    )


def test_a_redelivery_is_the_same_message() -> None:
    room = a_room()
    said = room.company.say(room.company.add_user("Ann"), "status")
    room.hear()
    room.company.redeliver(said)
    room.hear()
    assert [each.delivery_id for each in room.deliveries] == [said, said]


def test_in_a_group_the_bots_name_goes_and_others_become_names() -> None:
    room = a_room()
    ann, bob = room.company.add_user("Ann"), room.company.add_user("Bob Wang")
    group = room.company.add_chat("IT", [ann, bob])
    room.company.say(ann, "@Rollcall  who @Bob Wang", group)
    heard = room.hear()
    assert (heard.text, heard.address.direct, heard.address.chat) == ("who Bob Wang", False, group)


def test_without_knowing_who_the_bot_is_any_bot_counts() -> None:
    room = a_room()
    room.tenancy.api.faults.add(faults.server_error(endpoint="bot.info"))
    ann = room.company.add_user("Ann")
    group = room.company.add_chat("IT", [ann])
    room.company.say(ann, "@Rollcall status", group)
    assert room.hear().text == "status"
    assert room.calls("bot.info") == 1
    room.company.say(ann, "@Rollcall sources", group)
    assert room.hear().text == "sources"
    assert room.calls("bot.info") == 1


def test_who_the_bot_is_is_asked_for_once_an_hour() -> None:
    room = a_room()
    ann = room.company.add_user("Ann")
    group = room.company.add_chat("IT", [ann])
    for _ in range(3):
        room.company.say(ann, "@Rollcall status", group)
        room.hear()
    assert room.calls("bot.info") == 1
    room.clock.sleep(3600)
    room.company.say(ann, "@Rollcall status", group)
    room.hear()
    assert room.calls("bot.info") == 2


def test_what_is_said_in_a_group_to_somebody_else_is_no_affair_of_the_bot() -> None:
    room = a_room()
    room.company.grant(scopes.HEAR_GROUP)
    ann, bob = room.company.add_user("Ann"), room.company.add_user("Bob")
    group = room.company.add_chat("IT", [ann, bob])
    for text in ("status", "@Bob status", "@all status"):
        room.company.say(ann, text, group)
        assert room.listen() is None


def said(kind: str, content: object, **more: object) -> Delivery:
    talk = {
        "message_id": "om_1",
        "chat_id": "oc_1",
        "direct": True,
        "sender": "ou_ann",
        "type": kind,
        "content": json.dumps(content),
        "mentions": [],
        **more,
    }
    return a_delivery(MESSAGE, talk)


def a_delivery(type_: str, talk: object) -> Delivery:
    return Delivery(
        delivery_id="d1",
        source=UID,
        type=type_,
        ids={},
        occurred_at=NOW,
        received_at=NOW,
        talk=json.dumps(talk),
    )


@pytest.mark.parametrize(
    ("kind", "content", "text"),
    [
        ("text", {"text": " sync \n now\thq "}, "sync now hq"),
        ("text", {"text": "同步 状态"}, "同步 状态"),
        ("text", {"text": "@_all status"}, "status"),
        ("text", {"text": "cut \ud83d emoji"}, "cut ? emoji"),
        ("text", {"text": 7}, ""),
        ("text", ["status"], ""),
        (
            "post",
            {"title": "", "content": [[{"tag": "text", "text": "sync"}], [{"tag": "text", "text": "now"}]]},
            "sync now",
        ),
        (
            "post",
            {"zh_cn": {"title": "who", "content": [[{"tag": "a", "text": "Ann", "href": "http://x"}]]}},
            "who Ann",
        ),
        ("post", {"title": "", "content": [[{"tag": "img", "image_key": "x"}], "?", [7]]}, ""),
        ("", {}, ""),
    ],
)
def test_the_words_of_a_message_are_read(kind: str, content: object, text: str) -> None:
    heard = a_room().chat.read(said(kind, content))
    assert heard is not None
    assert heard.text == text


def test_mentions_in_rich_text_are_read_like_those_in_text() -> None:
    room = a_room()
    mentions = [
        {"key": "@_user_1", "id": room.company.bot_id, "name": "Rollcall", "type": "bot"},
        {"key": "@_user_10", "id": "ou_bob", "name": "Bob", "type": "user"},
    ]
    content = {
        "title": "",
        "content": [
            [
                {"tag": "at", "user_id": "@_user_1"},
                {"tag": "text", "text": "who"},
                {"tag": "at", "user_id": "@_user_10"},
            ]
        ],
    }
    heard = room.chat.read(said("post", content, mentions=mentions, direct=False))
    assert heard is not None
    assert (heard.text, heard.address.direct) == ("who Bob", False)


def test_the_vendors_own_message_is_read() -> None:
    room = a_room()
    room.tenancy.api.faults.add(faults.server_error(endpoint="bot.info"))
    vectors = json.loads((Path(__file__).parents[2] / "vectors/lark.json").read_text(encoding="utf-8"))
    vector = next(each for each in vectors["requests"] if each["name"] == "message_received")
    push = Push(body=vector["body"].encode(), headers=vector["headers"])
    keys = {
        "encrypt_key": Secret(vector["encrypt_key"]),
        "verification_token": Secret(vectors["verification_token"]),
    }
    at = datetime.fromtimestamp(1721980800, UTC)
    delivery = LarkCallback().open(push.request, room.tenancy.source(), keys, at).delivery
    assert delivery is not None
    heard = room.chat.read(delivery)
    assert heard is not None
    assert (heard.text, heard.message_id) == ("同步 状态", "om_5ce6d572455d361153b7cb51da133945")
    assert (heard.address.direct, heard.address.chat) == (False, "oc_5ce6d572455d361153b7xx51da133945")


def test_a_picture_is_a_message_without_words() -> None:
    room = a_room()
    room.company.send(room.company.add_user("Ann"), "image", {"image_key": "img_1"})
    assert room.hear().text == ""


@pytest.mark.parametrize("key", MENU_KEYS)
def test_an_entry_of_the_menu_is_a_command(key: str) -> None:
    room = a_room()
    ann = room.company.add_user("Ann")
    room.company.menu(ann, key)
    heard = room.hear()
    assert (heard.text, heard.said) == (key.replace("_", " "), Said.PRESSED)
    person = room.company.user(ann).open_id
    assert heard.address == Address(source=UID, person=person, direct=True)
    room.chat.post(a_reply(), heard.address, once="o1")
    assert room.posts()[0]["chat"] == room.company.direct_chat(ann).chat_id


def test_whoever_opens_the_chat_is_heard_until_something_was_said_there() -> None:
    room = a_room()
    ann = room.company.add_user("Ann")
    room.company.enter(ann)
    heard = room.hear()
    assert (heard.said, heard.text, heard.address.direct) == (Said.ENTERED, "", True)
    room.chat.post(a_reply("Welcome."), heard.address, once="o1")
    room.company.enter(ann)
    assert room.listen() is None


@pytest.mark.parametrize("talk", ["", "[]", "no JSON", "[" * 100_000])
@pytest.mark.parametrize("type_", [MESSAGE, MENU, ENTERED, PRESSED])
def test_what_cannot_be_read_is_no_message(type_: str, talk: str) -> None:
    delivery = Delivery(delivery_id="d1", source=UID, type=type_, ids={}, occurred_at=NOW, received_at=NOW, talk=talk)
    assert a_room().chat.read(delivery) is None


def test_what_is_no_talk_is_no_message() -> None:
    assert a_room().chat.read(a_delivery("contact.user.updated_v3", {})) is None


# --- presses


def test_a_press_is_the_command_of_its_button_with_a_toast_at_once() -> None:
    room = a_room()
    heard = in_direct(room)
    posted = room.chat.post(a_reply(command="sync approve 12"), heard.address, once="o1")
    toast = room.company.press(heard.sender, posted, "Press")
    assert (toast["text"], toast["code"]) == ("Received: approving…", "")
    pressed = room.chat.read(room.deliveries[-1])
    assert pressed is not None
    assert (pressed.text, pressed.said, pressed.card, pressed.lang) == (
        "sync approve 12",
        Said.PRESSED,
        posted,
        Lang.EN,
    )
    assert pressed.sender == heard.sender
    assert pressed.address == Address(
        source=UID, chat=heard.address.chat, person=heard.sender, direct=True, thread=posted
    )


def test_a_press_below_a_notice_to_one_person_is_read_by_nobody_else() -> None:
    room = a_room()
    ann = room.company.user(room.company.add_user("Ann")).open_id
    posted = room.chat.post(a_reply(), Address(source=UID, person=ann, direct=True), once="o1")
    assert room.posts()[0]["content"]["config"]["enable_forward"] is False
    room.company.press(ann, posted, "Press")
    pressed = room.chat.read(room.deliveries[-1])
    assert pressed is not None
    assert (pressed.address.direct, pressed.address.chat) == (True, room.company.direct_chat(ann).chat_id)


def test_two_presses_are_two() -> None:
    room = a_room()
    heard = in_direct(room)
    posted = room.chat.post(a_reply(), heard.address, once="o1")
    room.company.press(heard.sender, posted, "Press")
    room.company.press(heard.sender, posted, "Press")
    first, second = (each.delivery_id for each in room.deliveries[-2:])
    assert first != second


def test_a_press_in_a_group_is_read_by_others() -> None:
    room = a_room()
    ann = room.company.add_user("Ann")
    group = room.company.add_chat("IT", [ann])
    posted = room.chat.post(a_reply(), Address(source=UID, chat=group), once="o1")
    room.company.press(ann, posted, "Press")
    pressed = room.chat.read(room.deliveries[-1])
    assert pressed is not None
    assert (pressed.address.chat, pressed.address.direct) == (group, False)


@pytest.mark.parametrize(
    ("chat", "meant_for", "direct"),
    [
        ("oc_1", "oc_1", True),
        ("oc_2", "oc_1", False),
        ("oc_1", "", False),
        ("oc_1", "ou_1", True),
        ("oc_1", "ou_2", False),
        ("", "", True),
    ],
)
def test_a_card_that_was_forwarded_is_read_by_others(chat: str, meant_for: str, direct: bool) -> None:
    talk = {
        "sender": "ou_1",
        "command": "help",
        "lang": "zh",
        "message_id": "om_1",
        "chat_id": chat,
        "direct": meant_for,
    }
    pressed = a_room().chat.read(a_delivery(PRESSED, talk))
    assert pressed is not None
    assert (pressed.address.direct, pressed.lang) == (direct, Lang.ZH)
    # Without its chat a press is answered to the person, not below the card.
    assert pressed.address.thread == ("om_1" if chat else "")


# --- saying


def test_an_answer_replies_to_its_question_in_direct_chats_and_groups() -> None:
    room = a_room()
    ann = room.company.add_user("Ann")
    group = room.company.add_chat("IT", [ann])
    for text, where in (("status", ""), ("@Rollcall status", group)):
        question = room.company.say(ann, text, where)
        posted = room.chat.post(a_reply(), room.hear().address, once=f"{question}#1")
        (said_,) = [each for each in room.posts() if each["message"] == posted]
        assert (said_["answers"], said_["in_thread"], said_["kind"]) == (question, False, "interactive")


def test_a_notice_goes_to_a_chat_or_to_a_person() -> None:
    room = a_room()
    ann = room.company.add_user("Ann")
    group = room.company.add_chat("IT", [ann])
    assert room.chat.post(a_reply(), Address(source=UID, chat=group), once="o1")
    assert room.chat.post(a_reply(), Address(source=UID, person=room.company.user(ann).open_id, direct=True), once="o2")
    assert [each["chat"] for each in room.posts()] == [group, room.company.direct_chat(ann).chat_id]


def test_the_same_said_twice_is_said_once() -> None:
    room = a_room()
    heard = in_direct(room)
    cards = [room.chat.post(a_reply(), heard.address, once="x" * 500) for _ in range(2)]
    assert cards[0] == cards[1]
    assert len(room.posts()) == 1
    room.chat.post(a_reply(), heard.address, once="y")
    assert len(room.posts()) == 2
    assert LONGEST_UUID == 50


def test_an_answer_that_got_lost_on_the_way_back_is_said_once() -> None:
    room = a_room()
    heard = in_direct(room)
    room.tenancy.api.faults.add(faults.timeout(endpoint="messages.reply", nth=1))
    assert room.chat.post(a_reply(), heard.address, once="o1")
    assert len(room.posts()) == 1


def test_a_dead_token_is_renewed() -> None:
    room = a_room()
    heard = in_direct(room)
    room.chat.post(a_reply(), heard.address, once="o1")
    room.tenancy.api.faults.add(faults.token_revoked(endpoint="messages.reply", nth=2))
    assert room.chat.post(a_reply(), heard.address, once="o2")


def test_the_token_is_shared_with_the_reader() -> None:
    room = a_room()
    heard = in_direct(room)
    room.chat.post(a_reply(), heard.address, once="o1")
    room.another_chat().post(a_reply(), heard.address, once="o2")
    assert room.calls("auth.tenant_access_token") == 1


def test_a_question_that_was_recalled_is_answered_in_its_chat() -> None:
    for code in (230011, 230110, 230019, 230050, 230071):
        room = a_room()
        heard = in_direct(room)
        room.tenancy.api.faults.add(refused(code, "messages.reply"))
        posted = room.chat.post(a_reply(), heard.address, once="o1")
        (said_,) = room.posts()
        assert (said_["message"], said_["answers"], said_["chat"]) == (posted, "", heard.address.chat)


def test_a_card_is_edited_in_place() -> None:
    room = a_room()
    heard = in_direct(room)
    posted = room.chat.post(a_reply("At work."), heard.address, once="o1")
    assert room.chat.edit(posted, a_reply("Over."), heard.address)
    (said_,) = room.posts()
    assert said_["edits"] == 1
    assert "Over." in json.dumps(said_["content"])
    # Its buttons still know the chat.
    room.company.press(heard.sender, posted, "Press")
    pressed = room.chat.read(room.deliveries[-1])
    assert pressed is not None
    assert pressed.address.direct


def test_a_card_that_is_too_old_must_be_posted_anew() -> None:
    room = a_room()
    heard = in_direct(room)
    posted = room.chat.post(a_reply(), heard.address, once="o1")
    room.clock.sleep(15 * 86400)
    assert not room.chat.edit(posted, a_reply(), heard.address)
    assert not room.chat.edit("om_unknown", a_reply(), heard.address)


@pytest.mark.parametrize("code", [230031, 230011, 230110, 230099, 230017, 200830, 230001, 230025])
def test_an_edit_that_can_never_be_is_told(code: int) -> None:
    room = a_room()
    heard = in_direct(room)
    posted = room.chat.post(a_reply(), heard.address, once="o1")
    room.tenancy.api.faults.add(refused(code, "messages.patch"))
    assert not room.chat.edit(posted, a_reply(), heard.address)


@pytest.mark.parametrize("code", [230099, 230025])
def test_a_card_that_is_refused_is_said_in_words(code: int) -> None:
    room = a_room()
    heard = in_direct(room)
    room.tenancy.api.faults.add(refused(code, "messages.reply", nth=1))
    assert room.chat.post(a_reply('Done <at user_id="all">.'), heard.address, once="o1") == ""
    (said_,) = room.posts()
    assert (said_["kind"], said_["everyone"], said_["mentions"]) == ("post", False, [])
    assert [run["text"] for line in said_["content"]["en_us"]["content"] for run in line] == [
        'Done ＜at user_id="all">.',
        "Press: type help",
    ]


@pytest.mark.parametrize("code", [230022, 230028])
def test_what_the_audit_of_the_company_refuses_is_explained_instead(code: int) -> None:
    room = a_room()
    heard = in_direct(room)
    room.tenancy.api.faults.add(refused(code, "messages.reply", nth=1))
    assert room.chat.post(a_reply("+8613000000000"), heard.address, once="o1") == ""
    (said_,) = room.posts()
    assert "rules for messages" in json.dumps(said_["content"])
    assert "+8613000000000" not in json.dumps(said_["content"])
    room.tenancy.api.faults.add(refused(code, "messages.reply"))
    with pytest.raises(SourceDeniedError) as caught:
        room.chat.post(a_reply(), heard.address, once="o2")
    assert caught.value.code == "message fails the audit"


def test_a_card_that_is_refused_and_words_that_the_audit_refuses_are_explained() -> None:
    room = a_room()
    heard = in_direct(room)
    room.tenancy.api.faults.add(refused(230099, "messages.reply", nth=1))
    room.tenancy.api.faults.add(refused(230028, "messages.reply", nth=2))
    assert room.chat.post(a_reply("+8613000000000"), heard.address, once="o1") == ""
    assert "rules for messages" in json.dumps(room.posts()[0]["content"])


def test_hostile_text_calls_nobody() -> None:
    room = a_room()
    heard = in_direct(room)
    evil = '<at id=all></at><at user_id="all"></at>'
    reply = Reply(title=evil, blocks=(Line(text=evil), Pairs(pairs=((evil, evil),), caption=evil)), data=None)
    room.chat.post(reply, heard.address, once="o1")
    (said_,) = room.posts()
    assert (said_["kind"], said_["everyone"], said_["mentions"]) == ("interactive", False, [])


def test_what_cannot_be_reached_says_what_to_do() -> None:
    room = a_room()
    ann = room.company.add_user("Ann")
    to = Address(source=UID, person=room.company.user(ann).open_id, direct=True)
    group = Address(source=UID, chat=room.company.add_chat("IT", [ann], bot=False))
    room.company.set_available(ann, False)
    for address, code in ((to, "bot not available to the person"), (group, "bot is not in the chat")):
        with pytest.raises(SourceDeniedError) as caught:
            room.chat.post(a_reply(), address, once="o1")
        assert caught.value.code == code
        assert caught.value.facts["logid"]
    room.company.configure(bot_on=False)
    with pytest.raises(SourceDeniedError) as caught:
        room.chat.post(a_reply(), group, once="o1")
    assert caught.value.code == "bot is switched off"
    with pytest.raises(NotFoundError):
        a_room().chat.post(a_reply(), Address(source=UID, chat="oc_unknown"), once="o1")


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        (230018, SourceDeniedError, "chat refuses the bot"),
        (230027, SourceDeniedError, "chat refuses the bot"),
        (230035, SourceDeniedError, "chat refuses the bot"),
        (230053, SourceDeniedError, "bot is muted by the person"),
        (230029, NotFoundError, "chat not found"),
        (230034, NotFoundError, "chat not found"),
        (232009, NotFoundError, "chat not found"),
        (99992351, NotFoundError, "chat not found"),
        (99991672, SourceDeniedError, "permission missing"),
        (99991662, SourceDeniedError, "app not available"),
    ],
)
def test_each_refusal_has_its_words(code: int, error: type[Exception], message: str) -> None:
    room = a_room()
    heard = in_direct(room)
    room.tenancy.api.faults.add(refused(code))
    for attempt in (
        lambda: room.chat.post(a_reply(), heard.address, once="o1"),
        lambda: room.chat.edit("om_1", a_reply(), heard.address),
    ):
        with pytest.raises(error) as caught:
            attempt()
        assert getattr(caught.value, "code", None) == message
        assert getattr(caught.value, "facts", {})["code"] == code


def test_a_throttle_is_handed_on_at_once_with_the_vendors_figure() -> None:
    room = a_room()
    heard = in_direct(room)
    began = room.clock.now()
    room.tenancy.api.faults.add(faults.throttle(endpoint="messages.reply", wait_s=7))
    with pytest.raises(ThrottledError) as caught:
        room.chat.post(a_reply(), heard.address, once="o1")
    assert caught.value.retry_after == 7
    assert room.clock.now() == began


def test_a_chat_that_is_full_is_tried_again_soon() -> None:
    room = a_room()
    heard = in_direct(room)
    room.tenancy.api.faults.add(refused(230020))
    for attempt in (
        lambda: room.chat.post(a_reply(), heard.address, once="o1"),
        lambda: room.chat.edit("om_1", a_reply(), heard.address),
    ):
        with pytest.raises(ThrottledError) as caught:
            attempt()
        assert 1 <= caught.value.retry_after <= 5


def test_a_message_that_is_still_being_sent_is_waited_for() -> None:
    room = a_room()
    heard = in_direct(room)
    room.tenancy.api.faults.add(refused(230049, "messages.reply", nth=1))
    assert room.chat.post(a_reply(), heard.address, once="o1")


def test_a_vendor_that_is_down_is_unavailable() -> None:
    room = a_room()
    heard = in_direct(room)
    room.tenancy.api.faults.add(faults.server_error(endpoint="messages.reply"))
    with pytest.raises(SourceUnavailableError):
        room.chat.post(a_reply(), heard.address, once="o1")


def test_our_own_limits_keep_within_the_vendors() -> None:
    room = a_room()
    heard = in_direct(room)
    for number in range(25):
        room.chat.post(a_reply(), heard.address, once=f"o{number}")
    posted = room.chat.post(a_reply(), heard.address, once="card")
    for _ in range(25):
        assert room.chat.edit(posted, a_reply(), heard.address)
    assert len(room.posts()) == 26


def test_one_full_chat_does_not_hold_up_another() -> None:
    room = a_room()
    heard = in_direct(room)
    group = Address(source=UID, chat=room.company.add_chat("IT", [heard.sender]))
    for number in range(5):
        room.chat.post(a_reply(), heard.address, once=f"o{number}")
    before = room.clock.now()
    room.chat.post(a_reply(), group, once="group")
    assert room.clock.now() == before


def test_buttons_can_be_pressed_here() -> None:
    chat = a_room().chat
    assert chat.presses
    chat.close()


def test_without_its_secret_there_is_no_chat() -> None:
    with pytest.raises(SourceDeniedError) as caught:
        a_room().another_chat(encrypt_key=Secret("x"))
    assert caught.value.code == "secrets are missing"


def test_an_answer_without_an_id_is_a_broken_contract() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if "auth/v3" in request.url.path:
            return httpx.Response(200, json={"code": 0, "tenant_access_token": "t-1", "expire": 7200})
        return httpx.Response(200, json={"code": 0, "data": {}})

    room = a_room()
    means = Means(clock=room.clock, transport=httpx.MockTransport(handle))
    chat = LarkChat(source=room.tenancy.source(), secrets={"app_secret": Secret("s")}, means=means)
    with pytest.raises(Exception, match="source broke its contract"):
        chat.post(a_reply(), Address(source=UID, chat="oc_1"), once="o1")
