"""Asking DingTalk for people and departments by name (law 2): one at a time, for it has no other way.

Source: DingTalk "get user details", "get department details".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chalicelib.connectors.dingtalk.answers import RefusedError
from chalicelib.connectors.dingtalk.client import DingTalkClient, Row
from chalicelib.connectors.dingtalk.permissions import Coverage
from chalicelib.connectors.dingtalk.records import Records
from chalicelib.core.model import Key, Kind, Remark
from chalicelib.core.ports import Clock
from chalicelib.core.presence import Found, Gone, Hidden, Presence, Unclear

USER_GONE: Final = frozenset({60121, 33012})
USER_OUT_OF_RANGE: Final = 50002
DEPARTMENT_GONE: Final = 60003
DEPARTMENT_OUT_OF_RANGE: Final = 50004

GONE: Final[Mapping[Kind, frozenset[int]]] = {
    Kind.EMPLOYEE: USER_GONE,
    Kind.DEPARTMENT: frozenset({DEPARTMENT_GONE}),
}
OUT_OF_RANGE: Final[Mapping[Kind, int]] = {
    Kind.EMPLOYEE: USER_OUT_OF_RANGE,
    Kind.DEPARTMENT: DEPARTMENT_OUT_OF_RANGE,
}
# Said of a department in the middle of a walk: it was deleted, or taken out of our range.
VANISHED: Final = frozenset({DEPARTMENT_GONE, DEPARTMENT_OUT_OF_RANGE})


@dataclass(frozen=True, slots=True)
class _Row:
    row: Row
    observed_at: datetime


class Lookup:
    """`coverage` is what this read has proven so far, `records` makes records by another one."""

    def __init__(
        self, *, client: DingTalkClient, coverage: Coverage, records: Callable[[Coverage], Records], clock: Clock
    ) -> None:
        self._client = client
        self._coverage = coverage
        self._records = records
        self._clock = clock

    def ask(self, keys: Sequence[Key]) -> Mapping[Key, Presence]:
        """Ask for every key, many at a time; the answer has every key.

        A permission may be taken away at any moment. So that a field is empty where it is absent is proven by later
        rows only: the newest are looked at first, and before them somebody who has shown it is read once more.
        """
        answers = dict(self._client.each(lambda key: (key, self._one(key)), dict.fromkeys(keys)))
        rows = {key: answer for key, answer in answers.items() if isinstance(answer, _Row)}
        coverage = Coverage(self._coverage.mapping)
        if any(key.kind is Kind.EMPLOYEE for key in rows):
            coverage.see(self._witnessed(max(rows.values(), key=lambda read: read.observed_at).row))
        records = self._records(coverage)
        found = {
            key: self._found(key, rows[key], records)
            for key in sorted(rows, key=lambda key: rows[key].observed_at, reverse=True)
        }
        return {key: found[key] if isinstance(answer, _Row) else answer for key, answer in answers.items()}

    def _witnessed(self, newest: Row) -> Iterator[Row]:
        """Read those again who have shown what the newest row does not show."""
        seen = Coverage(self._coverage.mapping)
        seen.see([newest])
        for witness in self._coverage.witnesses(but=seen):
            try:
                yield self._client.user(witness)[0]
            except RefusedError:
                continue

    def _found(self, key: Key, read: _Row, records: Records) -> Presence:
        make = records.user if key.kind is Kind.EMPLOYEE else records.department
        record = make(read.row, read.observed_at)
        if record.key != key:
            return Unclear(observed_at=read.observed_at, why=_why("answer unclear", "another id"))
        return Found(record=record)

    def _one(self, key: Key) -> Hidden | Gone | Unclear | _Row:
        """Ask for one key."""
        asked_at = self._clock.now()
        if key.kind is Kind.DEPARTMENT and not key.external_id.isdecimal():
            return Unclear(observed_at=asked_at, why=_why("answer unclear", "no number"))
        try:
            read = self._client.user if key.kind is Kind.EMPLOYEE else self._client.department
            return _Row(*read(key.external_id))
        except RefusedError as refused:
            if refused.number in GONE[key.kind]:
                return Gone(observed_at=asked_at)
            if refused.number == OUT_OF_RANGE[key.kind]:
                return Hidden(observed_at=asked_at, why=_why("outside the range", refused.number))
            return Unclear(observed_at=asked_at, why=_why("answer unclear", refused.facts.get("code", "?")))


def _why(message: str, code: str | int) -> Remark:
    return Remark(code=message, facts={"code": code})
