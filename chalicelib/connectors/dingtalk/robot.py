"""Opens what DingTalk pushes to the door `chat`: what people say to the robot.

The signature covers the time and nothing else: whoever got hold of one could put any words into anybody's mouth. So it
holds for two minutes, serves one body only (`Delivery.seal`), and what was said counts as not proven. Of the body only
ids, the text and the session are kept; `isAdmin` is not even read.

Source: DingTalk, "Receive messages (HTTP mode)".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import SplitResult, urlsplit

from chalicelib.connectors.dingtalk.form import API, OAPI
from chalicelib.connectors.sealed import is_id, members, occurred, octets, refused, revealed, same
from chalicelib.core.message import Delivery, HttpRequest, HttpResponse, Opened
from chalicelib.core.secret import Secret
from chalicelib.core.source import Source

SAID: Final = "robot.said"
MOST_APART: Final = timedelta(minutes=2)
# No command is as long; what is longer is answered by the menu all the same.
LONGEST_TEXT: Final = 4000
SESSION_PATH: Final = "/robot/sendBySession"

_STAMP = re.compile(r"[0-9]{13}")
_URL = re.compile(r"[!-\[\]-~]{1,2048}")  # no spaces, no controls, no backslash
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING_TO_SAY: Final = HttpResponse(status=200, body='{"msgtype":"empty"}')

Row = Mapping[str, object]


class DingTalkRobot:
    """The Callback port."""

    def open(self, request: HttpRequest, source: Source, secrets: Mapping[str, Secret], now: datetime) -> Opened:
        secret, stamp = revealed(secrets, "app_secret"), request.headers.get("timestamp", "")
        if not secret or not is_recent(stamp, now) or not same(sign(secret, stamp), request.headers.get("sign")):
            raise refused()
        body = members(request.body)
        if not of_company(body.get("chatbotCorpId"), source):
            raise refused()
        told = body.get("msgId")
        talk = _talk(body, source)
        sender = str(talk["sender"])
        delivery = Delivery(
            delivery_id=told if is_id(told) else hashlib.sha256(request.body).hexdigest(),
            source=source.uid,
            type=SAID,
            ids={"userid": (sender,)} if sender else {},
            occurred_at=occurred([body.get("createAt")], now),
            received_at=now,
            talk=json.dumps(talk, ensure_ascii=False, separators=(",", ":")),
            proven=False,
            seal=f"chat {stamp}",
        )
        return Opened(ack=_NOTHING_TO_SAY, delivery=delivery)


def sign(secret: str, stamp: str) -> str:
    mac = hmac.new(octets(secret), octets(f"{stamp}\n{secret}"), hashlib.sha256)
    return base64.b64encode(mac.digest()).decode()


def is_recent(stamp: str, now: datetime) -> bool:
    """Tell whether a time in milliseconds lies within two minutes of now; DingTalk itself would allow an hour."""
    if not _STAMP.fullmatch(stamp):
        return False
    return abs(_BEGINNING + timedelta(milliseconds=int(stamp)) - now) <= MOST_APART


def of_company(corp: object, source: Source) -> bool:
    """Tell whether a company's id, where there is one, is that of the source."""
    return corp in (None, "") or same(source.settings.get("corp_id", ""), corp)


def text_of(value: object) -> str:
    """Read text from outside; halves of surrogate pairs, which nothing further on can write, are replaced."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def is_session(url: object, source: Source) -> bool:
    """Tell whether a URL from a request is one that DingTalk takes answers at.

    It is called later, so it must lead nowhere else: to the hosts of DingTalk or of the source's own settings, exactly.
    Plain http counts only where the source is set to a host of this machine, as in a rehearsal.
    """
    if not isinstance(url, str) or not _URL.fullmatch(url):
        return False
    given = _split(url)
    if given is None or given.path != SESSION_PATH or given.fragment or "@" in given.netloc:
        return False
    bases = (OAPI, API, source.settings.get("oapi_url") or OAPI, source.settings.get("api_url") or API)
    return any(_is_below(given, base) for base in map(_split, bases) if base is not None)


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        return parts if parts.hostname and parts.port != 0 else None
    except ValueError:
        return None


def _is_below(given: SplitResult, base: SplitResult) -> bool:
    is_here = base.hostname in ("127.0.0.1", "localhost", "::1")
    if given.scheme != "https" and not (is_here and given.scheme == base.scheme == "http"):
        return False
    return given.hostname == base.hostname and _port(given) == _port(base, given.scheme)


def _port(parts: SplitResult, scheme: str = "") -> int:
    return parts.port or {"http": 80}.get(scheme or parts.scheme, 443)


def _talk(body: Row, source: Source) -> dict[str, str | int | bool]:
    """Keep what `DingTalkChat.read` needs. Nobody of another company has a name here."""
    sender, group = body.get("senderStaffId"), body.get("conversationId")
    session, until = body.get("sessionWebhook"), body.get("sessionWebhookExpiredTime")
    is_ours = of_company(body.get("senderCorpId"), source)
    kept: dict[str, str | int | bool] = {
        "text": "".join(_texts(body))[:LONGEST_TEXT],
        "sender": sender if is_ours and is_id(sender) else "",
        "direct": body.get("conversationType") == "1",
        "chat": group if is_id(group) else "",
        # Out of the month's quota, DingTalk still calls, but does not tell what was said.
        "blank": not any(name in body for name in ("text", "content")),
    }
    if isinstance(session, str) and is_session(session, source):
        kept["session"] = session
        if isinstance(until, int) and not isinstance(until, bool) and 0 < until < 10**14:
            kept["until"] = until
    return kept


def _texts(body: Row) -> Iterator[str]:
    """Yield the words of a message; other kinds of messages have none."""
    text, content = body.get("text"), body.get("content")
    if body.get("msgtype") == "text" and isinstance(text, dict):
        yield text_of(text.get("content"))
    if body.get("msgtype") == "richText" and isinstance(content, dict) and isinstance(content.get("richText"), list):
        for part in content["richText"]:
            if isinstance(part, dict):
                yield text_of(part.get("text"))
