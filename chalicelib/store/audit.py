"""Who did what. Lines are added and read, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.core.ports import AuditLine, Put, Table
from chalicelib.store import keys
from chalicelib.store.codec import as_audit_line, audit_item


@dataclass(frozen=True, slots=True, kw_only=True)
class TableAudit:
    table: Table

    def note(self, line: AuditLine) -> None:
        self.table.write([Put(item=audit_item(line))])

    def recent(self, limit: int) -> Sequence[AuditLine]:
        lines: list[AuditLine] = []
        after: str | None = None
        while len(lines) < limit:
            page = self.table.query(keys.AUDIT, after=after, backward=True, limit=limit - len(lines))
            lines += [as_audit_line(item) for item in page.items]
            if page.resume is None:
                break
            after = page.resume
        return lines
