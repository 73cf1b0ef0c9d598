"""Links, entries and search aliases (laws 3 and 6): the outcome of a row and what it writes change together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chalicelib.core.diff import changed
from chalicelib.core.errors import ConditionFailedError
from chalicelib.core.model import Entry, Key, Kind, Link, State
from chalicelib.core.ports import Absent, Before, Check, Delete, Equals, Put, Table, Update, Write
from chalicelib.core.task import Fence, Outcome, RowStatus, SyncRecord
from chalicelib.store import aliases, keys
from chalicelib.store.body import instant, text_of
from chalicelib.store.codec import (
    OBSERVED_AT,
    REVISION,
    STATUS,
    THROUGH,
    as_entry,
    as_link,
    entry_item,
    link_item,
    row,
)
from chalicelib.store.fencing import every, holds_lease, lease_check, lease_lost, packs

# The lease and the last full read are checked once for all rows of a transaction.
_SHARED_CHECKS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A row and what it writes."""

    record: SyncRecord
    writes: tuple[Write, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDirectory:
    table: Table

    def links(self, source: str) -> Iterator[Link]:
        return (as_link(item) for partition in keys.links(source) for item in every(self.table, partition))

    def links_of(self, keys_: Sequence[Key]) -> Mapping[Key, Link]:
        found = self.table.get_many([keys.link(key) for key in keys_])
        links = (as_link(item) for item in found.values())
        return {link.key: link for link in links}

    def entries(self, entry_ids: Sequence[str]) -> Mapping[str, Entry]:
        found = self.table.get_many([keys.entry(entry_id) for entry_id in entry_ids])
        return {item.sort: as_entry(item) for item in found.values()}

    def listing(self, kind: Kind) -> Iterator[Entry]:
        prefix = keys.initial(kind)
        return (as_entry(item) for part in keys.entries() for item in every(self.table, part, prefix=prefix))

    def search(self, text: str, limit: int) -> Sequence[Entry]:
        found: dict[str, None] = {}
        for question in aliases.questions(text):
            for item in every(self.table, keys.aliases(question), prefix=question):
                found[item.sort.rpartition("#")[2]] = None
                if len(found) >= limit:
                    break
        wanted = list(found)[:limit]
        entries = self.entries(wanted)
        return [entries[entry_id] for entry_id in wanted if entry_id in entries]

    def apply(self, fence: Fence, rows: Sequence[SyncRecord]) -> Sequence[Outcome]:
        before = self.entries([record.entry_id for record in rows if record.revision])
        drafts = [_draft(fence, record, before.get(record.entry_id)) for record in rows]
        outcomes: list[Outcome] = []
        for pack in packs(drafts, lambda draft: draft.writes, shared=_SHARED_CHECKS):
            outcomes += self._apply(fence, pack)
        return outcomes

    def relink(self, fence: Fence, links: Sequence[Link]) -> None:
        kept = self.links_of([link.key for link in links])
        puts = [_relink(kept.get(link.key), link) for link in links]
        for pack in packs([put for put in puts if put is not None], lambda put: (put,), shared=1):
            self._relink(fence, pack)

    def _apply(self, fence: Fence, drafts: Sequence[_Draft]) -> list[Outcome]:
        checks = [lease_check(fence), _read_check(fence, drafts)]
        try:
            self.table.write([*checks, *(write for draft in drafts for write in draft.writes)])
        except ConditionFailedError:
            if len(drafts) == 1:
                return [self._why(fence, drafts[0].record)]
            middle = len(drafts) // 2
            return [*self._apply(fence, drafts[:middle]), *self._apply(fence, drafts[middle:])]
        return [Outcome.APPLIED] * len(drafts)

    def _why(self, fence: Fence, record: SyncRecord) -> Outcome:
        """Tell by reading why a row was not written."""
        if not holds_lease(self.table, fence):
            raise lease_lost()
        link, plan_row, read = keys.link(record.key), keys.plan_row(record.task, record.key), keys.read(fence.source)
        found = self.table.get_many([link, plan_row, read])
        if plan_row in found and text_of(found[plan_row], STATUS) == RowStatus.APPLIED:
            return Outcome.ALREADY
        observed_at = instant(record.observed_at)
        if read in found and text_of(found[read], THROUGH) >= observed_at:
            return Outcome.SUPERSEDED
        if link in found:
            kept_at = text_of(found[link], OBSERVED_AT)
            if kept_at > observed_at or (kept_at == observed_at and as_link(found[link]).task != record.task):
                return Outcome.SUPERSEDED
        return Outcome.STALE

    def _relink(self, fence: Fence, puts: Sequence[Put]) -> None:
        try:
            self.table.write([lease_check(fence), *puts])
        except ConditionFailedError:
            if len(puts) > 1:
                middle = len(puts) // 2
                self._relink(fence, puts[:middle])
                self._relink(fence, puts[middle:])
            elif not holds_lease(self.table, fence):
                raise lease_lost() from None


def _draft(fence: Fence, record: SyncRecord, before: Entry | None) -> _Draft:
    """Say what a row writes; `before` is the entry of a moment ago, of which the origins of other fields are kept."""
    if record.status is not RowStatus.PLANNED:
        raise ValueError(f"a row that is {record.status} is not applied")
    if record.key.source != fence.source:
        raise ValueError("a row of another source than the lease's")
    if record.after.get("state") is None:
        raise ValueError("a row without a state after it is not applied")
    entry = Entry(
        entry_id=record.entry_id,
        key=record.key,
        values=record.after,
        revision=record.revision + 1,
        observed_at=record.observed_at,
        origins=_origins(record, before),
    )
    link = Link(
        key=record.key,
        entry_id=record.entry_id,
        digest=record.digest,
        observed_at=record.observed_at,
        state=State(str(record.after["state"])),
        task=record.task,
    )
    link_row, plan_row = link_item(link), keys.plan_row(record.task, record.key)
    known = Equals(REVISION, record.revision) if record.revision else Absent()
    return _Draft(
        record=record,
        writes=(
            Put(item=entry_item(entry), when=known),
            Put(item=link_row, when=Before(OBSERVED_AT, link_row.attributes[OBSERVED_AT])),
            Update(
                partition=plan_row[0],
                sort=plan_row[1],
                attributes={STATUS: RowStatus.APPLIED},
                when=Equals(STATUS, RowStatus.PLANNED),
            ),
            *_alias_writes(record),
        ),
    )


def _origins(record: SyncRecord, before: Entry | None) -> Mapping[str, str]:
    """Name for each field the task that changed it last, as far as that was ever kept."""
    known = {} if before is None else before.origins
    return {**known, **dict.fromkeys(changed(record.before, record.after), record.task)}


def _alias_writes(record: SyncRecord) -> Iterator[Put | Delete]:
    before = aliases.aliases(record.key.kind, record.before)
    after = aliases.aliases(record.key.kind, record.after)
    for text in sorted(before - after):
        partition, sort = keys.alias(text, record.entry_id)
        yield Delete(partition=partition, sort=sort)
    for text in sorted(after - before):
        yield Put(item=row(keys.alias(text, record.entry_id), {}))


def _read_check(fence: Fence, drafts: Sequence[_Draft]) -> Check:
    partition, sort = keys.read(fence.source)
    earliest = min(draft.record.observed_at for draft in drafts)
    return Check(partition=partition, sort=sort, when=Before(THROUGH, instant(earliest)))


def _relink(kept: Link | None, link: Link) -> Put | None:
    """Condition a link on what was kept a moment ago; None when that is newer.

    A link that is written again for a new digest or `unseen_since` usually carries the instant it was read with.
    """
    if kept is None or kept.observed_at < link.observed_at:
        return Put(item=link_item(link), when=Before(OBSERVED_AT, instant(link.observed_at)))
    if kept.observed_at == link.observed_at:
        return Put(item=link_item(link), when=Equals(OBSERVED_AT, instant(link.observed_at)))
    return None
