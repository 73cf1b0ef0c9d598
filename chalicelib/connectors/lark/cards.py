"""The door `cards`: somebody pressed a button. A toast says so at once, whatever the press turns out to be.

A press is not delivered again, and is shown as failed unless it is answered within three seconds; so the answer
comes from here, and the work is done by whoever the bell wakes.

Source: Feishu, "Card callback (card.action.trigger)", "Handle card callbacks".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from chalicelib.connectors.lark.envelope import Envelope, Members, child, identifier, is_of_company, unwrapped
from chalicelib.connectors.sealed import occurred, refused
from chalicelib.core.catalogue import Lang, say
from chalicelib.core.message import Delivery, HttpRequest, HttpResponse, Opened
from chalicelib.core.secret import Secret
from chalicelib.core.source import Source

PRESSED: Final = "card.action.trigger"
LONGEST_COMMAND: Final = 500

# What the toast says, by how the pressed command begins; others are looked up.
_DOING: Final[Mapping[str, tuple[str, str]]] = {
    "sync now": ("starting the sync…", "正在开始同步…"),
    "sync preview": ("making a preview…", "正在生成预览…"),
    "sync approve": ("approving…", "正在批准…"),
    "sync reject": ("refusing…", "正在拒绝…"),
    "sync cancel": ("cancelling…", "正在取消…"),
    "confirm": ("confirming…", "正在确认…"),
    "enable": ("enabling…", "正在启用…"),
    "disable": ("disabling…", "正在停用…"),
    "test": ("testing…", "正在检测…"),
}
_LOOKING: Final = ("looking it up…", "正在查询…")


class LarkCards:
    """The Callback port."""

    def open(self, request: HttpRequest, source: Source, secrets: Mapping[str, Secret], now: datetime) -> Opened:
        envelope = unwrapped(request, secrets, now)
        if isinstance(envelope, HttpResponse):
            return Opened(ack=envelope, delivery=None)
        if envelope.type != PRESSED:
            # Acknowledging events here would lose them in silence; refused, they come up in the console.
            raise refused()
        return pressed(envelope, source.uid, now)


def pressed(envelope: Envelope, source: str, now: datetime) -> Opened:
    """Answer a press, and keep it if the card is one of ours."""
    event = envelope.event
    value = _value(child(event, "action").get("value"))
    command, lang = value.get("command"), _lang(value.get("lang"))
    operator = child(event, "operator")
    sender = identifier(operator, "open_id")
    is_ours = isinstance(command, str) and 0 < len(command.strip()) <= LONGEST_COMMAND and command.isprintable()
    if not sender or not is_ours:
        told = {each: say("card is too old", each, {}) for each in Lang}
        return Opened(ack=_toast("warning", told, lang), delivery=None)
    context = child(event, "context")
    talk = {
        "sender": sender if is_of_company(envelope, operator) else "",
        "command": command,
        "lang": lang.value,
        "message_id": identifier(context, "open_message_id"),
        "chat_id": identifier(context, "open_chat_id"),
        # Where the card was meant for one person; it may have been forwarded since.
        "direct": identifier(value, "direct"),
    }
    delivery = Delivery(
        delivery_id=envelope.event_id,
        source=source,
        type=envelope.type,
        ids={},
        occurred_at=occurred([envelope.stamp], now),
        received_at=now,
        talk=json.dumps(talk, ensure_ascii=False, separators=(",", ":")),
        proven=envelope.is_signed,
    )
    return Opened(ack=_toast("info", _received(str(command)), lang), delivery=delivery)


def _value(told: object) -> Members:
    """Read what the button carries; it may come as an object, or as text that holds one."""
    if isinstance(told, str):
        try:
            told = json.loads(told)
        except (ValueError, RecursionError):
            return {}
    return told if isinstance(told, dict) else {}


def _lang(spoken: object) -> Lang:
    return Lang.ZH if spoken == Lang.ZH.value else Lang.EN


def _received(command: str) -> Mapping[Lang, str]:
    words = command.split()
    english, chinese = _DOING.get(" ".join(words[:2])) or _DOING.get(words[0]) or _LOOKING
    return {Lang.EN: f"Received: {english}", Lang.ZH: f"已收到：{chinese}"}


def _toast(type_: str, told: Mapping[Lang, str], lang: Lang) -> HttpResponse:
    toast = {"type": type_, "content": told[lang], "i18n": {"en_us": told[Lang.EN], "zh_cn": told[Lang.ZH]}}
    return HttpResponse(status=200, body=json.dumps({"toast": toast}))
