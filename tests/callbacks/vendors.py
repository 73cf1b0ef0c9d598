"""The vendors' side of the door: making what they push, by their own documents, without a line of ours.

Every part of a push can be made wrong: that is what forgers do.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlencode

from Crypto.Cipher import AES

from chalicelib.core.message import HttpRequest

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, kw_only=True)
class Push:
    """A request to a door."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": JSON})
    query: Mapping[str, str] = field(default_factory=dict)

    def with_headers(self, **headers: str) -> Push:
        return replace(
            self, headers={**self.headers, **{name.replace("_", "-"): each for name, each in headers.items()}}
        )

    def with_query(self, **query: str) -> Push:
        return replace(self, query={**self.query, **query})

    def without(self, name: str) -> Push:
        return replace(
            self,
            headers={each: value for each, value in self.headers.items() if each.lower() != name},
            query={each: value for each, value in self.query.items() if each != name},
        )

    @property
    def request(self) -> HttpRequest:
        headers = {name.lower(): value for name, value in self.headers.items()}
        return HttpRequest(method="POST", path="/", headers=headers, query=self.query, body=self.body)

    @property
    def search(self) -> str:
        return f"?{urlencode(self.query, errors='surrogatepass')}" if self.query else ""


def padded(plain: bytes, block: int) -> bytes:
    size = block - len(plain) % block
    return plain + bytes([size]) * size


def aes(plain: bytes, key: bytes, iv: bytes) -> bytes:
    return AES.new(key, AES.MODE_CBC, iv).encrypt(plain)


@dataclass(frozen=True, kw_only=True)
class Lark:
    """An app of Lark as its console shows it. Without an `encrypt_key` it signs and encrypts nothing."""

    encrypt_key: str = "rollcall-encrypt-key"
    token: str = "v-token-Rollcall-0123456789"

    @property
    def key(self) -> bytes:
        return hashlib.sha256(self.encrypt_key.encode("utf-8", "surrogatepass")).digest()

    def event(self, event_id: str, type_: str, event: object, *, create_time: object = "1721980800000") -> bytes:
        header = {"event_id": event_id, "event_type": type_, "create_time": create_time, "token": self.token}
        return json.dumps({"schema": "2.0", "header": header, "event": event}).encode()

    def challenge(self, challenge: object = "ajls384kdjx98XX") -> bytes:
        return json.dumps({"challenge": challenge, "token": self.token, "type": "url_verification"}).encode()

    def seal(self, text: bytes) -> str:
        iv = os.urandom(16)
        return base64.b64encode(iv + aes(padded(text, 16), self.key, iv)).decode()

    def unsigned(self, text: bytes) -> Push:
        return Push(body=json.dumps({"encrypt": self.seal(text)}).encode() if self.encrypt_key else text)

    def push(self, text: bytes, now: datetime) -> Push:
        return self.signed(self.unsigned(text).body, str(int(now.timestamp()))) if self.encrypt_key else Push(body=text)

    def signed(self, body: bytes, timestamp: str, nonce: str = "nonce-1") -> Push:
        text = (timestamp + nonce + self.encrypt_key).encode("utf-8", "surrogatepass") + body
        return Push(body=body).with_headers(
            X_Lark_Request_Timestamp=timestamp,
            X_Lark_Request_Nonce=nonce,
            X_Lark_Signature=hashlib.sha256(text).hexdigest(),
        )


@dataclass(frozen=True, kw_only=True)
class DingTalk:
    """A subscription of DingTalk's console."""

    aes_key: str = "8hLRWymFVEA9LKXWKKmXZWWm5HPa6EeFUJFOrNXA6Wh"
    token: str = "rollcallToken1"
    owner: str = "dingabcdefghij123456"

    @property
    def key(self) -> bytes:
        return base64.b64decode(self.aes_key + "=")

    def framed(self, text: bytes) -> bytes:
        return os.urandom(16) + len(text).to_bytes(4, "big") + text + self.owner.encode()

    def seal(self, text: bytes) -> str:
        return base64.b64encode(aes(padded(self.framed(text), 32), self.key, self.key[:16])).decode()

    def push(self, text: bytes, now: datetime) -> Push:
        return self.signed(self.seal(text), str(int(now.timestamp() * 1000)))

    def signed(self, encrypt: str, timestamp: str, nonce: str = "xrqigeO0") -> Push:
        signature = self.sign(timestamp, nonce, encrypt)
        query = {"signature": signature, "msg_signature": signature, "timestamp": timestamp, "nonce": nonce}
        return Push(body=json.dumps({"encrypt": encrypt}).encode(), query=query)

    def sign(self, timestamp: str, nonce: str, encrypt: str) -> str:
        text = "".join(sorted([self.token, timestamp, nonce, encrypt]))
        return hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()

    def read(self, answer: str) -> tuple[str, str]:
        """Read an answer as DingTalk does: its text and owner key."""
        members = json.loads(answer)
        assert members.keys() == {"msg_signature", "timeStamp", "nonce", "encrypt"}
        assert all(isinstance(each, str) for each in members.values())
        assert members["msg_signature"] == self.sign(members["timeStamp"], members["nonce"], members["encrypt"])
        plain = AES.new(self.key, AES.MODE_CBC, self.key[:16]).decrypt(base64.b64decode(members["encrypt"]))
        assert len(plain) % 32 == 0
        plain = plain[: -plain[-1]]
        length = int.from_bytes(plain[16:20], "big")
        return plain[20 : 20 + length].decode(), plain[20 + length :].decode()
