"""Time in the lab: real for the demo, moved by hand in tests."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class LabClock(Protocol):
    def now(self) -> datetime:
        """Tell the time, aware and in UTC."""
        ...

    def sleep(self, seconds: float) -> None: ...


class SystemLabClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class ManualLabClock:
    """A clock that stands still until someone sleeps on it; safe to share between threads."""

    def __init__(self, start: datetime = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)) -> None:
        if start.tzinfo is None:
            raise ValueError("start must be aware")
        self._now = start.astimezone(UTC)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._now += timedelta(seconds=seconds)
