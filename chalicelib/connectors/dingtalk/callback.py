"""Opens what DingTalk pushes to the door `events`.

Everything is encrypted and signed, the checks of the URL too, and the answer must be as well. The signature covers the
encrypted text, not the body, so the envelope around it is read first.

Source: DingTalk, "Event subscription: HTTP push", "Encrypting and decrypting callbacks".
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets as random_text
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from chalicelib.connectors.sealed import (
    AES_BLOCK,
    is_fresh,
    is_id,
    is_type,
    members,
    occurred,
    octets,
    refused,
    revealed,
    same,
    seal,
    unseal,
)
from chalicelib.core.message import Delivery, HttpRequest, HttpResponse, Opened
from chalicelib.core.secret import Secret
from chalicelib.core.source import Source

PADDED_TO: Final = 32
CHECKS: Final = ("check_url", "check_create_suite_url", "check_update_suite_url")

_AES_KEY = re.compile(r"[A-Za-z0-9+/]{43}")
_LENGTH_BYTES: Final = 4
_ABOUT_CONTACTS: Final = ("user_", "org_", "label_")

Members = Mapping[str, object]


class DingTalkCallback:
    """The Callback port."""

    def open(self, request: HttpRequest, source: Source, secrets: Mapping[str, Secret], now: datetime) -> Opened:
        token, key = revealed(secrets, "token"), _key(revealed(secrets, "aes_key"))
        query = request.query
        timestamp = query.get("timestamp") or query.get("timeStamp") or ""
        encrypt = members(request.body).get("encrypt")
        if not token or not isinstance(encrypt, str) or not is_fresh(timestamp, now):
            raise refused()
        signature = query.get("msg_signature") or query.get("signature")
        if not same(sign(token, timestamp, query.get("nonce", ""), encrypt), signature):
            raise refused()
        text, owner = _opened(unseal(encrypt, key, iv=key[:AES_BLOCK], block=PADDED_TO))
        # Console subscriptions are of the AppKey, those of the old API of the CorpId. Both occur.
        if not any(same(source.settings.get(name, ""), owner) for name in ("app_key", "corp_id")):
            raise refused()
        delivery = _delivery(text, source.uid, now)
        return Opened(ack=_success(token, key, owner, now), delivery=None if delivery.type in CHECKS else delivery)


def sign(token: str, timestamp: str, nonce: str, encrypt: str) -> str:
    joined = "".join(sorted((token, timestamp, nonce, encrypt)))
    return hashlib.sha1(octets(joined), usedforsecurity=False).hexdigest()


def _key(aes_key: str) -> bytes:
    """Decode the 43 characters of the console; the last of them carries two bits too many."""
    if not _AES_KEY.fullmatch(aes_key):
        raise refused()
    return base64.b64decode(aes_key + "=")


def _opened(plain: bytes) -> tuple[bytes, str]:
    """Part text and owner key: 16 random bytes, the text's length in bytes, the text, the owner key."""
    begins = AES_BLOCK + _LENGTH_BYTES
    ends = begins + int.from_bytes(plain[AES_BLOCK:begins], "big")
    return plain[begins:ends], plain[ends:].decode(errors="replace")


def _success(token: str, key: bytes, owner: str, now: datetime) -> HttpResponse:
    """Answer in the only way that counts: encrypted, for the owner key that was received."""
    text = b"success"
    plain = random_text.token_bytes(AES_BLOCK) + len(text).to_bytes(_LENGTH_BYTES, "big") + text + octets(owner)
    encrypt = seal(plain, key, iv=key[:AES_BLOCK], block=PADDED_TO)
    timestamp, nonce = str(int(now.timestamp() * 1000)), random_text.token_hex(8)
    signature = sign(token, timestamp, nonce, encrypt)
    answer = {"msg_signature": signature, "timeStamp": timestamp, "nonce": nonce, "encrypt": encrypt}
    return HttpResponse(status=200, body=json.dumps(answer))


def _delivery(text: bytes, source: str, now: datetime) -> Delivery:
    """Read either spelling of an event; names are matched without regard to case."""
    event = {name.lower(): value for name, value in members(text).items()}
    type_, event_id = event.get("eventtype"), event.get("eventid")
    if not is_type(type_):
        raise refused()
    type_ = type_.lower()
    return Delivery(
        delivery_id=event_id if is_id(event_id) else hashlib.sha256(text).hexdigest(),
        source=source,
        type=type_,
        ids=_ids(event) if type_.startswith(_ABOUT_CONTACTS) else {},
        occurred_at=occurred([event.get("eventtime"), event.get("timestamp")], now),
        received_at=now,
    )


def _ids(event: Members) -> Mapping[str, tuple[str, ...]]:
    found = {
        "userid": (*_texts(event.get("userid")), *_texts(event.get("useridlist"))),
        "dept_id": tuple(_texts(event.get("deptid"))),
    }
    return {name: ids for name, ids in found.items() if ids}


def _texts(value: object) -> Iterator[str]:
    """Read ids: one or a list, texts or numbers of up to 19 digits."""
    for each in value if isinstance(value, list) else [value]:
        number = str(each) if isinstance(each, int) and not isinstance(each, bool) else each
        if is_id(number):
            yield number
