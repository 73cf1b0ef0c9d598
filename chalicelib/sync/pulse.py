"""The heartbeat of a run: keeps its lease alive, tells how far it is, and says when to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Self

from chalicelib.core.errors import OutOfTimeError, StoreConflictError
from chalicelib.core.ports import Clock, Tasks
from chalicelib.core.task import Fence, Progress

Deadline = Callable[[], float]
Watch = Callable[[Progress], None]
# What a slice needs to finish the write that it is in, and to ring the bell.
MARGIN_S = 20.0


class Pulse:
    """Renews a lease from a thread of its own, so that a long wait for the vendor does not lose it."""

    def __init__(
        self, *, tasks: Tasks, clock: Clock, fence: Fence, ttl: timedelta, deadline: Deadline, watch: Watch
    ) -> None:
        self.fence = fence
        self._tasks, self._clock, self._ttl, self._deadline, self._watch = tasks, clock, ttl, deadline, watch
        self._progress: Progress | None = None
        self._lost = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def step(self, progress: Progress | None = None) -> None:
        """Pass a point where it is safe to stop.

        Raises:
            StoreConflictError: the lease is somebody else's.
            OutOfTimeError: the slice must end here.
        """
        if progress is not None:
            self._progress = progress
            self._watch(progress)
        if self._lost:
            raise StoreConflictError("lease is lost", retry_after=self._ttl.total_seconds())
        if self._deadline() < MARGIN_S:
            raise OutOfTimeError

    def _beat(self) -> None:
        while not self._stop.wait(self._ttl.total_seconds() / 4):
            try:
                self._lost = not self._tasks.renew(self.fence, self._clock.now(), self._ttl, self._progress)
            except StoreConflictError:
                continue  # the store was busy; there are three more beats before the lease runs out
            if self._lost:
                return
