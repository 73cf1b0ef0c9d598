"""The chats of an organisation with the app's robot in them: people type, and press buttons of interactive cards.

What people say is posted to the robot's message URL, signed over the time alone; a press to the URL that was registered
for the card. Nothing is documented about posting again, so nothing is posted again unless asked for.
Source: DingTalk "receive messages (HTTP mode)", "event callback of cards".
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx

from infra.lab.clock import LabClock
from infra.lab.dingtalk.installation import Installation
from infra.lab.dingtalk.records import User
from infra.lab.push import Event, Pusher, Request, Send, Trouble, http_send, refuse_strangers
from infra.lab.talk import BOT_NAME, Chat, Post, Talk, chat_json, mentioned, number_of
from infra.lab.wire import Answer, JsonObject, LabError

SESSION_PATH = "/robot/sendBySession"
PRESS_DEADLINE_S = 2.0


def sign_robot(secret: str, timestamp: str) -> str:
    """Sign as robots' messages are: over the time and the secret, and nothing of the body."""
    return _mac(secret, f"{timestamp}\n{secret}")


def sign_card(secret: str, timestamp: str) -> str:
    return _mac(secret, timestamp)


def _mac(secret: str, text: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateButton:
    """A button of a template: the parameters that say whether it is shown, what stands on it, and what it sends."""

    action: str
    label: str
    shown: str = ""
    sends: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A card as the card builder makes it: which parameters stand where."""

    title: str
    texts: tuple[str, ...]
    buttons: tuple[TemplateButton, ...]
    status: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """Where presses go; without a secret they are not signed."""

    url: str
    secret: str


class RobotChannel:
    """The way to the robot's message URL; there is no check of it, and no second try."""

    schedule_s = ()
    deadline_s = 2.0
    check_deadline_s = 0.0

    def __init__(self, url: str, secret: str) -> None:
        self.url = url
        self._secret = secret
        self._last_ms = 0

    def check(self, now: datetime) -> tuple[Request, Callable[[Answer], bool]]:
        raise LabError("the URL of a robot is not checked")

    def request(self, event: Event, now: datetime) -> Request:
        # Each message has a time of its own: one signature serves one body.
        self._last_ms = max(self._last_ms + 1, int(now.timestamp() * 1000))
        timestamp = str(self._last_ms)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "timestamp": timestamp,
            "sign": sign_robot(self._secret, timestamp),
        }
        return Request(self.url, headers, event.text.encode())

    def accepts(self, answer: Answer) -> bool:
        return answer.status == 200


class Chatting(Installation):
    """An installation whose robot can be talked to; answers in the response to a message are not shown.

    `flow_controlled` are people and groups to whom the robot has said too much of late.
    """

    def __init__(self, *, seed: int, root_name: str, corp_id: str | None, clock: LabClock) -> None:
        super().__init__(seed=seed, root_name=root_name, corp_id=corp_id)
        self.clock: LabClock = clock
        self.talk = Talk(clock)
        self.base_url = "https://oapi.dingtalk.com"
        self.robot: Pusher | None = None
        self.sessions: dict[str, tuple[str, datetime]] = {}
        self.templates: dict[str, Template] = {}
        self.routes: dict[str, Route] = {}
        self.flow_controlled: set[str] = set()
        self.disbanded: set[str] = set()
        self._said: dict[str, Event] = {}
        self._send: Send = http_send
        self._pressed_ms = 0

    @property
    def robot_code(self) -> str:
        return self.app_key

    def served_at(self, url: str) -> None:
        self.base_url = url

    def hush(self) -> None:
        super().hush()
        if self.robot is not None:
            self.robot.stop()

    # Set up

    def connect_chat(
        self,
        url: str,
        *,
        send: Send | None = None,
        trouble: Trouble | None = None,
    ) -> None:
        """Post what is said to this URL from now on: in the background, unless `send` is given.

        Raises:
            LabError: the URL is not of this machine.
        """
        if send is None:
            refuse_strangers(url)
        with self.lock:
            former, self._send = self.robot, send or http_send
            channel = RobotChannel(url, self.app_secret)
            self.robot = pusher = Pusher(channel, clock=self.clock, send=send, trouble=trouble)
        if former is not None:
            former.stop()
        if send is None:
            pusher.start()

    def add_chat(self, title: str, people: Sequence[str] = (), *, bot: bool = True) -> str:
        """Make a group of these people, and the robot."""
        with self.lock:
            members = dict.fromkeys(self.at_work(each).userid for each in people)
            chat = Chat(chat_id=self._chat_id(), direct=False, title=title, people=members, has_bot=bot)
            return self.talk.open(chat).chat_id

    def edit_chat(self, chat: str, *, join: Sequence[str] = (), leave: Sequence[str] = (), bot: bool = True) -> str:
        with self.lock:
            found = self.talk.chat(chat)
            found.people |= dict.fromkeys(self.at_work(each).userid for each in join)
            for each in leave:
                found.people.pop(self.user(each).userid, None)
            found.has_bot = bot
            self.talk.touch()
            return found.chat_id

    def disband(self, chat: str) -> str:
        with self.lock:
            found = self.talk.chat(chat)
            del self.talk.chats[found.chat_id]
            self.disbanded.add(found.chat_id)
            self.talk.touch()
            return found.chat_id

    def control_flow(self, target: str, on: bool = True) -> str:
        """Say that a person or a group has had too many messages of late, or not any more."""
        with self.lock:
            (self.flow_controlled.add if on else self.flow_controlled.discard)(target)
            return target

    def install_card(
        self,
        template: str,
        title: str,
        texts: Sequence[str],
        buttons: Sequence[Mapping[str, object]] = (),
        status: str = "",
        note: str = "",
    ) -> str:
        """Install an interactive card: `buttons` as `TemplateButton` has them, `template` is its id."""
        made = []
        for each in buttons:
            sends = each["sends"]
            if not isinstance(sends, dict):
                raise LabError("what a button sends is an object of parameter names")
            shown = str(each.get("shown", ""))
            made.append(
                TemplateButton(action=str(each["action"]), label=str(each["label"]), shown=shown, sends=dict(sends))
            )
        with self.lock:
            self.templates[template] = Template(
                title=title, texts=tuple(texts), buttons=tuple(made), status=status, note=note
            )
            return template

    def route_card(self, key: str, url: str, secret: str = "") -> str:
        """Register where presses go, as an admin does once for all by the API."""
        with self.lock:
            self.routes[key] = Route(url, secret)
            return key

    def direct_chat(self, person: str) -> Chat:
        """Find or make the chat of one person and the robot."""
        user = self.user(person)
        found = self.talk.direct(user.userid)
        if found is None:
            members: dict[str, None] = {user.userid: None}
            found = self.talk.open(Chat(chat_id=self._chat_id(), direct=True, title=user.name, people=members))
        return found

    # What people do

    def say(self, person: str, text: str, chat: str = "", *, outsider: bool = False) -> str:
        """Let somebody type a text: to the robot alone, or in a group with `@Rollcall` and `@name` in it.

        An `outsider` is a member of the group whom the robot is not told the userid of.
        """
        with self.lock:
            user, room = self._in_chat(person, chat)
            people = {self.users[each].name: each for each in room.people} if not room.direct else {}
            bot_here = not room.direct and room.has_bot
            called = mentioned(text, [BOT_NAME, *people] if bot_here else list(people))
            # The robot's name is cut off, the space after it stays.
            cut = text if room.direct else text.replace(f"@{BOT_NAME}", "")
            body: JsonObject = {"msgtype": "text", "text": {"content": cut}}
            others = [people[name] for name in dict.fromkeys(called) if name != BOT_NAME]
            return self._said_by(user, room, "text", {"text": text}, body, BOT_NAME in called, others, outsider)

    def enter(self, person: str) -> str:
        """Let somebody open the chat with the robot, which is not told; tells the chat."""
        with self.lock:
            return self.direct_chat(self.at_work(person).userid).chat_id

    def send(self, person: str, kind: str, content: JsonObject, chat: str = "") -> str:
        """Let somebody send a message of another type: richText, picture, file; in a group it counts as called."""
        with self.lock:
            user, room = self._in_chat(person, chat)
            return self._said_by(user, room, kind, content, {"msgtype": kind, "content": content}, True, (), False)

    def press(self, person: str, message: str, button: str) -> JsonObject:
        """Let somebody press a button of an interactive card, by its label or number; tells what they alone now see.

        The lock is not held while the app answers: it may well call the platform meanwhile.
        """
        with self.lock:
            user = self.at_work(person)
            post = self.talk.post(message)
            action, sent, route = self._pressed(user, post, button)
            if route is None:
                return self._failed(user, post, "no URL is registered for this card")
            private: JsonObject = {"actionIds": [action], "params": sent}
            body: JsonObject = {
                "type": "actionCallback",
                "outTrackId": post.content["outTrackId"],
                "corpId": self.corp_id,
                "userId": user.userid,
                "content": json.dumps({"cardPrivateData": private}, ensure_ascii=False),
            }
            headers = {"Content-Type": "application/json; charset=utf-8"}
            started = self.clock.now()
            if route.secret:
                self._pressed_ms = max(self._pressed_ms + 1, int(started.timestamp() * 1000))
                headers["x-ddpaas-signature-timestamp"] = timestamp = str(self._pressed_ms)
                headers["x-ddpaas-signature"] = sign_card(route.secret, timestamp)
            send = self._send
        answer: Answer | None = None
        try:
            answer = send(route.url, headers, json.dumps(body, ensure_ascii=False).encode())
        except (httpx.HTTPError, OSError):
            answer = None
        took_s = (self.clock.now() - started).total_seconds()
        with self.lock:
            if answer is None or took_s > PRESS_DEADLINE_S:
                return self._failed(user, post, "the app did not answer in time")
            if answer.status != 200:
                return self._failed(user, post, f"the app answered with HTTP {answer.status}")
            return self._answered(user, post, answer.body)

    def redeliver(self, message: str) -> None:
        """Post what somebody said once more, with the same msgId."""
        with self.lock:
            if message not in self._said or self.robot is None:
                raise LabError(f"never posted: {message}")
            self.robot.enqueue([self._said[message]])

    def chats(self) -> list[JsonObject]:
        with self.lock:
            return [chat_json(each) for each in self.talk.chats.values()]

    def messages(self, chat: str = "") -> list[JsonObject]:
        """Tell what was said, in one chat or in all: cards with their parameters and edits, as the vendor has them."""
        with self.lock:
            return self.talk.listing(chat)

    def toasts(self) -> list[JsonObject]:
        with self.lock:
            return self.talk.toasted()

    def name_of(self, person: str) -> str:
        return self.users[person].name if person in self.users else person

    # Inside

    def open_session(self, chat: Chat) -> tuple[str, datetime]:
        """Make a URL that takes answers for this chat until then."""
        key = self.next_ids("session")
        ends = self.clock.now() + timedelta(minutes=self.session_minutes)
        self.sessions[key] = (chat.chat_id, ends)
        return f"{self.base_url}{SESSION_PATH}?session={key}", ends

    def _chat_id(self) -> str:
        # With a slash and a plus, which a client must not forget to encode.
        return "cid" + base64.b64encode(b"\xfb\xff\xfe" + bytes.fromhex(self.next_ids("chat_id"))[:13]).decode()

    def _in_chat(self, person: str, chat: str) -> tuple[User, Chat]:
        user = self.at_work(person)
        if not chat:
            return user, self.direct_chat(user.userid)
        room = self.talk.chat(chat)
        if user.userid not in room.people:
            raise LabError(f"{person} is not in {chat}")
        return user, room

    def _said_by(
        self,
        user: User,
        room: Chat,
        kind: str,
        content: JsonObject,
        told: JsonObject,
        called: bool,
        others: Sequence[str],
        outsider: bool,
    ) -> str:
        message_id = f"msg{base64.b64encode(bytes.fromhex(self.next_ids('msg_id'))).decode()}"
        now = self.clock.now()
        self.talk.add(
            Post(
                post_id=message_id,
                chat_id=room.chat_id,
                by=user.userid,
                kind=kind,
                content=dict(content),
                at=now,
                mentions=tuple(others),
            )
        )
        if self.robot is None or not room.has_bot or not self.robot_on or not (room.direct or called):
            return message_id
        session, ends = self.open_session(room)
        body: JsonObject = {
            "msgId": message_id,
            "createAt": int(now.timestamp() * 1000),
            "conversationType": "1" if room.direct else "2",
            "conversationId": room.chat_id,
            "senderId": f"$:LWCP_v1:${self.digest('sender', len(user.userid))[:24]}",
            "senderNick": user.nickname or user.name,
            "isInAtList": True,
            "chatbotUserId": f"$:LWCP_v1:${self.digest('chatbot', 0)[:24]}",
            "chatbotCorpId": self.corp_id,
            "robotCode": self.robot_code,
            "senderPlatform": "Mac",
            "sessionWebhook": session,
            "sessionWebhookExpiredTime": int(ends.timestamp() * 1000),
            **told,
        }
        if not room.direct:
            body["conversationTitle"] = room.title
            robot = {"dingtalkId": body["chatbotUserId"]}
            body["atUsers"] = [robot, *({"dingtalkId": f"$:{each}", "staffId": each} for each in others)]
        if self.robot_published and not outsider:
            body |= {"senderStaffId": user.userid, "senderCorpId": self.corp_id, "isAdmin": user.admin_level > 0}
        if self.robot_quota_used_up:
            for name in ("text", "content"):
                body.pop(name, None)
            body |= {"errCode": 20001, "errMsg": "the quota of Webhook & Stream calls is used up"}
        event = Event(message_id, "robot.message", json.dumps(body, ensure_ascii=False))
        self._said[message_id] = event
        self.robot.enqueue([event])
        return message_id

    def _pressed(self, user: User, post: Post, button: str) -> tuple[str, dict[str, str], Route | None]:
        if post.kind != "interactiveCard":
            raise LabError("only interactive cards have buttons that call the app")
        if user.userid not in self.talk.chats[post.chat_id].people:
            raise LabError(f"{user.userid} is not in the chat of {post.post_id}")
        template = self.templates[str(post.content["cardTemplateId"])]
        values = self.values(post, user.userid)
        shown = [each for each in template.buttons if not each.shown or values.get(each.shown) == "true"]
        chosen = shown[number_of(button, [values.get(each.label, "") for each in shown])]
        sent = {name: values.get(parameter, "") for name, parameter in chosen.sends.items()}
        key = str(post.content.get("callbackRouteKey", ""))
        return chosen.action, sent, self.routes.get(key) if post.content.get("callbackType") == "HTTP" else None

    def values(self, post: Post, person: str) -> dict[str, str]:
        """Tell the parameters of a card as one person sees it."""
        public, private = post.content.get("cardParamMap"), post.private.get(person, {})
        merged = {**(public if isinstance(public, dict) else {}), **private}
        return {str(name): str(value) for name, value in merged.items()}

    def change_card(
        self,
        post: Post,
        public: Mapping[str, str] | None,
        private: Mapping[str, Mapping[str, str]],
        *,
        public_by_key: bool,
        private_by_key: bool,
    ) -> None:
        """Edit a card; what is not changed by key is replaced whole."""
        before = post.content.get("cardParamMap")
        content = dict(post.content)
        if public is not None:
            content["cardParamMap"] = {
                **(before if public_by_key and isinstance(before, dict) else {}),
                **public,
            }
        for person, values in private.items():
            kept = post.private.get(person, {}) if private_by_key else {}
            post.private[person] = {**kept, **values}
        self.talk.edit(post, content)

    def _answered(self, user: User, post: Post, body: bytes) -> JsonObject:
        known = {"cardData", "userPrivateData", "cardUpdateOptions"}
        try:
            document = json.loads(body or b"{}")
            if not isinstance(document, dict) or not set(document) <= known:
                raise ValueError
            options = document.get("cardUpdateOptions", {})
            public = param_map(document["cardData"]) if "cardData" in document else None
            private = param_map(document["userPrivateData"]) if "userPrivateData" in document else None
            by_key, private_by_key = (
                options.get(name, False) is True for name in ("updateCardDataByKey", "updatePrivateDataByKey")
            )
        except (ValueError, AttributeError):
            return self._failed(user, post, "the app's answer is malformed")
        if public is not None or private is not None:
            theirs = {} if private is None else {user.userid: private}
            self.change_card(post, public, theirs, public_by_key=by_key, private_by_key=private_by_key)
        return {"text": "", "code": "", "private": dict(private or {})}

    def _failed(self, user: User, post: Post, text: str) -> JsonObject:
        return self.talk.toast(user.userid, post.post_id, "error", text, "failed")


def param_map(value: object) -> dict[str, str]:
    """Read `{"cardParamMap": {...}}`: texts only, keys of 100 bytes and values of 1 KB at most.

    Raises:
        ValueError: it is something else.
    """
    held = value.get("cardParamMap") if isinstance(value, dict) else None
    if not isinstance(held, dict):
        raise ValueError("cardParamMap")
    for name, each in held.items():
        if not isinstance(each, str) or len(name.encode()) > 100 or len(each.encode()) > 1024:
            raise ValueError(f"cardParamMap.{name}")
    return held
