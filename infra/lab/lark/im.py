"""Messages that the app sends, answers with and edits, as strictly as the contract says.

Source: Feishu "send message", "reply message", "update message card", and the error tables of these pages.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from infra.lab.lark import cards
from infra.lab.lark.chatting import CARD_DAYS, Chatting
from infra.lab.lark.errors import RefusedError, field_violation
from infra.lab.lark.params import Params
from infra.lab.limits import Window, Windows
from infra.lab.talk import Chat, Post, within
from infra.lab.wire import JsonObject

if TYPE_CHECKING:
    from infra.lab.lark.records import User

_TO = ("open_id", "union_id", "user_id", "email", "chat_id")
_MOST_TEXT, _MOST_CARD = 150 * 1024, 30 * 1024
_MOST_UUID, _UUID_LIFE = 50, timedelta(hours=1)
# To one person, to one group, of edits to one message.
_OFTEN = Window(5, 1)
_AT = re.compile(r"""<at\s+(?:user_id|id)\s*=\s*["']?([^"'>\s]+)["']?\s*>""")
_RUNS: frozenset[str] = frozenset({"text", "a", "at", "img", "media", "emotion", "hr", "code_block", "md"})


class Messages:
    """The bot's side of the chats; `limited` tells whether the limits hold, `scale` shortens their windows."""

    def __init__(self, workspace: Chatting, limited: Callable[[], bool], scale: float) -> None:
        self._workspace = workspace
        self._limited = limited
        self._window = _OFTEN.scaled(scale)
        self._often: dict[str, Windows] = {}
        self._once: dict[str, tuple[datetime, str]] = {}

    def create(self, params: Params) -> JsonObject:
        """`POST im/v1/messages?receive_id_type=`"""
        kind = params.text("receive_id_type")
        if kind not in _TO:
            raise field_violation("receive_id_type", kind, f"options: [{','.join(_TO)}]")
        body = params.body()
        receive_id, msg_type = _text(body, "receive_id"), _text(body, "msg_type")
        content = _content(body, msg_type)
        self._can_speak()
        chat = self._to(kind, receive_id)
        return self._say(chat, msg_type, content, body, answers=None)

    def reply(self, params: Params) -> JsonObject:
        """`POST im/v1/messages/:message_id/reply`"""
        body = params.body()
        msg_type = _text(body, "msg_type")
        content = _content(body, msg_type)
        if not isinstance(body.get("reply_in_thread", False), bool):
            raise field_violation("reply_in_thread", body["reply_in_thread"], "reply_in_thread is a boolean")
        self._can_speak()
        answered = self._post(params.arg("message_id"))
        chat = self._workspace.talk.chats[answered.chat_id]
        self._may_reach(chat)
        return self._say(chat, msg_type, content, body, answers=answered)

    def patch(self, params: Params) -> JsonObject:
        """`PATCH im/v1/messages/:message_id`: a card instead of a card."""
        workspace = self._workspace
        body = params.body()
        if unknown := sorted(set(body) - {"content"}):
            raise field_violation(unknown[0], body[unknown[0]], "unknown field")
        content = _content(body, "interactive", was_new_schema=True)
        self._can_speak()
        post = self._post(params.arg("message_id"))
        if post.by or post.kind != "interactive":
            raise RefusedError(230001, "Your request contains an invalid request parameter, ext=not a card of this app")
        if not within(post.at, workspace.clock.now(), CARD_DAYS):
            raise RefusedError(230031, "Message exceeds the editable time")
        self._may_reach(workspace.talk.chats[post.chat_id])
        self._pace(f"edit {post.post_id}")
        workspace.talk.edit(post, content)
        post.mentions, post.everyone = _called(post.kind, content)
        return {}

    def _say(
        self, chat: Chat, msg_type: str, content: JsonObject, body: JsonObject, answers: Post | None
    ) -> JsonObject:
        workspace = self._workspace
        now = workspace.clock.now()
        uuid = body.get("uuid") or ""
        if not isinstance(uuid, str) or len(uuid) > _MOST_UUID:
            raise field_violation("uuid", uuid, f"the max len is {_MOST_UUID}")
        if uuid and (earlier := self._once.get(uuid)) and now - earlier[0] < _UUID_LIFE:
            return self._shown(workspace.talk.posts[earlier[1]])
        self._pace(f"chat {chat.chat_id}")
        mentions, everyone = _called(msg_type, content)
        post = Post(
            post_id=f"om_{workspace.next_ids('message_id')}",
            chat_id=chat.chat_id,
            by="",
            kind=msg_type,
            content=content,
            at=now,
            answers=answers.post_id if answers else "",
            in_thread=body.get("reply_in_thread") is True,
            mentions=mentions,
            everyone=everyone,
        )
        workspace.talk.add(post)
        if uuid:
            self._once[uuid] = (now, post.post_id)
        return self._shown(post)

    def _can_speak(self) -> None:
        if not self._workspace.bot_on:
            raise RefusedError(230006, "Bot ability is not activated")

    def _post(self, message_id: str) -> Post:
        post = self._workspace.talk.posts.get(message_id)
        if post is None:
            raise RefusedError(
                230001,
                "Your request contains an invalid request parameter, ext=The request contains invalid message_id",
            )
        return post

    def _to(self, kind: str, receive_id: str) -> Chat:
        workspace = self._workspace
        if kind == "chat_id":
            chat = workspace.talk.chats.get(receive_id)
            if chat is None:
                raise RefusedError(230034, "The receive_id is invalid")
            self._may_reach(chat)
            return chat
        user: User | None
        if kind == "email":
            users = (each for each in workspace.users.values() if receive_id in (each.email, each.enterprise_email))
            user = next(users, None)
        else:
            user = workspace.user_by(kind, receive_id)
        if user is None:
            raise RefusedError(230034, "The receive_id is invalid")
        self._available(user.open_id)
        return workspace.direct_chat(user.open_id)

    def _may_reach(self, chat: Chat) -> None:
        if not chat.has_bot:
            raise RefusedError(230002, "The bot can not be outside the group.")
        if chat.direct:
            self._available(next(iter(chat.people)))

    def _available(self, open_id: str) -> None:
        if self._workspace.users[open_id].resigned or open_id in self._workspace.unavailable:
            raise RefusedError(230013, "Bot has NO availability to this user.")

    def _pace(self, counted: str) -> None:
        if not self._limited():
            return
        windows = self._often.setdefault(counted, Windows([self._window]))
        if windows.admit(self._workspace.clock.now().timestamp()) is not None:
            raise RefusedError(230020, "This operation triggers the frequency limit.")

    def _shown(self, post: Post) -> JsonObject:
        """Word a message as the answers do: without thread where it is in none."""
        workspace = self._workspace
        stamp = str(int(post.at.timestamp() * 1000))
        shown: JsonObject = {
            "message_id": post.post_id,
            "msg_type": post.kind,
            "create_time": stamp,
            "update_time": stamp,
            "deleted": False,
            "updated": post.edits > 0,
            "chat_id": post.chat_id,
            "sender": {
                "id": workspace.app_id,
                "id_type": "app_id",
                "sender_type": "app",
                "tenant_key": workspace.tenant_key,
            },
            "body": {"content": json.dumps(post.content, ensure_ascii=False)},
        }
        if post.answers:
            shown |= {"root_id": post.answers, "parent_id": post.answers}
        if post.in_thread:
            shown["thread_id"] = f"omt_{post.answers[3:]}"
        return shown


def _text(body: JsonObject, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise field_violation(name, value, f"{name} is required")
    return value


def _content(body: JsonObject, msg_type: str, *, was_new_schema: bool = False) -> JsonObject:
    """Read `content`, which is JSON in a string, and hold it to the rules of its type."""
    raw = _text(body, "content")
    if msg_type not in ("text", "post", "interactive"):
        raise RefusedError(230001, f"Your request contains an invalid request parameter, ext=msg_type {msg_type}")
    if len(raw.encode()) > (_MOST_TEXT if msg_type == "text" else _MOST_CARD):
        raise RefusedError(230025, "The length of the message content reaches its limit.")
    try:
        content = json.loads(raw)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise RefusedError(
            230001, "Your request contains an invalid request parameter, ext=content is not a JSON object"
        )
    match msg_type:
        case "text":
            if set(content) != {"text"} or not isinstance(content["text"], str) or not content["text"]:
                raise RefusedError(230001, "Your request contains an invalid request parameter, ext=invalid text")
        case "post":
            _check_post(content)
        case _:
            if was_new_schema and content.get("schema") != "2.0":
                raise _card_refused(cards.CardError(cards.OTHER_SCHEMA, "not support to change schema from 2.0 to 1.0"))
            try:
                cards.check(content)
            except cards.CardError as error:
                raise _card_refused(error) from error
    return content


def _check_post(content: JsonObject) -> None:
    wrong = RefusedError(230001, "Your request contains an invalid request parameter, ext=invalid post content")
    if not content or not set(content) <= {"zh_cn", "en_us", "ja_jp"}:
        raise wrong
    for each in content.values():
        if not isinstance(each, dict) or not set(each) <= {"title", "content"} or not isinstance(each["content"], list):
            raise wrong
        for line in each["content"]:
            if not isinstance(line, list) or not all(isinstance(run, dict) for run in line):
                raise wrong
            if any(run.get("tag") not in _RUNS for run in line):
                raise wrong


def _card_refused(error: cards.CardError) -> RefusedError:
    return RefusedError(230099, f"Failed to create card content, ext={error}; ")


def _called(msg_type: str, content: JsonObject) -> tuple[tuple[str, ...], bool]:
    """Find whom a message calls: clients take `<at>` for what it says, wherever it came from."""
    words = list(cards.texts(content)) if msg_type == "interactive" else [json.dumps(content, ensure_ascii=False)]
    found = [each.replace("\\", "") for text in words for each in _AT.findall(text.replace('\\"', '"'))]
    return tuple(dict.fromkeys(each for each in found if each != "all")), "all" in found
