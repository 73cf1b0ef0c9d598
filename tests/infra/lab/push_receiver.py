"""Apps that vendors push to, opened with another library than the lab's, so that neither can be wrong alone."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from infra.lab.clock import ManualLabClock
from infra.lab.wire import Answer

URL = "https://rollcall.example/events/1?keep=me"
LARK_KEY, LARK_TOKEN = "the encrypt key 密钥", "v-token"
AES_KEY, DING_TOKEN = "8hLRWymFVEA9LKXWKKmXZWWm5HPa6EeFUJFOrNXA6Wh", "rollcallToken1"


@dataclass
class Receiver:
    """Answers well unless `moods` (one for each event, not for checks) says otherwise; sleeps `slow_s` first."""

    clock: ManualLabClock
    moods: list[Answer | Exception] = field(default_factory=list)
    slow_s: float = 0.0
    texts: list[str] = field(default_factory=list)
    sent: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    checks: list[Any] = field(default_factory=list)
    when: list[float] = field(default_factory=list)
    on_event: Callable[[Any], object] = lambda document: None

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self.sent.append((url, headers, body))
        text, is_check = self.opened(url, headers, body)
        self.clock.sleep(self.slow_s)
        if is_check:
            self.checks.append(json.loads(text))
            return self.answer(text)
        self.texts.append(text)
        self.when.append(self.clock.now().timestamp())
        self.on_event(json.loads(text))
        if self.moods:
            mood = self.moods.pop(0)
            if isinstance(mood, Exception):
                raise mood
            return mood
        return self.answer(text)

    @property
    def events(self) -> list[Any]:
        return [json.loads(text) for text in self.texts]

    def opened(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[str, bool]:
        raise NotImplementedError

    def answer(self, text: str) -> Answer:
        raise NotImplementedError


@dataclass
class LarkReceiver(Receiver):
    key: str = LARK_KEY
    echo: Callable[[str], str] = lambda challenge: challenge

    @property
    def kinds(self) -> list[str]:
        return [each["header"]["event_type"] for each in self.events]

    def opened(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[str, bool]:
        assert url == URL
        document = json.loads(body)
        if not self.key:
            assert not any(name.lower().startswith("x-lark") for name in headers)
            return body.decode(), document.get("type") == "url_verification"
        text = lark_decrypt(document["encrypt"], self.key)
        is_check = json.loads(text).get("type") == "url_verification"
        if not is_check:
            signed = headers["X-Lark-Request-Timestamp"] + headers["X-Lark-Request-Nonce"] + self.key
            assert headers["X-Lark-Signature"] == hashlib.sha256(signed.encode() + body).hexdigest()
        return text, is_check

    def answer(self, text: str) -> Answer:
        document = json.loads(text)
        if document.get("type") == "url_verification":
            return Answer(200, {}, json.dumps({"challenge": self.echo(document["challenge"])}).encode())
        return Answer(200, {}, b"whatever")


@dataclass
class DingTalkReceiver(Receiver):
    owner: str = ""
    reply: str = "success"
    spoil: Callable[[dict[str, Any]], object] = lambda reply: None

    @property
    def kinds(self) -> list[str]:
        return [each["EventType"] for each in self.events]

    def opened(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[str, bool]:
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert query.pop("keep") == "me"
        sealed = json.loads(body)["encrypt"]
        signature = query.get("msg_signature") or query["signature"]
        timestamp = query.get("timestamp") or query["timeStamp"]
        assert signature == ding_sign(DING_TOKEN, timestamp, query["nonce"], sealed)
        _, text, owner = ding_decrypt(sealed, AES_KEY)
        self.owner = self.owner or owner
        assert owner == self.owner
        return text, text == '{"EventType":"check_url"}'

    def answer(self, text: str) -> Answer:
        sealed = ding_encrypt(self.reply, AES_KEY, self.owner)
        reply: dict[str, Any] = {
            "msg_signature": ding_sign(DING_TOKEN, "1783610513", "nonce1", sealed),
            "timeStamp": "1783610513",
            "nonce": "nonce1",
            "encrypt": sealed,
        }
        self.spoil(reply)
        return Answer(200, {}, json.dumps(reply).encode())


REFUSED = Answer(500, {}, b"")
TIMED_OUT = httpx.ReadTimeout("too slow")


def lark_decrypt(sealed: str, key: str) -> str:
    secret = base64.b64decode(sealed)
    plain = _aes(hashlib.sha256(key.encode()).digest(), secret[:16], secret[16:])
    assert 1 <= plain[-1] <= 16
    return plain[: -plain[-1]].decode()


def ding_decrypt(sealed: str, aes_key: str) -> tuple[bytes, str, str]:
    """Open a text: the random bytes before it, the text, the owner key behind it."""
    key = base64.b64decode(aes_key + "=")
    plain = _aes(key, key[:16], base64.b64decode(sealed))
    assert 1 <= plain[-1] <= 32
    assert len(plain) % 32 == 0
    plain, end = plain[: -plain[-1]], 20 + int.from_bytes(plain[16:20], "big")
    return plain[:16], plain[20:end].decode(), plain[end:].decode()


def ding_encrypt(text: str, aes_key: str, owner: str) -> str:
    key = base64.b64decode(aes_key + "=")
    plain = b"r" * 16 + len(text.encode()).to_bytes(4, "big") + text.encode() + owner.encode()
    count = 32 - len(plain) % 32
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain + bytes([count]) * count) + encryptor.finalize()).decode()


def ding_sign(token: str, timestamp: str, nonce: str, sealed: str) -> str:
    return hashlib.sha1("".join(sorted([token, timestamp, nonce, sealed])).encode()).hexdigest()  # noqa: S324


def _aes(key: bytes, iv: bytes, secret: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    return decryptor.update(secret) + decryptor.finalize()
