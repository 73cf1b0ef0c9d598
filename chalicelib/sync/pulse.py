"""The heartbeat of a run: keeps its lease alive, tells how far it is, and says when to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from chalicelib.core.errors import OutOfTimeError, StoppedError, StoreConflictError
from chalicelib.core.ports import Clock, Tasks
from chalicelib.core.task import Fence, Progress, SyncTask

Deadline = Callable[[], float]
Watch = Callable[[Progress], None]
# What a slice needs to finish the write that it is in, and to ring the bell.
MARGIN_S = 20.0
# How often it is looked whether somebody stopped the task.
LOOK_EVERY = timedelta(seconds=3)


class Pulse:
    """Renews a lease from a thread of its own, so that a long wait for the vendor does not lose it."""

    def __init__(
        self, *, tasks: Tasks, clock: Clock, fence: Fence, ttl: timedelta, deadline: Deadline, watch: Watch
    ) -> None:
        self.fence = fence
        self._tasks, self._clock, self._ttl, self._deadline, self._watch = tasks, clock, ttl, deadline, watch
        self._progress: Progress | None = None
        self._lost = False
        self._task: SyncTask | None = None
        self._looked_at: datetime | None = None
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

    def turn_to(self, task: SyncTask) -> None:
        """Say which task is worked on from now on; nobody had stopped it a moment ago."""
        self._task, self._looked_at = task, self._clock.now()

    def step(self, progress: Progress | None = None) -> None:
        """Pass a point where it is safe to stop.

        Raises:
            StoreConflictError: the lease is somebody else's.
            StoppedError: a person wants the task to end here.
            OutOfTimeError: the slice must end here.
        """
        self.note(progress)
        if self._deadline() < MARGIN_S:
            raise OutOfTimeError

    def note(self, progress: Progress | None = None) -> None:
        """Pass a point behind which little is left: it is done whatever the time.

        Raises:
            StoreConflictError: the lease is somebody else's.
            StoppedError: a person wants the task to end here.
        """
        if progress is not None:
            self._progress = progress
            self._watch(progress)
        if self._lost:
            raise StoreConflictError("lease is lost", retry_after=self._ttl.total_seconds())
        if self._is_stopped():
            raise StoppedError

    def _is_stopped(self) -> bool:
        """Look whether the task is stopped, but not at every of many quick steps."""
        now = self._clock.now()
        if self._task is None or (self._looked_at is not None and now - self._looked_at < LOOK_EVERY):
            return False
        self._looked_at = now
        return self._tasks.stopped(self._task) is not None

    def _beat(self) -> None:
        while not self._stop.wait(self._ttl.total_seconds() / 4):
            try:
                self._lost = not self._tasks.renew(self.fence, self._clock.now(), self._ttl, self._progress)
            except StoreConflictError:
                continue  # the store was busy; there are three more beats before the lease runs out
            if self._lost:
                return
