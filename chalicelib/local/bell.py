"""The bell of one process: the pump waits on it."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Final

from chalicelib.core.ports import Clock

_STEP_S: Final = 0.02


class LocalBell:
    """Keeps what was rung for when. Rings of one source that are due together are one ring.

    A ring that is due later is kept beside an earlier one: whoever wakes early may find that it is too early.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._due: dict[str, set[datetime]] = {}

    def ring(self, source: str, *, delay_s: float = 0) -> None:
        now = self._clock.now()
        due = now + timedelta(seconds=max(0.0, delay_s))
        with self._lock:
            dues = self._due.setdefault(source, set())
            if due > now or all(each > now for each in dues):
                dues.add(due)

    def wait(self, timeout_s: float) -> str | None:
        """Return the source that has been due the longest, or None when none is for so long."""
        ends = self._clock.now() + timedelta(seconds=timeout_s)
        while True:
            now = self._clock.now()
            source = self._take(now)
            if source is not None or now >= ends:
                return source
            self._clock.sleep(min(_STEP_S, (ends - now).total_seconds()))

    def _take(self, now: datetime) -> str | None:
        with self._lock:
            earliest = {source: min(dues) for source, dues in self._due.items()}
            source = min(earliest, key=lambda each: (earliest[each], each), default=None)
            if source is None or earliest[source] > now:
                return None
            later = {due for due in self._due[source] if due > now}
            if later:
                self._due[source] = later
            else:
                del self._due[source]
            return source
