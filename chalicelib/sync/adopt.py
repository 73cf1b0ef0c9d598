"""Whose entry a key gets that a source shows for the first time: one that is there already, or its own (ADR 0007).

Only keys that are about to be created are looked up, together. Law 7 stands above all: nobody gets an entry by a guess,
and nobody loses theirs by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from chalicelib.core.diff import adoption, is_empty
from chalicelib.core.matching import UNMATCHED, alike, paths
from chalicelib.core.model import Entry, Key, Kind, Link, Remark, State, Values
from chalicelib.core.ports import Directory
from chalicelib.core.source import Source
from chalicelib.core.task import RowStatus, SyncRecord

# What is kept of somebody who is about to be created: by these they are matched, a reference among them.
_LOOKED_AT: Final = ("name", "email", "mobile", "employee_no", "parent", "state")
_MOST_NAMED: Final = 5

IsHere = Callable[[Key], bool]
# The handles of the sources that there are, by uid.
Handles = Callable[[], Mapping[str, str]]
# The uids of those that are enabled.
Enabled = Callable[[], Collection[str]]
# Departments that are not the top ones they look like.
Uprooted = Callable[[], Collection[Key]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """It gets this entry: as its owner, or `second` to a source that keeps it, in the state that it shows."""

    entry: Entry
    second: State | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A person must say which entry it is."""

    why: Remark


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """An event gave it another entry since the run began: this run leaves it alone."""

    entry_id: str


Verdict = Taken | Conflict | Met


class Adoption:
    """Those who are about to be created in one run, and what was found for each."""

    def __init__(self, *, source: Source, directory: Directory, handles: Handles) -> None:
        self._source, self._directory, self._handles = source, directory, handles
        self._new: dict[Key, tuple[str, Values]] = {}
        self._verdicts: dict[Key, Verdict | None] = {}
        self._claims: defaultdict[str, set[Key]] = defaultdict(set)

    @property
    def conflicts(self) -> Collection[Key]:
        return [key for key, verdict in self._verdicts.items() if isinstance(verdict, Conflict)]

    def note(self, key: Key, entry_id: str, values: Values) -> None:
        """Remember somebody who is about to be created under this entry id."""
        if self._source.matching.fields(key.kind):
            self._new[key] = entry_id, {name: values[name] for name in _LOOKED_AT if values.get(name)}

    def judge(self, is_here: IsHere, *, uprooted: Uprooted = tuple) -> Mapping[Key, Verdict]:
        """Say what those noted since the last time get; nothing of those who are to be created.

        `is_here` tells of another key of the source whether this run has shown it as present. `uprooted` departments
        are not the top ones they look like: they have no path, nor has what lies below. Where two match the same entry,
        an earlier verdict is taken back.
        """
        noted, self._new = self._new, {}
        new = {key: each for key, each in noted.items() if key not in self._verdicts}
        candidates = {**self._people(new), **self._departments(new, uprooted)}
        links = self._links_of(entry for entries in candidates.values() for entry in entries)
        there = self._directory.links_of(list(new)) if new else {}
        rivals: set[str] = set()
        for key, (entry_id, values) in new.items():
            if key in there and (theirs := there[key].entry_id):
                # Created by an event meanwhile, it is its own: to be created once more changes nothing (law 3).
                self._verdicts[key] = None if theirs == entry_id else Met(entry_id=theirs)
                continue
            state, similar = State(str(values["state"])), candidates.get(key, ())
            found = (self.standing(key, state, entry, links, is_here) for entry in similar)
            fit = _preferred([each for each in found if each is not None])
            self._verdicts[key] = self._verdict(key, fit)
            if len(fit) == 1:
                self._claims[fit[0].entry.entry_id].add(key)
                rivals.add(fit[0].entry.entry_id)
        changed = set(noted)
        for entry_id in rivals:
            claimants = self._claims[entry_id]
            if len(claimants) > 1:
                why = self._same_for_all(entry_id, claimants)
                self._verdicts |= dict.fromkeys(claimants, Conflict(why=why))
                changed |= claimants
        return {key: verdict for key in sorted(changed) if (verdict := self._verdicts[key]) is not None}

    def standing(
        self, key: Key, state: State, entry: Entry, links: Mapping[Key, Link], is_here: IsHere
    ) -> Taken | None:
        """Say how a key in this state may have an entry; None where it, or another one of its source, has it."""
        if entry.key == key:
            return None
        for mine in _keys(entry):
            link = links.get(mine)
            if mine.source != key.source or mine == key or link is None or link.entry_id != entry.entry_id:
                continue
            if link.state is not State.LEFT or is_here(mine):
                return None
        owner = links.get(entry.key)
        is_free = self.is_unowned(entry, owner) or (owner is not None and owner.state is State.LEFT)
        return Taken(entry=entry, second=None if is_free else state)

    def is_unowned(self, entry: Entry, owner: Link | None) -> bool:
        """Tell whether nobody writes an entry: its source was deleted, or the owning key was unlinked from it."""
        return is_unowned(entry, owner, self._handles())

    def takes_over(self, link: Link, state: State, entry: Entry, owner: Link | None) -> bool:
        """Tell whether a key that is linked to another one's entry becomes its owner, now that it shows this state.

        From an owner that is gone it does; from one that has left only with access that it did not have before: when it
        had left too and now is back, was suspended, or was not heard, which its link without a digest tells.
        """
        if state is State.LEFT:
            return False
        if self.is_unowned(entry, owner):
            return True
        if owner is None or owner.state is not State.LEFT:
            return False
        return link.state is State.LEFT or (state.has_access and not (link.state.has_access and link.digest))

    def still(self, rows: Iterable[SyncRecord]) -> Mapping[Key, Taken]:
        """Say which of these adoptions, which were planned some time ago, would be planned again as they are."""
        wanted = {row.key: row for row in rows}
        entries = self._directory.entries([row.entry_id for row in wanted.values()])
        links = self._links_of(entries.values())
        again: dict[Key, Taken] = {}
        for key, row in wanted.items():
            entry = entries.get(row.entry_id)
            taken = self.standing(key, row.second or State.ACTIVE, entry, links, lambda _: False) if entry else None
            if taken is not None and (taken.second is None) == (row.second is None):
                again[key] = taken
        return again

    def _verdict(self, key: Key, fit: Sequence[Taken]) -> Verdict | None:
        if len(fit) > 1:
            names = ", ".join(sorted(each.entry.entry_id for each in fit)[:_MOST_NAMED])
            typed = str(key) if key.kind is Kind.DEPARTMENT else key.external_id
            facts = {"entries": names, "key": typed, "handle": self._source.handle}
            return Conflict(why=Remark(code="several entries match", facts=facts))
        return fit[0] if fit else None

    def _same_for_all(self, entry_id: str, claimants: Collection[Key]) -> Remark:
        names = ", ".join(sorted(key.external_id for key in claimants)[:_MOST_NAMED])
        facts = {"entry": entry_id, "keys": names, "handle": self._source.handle}
        return Remark(code="several match one entry", facts=facts)

    def _people(self, new: Mapping[Key, tuple[str, Values]]) -> Mapping[Key, Sequence[Entry]]:
        matching = self._source.matching
        asked = {
            key: [(name, value) for name in matching.employees if isinstance(value := values.get(name), str)]
            for key, (_, values) in new.items()
            if key.kind is Kind.EMPLOYEE
        }
        questions = {each for of_one in asked.values() for each in of_one}
        holders = self._directory.holders(questions) if questions else {}
        return {
            key: alike(matching, new[key][1], (entry for each in of_one for entry in holders.get(each, ())))
            for key, of_one in asked.items()
        }

    def _departments(self, new: Mapping[Key, tuple[str, Values]], look: Uprooted) -> Mapping[Key, Sequence[Entry]]:
        ours = {key: each for key, each in new.items() if key.kind is Kind.DEPARTMENT}
        if not ours:
            return {}
        uprooted = look()
        entries = {entry.entry_id: entry for entry in self._directory.listing(Kind.DEPARTMENT)}
        known = {
            entry_id: entry.values
            for entry_id, entry in entries.items()
            if entry.key not in uprooted or entry.values.get("parent")
        }
        there: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry_id, path in paths(known).items():
            there[path].append(entries[entry_id])
        found = paths({**known, **dict(each for key, each in ours.items() if key not in uprooted)})
        return {key: there.get(found.get(entry_id, ""), ()) for key, (entry_id, _) in ours.items()}

    def _links_of(self, entries: Iterable[Entry]) -> Mapping[Key, Link]:
        keys = sorted({key for entry in entries for key in _keys(entry)})
        return self._directory.links_of(keys) if keys else {}


def adopting(row: SyncRecord, verdict: Verdict) -> SyncRecord:
    """Turn the row that would create somebody into the one that links them, or that says why not."""
    if isinstance(verdict, Conflict):
        return row.ended(RowStatus.CONFLICT, verdict.why)
    if isinstance(verdict, Met):
        return row.ended(RowStatus.SUPERSEDED, Remark(code="newer observation"))
    entry = verdict.entry
    change = adoption(entry, row.after, second=verdict.second is not None)
    # Without a digest the next record is compared in full: it may show values as empty that are kept for now.
    kept = any(is_empty(row.after.get(name)) and not is_empty(value) for name, value in entry.values.items())
    return replace(
        row,
        entry_id=entry.entry_id,
        action=change.action,
        before=change.before,
        after=change.after,
        revision=entry.revision,
        digest="" if kept and verdict.second is None else row.digest,
        second=verdict.second,
    )


def is_unowned(entry: Entry, owner: Link | None, sources: Collection[str]) -> bool:
    """Tell whether nobody writes an entry: the owning link's source is none of these, or it leads elsewhere."""
    return entry.key.source not in sources or owner is None or owner.entry_id != entry.entry_id


def entries_without_a_source(source: Source, directory: Directory, handles: Handles) -> tuple[Remark, ...]:
    """Tell whoever looks at a new source for the first time that there are entries which it might adopt."""
    if source.matching != UNMATCHED:
        return ()
    known = handles()
    if all(entry.key.source in known for entry in directory.listing(Kind.EMPLOYEE)):
        return ()
    return (Remark(code="entries without a source", facts={"handle": source.handle}),)


def _preferred(fit: Sequence[Taken]) -> Sequence[Taken]:
    """Nobody who has left is meant where somebody who is here may be."""
    return [each for each in fit if each.entry.state is not State.LEFT] or fit


def _keys(entry: Entry) -> tuple[Key, ...]:
    return (entry.key, *entry.others)
