"""Rate limits as vendors have them: so many calls in so many seconds, counted in windows that slide or that stand."""

import math
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    count: int
    seconds: float

    def scaled(self, factor: float) -> "Window":
        """Shorten the window by `factor`, so that a benchmark meets the same limits sooner."""
        return Window(self.count, self.seconds / factor)


@dataclass(frozen=True, slots=True)
class Excess:
    """A refused call: the window it ran into and how long until one more is let through."""

    window: Window
    wait_s: float


class Windows:
    """The windows of one counted thing; a refused call uses nothing up."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self._logs = tuple((window, deque[float]()) for window in windows)
        self._lock = threading.Lock()

    def admit(self, now_s: float) -> Excess | None:
        """Count one call at `now_s` (seconds, any epoch), or say which window is full and for how long.

        When several windows are full the longest wait is told.
        """
        with self._lock:
            worst: Excess | None = None
            for window, log in self._logs:
                while log and log[0] <= now_s - window.seconds:
                    log.popleft()
                if len(log) >= window.count:
                    wait_s = log[0] + window.seconds - now_s
                    if worst is None or wait_s > worst.wait_s:
                        worst = Excess(window, wait_s)
            if worst is None:
                for _, log in self._logs:
                    log.append(now_s)
            return worst


class StandingWindow:
    """A window that begins anew whenever the clock strikes: at each whole multiple of its length."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._number = -1
        self._used = 0

    def admit(self, now_s: float, count: int) -> Excess | None:
        """Count one call at `now_s` (seconds since the epoch) out of `count`, or say when the window ends."""
        with self._lock:
            # Threads come here with times a little out of order; a window once over does not come back.
            number = max(self._number, math.floor(now_s / self._seconds))
            if number != self._number:
                self._number, self._used = number, 0
            if self._used >= count:
                return Excess(Window(count, self._seconds), (number + 1) * self._seconds - now_s)
            self._used += 1
            return None


class Ban:
    """A window whose breach shuts the caller out for a while, however quiet it is then."""

    def __init__(self, window: Window, lasts_s: float) -> None:
        self._windows = Windows([window])
        self._lasts_s = lasts_s
        self._lock = threading.Lock()
        self._ends_s = -math.inf

    def wait_s(self, now_s: float) -> float:
        """Count one call at `now_s`; tell how long the ban still lasts, 0 when the call is let through."""
        with self._lock:
            if now_s >= self._ends_s and self._windows.admit(now_s) is not None:
                self._ends_s = now_s + self._lasts_s
            return max(0.0, self._ends_s - now_s)
