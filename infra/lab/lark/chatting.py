"""The chats of a tenant with the app's bot in them: people type, press, choose from the menu, open the chat.

What people say is pushed to the request URL like any event; a press goes to the URL of the callbacks, once, and its
answer is shown at once. Source: Feishu "receive message", "card callback", "bot menu events".
"""

import json
from collections.abc import Mapping, Sequence

import httpx

from infra.lab.clock import LabClock
from infra.lab.lark import cards, scopes
from infra.lab.lark.choices import Choices
from infra.lab.lark.events import LarkChannel
from infra.lab.lark.installation import Installation
from infra.lab.lark.records import User
from infra.lab.push import Event, Send, http_send, refuse_strangers
from infra.lab.talk import BOT_NAME, Chat, Mood, Post, Talk, chat_json, mentioned, number_of, within
from infra.lab.wire import Answer, JsonObject, LabError

_MOODS: dict[str, Mood] = {"info": "info", "success": "success", "error": "error", "warning": "warning"}
CARD_DAYS = 14
# What the client says of a press that came to nothing.
_CLIENT = {
    "200340": "no URL for card callbacks is configured",
    "200341": "the app did not answer in time",
    "200671": "the app did not answer with HTTP 200",
    "200672": "the app's answer is malformed",
    "200673": "the app's answer holds a malformed card",
}


class Chatting(Installation):
    """An installation whose bot can be talked to; `unavailable` are those who may not use the app."""

    def __init__(self, *, seed: int, app_id: str | None, root_name: str, clock: LabClock) -> None:
        super().__init__(seed=seed, app_id=app_id, root_name=root_name)
        self.clock: LabClock = clock
        self.talk = Talk(clock)
        self.unavailable: set[str] = set()
        self._said: dict[str, Event] = {}
        self._cards: LarkChannel | None = None
        self._send: Send = http_send

    @property
    def bot_id(self) -> str:
        return f"ou_{self.digest('open_id', 0)}"

    # Set up

    def connect_chat(
        self,
        url: str,
        encrypt_key: str = "",
        verification_token: str = "",
        *,
        send: Send | None = None,
        choices: Choices | None = None,
    ) -> None:
        """Send presses of cards' buttons to this URL from now on; it must answer the challenge.

        Raises:
            LabError: the URL is not of this machine, or did not answer well and in time.
        """
        if send is None:
            refuse_strangers(url)
        seed = self.digest("cards", 0)
        channel = LarkChannel(url, encrypt_key, verification_token, choices or Choices(), seed=seed)
        request, passes = channel.check(self.clock.now())
        started = self.clock.now()
        try:
            answer = (send or http_send)(request.url, request.headers, request.body)
        except (httpx.HTTPError, OSError) as error:
            raise LabError(f"the check of {url} was not answered") from error
        took_s = (self.clock.now() - started).total_seconds()
        if took_s > channel.check_deadline_s or not passes(answer):
            raise LabError(f"the check was answered wrongly or late, with status {answer.status}")
        with self.lock:
            self._cards, self._send, self.verification_token = channel, send or http_send, verification_token

    def add_chat(self, title: str, people: Sequence[str] = (), *, bot: bool = True) -> str:
        """Make a group of these people, and the bot."""
        with self.lock:
            chat_id = f"oc_{self.next_ids('chat_id')}"
            members = dict.fromkeys(self.at_work(each).open_id for each in people)
            self.talk.open(Chat(chat_id=chat_id, direct=False, title=title, people=members, has_bot=bot))
            return chat_id

    def edit_chat(self, chat: str, *, join: Sequence[str] = (), leave: Sequence[str] = (), bot: bool = True) -> str:
        with self.lock:
            found = self.talk.chat(chat)
            found.people |= dict.fromkeys(self.at_work(each).open_id for each in join)
            for each in leave:
                found.people.pop(self.user(each).open_id, None)
            found.has_bot = bot
            self.talk.touch()
            return found.chat_id

    def set_available(self, person: str, available: bool) -> str:
        """Say whether somebody is within the app's availability: who is not cannot talk with the bot."""
        with self.lock:
            user = self.at_work(person)
            (self.unavailable.discard if available else self.unavailable.add)(user.open_id)
            return user.open_id

    def direct_chat(self, person: str) -> Chat:
        """Find or make the chat of one person and the bot."""
        user = self.user(person)
        found = self.talk.direct(user.open_id)
        if found is None:
            chat_id = f"oc_{self.next_ids('chat_id')}"
            members: dict[str, None] = {user.open_id: None}
            found = self.talk.open(Chat(chat_id=chat_id, direct=True, title=user.name, people=members))
        return found

    # What people do

    def say(self, person: str, text: str, chat: str = "") -> str:
        """Let somebody type a text: to the bot alone, or in a group with `@Rollcall`, `@name` and `@all` in it."""
        with self.lock:
            user, room = self._in_chat(person, chat)
            people = {self.users[each].name: each for each in room.people} if not room.direct else {}
            bot_here = not room.direct and room.has_bot
            called = mentioned(text, [BOT_NAME, *people] if bot_here else list(people))
            keys: list[JsonObject] = []
            shown = text if room.direct else text.replace("@all", "@_all")
            for number, name in enumerate(dict.fromkeys(called), 1):
                is_bot = bot_here and name == BOT_NAME
                shown = shown.replace(f"@{name}", f"@_user_{number}")
                keys.append(self._mention(f"@_user_{number}", name, None if is_bot else self.users[people[name]]))
            return self._said_by(
                user, room, "text", {"text": shown}, keys, everyone="@_all" in shown and "@all" in text
            )

    def send(self, person: str, kind: str, content: JsonObject, chat: str = "") -> str:
        """Let somebody send a message of another type: post, image, sticker; `content` as the vendor has it."""
        with self.lock:
            user, room = self._in_chat(person, chat)
            return self._said_by(user, room, kind, content, [])

    def menu(self, person: str, event_key: str) -> str:
        """Let somebody choose an entry of the bot's menu; tells the event's id."""
        with self.lock:
            user = self.at_work(person)
            self.direct_chat(user.open_id)
            now = self.clock.now()
            event: JsonObject = {
                "operator": {"operator_name": user.name, "operator_id": self._ids_of(user)},
                "event_key": event_key[:30],
                "timestamp": int(now.timestamp()),
            }
            return self._push("application.bot.menu_v6", event).event_id

    def enter(self, person: str) -> str:
        """Let somebody open the chat with the bot; tells the event's id."""
        with self.lock:
            user = self.at_work(person)
            chat = self.direct_chat(user.open_id)
            event: JsonObject = {"chat_id": chat.chat_id, "operator_id": self._ids_of(user)}
            posts = self.talk.in_chat(chat.chat_id)
            if posts:
                event["last_message_id"] = posts[-1].post_id
                event["last_message_create_time"] = _ms(posts[-1])
            return self._push("im.chat.access_event.bot_p2p_chat_entered_v1", event).event_id

    def press(self, person: str, message: str, button: str) -> JsonObject:
        """Let somebody press a button of a card, by its label or number; tells the toast that flashed up.

        The lock is not held while the app answers: it may well call the platform meanwhile.
        """
        with self.lock:
            user = self.at_work(person)
            post = self.talk.post(message)
            value = self._pressed(user, post, button)
            channel, send, now = self._cards, self._send, self.clock.now()
            if channel is None:
                return self._client_error(user, post, "200340")
            event: JsonObject = {
                "operator": {"tenant_key": self.tenant_key, **self._ids_of(user)},
                "token": f"c-{self.next_ids('card_token')}",
                "action": {"value": value, "tag": "button", "timezone": "Asia/Shanghai"},
                "host": "im_message",
                "context": {"open_message_id": post.post_id, "open_chat_id": post.chat_id},
            }
            made = self._event("card.action.trigger", event, str(int(now.timestamp() * 1_000_000)))
            request = channel.request(made, now)
        answer: Answer | None = None
        try:
            answer = send(request.url, request.headers, request.body)
        except (httpx.HTTPError, OSError):
            answer = None
        took_s = (self.clock.now() - now).total_seconds()
        with self.lock:
            if answer is None or took_s > channel.deadline_s:
                return self._client_error(user, post, "200341")
            if answer.status != 200:
                return self._client_error(user, post, "200671")
            return self._answered(user, post, answer.body)

    def redeliver(self, message: str) -> None:
        """Push what somebody said once more, with the same event id: at least once is what the vendor promises."""
        with self.lock:
            if message not in self._said or self.pusher is None:
                raise LabError(f"never pushed: {message}")
            self.pusher.enqueue([self._said[message]])

    def chats(self) -> list[JsonObject]:
        with self.lock:
            return [chat_json(each) for each in self.talk.chats.values()]

    def messages(self, chat: str = "") -> list[JsonObject]:
        """Tell what was said, in one chat or in all: cards with their edits, in the vendor's own JSON."""
        with self.lock:
            return self.talk.listing(chat)

    def toasts(self) -> list[JsonObject]:
        with self.lock:
            return self.talk.toasted()

    def name_of(self, person: str) -> str:
        return self.users[person].name if person in self.users else person

    def at_work(self, any_id: str) -> User:
        """Find somebody who has not left, for the lab's own verbs."""
        user = self.user(any_id)
        if user.resigned:
            raise LabError(f"has resigned: {any_id}")
        return user

    def forget_said(self) -> None:
        """Let the time pass after which nothing is pushed again."""
        with self.lock:
            self._said.clear()

    # Inside

    def _in_chat(self, person: str, chat: str) -> tuple[User, Chat]:
        user = self.at_work(person)
        if not chat:
            return user, self.direct_chat(user.open_id)
        room = self.talk.chat(chat)
        if user.open_id not in room.people:
            raise LabError(f"{person} is not in {chat}")
        return user, room

    def _said_by(
        self,
        user: User,
        room: Chat,
        kind: str,
        content: JsonObject,
        mentions: list[JsonObject],
        *,
        everyone: bool = False,
    ) -> str:
        message_id = f"om_{self.next_ids('message_id')}"
        shown = dict(content)
        if isinstance(text := content.get("text"), str):
            for each in mentions:
                text = text.replace(str(each["key"]), f"@{each['name']}")
            shown["text"] = text.replace("@_all", "@all")
        post = self.talk.add(
            Post(
                post_id=message_id,
                chat_id=room.chat_id,
                by=user.open_id,
                kind=kind,
                content=shown,
                at=self.clock.now(),
                everyone=everyone,
            )
        )
        called = any(each["mentioned_type"] == "bot" for each in mentions)
        if self._hears(user, room, called):
            message: JsonObject = {
                "message_id": message_id,
                "create_time": _ms(post),
                "update_time": _ms(post),
                "chat_id": room.chat_id,
                "chat_type": "p2p" if room.direct else "group",
                "message_type": kind,
                "content": json.dumps(content, ensure_ascii=False),
                "user_agent": "Lark/7.40 lab",
            }
            if mentions:
                message["mentions"] = mentions
            sender = {"sender_id": self._ids_of(user), "sender_type": "user", "tenant_key": self.tenant_key}
            self._said[message_id] = self._push("im.message.receive_v1", {"sender": sender, "message": message})
        return message_id

    def _hears(self, user: User, room: Chat, called: bool) -> bool:
        """Tell whether a message is pushed to the app."""
        if not (self.bot_on and self.enabled and self.installed and room.has_bot) or user.open_id in self.unavailable:
            return False
        granted = self.scopes_granted
        if room.direct:
            return bool(granted & scopes.HEAR_DIRECT)
        return scopes.HEAR_GROUP in granted or (called and bool(granted & scopes.HEAR_CALLED))

    def _pressed(self, user: User, post: Post, button: str) -> object:
        if post.kind != "interactive" or not within(post.at, self.clock.now(), CARD_DAYS):
            raise LabError("not a card, or one that is too old to be pressed")
        if user.open_id not in self.talk.chats[post.chat_id].people:
            raise LabError(f"{user.open_id} is not in the chat of {post.post_id}")
        shown = cards.buttons(post.content)
        chosen = shown[number_of(button, [cards.label(each) for each in shown])]
        if chosen.get("disabled"):
            raise LabError(f"the button {button!r} cannot be pressed")
        behaviors = chosen.get("behaviors")
        for each in behaviors if isinstance(behaviors, list) else []:
            if each["type"] == "callback":
                return each["value"]
        raise LabError(f"the button {button!r} calls nobody")

    def _answered(self, user: User, post: Post, body: bytes) -> JsonObject:
        try:
            document = json.loads(body or b"null")
        except ValueError:
            document = None
        if not isinstance(document, dict) or not set(document) <= {"toast", "card"}:
            return self._client_error(user, post, "200672")
        toast = document.get("toast", {})
        if not isinstance(toast, dict) or not set(toast) <= {"type", "content", "i18n"}:
            return self._client_error(user, post, "200672")
        mood, text = _MOODS.get(toast.get("type", "info")), toast.get("content", "")
        if mood is None or not isinstance(text, str):
            return self._client_error(user, post, "200672")
        if (card := document.get("card")) is not None:
            if not isinstance(card, dict) or card.get("type") != "raw":
                return self._client_error(user, post, "200673")
            try:
                self.talk.edit(post, cards.check(card.get("data")))
            except cards.CardError:
                return self._client_error(user, post, "200673")
        return self.talk.toast(user.open_id, post.post_id, mood, text) if text else {"text": "", "code": ""}

    def _client_error(self, user: User, post: Post, code: str) -> JsonObject:
        return self.talk.toast(user.open_id, post.post_id, "error", f"{code}: {_CLIENT[code]}", code)

    def _mention(self, key: str, name: str, user: User | None) -> JsonObject:
        ids = self._ids_of(user) if user else {"open_id": self.bot_id, "union_id": f"on_{self.bot_id[3:]}"}
        kind = "user" if user else "bot"
        return {"key": key, "id": ids, "mentioned_type": kind, "name": name, "tenant_key": self.tenant_key}

    def _ids_of(self, user: User) -> JsonObject:
        ids: JsonObject = {"open_id": user.open_id, "union_id": user.union_id}
        return ids | {"user_id": user.user_id} if scopes.USER_ID in self.scopes_granted else ids

    def _push(self, kind: str, event: Mapping[str, object]) -> Event:
        made = self._event(kind, event, str(int(self.clock.now().timestamp() * 1000)))
        if self.pusher is not None and self.bot_on:
            self.pusher.enqueue([made])
        return made

    def _event(self, kind: str, event: Mapping[str, object], create_time: str) -> Event:
        event_id = self.next_ids("event_id")
        header = {
            "event_id": event_id,
            "event_type": kind,
            "create_time": create_time,
            "token": self.verification_token,
            "app_id": self.app_id,
            "tenant_key": self.tenant_key,
        }
        text = json.dumps({"schema": "2.0", "header": header, "event": event}, ensure_ascii=False)
        return Event(event_id, kind, text)


def _ms(post: Post) -> str:
    return str(int(post.at.timestamp() * 1000))
