"""Who did what. Lines are added and read, never changed; they end by themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from chalicelib.core.errors import ConditionFailedError
from chalicelib.core.ports import Absent, AuditLine, Item, Put, Table
from chalicelib.store import keys
from chalicelib.store.body import instant
from chalicelib.store.codec import AT, as_audit_line, audit_item, expiry, row


@dataclass(frozen=True, slots=True, kw_only=True)
class TableAudit:
    """`life` is for how long the lines are kept that are noted from now on."""

    table: Table
    life: timedelta = keys.AUDIT_LIFE

    def note(self, line: AuditLine) -> None:
        writes = [Put(item=audit_item(line, self.life))]
        if line.principal.message:
            # Whoever answers a message may be killed between the verb and the answer, and the verb is then run again:
            # perhaps to find that what it is to do has been done. The first time is what happened.
            place = keys.noted(line.principal.door, line.principal.message, line.verb)
            known = row(place, {AT: instant(line.at)}, expires=expiry(line.at, keys.CHAT_LIFE))
            writes.append(Put(item=known, when=Absent()))
        with suppress(ConditionFailedError):
            self.table.write(writes)

    def recent(self, limit: int) -> Sequence[AuditLine]:
        return self.search(limit=limit)

    def search(
        self,
        *,
        types: Collection[str] = (),
        by: str | None = None,
        outcome: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int,
    ) -> Sequence[AuditLine]:
        lines = map(as_audit_line, self._between(since, until, limit))
        wanted = (
            line
            for line in lines
            if by in (None, line.principal.key) and outcome in (None, line.outcome) and _is_of(line, types)
        )
        return list(islice(wanted, limit))

    def _between(self, since: datetime | None, until: datetime | None, page: int) -> Iterator[Item]:
        """Read back from `until`, no further than `since`: the sort keys begin with the instant."""
        after = None if until is None else instant(until)
        first = "" if since is None else instant(since)
        while True:
            read = self.table.query(keys.AUDIT, after=after, backward=True, limit=max(page, 1))
            for item in read.items:
                if item.sort < first:
                    return
                yield item
            if read.resume is None:
                return
            after = read.resume


def _is_of(line: AuditLine, types: Collection[str]) -> bool:
    return not types or any(line.verb == each or line.verb.startswith(f"{each} ") for each in types)
