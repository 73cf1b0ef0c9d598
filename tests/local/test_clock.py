from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from chalicelib.local.clock import ManualClock, SystemClock
from tests.builders import NOON, at


def test_a_manual_clock_moves_only_by_sleeping() -> None:
    clock = ManualClock(NOON)
    clock.sleep(1.5)
    clock.sleep(-5)
    assert clock.now() == at(1.5)
    assert clock.now() == at(1.5)


def test_a_manual_clock_tells_utc() -> None:
    start = datetime(2026, 11, 22, 20, 0, tzinfo=timezone(timedelta(hours=8)))
    assert ManualClock(start).now().tzinfo is UTC
    with pytest.raises(ValueError, match="aware"):
        ManualClock(NOON.replace(tzinfo=None))


def test_the_system_clock_tells_utc_and_does_not_sleep_backwards() -> None:
    clock = SystemClock()
    clock.sleep(-1)
    assert clock.now().tzinfo is UTC
