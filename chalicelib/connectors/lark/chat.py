"""The chat of one workspace: what people said to the bot, answers as cards in place, edits of cards.

An answer always replies to the message that it answers, alone and in groups: the vendor shows the question above it,
and where the question was in a thread the reply lands there. It never opens a thread (`reply_in_thread` stays false):
in a group a thread hides the answer from everybody else who was waiting for it.

Entries of the bot's menu are commands, with underscores for spaces; documented ones are in `MENU_KEYS`.

Throttles are not waited out here: an answer is a row that waits by itself, and others must not wait behind it.

Source: Feishu im v1, "Send message", "Reply message", "Update message card"; "Bot custom menu event".
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

import httpx

from chalicelib.connectors import Means
from chalicelib.connectors.lark import answers, card
from chalicelib.connectors.lark.answers import RefusedError, broken
from chalicelib.connectors.lark.callback import ENTERED, MENU, MESSAGE
from chalicelib.connectors.lark.cards import PRESSED
from chalicelib.connectors.lark.client import BOT, TIER, TOKEN, AppDialect, Tenant
from chalicelib.connectors.lark.form import FEISHU
from chalicelib.connectors.limiter import Window, keep
from chalicelib.connectors.session import Call, Endpoint, Retry, Session, Verdict, fault, throttling
from chalicelib.core.catalogue import Lang, say
from chalicelib.core.errors import NotFoundError, RollcallError, SourceDeniedError
from chalicelib.core.message import Address, Delivery, Message, Said
from chalicelib.core.reply import Line, Reply, Tone
from chalicelib.core.secret import Secret
from chalicelib.core.source import Source

log = logging.getLogger(__name__)

# What to enter as event keys of the bot's menu; any other command works the same way, up to 30 characters.
MENU_KEYS: Final = ("help", "status", "sources", "records", "sync_now")

CREATE: Final = Endpoint(name="messages.create", method="POST", path="/open-apis/im/v1/messages", windows=TIER)
REPLY: Final = Endpoint(name="messages.reply", method="POST", path="/open-apis/im/v1/messages/{}/reply", windows=TIER)
PATCH: Final = Endpoint(name="messages.patch", method="PATCH", path="/open-apis/im/v1/messages/{}", windows=TIER)

# To one person or group; of edits to one message.
OFTEN: Final = Window(5, 1.0)
# Chats and cards share so many logs of what was sent, or the logs would grow for ever.
LOGS: Final = 512
LONGEST_UUID: Final = 50
THROTTLED_S: Final = 2.0
SENDING_S: Final = 1.0
BOT_KNOWN_FOR: Final = timedelta(hours=1)
BOT_UNKNOWN_FOR: Final = timedelta(minutes=1)

_STILL_SENDING: Final = 230049
# A parameter, too long, the card itself: said in plain words it may pass.
_NO_CARD: Final = frozenset({230001, 230025, 230099, 200830})
# What we answer was recalled, deleted, cannot be seen, takes no replies: then it is said in the chat.
_NO_REPLY: Final = frozenset({230001, 230011, 230019, 230050, 230054, 230071, 230072, 230110})
# Older than 14 days, recalled, deleted, not ours, no card.
_NO_EDIT: Final = _NO_CARD | frozenset({230011, 230017, 230031, 230050, 230054, 230110})
_AUDITED: Final = frozenset({230022, 230028})
_NOBODY: Final = frozenset({230029, 230034, 232009, 99992351, 99992359, 99992360, 99992361, 99992363, 99992364})
_DENIED: Final[Mapping[int, str]] = {
    230002: "bot is not in the chat",
    230006: "bot is switched off",
    230013: "bot not available to the person",
    230018: "chat refuses the bot",
    230027: "chat refuses the bot",
    230035: "chat refuses the bot",
    230036: "chat refuses the bot",
    230038: "chat refuses the bot",
    230053: "bot is muted by the person",
    **dict.fromkeys(_AUDITED, "message fails the audit"),
}
_NAP_S: Final = 0.2


class ChatDialect(AppDialect):
    """Judges what the message API answers; a throttle is handed on at once."""

    def classify(self, call: Call, response: httpx.Response) -> Verdict:
        try:
            verdict = answers.classify(call, response)
        except RefusedError as refused:
            if refused.number != _STILL_SENDING:
                raise
            return Retry(problem=f"code {_STILL_SENDING}", after_s=SENDING_S)
        if isinstance(verdict, Retry) and verdict.throttled and call.endpoint is not TOKEN:
            raise throttling(call, THROTTLED_S if verdict.after_s is None else verdict.after_s)
        return verdict


@dataclass(slots=True, eq=False)
class Bot:
    """Who the bot is in its workspace, as far as it is known; kept for the process."""

    open_id: str = ""
    until: datetime | None = None


class LarkChat:
    """The Chat port."""

    def __init__(self, *, source: Source, secrets: Mapping[str, Secret], means: Means) -> None:
        """
        Raises:
            SourceDeniedError: the app secret is missing.
        """
        if "app_secret" not in secrets:
            raise SourceDeniedError("secrets are missing", handle=source.handle)
        host, app_id = (source.settings.get("base_url") or FEISHU).rstrip("/"), source.settings["app_id"]
        self._source = source.uid
        self._clock = means.clock
        self._window = OFTEN.scaled(means.limit_scale)
        self._tenant = keep(means.kept, f"lark {host} {app_id}", Tenant)
        self._bot = keep(means.kept, f"lark bot {host} {app_id}", Bot)
        self._session = Session(
            base_url=host,
            clock=means.clock,
            limiters=self._tenant.limiters,
            transport=means.transport,
            limit_scale=means.limit_scale,
            in_flight=means.in_flight,
        )
        self._dialect = ChatDialect(
            session=self._session,
            tenant=self._tenant,
            app_id=app_id,
            app_secret=secrets["app_secret"],
            clock=means.clock,
        )

    @property
    def calls(self) -> Mapping[str, int]:
        return self._session.calls

    @property
    def presses(self) -> bool:
        return True

    def close(self) -> None:
        self._session.close()

    # hearing

    def read(self, delivery: Delivery) -> Message | None:
        try:
            talk: object = json.loads(delivery.talk)
        except (ValueError, RecursionError):
            return None
        if not isinstance(talk, dict):
            return None
        if delivery.type == MESSAGE:
            return self._typed(delivery, talk)
        if delivery.type == PRESSED:
            return self._pressed(delivery, talk)
        if delivery.type == MENU:
            text = " ".join(_text(talk, "event_key").replace("_", " ").split())
            return self._message(delivery, talk, text=text, said=Said.PRESSED, to=self._alone(talk))
        if delivery.type == ENTERED:
            return self._message(delivery, talk, text="", said=Said.ENTERED, to=self._alone(talk))
        return None

    def _typed(self, delivery: Delivery, talk: Mapping[str, object]) -> Message | None:
        mentions = [each for each in _list(talk, "mentions") if isinstance(each, dict)]
        is_direct = talk.get("direct") is True
        bots = self._called(mentions)
        if not is_direct and not bots:
            return None
        to = Address(
            source=self._source,
            chat=_text(talk, "chat_id"),
            person=_text(talk, "sender"),
            direct=is_direct,
            thread=_text(talk, "message_id"),
        )
        names = {key: "" if key in bots else _text(each, "name") for each in mentions if (key := _text(each, "key"))}
        text = _words(_text(talk, "type"), _text(talk, "content"), {"@_all": "", **names})
        return self._message(delivery, talk, text=text, said=Said.TYPED, to=to)

    def _pressed(self, delivery: Delivery, talk: Mapping[str, object]) -> Message:
        names = ("sender", "chat_id", "message_id", "lang", "direct")
        sender, chat, posted, lang, meant_for = (_text(talk, name) for name in names)
        to = Address(
            source=self._source,
            chat=chat,
            person=sender,
            # Without a chat it is answered to the person. A card that got elsewhere is read by others.
            direct=not chat or (meant_for != "" and meant_for in (chat, sender)),
            thread=posted if chat else "",
        )
        told = Lang.ZH if lang == Lang.ZH.value else Lang.EN
        text = _text(talk, "command")
        return self._message(delivery, talk, text=text, said=Said.PRESSED, to=to, posted=posted, lang=told)

    def _alone(self, talk: Mapping[str, object]) -> Address:
        return Address(source=self._source, chat=_text(talk, "chat_id"), person=_text(talk, "sender"), direct=True)

    def _message(
        self,
        delivery: Delivery,
        talk: Mapping[str, object],
        *,
        text: str,
        said: Said,
        to: Address,
        posted: str = "",
        lang: Lang | None = None,
    ) -> Message:
        return Message(
            message_id=delivery.delivery_id,
            source=self._source,
            sender=_text(talk, "sender"),
            text=text,
            said=said,
            address=to,
            at=delivery.occurred_at,
            proven=delivery.proven,
            card=posted,
            lang=lang,
        )

    def _called(self, mentions: Sequence[Mapping[str, object]]) -> frozenset[str]:
        """Tell by which keys of the text the bot was called.

        Where the vendor does not tell who the bot is, any bot counts: what is pushed to an app is mostly meant for it.
        """
        if not mentions:
            return frozenset()
        ours = self._bot_id()
        if ours:
            return frozenset(_text(each, "key") for each in mentions if each.get("id") == ours)
        return frozenset(_text(each, "key") for each in mentions if each.get("type") in ("bot", ""))

    def _bot_id(self) -> str:
        now = self._clock.now()
        if self._bot.until is None or now >= self._bot.until:
            try:
                call = Call(endpoint=BOT, path=BOT.path)
                found = self._session.call(self._dialect, call).document.get("bot")
                self._bot.open_id = _text(found, "open_id") if isinstance(found, dict) else ""
            except RollcallError as error:
                log.warning("bot unknown", extra={"problem": error.code, **_code(error)})
            self._bot.until = now + (BOT_KNOWN_FOR if self._bot.open_id else BOT_UNKNOWN_FOR)
        return self._bot.open_id

    # saying

    def post(self, reply: Reply, to: Address, *, once: str) -> str:
        """Say it as a card; in plain words where the card is refused, and where the words are, why."""
        try:
            return self._say("interactive", card.card(reply, direct=_alone_in(to)), to, once)
        except RefusedError as refused:
            if refused.number not in _NO_CARD | _AUDITED:
                raise _meant(refused) from refused
            said = reply if refused.number in _NO_CARD else _apology(reply.lang, refused)
            log.warning("card refused", extra=_code(refused))
        try:
            self._say("post", card.post(said), to, f"{once} in words")
        except RefusedError as refused:
            if refused.number not in _AUDITED or said is not reply:
                raise _meant(refused) from refused
            try:
                self._say("post", card.post(_apology(reply.lang, refused)), to, f"{once} in brief")
            except RefusedError as again:
                raise _meant(again) from again
        return ""

    def edit(self, card_: str, reply: Reply, to: Address) -> bool:
        call = Call(
            endpoint=PATCH,
            path=PATCH.path.format(quote(card_, safe="")),
            body={"content": card.dumped(card.card(reply, direct=_alone_in(to)))},
        )
        try:
            with self._pace("edit", card_):
                self._session.call(self._dialect, call)
        except RefusedError as refused:
            if refused.number not in _NO_EDIT:
                raise _meant(refused) from refused
            log.info("card not edited", extra=_code(refused))
            return False
        return True

    def _say(self, type_: str, content: card.Json, to: Address, once: str) -> str:
        body = {"msg_type": type_, "content": card.dumped(content), "uuid": _uuid(once)}
        if to.thread:
            call = Call(
                endpoint=REPLY,
                path=REPLY.path.format(quote(to.thread, safe="")),
                body={**body, "reply_in_thread": False},
            )
            try:
                return self._send(call, to)
            except RefusedError as refused:
                if refused.number not in _NO_REPLY:
                    raise
                log.info("cannot reply in place", extra=_code(refused))
        # Who speaks to the bot is known by open_id, who is in the directory by union_id; the prefixes are the vendor's.
        person = "union_id" if to.person.startswith("on_") else "open_id"
        kind, receiver = ("chat_id", to.chat) if to.chat else (person, to.person)
        query = (("receive_id_type", kind),)
        return self._send(
            Call(endpoint=CREATE, path=CREATE.path, query=query, body={**body, "receive_id": receiver}), to
        )

    def _send(self, call: Call, to: Address) -> str:
        with self._pace("chat", to.chat or to.person):
            answer = self._session.call(self._dialect, call)
        data = answer.document.get("data")
        posted = _text(data, "message_id") if isinstance(data, dict) else ""
        if not posted:
            raise broken(call, "no message id in the answer")
        return posted if call.body and call.body.get("msg_type") == "interactive" else ""

    @contextmanager
    def _pace(self, what: str, whose: str) -> Iterator[None]:
        name = f"{what} {zlib.crc32(whose.encode('utf-8', 'replace')) % LOGS}"
        limiter = self._tenant.limiters.of(name, (self._window,), self._clock)
        passage = limiter.enter(self._rest)
        try:
            yield
        finally:
            limiter.leave(passage)

    def _rest(self, seconds: float) -> None:
        while seconds > 0:
            nap_s = min(seconds, _NAP_S)
            self._clock.sleep(nap_s)
            seconds -= nap_s


def _alone_in(to: Address) -> str:
    """Name where a single person reads along: their chat, or themselves where the chat is not known yet."""
    return (to.chat or to.person) if to.direct else ""


def _meant(refused: RefusedError) -> RollcallError:
    """Say what a refusal means for whoever sends."""
    if refused.number in _NOBODY:
        return fault(NotFoundError, "chat not found", **refused.facts)
    if refused.number in _DENIED:
        return fault(SourceDeniedError, _DENIED[refused.number], **refused.facts)
    return refused


def _apology(lang: Lang, refused: RefusedError) -> Reply:
    text = say("message fails the audit", lang, {"code": refused.number})
    return Reply(blocks=(Line(text=text, tone=Tone.WARN),), data=None, tone=Tone.WARN, lang=lang)


def _words(type_: str, content: str, names: Mapping[str, str]) -> str:
    """Read the text of a message; mentions in it are keys, which become names, or nothing."""
    try:
        told: object = json.loads(content) if content else None
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        return ""
    text = _text(told, "text") if type_ == "text" else " ".join(_runs(told))
    keys = re.compile("|".join(re.escape(each) for each in sorted(names, key=len, reverse=True)))
    text = " ".join(keys.sub(lambda found: f" {names[found[0]]} ", text).split())
    # The half of an emoji that somebody cut has no encoding.
    return text.encode("utf-8", "replace").decode()


def _runs(told: Mapping[str, object]) -> Iterator[str]:
    """Walk the pieces of rich text, which may stand below a language."""
    if "content" not in told:
        told = next((each for each in told.values() if isinstance(each, dict)), {})
    yield _text(told, "title")
    for line in _list(told, "content"):
        for run in line if isinstance(line, list) else ():
            if isinstance(run, dict) and run.get("tag") in ("text", "a", "md"):
                yield _text(run, "text")
            elif isinstance(run, dict) and run.get("tag") == "at":
                yield _text(run, "user_id")


def _text(holder: Mapping[str, object], name: str) -> str:
    value = holder.get(name)
    return value if isinstance(value, str) else ""


def _list(holder: Mapping[str, object], name: str) -> Sequence[object]:
    value = holder.get(name)
    return value if isinstance(value, list) else ()


def _uuid(once: str) -> str:
    return hashlib.sha256(once.encode("utf-8", "replace")).hexdigest()[:LONGEST_UUID]


def _code(error: RollcallError) -> Mapping[str, str | int]:
    return {name: error.facts[name] for name in ("code", "endpoint", "logid") if name in error.facts}
