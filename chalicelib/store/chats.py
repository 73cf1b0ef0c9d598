"""What is said in chats and what is to be said, each once; cards that follow tasks; what must be confirmed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from chalicelib.core.confirm import Confirmation
from chalicelib.core.errors import ConditionFailedError, SignatureError
from chalicelib.core.message import Card, Delivery, Outgoing
from chalicelib.core.ports import Absent, Attribute, Delete, Equals, Item, Put, Table, Update, Write
from chalicelib.store import keys
from chalicelib.store.body import instant, number_of, text_of
from chalicelib.store.codec import AT, COUNT, OWNER, UNTIL, expiry, row
from chalicelib.store.fencing import busy, every
from chalicelib.store.talk import (
    ATTEMPTS,
    DIGEST,
    FREE,
    as_card,
    as_confirmation,
    as_outgoing,
    as_said,
    card_items,
    confirmation_digest,
    confirmation_item,
    outgoing_item,
    said_item,
)

_FEWEST_DIGITS: Final = 4
# Numbers that are looked at of one length before they become longer.
_DRAWS: Final = 6
_MOST_DIGITS: Final = 9
# Clocks differ by so much: whoever is woken early counts on no other ring.
_SOON: Final = timedelta(seconds=1)


class Draw(Protocol):
    """Draws a number below the one given."""

    def __call__(self, below: int, /) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TableChats:
    table: Table
    draw: Draw = field(default=secrets.randbelow)

    # --- what was said

    def store(self, delivery: Delivery) -> bool:
        # That it was heard is a row of its own, which stays when it is answered.
        known = row(
            keys.heard(delivery.source, delivery.delivery_id),
            {AT: instant(delivery.received_at)},
            expires=expiry(delivery.received_at, keys.CHAT_LIFE),
        )
        sealed = _sealed(delivery)
        try:
            self.table.write([Put(item=known, when=Absent()), Put(item=said_item(delivery)), *sealed])
        except ConditionFailedError as error:
            if 0 not in error.failed:
                raise SignatureError("callback refused") from error
            # Known, but perhaps proven anew: that proof is used up, too.
            self._use_up(sealed)
            return False
        return True

    def _use_up(self, sealed: Sequence[Put]) -> None:
        if sealed:
            with suppress(ConditionFailedError):
                self.table.write(sealed)

    def waiting(self, source: str) -> Sequence[Delivery]:
        return [as_said(item) for item in every(self.table, keys.said(source))]

    def claim(self, delivery: Delivery, owner: str, now: datetime, until: datetime) -> int | None:
        item = self.table.get(*_said(delivery))
        if item is None or _is_taken(item, owner, now):
            return None
        taken = number_of(item, COUNT)
        if text_of(item, OWNER) == owner:  # says anew until when, which is not taking it once more
            return taken - 1 if self._change(item, Equals(OWNER, owner), {UNTIL: instant(until)}) else None
        claimed: Mapping[str, Attribute] = {OWNER: owner, UNTIL: instant(until), COUNT: taken + 1}
        return taken if self._change(item, Equals(COUNT, taken), claimed) else None

    def answered(self, delivery: Delivery, replies: Sequence[Outgoing]) -> None:
        partition, sort = _said(delivery)
        off = Delete(partition=partition, sort=sort, when=Equals(AT, instant(delivery.received_at)))
        left = self._numbered(replies)
        while True:
            try:
                self.table.write([off, *(write for number, each in left for write in _put(each, number))])
            except ConditionFailedError as error:
                if 0 in error.failed:
                    return
                # An answer that was put out already is not put out again.
                known = {(position - 1) // 2 for position in error.failed}
                left = [each for index, each in enumerate(left) if index not in known]
                continue
            return

    # --- what is to be said

    def put(self, outgoing: Sequence[Outgoing]) -> None:
        for number, each in self._numbered(outgoing):
            try:
                self.table.write(_put(each, number))
            except ConditionFailedError:
                continue

    def outgoing(self, source: str) -> Sequence[Outgoing]:
        return [as_outgoing(item) for item in every(self.table, keys.outgoing(source))]

    def hold(self, outgoing: Outgoing, owner: str, now: datetime, until: datetime) -> bool:
        item = self._outgoing(outgoing)
        if item is None or _is_taken(item, owner, now) or number_of(item, ATTEMPTS) != outgoing.attempts:
            return False
        count = number_of(item, COUNT)
        held: Mapping[str, Attribute] = {OWNER: owner, UNTIL: instant(until), COUNT: count + 1}
        return self._change(item, Equals(COUNT, count), held)

    def later(self, outgoing: Outgoing) -> None:
        item = self._outgoing(outgoing)
        if item is not None:
            count = number_of(item, COUNT)
            not_before = FREE if outgoing.not_before is None else instant(outgoing.not_before)
            free: Mapping[str, Attribute] = {OWNER: FREE, UNTIL: FREE, COUNT: count + 1}
            later: Mapping[str, Attribute] = {AT: not_before, ATTEMPTS: outgoing.attempts, **free}
            self._change(item, Equals(COUNT, count), later)

    def sent(self, outgoing: Outgoing, card: Card | None) -> None:
        writes: list[Write] = [Put(item=item) for item in card_items(card)] if card is not None else []
        item = self._outgoing(outgoing)
        if item is not None:
            writes.append(Delete(partition=item.partition, sort=item.sort))
        if writes:
            self.table.write(writes)

    def rings(self, source: str, now: datetime, due: datetime) -> bool:
        # Rivals may both be told True: one ring too many breaks nothing, one for each message would never end.
        place = keys.chat_ring(source)
        item = self.table.get(*place)
        if item is not None and instant(now + _SOON) < text_of(item, AT) <= instant(due):
            return False
        self.table.write([Put(item=row(place, {AT: instant(due)}, expires=expiry(due, keys.CHAT_LIFE)))])
        return True

    # --- cards that follow a task

    def cards(self, task: str) -> Sequence[Card]:
        return [as_card(item) for item in every(self.table, keys.cards(task))]

    def showing(self, source: str) -> Sequence[Card]:
        return [as_card(item) for item in every(self.table, keys.showing(source))]

    def edited(self, card: Card, *, is_last: bool) -> None:
        among, showing = card_items(card)
        off = Delete(partition=showing.partition, sort=showing.sort)
        self.table.write([Put(item=among), off if is_last else Put(item=showing)])

    # --- what must be confirmed

    def ask_to_confirm(self, draft: Confirmation) -> Confirmation:
        # Drawn, not counted: rivals seldom meet, and nobody guesses the number of what somebody else asks next.
        for digits in range(_FEWEST_DIGITS, _MOST_DIGITS + 1):
            least = 10 ** (digits - 1)
            for _ in range(_DRAWS):
                asked = replace(draft, number=str(least + self.draw(9 * least)))
                try:
                    self.table.write([Put(item=confirmation_item(asked), when=Absent())])
                except ConditionFailedError:
                    continue
                return asked
        raise busy()

    def confirmation(self, source: str, number: str) -> Confirmation | None:
        if not number.isascii() or not number.isdecimal() or len(number) > _MOST_DIGITS:
            return None
        item = self.table.get(*keys.confirmation(source, number))
        return None if item is None else as_confirmation(item)

    def decide(self, before: Confirmation, after: Confirmation) -> bool:
        unchanged = Equals(DIGEST, confirmation_digest(before))
        try:
            self.table.write([Put(item=confirmation_item(after), when=unchanged)])
        except ConditionFailedError:
            return False
        return True

    # --- rows

    def _numbered(self, outgoing: Sequence[Outgoing]) -> Sequence[tuple[int, Outgoing]]:
        """Number what is put, after what waits from the same instant."""
        moments = {(each.to.source, each.created_at) for each in outgoing}
        first = {moment: self._next_number(*moment) for moment in moments}
        return [(first[each.to.source, each.created_at] + index, each) for index, each in enumerate(outgoing)]

    def _next_number(self, source: str, created_at: datetime) -> int:
        prefix = f"{instant(created_at)}#"
        last = self.table.query(keys.outgoing(source), prefix=prefix, backward=True, limit=1).items
        return keys.outgoing_number(last[0].sort) + 1 if last else 0

    def _outgoing(self, outgoing: Outgoing) -> Item | None:
        """Find the row of what is to be said; its number among those of one instant is known to nobody else."""
        prefix = f"{instant(outgoing.created_at)}#"
        for item in every(self.table, keys.outgoing(outgoing.to.source), prefix=prefix):
            if keys.is_outgoing(item.sort, outgoing.outgoing_id):
                return item
        return None

    def _change(self, item: Item, when: Equals, attributes: Mapping[str, Attribute]) -> bool:
        """Change a row that was read, unless somebody else did meanwhile."""
        try:
            self.table.write([Update(partition=item.partition, sort=item.sort, attributes=attributes, when=when)])
        except ConditionFailedError:
            return False
        return True


def _sealed(delivery: Delivery) -> Sequence[Put]:
    """Note what a seal was used for; there is nothing to note where the proof covers the body."""
    if not delivery.seal:
        return ()
    place = keys.seal(delivery.source, delivery.seal)
    used = row(place, {AT: instant(delivery.received_at)}, expires=expiry(delivery.received_at, keys.CHAT_LIFE))
    return (Put(item=used, when=Absent()),)


def _said(delivery: Delivery) -> keys.Place:
    return keys.said_thing(delivery.source, instant(delivery.received_at), delivery.delivery_id)


def _is_taken(item: Item, owner: str, now: datetime) -> bool:
    """Tell whether somebody else has it whose time has not run out."""
    return text_of(item, OWNER) != owner and text_of(item, UNTIL) > instant(now)


def _put(outgoing: Outgoing, number: int) -> Sequence[Put]:
    known = row(
        keys.put(outgoing.to.source, outgoing.outgoing_id),
        {AT: instant(outgoing.created_at)},
        expires=expiry(outgoing.created_at, keys.CHAT_LIFE),
    )
    return [Put(item=known, when=Absent()), Put(item=outgoing_item(outgoing, number))]
