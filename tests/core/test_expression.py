from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chalicelib.core.errors import MalformedError
from chalicelib.core.expression import (
    MOST_LOOKUPS,
    MOST_SIGNS,
    TEXT_LIMIT,
    Constant,
    Expression,
    Field,
    FirstOf,
    Template,
    Uncovered,
    evaluate,
    fields_of,
    parse,
    spell,
)
from chalicelib.core.model import Value
from tests.core.expressions import EXPRESSIONS, NAMES

SAID: dict[str, Value] = {
    "name": "Ann Lee",
    "nick": "",
    "mail": " Ann@Example.com ",
    "no": 7,
    "type": "2",
    "flag": True,
    "homes": ("d1", "d2"),
    "long": "x" * (TEXT_LIMIT + 1),
    "void": None,
}
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.text(max_size=2 * TEXT_LIMIT),
    st.lists(st.text(max_size=5), max_size=3).map(tuple),
)


def look(name: str) -> Value:
    if name not in SAID:
        raise Uncovered
    return SAID[name]


def yields(text: str) -> Value:
    return evaluate(parse(text), look)


def refused(text: str) -> str:
    with pytest.raises(MalformedError) as error:
        parse(text, field="title")
    assert error.value.facts["field"] == "title"
    return error.value.code


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("name", "Ann Lee"),
        ("nick | name", "Ann Lee"),
        ("nick | void", None),
        ("homes", ("d1", "d2")),
        ("no", 7),
        ('"Contractor"', "Contractor"),
        ("nothing", None),
        ("空", None),
        ("nick | nothing | name", "Ann Lee"),
        ('"{name} ({no})"', "Ann Lee (7)"),
        ('"{name} ({nick})"', None),
        ('"{name} ({nick})" | name', "Ann Lee"),
        ('"{flag}"', "true"),
        ('"{{{no}}}"', "{7}"),
        ("lower(mail)", "ann@example.com"),
        ("upper(name)", "ANN LEE"),
        ("title(lower(name))", "Ann Lee"),
        ("trim(mail)", "Ann@Example.com"),
        ("lower(nick)", None),
        ("lookup(type: 1=Regular, 2=Intern, else Other)", "Intern"),
        ("lookup(no: 1=Regular, else Other)", "Other"),
        ("lookup(no: 1=Regular)", None),
        ("lookup(nick: 1=Regular, else Other)", None),
        ("lookup(nick: 1=Regular) | name", "Ann Lee"),
        ('lookup(type: 2="")', None),
    ],
)
def test_an_expression_yields(text: str, value: Value) -> None:
    assert yields(text) == value


@pytest.mark.parametrize("text", ['"{homes}"', "lower(homes)", "lower(long)", '"{long}"', "lookup(homes: 1=x)"])
def test_what_is_no_text_or_too_long_fits_nowhere(text: str) -> None:
    with pytest.raises(ValueError, match="text"):
        yields(text)


@pytest.mark.parametrize(
    "text", ["hidden", "nick | hidden", '"{name} {hidden}"', "lower(hidden)", "lookup(hidden: 1=2)"]
)
def test_a_field_that_is_not_covered_is_said_so_and_not_taken_for_empty(text: str) -> None:
    with pytest.raises(Uncovered):
        yields(text)


def test_what_lies_behind_the_first_value_is_not_looked_at() -> None:
    assert yields("name | hidden") == "Ann Lee"


@pytest.mark.parametrize(
    ("typed", "same"),
    [
        ("  name|nickname ", "name | nickname"),
        ("{name} ({no})", '"{name} ({no})"'),
        ("Dr {name}", '"Dr {name}"'),
        ("'Contractor'", '"Contractor"'),
        ("{name}", "name"),
        ("LOWER( email )", "lower(email)"),
        # What chats make of full width, and of commas at the ends of words.
        ("lookup(type:1=正式 2=实习 否则 其他)", "lookup(type: 1=正式, 2=实习, else 其他)"),
        ("lookup(type: 1=Full time 2=Intern else Any other)", "lookup(type: 1=Full time, 2=Intern, else Any other)"),
        ("lookup(type: Full time=FT, Part time=PT)", "lookup(type: Full time=FT, Part time=PT)"),
        ("lookup(type: 1=a, else=b)", "lookup(type: 1=a, else b)"),
        ('lookup(type: "else"="x, y")', 'lookup(type: "else"="x, y")'),
    ],
)
def test_it_is_read_forgivingly_and_written_in_one_way(typed: str, same: str) -> None:
    assert spell(parse(typed)) == same


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "expression is misread"),
        ("|", "expression is misread"),
        ("name |", "expression is misread"),
        ("Full time", "expression is misread"),
        ('"open', "expression is misread"),
        ('"{"', "expression is misread"),
        ('"{}"', "expression is misread"),
        ("name()", "no such function"),
        ("name.__class__()", "expression is misread"),
        ("__import__(os)", "no such function"),
        ("name[0]", "expression is misread"),
        ("lookup(a)", "expression is misread"),
        ("lookup(a: )", "expression is misread"),
        ("lookup(a: 1)", "expression is misread"),
        ("lookup(a: 1=x, 1=y)", "expression is misread"),
        ("lookup(a: 1=x, else y, else z)", "expression is misread"),
        ("lookup(a: 1=x", "expression is misread"),
        ("lookup(a: 1=(x)", "expression is misread"),
        ("lower(a", "expression is misread"),
        ("a)", "expression is misread"),
        ("lower(lower(lower(lower(a))))", "expression is too deep"),
        (" | ".join(["a"] * 41), "expression has too many parts"),
        ('"' + "{a}" * 41 + '"', "expression has too many parts"),
        ("x" * (MOST_SIGNS + 1), "expression is too long"),
        ('"' + "x" * (TEXT_LIMIT + 1) + '"', "expression is too long"),
        ("'" + '"' * 500 + "'", "expression is too long"),
        (f"lookup(a: {', '.join(f'{n}=x' for n in range(MOST_LOOKUPS + 1))})", "too many lookup rules"),
    ],
)
def test_what_cannot_be_read_or_is_too_much_is_refused_and_names_the_rule(text: str, code: str) -> None:
    assert refused(text) == code


def test_fifteen_rules_of_a_lookup_are_not_too_many() -> None:
    text = f"lookup(a: {', '.join(f'{n}=x' for n in range(MOST_LOOKUPS))}, else y)"
    assert spell(parse(text)) == text


# --- for all expressions


def is_read_as(text: str, expression: Expression) -> bool:
    try:
        return parse(text) == expression
    except MalformedError:
        return False


@given(EXPRESSIONS)
def test_what_is_written_is_read_as_what_it_was(expression: Expression) -> None:
    text = spell(expression)
    assume(len(text) <= MOST_SIGNS)
    with suppress(MalformedError):  # it has more parts, or is deeper, than anybody may type
        assert parse(text) == expression


@given(st.text(max_size=60) | st.text("ab|(){}\"'\\:=, lowerkup", max_size=60))
def test_whatever_is_typed_is_refused_or_can_be_written_and_read_again(text: str) -> None:
    with suppress(MalformedError):
        expression = parse(text, field="title")
        spelled = spell(expression)
        assert len(spelled) <= MOST_SIGNS
        assert is_read_as(spelled, expression)


@given(EXPRESSIONS, st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_a_hostile_expression_reads_its_own_fields_alone_and_yields_no_more_than_they_hold(
    expression: Expression, said: dict[str, Value]
) -> None:
    looked: list[str] = []

    def spied(name: str) -> Value:
        looked.append(name)
        if name not in said:
            raise Uncovered
        return said[name]

    try:
        value = evaluate(expression, spied)
    except (Uncovered, ValueError):
        value = None
    assert set(looked) <= set(fields_of(expression))
    assert len(looked) <= 200
    if isinstance(value, str) and value not in said.values():
        assert len(value) <= TEXT_LIMIT


@given(EXPRESSIONS, st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_to_uncover_less_never_changes_a_value_it_only_silences(expression: Expression, said: dict[str, Value]) -> None:
    """Law 5: whatever a smaller read says, the larger one says as well."""

    def seen(name: str) -> Value:
        if name not in said:
            raise Uncovered
        return said[name]

    def all_seen(name: str) -> Value:
        return said.get(name)

    try:
        value = evaluate(expression, seen)
    except (Uncovered, ValueError):
        return
    assert evaluate(expression, all_seen) == value


@pytest.mark.parametrize(
    "name", ["__class__", "name.__class__", "0", "name!r", "name:>999999999", "key", "observed_at", "a[b]", "a()"]
)
def test_a_name_is_a_key_and_never_a_way_into_an_object(name: str) -> None:
    looked: list[str] = []
    template = Template(pieces=(Field(name=name),))
    assert evaluate(template, lambda each: looked.append(each)) is None
    assert looked == [name]
    assert parse(spell(template)) == template


def test_a_constant_and_a_choice_are_equal_when_they_read_alike() -> None:
    assert parse('"x"') == Constant(text="x")
    assert parse("a | b") == FirstOf(of=(Field(name="a"), Field(name="b")))
