"""What is said in the chats of a workspace, whatever the vendor: who said what where, what was edited and pressed.

The vendors' folders decide what may be said and how it looks; here it is kept, and told to the window.
"""

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypeAlias

from infra.lab.clock import LabClock
from infra.lab.wire import JsonObject, LabError

Mood: TypeAlias = Literal["info", "success", "warning", "error"]

BOT_NAME = "Rollcall"
# What is shown of a chat, and of the toasts of a workspace.
_SHOWN, _TOASTS = 80, 200


@dataclass(slots=True, kw_only=True)
class Chat:
    """A group, or with `direct` the bot and one person; `people` are the vendor's ids, in the order they came."""

    chat_id: str
    direct: bool
    title: str
    people: dict[str, None]
    has_bot: bool = True


@dataclass(slots=True, kw_only=True)
class Post:
    """One message. `by` is a person's id, "" the bot's; `kind` and `content` are the vendor's own.

    `everyone` and `mentions` are whom it calls; `private` is what single persons see of it besides.
    """

    post_id: str
    chat_id: str
    by: str
    kind: str
    content: JsonObject
    at: datetime
    answers: str = ""
    in_thread: bool = False
    mentions: tuple[str, ...] = ()
    everyone: bool = False
    edits: int = 0
    edited_at: datetime | None = None
    private: dict[str, JsonObject] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Toast:
    """What flashes up for one person after a press; `code` is the client's own error, "" when the app answered."""

    serial: int
    person: str
    post_id: str
    mood: Mood
    text: str
    at: datetime
    code: str = ""


class Talking(Protocol):
    """What the window needs of a workspace that chats; persons by any of their ids, chats by id or title."""

    @property
    def talk(self) -> "Talk": ...

    def say(self, person: str, text: str, chat: str = "") -> str: ...

    def press(self, person: str, message: str, button: str) -> JsonObject: ...

    def name_of(self, person: str) -> str: ...


class Talk:
    """The chats of one workspace and what was said in them; used with the workspace's lock held.

    `version` grows with everything that a window would show differently.
    """

    def __init__(self, clock: LabClock) -> None:
        self.clock = clock
        self.chats: dict[str, Chat] = {}
        self.posts: dict[str, Post] = {}
        self.toasts: deque[Toast] = deque(maxlen=_TOASTS)
        self.version = 0
        self._toasted = 0

    def open(self, chat: Chat) -> Chat:
        self.chats[chat.chat_id] = chat
        self.version += 1
        return chat

    def direct(self, person: str) -> Chat | None:
        return next((chat for chat in self.chats.values() if chat.direct and person in chat.people), None)

    def chat(self, id_or_title: str) -> Chat:
        """Find a chat, for the lab's own verbs.

        Raises:
            LabError: there is none.
        """
        found = self.chats.get(id_or_title) or next(
            (each for each in self.chats.values() if not each.direct and each.title == id_or_title), None
        )
        if found is None:
            raise LabError(f"no such chat: {id_or_title}")
        return found

    def post(self, post_id: str) -> Post:
        """
        Raises:
            LabError: there is no such message.
        """
        if post_id not in self.posts:
            raise LabError(f"no such message: {post_id}")
        return self.posts[post_id]

    def add(self, post: Post) -> Post:
        self.posts[post.post_id] = post
        self.version += 1
        return post

    def edit(self, post: Post, content: JsonObject) -> None:
        post.content, post.edits, post.edited_at = content, post.edits + 1, self.clock.now()
        self.version += 1

    def touch(self) -> None:
        self.version += 1

    def toast(self, person: str, post_id: str, mood: Mood, text: str, code: str = "") -> JsonObject:
        """Flash a text up for a person; tells it as the verb `press` answers it."""
        self._toasted += 1
        now = self.clock.now()
        toast = Toast(serial=self._toasted, person=person, post_id=post_id, mood=mood, text=text, at=now, code=code)
        self.toasts.append(toast)
        self.version += 1
        return _toast(toast)

    def in_chat(self, chat_id: str) -> list[Post]:
        return [post for post in self.posts.values() if post.chat_id == chat_id]

    def listing(self, chat: str = "") -> list[JsonObject]:
        """Tell what was said, in one chat or in all, oldest first."""
        wanted = self.chat(chat).chat_id if chat else ""
        return [_post(each) for each in self.posts.values() if not wanted or each.chat_id == wanted]

    def toasted(self) -> list[JsonObject]:
        return [_toast(each) for each in self.toasts]

    def shown(self) -> JsonObject:
        """Tell everything that a window shows."""
        posts = {chat_id: [_post(each) for each in self.in_chat(chat_id)[-_SHOWN:]] for chat_id in self.chats}
        return {
            "chats": [chat_json(chat) | {"posts": posts[chat.chat_id]} for chat in self.chats.values()],
            "toasts": self.toasted(),
        }


def chat_json(chat: Chat) -> JsonObject:
    return {
        "chat": chat.chat_id,
        "direct": chat.direct,
        "title": chat.title,
        "people": list(chat.people),
        "bot": chat.has_bot,
    }


def mentioned(text: str, names: Iterable[str]) -> list[str]:
    """Find who is called with `@name` in a text, in the order of the text; the longest name that fits counts."""
    wanted = sorted((each for each in names if each), key=len, reverse=True)
    if not wanted:
        return []
    return re.findall("@(" + "|".join(re.escape(each) for each in wanted) + ")", text)


def number_of(button: str, labels: list[str]) -> int:
    """Find a button by its label, or by its number from 0.

    Raises:
        LabError: there is no such button, or several.
    """
    if button.isascii() and button.isdigit() and int(button) < len(labels):
        return int(button)
    if labels.count(button) != 1:
        raise LabError(f"no such button, or several: {button!r}; there are {labels}")
    return labels.index(button)


def within(moment: datetime, now: datetime, days: int) -> bool:
    return now - moment <= timedelta(days=days)


def _post(post: Post) -> JsonObject:
    return {
        "message": post.post_id,
        "chat": post.chat_id,
        "by": post.by,
        "kind": post.kind,
        "content": post.content,
        "at": post.at.isoformat(),
        "answers": post.answers,
        "in_thread": post.in_thread,
        "mentions": list(post.mentions),
        "everyone": post.everyone,
        "edits": post.edits,
        "edited_at": post.edited_at.isoformat() if post.edited_at else None,
        "private": dict(post.private),
    }


def _toast(toast: Toast) -> JsonObject:
    return {
        "toast": toast.serial,
        "person": toast.person,
        "message": toast.post_id,
        "mood": toast.mood,
        "text": toast.text,
        "at": toast.at.isoformat(),
        "code": toast.code,
    }
