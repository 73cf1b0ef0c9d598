"""From a source's fields to the directory's, by rules that are data.

A rule takes the first source field that has a value. If a field it would have to look at is not covered by the read,
the whole rule is silent: what a read cannot show, it cannot clear (law 5), and a second choice must not flap with it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chalicelib.core.model import FIELDS, FieldType, Kind, Remark, SourceRecord, State, Value, Values

Resolve = Callable[[Kind, str], str]

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
_MOBILE = re.compile(r"\+?[0-9][0-9 ()\-]{2,30}")
# Half a surrogate pair is what is left of an emoji that somebody cut; no encoding has it.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
TEXT_LIMIT = 500
REFERENCES_LIMIT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`field` of the directory takes the first of these source fields that has a value."""

    field: str
    first_of: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendedField:
    """A field of employees beyond the built-in ones, as the admin named it."""

    name: str
    type: FieldType
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMapping:
    departments: tuple[Rule, ...]
    employees: tuple[Rule, ...]
    extended: tuple[ExtendedField, ...] = ()

    def rules(self, kind: Kind) -> tuple[Rule, ...]:
        return self.departments if kind is Kind.DEPARTMENT else self.employees

    def types(self, kind: Kind) -> Mapping[str, FieldType]:
        extended = {each.name: each.type for each in self.extended} if kind is Kind.EMPLOYEE else {}
        return {**FIELDS[kind], **extended}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """What a record says in the directory's fields: only those that its read covers; None means empty there.

    `digest` leaves out what only a read by name shows, so that it is the same for every kind of read.
    """

    record: SourceRecord
    values: Values
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmappable:
    """A record that cannot be taken over; its person or department stays as it is. Not a departure."""

    record: SourceRecord
    why: Remark


def map_record(record: SourceRecord, mapping: FieldMapping, resolve: Resolve) -> Mapped | Unmappable:
    """Apply the mapping; `resolve` names the entry for another external id of the same source."""
    types = mapping.types(record.key.kind)
    values: dict[str, Value] = {}
    detailed: set[str] = set()
    for rule in mapping.rules(record.key.kind):
        known, raw = _first(record, rule.first_of)
        if not known:
            continue
        if not record.details.isdisjoint(rule.first_of):
            detailed.add(rule.field)
        try:
            values[rule.field] = _typed(raw, types[rule.field], resolve)
        except ValueError:
            return Unmappable(
                record=record, why=Remark(code="value does not fit its field", facts={"field": rule.field})
            )
    if "name" in values and values["name"] is None:
        return Unmappable(record=record, why=Remark(code="value does not fit its field", facts={"field": "name"}))
    if "state" in values and values["state"] is None:
        del values["state"]
    listed = {name: value for name, value in values.items() if name not in detailed}
    return Mapped(record=record, values=values, digest=digest(listed))


def digest(values: Values) -> str:
    """Fingerprint mapped values, the names of the covered fields included."""
    text = json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _first(record: SourceRecord, names: tuple[str, ...]) -> tuple[bool, Value]:
    for name in names:
        if name not in record.covers:
            return False, None
        value = record.fields.get(name)
        if value is not None and value not in ("", ()):
            return True, value
    return True, None


def _typed(raw: Value, type_: FieldType, resolve: Resolve) -> Value:
    if raw is None:
        return () if type_ in (FieldType.DEPARTMENTS, FieldType.EMPLOYEES) else None
    kind = type_.refers_to
    match type_:
        case FieldType.INTEGER:
            return int(_matching(_INTEGER, _text(raw)))
        case FieldType.BOOLEAN:
            return raw if isinstance(raw, bool) else _refuse()
        case FieldType.STATE:
            return State(_text(raw)).value
        case FieldType.EMAIL:
            return _matching(_EMAIL, _text(raw))
        case FieldType.MOBILE:
            return _matching(_MOBILE, _text(raw))
        case FieldType.TEXT:
            return _text(raw)
        case _:
            assert kind is not None  # noqa: S101 - the reference types are all that is left
            if type_ in (FieldType.DEPARTMENT, FieldType.EMPLOYEE):
                return resolve(kind, _text(raw))
            if not isinstance(raw, tuple) or len(raw) > REFERENCES_LIMIT:
                return _refuse()
            return tuple(resolve(kind, external_id) for external_id in raw)


def _text(raw: Value) -> str:
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        _refuse()
    text = _CONTROL.sub(" ", str(raw)).strip()
    if not text or len(text) > TEXT_LIMIT:
        _refuse()
    return text


def _matching(pattern: re.Pattern[str], text: str) -> str:
    return text if pattern.fullmatch(text) else _refuse()


def _refuse() -> str:
    raise ValueError
