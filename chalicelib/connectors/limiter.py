"""Keeping within a vendor's rate limits before the vendor has to say so.

A sliding log of the calls sent, per API and shared by every thread of the process that speaks for the same app. A call
counts from when it was sent, and longer by what its answer took beyond the quickest of late: so much later may it have
arrived than the calls that follow it will. A way that is long for all calls alike shifts them all, and costs nothing.
Together that keeps jitter on the way from getting us throttled, and costs at most an eighth of the rate.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Final, TypeVar

from chalicelib.core.ports import Clock

# Windows are kept this much longer than the vendor's; jitter does not grow with the window, so no longer than that.
MARGIN: Final = 0.02
LONGEST_MARGIN_S: Final = 0.25
# A slow or outstanding answer prolongs a call's stay by at most this share of the window.
TRANSIT: Final = 0.07
# Among how many answers the quickest is looked for.
RECENT_ANSWERS: Final = 64
# A wait shorter than this is not worth a system call, and a clock of microseconds could round it to nothing.
SHORTEST_WAIT_S: Final = 0.001

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Window:
    """At most `calls` within any `seconds`."""

    calls: int
    seconds: float

    def scaled(self, factor: float) -> Window:
        return Window(self.calls, self.seconds / factor)


@dataclass(slots=True)
class Passage:
    """One call that was let through; times are epoch seconds."""

    sent_at: float
    answered_at: float = math.inf

    def leaves(self, window: Window, quickest_s: float) -> float:
        """Tell when this call no longer counts; an answer takes `quickest_s` where nothing holds it up."""
        delay_s = min(max(0.0, self.answered_at - self.sent_at - quickest_s), TRANSIT * window.seconds)
        return self.sent_at + delay_s + window.seconds + min(window.seconds * MARGIN, LONGEST_MARGIN_S)


class Limiter:
    """Lets calls of one API through, in turn."""

    def __init__(self, windows: tuple[Window, ...], clock: Clock) -> None:
        self._logs = tuple((window, deque[Passage]()) for window in windows)
        self._clock = clock
        self._took_s: deque[float] = deque(maxlen=RECENT_ANSWERS)
        self._paused_at = self._resumes_at = -math.inf
        self._lock = threading.Lock()
        # One waits for room, the others for their turn; woken all together they would only race each other.
        self._turn = threading.Lock()

    def enter(self, rest: Callable[[float], None]) -> Passage:
        """Wait until a call may be sent; `rest` sleeps and may raise to give up."""
        with self._turn:
            while True:
                with self._lock:
                    now = self._clock.now().timestamp()
                    wait_s = self._wait_s(now)
                    if wait_s <= 0:
                        passage = Passage(now)
                        for _, log in self._logs:
                            log.append(passage)
                        return passage
                rest(max(wait_s, SHORTEST_WAIT_S))

    def leave(self, passage: Passage) -> None:
        """Note that the call was answered, or given up."""
        with self._lock:
            passage.answered_at = self._clock.now().timestamp()
            self._took_s.append(max(0.0, passage.answered_at - passage.sent_at))

    def pause(self, seconds: float) -> None:
        """Let nothing through for that long, because the vendor said so."""
        with self._lock:
            now = self._clock.now().timestamp()
            if now + seconds > self._resumes_at or now < self._paused_at:
                self._paused_at, self._resumes_at = now, now + seconds

    def _wait_s(self, now: float) -> float:
        # Where the wall clock was set back, what lies in the future is forgotten rather than waited for.
        wait_s = self._resumes_at - now if now >= self._paused_at else 0.0
        quickest_s = min(self._took_s, default=0.0)
        for window, log in self._logs:
            while log and (log[0].leaves(window, quickest_s) <= now or log[0].sent_at > now):
                log.popleft()
            if len(log) >= window.calls:
                # Its answer may come while somebody waits: until when is asked again where it matters.
                soonest = log[0].leaves(window, math.inf)
                wait_s = max(wait_s, (soonest if soonest > now else log[0].leaves(window, quickest_s)) - now)
        return wait_s


class Limiters:
    """The limiters of one app, by endpoint; made when first used."""

    def __init__(self) -> None:
        self._limiters: dict[str, Limiter] = {}
        self._lock = threading.Lock()

    def of(self, endpoint: str, windows: tuple[Window, ...], clock: Clock) -> Limiter:
        with self._lock:
            if endpoint not in self._limiters:
                self._limiters[endpoint] = Limiter(windows, clock)
            return self._limiters[endpoint]


def keep(kept: MutableMapping[str, object], name: str, type_: type[T]) -> T:
    """Find what is kept for the life of the process under this name, or make it."""
    found = kept.setdefault(name, type_())
    if not isinstance(found, type_):
        raise TypeError(f"{name} is kept as {type(found).__name__}")
    return found
