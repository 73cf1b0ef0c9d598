from datetime import UTC, datetime, timedelta

from infra.lab.clock import ManualLabClock
from infra.lab.limits import Excess, Window, Windows


def test_a_window_lets_its_count_through_and_tells_how_long_to_wait() -> None:
    windows = Windows([Window(2, 10)])
    assert windows.admit(0) is None
    assert windows.admit(4) is None
    assert windows.admit(5) == Excess(Window(2, 10), 5)


def test_a_window_slides() -> None:
    windows = Windows([Window(2, 10)])
    windows.admit(0)
    windows.admit(4)
    assert windows.admit(10) is None
    assert windows.admit(11) == Excess(Window(2, 10), 3)


def test_a_refused_call_uses_nothing_up() -> None:
    windows = Windows([Window(1, 10), Window(100, 60)])
    windows.admit(0)
    for second in range(1, 10):
        assert windows.admit(second) is not None
    assert windows.admit(10) is None


def test_any_full_window_refuses_and_the_longest_wait_is_told() -> None:
    windows = Windows([Window(3, 1), Window(3, 60)])
    for _ in range(3):
        windows.admit(0)
    assert windows.admit(0.5) == Excess(Window(3, 60), 59.5)


def test_scaling_shortens_the_window_and_keeps_the_count() -> None:
    assert Window(1000, 60).scaled(2) == Window(1000, 30)


def test_sleeping_on_a_manual_clock_moves_it() -> None:
    clock = ManualLabClock(datetime(2026, 3, 1, tzinfo=UTC))
    clock.sleep(90)
    assert clock.now() - datetime(2026, 3, 1, tzinfo=UTC) == timedelta(seconds=90)
