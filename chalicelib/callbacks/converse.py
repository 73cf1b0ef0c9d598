"""Answers what was said, and says what is to be said: each once, whoever is killed and however often it comes.

What was said and what is to be said are rows; a worker has one for a time, and whoever finds it left alone goes on.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from chalicelib.core.catalogue import Lang, say
from chalicelib.core.errors import (
    ContractError,
    NotFoundError,
    RollcallError,
    SetupError,
    SourceDeniedError,
    TransientError,
)
from chalicelib.core.message import Card, Delivery, Message, Outgoing
from chalicelib.core.ports import PRESSES, TALK, Bell, Catalog, Chat, Chats, Clock, Connectors, Doors
from chalicelib.core.reply import Line, Reply, Tone
from chalicelib.core.source import Source
from chalicelib.log import bound
from chalicelib.notices.report import digest_of
from chalicelib.sources.rotate import Rotation
from chalicelib.sync.pulse import Deadline

log = logging.getLogger(__name__)

# As long as a handler may run: who has had it longer is dead.
CLAIM: Final = timedelta(seconds=60)
HOLD: Final = timedelta(seconds=60)
# What a turn needs to finish what it is at, and to ring.
MARGIN_S: Final = 10.0
# After so many tries a message is answered with an apology.
MOST_TRIES: Final = 5
# After so many, or so long, an answer is given up; what fails for other reasons than time is not tried as often.
MOST_ATTEMPTS: Final = 12
MOST_BROKEN: Final = 3
PATIENCE: Final = timedelta(hours=1)
FIRST_PAUSE: Final = timedelta(seconds=2)
LONGEST_PAUSE: Final = timedelta(minutes=10)
SENT_TRIES: Final = 3
# When to look whether somebody else has said what is before ours.
LOOK_AGAIN: Final = timedelta(seconds=2)
LONGEST_RING_S: Final = 600.0


class Hears(Protocol):
    """Answers a message: who it is, what they may, what came of it. Raises nothing but what time heals."""

    def hear(self, message: Message) -> Sequence[Outgoing]: ...

    def give_up(self, message: Message) -> None: ...


class Collects(Protocol):
    """Puts out what people should be told."""

    def collect(self, source_uid: str) -> float | None: ...

    def is_due(self, source_uid: str) -> bool: ...


@dataclass(slots=True, kw_only=True)
class _Turn:
    """One worker's turn at one source: who it is, until when it may work, and what it found to do later."""

    source: Source
    owner: str
    deadline: Deadline
    dues: list[datetime] = field(default_factory=list)
    blocked: set[str] = field(default_factory=set)
    broken: str = ""

    @property
    def is_over(self) -> bool:
        return self.deadline() < MARGIN_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Converser:
    catalog: Catalog
    connectors: Connectors
    chats: Chats
    doors: Doors
    bot: Hears
    notices: Collects
    bell: Bell
    clock: Clock
    rotation: Rotation

    def converse(self, source_uid: str, deadline: Deadline) -> None:
        """Answer what waits in a source's chats, say what is to be said there, and ring for what is left.

        Raises:
            ContractError: something broke that is nobody's fault but ours; the rest was done.
        """
        try:
            source = self.catalog.source(source_uid)
        except NotFoundError:  # deleted since it was rung for
            return
        turn = _Turn(source=source, owner=uuid.uuid4().hex, deadline=deadline)
        with bound(source=source.handle):
            chat, refusal = self._open(source)
            try:
                self._answer_all(turn, chat)
                self._say_all(turn, chat, refusal)
                self._collect(turn)
                self._say_all(turn, chat, refusal)
            finally:
                if chat is not None:
                    chat.close()
            self._ring(turn)
        if turn.broken:
            raise ContractError("internal error", kind=turn.broken)

    def tick(self) -> None:
        """Ring for what waits in case a ring was lost."""
        now, chats = self.clock.now(), self.chats
        for turn in self.catalog.turns(now):
            is_due = any(_is_due(each, now) for each in chats.outgoing(turn.uid))
            if is_due or chats.waiting(turn.uid) or self.notices.is_due(turn.uid):
                self.bell.ring(turn.uid)

    def _open(self, source: Source) -> tuple[Chat | None, RollcallError | None]:
        try:
            return self.connectors.chat(source), None
        except (SetupError, NotFoundError) as error:
            return None, error

    # --- what was said

    def _answer_all(self, turn: _Turn, chat: Chat | None) -> None:
        """Answer what waits, to each person in the order they spoke: nothing overtakes what failed."""
        behind: set[str] = set()
        waiting = self.chats.waiting(turn.source.uid)
        self.rotation.settle(turn.source.uid, waiting)
        for delivery in waiting:
            if turn.is_over:
                turn.dues.append(self.clock.now())
                return
            speaker = _speaker(chat, delivery)
            if speaker in behind:
                continue
            with bound(delivery=delivery.delivery_id):
                try:
                    is_answered = self._take(turn, chat, delivery)
                except TransientError as error:  # the store is busy with others
                    self._look_again(turn, error)
                    is_answered = False
            if not is_answered:
                behind.add(speaker)

    def _take(self, turn: _Turn, chat: Chat | None, delivery: Delivery) -> bool:
        now = self.clock.now()
        tries = self.chats.claim(delivery, turn.owner, now, now + CLAIM)
        if tries is None:
            turn.dues.append(now + LOOK_AGAIN)
            return False
        return self._answer(turn, chat, delivery, tries)

    def _answer(self, turn: _Turn, chat: Chat | None, delivery: Delivery, tries: int) -> bool:
        """Answer one message; False when it failed and is let go of for a while, for others must not wait for it."""
        try:
            replies = self._replies(chat, delivery, tries)
            self.chats.answered(delivery, replies)
        except TransientError as error:
            log.warning("put off", extra={"code": error.code, "tries": tries})
            self._put_off(turn, delivery, tries, timedelta(seconds=error.retry_after))
        except SetupError as error:
            log.error("put off", extra={"code": error.code, "tries": tries})
            self._put_off(turn, delivery, tries)
        except Exception as error:
            log.exception("message broke", extra={"kind": type(error).__name__, "tries": tries})
            turn.broken = type(error).__name__
            self._put_off(turn, delivery, tries)
        else:
            log.info("answered", extra={"replies": len(replies), "tries": tries})
            for other in sorted({each.to.source for each in replies} - {turn.source.uid}):
                self.bell.ring(other)
            return True
        return False

    def _replies(self, chat: Chat | None, delivery: Delivery, tries: int) -> Sequence[Outgoing]:
        if chat is None:  # its secrets are gone: nothing can be read
            if tries < MOST_TRIES:
                raise SourceDeniedError("secrets are missing", handle=delivery.source)
            message = None
        elif tries < MOST_TRIES:
            message = chat.read(delivery)
            if message is None:
                return ()
            self.doors.seen(delivery.source, PRESSES if message.card else TALK, delivery.received_at)
            return self.bot.hear(message)
        else:
            message = _read(chat, delivery)
        log.error("gave up", extra={"tries": tries})
        if message is None:
            return ()
        self.bot.give_up(message)
        return [self._apology(message)]

    def _apology(self, message: Message) -> Outgoing:
        lang = message.lang or (Lang.EN if message.text.isascii() else Lang.ZH)
        text = say("not answered", lang, {"tries": MOST_TRIES})
        return Outgoing(
            outgoing_id=f"{message.message_id}#0",
            to=message.address,
            reply=Reply(blocks=(Line(text=text, tone=Tone.BAD),), data=None, tone=Tone.BAD, lang=lang),
            created_at=self.clock.now(),
        )

    def _put_off(self, turn: _Turn, delivery: Delivery, tries: int, at_least: timedelta = timedelta()) -> None:
        """Let go of a message that could not be answered, and come back to it."""
        now = self.clock.now()
        until = now + max(min(at_least, CLAIM), min(FIRST_PAUSE * 2**tries, CLAIM))
        self.chats.claim(delivery, turn.owner, now, until)
        turn.dues.append(until)

    # --- what people should be told

    def _collect(self, turn: _Turn) -> None:
        if turn.is_over:
            turn.dues.append(self.clock.now())
            return
        try:
            again_s = self.notices.collect(turn.source.uid)
        except TransientError as error:
            log.warning("notices put off", extra={"code": error.code})
            again_s = min(error.retry_after, LONGEST_RING_S)
        except Exception as error:
            log.exception("notices broke", extra={"kind": type(error).__name__})
            turn.broken = type(error).__name__
            again_s = None
        if again_s is not None:
            turn.dues.append(self.clock.now() + timedelta(seconds=again_s))

    # --- what is to be said

    def _say_all(self, turn: _Turn, chat: Chat | None, refusal: RollcallError | None) -> None:
        """Say all that may be said now. In one chat nothing overtakes; what one chat waits for holds up no other."""
        said = True
        while said:
            said = False
            for each in self.chats.outgoing(turn.source.uid):
                if turn.is_over:
                    turn.dues.append(self.clock.now())
                    return
                room = each.to.chat or each.to.person
                if room in turn.blocked:
                    continue
                try:
                    is_said = self._hold(turn, each) and self._say(turn, chat, refusal, each)
                except TransientError as error:  # the store is busy with others
                    self._look_again(turn, error)
                    is_said = False
                said = said or is_said
                if not is_said:
                    turn.blocked.add(room)

    def _hold(self, turn: _Turn, outgoing: Outgoing) -> bool:
        now = self.clock.now()
        if not _is_due(outgoing, now):
            turn.dues.append(outgoing.not_before or now)
            return False
        if not self.chats.hold(outgoing, turn.owner, now, now + HOLD):
            turn.dues.append(now + LOOK_AGAIN)
            return False
        return True

    def _say(self, turn: _Turn, chat: Chat | None, refusal: RollcallError | None, outgoing: Outgoing) -> bool:
        """Say one thing; False when it goes on waiting."""
        try:
            if chat is None:
                raise refusal or SourceDeniedError("secrets are missing", handle=turn.source.handle)
            card = self._at_the_vendor(chat, outgoing)
        except TransientError as error:
            return self._later(turn, outgoing, error.code, MOST_ATTEMPTS, timedelta(seconds=error.retry_after))
        except (SourceDeniedError, NotFoundError) as error:
            return self._give_up(outgoing, error.code, outgoing.attempts + 1)
        except RollcallError as error:
            return self._later(turn, outgoing, error.code, MOST_BROKEN)
        except Exception as error:
            log.exception("answer broke", extra={"kind": type(error).__name__})
            turn.broken = type(error).__name__
            return self._later(turn, outgoing, "internal error", MOST_BROKEN)
        self._sent(outgoing, card)
        log.info("said", extra={"outgoing": outgoing.outgoing_id, "edits": bool(outgoing.edits)})
        return True

    def _sent(self, outgoing: Outgoing, card: Card | None) -> None:
        """Take off what the vendor has: a store that is busy is asked again, or it would be said again."""
        for tries_left in range(SENT_TRIES - 1, -1, -1):
            try:
                return self.chats.sent(outgoing, card)
            except TransientError:
                if not tries_left:
                    raise

    def _look_again(self, turn: _Turn, error: TransientError) -> None:
        log.warning("looks again", extra={"code": error.code})
        turn.dues.append(self.clock.now() + LOOK_AGAIN)

    def _at_the_vendor(self, chat: Chat, outgoing: Outgoing) -> Card | None:
        """Post or edit; return the card that follows a task from now on, if it is one."""
        if outgoing.edits and chat.edit(outgoing.edits, outgoing.reply, outgoing.to):
            return self._card(outgoing, outgoing.task, outgoing.edits)
        posted = chat.post(outgoing.reply, outgoing.to, once=outgoing.outgoing_id)
        task = outgoing.task
        if outgoing.edits and outgoing.reply.task:
            # The new card takes the place of the old one, which nobody can change any more.
            for old in self.chats.cards(outgoing.reply.task):
                if old.card == outgoing.edits and old.to.source == outgoing.to.source:
                    self.chats.edited(old, is_last=True)
                    task = outgoing.reply.task
        return self._card(outgoing, task, posted)

    def _card(self, outgoing: Outgoing, task: str | None, card: str) -> Card | None:
        if not task:
            return None
        return Card(
            task=task,
            card=card or f"words:{outgoing.outgoing_id}",
            editable=bool(card),
            # What takes answers for an hour is of no use to edits, and a secret.
            to=replace(outgoing.to, session="", session_until=None),
            lang=outgoing.reply.lang,
            shown=digest_of(outgoing.reply),
            edited_at=self.clock.now(),
        )

    def _later(self, turn: _Turn, outgoing: Outgoing, code: str, most: int, at_least: timedelta = timedelta()) -> bool:
        now = self.clock.now()
        attempts = outgoing.attempts + 1
        not_before = now + max(at_least, min(FIRST_PAUSE * 2**outgoing.attempts, LONGEST_PAUSE))
        if attempts >= most or not_before - outgoing.created_at > PATIENCE:
            return self._give_up(outgoing, code, attempts)
        self.chats.later(replace(outgoing, attempts=attempts, not_before=not_before))
        turn.dues.append(not_before)
        log.warning("said later", extra={"outgoing": outgoing.outgoing_id, "code": code, "attempts": attempts})
        return False

    def _give_up(self, outgoing: Outgoing, code: str, attempts: int) -> bool:
        self.chats.sent(outgoing, None)
        log.error("gave up", extra={"outgoing": outgoing.outgoing_id, "code": code, "attempts": attempts})
        return True

    def _ring(self, turn: _Turn) -> None:
        if not turn.dues:
            return
        now, due = self.clock.now(), min(turn.dues)
        delay_s = min(max(0.0, (due - now).total_seconds()), LONGEST_RING_S)
        if delay_s == 0 or self.chats.rings(turn.source.uid, now, now + timedelta(seconds=delay_s)):
            self.bell.ring(turn.source.uid, delay_s=delay_s)


def _speaker(chat: Chat | None, delivery: Delivery) -> str:
    """Name who said it; what cannot be read was said by nobody else."""
    message = _read(chat, delivery) if chat is not None else None
    if message is None:
        return f"delivery {delivery.delivery_id}"
    return message.sender or f"chat {message.address.chat}"


def _read(chat: Chat, delivery: Delivery) -> Message | None:
    """Read what was said, or nothing: what is wrong with it is told when it is to be answered."""
    try:
        return chat.read(delivery)
    except Exception:  # whatever broke, others wait
        return None


def _is_due(outgoing: Outgoing, now: datetime) -> bool:
    return outgoing.not_before is None or outgoing.not_before <= now
