"""By what accounts are taken for one another, and what a person says instead: matching rules, `link`, `unlink`.

Permission and audit sit here, so that no door can forget them. Nothing of an entry's values is written here: whose
word counts is said, and the next sync writes it, with a plan and a record (law 1). It happens under the leases of the
sources concerned, so no run has loaded what is changed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from chalicelib.core.audited import Noted, audited
from chalicelib.core.errors import ConflictError, MalformedError, NotFoundError, StoreConflictError
from chalicelib.core.matching import Matching, check_matching
from chalicelib.core.model import Entry, Key, Kind, Link, State, another_entry_id, new_entry_id
from chalicelib.core.ports import Audit, Catalog, Clock, Directory, Tasks
from chalicelib.core.principal import Principal, Role
from chalicelib.core.source import Source
from chalicelib.core.task import Fence, Lane

_TRIES: Final = 10
_LEASE: Final = timedelta(seconds=20)
_LONGEST_ID: Final = 200

# Finds the entry that somebody means; an error says why not, and is noted.
Find = Callable[[], Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A key and the entry it is linked to; None where it is to get one of its own.

    `owns`: its source writes the entry from its next sync on. `former` is the entry that it had before, which stays as
    it is; nobody writes that any more where it is `left_alone`. `changed` is False when it was so already.
    """

    key: Key
    entry: Entry | None
    owns: bool
    former: Entry | None = None
    left_alone: bool = False
    changed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlinked:
    """A key that was taken off an entry. `heirs` are the further links, one of whose sources takes the entry over."""

    key: Key
    entry: Entry
    owned: bool
    heirs: tuple[Link, ...]

    @property
    def employees(self) -> int:
        """Count who may lose access: whoever had it by this source's word alone, or by words that take it."""
        return int(self.owned and self.entry.kind is Kind.EMPLOYEE and self.entry.state.has_access)


@dataclass(frozen=True, slots=True, kw_only=True)
class Linking:
    catalog: Catalog
    directory: Directory
    tasks: Tasks
    audit: Audit
    clock: Clock

    def set_matching(
        self, who: Principal, handle: str, kind: Kind, fields: Sequence[str], *, trusts_email: bool = False
    ) -> Source:
        """Say by which fields employees or departments of a source are matched; by none, and they never are.

        Raises:
            MalformedError: naming the field that nobody is matched by.
        """
        with self._audited(who, "matching set") as noted:
            for _ in range(_TRIES):
                before = self.catalog.source(handle)
                noted.source = before.uid
                matching = _with(before.matching, kind, tuple(dict.fromkeys(fields)), trusts_email)
                check_matching(matching)
                after = replace(before, matching=matching)
                if after == before or self.catalog.update(after, instead_of=before):
                    return self.catalog.source(before.uid)
            raise StoreConflictError("store is busy", retry_after=1.0)

    def link(self, who: Principal, handle: str, external_id: str, meant: Entry | Find) -> Linked:
        """Link a key of a source to an entry, from the next sync on; by hand, whatever the rules say.

        Where the entry has a source already that writes it, that goes on. The entry that the key had of its own stays
        as it is.

        Raises:
            ConflictError: the entry is linked to another key of this source that is there, or a sync is at work.
        """
        with self._audited(who, "link") as noted:
            source = self.catalog.source(handle)
            noted.source = source.uid
            entry = meant if isinstance(meant, Entry) else meant()
            key = Key(source.uid, entry.kind, _checked(external_id))
            former = self._entry_of(key)
            with self._quiet([key, *_keys(entry), *(_keys(former) if former else ())]) as fences:
                return self._link(fences, source, key, self._fresh(entry))

    def link_to_new(self, who: Principal, handle: str, external_id: str, kind: Kind) -> Linked:
        """Let the next sync create a key's entry, whatever it matches.

        Raises:
            ConflictError: it has an entry already, or a sync is at work.
        """
        with self._audited(who, "link") as noted:
            source = self.catalog.source(handle)
            noted.source = source.uid
            key = Key(source.uid, kind, _checked(external_id))
            with self._quiet([key]) as fences:
                link = self.directory.links_of([key]).get(key)
                if link is not None and link.entry_id and self._entry_of(key):
                    raise ConflictError("key has an entry", key=key.external_id, entry=link.entry_id)
                apart = self._blank(key, self._home(key, ""))
                if not self.directory.relate(fences, [], [apart]):
                    raise StoreConflictError("store is busy", retry_after=1.0)
                return Linked(key=key, entry=None, owns=True)

    def unlink(self, who: Principal, handle: str, meant: Entry | Find) -> Unlinked:
        """Take a source's key off an entry; its next sync makes another entry for it, or finds the one it had.

        Raises:
            NotFoundError: the source has no link to it.
            ConflictError: a sync is at work.
        """
        with self._audited(who, "unlink") as noted:
            noted.source = self.catalog.source(handle).uid
            entry = meant if isinstance(meant, Entry) else meant()
            with self._quiet(_keys(entry)) as fences:
                gone = self.effect_of_unlinking(handle, self._fresh(entry))
                link = self.directory.links_of([gone.key])[gone.key]
                home = self._home(gone.key, entry.entry_id)
                apart = replace(link, entry_id=home, digest="", owner="", observed_at=self.clock.now())
                rest = replace(gone.entry, others=tuple(key for key in gone.entry.others if key != gone.key))
                again = [replace(heir, digest="") for heir in gone.heirs] if gone.owned else []
                if not self.directory.relate(fences, [rest], [apart, *again]):
                    raise StoreConflictError("store is busy", retry_after=1.0)
                return gone

    def effect_of_unlinking(self, handle: str, entry: Entry) -> Unlinked:
        """Say what `unlink` would do.

        Raises:
            NotFoundError: the source has no link to it.
        """
        uid = self.catalog.source(handle).uid
        links = self._links(entry)
        key = next((key for key in links if key.source == uid), None)
        if key is None:
            raise NotFoundError("entry is not linked", entry=entry.entry_id, handle=handle)
        known = {source.uid for source in self.catalog.sources()}
        heirs = tuple(link for each, link in links.items() if each != key and each.source in known)
        return Unlinked(key=key, entry=entry, owned=key == entry.key, heirs=heirs)

    def _link(self, fences: Sequence[Fence], source: Source, key: Key, entry: Entry) -> Linked:
        links = self._links(entry)
        former, link = self._entry_of(key), self.directory.links_of([key]).get(key)
        owns = entry.key not in links or entry.key.source not in {each.uid for each in self.catalog.sources()}
        if key in links:
            return Linked(key=key, entry=entry, owns=key == entry.key, changed=False)
        rivals = {each: link for each, link in links.items() if each.source == key.source}
        for rival, theirs in rivals.items():
            if theirs.state is not State.LEFT:
                raise ConflictError(
                    "entry is linked", entry=entry.entry_id, key=rival.external_id, handle=source.handle
                )
        here = link or self._blank(key, "")
        owner = "" if key == entry.key else entry.key.source
        here = replace(here, entry_id=entry.entry_id, digest="", owner=owner, observed_at=self.clock.now())
        freed = [
            replace(each, entry_id=another_entry_id(each.key, entry.entry_id), digest="") for each in rivals.values()
        ]
        stay = tuple(each for each in entry.others if each not in rivals and each != key)
        entries = [replace(entry, others=stay if key == entry.key else (*stay, key))]
        again: list[Link] = []
        if former is not None:
            entries.append(replace(former, others=tuple(each for each in former.others if each != key)))
            if former.key == key:
                again = [replace(each, digest="") for own, each in self._links(former).items() if own != key]
        if not self.directory.relate(fences, entries, [here, *freed, *again]):
            raise StoreConflictError("store is busy", retry_after=1.0)
        alone = former is not None and former.key == key and not again
        return Linked(key=key, entry=entry, owns=owns or bool(rivals), former=former, left_alone=alone)

    def _links(self, entry: Entry) -> Mapping[Key, Link]:
        """Read the links that lead to an entry, the owning one first."""
        links = self.directory.links_of(_keys(entry))
        return {key: links[key] for key in _keys(entry) if key in links and links[key].entry_id == entry.entry_id}

    def _entry_of(self, key: Key) -> Entry | None:
        link = self.directory.links_of([key]).get(key)
        return self.directory.entries([link.entry_id]).get(link.entry_id) if link and link.entry_id else None

    def _fresh(self, entry: Entry) -> Entry:
        return self.directory.entries([entry.entry_id])[entry.entry_id]

    def _home(self, key: Key, besides: str) -> str:
        """Name the entry that a key goes to: the one it had of its own, or one that is not there yet."""
        own = new_entry_id(key)
        there = self.directory.entries([own]).get(own)
        return own if own != besides and (there is None or there.key == key) else another_entry_id(key, besides or own)

    def _blank(self, key: Key, entry_id: str) -> Link:
        """Make the link of a key of which nothing is known yet."""
        now = self.clock.now()
        return Link(key=key, entry_id=entry_id, digest="", observed_at=now, state=State.LEFT, task="")

    @contextmanager
    def _quiet(self, keys: Iterable[Key]) -> Iterator[Sequence[Fence]]:
        """Hold both lanes of the sources that have these keys.

        Raises:
            ConflictError: one of them is at work.
        """
        sources = {source.uid: source.handle for source in self.catalog.sources()}
        fences: list[Fence] = []
        try:
            for uid in sorted({key.source for key in keys} & sources.keys()):
                for lane in Lane:
                    fence = self.tasks.take(uid, uuid.uuid4().hex, self.clock.now(), _LEASE, lane)
                    if fence is None:
                        raise ConflictError("source is at work", handle=sources[uid])
                    fences.append(fence)
            yield fences
        finally:
            for fence in fences:
                self.tasks.release(fence)

    def _audited(self, who: Principal, verb: str) -> AbstractContextManager[Noted]:
        return audited(self.audit, self.clock, who, verb, Role.OWNER)


def _with(matching: Matching, kind: Kind, fields: tuple[str, ...], trusts_email: bool) -> Matching:
    if kind is Kind.DEPARTMENT:
        if trusts_email:
            raise MalformedError("e-mail is not looked at")
        return replace(matching, departments=fields)
    return replace(matching, employees=fields, trusts_email=trusts_email)


def _checked(external_id: str) -> str:
    if not 0 < len(external_id) <= _LONGEST_ID or not external_id.isprintable():
        raise MalformedError("key is no id", most=_LONGEST_ID)
    return external_id


def _keys(entry: Entry) -> tuple[Key, ...]:
    return (entry.key, *entry.others)
