from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from chalicelib.core.diff import Action, Change, Impossible, changed, departure, diff, is_empty, narrow, removes_access
from chalicelib.core.mapping import Mapped
from chalicelib.core.model import EMPLOYEE_FIELDS, Kind, State, Values
from tests.builders import a_record, an_entry
from tests.core.strategies import some_mapped, whole_values


def says(**values: str | tuple[str, ...] | None) -> Mapped:
    return Mapped(record=a_record(), values=values, digest="d")


@given(whole_values(), some_mapped())
def test_a_change_that_was_applied_is_no_change_any_more(before: Values, mapped: Mapped) -> None:
    change = diff(replace(an_entry(), values=before), mapped)
    if isinstance(change, Change):
        assert diff(replace(an_entry(), values=change.after), mapped) is None
    else:
        assert change is None


@given(some_mapped())
def test_somebody_created_is_no_change_any_more(mapped: Mapped) -> None:
    change = diff(None, mapped)
    if isinstance(change, Change):
        assert change.action is Action.CREATE
        assert set(change.after) >= set(EMPLOYEE_FIELDS)
        assert diff(replace(an_entry(), values=change.after), mapped) is None


@given(whole_values(), some_mapped())
def test_fields_that_the_record_does_not_cover_never_change(before: Values, mapped: Mapped) -> None:
    change = diff(replace(an_entry(), values=before), mapped)
    if isinstance(change, Change):
        assert change.before == before
        assert {name for name in before if change.after[name] != before[name]} <= set(mapped.values)


@given(whole_values(), some_mapped(), whole_values())
def test_an_approval_never_widens(before: Values, mapped: Mapped, approved: Values) -> None:
    for entry in (replace(an_entry(), values=before), None):
        fresh = diff(entry, mapped)
        if not isinstance(fresh, Change):
            continue
        cut = narrow(approved, fresh)
        if cut is None:
            continue
        assert cut.before == fresh.before
        touched = changed(cut.before, cut.after)
        assert touched
        for name in touched:
            assert cut.after[name] == fresh.after[name]
            assert cut.after[name] == approved[name] or (is_empty(cut.after[name]) and is_empty(approved[name]))


@given(whole_values(), some_mapped())
def test_approving_all_of_a_change_that_is_still_true_applies_all_of_it(before: Values, mapped: Mapped) -> None:
    for entry in (replace(an_entry(), values=before), None):
        fresh = diff(entry, mapped)
        if isinstance(fresh, Change):
            approved = {name: fresh.after.get(name) for name in changed(fresh.before, fresh.after)}
            cut = narrow(approved, fresh)
            assert cut is not None
            assert (cut.action, changed(cut.after, fresh.after)) == (fresh.action, ())


def test_a_field_that_filled_up_after_the_approval_is_not_created_with_the_person() -> None:
    fresh = diff(None, says(name="Ann", state="active", email="new@example.com"))
    assert isinstance(fresh, Change)
    cut = narrow({"name": "Ann", "state": "active"}, fresh)
    assert cut is not None
    assert (cut.action, cut.after["name"], cut.after["email"]) == (Action.CREATE, "Ann", None)


def test_somebody_new_who_is_not_as_approved_is_not_created() -> None:
    fresh = diff(None, says(name="Ann", state="suspended"))
    assert isinstance(fresh, Change)
    assert narrow({"name": "Ann", "state": "active"}, fresh) is None


@pytest.mark.parametrize(
    ("was", "is_", "action"),
    [
        ("active", "left", Action.DEACTIVATE),
        ("suspended", "left", Action.DEACTIVATE),
        ("left", "active", Action.REACTIVATE),
        ("left", "suspended", Action.REACTIVATE),
        ("active", "suspended", Action.UPDATE),
        ("invited", "active", Action.UPDATE),
    ],
)
def test_the_action_follows_from_the_states(was: str, is_: str, action: Action) -> None:
    change = diff(an_entry(state=was), says(state=is_))
    assert isinstance(change, Change)
    assert change.action is action


def test_somebody_new_who_has_left_already_is_nothing_to_do() -> None:
    assert diff(None, says(name="Ann", state="left")) is None


@pytest.mark.parametrize("lacking", ["name", "state"])
def test_somebody_new_needs_a_name_and_a_state(lacking: str) -> None:
    values = {"name": "Ann", "state": "active"}
    del values[lacking]
    impossible = diff(None, says(**values))
    assert isinstance(impossible, Impossible)
    assert (impossible.why.code, impossible.why.facts) == ("new entry lacks a field", {"field": lacking})


def test_empty_missing_and_none_are_the_same() -> None:
    assert changed({"title": "", "departments": ()}, {"title": None, "email": None}) == ()


def test_a_departure_changes_the_state_alone() -> None:
    change = departure(an_entry(title="Engineer"))
    assert change is not None
    assert change.action is Action.DEACTIVATE
    assert changed(change.before, change.after) == ("state",)


def test_who_has_left_does_not_leave_again() -> None:
    assert departure(an_entry(state="left")) is None


@pytest.mark.parametrize(
    ("kind", "was", "is_", "removes"),
    [
        (Kind.EMPLOYEE, "active", "suspended", True),
        (Kind.EMPLOYEE, "invited", "left", True),
        (Kind.EMPLOYEE, "active", "left", True),
        (Kind.EMPLOYEE, "suspended", "left", True),
        (Kind.EMPLOYEE, "active", "invited", False),
        (Kind.EMPLOYEE, "left", "active", False),
        (Kind.EMPLOYEE, "left", "left", False),
        (Kind.DEPARTMENT, "active", "left", True),
        (Kind.DEPARTMENT, "active", "active", False),
    ],
)
def test_what_takes_something_away_is_told_by_the_states(kind: Kind, was: str, is_: str, removes: bool) -> None:
    assert removes_access(kind, {"state": was}, {"state": is_}) is removes


def test_creating_somebody_takes_nothing_away() -> None:
    assert not removes_access(Kind.EMPLOYEE, {}, {"state": State.LEFT})
