"""Asking DingTalk for people and departments by name (law 2): one at a time, for it has no other way.

Source: DingTalk "get user details", "get department details".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from chalicelib.connectors.dingtalk.answers import RefusedError
from chalicelib.connectors.dingtalk.client import DingTalkClient
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


class Lookup:
    def __init__(self, *, client: DingTalkClient, records: Records, clock: Clock) -> None:
        self._client = client
        self._records = records
        self._clock = clock

    def ask(self, keys: Sequence[Key]) -> Mapping[Key, Presence]:
        """Ask for every key, many at a time; the answer has every key."""
        return dict(self._client.each(lambda key: (key, self.one(key)), dict.fromkeys(keys)))

    def one(self, key: Key) -> Presence:
        """Ask for one key."""
        asked_at = self._clock.now()
        if key.kind is Kind.DEPARTMENT and not key.external_id.isdecimal():
            return Unclear(observed_at=asked_at, why=_why("answer unclear", "no number"))
        try:
            if key.kind is Kind.EMPLOYEE:
                record = self._records.user(*self._client.user(key.external_id))
            else:
                record = self._records.department(*self._client.department(key.external_id))
        except RefusedError as refused:
            if refused.number in GONE[key.kind]:
                return Gone(observed_at=asked_at)
            if refused.number == OUT_OF_RANGE[key.kind]:
                return Hidden(observed_at=asked_at, why=_why("outside the range", refused.number))
            return Unclear(observed_at=asked_at, why=_why("answer unclear", refused.facts.get("code", "?")))
        if record.key != key:
            return Unclear(observed_at=asked_at, why=_why("answer unclear", "another id"))
        return Found(record=record)


def _why(message: str, code: str | int) -> Remark:
    return Remark(code=message, facts={"code": code})
