from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.mapping import (
    REFERENCES_LIMIT,
    TEXT_LIMIT,
    ExtendedField,
    FieldMapping,
    Mapped,
    Rule,
    Unmappable,
    digest,
    map_record,
)
from chalicelib.core.model import FieldType, Kind, SourceRecord, State, Value
from tests.builders import NOON, a_department_key, a_record, an_employee_key
from tests.core.strategies import MAPPING, RULES, records, resolved

TYPED = FieldMapping(
    departments=(Rule(field="parent", first_of=("above",)), Rule(field="order", first_of=("order",))),
    employees=(
        Rule(field="name", first_of=("name",)),
        Rule(field="email", first_of=("email",)),
        Rule(field="mobile", first_of=("mobile",)),
        Rule(field="departments", first_of=("departments",)),
        Rule(field="manager", first_of=("manager",)),
        Rule(field="state", first_of=("state",)),
        Rule(field="level", first_of=("level",)),
        Rule(field="remote", first_of=("remote",)),
    ),
    extended=(
        ExtendedField(name="level", type=FieldType.INTEGER, label="Level"),
        ExtendedField(name="remote", type=FieldType.BOOLEAN, label="Remote"),
    ),
)


def mapped(**fields: Value) -> Mapped | Unmappable:
    shown: dict[str, Value] = {"name": "Ann", "state": State.ACTIVE, **fields}
    record = SourceRecord(key=an_employee_key(), fields=shown, covers=frozenset(shown), observed_at=NOON)
    return map_record(record, TYPED, resolved)


def value(field: str, raw: Value) -> Value:
    result = mapped(**{field: raw})
    assert isinstance(result, Mapped)
    return result.values[field]


EMPTY: tuple[Value, ...] = (None, "", ())


@given(records())
def test_a_rule_is_silent_where_it_would_have_to_look_behind_an_uncovered_field(record: SourceRecord) -> None:
    result = map_record(record, MAPPING, resolved)
    if isinstance(result, Unmappable):
        return
    for rule in RULES:
        uncovered = [place for place, name in enumerate(rule.first_of) if name not in record.covers]
        filled = [place for place, name in enumerate(rule.first_of) if record.fields.get(name) not in EMPTY]
        is_silent = bool(uncovered) and (not filled or uncovered[0] < filled[0])
        if is_silent or (rule.field == "state" and not filled):
            assert rule.field not in result.values
        elif filled:
            assert result.values[rule.field] not in EMPTY
        else:
            assert result.values[rule.field] in EMPTY


@given(records())
def test_a_rule_takes_the_first_of_its_fields_that_has_a_value(record: SourceRecord) -> None:
    names = FieldMapping(departments=(), employees=(Rule(field="title", first_of=("no", "phone", "mail")),))
    result = map_record(record, names, resolved)
    if isinstance(result, Mapped) and result.values.get("title") is not None:
        first = next(raw for raw in map(record.fields.get, ("no", "phone", "mail")) if raw not in EMPTY)
        only = map_record(replace(record, fields={"no": first}, covers=frozenset({"no"})), names, resolved)
        assert isinstance(only, Mapped)
        assert only.values == result.values


@given(records())
def test_a_field_that_the_read_does_not_cover_is_not_in_the_values(record: SourceRecord) -> None:
    result = map_record(record, MAPPING, resolved)
    if isinstance(result, Mapped):
        assert set(result.values) <= {rule.field for rule in RULES if rule.first_of[0] in record.covers}


@given(records())
def test_no_control_character_survives(record: SourceRecord) -> None:
    result = map_record(record, MAPPING, resolved)
    if isinstance(result, Mapped):
        for each in result.values.values():
            if isinstance(each, str):
                assert not {unicodedata.category(letter) for letter in each} & {"Cc", "Cs", "Zl", "Zp"}
                assert each == each.strip()
                assert each


@given(st.dictionaries(st.text(max_size=5), st.one_of(st.none(), st.text(max_size=5), st.integers())))
def test_the_digest_does_not_depend_on_the_order_of_fields(values: dict[str, Value]) -> None:
    assert digest(values) == digest(dict(reversed(values.items())))


def test_the_digest_tells_an_empty_field_from_one_that_is_not_covered() -> None:
    assert digest({"name": "Ann"}) != digest({"name": "Ann", "email": None})


@pytest.mark.parametrize(
    ("field", "raw"),
    [
        ("name", ""),
        ("name", "\x00\x1b"),
        ("name", "x" * (TEXT_LIMIT + 1)),
        ("name", ("Ann",)),
        ("name", True),
        ("email", "ann"),
        ("email", "ann@@example.com"),
        ("email", "ann @example.com"),
        ("email", "a@" + "x" * 191),
        ("mobile", "none"),
        ("mobile", "+"),
        ("mobile", "1" * 40),
        ("state", "on leave"),
        ("departments", "d1"),
        ("departments", tuple(f"d{number}" for number in range(REFERENCES_LIMIT + 1))),
        ("manager", ("ann",)),
        ("level", "three"),
        ("level", "1_000"),
        ("level", "٣"),
        ("level", True),
        ("level", "9" * 5000),
        ("remote", "yes"),
        ("remote", 1),
    ],
)
def test_a_value_that_does_not_fit_makes_the_record_unmappable_and_names_only_the_field(field: str, raw: Value) -> None:
    result = mapped(**{field: raw})
    assert isinstance(result, Unmappable)
    assert (result.why.code, result.why.facts) == ("value does not fit its field", {"field": field})


@pytest.mark.parametrize(
    ("field", "raw", "wanted"),
    [
        ("name", "  王伟\n", "王伟"),
        ("name", "Ann\x1b[31m", "Ann [31m"),
        ("name", "half an emoji \ud83d", "half an emoji"),
        ("name", 42, "42"),
        ("email", "ann@example.com", "ann@example.com"),
        ("mobile", "+86 138-0000 0000", "+86 138-0000 0000"),
        ("departments", ("d1", "d2"), ("d-d1", "d-d2")),
        ("departments", (), ()),
        ("departments", None, ()),
        ("manager", "ann", "e-ann"),
        ("manager", None, None),
        ("email", "", None),
        ("state", State.SUSPENDED, "suspended"),
        ("level", "3", 3),
        ("level", -3, -3),
        ("remote", False, False),
    ],
)
def test_a_value_is_brought_into_the_type_of_its_field(field: str, raw: Value, wanted: Value) -> None:
    assert value(field, raw) == wanted


def test_zero_and_false_are_values_not_gaps() -> None:
    assert value("level", 0) == 0
    assert value("remote", False) is False


def test_an_unknown_state_says_nothing_rather_than_that_somebody_left() -> None:
    result = mapped(state=None)
    assert isinstance(result, Mapped)
    assert "state" not in result.values


def test_extended_fields_belong_to_employees_alone() -> None:
    assert set(TYPED.types(Kind.EMPLOYEE)) - set(TYPED.types(Kind.DEPARTMENT)) >= {"level", "remote"}


def test_a_department_is_mapped_by_the_departments_rules() -> None:
    fields: dict[str, Value] = {"above": "d0", "order": "7", "name": "ignored"}
    record = SourceRecord(key=a_department_key("d1"), fields=fields, covers=frozenset(fields), observed_at=NOON)
    result = map_record(record, TYPED, resolved)
    assert isinstance(result, Mapped)
    assert result.values == {"parent": "d-d0", "order": 7}


def test_the_record_stands_beside_what_it_was_mapped_to() -> None:
    record = a_record(an_employee_key("ben"))
    result = map_record(record, TYPED, resolved)
    assert isinstance(result, Mapped)
    assert result.record is record
    assert result.digest == digest(result.values)
