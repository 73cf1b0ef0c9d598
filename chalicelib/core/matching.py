"""By what an entry that is in the directory already is taken for the one that a source shows for the first time.

Two accounts are one person, or one department, by what both have in common; nobody is matched unless an admin says by
which fields. What is decided here is only who is alike; whose entry it becomes, `sync/adopt.py` says.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from chalicelib.core.errors import MalformedError
from chalicelib.core.model import Entry, Kind, State, Value, Values

PATH: Final = "path"
EMAIL: Final = "email"
# By these an employee is looked up; an e-mail address by itself proves nothing.
PEOPLE_BY: Final = ("employee_no", "mobile", EMAIL)
DEPARTMENTS_BY: Final = (PATH,)
STEP: Final = " / "

_NOT_DIGITS = re.compile(r"[^0-9]")
# Shorter ones are extensions, which are the same in many companies but for their beginnings.
_WHOLE_NUMBER: Final = 7
_LONGEST_COUNTRY_CODE: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """The fields that are looked at, all of them; none, and nobody is ever matched.

    Fields that point at different entries contradict each other. An e-mail address counts only beside the same name,
    mobile or employee number, unless `trusts_email`.
    """

    departments: tuple[str, ...] = ()
    employees: tuple[str, ...] = ()
    trusts_email: bool = False

    def fields(self, kind: Kind) -> tuple[str, ...]:
        return self.departments if kind is Kind.DEPARTMENT else self.employees


UNMATCHED = Matching()


def check_matching(matching: Matching) -> None:
    """
    Raises:
        MalformedError: a field is named that nobody is matched by, or e-mail is trusted and not looked at.
    """
    for kind, known in ((Kind.DEPARTMENT, DEPARTMENTS_BY), (Kind.EMPLOYEE, PEOPLE_BY)):
        for name in matching.fields(kind):
            if name not in known:
                raise MalformedError("not matched by that", field=name[:40], fields=", ".join(known))
    if matching.trusts_email and EMAIL not in matching.employees:
        raise MalformedError("e-mail is not looked at")


def fold(text: str) -> str:
    """Make case, width and spacing not matter."""
    wide = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(unicodedata.normalize("NFKC", wide).split())


def same(field: str, one: Value, other: Value) -> bool:
    """Tell whether two entries have the same in a field; two that have nothing have nothing in common."""
    if not isinstance(one, str) or not isinstance(other, str) or not one or not other:
        return False
    return _same_number(one, other) if field == "mobile" else fold(one) == fold(other)


def gist(field: str, value: str) -> str:
    """Cut a value down so that two which are the `same` have the same gist."""
    return _NOT_DIGITS.sub("", fold(value))[-_WHOLE_NUMBER:] if field == "mobile" else fold(value)


def alike(matching: Matching, values: Values, entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Choose the employees who may be the one with these values.

    Somebody who has left is taken for the same person only if the name is the same too, since numbers and addresses are
    given to others later.
    """
    found = {entry.entry_id: entry for entry in entries if _is_alike(matching, values, entry)}
    return tuple(
        entry
        for entry in found.values()
        if entry.state is not State.LEFT or same("name", values.get("name"), entry.values.get("name"))
    )


def _is_alike(matching: Matching, values: Values, entry: Entry) -> bool:
    shared = {name for name in ("name", *PEOPLE_BY) if same(name, values.get(name), entry.values.get(name))}
    counted = shared.intersection(matching.employees)
    if EMAIL in counted and not matching.trusts_email and shared == {EMAIL}:
        counted.discard(EMAIL)
    return bool(counted)


def path(names: Iterable[str]) -> str:
    """Join the names from the top down to a department into what paths are compared by."""
    return STEP.join(fold(name) for name in names)


def paths(departments: Mapping[str, Values]) -> Mapping[str, str]:
    """Name departments, given by entry id, by their paths; those whose parents are not all known have none."""
    found: dict[str, str] = {}
    for entry_id in departments:
        names: list[str] = []
        at: Value = entry_id
        seen: set[str] = set()
        while isinstance(at, str) and at and at not in seen and at in departments:
            seen.add(at)
            names.append(str(departments[at].get("name") or ""))
            at = departments[at].get("parent")
        if not at and all(names):
            found[entry_id] = path(reversed(names))
    return found


def _same_number(one: str, other: str) -> bool:
    first, second = (_NOT_DIGITS.sub("", fold(each)) for each in (one, other))
    if first == second:
        return bool(first)
    plus = [fold(each).startswith("+") for each in (one, other)]
    if plus[0] == plus[1]:
        return False
    whole, part = (first, second) if plus[0] else (second, first)
    code = len(whole) - len(part)
    return len(part) >= _WHOLE_NUMBER and 0 < code <= _LONGEST_COUNTRY_CODE and whole.endswith(part)
