"""Forget a person who has left: their values are wiped, their key is kept.

Wiped at once, in this order, which may be gone through again after a kill:
- every row of a plan that holds values of theirs (what the vendor said, before, after), also those of keys that were
  theirs and are not any more; what happened to them, when and by which task stays, so that what was done can still be
  counted;
- the snapshot of the last full read of a source that shows them, whole: the next full sync takes another one;
- the entry's values and what it is found by. Its id, its keys and that it has left stay.

Not wiped, because it cannot be found by a person, and so ends by itself: what was read by a run of the last days and
not used (8 days at most), what was said in chats and waits to be said there (2 days), cards that show a task (14 days
here; what was posted is in the chat). The audit log names nobody but admins.

A sync that shows them as left, still or again, brings nothing back to the entry or the records; but as long as the
source itself shows them, each full sync reads them, and its snapshot holds what it read until the next one does not, 7
days at most. Only the source can end that. A sync that shows them as being there brings them back, as it shows them.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from chalicelib.core.audited import audited
from chalicelib.core.errors import ConflictError, NotFoundError, StoreConflictError
from chalicelib.core.model import Entry, Key, Kind, State, another_entry_id
from chalicelib.core.ports import Audit, Catalog, Clock, Directory, Tasks
from chalicelib.core.presence import Found
from chalicelib.core.principal import Principal, Role
from chalicelib.core.task import Fence, Lane, Tally

_LEASE: Final = timedelta(minutes=5)
# All that are kept.
_ALL_TASKS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """`rows` of plans were wiped; `changed` is False when the entry had been forgotten already."""

    entry: Entry
    rows: int
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    catalog: Catalog
    directory: Directory
    tasks: Tasks
    audit: Audit
    clock: Clock

    def check(self, entry_id: str) -> Entry:
        """Find somebody who may be forgotten.

        Raises:
            NotFoundError: nobody has this id.
            ConflictError: they have not left.
        """
        entry = self.directory.entries([entry_id]).get(entry_id)
        if entry is None or entry.kind is not Kind.EMPLOYEE:
            raise NotFoundError("no such entry", entry=entry_id[:40])
        if entry.state is not State.LEFT:
            raise ConflictError("has not left", entry=entry_id)
        return entry

    def forget(self, who: Principal, entry_id: str) -> Forgotten:
        """Wipe the values of somebody who has left. The audit line names the source, and nobody.

        A source that still lists them brings them back into its next snapshot, which is kept for 7 days at most.

        Raises:
            NotFoundError, ConflictError: as `check`; or something is at work on a source of theirs.
        """
        with audited(self.audit, self.clock, who, "forget", Role.OWNER) as noted:
            entry = self.check(entry_id)
            noted.source = entry.key.source
            keys = (entry.key, *entry.others)
            former = self._former(entry)
            every = (*keys, *former)
            with self._alone({key.source for key in every}) as fences:
                # What is at work has loaded what it will write.
                entry = self.check(entry_id)
                rows = sum(self.tasks.wipe_rows(key) for key in keys)
                rows += sum(self.tasks.wipe_rows(key, entry_id) for key in former)
                for source in sorted({key.source for key in every}):
                    self._drop_snapshot(source, [key for key in every if key.source == source])
                if entry.is_forgotten:
                    return Forgotten(entry=entry, rows=rows, changed=False)
                if not self.directory.forget(fences, entry):
                    raise StoreConflictError("store is busy", retry_after=1.0)
                return Forgotten(entry=entry.forgotten(), rows=rows, changed=True)

    def _former(self, entry: Entry) -> Sequence[Key]:
        """Find keys that were theirs: let go or unlinked since, or those of an owner whose source was deleted.

        A key that was let go keeps a trace in its link. Others are found in the plans of the tasks that gave the entry
        its values, and of those in which any entry got another key.
        """
        known = {entry.key, *entry.others}
        sources = {source.uid for source in self.catalog.sources()} | {key.source for key in known}
        found = {
            link.key
            for source in sources
            for link in self.directory.links(source)
            if link.entry_id == another_entry_id(link.key, entry.entry_id)
        }
        origins = frozenset(entry.origins.values())
        for task in self.tasks.recent(None, _ALL_TASKS):
            if task.task_id in origins or task.counts[entry.kind][Tally.ADOPTED]:
                found |= {row.key for row in self.tasks.rows(task.task_id) if row.entry_id == entry.entry_id}
        return sorted(found - known)

    @contextmanager
    def _alone(self, sources: Collection[str]) -> Iterator[Sequence[Fence]]:
        """Keep all workers of these sources away."""
        owner, fences = uuid.uuid4().hex, list[Fence]()
        try:
            for source in sorted(sources):
                for lane in Lane:
                    fence = self.tasks.take(source, owner, self.clock.now(), _LEASE, lane)
                    if fence is not None:
                        fences.append(fence)
                    if fence is None or self.tasks.waiting(source):
                        raise ConflictError("wait for the tasks of a source")
            yield fences
        finally:
            for fence in fences:
                self.tasks.release(fence)

    def _drop_snapshot(self, source: str, keys: Collection[Key]) -> None:
        snapshot = self.tasks.snapshot(source)
        if snapshot is None:
            return
        shown = any(record.key in keys for part in snapshot.parts.values() for record in part.records)
        if shown or any(
            isinstance(presence, Found) and key in keys
            for sighting in snapshot.sightings.values()
            for key, presence in sighting.presences.items()
        ):
            self.tasks.drop_snapshot(source)
