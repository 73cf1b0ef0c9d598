"""What the robot hears and says, in a simulated company and where that company has no answer of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from chalicelib.connectors import Means
from chalicelib.connectors.dingtalk.cards import DingTalkCards
from chalicelib.connectors.dingtalk.chat import DingTalkChat
from chalicelib.connectors.dingtalk.robot import DingTalkRobot
from chalicelib.connectors.dingtalk.template import BUTTONS, COMMAND, LABEL, LINES, NOTE, SENDS, SHOWN, STATUS, TITLE
from chalicelib.core.catalogue import Lang
from chalicelib.core.errors import (
    NotFoundError,
    RollcallError,
    SourceDeniedError,
    SourceProtocolError,
    SourceUnavailableError,
    ThrottledError,
)
from chalicelib.core.message import Address, Delivery, HttpRequest, Message, Opened, Said
from chalicelib.core.ports import Callback, Chat
from chalicelib.core.reply import Button, Line, Reply
from chalicelib.core.secret import Secret
from infra.lab import faults
from infra.lab.dingtalk import scopes
from infra.lab.dingtalk.chatting import Route
from infra.lab.transport import LabTransport
from infra.lab.wire import Answer
from tests.connectors.dingtalk.tenancy import START, UID, Tenancy, a_tenancy

TEMPLATE = "0b9a2f9e-9d1c-4d57-8c0e-4c5f2f8b9a10.schema"
CARD_SECRET = "cardApiSecret01"
APPROVE = Button(label="Approve", command="sync approve 4821")
HELLO = Reply(blocks=(Line(text="Hello."),), data=None)
ASKING = Reply(blocks=(Line(text="3 wait."),), data=None, title="hq", buttons=(APPROVE,), lang=Lang.ZH)


@dataclass
class Room:
    """A company with somebody called ann, a group, and Rollcall's robot; what is pushed is opened by our doors."""

    tenancy: Tenancy
    settings: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    kept: dict[str, object] = field(default_factory=dict)
    opened: list[Opened] = field(default_factory=list)

    def __post_init__(self) -> None:
        company = self.tenancy.workspace
        self.ann, self.bob = company.add_user("ann"), company.add_user("bob")
        self.group = company.add_chat("Directory", [self.ann, self.bob])
        self.secrets |= {"app_secret": Secret(company.app_secret)}
        company.connect_chat("https://rollcall.example/callbacks/branch/chat", send=self._receive)

    def _receive(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        door: Callback = DingTalkCards() if urlsplit(url).path.endswith("/cards") else DingTalkRobot()
        lowered = {name.lower(): value for name, value in headers.items()}
        request = HttpRequest(method="POST", path="/", headers=lowered, query={}, body=body)
        got = door.open(request, self.source, self.secrets, self.tenancy.clock.now())
        self.opened.append(got)
        return Answer(got.ack.status, {}, got.ack.body.encode())

    @property
    def source(self) -> Any:
        return self.tenancy.source(**self.settings)

    def chat(self, transport: httpx.BaseTransport | None = None) -> DingTalkChat:
        hosts = {"oapi.dingtalk.com": self.tenancy.api, "api.dingtalk.com": self.tenancy.api}
        means = Means(clock=self.tenancy.clock, transport=transport or LabTransport(hosts), kept=self.kept)
        return DingTalkChat(source=self.source, secrets=self.secrets, means=means)

    def delivered(self) -> Delivery:
        pusher = self.tenancy.workspace.robot
        if pusher is not None:
            pusher.drain()
        delivery = self.opened[-1].delivery
        assert delivery is not None
        return delivery

    def hear(self, text: str, chat: str = "", **how: Any) -> Message:
        self.tenancy.workspace.say(self.ann, text, chat, **how)
        message = self.chat().read(self.delivered())
        assert message is not None
        return message

    def posts(self) -> list[Any]:
        return [each for each in self.tenancy.workspace.talk.posts.values() if not each.by]

    def calls(self) -> dict[str, int]:
        calls = {name: count for name, count in self.tenancy.api.calls.items() if not name.startswith("auth.")}
        self.tenancy.api.reset_calls()
        return calls

    def install(self, *, route: bool = True) -> None:
        company = self.tenancy.workspace
        buttons = [
            {"action": each, "label": each + LABEL, "shown": each + SHOWN, "sends": {COMMAND: each + SENDS}}
            for each in BUTTONS
        ]
        company.install_card(TEMPLATE, TITLE, LINES, buttons, status=STATUS, note=NOTE)
        if route:
            key = f"rollcall-{company.app_key}"
            company.routes[key] = Route("https://rollcall.example/callbacks/branch/cards", CARD_SECRET)
        self.settings |= {"card_template": TEMPLATE}
        self.secrets |= {"card_api_secret": Secret(CARD_SECRET)}


@pytest.fixture
def room() -> Room:
    return Room(a_tenancy())


def to_ann(room: Room) -> Address:
    return Address(source=UID, person=room.ann, direct=True)


def to_group(room: Room) -> Address:
    return Address(source=UID, chat=room.group, person=room.ann)


# --- hearing


def test_what_is_typed_to_the_robot_alone_is_answered_to_that_person(room: Room) -> None:
    message = room.hear("  sync now hq ")
    assert (message.text, message.sender, message.said, message.proven) == ("sync now hq", room.ann, Said.TYPED, False)
    assert (message.address.chat, message.address.person, message.address.direct) == ("", room.ann, True)
    assert message.address.session.startswith("https://oapi.dingtalk.com/robot/sendBySession?session=")
    assert message.address.session_until == room.tenancy.clock.now() + timedelta(minutes=90)
    assert (message.lang, message.card, message.source) == (None, "", UID)


def test_what_is_typed_in_a_group_is_answered_there_without_the_robots_name(room: Room) -> None:
    message = room.hear("@Rollcall status", room.group)
    assert message.text == "status"
    assert (message.address.chat, message.address.person, message.address.direct) == (room.group, room.ann, False)


def test_only_the_robots_name_gives_an_empty_text(room: Room) -> None:
    assert room.hear("@Rollcall", room.group).text == ""


def test_somebody_from_outside_is_heard_without_a_name(room: Room) -> None:
    message = room.hear("@Rollcall disable hq", room.group, outsider=True)
    assert (message.sender, message.address.person, message.address.chat) == ("", "", room.group)


def test_a_robot_that_is_not_published_hears_nobodys_name(room: Room) -> None:
    room.tenancy.workspace.configure(robot_published=False)
    assert room.hear("status").sender == ""


def test_of_rich_text_the_words_are_read_and_of_pictures_none(room: Room) -> None:
    content: dict[str, object] = {
        "richText": [{"text": " who"}, {"type": "picture", "downloadCode": "x"}, {"text": " ann "}]
    }
    room.tenancy.workspace.send(room.ann, "richText", content)
    message = room.chat().read(room.delivered())
    assert message is not None
    assert message.text == "who ann"
    room.tenancy.workspace.send(room.ann, "picture", {"downloadCode": "x"})
    message = room.chat().read(room.delivered())
    assert message is not None
    assert message.text == ""


def test_a_message_whose_words_are_withheld_is_not_answered(room: Room) -> None:
    room.tenancy.workspace.configure(robot_quota_used_up=True)
    room.tenancy.workspace.say(room.ann, "status")
    assert room.chat().read(room.delivered()) is None


def test_a_message_that_comes_again_has_the_same_id(room: Room) -> None:
    first = room.hear("status")
    room.tenancy.clock.sleep(1)
    room.tenancy.workspace.redeliver(first.message_id)
    again = room.chat().read(room.delivered())
    assert again is not None
    assert again.message_id == first.message_id


def test_a_delivery_of_another_kind_is_no_affair_of_the_robot(room: Room) -> None:
    room.hear("status")
    assert room.chat().read(replace(room.delivered(), type="user_add_org")) is None


# --- saying


@pytest.mark.parametrize("where", ["alone", "group"])
def test_an_answer_goes_through_the_session_while_it_lives(room: Room, where: str) -> None:
    message = room.hear("@Rollcall hi", room.group) if where == "group" else room.hear("hi")
    assert room.chat().post(HELLO, message.address, once="m#0") == ""
    (post,) = room.posts()
    assert (post.kind, post.content) == ("markdown", {"title": "Hello.", "text": "Hello."})
    assert post.chat_id == (room.group if where == "group" else room.tenancy.workspace.direct_chat(room.ann).chat_id)
    assert (post.mentions, post.everyone) == ((), False)
    assert room.calls() == {"robot.session": 1}


@pytest.mark.parametrize(("where", "endpoint"), [("alone", "robot.oto"), ("group", "robot.group")])
def test_after_the_session_the_robots_api_answers(room: Room, where: str, endpoint: str) -> None:
    message = room.hear("@Rollcall hi", room.group) if where == "group" else room.hear("hi")
    room.tenancy.clock.sleep(90 * 60)
    room.chat().post(HELLO, message.address, once="m#0")
    assert room.calls() == {endpoint: 1}
    (post,) = room.posts()
    assert post.content["text"] == "Hello."


def test_a_session_that_ends_early_is_no_loss(room: Room) -> None:
    message = room.hear("hi")
    room.tenancy.workspace.sessions.clear()
    room.chat().post(HELLO, message.address, once="m#0")
    assert room.calls() == {"robot.session": 1, "robot.oto": 1}
    assert len(room.posts()) == 1


def test_a_session_that_leads_elsewhere_is_not_called_even_if_it_was_kept(room: Room) -> None:
    address = replace(to_ann(room), session="https://evil.example/robot/sendBySession?session=x")
    room.chat().post(HELLO, address, once="m#0")
    assert room.calls() == {"robot.oto": 1}


def test_whoever_has_neither_name_nor_session_cannot_be_answered(room: Room) -> None:
    with pytest.raises(NotFoundError) as caught:
        room.chat().post(HELLO, Address(source=UID, direct=True), once="m#0")
    assert caught.value.code == "chat not found"


def test_the_same_answer_is_said_once_by_one_process(room: Room) -> None:
    for _ in range(3):
        room.chat().post(HELLO, to_ann(room), once="m#0")
    assert len(room.posts()) == 1
    room.chat().post(HELLO, to_ann(room), once="m#1")
    assert len(room.posts()) == 2
    room.tenancy.clock.sleep(3600)
    room.chat().post(HELLO, to_ann(room), once="m#0")
    assert len(room.posts()) == 3


def test_the_reader_and_the_chat_share_one_token_and_no_token_stands_in_a_url(room: Room) -> None:
    room.chat().post(HELLO, to_ann(room), once="m#0")
    room.chat().post(HELLO, to_group(room), once="m#1")
    assert room.tenancy.api.calls["auth.corp_token"] == 1
    assert room.tenancy.api.suspicious == []


def test_a_token_that_has_died_is_renewed_once(room: Room) -> None:
    room.chat().post(HELLO, to_ann(room), once="m#0")
    room.tenancy.api.revoke_tokens()
    room.chat().post(HELLO, to_ann(room), once="m#1")
    assert len(room.posts()) == 2


def refusal(room: Room, address: Address) -> RollcallError:
    with pytest.raises(RollcallError) as caught:
        room.chat().post(HELLO, address, once="m#0")
    assert room.posts() == []
    return caught.value


@pytest.mark.parametrize("unknown", ["listed", "refused"])
def test_nobody_there_is_said_in_either_way(room: Room, unknown: str) -> None:
    setattr(room.tenancy.api.choices, "unknown_staff", unknown)  # noqa: B010 - the parameters are plain text
    error = refusal(room, Address(source=UID, person="nobody", direct=True))
    assert (type(error), error.code) == (NotFoundError, "chat not found")


@pytest.mark.parametrize("where", ["alone", "group"])
def test_too_much_for_one_place_is_said_later(room: Room, where: str) -> None:
    address = to_ann(room) if where == "alone" else to_group(room)
    room.tenancy.workspace.control_flow(address.chat or address.person)
    error = refusal(room, address)
    assert isinstance(error, ThrottledError)
    assert error.retry_after == 30


@pytest.mark.parametrize("trouble", ["disbanded", "removed", "unknown"])
def test_a_group_that_is_gone_is_said(room: Room, trouble: str) -> None:
    address = to_group(room)
    if trouble == "disbanded":
        room.tenancy.workspace.disband(room.group)
    elif trouble == "removed":
        room.tenancy.workspace.edit_chat(room.group, bot=False)
    else:
        address = replace(address, chat="cidnone==")
    error = refusal(room, address)
    assert error.code == ("robot not available" if trouble == "removed" else "chat not found")


def test_an_app_that_may_not_send_is_told_what_it_lacks(room: Room) -> None:
    room.tenancy.workspace.revoke(scopes.SEND)
    error = refusal(room, to_ann(room))
    assert (type(error), error.code) == (SourceDeniedError, "permission missing")
    assert error.facts["scopes"] == scopes.SEND


def test_a_robot_that_is_stopped_or_misnamed_is_a_matter_of_settings(room: Room) -> None:
    room.settings["robot_code"] = "dingother"
    assert refusal(room, to_ann(room)).code == "robot not available"
    room.settings.clear()
    room.tenancy.workspace.configure(robot_on=False)
    assert refusal(room, to_ann(room)).code == "robot not available"


def test_the_months_quota_is_told_and_not_retried(room: Room) -> None:
    room.tenancy.workspace.configure(month_used_up=True)
    error = refusal(room, to_ann(room))
    assert (type(error), error.code) == (SourceDeniedError, "quota used up")
    assert room.calls() == {"robot.oto": 1}


def test_a_limit_of_a_second_is_waited_for_here_a_longer_one_is_not(room: Room) -> None:
    room.tenancy.api.faults.add(faults.throttle(endpoint="robot.oto", first=1, last=1, wait_s=1.0))
    room.chat().post(HELLO, to_ann(room), once="m#0")
    assert len(room.posts()) == 1
    room.tenancy.api.faults.add(faults.throttle(endpoint="robot.oto", wait_s=1.0, kind="minute"))
    with pytest.raises(ThrottledError):
        room.chat().post(HELLO, to_ann(room), once="m#1")


@pytest.mark.parametrize("where", ["session", "alone", "group"])
def test_what_may_have_been_said_is_not_said_again_blindly(room: Room, where: str) -> None:
    addresses: Mapping[str, Callable[[], Address]] = {
        "session": lambda: room.hear("hi").address,
        "alone": lambda: to_ann(room),
        "group": lambda: to_group(room),
    }
    address = addresses[where]()
    room.tenancy.api.faults.add(faults.reset(endpoint="robot.*"))
    with pytest.raises(SourceUnavailableError) as caught:
        room.chat().post(HELLO, address, once="m#0")
    assert sum(room.calls().values()) == 1
    assert caught.value.retry_after == 10


# --- what the simulated company does not say


class Scripted(httpx.BaseTransport):
    """Gives a token, and one answer to all else."""

    def __init__(self, status: int, document: object) -> None:
        self.answer = status, document
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if "/oauth2/" in request.url.path:
            return httpx.Response(200, json={"access_token": "t", "expires_in": 7200})
        self.requests.append(request)
        return httpx.Response(self.answer[0], json=self.answer[1])


def scripted(room: Room, status: int, document: object) -> tuple[Chat, Scripted]:
    transport = Scripted(status, document)
    return room.chat(transport), transport


OF_ROBOTS: tuple[tuple[str, type[RollcallError], str], ...] = (
    ("invalidParameter.robotCode.notExsit", SourceDeniedError, "robot not available"),
    ("invalidParameter.robotCode.auth", SourceDeniedError, "robot not available"),
    ("robot.oto.notExist", SourceDeniedError, "robot not available"),
    ("bot.stopped", SourceDeniedError, "robot not available"),
    ("staffId.notExisted", NotFoundError, "chat not found"),
    ("invalid.openConversationId", NotFoundError, "chat not found"),
    ("miss.openConversationId", NotFoundError, "chat not found"),
    ("group.disbanded", NotFoundError, "chat not found"),
    ("send.too.fast", ThrottledError, "source throttles"),
)
OF_ALL: tuple[tuple[int, str, type[RollcallError], str], ...] = (
    (400, "invalidParameter.msgParam.tooLong", SourceProtocolError, "parameters refused"),
    (400, "too.many.people", SourceProtocolError, "parameters refused"),
    (403, "Forbidden.AccessDenied.IpNotInWhiteList", SourceDeniedError, "address not allowed"),
    (403, "Forbidden.AccessDenied.ApiCountLimitForOrg", SourceDeniedError, "quota used up"),
    (403, "Forbidden.AccessDenied.QpmLimitForAppkeyAndApi", ThrottledError, "source throttles"),
    (500, "system.busy", SourceUnavailableError, "source unavailable"),
)


@pytest.mark.parametrize(
    ("status", "word", "type_", "code"), [*((status, *each) for status in (400, 500) for each in OF_ROBOTS), *OF_ALL]
)
def test_what_these_apis_refuse_is_put_into_our_families_and_not_sent_again(
    room: Room, status: int, word: str, type_: type[RollcallError], code: str
) -> None:
    chat, transport = scripted(room, status, {"code": word, "message": "no"})
    with pytest.raises(type_) as caught:
        chat.post(HELLO, to_ann(room), once="m#0")
    assert caught.value.code == code
    assert len(transport.requests) == 1


def test_what_is_sent_is_what_the_robot_api_wants(room: Room) -> None:
    chat, transport = scripted(room, 200, {"processQueryKey": "k"})
    chat.post(HELLO, to_ann(room), once="m#0")
    (request,) = transport.requests
    assert (request.method, str(request.url)) == ("POST", "https://api.dingtalk.com/v1.0/robot/oToMessages/batchSend")
    assert request.headers["x-acs-dingtalk-access-token"] == "t"
    body = json.loads(request.content)
    told = {"robotCode": room.tenancy.workspace.app_key, "userIds": [room.ann], "msgKey": "sampleMarkdown"}
    assert body.items() >= told.items()
    assert json.loads(body["msgParam"]) == {"title": "Hello.", "text": "Hello."}


# --- cards


def test_without_template_or_secret_nothing_can_be_pressed(room: Room) -> None:
    assert not room.chat().presses
    room.settings["card_template"] = TEMPLATE
    assert not room.chat().presses
    room.secrets["card_api_secret"] = Secret(CARD_SECRET)
    assert room.chat().presses
    room.settings.clear()
    assert not room.chat().presses


def test_without_a_template_buttons_are_words_and_edits_are_new_messages(room: Room) -> None:
    assert room.chat().post(ASKING, to_ann(room), once="m#0") == ""
    assert "Approve：输入 `sync approve 4821`" in room.posts()[0].content["text"]
    assert not room.chat().edit("", HELLO, to_ann(room))
    assert not room.chat().edit("rollcall.en.-.x", HELLO, to_ann(room))
    assert room.calls() == {"robot.oto": 1}


@pytest.mark.parametrize("where", ["alone", "group"])
def test_a_card_is_posted_pressed_and_edited_in_place(room: Room, where: str) -> None:
    room.install()
    address = to_ann(room) if where == "alone" else to_group(room)
    card = room.chat().post(ASKING, address, once="m#0")
    (post,) = room.posts()
    assert (post.kind, post.content["outTrackId"]) == ("interactiveCard", card)
    assert room.calls() == {"cards.deliver": 1}

    room.tenancy.workspace.press(room.ann, post.post_id, "Approve")
    assert room.tenancy.workspace.values(post, room.ann)[NOTE] == "已收到，请稍候……"
    assert room.tenancy.workspace.values(post, room.bob).get(NOTE, "") == ""
    delivery = room.opened[-1].delivery
    assert delivery is not None
    message = room.chat().read(delivery)
    assert message is not None
    assert (message.text, message.said, message.sender) == ("sync approve 4821", Said.PRESSED, room.ann)
    assert (message.card, message.lang, message.proven) == (card, Lang.ZH, False)
    assert message.address == replace(address, person=room.ann, thread=card)

    assert room.chat().edit(message.card, replace(HELLO, title="approved"), message.address)
    values = room.tenancy.workspace.values(post, room.ann)
    assert (values[TITLE], values["button1_shown"], values["button1_command"], values[NOTE]) == (
        "approved",
        "false",
        "",
        "",
    )
    assert (post.edits, len(room.posts())) == (2, 1)
    assert room.tenancy.api.suspicious == []


@pytest.mark.parametrize("where", ["alone", "group"])
def test_a_press_that_is_answered_below_leaves_no_note_on_its_card(room: Room, where: str) -> None:
    room.install()
    room.chat().post(ASKING, to_ann(room) if where == "alone" else to_group(room), once="m#0")
    (post,) = room.posts()
    room.tenancy.workspace.press(room.ann, post.post_id, "Approve")
    delivery = room.opened[-1].delivery
    assert delivery is not None
    message = room.chat().read(delivery)
    assert message is not None
    before = dict(room.tenancy.workspace.values(post, room.bob))
    assert room.chat().post(HELLO, message.address, once="m#1")
    assert room.tenancy.workspace.values(post, room.ann)[NOTE] == ""
    assert room.tenancy.workspace.values(post, room.bob) == before
    assert len(room.posts()) == 2
    assert room.tenancy.api.suspicious == []


def test_the_same_card_is_posted_once_by_any_process(room: Room) -> None:
    room.install()
    names = set()
    for _ in range(3):
        room.kept = {}
        names.add(room.chat().post(ASKING, to_group(room), once="m#0"))
    assert len(names) == len(room.posts()) == 1
    assert room.chat().post(ASKING, to_group(room), once="m#1") not in names


@pytest.mark.parametrize("trouble", ["permission", "template", "route", "flow"])
def test_where_the_card_is_not_taken_the_words_come_all_the_same(room: Room, trouble: str) -> None:
    room.install(route=trouble != "route")
    message = room.hear("@Rollcall hi", room.group)
    if trouble == "permission":
        room.tenancy.workspace.revoke(scopes.CARDS)
    elif trouble == "template":
        room.tenancy.workspace.templates.clear()
    elif trouble == "flow":
        room.tenancy.workspace.control_flow(room.group)
    assert room.chat().post(ASKING, message.address, once="m#0") == ""
    (post,) = room.posts()
    assert (post.kind, "sync approve 4821" in post.content["text"]) == ("markdown", True)
    # Not tried again as a card, nor said again.
    room.calls()
    assert room.chat().post(ASKING, message.address, once="m#0") == ""
    assert room.calls() == {}


def test_a_card_that_is_gone_must_be_posted_anew(room: Room) -> None:
    room.install()
    assert not room.chat().edit("rollcall.en.-." + "0" * 24, HELLO, to_ann(room))
    room.tenancy.workspace.revoke(scopes.CARDS)
    assert not room.chat().edit("rollcall.en.-." + "0" * 24, HELLO, to_ann(room))


def test_trouble_on_the_way_of_a_card_is_no_reason_for_words(room: Room) -> None:
    room.install()
    room.tenancy.api.faults.add(faults.reset(endpoint="cards.*"))
    with pytest.raises(SourceUnavailableError):
        room.chat().post(ASKING, to_ann(room), once="m#0")
    assert room.calls() == {"cards.deliver": 1}


@pytest.mark.parametrize(
    ("document", "arrives"),
    [
        ({"success": True, "result": {"deliverResults": [{"success": True}]}}, True),
        ({"success": "true", "result": {"deliverResults": [{"success": "true"}]}}, True),
        ({"success": True, "result": {"deliverResults": [{"success": False, "errorMsg": "no"}]}}, False),
        ({"success": True, "result": {"deliverResults": [{"success": True}, {"success": False}]}}, False),
        ({"success": True, "result": {"deliverResults": []}}, False),
        ({"success": False, "result": None}, False),
    ],
)
def test_a_card_has_arrived_when_every_delivery_did(room: Room, document: object, arrives: bool) -> None:
    room.install()
    chat, transport = scripted(room, 200, document)
    assert bool(chat.post(ASKING, to_ann(room), once="m#0")) == arrives
    assert len(transport.requests) == (1 if arrives else 2)


def test_a_card_that_exists_is_known_whatever_status_says_so(room: Room) -> None:
    room.install()
    for status in (400, 500):
        chat, transport = scripted(room, status, {"code": "param.cardAlreadyExist", "message": "no"})
        assert chat.post(ASKING, to_ann(room), once="m#0")
        assert len(transport.requests) == 1


def test_a_press_on_a_strangers_card_is_answered_to_the_presser(room: Room) -> None:
    delivery = Delivery(
        delivery_id="p1",
        source=UID,
        type="card.pressed",
        ids={},
        occurred_at=START,
        received_at=START,
        talk=json.dumps({"card": "of another app", "sender": room.ann, "text": " help "}),
        proven=False,
    )
    message = room.chat().read(delivery)
    assert message is not None
    # Whose it is cannot be told, so what is said there is said before others.
    assert (message.text, message.lang, message.address) == ("help", None, replace(to_ann(room), direct=False))


def test_a_chat_is_not_opened_without_the_apps_secret(room: Room) -> None:
    del room.secrets["app_secret"]
    with pytest.raises(SourceDeniedError) as caught:
        room.chat()
    assert caught.value.code == "secrets are missing"
