"""Whose entry a key would get, for whoever only tries what a sync would do: nothing is written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from chalicelib.core.model import Entry, Key, Link, State
from chalicelib.core.ports import Catalog, Directory
from chalicelib.core.source import Source
from chalicelib.core.task import SyncRecord
from chalicelib.sync.adopt import Adoption, IsHere, Taken, adopting


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    catalog: Catalog
    directory: Directory

    def adopted(
        self, source: Source, rows: Sequence[SyncRecord], is_here: IsHere, uprooted: Collection[Key]
    ) -> Mapping[Key, SyncRecord]:
        """Give the rows that a plan has instead of those of these that would create somebody who is there already."""
        adoption = self._adoption(source)
        for row in rows:
            adoption.note(row.key, row.entry_id, row.after)
        verdicts = adoption.judge(is_here, uprooted=lambda: uprooted)
        return {row.key: adopting(row, verdicts[row.key]) for row in rows if row.key in verdicts}

    def taken_over(self, source: Source, shown: Sequence[tuple[Link, Entry, SyncRecord]]) -> Mapping[Key, SyncRecord]:
        """Give the rows of those links to another one's entry that become its owner; each with what it shows."""
        owners = self.directory.links_of(sorted({entry.key for _, entry, _ in shown}))
        adoption = self._adoption(source)
        return {
            link.key: adopting(row, Taken(entry=entry))
            for link, entry, row in shown
            if adoption.takes_over(link, State(str(row.after.get("state") or link.state)), entry, owners.get(entry.key))
        }

    def _adoption(self, source: Source) -> Adoption:
        handles = cache(lambda: {each.uid: each.handle for each in self.catalog.sources()})
        return Adoption(source=source, directory=self.directory, handles=handles)
