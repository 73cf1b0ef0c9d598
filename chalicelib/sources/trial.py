"""What a mapping would change, told from the last snapshot: no vendor is asked, nothing is written.

It is the middle of the pipeline (map, diff, match, guard) over what a run has read before. Who is missing in the
snapshot, or was observed later by an event, is left out: their values are not known here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final, Protocol

from chalicelib.core.diff import Action, Change, changed, diff, is_empty
from chalicelib.core.guard import Candidate, check
from chalicelib.core.mapping import Mapped, Unmappable, Vocabulary, map_record
from chalicelib.core.matching import STEP
from chalicelib.core.model import NOTHING, Entry, Key, Kind, Link, Remark, SourceRecord, State, Values, new_entry_id
from chalicelib.core.ports import Directory
from chalicelib.core.presence import Found
from chalicelib.core.source import Source
from chalicelib.core.task import Evidence, RowStatus, Snapshot, SyncRecord

_ENTRIES_AT_ONCE: Final = 200
NO_REMOVALS: Final[Mapping[Kind, int]] = MappingProxyType({})
# So often it is tried again because references lead to entries that were matched.
_MOST_PASSES: Final = 3


class Foresight(Protocol):
    """What a sync knows of whose entry a key gets."""

    def adopted(
        self, source: Source, rows: Sequence[SyncRecord], is_here: Callable[[Key], bool], uprooted: Collection[Key]
    ) -> Mapping[Key, SyncRecord]:
        """Give the rows that a plan has instead of those of these that would create somebody who is there already."""
        ...

    def taken_over(self, source: Source, shown: Sequence[tuple[Link, Entry, SyncRecord]]) -> Mapping[Key, SyncRecord]:
        """Give the rows of those links to another one's entry that become its owner; each with what it shows."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """How often a field would change, and how often it would lose its value."""

    changed: int
    emptied: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What would come of a sync that read the same once more.

    `rows` are the first of those that change or are refused, as a plan would have them; `counts` are of all.
    `held`: so many of them would wait for a person. `conflicts`: of so many a person must say which entry is
    theirs. `newer`: so many were observed after the snapshot was read. `unshown` are source fields that the mapping
    names, and nobody in the snapshot has.
    """

    source: Source
    snapshot: Snapshot
    rows: tuple[SyncRecord, ...]
    counts: Mapping[Kind, Mapping[Action, int]]
    fields: Mapping[tuple[Kind, str], Touched]
    refused: Mapping[str, int]
    unchanged: Mapping[Kind, int]
    held: int
    conflicts: int
    newer: int
    unshown: tuple[str, ...]

    @property
    def total(self) -> int:
        """Count what changes, is refused or in conflict."""
        return self.conflicts + sum(self.refused.values()) + sum(sum(each.values()) for each in self.counts.values())


def trial(
    source: Source,
    vocabulary: Vocabulary,
    snapshot: Snapshot,
    directory: Directory,
    foresight: Foresight,
    recent: Mapping[Kind, int] = NO_REMOVALS,
    *,
    most: int | None = None,
) -> Trial:
    """Try the mapping of `source` on a snapshot; at most so many rows are kept.

    `recent` counts the removals of the last hour, as the guard does.
    """
    links = {link.key: link for link in directory.links(source.uid)}
    met: Mapping[Key, str] = {}
    for _ in range(_MOST_PASSES):
        attempt = _Attempt(
            source=source,
            directory=directory,
            foresight=foresight,
            vocabulary=vocabulary,
            most=most,
            links=links,
            met=met,
        )
        attempt.look_over(snapshot)
        for records in _in_portions(snapshot):
            attempt.take(records)
        matched = attempt.adopt()
        if matched == met:
            break
        met = matched
    return attempt.ended(snapshot, recent)


def _in_portions(snapshot: Snapshot) -> Iterator[Sequence[SourceRecord]]:
    """Yield the answers about people by name first: they show more than lists, and settle what lists show twice."""
    for name in sorted(snapshot.sightings):
        yield [each.record for each in snapshot.sightings[name].presences.values() if isinstance(each, Found)]
    for name in sorted(snapshot.parts):
        yield snapshot.parts[name].records


@dataclass(slots=True, kw_only=True)
class _Attempt:
    source: Source
    directory: Directory
    foresight: Foresight
    vocabulary: Vocabulary
    most: int | None
    links: Mapping[Key, Link]
    # The entries of those who were matched when this was tried before.
    met: Mapping[Key, str]
    listed: set[Key] = field(default_factory=set)
    seen: dict[Key, tuple[datetime, str]] = field(default_factory=dict)
    rows: dict[Key, SyncRecord] = field(default_factory=dict)
    # Of every row, whether it is kept or not: what is counted and what the guard must know.
    told: dict[Key, tuple[Action, tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)
    candidates: dict[Key, Candidate] = field(default_factory=dict)
    refused: dict[Key, str] = field(default_factory=dict)
    # Who would be created and may be matched; those in conflict; who has left; departments below what is out of scope.
    creates: dict[Key, SyncRecord] = field(default_factory=dict)
    conflicts: set[Key] = field(default_factory=set)
    left: set[Key] = field(default_factory=set)
    uprooted: set[Key] = field(default_factory=set)
    left_out: bool = False
    newer: set[Key] = field(default_factory=set)
    shown: set[tuple[Kind, str]] = field(default_factory=set)
    custom: frozenset[str] = frozenset()
    shown_custom: frozenset[str] = frozenset()

    def look_over(self, snapshot: Snapshot) -> None:
        """Note whom the walk listed, and which of the company's own fields anybody has.

        Those that the mapping did not name when they were read are shown where they have a value, and covered nowhere
        else: if somebody has one, others have none.
        """
        known = self.vocabulary.employees
        names = {name for rule in self.source.mapping.employees for name in rule.reads}
        self.custom = frozenset(name for name in names if known and name not in known)
        found: set[str] = set()
        for part in snapshot.parts.values():
            self.listed.update(record.key for record in part.records)
            if self.custom:
                for record in part.records:
                    found.update(self.custom.intersection(record.fields))
        self.shown_custom = frozenset(found)

    def take(self, records: Sequence[SourceRecord]) -> None:
        mapped = [each for record in records if (each := self._mapped(record)) is not None]
        for start in range(0, len(mapped), _ENTRIES_AT_ONCE):
            self._compare(mapped[start : start + _ENTRIES_AT_ONCE])

    def _mapped(self, record: SourceRecord) -> Mapped | Unmappable | None:
        """Map a record, unless it says nothing new; of two that differ the later one counts."""
        key = record.key
        by_name = key not in self.listed
        if by_name and not self.source.scope.is_everything:
            return None  # whether they lie within the chosen departments was for the run to find out
        link = self.links.get(key)
        if link is not None and link.observed_at > record.observed_at:
            self.newer.add(key)
            return None
        self.left_out = False
        mapped = map_record(self._with_custom(record), self.source.mapping, self._resolve)
        fingerprint = mapped.digest if isinstance(mapped, Mapped) else ""
        known = self.seen.get(key)
        if known is not None and (known[0] >= record.observed_at or known[1] == fingerprint):
            return None
        self.seen[key] = (record.observed_at, fingerprint)
        self._forget(key)
        if isinstance(mapped, Mapped):
            self.shown.update((key.kind, name) for name, value in mapped.values.items() if not is_empty(value))
            if mapped.values.get("state") == State.LEFT:
                self.left.add(key)
            if self.left_out and key.kind is Kind.DEPARTMENT and is_empty(mapped.values.get("parent")):
                self.uprooted.add(key)
            is_known = link is not None and link.entry_id and not link.owner
            if link is not None and is_known and link.digest == mapped.digest and not record.details:
                return None
        return mapped

    def _with_custom(self, record: SourceRecord) -> SourceRecord:
        missing = self.shown_custom - record.covers
        if record.key.kind is Kind.DEPARTMENT or not missing or record.covers <= record.fields.keys():
            return record
        return replace(record, covers=record.covers | missing)

    def _resolve(self, kind: Kind, external_id: str) -> str:
        key = Key(self.source.uid, kind, external_id)
        link = self.links.get(key)
        known = link is not None and link.entry_id and link.state is not State.LEFT
        if kind is Kind.DEPARTMENT and not self.source.scope.is_everything and key not in self.listed and not known:
            self.left_out = True
            return ""
        return self.met.get(key) or self._entry_id(key)

    def _entry_id(self, key: Key) -> str:
        link = self.links.get(key)
        return link.entry_id if link is not None and link.entry_id else new_entry_id(key)

    def _forget(self, key: Key) -> None:
        for each in (self.rows, self.told, self.candidates, self.refused, self.creates):
            each.pop(key, None)
        for some in (self.left, self.uprooted):
            some.discard(key)

    def _compare(self, news: Sequence[Mapped | Unmappable]) -> None:
        wanted = {
            each.record.key: self.links[each.record.key].entry_id for each in news if each.record.key in self.links
        }
        entries = self.directory.entries(sorted({entry_id for entry_id in wanted.values() if entry_id}))
        theirs: list[tuple[Link, Entry, SyncRecord]] = []
        for each in news:
            key = each.record.key
            entry = entries.get(wanted.get(key, ""))
            if isinstance(each, Unmappable):
                self._refuse(each.record, each.why, entry)
                continue
            if entry is not None and entry.key != key:
                shown = Change(action=Action.CREATE, before=NOTHING, after=each.values)
                theirs.append((self.links[key], entry, self._row(each.record, shown, None, each.digest)))
                continue
            match diff(entry, each):
                case Change() as change:
                    row = self._row(each.record, change, entry, each.digest)
                    self._note(row)
                    self._keep(row)
                    is_new = key not in self.links or not self.links[key].entry_id
                    if entry is None and is_new and self.source.matching.fields(key.kind):
                        self.creates[key] = row
                case None:
                    continue
                case impossible:
                    self._refuse(each.record, impossible.why, entry)
        for row in self.foresight.taken_over(self.source, theirs).values() if theirs else ():
            self._note(row)
            self._keep(row)

    def adopt(self) -> Mapping[Key, str]:
        """Match those who would be created; tell which entries they would get."""
        seen = self.seen.keys() - self.left
        chosen = {
            Key(self.source.uid, Kind.DEPARTMENT, each.external_id)
            for each in self.source.scope.departments
            if STEP in each.path
        }
        rows = tuple(self.creates.values())
        uprooted = self.uprooted | (chosen - self.seen.keys())
        found = self.foresight.adopted(self.source, rows, seen.__contains__, uprooted) if rows else {}
        for key, row in found.items():
            if row.status is RowStatus.CONFLICT:
                self.conflicts.add(key)
                del self.told[key]
            else:
                self._note(row)
            if key in self.rows:
                self.rows[key] = row
        return {key: row.entry_id for key, row in found.items() if key not in self.conflicts}

    def _note(self, row: SyncRecord) -> None:
        key = row.key
        fields = changed(row.before, row.after) if row.action is not Action.CREATE else ()
        emptied = tuple(name for name in fields if is_empty(row.after.get(name)))
        self.told[key] = (row.action, fields, emptied)
        if row.action in (Action.UPDATE, Action.DEACTIVATE, Action.ADOPT):
            self.candidates[key] = Candidate.of(key, row.entry_id, row.action, row.before, row.after, unseen="")

    def _refuse(self, record: SourceRecord, why: Remark, entry: Entry | None) -> None:
        if entry is not None and entry.is_forgotten and record.fields.get("state") == State.LEFT:
            return
        before: Values = entry.values if entry else NOTHING
        change = Change(action=Action.UPDATE if entry else Action.CREATE, before=before, after=before)
        self.refused[record.key] = str(why.facts.get("field", ""))
        self._keep(self._row(record, change, entry, "").ended(RowStatus.REJECTED, why))

    def _row(self, record: SourceRecord, change: Change, entry: Entry | None, digest: str) -> SyncRecord:
        return SyncRecord(
            task="",
            key=record.key,
            entry_id=entry.entry_id if entry else self._entry_id(record.key),
            action=change.action,
            status=RowStatus.PLANNED,
            source=record.fields,
            before=change.before,
            after=change.after,
            observed_at=record.observed_at,
            digest=digest,
            revision=entry.revision if entry else 0,
            evidence=Evidence.SHOWN,
        )

    def _keep(self, row: SyncRecord) -> None:
        if self.most is None or len(self.rows) < self.most:
            self.rows[row.key] = row

    def ended(self, snapshot: Snapshot, recent: Mapping[Kind, int]) -> Trial:
        held = self._held(recent)
        counts = {kind: Counter[Action]() for kind in Kind}
        touched: Counter[tuple[Kind, str]] = Counter()
        emptied: Counter[tuple[Kind, str]] = Counter()
        for key, (action, fields, empty) in self.told.items():
            counts[key.kind][action] += 1
            touched.update((key.kind, name) for name in fields)
            emptied.update((key.kind, name) for name in empty)
        busy = self.told.keys() | self.refused.keys() | self.conflicts
        return Trial(
            source=self.source,
            snapshot=snapshot,
            rows=tuple(
                row.ended(RowStatus.HELD, held[row.key]) if row.key in held else row for row in self.rows.values()
            ),
            counts=counts,
            fields={at: Touched(changed=count, emptied=emptied[at]) for at, count in sorted(touched.items())},
            refused=Counter(self.refused.values()),
            unchanged=Counter(key.kind for key in self.seen if key not in busy),
            held=len(held),
            conflicts=len(self.conflicts),
            newer=len(self.newer - self.seen.keys()),
            unshown=tuple(sorted(self.custom - self.shown_custom)),
        )

    def _held(self, recent: Mapping[Kind, int]) -> Mapping[Key, Remark]:
        """Ask the guard, as a full run does at its end."""
        plan = tuple(self.candidates.values())
        settled = {kind: self.source.mapping.settled(kind) for kind in Kind}
        lost = Counter(
            (each.key.kind, name) for each in plan for name in each.vanished if name not in settled[each.key.kind]
        )
        lost = Counter({at: count for at, count in lost.items() if at not in self.shown})
        population = Counter(
            key.kind
            for key, link in self.links.items()
            if not link.owner and (link.state.has_access if key.kind is Kind.EMPLOYEE else link.state is not State.LEFT)
        )
        return check(self.source.guard, plan, population, recent, lost=lost)
