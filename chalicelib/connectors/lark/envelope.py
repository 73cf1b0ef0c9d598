"""What everything that Lark pushes comes in: verified first, then decrypted, then read.

With an Encrypt Key everything is encrypted, and all but the check of a new URL is signed; without one only the
verification token, which stands in each body, protects. The check of a URL is proven by its token, answered, and
nothing else passes that way.

Source: Feishu, "Configure Encrypt Key", "Receive events", "Receive callbacks".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chalicelib.connectors.sealed import is_fresh, is_id, is_type, members, octets, refused, revealed, same, unseal
from chalicelib.core.message import HttpRequest, HttpResponse
from chalicelib.core.secret import Secret

TIMESTAMP: Final = "x-lark-request-timestamp"
NONCE: Final = "x-lark-request-nonce"
SIGNATURE: Final = "x-lark-signature"
# A challenge is a few hundred bytes; what is unsigned and longer need not be decrypted.
LARGEST_UNSIGNED_BYTES: Final = 4096

_CHALLENGE: Final = "url_verification"

Members = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A proven event or callback. `tenant` is the company that it comes from, "" where it does not say.

    `is_signed`: there is an Encrypt Key, and its signature covers all of this; else only the token vouches for it.
    """

    type: str
    event_id: str
    stamp: object
    tenant: str
    event: Members
    is_signed: bool


def unwrapped(request: HttpRequest, secrets: Mapping[str, Secret], now: datetime) -> Envelope | HttpResponse:
    """Open what was pushed; of the check of a URL only the answer comes out.

    Raises:
        SignatureError: it is not proven to come from Lark, whatever is wrong with it.
    """
    key, token = revealed(secrets, "encrypt_key"), revealed(secrets, "verification_token")
    is_proven = not key or _is_signed(request, key, now)
    if not is_proven and len(request.body) > LARGEST_UNSIGNED_BYTES:
        raise refused()
    message = members(request.body)
    if key:
        message = members(unseal(message.get("encrypt"), hashlib.sha256(octets(key)).digest()))
    if message.get("type") == _CHALLENGE:
        return _answer(message, token)
    if not is_proven:
        raise refused()
    return _read(message, token, is_signed=bool(key))


def child(message: Members, name: str) -> Members:
    value = message.get(name)
    return value if isinstance(value, dict) else {}


def identifier(message: Members, name: str) -> str:
    """Read an id; "" where there is none."""
    value = message.get(name)
    return value if is_id(value) else ""


def is_of_company(envelope: Envelope, person: Members) -> bool:
    """Tell whether somebody is of the company that the app is installed in, as far as both are told.

    Somebody of another company has an id here too, but is nobody to the directory.
    """
    home = identifier(person, "tenant_key")
    return not home or not envelope.tenant or home == envelope.tenant


def _is_signed(request: HttpRequest, key: str, now: datetime) -> bool:
    timestamp, nonce, signature = (request.headers.get(name, "") for name in (TIMESTAMP, NONCE, SIGNATURE))
    signed = octets(timestamp + nonce + key) + request.body
    return same(hashlib.sha256(signed).hexdigest(), signature) and is_fresh(timestamp, now)


def _answer(message: Members, token: str) -> HttpResponse:
    challenge = message.get("challenge")
    if not same(token, message.get("token")) or not isinstance(challenge, str):
        raise refused()
    return HttpResponse(status=200, body=json.dumps({"challenge": challenge}))


def _read(message: Members, token: str, *, is_signed: bool) -> Envelope:
    """Read the 2.0 or the 1.0 schema."""
    event = child(message, "event")
    if "schema" in message:
        head = child(message, "header")
        told, event_id, type_, stamp = (head.get(name) for name in ("token", "event_id", "event_type", "create_time"))
        tenant = identifier(head, "tenant_key")
    else:
        told, event_id, type_, stamp = message.get("token"), message.get("uuid"), event.get("type"), message.get("ts")
        tenant = identifier(event, "tenant_key")
    if not same(token, told) or not is_id(event_id) or not is_type(type_):
        raise refused()
    return Envelope(type=type_, event_id=event_id, stamp=stamp, tenant=tenant, event=event, is_signed=is_signed)
