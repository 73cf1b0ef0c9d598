"""Links, entries and search aliases (laws 3 and 6): the outcome of a row and what it writes change together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from chalicelib.core.diff import Action, changed
from chalicelib.core.errors import ConditionFailedError
from chalicelib.core.matching import gist, same
from chalicelib.core.model import Entry, Key, Kind, Link, State, another_entry_id
from chalicelib.core.ports import Absent, Before, Check, Delete, Equals, Put, Table, Update, Write
from chalicelib.core.task import Fence, Outcome, RowStatus, SyncRecord
from chalicelib.store import aliases, keys
from chalicelib.store.body import instant, moment, text_of
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
# A value is one query, all employees are 16 and their pages: above so many values, all are read once.
_MOST_LOOKED_UP: Final = 200


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

    def holders(self, values: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Sequence[Entry]]:
        wanted: defaultdict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for field, value in set(values):
            wanted[field, gist(field, value)].append((field, value))
        fields = sorted({field for field, _ in values})
        found: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
        for entry in self.listing(Kind.EMPLOYEE) if len(values) > _MOST_LOOKED_UP else self._looked_up(values):
            for field in fields:
                own = entry.values.get(field)
                for each in wanted.get((field, gist(field, own)), ()) if isinstance(own, str) else ():
                    if same(field, own, each[1]):
                        found[each].append(entry)
        return found

    def _looked_up(self, values: Iterable[tuple[str, str]]) -> Iterable[Entry]:
        found: set[str] = set()
        for question in sorted({each for _, value in values for each in aliases.questions(value)}):
            for item in every(self.table, keys.aliases(question), prefix=f"{question}#"):
                found.add(item.sort.rpartition("#")[2])
        return self.entries(sorted(found)).values()

    def apply(self, fence: Fence, rows: Sequence[SyncRecord]) -> Sequence[Outcome]:
        before = self.entries([record.entry_id for record in rows if record.revision])
        adopted = [before[row.entry_id] for row in rows if row.action is Action.ADOPT and row.entry_id in before]
        links = self.links_of([key for entry in adopted for key in (entry.key, *entry.others)])
        fit = [row for row in rows if not _is_anothers(row, before.get(row.entry_id))]
        drafts = [_draft(fence, record, before.get(record.entry_id), links) for record in fit]
        outcomes: list[Outcome] = []
        for pack in packs(drafts, lambda draft: draft.writes, shared=_SHARED_CHECKS):
            outcomes += self._apply(fence, pack)
        if len(fit) == len(rows):
            return outcomes
        of = {draft.record.key: outcome for draft, outcome in zip(drafts, outcomes, strict=True)}
        return [of.get(record.key, Outcome.STALE) for record in rows]

    def relink(self, fence: Fence, links: Sequence[Link]) -> None:
        kept = self.links_of([link.key for link in links])
        puts = [_relink(kept.get(link.key), link) for link in links]
        for pack in packs([put for put in puts if put is not None], lambda put: (put,), shared=1):
            self._relink(fence, pack)

    def forget(self, fences: Sequence[Fence], entry: Entry) -> bool:
        texts = sorted(aliases.aliases(entry.kind, entry.values))
        again = replace(entry.forgotten(), revision=entry.revision + 1)
        writes: list[Write] = [
            Put(item=entry_item(again), when=Equals(REVISION, entry.revision)),
            *(Delete(partition=at, sort=sort) for at, sort in (keys.alias(text, entry.entry_id) for text in texts)),
        ]
        return self._is_written(fences, writes)

    def relate(self, fences: Sequence[Fence], entries: Sequence[Entry], links: Sequence[Link]) -> bool:
        kept = self.links_of([link.key for link in links])
        writes: list[Write] = []
        for link in links:
            was = kept.get(link.key)
            known = Absent() if was is None else Equals(OBSERVED_AT, moment(was.observed_at))
            writes.append(Put(item=link_item(link), when=known))
        for entry in entries:
            again = replace(entry, revision=entry.revision + 1)
            writes.append(Put(item=entry_item(again), when=Equals(REVISION, entry.revision)))
        return self._is_written(fences, writes)

    def _is_written(self, fences: Sequence[Fence], writes: Sequence[Write]) -> bool:
        """Write all under these leases; False when something was written meanwhile."""
        try:
            self.table.write([*(lease_check(fence) for fence in fences), *writes])
        except ConditionFailedError:
            if not all(holds_lease(self.table, fence) for fence in fences):
                raise lease_lost() from None
            return False
        return True

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
        if read in found and text_of(found[read], THROUGH) >= instant(record.observed_at):
            return Outcome.SUPERSEDED
        if link in found:
            kept, observed_at = as_link(found[link]), record.observed_at
            if kept.observed_at > observed_at or (kept.observed_at == observed_at and kept.task != record.task):
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


def _is_anothers(record: SyncRecord, before: Entry | None) -> bool:
    """Tell whether a row is about an entry that another key owns: only an adoption may come there."""
    return before is not None and before.key != record.key and record.action is not Action.ADOPT


def _draft(fence: Fence, record: SyncRecord, before: Entry | None, links: Mapping[Key, Link]) -> _Draft:
    """Say what a row writes; `before` is the entry of a moment ago, of which the origins of other fields are kept.

    `links` are those of entries that are adopted.
    """
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
        others=before.others if before else (),
    )
    changed_links: list[Link] = []
    if record.action is Action.ADOPT and before is not None:
        entry, changed_links = _adopted(record, entry, before, links)
    link = Link(
        key=record.key,
        entry_id=record.entry_id,
        digest=record.digest,
        observed_at=record.observed_at,
        state=record.second or State(str(record.after["state"])),
        task=record.task,
        within=record.within,
        owner=entry.key.source if record.second else "",
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
            *(Put(item=link_item(each), when=Equals(OBSERVED_AT, moment(each.observed_at))) for each in changed_links),
            *_alias_writes(record),
        ),
    )


def _adopted(record: SyncRecord, after: Entry, before: Entry, links: Mapping[Key, Link]) -> tuple[Entry, list[Link]]:
    """Say what becomes of an entry and of the links it had.

    Keys of the same source are let go: an entry has one of each, and the one it had has left; should it come back, it
    gets another entry.
    """
    keys_ = [key for key in (before.key, *before.others) if key in links and links[key].entry_id == before.entry_id]
    rivals = [key for key in keys_ if key.source == record.key.source and key != record.key]
    freed = [replace(links[key], entry_id=another_entry_id(key, before.entry_id), digest="") for key in rivals]
    stay = tuple(key for key in keys_ if key != record.key and key not in rivals)
    if record.second:
        others = (*(key for key in stay if key != before.key), record.key)
        return replace(before, revision=after.revision, others=others), freed
    moved = [replace(links[key], owner=record.key.source) for key in stay]
    return replace(after, others=stay), [*freed, *moved]


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
    if kept is not None and kept.entry_id != link.entry_id and kept.entry_id:
        return None
    if kept is None or kept.observed_at < link.observed_at:
        return Put(item=link_item(link), when=Before(OBSERVED_AT, moment(link.observed_at)))
    if kept.observed_at == link.observed_at:
        return Put(item=link_item(link), when=Equals(OBSERVED_AT, moment(link.observed_at)))
    return None
