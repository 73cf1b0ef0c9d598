"""Opens what Lark pushes to the door `events`.

With an Encrypt Key everything is encrypted, and events are signed; without one only the verification token, which
stands in each body, protects. The check of a new URL is not signed, whatever is configured: its token proves it, it is
answered, and nothing else passes that way.

Source: Feishu, "Configure Encrypt Key", "Receive events".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from chalicelib.connectors.sealed import (
    is_fresh,
    is_id,
    is_type,
    members,
    occurred,
    octets,
    refused,
    revealed,
    same,
    unseal,
)
from chalicelib.core.message import Delivery, HttpRequest, HttpResponse, Opened
from chalicelib.core.secret import Secret
from chalicelib.core.source import Source

TIMESTAMP: Final = "x-lark-request-timestamp"
NONCE: Final = "x-lark-request-nonce"
SIGNATURE: Final = "x-lark-signature"
# A challenge is a few hundred bytes; what is unsigned and longer need not be decrypted.
LARGEST_UNSIGNED_BYTES: Final = 4096

_CHALLENGE: Final = "url_verification"
_USER_IDS: Final = ("union_id", "open_id", "user_id")
_LEGACY_USERS: Final = ("user_add", "user_update", "user_leave", "user_status_change")
_LEGACY_DEPARTMENTS: Final = ("dept_add", "dept_update", "dept_delete")

Members = Mapping[str, object]


class LarkCallback:
    """The Callback port."""

    def open(self, request: HttpRequest, source: Source, secrets: Mapping[str, Secret], now: datetime) -> Opened:
        key, token = revealed(secrets, "encrypt_key"), revealed(secrets, "verification_token")
        is_proven = not key or _is_signed(request, key, now)
        if not is_proven and len(request.body) > LARGEST_UNSIGNED_BYTES:
            raise refused()
        message = members(request.body)
        if key:
            message = members(unseal(message.get("encrypt"), hashlib.sha256(octets(key)).digest()))
        if message.get("type") == _CHALLENGE:
            return Opened(ack=_answer(message, token), delivery=None)
        if not is_proven:
            raise refused()
        return Opened(ack=HttpResponse(status=200, body="{}"), delivery=_delivery(message, token, source.uid, now))


def _is_signed(request: HttpRequest, key: str, now: datetime) -> bool:
    timestamp, nonce, signature = (request.headers.get(name, "") for name in (TIMESTAMP, NONCE, SIGNATURE))
    signed = octets(timestamp + nonce + key) + request.body
    return same(hashlib.sha256(signed).hexdigest(), signature) and is_fresh(timestamp, now)


def _answer(message: Members, token: str) -> HttpResponse:
    challenge = message.get("challenge")
    if not same(token, message.get("token")) or not isinstance(challenge, str):
        raise refused()
    return HttpResponse(status=200, body=json.dumps({"challenge": challenge}))


def _delivery(message: Members, token: str, source: str, now: datetime) -> Delivery:
    """Read the 2.0 or the 1.0 schema."""
    event = _child(message, "event")
    if "schema" in message:
        header = _child(message, "header")
        told, delivery_id, type_ = header.get("token"), header.get("event_id"), header.get("event_type")
        stamp = header.get("create_time")
    else:
        told, delivery_id, type_ = message.get("token"), message.get("uuid"), event.get("type")
        stamp = message.get("ts")
    if not same(token, told) or not is_id(delivery_id) or not is_type(type_):
        raise refused()
    return Delivery(
        delivery_id=delivery_id,
        source=source,
        type=type_,
        ids=_ids(type_, event),
        occurred_at=occurred([stamp], now),
        received_at=now,
    )


def _ids(type_: str, event: Members) -> Mapping[str, tuple[str, ...]]:
    """Take the ids of whom or what it is about, and nothing else; of other events nothing at all."""
    if type_.startswith("contact.user."):
        return _named(_child(event, "object"), _USER_IDS)
    if type_.startswith("contact.department."):
        return _named(_child(event, "object"), ("open_department_id",))
    if type_ in _LEGACY_USERS:
        return _named({**event, "user_id": event.get("employee_id")}, _USER_IDS)
    if type_ in _LEGACY_DEPARTMENTS:
        # The one at the top is deprecated.
        told = _child(event, "department").get("open_id") or event.get("open_department_id")
        return _named({"open_department_id": told}, ("open_department_id",))
    return {}


def _named(holder: Members, names: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    return {name: (value,) for name in names if is_id(value := holder.get(name))}


def _child(message: Members, name: str) -> Members:
    value = message.get(name)
    return value if isinstance(value, dict) else {}
