"""What a record changes in an entry, field by field, and only in fields that the record covers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.core.mapping import Mapped
from chalicelib.core.model import (
    FIELDS,
    NOTHING,
    REQUIRED_FIELDS,
    Entry,
    FieldType,
    Kind,
    Remark,
    State,
    Value,
    Values,
)


class Action(StrEnum):
    """What happens to an entry. `adopt`: a key that is new to it is linked to it."""

    CREATE = "create"
    ADOPT = "adopt"
    UPDATE = "update"
    DEACTIVATE = "deactivate"
    REACTIVATE = "reactivate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One entry before and after, all fields. `before` is empty for a Create."""

    action: Action
    before: Values
    after: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Impossible:
    """The record is about somebody new and lacks what an entry must have."""

    why: Remark


def changed(before: Values, after: Values) -> tuple[str, ...]:
    """Name the fields whose value differs; a missing field is an empty one."""
    return tuple(sorted(name for name in {*before, *after} if not _same(before.get(name), after.get(name))))


def vanished(before: Values, after: Values) -> tuple[str, ...]:
    """Name the fields that had a value and have none any more."""
    return tuple(name for name in changed(before, after) if is_empty(after.get(name)))


def lessened(kind: Kind, before: Values, after: Values) -> tuple[str, ...]:
    """Name the fields that have no value any more, or lack somebody to whom they referred."""

    def less(name: str) -> bool:
        was, now = before.get(name), after.get(name)
        if FIELDS[kind].get(name) is FieldType.EMPLOYEES and isinstance(was, tuple) and isinstance(now, tuple):
            return not set(was) <= set(now)
        return is_empty(now)

    return tuple(name for name in changed(before, after) if less(name))


def removes_access(kind: Kind, before: Values, after: Values) -> bool:
    """Tell whether this change takes something away: an account's access, an employee, or a department."""
    was, is_ = _state(before), _state(after)
    if was is None or is_ is None:
        return False
    if kind is Kind.EMPLOYEE and was.has_access and not is_.has_access:
        return True
    return was is not State.LEFT and is_ is State.LEFT


def diff(entry: Entry | None, mapped: Mapped) -> Change | Impossible | None:
    """Say what to do so that the entry shows what the record says; None when there is nothing to do.

    Somebody new who has already left is nothing to do, and neither is somebody who was forgotten.
    """
    if entry is None:
        if mapped.values.get("state") == State.LEFT:
            return None
        for name in REQUIRED_FIELDS:
            if mapped.values.get(name) is None:
                return Impossible(why=Remark(code="new entry lacks a field", facts={"field": name}))
        kind = mapped.record.key.kind
        blank: dict[str, Value] = dict.fromkeys(FIELDS[kind])
        return Change(action=Action.CREATE, before=NOTHING, after={**blank, **mapped.values})
    after = {**entry.values, **mapped.values}
    if entry.is_forgotten and after.get("state") == State.LEFT:
        return None  # what was wiped comes back with the person, not before
    if not changed(entry.values, after):
        return None
    return Change(action=_action(entry.values, after), before=entry.values, after=after)


def adoption(entry: Entry, values: Values, *, second: bool) -> Change:
    """Say what an entry gets when a key is linked to it: what the key's record shows; of a `second` link, nothing.

    It takes nothing away. What the record shows as empty, a later sync clears, which reads that twice.
    """
    new = {} if second else {name: value for name, value in values.items() if not is_empty(value)}
    return Change(action=Action.ADOPT, before=entry.values, after={**entry.values, **new})


def departure(entry: Entry) -> Change | None:
    """Say what a confirmed departure changes; None for an entry that has left already."""
    if entry.state is State.LEFT:
        return None
    return Change(action=Action.DEACTIVATE, before=entry.values, after={**entry.values, "state": State.LEFT.value})


def narrow(approved: Values, change: Change) -> Change | None:
    """Cut a fresh change down to the values that were approved; None when none of them is still true.

    An approval never widens: a field that was not approved, or that would now get another value, keeps what it has.
    """
    fields = {
        name
        for name in changed(change.before, change.after)
        if name in approved and _same(approved[name], change.after.get(name))
    }
    if change.action is Action.CREATE:
        if not fields >= {name for name, value in approved.items() if not is_empty(value)}:
            return None
        after = {name: value if name in fields or is_empty(value) else None for name, value in change.after.items()}
        return Change(action=Action.CREATE, before=change.before, after=after)
    if not fields:
        return None
    after = {**change.before, **{name: change.after.get(name) for name in fields}}
    return Change(action=_action(change.before, after), before=change.before, after=after)


def _action(before: Values, after: Values) -> Action:
    was, is_ = _state(before), _state(after)
    if was is not State.LEFT and is_ is State.LEFT:
        return Action.DEACTIVATE
    if was is State.LEFT and is_ is not State.LEFT:
        return Action.REACTIVATE
    return Action.UPDATE


def _state(values: Values) -> State | None:
    state = values.get("state")
    return None if state is None else State(str(state))


def _same(one: Value, other: Value) -> bool:
    return one == other or (is_empty(one) and is_empty(other))


def is_empty(value: Value) -> bool:
    return value is None or value in ("", ())
