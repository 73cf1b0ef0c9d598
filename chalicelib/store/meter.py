"""How many calls to its vendor a source has cost, and what else its tasks asked for: one row for each month and cause.

It is written when work ends.

A task's calls are counted by the transaction that ends it: see `store/tasks.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chalicelib.core.budget import Cause, Spent, Usage, month_of
from chalicelib.core.errors import ConditionFailedError
from chalicelib.core.ports import Absent, Equals, Item, Put, Table
from chalicelib.store import keys
from chalicelib.store.body import BODY, Body, folded, number_of
from chalicelib.store.codec import REVISION, expiry, row
from chalicelib.store.fencing import busy, every

_TRIES: Final = 20
_COUNTS: Final = ("seconds", "keys", "written")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableMeter:
    table: Table

    def add(self, source: str, at: datetime, cause: Cause, calls: Mapping[str, int]) -> None:
        for _ in range(_TRIES):
            kept = self.table.get(*keys.calls(source, month_of(at), cause))
            try:
                self.table.write([counted(kept, source, at, cause, Usage(calls=calls, tasks=1))])
            except ConditionFailedError:
                continue
            return
        raise busy()

    def month(self, source: str, month: str) -> Spent:
        rows = every(self.table, keys.calls_of(source), prefix=f"{month}#")
        return {Cause(item.sort.partition("#")[2]): _usage(item) for item in rows}


def counted(kept: Item | None, source: str, at: datetime, cause: Cause, usage: Usage) -> Put:
    """Add to the row of a month and cause, as long as nobody else has added to it."""
    revision = 0 if kept is None else number_of(kept, REVISION)
    total = usage if kept is None else _usage(kept).plus(usage)
    counts = {name: getattr(total, name) for name in _COUNTS if getattr(total, name)}
    attributes = {BODY: folded({"calls": dict(total.calls), "tasks": total.tasks, **counts}), REVISION: revision + 1}
    place = keys.calls(source, month_of(at), cause)
    when = Absent() if kept is None else Equals(REVISION, revision)
    return Put(item=row(place, attributes, expires=expiry(at, keys.CALLS_LIFE)), when=when)


def _usage(item: Item) -> Usage:
    body = Body.of(item)
    counts = {name: body.number(name) for name in _COUNTS if body.has(name)}
    return Usage(calls=body.numbers("calls"), tasks=body.number("tasks"), **counts)
