"""The door `events`: changes of contacts, and what people say to the bot.

Of contacts only ids and times are kept. Of what is said, what its reader needs and no more: a message that no person
wrote, or that mentions nobody in a group, is acknowledged and forgotten.

A card that is pressed belongs to the door `cards`, but the console takes one URL for both: then it is heard here too.

Source: Feishu contact v3, the pages of events; im v1 "Receive message", "Bot entered"; "Bot custom menu event".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from chalicelib.connectors.lark.cards import PRESSED, pressed
from chalicelib.connectors.lark.envelope import Envelope, Members, child, identifier, is_of_company, unwrapped
from chalicelib.connectors.sealed import is_id, occurred
from chalicelib.core.message import Delivery, HttpRequest, HttpResponse, Opened
from chalicelib.core.secret import Secret
from chalicelib.core.source import Source

MESSAGE: Final = "im.message.receive_v1"
MENU: Final = "application.bot.menu_v6"
ENTERED: Final = "im.chat.access_event.bot_p2p_chat_entered_v1"

# A command is short. What is longer is no command, and its words are not kept.
LARGEST_CONTENT_BYTES: Final = 8 * 1024
MOST_MENTIONS: Final = 20
LONGEST_NAME: Final = 100
LONGEST_EVENT_KEY: Final = 64

_READABLE: Final = ("text", "post")
_USER_IDS: Final = ("union_id", "open_id", "user_id")
_LEGACY_USERS: Final = ("user_add", "user_update", "user_leave", "user_status_change")
_LEGACY_DEPARTMENTS: Final = ("dept_add", "dept_update", "dept_delete")


class LarkCallback:
    """The Callback port."""

    def open(self, request: HttpRequest, source: Source, secrets: Mapping[str, Secret], now: datetime) -> Opened:
        envelope = unwrapped(request, secrets, now)
        if isinstance(envelope, HttpResponse):
            return Opened(ack=envelope, delivery=None)
        if envelope.type == PRESSED:
            return pressed(envelope, source.uid, now)
        return Opened(ack=HttpResponse(status=200, body="{}"), delivery=_delivery(envelope, source.uid, now))


def _delivery(envelope: Envelope, source: str, now: datetime) -> Delivery | None:
    delivery_id, talk = envelope.event_id, ""
    if envelope.type in (MESSAGE, MENU, ENTERED):
        said = _said(envelope)
        if said is None:
            return None
        # A message comes again under another event id; the vendor advises to know it by its own.
        delivery_id = str(said.get("message_id") or envelope.event_id)
        talk = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    return Delivery(
        delivery_id=delivery_id,
        source=source,
        type=envelope.type,
        ids=_ids(envelope.type, envelope.event),
        occurred_at=occurred([envelope.stamp], now),
        received_at=now,
        talk=talk,
        proven=envelope.is_signed,
    )


def _said(envelope: Envelope) -> Mapping[str, object] | None:
    """Take what a reader needs; None when no person said it, or not to the bot."""
    event = envelope.event
    if envelope.type == MESSAGE:
        return _message(envelope)
    if envelope.type == MENU:
        sender, key = identifier(child(child(event, "operator"), "operator_id"), "open_id"), event.get("event_key")
        is_key = isinstance(key, str) and 0 < len(key) <= LONGEST_EVENT_KEY and key.isprintable()
        return {"sender": sender, "event_key": key} if sender and is_key else None
    sender, chat = identifier(child(event, "operator_id"), "open_id"), identifier(event, "chat_id")
    # It comes whenever somebody opens the chat; who has talked there before need not be greeted.
    return {"sender": sender, "chat_id": chat} if sender and chat and not event.get("last_message_id") else None


def _message(envelope: Envelope) -> Mapping[str, object] | None:
    sender, message = child(envelope.event, "sender"), child(envelope.event, "message")
    message_id, chat_id = identifier(message, "message_id"), identifier(message, "chat_id")
    is_direct = message.get("chat_type") == "p2p"
    mentions = _mentions(message.get("mentions"))
    if sender.get("sender_type") != "user" or not message_id or not chat_id or not (is_direct or mentions):
        return None
    content, type_ = message.get("content"), message.get("message_type")
    is_text = type_ in _READABLE and isinstance(content, str)
    # Half a surrogate pair has no encoding; what holds one is no command.
    is_kept = is_text and _encodable(content) == content and len(_encodable(content).encode()) <= LARGEST_CONTENT_BYTES
    return {
        "message_id": message_id,
        "chat_id": chat_id,
        "direct": is_direct,
        "sender": identifier(child(sender, "sender_id"), "open_id") if is_of_company(envelope, sender) else "",
        "type": type_ if is_kept else "",
        "content": content if is_kept else "",
        "mentions": mentions,
    }


def _mentions(told: object) -> Sequence[Mapping[str, str]]:
    rows = [row for row in told if isinstance(row, dict)] if isinstance(told, list) else []
    return [
        {
            "key": str(row.get("key"))[:LONGEST_NAME],
            "id": identifier(child(row, "id"), "open_id"),
            "name": _encodable(row.get("name"))[:LONGEST_NAME],
            "type": _encodable(row.get("mentioned_type"))[:LONGEST_NAME],
        }
        for row in rows[:MOST_MENTIONS]
        if is_id(row.get("key"))
    ]


def _encodable(text: object) -> str:
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else ""


def _ids(type_: str, event: Members) -> Mapping[str, tuple[str, ...]]:
    """Take the ids of whom or what it is about, and nothing else; of other events nothing at all."""
    if type_.startswith("contact.user."):
        return _named(child(event, "object"), _USER_IDS)
    if type_.startswith("contact.department."):
        return _named(child(event, "object"), ("open_department_id",))
    if type_ in _LEGACY_USERS:
        return _named({**event, "user_id": event.get("employee_id")}, _USER_IDS)
    if type_ in _LEGACY_DEPARTMENTS:
        # The one at the top is deprecated.
        told = child(event, "department").get("open_id") or event.get("open_department_id")
        return _named({"open_department_id": told}, ("open_department_id",))
    return {}


def _named(holder: Members, names: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    return {name: (value,) for name in names if is_id(value := holder.get(name))}
