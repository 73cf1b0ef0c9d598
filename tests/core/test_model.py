from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.model import FIELDS, FieldType, Key, Kind, State, new_entry_id
from tests.builders import an_employee_key, an_entry

KEYS = st.builds(Key, st.text(max_size=8), st.sampled_from(tuple(Kind)), st.text(max_size=8))


@given(KEYS)
def test_an_entry_id_is_short_plain_and_always_the_same(key: Key) -> None:
    entry_id = new_entry_id(key)
    assert entry_id == new_entry_id(Key(key.source, key.kind, key.external_id))
    assert entry_id[0] == key.kind[0]
    assert entry_id.isascii()
    assert entry_id.isalnum()
    assert len(entry_id) == 21


@given(st.sets(KEYS.filter(lambda key: "\0" not in key.source + key.external_id), min_size=2))
def test_no_two_keys_name_one_entry(keys: set[Key]) -> None:
    assert len({new_entry_id(key) for key in keys}) == len(keys)


def test_a_key_shows_no_source_and_is_short() -> None:
    assert str(an_employee_key("ann")) == "employee:ann"


def test_access_is_for_the_active_and_the_invited() -> None:
    assert [each for each in State if each.has_access] == [State.ACTIVE, State.INVITED]


def test_every_field_that_is_a_reference_says_to_what() -> None:
    referring = {each for kind in Kind for each in FIELDS[kind].values() if each.refers_to}
    assert referring == {FieldType.DEPARTMENT, FieldType.DEPARTMENTS, FieldType.EMPLOYEE, FieldType.EMPLOYEES}


def test_extended_fields_are_those_that_are_not_built_in() -> None:
    assert an_entry(city="上海", title="Clerk").extended() == {"city": "上海"}


def test_an_entry_is_named_by_its_values() -> None:
    assert (an_entry().name, an_entry(name=None).name, an_entry().state) == ("Ann", "", State.ACTIVE)
