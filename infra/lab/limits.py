"""Sliding-window rate limits, as vendors publish them: so many calls in so many seconds, several windows at once."""

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
