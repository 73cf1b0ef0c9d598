"""From a source's fields to the directory's, by rules that are data.

A rule takes the first source field that has a value, or what an expression makes of several. If a field it would have
to look at is not covered by the read, the whole rule is silent: what a read cannot show, it cannot clear (law 5), and a
second choice must not flap with it.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Final

from chalicelib.core.errors import ConflictError, MalformedError
from chalicelib.core.expression import TEXT_LIMIT as TEXT_LIMIT
from chalicelib.core.expression import (
    Expression,
    Field,
    FirstOf,
    Uncovered,
    evaluate,
    fields_of,
    outcomes,
    spell,
    texts_of,
)
from chalicelib.core.model import FIELDS, REQUIRED_FIELDS, FieldType, Kind, Remark, SourceRecord, State, Value, Values

Resolve = Callable[[Kind, str], str]

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
_MOBILE = re.compile(r"\+?[0-9][0-9 ()\-]{2,30}")
_URL = re.compile(r"https?://[^\s<>\"]{1,490}", re.IGNORECASE)
# Half a surrogate pair is what is left of an emoji that somebody cut; no encoding has it.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_DATE = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})(?:[T ].*)?")
_EPOCH = re.compile(r"[0-9]{9,13}")
_MILLISECONDS = 100_000_000_000
_HALF_A_DAY = timedelta(hours=12)
REFERENCES_LIMIT = 200

MOST_EXTENDED: Final = 30
LONGEST_LABEL: Final = 40
_FIELD_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,31}")
# Words that mean something else where fields are typed or shown.
_RESERVED: Final = frozenset({"id", "key", "source", "kind", "revision", "observed_at", "extended", "reset", "nothing"})
# What an extended field may be; references are the vendor's to give.
EXTENDED_TYPES: Final = (
    FieldType.TEXT,
    FieldType.INTEGER,
    FieldType.BOOLEAN,
    FieldType.DATE,
    FieldType.EMAIL,
    FieldType.MOBILE,
    FieldType.URL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`field` of the directory takes the first of these source fields that has a value, or what `by` makes of any."""

    field: str
    first_of: tuple[str, ...] = ()
    by: Expression | None = None

    @classmethod
    def of(cls, field: str, expression: Expression) -> Rule:
        """Make a rule in its simplest form, so that equal rules are equal."""
        choices = expression.of if isinstance(expression, FirstOf) else (expression,)
        names = tuple(each.name for each in choices if isinstance(each, Field))
        if len(names) == len(choices):
            return cls(field=field, first_of=names)
        return cls(field=field, by=expression)

    @property
    def expression(self) -> Expression:
        if self.by is not None:
            return self.by
        names = tuple(Field(name=each) for each in self.first_of)
        return names[0] if len(names) == 1 else FirstOf(of=names)

    @property
    def reads(self) -> tuple[str, ...]:
        """Name the source fields that it may look at."""
        return self.first_of if self.by is None else fields_of(self.by)

    @property
    def text(self) -> str:
        """Write what it takes as people type it."""
        return spell(self.expression)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendedField:
    """A field of employees beyond the built-in ones, as the admin named it."""

    name: str
    type: FieldType
    label: str


@cache
def _types(extended: tuple[ExtendedField, ...]) -> Mapping[str, FieldType]:
    return MappingProxyType({**FIELDS[Kind.EMPLOYEE], **{each.name: each.type for each in extended}})


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMapping:
    """`retired` are extended fields that were removed: whoever still has a value in one loses it."""

    departments: tuple[Rule, ...]
    employees: tuple[Rule, ...]
    extended: tuple[ExtendedField, ...] = ()
    retired: tuple[str, ...] = ()

    def rules(self, kind: Kind) -> tuple[Rule, ...]:
        return self.departments if kind is Kind.DEPARTMENT else self.employees

    def rule(self, kind: Kind, field: str) -> Rule | None:
        return next((each for each in self.rules(kind) if each.field == field), None)

    def types(self, kind: Kind) -> Mapping[str, FieldType]:
        return _types(self.extended) if kind is Kind.EMPLOYEE and self.extended else FIELDS[kind]

    def settled(self, kind: Kind) -> frozenset[str]:
        """Name the fields in which no read can hide a value: an admin has settled what is in them."""
        fixed = {rule.field for rule in self.rules(kind) if not rule.reads}
        return frozenset(fixed.union(self.retired if kind is Kind.EMPLOYEE else ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The fields that a kind of source has, and what each holds: references as the vendor's ids.

    `custom` is how the names of those begin that the company made up for its employees; which there are is not told.
    """

    departments: Mapping[str, FieldType] = field(default_factory=dict)
    employees: Mapping[str, FieldType] = field(default_factory=dict)
    custom: str = ""

    def fields(self, kind: Kind) -> Mapping[str, FieldType]:
        return self.departments if kind is Kind.DEPARTMENT else self.employees

    def is_custom(self, kind: Kind, name: str) -> bool:
        """Tell whether there may be such a field although it is not listed."""
        if not self.fields(kind):
            return True
        return kind is Kind.EMPLOYEE and bool(self.custom) and name.startswith(self.custom) and name != self.custom


UNLISTED: Final = Vocabulary()


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
    if record.key.kind is Kind.EMPLOYEE:
        values.update(dict.fromkeys(mapping.retired))
    for rule in mapping.rules(record.key.kind):
        try:
            raw, looked = _taken(record, rule)
            values[rule.field] = _typed(raw, types[rule.field], resolve)
        except Uncovered:
            continue
        except ValueError:
            return Unmappable(
                record=record, why=Remark(code="value does not fit its field", facts={"field": rule.field})
            )
        if not record.details.isdisjoint(looked):
            detailed.add(rule.field)
    if "name" in values and values["name"] is None:
        return Unmappable(record=record, why=Remark(code="value does not fit its field", facts={"field": "name"}))
    if "state" in values and values["state"] is None:
        del values["state"]
    listed = {name: value for name, value in values.items() if name not in detailed}
    return Mapped(record=record, values=values, digest=digest(listed))


def digest(values: Values) -> str:
    """Fingerprint mapped values, the names of the covered fields included."""
    text = json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return urlsafe_b64encode(hashlib.blake2b(text.encode(), digest_size=12).digest()).decode()


def _taken(record: SourceRecord, rule: Rule) -> tuple[Value, list[str]]:
    """Give what a rule makes of a record, and the fields that it looked at for that.

    Raises:
        Uncovered: it would have to look at a field that the read does not cover.
    """
    looked: list[str] = []
    if rule.by is None:
        for name in rule.first_of:
            looked.append(name)
            value = _said(record, name)
            if value is not None and value not in ("", ()):
                return value, looked
        return None, looked

    def look(name: str) -> Value:
        looked.append(name)
        return _said(record, name)

    return evaluate(rule.by, look), looked


def _said(record: SourceRecord, name: str) -> Value:
    if name not in record.covers:
        raise Uncovered
    return record.fields.get(name)


def _typed(raw: Value, type_: FieldType, resolve: Resolve) -> Value:
    if raw is None or raw in ("", ()):
        return () if type_ in _SEVERAL else None
    if (converted := _CONVERTED.get(type_)) is not None:
        return converted(raw)
    kind = type_.refers_to
    assert kind is not None  # noqa: S101 - the reference types are all that is left
    if type_ not in _SEVERAL:
        return resolve(kind, _text(raw)) or None
    if not isinstance(raw, tuple) or len(raw) > REFERENCES_LIMIT:
        return _refuse()
    return tuple(entry for external_id in raw if (entry := resolve(kind, external_id)))


def _text(raw: Value) -> str:
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        _refuse()
    text = str(raw)
    if not text.isprintable():
        text = _CONTROL.sub(" ", text)
    text = text.strip()
    if not text or len(text) > TEXT_LIMIT:
        _refuse()
    return text


def _flag(text: str) -> bool:
    """Read what fields that an admin made up say, which are texts."""
    return _matching(_FLAG, text.lower()) == "true"


_FLAG = re.compile("true|false")


def _day(text: str) -> Value:
    """Read a day as `2026-11-22`; an instant (seconds or milliseconds since 1970) is the midnight that is nearest.

    Vendors keep a day as midnight in some zone of theirs, which they do not tell.
    """
    if found := _DATE.fullmatch(text):
        return date(int(found[1]), int(found[3]), int(found[4])).isoformat()
    if text == "0":
        return None
    instant = int(_matching(_EPOCH, text))
    seconds = instant // 1000 if instant >= _MILLISECONDS else instant
    return (datetime.fromtimestamp(seconds, UTC) + _HALF_A_DAY).date().isoformat()


def _matching(pattern: re.Pattern[str], text: str) -> str:
    return text if pattern.fullmatch(text) else _refuse()


def _refuse() -> str:
    raise ValueError


_SEVERAL: Final = (FieldType.DEPARTMENTS, FieldType.EMPLOYEES)
_CONVERTED: Final[Mapping[FieldType, Callable[[Value], Value]]] = {
    FieldType.TEXT: _text,
    FieldType.INTEGER: lambda raw: int(_matching(_INTEGER, _text(raw))),
    FieldType.BOOLEAN: lambda raw: raw if isinstance(raw, bool) else _flag(_text(raw)),
    FieldType.DATE: lambda raw: _day(_text(raw)),
    FieldType.STATE: lambda raw: State(_text(raw)).value,
    FieldType.EMAIL: lambda raw: _matching(_EMAIL, _text(raw)),
    FieldType.MOBILE: lambda raw: _matching(_MOBILE, _text(raw)),
    FieldType.URL: lambda raw: _matching(_URL, _text(raw)),
}


# --- what an admin may change


def with_rule(mapping: FieldMapping, kind: Kind, field: str, rule: Rule | None) -> FieldMapping:
    """Put a rule in the place of its field's, or take that away; new ones come last."""
    rules = tuple(
        each
        for before in mapping.rules(kind)
        for each in ((before,) if before.field != field else () if rule is None else (rule,))
    )
    if rule is not None and mapping.rule(kind, field) is None:
        rules = (*rules, rule)
    return replace(mapping, departments=rules) if kind is Kind.DEPARTMENT else replace(mapping, employees=rules)


def with_field(mapping: FieldMapping, new: ExtendedField) -> FieldMapping:
    """Add an extended field, or put it in the place of the one of that name."""
    extended = tuple(new if each.name == new.name else each for each in mapping.extended)
    extended = extended if new in extended else (*extended, new)
    return replace(mapping, extended=extended, retired=tuple(each for each in mapping.retired if each != new.name))


def without_field(mapping: FieldMapping, name: str) -> FieldMapping:
    """Take an extended field and its rule away; what people have in it goes at the next full sync."""
    return replace(
        mapping,
        employees=tuple(each for each in mapping.employees if each.field != name),
        extended=tuple(each for each in mapping.extended if each.name != name),
        retired=(*(each for each in mapping.retired if each != name), name)[-MOST_EXTENDED:],
    )


def check_extended(mapping: FieldMapping, new: ExtendedField) -> None:
    """Hold the rules on a field that is to be added.

    Raises:
        MalformedError, ConflictError: naming the rule that was broken.
    """
    if not _FIELD_NAME.fullmatch(new.name) or new.name in _RESERVED:
        raise MalformedError("field name breaks its rule", name=new.name[:40])
    if new.name in mapping.types(Kind.EMPLOYEE) or new.name in FIELDS[Kind.DEPARTMENT]:
        raise ConflictError("field is there already", field=new.name)
    if len(mapping.extended) >= MOST_EXTENDED:
        raise ConflictError("too many extended fields", most=MOST_EXTENDED)
    check_label(new)


def check_label(extended: ExtendedField) -> None:
    """
    Raises:
        MalformedError: the type is none that an extended field may have, or the label is no short text.
    """
    if extended.type not in EXTENDED_TYPES:
        raise MalformedError("unknown field type", type=extended.type, types=", ".join(EXTENDED_TYPES))
    if not 0 < len(extended.label) <= LONGEST_LABEL or not extended.label.isprintable() or not extended.label.strip():
        raise MalformedError("field label breaks its rule", most=LONGEST_LABEL)


def check_rule(rule: Rule, kind: Kind, mapping: FieldMapping, vocabulary: Vocabulary) -> tuple[Remark, ...]:
    """Hold a rule against the directory's field that it fills and the source's fields that it looks at.

    Returns warnings: what may be right, and cannot be known here.

    Raises:
        MalformedError: naming the rule, and what is wrong with it.
    """
    types = mapping.types(kind)
    if rule.field not in types:
        raise MalformedError("no such field", field=_named(kind, rule.field), fields=", ".join(types))
    type_, name = types[rule.field], _named(kind, rule.field)
    known = vocabulary.fields(kind)
    for each in rule.reads:
        if each not in known and not vocabulary.is_custom(kind, each):
            raise MalformedError("no such source field", field=name, name=each[:60], fields=", ".join(known))
    if type_ is FieldType.STATE and (rule.by is not None or rule.first_of != ("state",)):
        raise MalformedError("state is the vendor's", field=name)
    if rule.field in REQUIRED_FIELDS and not rule.reads:
        raise MalformedError("field must have a rule", field=name)
    if type_.refers_to is not None and rule.by is not None:
        raise MalformedError("reference must be a source field", field=name)
    for each in rule.reads:
        _check_type(each, known.get(each), type_, name, as_text=each in texts_of(rule.expression))
    for outcome in outcomes(rule.expression):
        if isinstance(outcome, str):
            _check_text(outcome, type_, name)
    return tuple(_doubts(rule, kind, vocabulary))


_PLAIN: Final = (FieldType.TEXT, FieldType.INTEGER, FieldType.EMAIL, FieldType.MOBILE, FieldType.URL, FieldType.DATE)
# What fits a field as it is, by the type of the field; a reference fits its own type alone.
_FITS: Final[Mapping[FieldType, tuple[FieldType, ...]]] = {
    FieldType.TEXT: (*_PLAIN, FieldType.DEPARTMENT, FieldType.EMPLOYEE, FieldType.STATE),
    FieldType.EMAIL: (FieldType.EMAIL, FieldType.TEXT),
    FieldType.MOBILE: (FieldType.MOBILE, FieldType.TEXT),
    FieldType.URL: (FieldType.URL, FieldType.TEXT),
    FieldType.INTEGER: (FieldType.INTEGER, FieldType.TEXT),
    FieldType.BOOLEAN: (FieldType.BOOLEAN, FieldType.TEXT),
    FieldType.DATE: (FieldType.DATE, FieldType.TEXT, FieldType.INTEGER),
}


def _check_type(name: str, holds: FieldType | None, type_: FieldType, field: str, *, as_text: bool) -> None:
    """Refuse a source field of a type that never fits; of one that the company made up, a text is all that is known."""
    fits = holds not in _SEVERAL if as_text else (holds or FieldType.TEXT) in _FITS.get(type_, (type_,))
    if not fits and not (holds is None and type_.refers_to is None):
        holds = holds or FieldType.TEXT
        raise MalformedError("source field does not fit", field=field, type=type_, name=name[:60], holds=holds)


def _check_text(text: str, type_: FieldType, field: str) -> None:
    try:
        _typed(text, type_, lambda kind, external_id: external_id)
    except ValueError as error:
        raise MalformedError("text does not fit", field=field, type=type_, text=text[:60]) from error


def _doubts(rule: Rule, kind: Kind, vocabulary: Vocabulary) -> Iterator[Remark]:
    unknown = [each for each in rule.reads if each not in vocabulary.fields(kind)]
    if unknown and vocabulary.fields(kind):
        yield Remark(code="source field is not listed", facts={"fields": ", ".join(unknown)[:200]})


def _named(kind: Kind, field: str) -> str:
    """Name a directory field as it is typed."""
    return f"{kind}.{field}"[:60] if kind is Kind.DEPARTMENT else field[:60]
