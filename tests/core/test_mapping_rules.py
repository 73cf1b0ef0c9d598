"""What an admin may put into a mapping, and what the types of fields make of values."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.errors import MalformedError, RollcallError
from chalicelib.core.expression import Expression, parse
from chalicelib.core.mapping import (
    MOST_EXTENDED,
    ExtendedField,
    FieldMapping,
    Mapped,
    Rule,
    Unmappable,
    Vocabulary,
    check_extended,
    check_rule,
    map_record,
    with_field,
    with_rule,
    without_field,
)
from chalicelib.core.model import FieldType, Kind, SourceRecord, State, Value
from tests.builders import NOON, an_employee_key
from tests.core.expressions import EXPRESSIONS, NAMES
from tests.core.strategies import resolved

TYPES = (FieldType.DATE, FieldType.URL, FieldType.BOOLEAN, FieldType.INTEGER, FieldType.EMAIL)
MAPPING = FieldMapping(
    departments=(Rule(field="name", first_of=("name",)), Rule(field="state", first_of=("state",))),
    employees=tuple(Rule(field=each, first_of=(each,)) for each in ("name", "email", "manager", "state")),
    extended=tuple(ExtendedField(name=f"a_{each}", type=each, label=each) for each in TYPES),
)
WORDS = Vocabulary(
    departments={"name": FieldType.TEXT, "state": FieldType.STATE, "boss": FieldType.EMPLOYEE},
    employees={
        "name": FieldType.TEXT,
        "email": FieldType.EMAIL,
        "grade": FieldType.INTEGER,
        "open": FieldType.BOOLEAN,
        "manager": FieldType.EMPLOYEE,
        "homes": FieldType.DEPARTMENTS,
        "state": FieldType.STATE,
    },
    custom="own.",
)


def rule(field: str, text: str) -> Rule:
    return Rule.of(field, parse(text, field=field))


def mapped(field: str, text: str, /, **fields: Value) -> Mapped | Unmappable:
    shown: dict[str, Value] = {"name": "Ann", "state": State.ACTIVE, **fields}
    record = SourceRecord(key=an_employee_key(), fields=shown, covers=frozenset(shown), observed_at=NOON)
    return map_record(record, with_rule(MAPPING, Kind.EMPLOYEE, field, rule(field, text)), resolved)


def value(field: str, text: str, **fields: Value) -> Value:
    result = mapped(field, text, **fields)
    assert isinstance(result, Mapped)
    return result.values[field]


def refused(field: str, text: str, kind: Kind = Kind.EMPLOYEE) -> str:
    with pytest.raises(MalformedError) as error:
        check_rule(rule(field, text), kind, MAPPING, WORDS)
    assert str(error.value.facts["field"]).removeprefix("department.") == field
    return error.value.code


# --- values


@pytest.mark.parametrize(
    ("raw", "day"),
    [
        ("2026-11-22", "2026-11-22"),
        ("2026/1/2", "2026-01-02"),
        ("2026-11-22T23:59:59Z", "2026-11-22"),
        (1_615_381_200 // 86400 * 86400, "2021-03-10"),
        # Midnight of 10 March 2021 in Shanghai, in New York, and in milliseconds.
        (1_615_305_600, "2021-03-10"),
        (1_615_352_400, "2021-03-10"),
        (1_615_305_600_000, "2021-03-10"),
        ("1615305600", "2021-03-10"),
        (0, None),
        ("", None),
    ],
)
def test_a_day_is_read_from_a_text_or_the_nearest_midnight(raw: Value, day: str | None) -> None:
    assert value("a_date", "joined", joined=raw) == day


@pytest.mark.parametrize("raw", ["tomorrow", "2026-13-01", "2026-02-30", "22.11.2026", 12, True, "9" * 14])
def test_what_is_no_day_does_not_fit(raw: Value) -> None:
    assert isinstance(mapped("a_date", "joined", joined=raw), Unmappable)


@pytest.mark.parametrize(("raw", "flag"), [(True, True), ("true", True), ("FALSE", False), (" True ", True)])
def test_a_flag_may_be_a_text_as_fields_of_the_companys_own_are(raw: Value, flag: bool) -> None:
    assert value("a_boolean", "own", own=raw) is flag


def test_a_link_must_be_one() -> None:
    assert value("a_url", "home", home="https://example.com/ann") == "https://example.com/ann"
    assert isinstance(mapped("a_url", "home", home="javascript:alert(1)"), Unmappable)


def test_a_rule_that_would_have_to_look_at_an_uncovered_field_is_silent() -> None:
    for text in ('"{name} {hidden}"', "lower(hidden)", "lookup(hidden: 1=x)", '"" | hidden | name'):
        result = mapped("email", text)
        assert isinstance(result, Mapped)
        assert "email" not in result.values


def test_a_rule_that_says_nothing_empties_its_field_whatever_is_covered() -> None:
    result = mapped("email", "nothing")
    assert isinstance(result, Mapped)
    assert result.values["email"] is None
    assert MAPPING.settled(Kind.EMPLOYEE) == frozenset()
    assert with_rule(MAPPING, Kind.EMPLOYEE, "email", rule("email", "nothing")).settled(Kind.EMPLOYEE) == {"email"}


def test_a_removed_field_is_empty_for_everybody_and_a_new_one_of_its_name_is_not() -> None:
    removed = without_field(MAPPING, "a_url")
    record = SourceRecord(key=an_employee_key(), fields={}, covers=frozenset(), observed_at=NOON)
    result = map_record(record, removed, resolved)
    assert isinstance(result, Mapped)
    assert result.values == {"a_url": None}
    assert removed.settled(Kind.EMPLOYEE) == {"a_url"}
    again = with_field(removed, ExtendedField(name="a_url", type=FieldType.URL, label="Home"))
    assert (again.retired, again.types(Kind.EMPLOYEE)["a_url"]) == ((), FieldType.URL)
    kept = map_record(record, again, resolved)
    assert isinstance(kept, Mapped)
    assert "a_url" not in kept.values


def test_removed_fields_are_remembered_up_to_a_bound() -> None:
    mapping = MAPPING
    for number in range(MOST_EXTENDED + 5):
        mapping = without_field(mapping, f"f{number}")
    assert len(mapping.retired) == MOST_EXTENDED
    assert mapping.retired[-1] == f"f{MOST_EXTENDED + 4}"


def test_another_rule_is_another_digest_where_it_makes_another_value_and_only_there() -> None:
    plain, spelled = (mapped("email", text, email="ann@example.com") for text in ("email", "upper(email)"))
    same = mapped("email", "email | name", email="ann@example.com")
    assert isinstance(plain, Mapped)
    assert isinstance(spelled, Mapped)
    assert isinstance(same, Mapped)
    assert plain.digest != spelled.digest
    assert plain.digest == same.digest


def test_a_choice_that_lists_decide_has_the_same_digest_when_read_by_name() -> None:
    mapping = with_rule(MAPPING, Kind.EMPLOYEE, "email", rule("email", "email | private"))
    fields: dict[str, Value] = {"name": "Ann", "email": "ann@example.com", "private": "a@b.c"}
    listed = SourceRecord(key=an_employee_key(), fields=fields, covers=frozenset({"name", "email"}), observed_at=NOON)
    details = frozenset({"private"})
    by_name = replace(listed, covers=frozenset(fields), details=details)
    one, other = (map_record(each, mapping, resolved) for each in (listed, by_name))
    assert isinstance(one, Mapped)
    assert isinstance(other, Mapped)
    assert one.digest == other.digest


@given(EXPRESSIONS, st.sampled_from(TYPES), st.dictionaries(st.sampled_from(NAMES), st.text(max_size=20)))
def test_no_rule_breaks_the_mapping_of_a_record(
    expression: Expression, type_: FieldType, said: dict[str, Value]
) -> None:
    mapping = with_rule(MAPPING, Kind.EMPLOYEE, f"a_{type_}", Rule.of(f"a_{type_}", expression))
    fields: dict[str, Value] = {"state": State.ACTIVE, **said, "name": "Ann"}
    record = SourceRecord(key=an_employee_key(), fields=fields, covers=frozenset(fields), observed_at=NOON)
    result = map_record(record, mapping, resolved)
    assert isinstance(result, Mapped | Unmappable)
    if isinstance(result, Mapped):
        assert result.values["name"] == "Ann"


# --- what is held against a rule


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("name", "name"),
        ("title", '"{name} {grade}"'),
        ("title", "lookup(grade: 1=Chef)"),
        ("title", "own.anything"),
        ("title", "nothing"),
        ("email", "lower(email)"),
        ("email", '"{name}@example.com"'),
        ("a_date", "grade"),
        ("a_boolean", "open"),
        ("a_boolean", "lookup(grade: 1=true, else false)"),
        ("a_integer", '"5"'),
        ("manager", "manager"),
        ("departments", "homes"),
        ("state", "state"),
    ],
)
def test_a_rule_that_may_yield_what_its_field_wants_holds(field: str, text: str) -> None:
    doubts = check_rule(rule(field, text), Kind.EMPLOYEE, MAPPING, WORDS)
    assert [each.code for each in doubts] == (["source field is not listed"] if "own." in text else [])


@pytest.mark.parametrize(
    ("field", "text", "code"),
    [
        ("shoe_size", "name", "no such field"),
        ("title", "nmae", "no such source field"),
        ("title", 'lower("{name} {nmae}")', "no such source field"),
        ("title", "own.", "no such source field"),
        ("state", '"active"', "state is the vendor's"),
        ("state", "name", "state is the vendor's"),
        ("state", "state | name", "state is the vendor's"),
        ("state", "lower(state)", "state is the vendor's"),
        ("name", '"Everybody"', "field must have a rule"),
        ("name", "nothing", "field must have a rule"),
        ("manager", '"ann"', "reference must be a source field"),
        ("manager", "lower(manager)", "reference must be a source field"),
        ("manager", "name", "source field does not fit"),
        ("manager", "own.boss", "source field does not fit"),
        ("departments", "manager", "source field does not fit"),
        ("title", "homes", "source field does not fit"),
        ("title", '"{homes}"', "source field does not fit"),
        ("title", "open", "source field does not fit"),
        ("email", "grade", "source field does not fit"),
        ("a_boolean", "grade", "source field does not fit"),
        ("a_integer", "email", "source field does not fit"),
        ("email", '"nobody"', "text does not fit"),
        ("a_integer", "lookup(grade: 1=one)", "text does not fit"),
        ("a_date", 'grade | "soon"', "text does not fit"),
        ("email", 'upper("nobody")', "text does not fit"),
    ],
)
def test_a_rule_that_cannot_hold_is_refused_and_named(field: str, text: str, code: str) -> None:
    assert refused(field, text) == code


def test_departments_have_their_own_fields_on_both_sides() -> None:
    assert check_rule(rule("en_name", "name"), Kind.DEPARTMENT, MAPPING, WORDS) == ()
    assert refused("title", "name", Kind.DEPARTMENT) == "no such field"
    assert refused("name", "grade", Kind.DEPARTMENT) == "no such source field"
    assert refused("name", "own.anything", Kind.DEPARTMENT) == "no such source field"


def test_where_it_is_not_known_which_fields_there_are_any_may_be_named() -> None:
    assert check_rule(rule("title", "anything"), Kind.EMPLOYEE, MAPPING, Vocabulary()) == ()


# --- rules and fields as data


def test_equal_rules_are_equal_however_they_were_typed() -> None:
    assert rule("title", "a|b") == Rule(field="title", first_of=("a", "b"))
    assert rule("title", "{a}") == Rule(field="title", first_of=("a",))
    assert rule("title", "a|b").text == Rule(field="title", first_of=("a", "b")).text == "a | b"
    assert rule("title", "lower(a) | b").reads == ("a", "b")


def test_a_new_rule_comes_last_another_one_stays_in_its_place_and_one_may_go() -> None:
    mapping = with_rule(MAPPING, Kind.EMPLOYEE, "title", rule("title", "grade"))
    mapping = with_rule(mapping, Kind.EMPLOYEE, "email", rule("email", "nothing"))
    assert [each.field for each in mapping.employees] == ["name", "email", "manager", "state", "title"]
    assert with_rule(mapping, Kind.EMPLOYEE, "email", None).rule(Kind.EMPLOYEE, "email") is None
    assert mapping.departments == MAPPING.departments


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Badge", "field name breaks its rule"),
        ("1st", "field name breaks its rule"),
        ("a", "field name breaks its rule"),
        ("x" * 33, "field name breaks its rule"),
        ("工牌", "field name breaks its rule"),
        ("a b", "field name breaks its rule"),
        ("__class__", "field name breaks its rule"),
        ("nothing", "field name breaks its rule"),
        ("email", "field is there already"),
        ("a_url", "field is there already"),
        ("parent", "field is there already"),
    ],
)
def test_a_field_with_a_name_that_means_something_else_is_refused(name: str, code: str) -> None:
    with pytest.raises(RollcallError) as error:
        check_extended(MAPPING, ExtendedField(name=name, type=FieldType.TEXT, label="x"))
    assert error.value.code == code


@pytest.mark.parametrize("label", ["", " ", "x" * 41, "a\nb", "\u202e"])
def test_a_label_is_one_short_line(label: str) -> None:
    with pytest.raises(MalformedError, match="label"):
        check_extended(MAPPING, ExtendedField(name="badge", type=FieldType.TEXT, label=label))


@pytest.mark.parametrize("type_", [FieldType.STATE, FieldType.EMPLOYEE, FieldType.DEPARTMENTS])
def test_an_extended_field_is_no_reference(type_: FieldType) -> None:
    with pytest.raises(MalformedError, match="type"):
        check_extended(MAPPING, ExtendedField(name="badge", type=type_, label="x"))


def test_there_are_at_most_so_many_extended_fields() -> None:
    mapping = MAPPING
    for number in range(MOST_EXTENDED - len(MAPPING.extended)):
        new = ExtendedField(name=f"field_{number}", type=FieldType.TEXT, label="x")
        check_extended(mapping, new)
        mapping = with_field(mapping, new)
    with pytest.raises(RollcallError, match="too many extended fields"):
        check_extended(mapping, ExtendedField(name="one_more", type=FieldType.TEXT, label="x"))
