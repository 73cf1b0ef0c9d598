"""Opens what DingTalk pushes to the door `cards`: presses on interactive cards.

The signature covers the time only, as in `robot`, and there is one only where the callback was registered with a secret
of ours: without it the door is shut. Whoever pressed sees at once that it was received; what comes of it is shown by
editing the card.

Source: DingTalk, "Event callback of cards".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from chalicelib.connectors.dingtalk.robot import is_recent, of_company, text_of
from chalicelib.connectors.dingtalk.template import COMMAND, LONGEST_VALUE_BYTES, NOTE, tracked
from chalicelib.connectors.sealed import is_id, members, octets, refused, revealed, same
from chalicelib.core.catalogue import Lang
from chalicelib.core.errors import SignatureError
from chalicelib.core.message import Delivery, HttpRequest, HttpResponse, Opened
from chalicelib.core.secret import Secret
from chalicelib.core.source import Source

PRESSED: Final = "card.pressed"
PRESS: Final = "actionCallback"
LONGEST_CARD: Final = 256
RECEIVED: Final = {Lang.EN: "Received, one moment …", Lang.ZH: "已收到，请稍候……"}


class DingTalkCards:
    """The Callback port."""

    def open(self, request: HttpRequest, source: Source, secrets: Mapping[str, Secret], now: datetime) -> Opened:
        secret, stamp = revealed(secrets, "card_api_secret"), request.headers.get("x-ddpaas-signature-timestamp", "")
        signature = request.headers.get("x-ddpaas-signature")
        if not secret or not is_recent(stamp, now) or not same(sign(secret, stamp), signature):
            raise refused()
        body = members(request.body)
        if not of_company(body.get("corpId"), source):
            raise refused()
        card, presser = text_of(body.get("outTrackId"))[:LONGEST_CARD], body.get("userId")
        if body.get("type") != PRESS:
            return Opened(ack=HttpResponse(status=200, body="{}"), delivery=None)
        talk = {"card": card, "sender": presser if is_id(presser) else "", "text": _command(body.get("content"))}
        # A press has no id of its own. Sent again with the same time it is the same; a second press has another time.
        told = hashlib.sha256(octets(stamp) + b"\n" + request.body).hexdigest()
        delivery = Delivery(
            delivery_id=told[:40],
            source=source.uid,
            type=PRESSED,
            ids={"userid": (talk["sender"],)} if talk["sender"] else {},
            occurred_at=now,
            received_at=now,
            talk=json.dumps(talk, ensure_ascii=False, separators=(",", ":")),
            proven=False,
            seal=f"cards {stamp}",
        )
        return Opened(ack=_received(tracked(card).lang or Lang.EN), delivery=delivery)


def sign(secret: str, stamp: str) -> str:
    return base64.b64encode(hmac.new(octets(secret), octets(stamp), hashlib.sha256).digest()).decode()


def _command(content: object) -> str:
    """Read the command of the pressed button; "" where there is none."""
    try:
        private = members(octets(content if isinstance(content, str) else "")).get("cardPrivateData")
    except SignatureError:
        return ""
    params = private.get("params") if isinstance(private, dict) else None
    return text_of(params.get(COMMAND))[:LONGEST_VALUE_BYTES] if isinstance(params, dict) else ""


def _received(lang: Lang) -> HttpResponse:
    """Answer with what only whoever pressed sees; the rest of the card stays as it is."""
    by_key = {"updateCardDataByKey": True, "updatePrivateDataByKey": True}
    answer = {"cardUpdateOptions": by_key, "userPrivateData": {"cardParamMap": {NOTE: RECEIVED[lang]}}}
    return HttpResponse(status=200, body=json.dumps(answer, ensure_ascii=False))
