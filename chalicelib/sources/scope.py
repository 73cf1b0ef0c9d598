"""The verbs on a source's scope: choosing departments by their names, and what that would take away.

Nothing here touches an entry: a narrower scope takes effect at the next sync, which plans, guards and holds what it
removes like anything else. Departments are looked up at the vendor, level by level, as somebody names them: those that
are chosen need not be in the directory yet.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, TypeVar

from chalicelib.core.audited import Noted, audited
from chalicelib.core.errors import ConflictError, NotFoundError, StoreConflictError
from chalicelib.core.model import Entry, Key, Kind, State
from chalicelib.core.ports import Audit, Catalog, Clock, Connector, Connectors, Directory
from chalicelib.core.presence import Found
from chalicelib.core.principal import Principal, Role
from chalicelib.core.scope import EVERYTHING, STEP, Chosen, Scope, SourceDepartment, fit, folded, steps
from chalicelib.core.source import Source

T = TypeVar("T")

MOST_CHOSEN: Final = 50
# How many departments are offered for one that was not named in full, and how many ways down are followed for it.
MOST_OFFERED: Final = 20
_MOST_WAYS: Final = 5
# No company is deeper.
_DEEPEST: Final = 50
_LIKE: Final = 0.4
_TRIES: Final = 10
_ENTRIES_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsure:
    """A path that does not name one department: the `number`th of those typed, and which may be meant."""

    typed: str
    number: int
    candidates: tuple[Chosen, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Who is in the directory and not in a scope: employees with access, and open departments."""

    employees: int = 0
    departments: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescoped:
    """A source as it is now, and what its next sync would take away; `changed` is False when it was so already."""

    source: Source
    changed: bool
    loss: Loss = Loss()


@dataclass(frozen=True, slots=True, kw_only=True)
class Browsed:
    """The departments right below one, or the topmost (`at` is None), in order of their names."""

    at: Chosen | None
    above: Chosen | None
    below: tuple[Chosen, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoping:
    catalog: Catalog
    connectors: Connectors
    directory: Directory
    audit: Audit
    clock: Clock

    def choose(self, who: Principal, handle: str, paths: Sequence[str]) -> Rescoped | Unsure:
        """Restrict a source to some departments with all below them, instead of what was chosen before.

        Raises:
            NotFoundError: the vendor has no such department, and none like it.
        """
        with self._audited(who, "scope set") as noted:
            return self._rescope(handle, noted, lambda source: self._chosen(source, paths))

    def add(self, who: Principal, handle: str, paths: Sequence[str]) -> Rescoped | Unsure:
        """Choose more departments.

        Raises:
            ConflictError: everything is in scope.
            NotFoundError: the vendor has no such department, and none like it.
        """
        with self._audited(who, "scope add") as noted:
            return self._rescope(handle, noted, lambda source: self._with(source, paths))

    def remove(self, who: Principal, handle: str, paths: Sequence[str]) -> Rescoped | Unsure:
        """Choose fewer departments; they are named as they were when they were chosen.

        Raises:
            ConflictError: none would be left.
            NotFoundError: no such department was chosen.
        """
        with self._audited(who, "scope remove") as noted:
            return self._rescope(handle, noted, lambda source: _without(source, paths))

    def everything(self, who: Principal, handle: str) -> Rescoped:
        """Let all departments be synced, and people who are in none."""
        with self._audited(who, "scope all") as noted:
            rescoped = self._rescope(handle, noted, lambda source: EVERYTHING)
            assert isinstance(rescoped, Rescoped)  # noqa: S101 - there is nothing to be unsure of
            return rescoped

    def browse(self, who: Principal, handle: str, path: str) -> Browsed | Unsure:
        """List the departments right below one, as the vendor has them now; the topmost below "".

        Raises:
            NotFoundError: the vendor has no such department, and none like it.
        """
        with self._audited(who, "scope browse", Role.OPERATOR) as noted:
            source = self.catalog.source(handle)
            noted.source = source.uid
            with closing(self.connectors.open(source)) as connector:
                if not steps(path):
                    return Browsed(at=None, above=None, below=_below(connector, None))
                found = _find(connector, source, path)
                if isinstance(found, tuple):
                    return Unsure(typed=path, number=0, candidates=found)
                above = found.chain[-2] if len(found.chain) > 1 else None
                return Browsed(at=found.chosen, above=above, below=_below(connector, found.chosen))

    def user_info(self, who: Principal, handle: str, on: bool) -> Rescoped:
        """Let syncs that nobody asked for take over the values of existing employees, or leave them as they are."""
        with self._audited(who, f"user info {'on' if on else 'off'}") as noted:
            return self._edit(handle, noted, lambda source: replace(source, user_info=on))

    # --- what it would take away

    def loss_by_choosing(self, handle: str, paths: Sequence[str]) -> Loss | None:
        """Count whom the next sync would remove if these were chosen; None where it narrows nothing, or is unclear."""
        return self._loss_by(handle, lambda source: self._chosen(source, paths))

    def loss_by_removing(self, handle: str, paths: Sequence[str]) -> Loss | None:
        """Count the same if these were not chosen any more."""
        return self._loss_by(handle, lambda source: _without(source, paths))

    def _loss_by(self, handle: str, change: Callable[[Source], Scope | Unsure]) -> Loss | None:
        source = self.catalog.source(handle)
        after = change(source)
        if isinstance(after, Unsure) or not self._narrows(source, after):
            return None
        return self.loss(source, after)

    def _narrows(self, source: Source, after: Scope) -> bool:
        before = source.scope
        if after.is_everything or (not before.is_everything and before.ids <= after.ids):
            return False
        if before.is_everything:
            return True
        departments = self._departments(source)
        inside = _inside(departments, after)
        by_id = {entry.key.external_id: entry_id for entry_id, entry in departments.items()}
        return any(each not in after.ids and by_id.get(each) not in inside for each in before.ids)

    def loss(self, source: Source, after: Scope) -> Loss:
        """Count by the directory who is in it and lies outside of a scope."""
        if after.is_everything:
            return Loss()
        departments = self._departments(source)
        inside = _inside(departments, after)
        people = (
            link.entry_id
            for link in self.directory.links(source.uid)
            if link.key.kind is Kind.EMPLOYEE and link.entry_id and link.state.has_access
        )
        employees = 0
        for some in _chunks(people, _ENTRIES_AT_ONCE):
            for entry in self.directory.entries(some).values():
                homes = entry.values.get("departments")
                employees += not (isinstance(homes, tuple) and not inside.isdisjoint(homes))
        return Loss(employees=employees, departments=len(departments) - len(inside))

    def _departments(self, source: Source) -> Mapping[str, Entry]:
        links = self.directory.links(source.uid)
        ids = [
            link.entry_id
            for link in links
            if link.key.kind is Kind.DEPARTMENT and link.entry_id and link.state is not State.LEFT
        ]
        return self.directory.entries(ids)

    # --- from names to departments

    def _chosen(self, source: Source, paths: Sequence[str]) -> Scope | Unsure:
        found = self._found(source, paths)
        return found if isinstance(found, Unsure) else _scope(found)

    def _with(self, source: Source, paths: Sequence[str]) -> Scope | Unsure:
        if source.scope.is_everything:
            raise ConflictError("everything is in scope", handle=source.handle)
        more = self._found(source, paths)
        if isinstance(more, Unsure):
            return more
        return _scope([*more, *(_Found(chain=(each,)) for each in source.scope.departments)])

    def _found(self, source: Source, paths: Sequence[str]) -> Sequence[_Found] | Unsure:
        found: list[_Found] = []
        with closing(self.connectors.open(source)) as connector:
            for number, path in enumerate(paths):
                each = _find(connector, source, path)
                if isinstance(each, tuple):
                    return Unsure(typed=path, number=number, candidates=each)
                found.append(each)
        return found

    # --- how they are kept

    def _audited(self, who: Principal, verb: str, needed: Role = Role.OWNER) -> AbstractContextManager[Noted]:
        return audited(self.audit, self.clock, who, verb, needed)

    def _rescope(self, handle: str, noted: Noted, change: Callable[[Source], Scope | Unsure]) -> Rescoped | Unsure:
        source = self.catalog.source(handle)
        noted.source = source.uid
        scope = change(source)
        if isinstance(scope, Unsure):
            return scope
        if scope.ids == source.scope.ids:
            return Rescoped(source=source, changed=False, loss=self.loss(source, scope))
        after = scope
        rescoped = self._edit(source.uid, noted, lambda before: replace(before, scope=after))
        return replace(rescoped, loss=self.loss(rescoped.source, after))

    def _edit(self, handle: str, noted: Noted, edit: Callable[[Source], Source]) -> Rescoped:
        for _ in range(_TRIES):
            before = self.catalog.source(handle)
            noted.source = before.uid
            after = edit(before)
            if after == before:
                return Rescoped(source=before, changed=False)
            if self.catalog.update(after, instead_of=before):
                return Rescoped(source=self.catalog.source(before.uid), changed=True)
        raise StoreConflictError("store is busy", retry_after=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A department with those above it as far as they are known, from the top; it is the last."""

    chain: tuple[Chosen, ...]
    exact: bool = True

    @property
    def chosen(self) -> Chosen:
        return self.chain[-1]


def _scope(found: Sequence[_Found]) -> Scope:
    """Put chosen departments together; one that lies below another adds nothing."""
    ids = {each.chosen.external_id for each in found}
    own = {
        each.chosen.external_id: each.chosen
        for each in found
        if not any(above.external_id in ids for above in each.chain[:-1])
    }
    if len(own) > MOST_CHOSEN:
        raise ConflictError("too many chosen", most=MOST_CHOSEN)
    return Scope(departments=tuple(sorted(own.values(), key=lambda each: (each.path, each.external_id))))


def _without(source: Source, paths: Sequence[str]) -> Scope | Unsure:
    left = list(source.scope.departments)
    for number, path in enumerate(paths):
        wanted = steps(path)
        by_id = [each for each in left if each.external_id == path]
        named = by_id or [each for each in left if steps(each.path) == wanted]
        if len(named) != 1:
            near = named or [each for each in left if folded(path) in folded(each.path)]
            if not near:
                raise NotFoundError("not in scope", department=path[:80], handle=source.handle)
            return Unsure(typed=path, number=number, candidates=tuple(near))
        left.remove(named[0])
    if not left:
        raise ConflictError("nothing would be in scope", handle=source.handle)
    return Scope(departments=tuple(left))


def _find(connector: Connector, source: Source, path: str) -> _Found | tuple[Chosen, ...]:
    """Find the department that is meant by a path, or by an id; else those that may be meant.

    Raises:
        NotFoundError: there is none, and none like it.
    """
    wanted = steps(path)
    if not wanted:
        raise NotFoundError("no such department", department=path[:80])
    fits = list(islice(_descend(connector, (), wanted), MOST_OFFERED))
    exact = [each for each in fits if each.exact]
    if len(exact) == 1:
        return exact[0]
    if not exact and len(wanted) == 1 and (named := _by_id(connector, source, path.strip())) is not None:
        return named
    candidates = tuple(each.chosen for each in exact or fits) or _alike(connector, wanted)
    if not candidates:
        raise NotFoundError("no such department", department=path[:80])
    return candidates


def _descend(
    connector: Connector, chain: tuple[Chosen, ...], wanted: Sequence[str], *, exact: bool = True
) -> Iterator[_Found]:
    """Follow a path down from a department: names in full first, their beginnings where no such way leads on."""
    at = chain[-1] if chain else None
    level = [(each, fits) for each in _listed(connector, at) if (fits := fit(each.name, wanted)) is not None]
    for is_full in (True, False):
        found = False
        for department, fits in islice((each for each in level if each[1].exact is is_full), _MOST_WAYS * 4):
            further = (*chain, _named(department, at))
            if not fits.rest:
                found = True
                yield _Found(chain=further, exact=exact and is_full)
                continue
            for each in islice(_descend(connector, further, fits.rest, exact=exact and is_full), _MOST_WAYS):
                found = True
                yield each
        if found and is_full:
            return


def _by_id(connector: Connector, source: Source, external_id: str) -> _Found | None:
    """Find a department by its id, with all that lie above it."""
    chain: list[tuple[str, str]] = []
    at = external_id
    for _ in range(_DEEPEST):
        key = Key(source.uid, Kind.DEPARTMENT, at)
        presence = connector.confirm([key])[key]
        if not isinstance(presence, Found):
            break
        chain.insert(0, (at, str(presence.record.fields.get("name") or at)))
        homes = connector.homes(presence.record)
        if not homes:
            break
        at = homes[0]
    names = [name for _, name in chain]
    chosen = (Chosen(external_id=each, path=STEP.join(names[: number + 1])) for number, (each, _) in enumerate(chain))
    return _Found(chain=tuple(chosen)) if chain else None


def _alike(connector: Connector, wanted: Sequence[str]) -> tuple[Chosen, ...]:
    """Offer what is spelled much like the topmost step that leads nowhere, on the level where it leads nowhere."""
    at: Chosen | None = None
    for step in wanted:
        level = _below(connector, at)
        full = [each for each in level if folded(each.path.rpartition(STEP)[2]) == step]
        if len(full) != 1:
            names = {folded(each.path.removeprefix(f"{at.path}{STEP}" if at else "")): each for each in level}
            close = difflib.get_close_matches(step, names, n=_MOST_WAYS, cutoff=_LIKE)
            inner = [name for name in names if step in name and name not in close]
            return tuple(names[name] for name in (*close, *inner))[:MOST_OFFERED]
        at = full[0]
    return ()


def _below(connector: Connector, at: Chosen | None) -> tuple[Chosen, ...]:
    level = (_named(each, at) for each in _listed(connector, at))
    return tuple(sorted(level, key=lambda each: (folded(each.path), each.external_id)))


def _listed(connector: Connector, at: Chosen | None) -> Sequence[SourceDepartment]:
    return connector.children(at.external_id if at else None)


def _named(department: SourceDepartment, at: Chosen | None) -> Chosen:
    name = department.name or department.external_id
    return Chosen(external_id=department.external_id, path=f"{at.path}{STEP}{name}" if at else name)


def _inside(departments: Mapping[str, Entry], scope: Scope) -> frozenset[str]:
    """Name the departments of the directory that were chosen, or lie below one that was."""
    below: dict[str, list[str]] = {}
    for entry_id, entry in departments.items():
        below.setdefault(str(entry.values.get("parent") or ""), []).append(entry_id)
    inside: set[str] = set()
    ways = [entry_id for entry_id, entry in departments.items() if entry.key.external_id in scope.ids]
    while ways:
        entry_id = ways.pop()
        if entry_id not in inside:
            inside.add(entry_id)
            ways += below.get(entry_id, [])
    return frozenset(inside)


def _chunks(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while chunk := list(islice(items, size)):
        yield chunk
