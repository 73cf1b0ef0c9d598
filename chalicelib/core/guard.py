"""Dangerous changes wait, the rest goes on (law 7).

The guard sees a whole plan at once and says which rows are held. It counts what takes access away from people,
departments that close, and one field changing or vanishing for many people at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from chalicelib.core.diff import Action, changed, is_empty, removes_access, vanished
from chalicelib.core.model import Key, Kind, Remark, Values

# Values that vanish from fields which nobody shows any more are lost to us, not cleared, as soon as there are so many.
MANY_LOST = 2
NONE_LOST: Mapping[tuple[Kind, str], int] = MappingProxyType({})
NOBODY: Mapping[Key, Remark] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Limits per run and per hour. A share is a fraction of the active entries; `floor` is its least effect.

    `storm` limits departures that events reported, each of which was looked up by itself. A command in chat that takes
    access from more employees than `second_person` needs a second person to confirm it.
    """

    accounts: int = 30
    departments: int = 10
    share: float = 0.20
    floor: int = 10
    vanish_share: float = 0.10
    edit_share: float = 0.50
    edit_floor: int = 100
    storm: int = 100
    second_person: int = 50

    def removals(self, kind: Kind, population: int) -> int:
        most = self.accounts if kind is Kind.EMPLOYEE else self.departments
        return min(most, max(self.floor, int(self.share * population)))

    def vanishings(self, population: int) -> int:
        return max(self.floor, int(self.vanish_share * population))

    def edits(self, population: int) -> int:
        return max(self.edit_floor, int(self.edit_share * population))


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """The little that the guard must know of one planned row. `unseen`: the day since when it cannot be seen."""

    key: Key
    entry_id: str
    action: Action
    removes_access: bool
    vanished: tuple[str, ...]
    edited: tuple[str, ...]
    departments: tuple[str, ...]
    unseen: str = ""

    @classmethod
    def of(cls, key: Key, entry_id: str, action: Action, before: Values, after: Values, *, unseen: str) -> Candidate:
        fields = changed(before, after) if action in (Action.UPDATE, Action.ADOPT) else ()
        departments = before.get("departments") if key.kind is Kind.EMPLOYEE else None
        if key.kind is Kind.DEPARTMENT and before.get("parent"):
            departments = (str(before["parent"]),)
        return cls(
            key=key,
            entry_id=entry_id,
            action=action,
            removes_access=removes_access(key.kind, before, after),
            vanished=vanished(before, after) if action is Action.UPDATE else (),
            edited=tuple(name for name in fields if not is_empty(before.get(name)) and not is_empty(after.get(name))),
            departments=departments if isinstance(departments, tuple) else (),
            unseen=unseen,
        )


def check(
    guard: Guard,
    candidates: Sequence[Candidate],
    population: Mapping[Kind, int],
    recent: Mapping[Kind, int],
    *,
    reported: bool = False,
    lost: Mapping[tuple[Kind, str], int] = NONE_LOST,
    waits: Mapping[Key, Remark] = NOBODY,
) -> Mapping[Key, Remark]:
    """Say which rows must wait for a person, each with why; all others may be applied.

    `population` counts the entries with access (employees) or open (departments) before the plan, `recent` the removals
    that other runs applied within the last hour. `reported`: the plan rests on events. `lost` counts by field the
    values that vanished during a whole read in which nobody showed that field. `waits` are held for their own reasons.
    """
    held: dict[Key, Remark] = {
        each.key: Remark(code="cannot be seen", facts={"since": each.unseen}) for each in candidates if each.unseen
    }
    held |= waits
    for kind in Kind:
        ours = [each for each in candidates if each.key.kind is kind and each.key not in held]
        removals = [each.key for each in ours if each.removes_access]
        limit = guard.storm if reported else guard.removals(kind, population.get(kind, 0))
        if removals and len(removals) + recent.get(kind, 0) > limit:
            facts = {"count": len(removals), "recent": recent.get(kind, 0), "limit": limit}
            held |= dict.fromkeys(removals, Remark(code=f"too many {kind}s at once", facts=facts))
        # Counted over all of ours, held or not: one more removal must not let a mass edit pass.
        held = {**_mass_edits(guard, ours, population.get(kind, 0), lost), **held}
    return {**held, **_homes(candidates, held)}


def _mass_edits(
    guard: Guard, candidates: Sequence[Candidate], population: int, lost: Mapping[tuple[Kind, str], int]
) -> Mapping[Key, Remark]:
    held: dict[Key, Remark] = {}
    vanishing = Counter(name for each in candidates for name in each.vanished)
    unshown = {kind: sum(count for (of, _), count in lost.items() if of is kind) for kind in Kind}
    edited = Counter(name for each in candidates for name in each.edited)
    for each in candidates:
        for name in each.vanished:
            count = max(vanishing[name], lost.get((each.key.kind, name), 0))
            nobody_shows_it = (each.key.kind, name) in lost and unshown[each.key.kind] >= MANY_LOST
            if nobody_shows_it or vanishing[name] > guard.vanishings(population):
                facts: dict[str, str | int] = {"field": name, "count": count}
                held[each.key] = Remark(code="field vanished from many", facts=facts)
        for name in each.edited:
            if edited[name] > guard.edits(population) and each.key not in held:
                held[each.key] = Remark(code="field changed for many", facts={"field": name, "count": edited[name]})
    return held


def _homes(candidates: Sequence[Candidate], held: Collection[Key]) -> Mapping[Key, Remark]:
    """Keep a department open while somebody whose removal waits, or a department that waits, is in it."""
    closing = {
        each.entry_id: each
        for each in candidates
        if each.key.kind is Kind.DEPARTMENT and each.action is Action.DEACTIVATE
    }
    waiting = [each for each in candidates if each.key in held and each.removes_access]
    kept: dict[Key, Remark] = {}
    while waiting:
        for home in waiting.pop().departments:
            department = closing.get(home)
            if department and department.key not in held and department.key not in kept:
                kept[department.key] = Remark(code="its people wait")
                waiting.append(department)
    return kept
