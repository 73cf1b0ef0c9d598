"""A worker that is killed at a chosen moment: `python -m tests.chaos.victim HOME WHAT N` dies by SIGKILL at step N.

WHAT is `table` (a write to the store), `vendor` (a request to the vendor), or a stage of the run (`read`, `confirm`,
`apply`, `settle`), whose steps are those that it tells. The kill comes before that step is made, so that every gap
between two effects can be hit. With N = 0 nothing is killed, and the number of steps of each is printed.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from multiprocessing.connection import Connection

import httpx

from chalicelib import wiring
from chalicelib.connectors import Registry
from chalicelib.core.ports import Clock, Delete, Item, Page, Put, Write
from chalicelib.core.principal import TERMINAL
from chalicelib.core.task import Progress
from chalicelib.local.bell import LocalBell
from chalicelib.local.clock import ManualClock, SystemClock
from chalicelib.local.secrets import FileSecrets
from chalicelib.local.table import SqliteTable
from chalicelib.settings import Settings

WRITES_AT_ONCE = 25
IN_FLIGHT = 4


class Countdown:
    """Counts the steps of a life, by what they are, and ends it at step `end` of one kind."""

    def __init__(self, what: str, end: int) -> None:
        self.passed: Counter[str] = Counter()
        self._what, self._end = what, end

    def step(self, what: str) -> None:
        self.passed[what] += 1
        if what == self._what and self.passed[what] == self._end:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, progress: Progress) -> None:
        self.step(progress.stage)


class MortalTable:
    """A table whose every write, and every batch of a larger one, is a step towards the end."""

    def __init__(self, table: SqliteTable, countdown: Countdown) -> None:
        self._table, self._countdown = table, countdown

    def get(self, partition: str, sort: str) -> Item | None:
        return self._table.get(partition, sort)

    def get_many(self, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Item]:
        return self._table.get_many(keys)

    def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        after: str | None = None,
        backward: bool = False,
        limit: int | None = None,
    ) -> Page:
        return self._table.query(partition, prefix=prefix, after=after, backward=backward, limit=limit)

    def write(self, writes: Sequence[Write]) -> None:
        self._countdown.step("table")
        self._table.write(writes)

    def write_many(self, writes: Iterable[Put | Delete]) -> None:
        every = list(writes)
        for start in range(0, len(every), WRITES_AT_ONCE):
            self._countdown.step("table")
            self._table.write_many(every[start : start + WRITES_AT_ONCE])


class MortalTransport(httpx.HTTPTransport):
    def __init__(self, countdown: Countdown) -> None:
        super().__init__()
        self._countdown = countdown

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._countdown.step("vendor")
        return super().handle_request(request)


def live(home: str, countdown: Countdown, clock: Clock, once: str | None = None) -> None:
    """Ask for a sync of `hq`, unless a life before asked, and work until nothing waits."""
    settings = Settings.from_env({**os.environ, "ROLLCALL_HOME": home})
    secrets = FileSecrets(f"{home}/secrets.json")
    table = MortalTable(SqliteTable(f"{home}/rollcall.db"), countdown)
    transport = MortalTransport(countdown)
    registry = Registry(secrets=secrets, clock=clock, transport=transport, in_flight=IN_FLIGHT)
    wiring.use(wiring.around(settings, table, secrets, LocalBell(clock=clock), clock, registry))
    asked = wiring.requests().sync_now(TERMINAL, "hq", once=once)
    while (again := wiring.runner().wake(asked.task.source, lambda: math.inf, countdown.watch)) is not None:
        clock.sleep(again)


def live_and_tell(home: str, what: str, end: int, start: datetime, once: str, report: Connection) -> None:
    """Live on a clock that begins at `start`, and report the steps, if the end is reached."""
    countdown = Countdown(what, end)
    live(home, countdown, ManualClock(start), once)
    report.send(dict(countdown.passed))


def main(home: str, what: str, end: int) -> None:
    countdown = Countdown(what, end)
    live(home, countdown, SystemClock())
    print(json.dumps(countdown.passed))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
