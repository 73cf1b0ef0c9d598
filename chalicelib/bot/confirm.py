"""Confirm what is dangerous: what is asked is a row, and each answer to it replaces that row or fails.

Whoever is killed, and however often and late something is said, the command runs for one message at most. The rules of
what counts are in `step`; nothing that is typed is believed besides the number, the code and the name that is wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from chalicelib.core.code import fits, sealed, six_digits
from chalicelib.core.confirm import LIFE, Confirmation, Standing
from chalicelib.core.errors import (
    CallerError,
    ConflictError,
    ForbiddenError,
    MalformedError,
    NotFoundError,
    StoreConflictError,
)
from chalicelib.core.message import Message
from chalicelib.core.ports import Chats, Clock

MOST_TRIES: Final = 5
NO: Final = frozenset({"no", "n", "否", "不", "取消", "cancel"})
_RACES: Final = 10


def to_type(name: str) -> str:
    """Spell a name that must be typed to confirm: what calls off never confirms, though a source may be called so."""
    return f"source-{name}" if name.casefold() in NO else name


class Came(StrEnum):
    """What an answer came to: it runs now, somebody else must confirm too, a code went out, or it is called off."""

    RUNS = "runs"
    SECOND = "second"
    SENT = "sent"
    CALLED_OFF = "called off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The row as it is from now on, and what is said: what it came to, or an error. `code` is to be sent."""

    after: Confirmation
    came: Came | None = None
    error: CallerError | None = None
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirming:
    chats: Chats
    clock: Clock
    draw: Callable[[], str] = field(default=six_digits)

    def ask(
        self, message: Message, command: str, employees: int, needs_second: bool, wants: str = ""
    ) -> tuple[Confirmation, str]:
        """Put a command by until it is confirmed; return it with the code to send, "" where none is wanted.

        `wants` is a name that has to be typed with the number.
        """
        now = self.clock.now()
        code = "" if message.proven else self.draw()
        draft = Confirmation(
            number="",
            source=message.source,
            asked_by=message.sender,
            command=command,
            employees=employees,
            needs_second=needs_second,
            standing=Standing.WAITS,
            asked_at=now,
            expires_at=now + LIFE,
            codes=((message.sender, sealed(code)),) if code else (),
            wants=wants,
        )
        return self.chats.ask_to_confirm(draft), code

    def find(self, message: Message, number: str) -> Confirmation:
        """
        Raises:
            NotFoundError: nothing was ever asked under that number, or more than 14 days ago.
        """
        found = self.chats.confirmation(message.source, number)
        if found is None:
            raise NotFoundError("no such confirmation", number=number[:20])
        return found

    def answer(self, message: Message, number: str, code: str) -> Step:
        """Take what somebody says to a confirmation.

        Raises:
            CallerError: it does not count, and why.
        """
        for _ in range(_RACES):
            before = self.find(message, number)
            taken = step(before, message, code, self.clock.now(), self.draw)
            if taken.after == before or self.chats.decide(before, taken.after):
                if taken.error is not None:
                    raise taken.error
                return taken
        raise StoreConflictError("store is busy", retry_after=1.0)

    def ended(self, confirmation: Confirmation, task: str | None) -> None:
        """Note that the command has run, so that not even the same message runs it again."""
        self.chats.decide(confirmation, replace(confirmation, by_message="", task=task))


def step(before: Confirmation, message: Message, code: str, now: datetime, draw: Callable[[], str]) -> Step:
    """Judge what somebody says to a confirmation."""
    person = message.sender
    if before.standing is Standing.DONE and before.by_message == message.message_id:
        return Step(after=before, came=Came.RUNS)  # we were killed before it had run
    error = _closed(before, now) or _not_theirs(before, person)
    if error is not None:
        return Step(after=before, error=error)
    if code.casefold() in NO:
        off = replace(before, standing=Standing.REFUSED, ended_at=now, second_by=person)
        return Step(after=off, came=Came.CALLED_OFF)
    words = code.split()
    is_named = not before.wants or before.wants in words
    if before.wants:
        code = " ".join(each for each in words if each != before.wants)
    if not message.proven:
        refused = _unproven(before, person, code, now, draw)
        if refused is not None:
            return refused
    if not is_named:
        unnamed = MalformedError("name must be typed", number=before.number, name=before.wants)
        return Step(after=before, error=unnamed)
    if before.standing is Standing.WAITS and before.needs_second:
        # The second person has as long as the first one had.
        waits = replace(before, standing=Standing.SECOND, expires_at=now + LIFE)
        return Step(after=waits, came=Came.SECOND)
    second = person if before.standing is Standing.SECOND else ""
    done = replace(before, standing=Standing.DONE, second_by=second, ended_at=now, by_message=message.message_id)
    return Step(after=done, came=Came.RUNS)


def _closed(before: Confirmation, now: datetime) -> CallerError | None:
    number, by = before.number, before.second_by or before.asked_by
    match before.standing:
        case Standing.DONE:
            return ConflictError("confirmed already", number=number, by=by, at=_instant(before.ended_at or now))
        case Standing.REFUSED if before.tries >= MOST_TRIES:
            return _dead(before)
        case Standing.REFUSED:
            return ConflictError("called off already", number=number, by=by, at=_instant(before.ended_at or now))
        case _ if now >= before.expires_at:
            at = _instant(before.expires_at)
            return ConflictError("confirmation expired", number=number, at=at, command=before.command)
        case _:
            return None


def _not_theirs(before: Confirmation, person: str) -> CallerError | None:
    if before.standing is Standing.WAITS and person != before.asked_by:
        return ForbiddenError("confirmation of somebody else", number=before.number, by=before.asked_by)
    if before.standing is Standing.SECOND and person == before.asked_by:
        return ForbiddenError("second person wanted", number=before.number)
    return None


def _unproven(before: Confirmation, person: str, code: str, now: datetime, draw: Callable[[], str]) -> Step | None:
    """Want the code that went to this person alone; None when it is right."""
    seal = dict(before.codes).get(person)
    if seal is not None and code and fits(code, seal):
        return None
    # Asking for another code counts as a try, or guessing would be free.
    tries = before.tries + (seal is not None)
    if tries >= MOST_TRIES:
        dead = replace(before, tries=tries, standing=Standing.REFUSED, ended_at=now, codes=())
        return Step(after=dead, error=_dead(before))
    if code and seal is not None:
        wrong = ForbiddenError("wrong code", number=before.number, left=MOST_TRIES - tries)
        return Step(after=replace(before, tries=tries), error=wrong)
    fresh = draw()
    codes = (*(each for each in before.codes if each[0] != person), (person, sealed(fresh)))
    return Step(after=replace(before, tries=tries, codes=codes), came=Came.SENT, code=fresh)


def _dead(before: Confirmation) -> CallerError:
    return ConflictError("too many wrong codes", number=before.number, command=before.command)


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
