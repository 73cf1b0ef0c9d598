"""The truth as far as chosen departments go: for the directory, whoever lies outside of them has left."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from chalicelib.core.model import Kind, State, Value
from chalicelib.core.scope import EVERYTHING, Chosen, Scope
from tests.chaos.tenants import Fact, Name


def largest(facts: Mapping[Name, Fact], count: int) -> Scope:
    """Choose so many topmost departments, those with the most below them; everything for none."""
    if not count:
        return EVERYTHING
    tops = [
        external_id
        for (kind, external_id), fact in facts.items()
        if kind is Kind.DEPARTMENT and not fact.values.get("parent") and fact.state is not State.LEFT
    ]
    size = {top: sum(each.state is not State.LEFT for each in restricted(facts, {top}).values()) for top in tops}
    chosen = sorted(tops, key=lambda top: (-size[top], top))[:count]
    return Scope(departments=tuple(Chosen(external_id=each, path=each) for each in sorted(chosen)))


def restricted(facts: Mapping[Name, Fact], roots: Collection[str]) -> Mapping[Name, Fact]:
    """Tell what a directory restricted to these departments and all below them is to show; all for none."""
    if not roots:
        return facts
    inside = _below(facts, roots)
    told: dict[Name, Fact] = {}
    for (kind, external_id), fact in facts.items():
        values: dict[str, Value] = dict(fact.values)
        if kind is Kind.DEPARTMENT:
            lies_within = external_id in inside
            values["parent"] = values["parent"] if values.get("parent") in inside else None
        else:
            homes = values.get("departments")
            kept = tuple(each for each in homes if each in inside) if isinstance(homes, tuple) else ()
            lies_within, values["departments"] = bool(kept), kept
        if not lies_within:
            values["state"] = State.LEFT
        told[kind, external_id] = Fact(visible=fact.visible, values=values)
    return told


def _below(facts: Mapping[Name, Fact], roots: Collection[str]) -> frozenset[str]:
    parents = {
        external_id: fact.values.get("parent")
        for (kind, external_id), fact in facts.items()
        if kind is Kind.DEPARTMENT and fact.state is not State.LEFT
    }

    def lies_within(department: Value) -> bool:
        seen: set[Value] = set()
        while department in parents and department not in seen:
            if department in roots:
                return True
            seen.add(department)
            department = parents[str(department)]
        return False

    return frozenset(each for each in parents if lies_within(each))
