"""The chat of a DingTalk company: the `Chat` port.

Answers are markdown, in the session of the message while it lives and by the robot's API after. Where an admin has
installed the card of docs/dingtalk-card.json, they are cards with buttons, which are edited in place; and markdown
again where DingTalk does not take the card.

DingTalk knows a card by our name for it, so the same card is posted once. It has nothing of the kind for markdown: what
this process has said within the hour it does not say again, but after a kill the same words may come twice.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from chalicelib.connectors import Means
from chalicelib.connectors.dingtalk.answers import RefusedError
from chalicelib.connectors.dingtalk.cards import PRESSED
from chalicelib.connectors.dingtalk.client import App
from chalicelib.connectors.dingtalk.form import API, OAPI
from chalicelib.connectors.dingtalk.markdown import markdown
from chalicelib.connectors.dingtalk.robot import SAID, is_session
from chalicelib.connectors.dingtalk.sending import CARD_EXISTS, DingTalkSender, route_of
from chalicelib.connectors.dingtalk.template import NOTE, params, track, tracked
from chalicelib.connectors.limiter import keep
from chalicelib.core.errors import NotFoundError, RollcallError, SourceDeniedError
from chalicelib.core.message import Address, Delivery, Message, Said
from chalicelib.core.reply import Reply
from chalicelib.core.secret import Secret
from chalicelib.core.source import Source

log = logging.getLogger(__name__)

REMEMBERED: Final = timedelta(hours=1)
MOST_REMEMBERED: Final = 5000
# What is on its way when a session ends would be refused.
SPARE: Final = timedelta(seconds=5)


@dataclass(slots=True, eq=False)
class _Memory:
    """What was said of late by this process, by `once`; and the cards that were made but did not arrive."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    at: OrderedDict[str, datetime] = field(default_factory=OrderedDict)

    def has(self, name: str, now: datetime) -> bool:
        with self.lock:
            return name in self.at and now - self.at[name] < REMEMBERED

    def note(self, name: str, now: datetime) -> None:
        with self.lock:
            self.at[name] = now
            self.at.move_to_end(name)
            while len(self.at) > MOST_REMEMBERED:
                self.at.popitem(last=False)


class DingTalkChat:
    def __init__(self, *, source: Source, secrets: Mapping[str, Secret], means: Means) -> None:
        """
        Raises:
            SourceDeniedError: the app secret is missing.
        """
        if "app_secret" not in secrets:
            raise SourceDeniedError("secrets are missing", handle=source.handle)
        settings = source.settings
        self._source = source
        self._clock = means.clock
        # Without its secret the door for presses is shut: buttons that nobody answers are worse than none.
        self._template = settings.get("card_template", "") if "card_api_secret" in secrets else ""
        app = App(
            oapi_url=(settings.get("oapi_url") or OAPI).rstrip("/"),
            api_url=(settings.get("api_url") or API).rstrip("/"),
            corp_id=settings["corp_id"],
            app_key=settings["app_key"],
            app_secret=secrets["app_secret"],
        )
        self._route = route_of(app)
        self._sender = DingTalkSender(app=app, robot_code=settings.get("robot_code") or app.app_key, means=means)
        self._said = keep(means.kept, f"dingtalk said {source.uid}", _Memory)

    @property
    def calls(self) -> Mapping[str, int]:
        return self._sender.calls

    @property
    def presses(self) -> bool:
        return bool(self._template)

    def close(self) -> None:
        self._sender.close()

    def read(self, delivery: Delivery) -> Message | None:
        talk = json.loads(delivery.talk)
        if delivery.type == PRESSED:
            return self._read_press(delivery, talk)
        if delivery.type != SAID:
            return None
        if talk["blank"]:
            log.warning("a message came without its words: the month's quota of callbacks is used up")
            return None
        sender, direct = str(talk["sender"]), bool(talk["direct"])
        until = talk.get("until")
        return Message(
            message_id=delivery.delivery_id,
            source=delivery.source,
            sender=sender,
            text=str(talk["text"]).strip(),
            said=Said.TYPED,
            address=Address(
                source=delivery.source,
                # The id of a one-to-one conversation is good for nothing: the API wants the person.
                chat="" if direct else str(talk["chat"]),
                person=sender,
                direct=direct,
                session=str(talk.get("session", "")),
                session_until=datetime.fromtimestamp(until / 1000, UTC) if until else None,
            ),
            at=delivery.occurred_at,
            proven=delivery.proven,
        )

    def _read_press(self, delivery: Delivery, talk: Mapping[str, object]) -> Message:
        """Where a card stands, and whose it is, is told by its name; nobody can give a card another one.

        The rest of a press is not proven. A card that is not the presser's own is taken for one that others read.
        """
        card, sender = str(talk["card"]), str(talk["sender"])
        known = tracked(card)
        return Message(
            message_id=delivery.delivery_id,
            source=delivery.source,
            sender=sender,
            text=str(talk["text"]).strip(),
            said=Said.PRESSED,
            # What is answered is the card, if it is ours: it tells whoever pressed that something is under way.
            address=Address(
                source=delivery.source,
                chat=known.group,
                person=sender,
                direct=known.is_of(delivery.source, sender),
                thread=card if known.lang else "",
            ),
            at=delivery.occurred_at,
            proven=delivery.proven,
            card=card,
            lang=known.lang,
        )

    def post(self, reply: Reply, to: Address, *, once: str) -> str:
        card = self._post_card(reply, to, once) if self._template and (to.chat or to.person) else ""
        if not card and not self._said.has(once, self._clock.now()):
            self._post_markdown(*markdown(reply), to)
            self._said.note(once, self._clock.now())
        if self._template and to.thread and to.thread != card and to.person:
            self._answered_elsewhere(to)
        return card

    def _answered_elsewhere(self, to: Address) -> None:
        """Take back what the pressed card tells the presser; the answer stands below it, so no trouble here matters."""
        try:
            self._sender.update_card(to.thread, {}, private={to.person: {NOTE: ""}})
        except RollcallError as error:
            log.info("note not taken back", extra={"code": error.facts.get("code", error.code)})

    def edit(self, card: str, reply: Reply, to: Address) -> bool:
        if not self._template or not card:
            return False
        # What told the presser that the press was received has had its time.
        private = {to.person: {NOTE: ""}} if to.person else {}
        try:
            return self._sender.update_card(card, params(reply), private=private)
        except (RefusedError, SourceDeniedError) as error:
            log.warning("card not edited", extra={"code": error.facts.get("code", error.code)})
            return False

    def _post_card(self, reply: Reply, to: Address, once: str) -> str:
        """Post a card; "" when DingTalk does not take it, so that it must be said in another way."""
        card, now = track(once, to.source, to.chat, to.person, reply.lang), self._clock.now()
        if self._said.has(f"not as a card: {card}", now):
            return ""
        code: str | int = "not delivered"
        try:
            arrived = self._sender.create_card(
                card, self._template, params(reply), group=to.chat, person=to.person, route=self._route
            )
            if arrived:
                return card
        except RefusedError as refused:
            code = refused.facts.get("code", "?")
            if code == CARD_EXISTS:
                return card
        except (SourceDeniedError, NotFoundError) as error:
            code = error.facts.get("code", error.code)
        log.warning("card refused", extra={"code": code})
        self._said.note(f"not as a card: {card}", now)
        return ""

    def _post_markdown(self, title: str, text: str, to: Address) -> None:
        if to.session and is_session(to.session, self._source) and self._lives(to.session_until):
            try:
                self._sender.by_session(to.session, title, text)
                return
            except (RefusedError, SourceDeniedError) as error:
                log.info("session refused", extra={"code": error.facts.get("code", error.code)})
        if to.chat:
            self._sender.to_group(to.chat, title, text)
        elif to.person:
            self._sender.to_one(to.person, title, text)
        else:
            raise NotFoundError("chat not found", code="session")

    def _lives(self, until: datetime | None) -> bool:
        return until is None or self._clock.now() + SPARE < until
