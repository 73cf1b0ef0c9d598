"""How people name departments, and what was chosen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.errors import SetupError
from chalicelib.core.model import Key, Kind, Remark
from chalicelib.core.presence import Found, Gone, Hidden, Presence
from chalicelib.core.scope import EVERYTHING, Chosen, Scope, check_chosen, fit, folded, steps
from tests.builders import HQ, NOON, a_department_key, a_record


def a_scope(*ids: str) -> Scope:
    return Scope(departments=tuple(Chosen(external_id=each, path=each.title()) for each in ids))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("研发 / 平台", ("研发", "平台")),
        ("/研发/平台/", ("研发", "平台")),
        ("ＲＤ  Lab/ Team  2", ("rd lab", "team 2")),
        ("研发／平台", ("研发", "平台")),
        ("R&D", ("r&d",)),
        ("", ()),
        (" / ", ()),
    ],
)
def test_a_path_is_taken_apart_whatever_its_case_width_and_spaces(typed: str, expected: tuple[str, ...]) -> None:
    assert steps(typed) == expected


@pytest.mark.parametrize(
    ("name", "typed", "rest", "exact"),
    [
        ("研发", ("研发", "平台"), ("平台",), True),
        ("研发中心", ("研发", "平台"), ("平台",), False),
        ("Sales / EMEA", ("sales", "emea", "x"), ("x",), True),
        ("Sales / EMEA", ("sales",), (), False),
        ("Sales / EMEA", ("sa", "em"), (), False),
    ],
)
def test_a_name_fits_what_was_typed(name: str, typed: tuple[str, ...], rest: tuple[str, ...], exact: bool) -> None:
    found = fit(name, typed)
    assert found is not None
    assert (found.rest, found.exact) == (rest, exact)


def test_a_name_that_begins_otherwise_does_not_fit() -> None:
    assert fit("销售", ("研发",)) is None
    assert fit("Sales / EMEA", ("sales", "apac")) is None
    assert fit("研发", ()) is None


@given(st.text(min_size=1, max_size=30), st.text(max_size=30))
def test_a_name_fits_itself_whatever_follows(name: str, rest: str) -> None:
    own = tuple(folded(name).split("/"))
    found = fit(name, (*own, *steps(rest)))
    assert found is not None
    assert found.exact
    assert found.rest == steps(rest)


def test_the_fingerprint_of_a_scope_is_that_of_what_was_chosen_and_not_of_how_it_is_called() -> None:
    assert a_scope("a", "b").digest == a_scope("b", "a").digest != a_scope("a").digest
    renamed = Scope(departments=(Chosen(external_id="a", path="Other"),))
    assert renamed.digest == a_scope("a").digest
    assert EVERYTHING.digest == ""


def answers(**presences: Presence) -> dict[Key, Presence]:
    return {Key(HQ, Kind.DEPARTMENT, each): presence for each, presence in presences.items()}


def test_chosen_departments_must_all_be_there() -> None:
    found = Found(record=a_record(a_department_key("a")))
    gone, hidden = Gone(observed_at=NOON), Hidden(observed_at=NOON, why=Remark(code="outside the range"))
    check_chosen(a_scope("a"), "hq", answers(a=found))
    with pytest.raises(SetupError) as refused:
        check_chosen(a_scope("a", "b", "c"), "hq", answers(a=found, b=gone, c=hidden))
    assert (refused.value.code, refused.value.facts["paths"]) == ("chosen department is gone", "B")
    with pytest.raises(SetupError) as refused:
        check_chosen(a_scope("a", "c"), "hq", answers(a=found, c=hidden))
    assert (refused.value.code, refused.value.facts["paths"]) == ("chosen department cannot be seen", "C")
