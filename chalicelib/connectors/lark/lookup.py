"""Asking Lark for people and departments by name (law 2): fifty at a time, and singly where that gives no answer.

Source: Feishu contact v3, "get users in batch", "get a user", "get departments in batch", "get a department".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol, TypeVar

from chalicelib.connectors.lark.answers import RefusedError
from chalicelib.connectors.lark.client import MOST_IDS, LarkClient, Row
from chalicelib.connectors.lark.records import Records
from chalicelib.core.errors import SourceDeniedError
from chalicelib.core.model import Key, Kind, Remark, SourceRecord, State
from chalicelib.core.ports import Clock
from chalicelib.core.presence import Found, Gone, Hidden, Presence, Unclear

OUT_OF_RANGE: Final = frozenset({40004, 40014, 41050})
# Said of departments only: a person's id that is not known any more may just as well be of another tenant.
DEPARTMENT_GONE: Final = frozenset({40015, 41017})
DEPARTMENT_UNKNOWN: Final = frozenset({40008, 99992357})

A = TypeVar("A")
R = TypeVar("R")


class Each(Protocol):
    """Do work for many items, in turn (`map`) or many at a time (`LarkClient.each`)."""

    def __call__(self, work: Callable[[A], R], items: Iterable[A], /) -> Iterator[R]: ...


class Lookup:
    def __init__(self, *, client: LarkClient, records: Records, clock: Clock) -> None:
        self._client = client
        self._records = records
        self._clock = clock
        self._batch_denied: set[Kind] = set()

    def ask(self, keys: Sequence[Key], each: Each) -> Mapping[Key, Presence]:
        """Ask for every key; the answer has every key."""
        wanted = tuple(dict.fromkeys(keys))
        answers: dict[Key, Presence] = {}
        for batch in each(self._batch, _chunks(wanted)):
            answers |= batch
        missing = [key for key in wanted if key not in answers]
        for key, presence in each(lambda key: (key, self.one(key)), missing):
            answers[key] = presence
        return answers

    def one(self, key: Key) -> Presence:
        """Ask for one key."""
        asked_at = self._clock.now()
        try:
            if key.kind is Kind.EMPLOYEE:
                record = self._records.user(*self._client.user(key.external_id))
            else:
                record = self._records.department(*self._client.department(key.external_id))
        except RefusedError as refused:
            return _refused(key.kind, refused.number, asked_at)
        if record.key != key:
            return Unclear(observed_at=asked_at, why=_why("answer unclear", "another id"))
        return _present(record)

    def _batch(self, keys: Sequence[Key]) -> Mapping[Key, Presence]:
        """Ask for keys of one kind at once; those without an answer are missing from the result."""
        kind = keys[0].kind
        if kind in self._batch_denied:
            return {}
        ids = [key.external_id for key in keys]
        try:
            page = self._client.users(ids) if kind is Kind.EMPLOYEE else self._client.departments(ids)
        except RefusedError:
            # One id that it does not like is enough to have the whole batch refused.
            return {}
        except SourceDeniedError as denied:
            if denied.code != "permission missing":
                raise
            self._batch_denied.add(kind)
            return {}
        make: Callable[[Row, datetime], SourceRecord] = (
            self._records.user if kind is Kind.EMPLOYEE else self._records.department
        )
        shown = (make(row, page.observed_at) for row in page.rows)
        asked = frozenset(keys)
        return {record.key: _present(record) for record in shown if record.key in asked}


def _present(record: SourceRecord) -> Presence:
    if record.fields.get("state") == State.LEFT:
        return Gone(observed_at=record.observed_at)
    return Found(record=record)


def _refused(kind: Kind, number: int, asked_at: datetime) -> Presence:
    if kind is Kind.DEPARTMENT and number in DEPARTMENT_GONE:
        return Gone(observed_at=asked_at)
    if number in OUT_OF_RANGE:
        return Hidden(observed_at=asked_at, why=_why("outside the range", number))
    return Unclear(observed_at=asked_at, why=_why("answer unclear", number))


def _why(message: str, code: str | int) -> Remark:
    return Remark(code=message, facts={"code": code})


def _chunks(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    for kind in Kind:
        of_kind = [key for key in keys if key.kind is kind]
        for start in range(0, len(of_kind), MOST_IDS):
            yield of_kind[start : start + MOST_IDS]
