"""The client's own limits, on a clock that is turned by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.connectors.limiter import MARGIN, TRANSIT, Limiter, Limiters, Passage, Window, keep
from chalicelib.local.clock import ManualClock

START = datetime(2026, 1, 5, tzinfo=UTC)
TIER = (Window(50, 1.0), Window(1000, 60.0))


def sent(limiter: Limiter, clock: ManualClock, latencies: list[float], idle: list[float]) -> list[tuple[float, float]]:
    """Send calls one after another; return when each was sent and answered."""
    times = []
    for latency, pause in zip(latencies, idle, strict=True):
        clock.sleep(pause)
        passage = limiter.enter(clock.sleep)
        clock.sleep(latency)
        limiter.leave(passage)
        times.append((passage.sent_at, clock.now().timestamp()))
    return times


def most_within(times: list[float], seconds: float) -> int:
    return max(sum(1 for other in times if time <= other < time + seconds) for time in times)


@settings(deadline=None)
@given(
    windows=st.lists(
        st.builds(Window, st.integers(1, 6), st.floats(0.1, 20.0)),
        min_size=1,
        max_size=3,
    ),
    way=st.tuples(st.floats(0, 0.3), st.floats(0, 0.3)),
    calls=st.lists(st.tuples(st.floats(0, 0.5), st.floats(0, 2)), min_size=1, max_size=40),
)
def test_no_window_ever_holds_more_calls_than_it_may(
    windows: list[Window], way: tuple[float, float], calls: list[tuple[float, float]]
) -> None:
    clock, there_and_back = ManualClock(START), sum(way)
    delays = [0.0, *(delay for delay, _ in calls[1:])]  # one answer that nothing held up
    latencies = [there_and_back + delay for delay in delays]
    times = sent(Limiter(tuple(windows), clock), clock, latencies, [idle for _, idle in calls])
    for window in windows:
        assert most_within([at for at, _ in times], window.seconds) <= window.calls
        # Whenever they arrived: the way takes as long for all of them, and what held one up did so on the way there.
        held_up = [min(delay, TRANSIT * window.seconds) for delay in delays]
        arrived = sorted(at + way[0] + delay for (at, _), delay in zip(times, held_up, strict=True))
        assert most_within(arrived, window.seconds) <= window.calls


@pytest.mark.parametrize("latency_s", [0.03, 0.1, 0.25, 0.6])
def test_a_long_way_costs_none_of_the_rate(latency_s: float) -> None:
    clock, window = ManualClock(START), Window(20, 1.0)
    limiter = Limiter((window,), clock)
    under_way: list[tuple[float, Passage]] = []

    def rest(seconds: float) -> None:
        """Sleep, while answers come in."""
        ends = clock.now().timestamp() + seconds
        while under_way and under_way[0][0] <= ends:
            due, passage = under_way.pop(0)
            clock.sleep(due - clock.now().timestamp())
            limiter.leave(passage)
        clock.sleep(ends - clock.now().timestamp())

    for _ in range(401):
        passage = limiter.enter(rest)
        under_way.append((passage.sent_at + latency_s, passage))
        rest(0.0)
    took_s = (clock.now() - START).total_seconds()
    # But for the first second, which does not know yet that the way is long.
    assert took_s <= 20 * (1 + MARGIN) + TRANSIT + 0.1


@pytest.mark.parametrize(
    ("calls", "optimum_s"),
    [(50, 0.0), (700, 13.0), (1000, 19.0), (5400, 5 * 60.0 + 7.0)],
)
@pytest.mark.parametrize("latency_s", [0.0, 0.005])
def test_a_walk_takes_hardly_longer_than_the_limits_demand(calls: int, optimum_s: float, latency_s: float) -> None:
    clock = ManualClock(START)
    limiter = Limiter(TIER, clock)
    for _ in range(calls):
        limiter.leave(limiter.enter(clock.sleep))
        clock.sleep(latency_s)
    took_s = (clock.now() - START).total_seconds()
    assert optimum_s <= took_s <= max(1.15 * optimum_s, calls * latency_s) + 0.3


def test_answers_that_never_come_cost_a_bounded_share_of_the_rate() -> None:
    clock = ManualClock(START)
    limiter = Limiter((Window(10, 1.0),), clock)
    for _ in range(101):
        limiter.enter(clock.sleep)
    assert (clock.now() - START).total_seconds() == pytest.approx(10 * (1 + MARGIN + TRANSIT), abs=0.01)


def test_a_pause_holds_back_for_as_long_as_the_vendor_says() -> None:
    clock = ManualClock(START)
    limiter = Limiter((), clock)
    limiter.pause(7.0)
    limiter.pause(2.0)
    limiter.enter(clock.sleep)
    assert (clock.now() - START).total_seconds() == pytest.approx(7.0)


def test_a_wall_clock_set_back_is_not_waited_for() -> None:
    clock = ManualClock(START)
    limiter = Limiter((Window(1, 1.0),), clock)
    limiter.enter(clock.sleep)
    limiter.pause(1.0)
    earlier = ManualClock(START.replace(year=2025))
    limiter._clock = earlier
    limiter.enter(earlier.sleep)
    assert earlier.now() == START.replace(year=2025)


def test_one_endpoint_has_one_limiter() -> None:
    kept: dict[str, object] = {}
    clock = ManualClock(START)
    limiters = keep(kept, "app", Limiters)
    assert keep(kept, "app", Limiters) is limiters
    assert limiters.of("a", TIER, clock) is limiters.of("a", TIER, clock)
    assert limiters.of("a", TIER, clock) is not limiters.of("b", TIER, clock)
    with pytest.raises(TypeError):
        keep(kept, "app", dict)
