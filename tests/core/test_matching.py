from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.core.matching import Matching, alike, gist, paths, same
from chalicelib.core.model import Entry, State, Value, Values
from tests.builders import an_employee_key, an_entry

BY_ALL = Matching(employees=("employee_no", "mobile", "email"))


@pytest.mark.parametrize(
    ("field", "one", "other", "alike_"),
    [
        ("employee_no", "A-7", " a-7 ", True),
        ("employee_no", "007", "7", False),
        ("employee_no", "７", "7", True),
        ("email", "Ann@Example.com", "ann@example.com", True),
        ("email", "ann@example.com", "ann@example.com.cn", False),
        ("mobile", "+86 139-0000-1234", "13900001234", True),
        ("mobile", "139 0000 1234", "13900001234", True),
        ("mobile", "+8613900001234", "+113900001234", False),
        ("mobile", "8613900001234", "13900001234", False),
        ("mobile", "+8613900001234", "00001234", False),
        ("mobile", "+861234", "1234", False),
        ("mobile", "1234", "1234", True),
        ("mobile", "+", "-", False),
        ("name", "", "", False),
        ("name", None, None, False),
        ("employee_no", None, "7", False),
    ],
)
def test_values_are_the_same_in_whatever_way_they_are_written(
    field: str, one: Value, other: Value, *, alike_: bool
) -> None:
    assert same(field, one, other) is same(field, other, one) is alike_
    if alike_:
        assert gist(field, str(one)) == gist(field, str(other))


def person(external_id: str, **values: Value) -> Entry:
    entry = an_entry(an_employee_key(external_id))
    return replace(entry, values={**entry.values, **values})


def test_whoever_has_one_of_the_fields_is_alike() -> None:
    ann = person("ann", employee_no="7")
    ben = person("ben", mobile="13900001234")
    cem = person("cem", employee_no="8")
    found = alike(BY_ALL, {"name": "X", "employee_no": "7", "mobile": "+86 13900001234"}, [ann, ben, cem, ann])
    assert found == (ann, ben)


@pytest.mark.parametrize(
    ("values", "trusts", "found"),
    [
        ({"name": "Someone", "email": "ann@example.com"}, False, False),
        ({"name": "Someone", "email": "ann@example.com"}, True, True),
        ({"name": "ANN", "email": "ann@example.com"}, False, True),
        ({"name": "Someone", "email": "ann@example.com", "mobile": "13900001234"}, False, True),
        ({"name": "Ann"}, True, False),
        ({"name": "Ann", "mobile": "13900001234"}, True, False),
    ],
)
def test_an_email_counts_beside_something_else_that_is_the_same(
    values: dict[str, Value], *, trusts: bool, found: bool
) -> None:
    ann = person("ann", name="Ann", email="ann@example.com", mobile="13900001234")
    rules = Matching(employees=("email",), trusts_email=trusts)
    assert bool(alike(rules, values, [ann])) is found


def test_whoever_has_left_is_alike_under_the_same_name_only() -> None:
    left = person("ann", name="Ann", employee_no="7", state=State.LEFT)
    assert alike(BY_ALL, {"name": "ann", "employee_no": "7"}, [left]) == (left,)
    assert alike(BY_ALL, {"name": "Ben", "employee_no": "7"}, [left]) == ()


def test_a_path_is_that_of_the_names_and_a_loop_or_a_gap_has_none() -> None:
    departments: dict[str, Values] = {
        "d1": {"name": "Acme", "parent": None},
        "d2": {"name": "  R&D ", "parent": "d1"},
        "d3": {"name": "Lost", "parent": "nobody"},
        "d4": {"name": "Round", "parent": "d5"},
        "d5": {"name": "About", "parent": "d4"},
        "d6": {"name": None, "parent": "d1"},
    }
    assert paths(departments) == {"d1": "acme", "d2": "acme / r&d"}
