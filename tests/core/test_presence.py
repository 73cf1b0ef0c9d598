from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.model import Key, Kind, Link, State
from chalicelib.core.presence import absentees
from tests.builders import HQ, a_department_key, a_link, an_employee_key

NAMES = st.sampled_from(("a", "b", "c", "d"))
KEYS = st.builds(Key, st.just(HQ), st.sampled_from(tuple(Kind)), NAMES)
LINKS = st.dictionaries(KEYS, st.sampled_from(tuple(State))).map(
    lambda states: {key: a_link(key, state=state) for key, state in states.items()}
)


@given(LINKS, st.sets(KEYS))
def test_absent_is_who_is_known_has_not_left_and_was_not_seen(links: dict[Key, Link], seen: set[Key]) -> None:
    absent = absentees(links, seen)
    assert set(absent) == {key for key, link in links.items() if link.state is not State.LEFT} - seen
    assert len(set(absent)) == len(absent)


@given(LINKS)
def test_departments_are_asked_for_first(links: dict[Key, Link]) -> None:
    kinds = [key.kind for key in absentees(links, ())]
    assert kinds == sorted(kinds, key=[Kind.DEPARTMENT, Kind.EMPLOYEE].index)


def test_who_is_suspended_or_invited_is_missed_too() -> None:
    links = {
        key: a_link(key, state=state)
        for key, state in [
            (an_employee_key("ann"), State.SUSPENDED),
            (an_employee_key("ben"), State.INVITED),
            (an_employee_key("cat"), State.LEFT),
            (a_department_key("d1"), State.ACTIVE),
        ]
    }
    assert absentees(links, ()) == (a_department_key("d1"), an_employee_key("ann"), an_employee_key("ben"))


def test_a_tombstone_is_not_missed() -> None:
    tombstone = replace(a_link(), entry_id="", state=State.LEFT)
    assert absentees({tombstone.key: tombstone}, ()) == ()
