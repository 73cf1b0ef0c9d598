"""What people say and press, as the vendors push it to the doors of chat: by their documents, with no line of ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from tests.callbacks.vendors import Lark, Push

DINGTALK_CARD_SECRET: Final = "card-secret-1"


def lark_message(
    lark: Lark, now: datetime, message_id: str, text: str, *, sender: str = "ou_ann", event_id: str | None = None
) -> Push:
    """Somebody writes to the bot alone. A message that comes again has another event id."""
    event = {
        "sender": {
            "sender_id": {"union_id": "on_ann", "user_id": "e33ggbyz", "open_id": sender},
            "sender_type": "user",
            "tenant_key": "736588c9260f175e",
        },
        "message": {
            "message_id": message_id,
            "create_time": str(int(now.timestamp() * 1000)),
            "chat_id": "oc_5ce6d572455d361153b7xx51da133945",
            "chat_type": "p2p",
            "message_type": "text",
            "content": json.dumps({"text": text}),
        },
    }
    return lark.push(lark.event(event_id or f"event-{message_id}", "im.message.receive_v1", event), now)


def lark_press(lark: Lark, now: datetime, event_id: str, command: str, *, sender: str = "ou_ann") -> Push:
    """Somebody presses a button of a card that the bot posted."""
    event = {
        "operator": {"tenant_key": "736588c9260f175e", "user_id": "e33ggbyz", "open_id": sender, "union_id": "on_ann"},
        "token": "c-295ee57216a5dc9de90fefd0aadb4b1d7dxxxx",
        "action": {"value": {"command": command, "lang": "en", "direct": sender}, "tag": "button"},
        "host": "im_message",
        "context": {"open_message_id": "om_card", "open_chat_id": "oc_5ce6d572455d361153b7xx51da133945"},
    }
    return lark.push(lark.event(event_id, "card.action.trigger", event), now)


def dingtalk_message(
    secret: str, now: datetime, message_id: str, text: str, *, corp: str, sender: str = "ann", later_ms: int = 0
) -> Push:
    """Somebody writes to the robot alone; the signature covers the time only."""
    body = {
        "conversationId": "cidxxxx==",
        "conversationType": "1",
        "msgId": message_id,
        "msgtype": "text",
        "text": {"content": text},
        "senderNick": "张三丰",
        "senderStaffId": sender,
        "senderCorpId": corp,
        "chatbotCorpId": corp,
        "isAdmin": True,
        "createAt": int(now.timestamp() * 1000),
        "sessionWebhook": "https://oapi.dingtalk.com/robot/sendBySession?session=secret0session",
        "sessionWebhookExpiredTime": int((now + timedelta(hours=1)).timestamp() * 1000),
        "robotCode": "dingabcdefghij123456",
    }
    stamp = str(int(now.timestamp() * 1000) + later_ms)
    return Push(body=json.dumps(body).encode(), headers=_signed(secret, stamp))


def dingtalk_press(now: datetime, command: str, *, corp: str, sender: str = "ann", track: str = "rc-en-1") -> Push:
    params = {"cardPrivateData": {"actionIds": ["a"], "params": {"command": command}}}
    body = {
        "type": "actionCallback",
        "outTrackId": track,
        "corpId": corp,
        "userId": sender,
        "content": json.dumps(params),
    }
    stamp = str(int(now.timestamp() * 1000))
    mac = hmac.new(DINGTALK_CARD_SECRET.encode(), stamp.encode(), hashlib.sha256).digest()
    headers = {
        "Content-Type": "application/json",
        "x-ddpaas-signature-timestamp": stamp,
        "x-ddpaas-signature": base64.b64encode(mac).decode(),
    }
    return Push(body=json.dumps(body).encode(), headers=headers)


def _signed(secret: str, stamp: str) -> Mapping[str, str]:
    mac = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
    return {"Content-Type": "application/json", "timestamp": stamp, "sign": base64.b64encode(mac).decode()}
