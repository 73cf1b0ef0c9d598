"""Slices that are too short for more than one step, and workers that die in them: the end is the same (law 8)."""

from __future__ import annotations

import pytest

from chalicelib.core.model import Key, Kind, State
from tests.chaos.kills import UID, VENDORS, found
from tests.chaos.scale import Fate, run, untrue

# So many slices on end AWS takes for a loop, unless it is told that they are none.
MOST_ON_END = 16
SHORTEST = Fate(slice_s=0, kills=2, slices=4, longest_s=0.05, most_slices=300)


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_sync_in_many_slices_by_workers_that_die_ends_as_if_nothing_had_been(vendor: str) -> None:
    stories = list(run(vendor, people=90, departments=14, fate=SHORTEST, seed=1))
    assert not [str(story) for story in stories if story.wrongs]
    assert all(story.slices > MOST_ON_END for story in stories)
    assert all(story.deaths == SHORTEST.kills for story in stories)


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_directory_that_lacks_somebody_or_says_what_is_not_so_is_named(vendor: str) -> None:
    tenant, _ = found(vendor, 20, 3)
    facts = tenant.facts()
    name = next(each for each, fact in facts.items() if each[0] is Kind.EMPLOYEE and fact.state is not State.LEFT)
    assert f"{Kind.EMPLOYEE}:{name[1]} is not known" in list(untrue({}, {name: facts[name]}, frozenset()))
    key = Key(UID, *name)
    known = {key: {"title": "somebody else's"}}
    assert list(untrue(known, {name: facts[name]}, frozenset())) == [f"title of {key}"]
