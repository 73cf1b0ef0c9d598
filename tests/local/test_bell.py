from __future__ import annotations

import pytest

from chalicelib.local.bell import LocalBell
from chalicelib.local.clock import ManualClock
from tests.builders import NOON, at


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def bell(clock: ManualClock) -> LocalBell:
    return LocalBell(clock=clock)


def test_waiting_ends_at_its_timeout(bell: LocalBell, clock: ManualClock) -> None:
    assert bell.wait(5) is None
    assert clock.now() == at(5)


def test_equal_rings_are_one(bell: LocalBell) -> None:
    for _ in range(5):
        bell.ring("hq")
    assert bell.wait(0) == "hq"
    assert bell.wait(0) is None


def test_a_delayed_ring_is_heard_when_it_is_due(bell: LocalBell, clock: ManualClock) -> None:
    bell.ring("hq", delay_s=3)
    assert bell.wait(2.5) is None
    assert bell.wait(2.5) == "hq"
    assert at(3) <= clock.now() <= at(3.1)


def test_rings_that_have_all_come_due_are_one(bell: LocalBell, clock: ManualClock) -> None:
    bell.ring("hq", delay_s=1)
    bell.ring("hq", delay_s=2)
    clock.sleep(2)
    bell.ring("hq")
    assert bell.wait(0) == "hq"
    assert bell.wait(100) is None


def test_an_early_ring_does_not_swallow_a_later_one(bell: LocalBell) -> None:
    bell.ring("hq", delay_s=60)
    bell.ring("hq")
    assert bell.wait(0) == "hq"
    assert bell.wait(59) is None
    assert bell.wait(2) == "hq"


def test_who_is_due_the_longest_is_heard_first(bell: LocalBell, clock: ManualClock) -> None:
    bell.ring("late", delay_s=2)
    bell.ring("early", delay_s=1)
    clock.sleep(5)
    assert [bell.wait(0), bell.wait(0)] == ["early", "late"]
