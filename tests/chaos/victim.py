"""A worker that is killed at a chosen moment: `python -m tests.chaos.victim HOME WHAT N` dies by SIGKILL at call N.

WHAT is `table` (a write to the store) or `vendor` (a request to the vendor). The kill comes before that call is made,
so that every gap between two effects can be hit. With N = 0 nothing is killed, and the number of calls is printed.
"""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence

import httpx

from chalicelib import wiring
from chalicelib.connectors import Registry
from chalicelib.core.ports import Delete, Item, Page, Put, Write
from chalicelib.core.principal import TERMINAL
from chalicelib.local.bell import LocalBell
from chalicelib.local.clock import SystemClock
from chalicelib.local.secrets import FileSecrets
from chalicelib.local.table import SqliteTable
from chalicelib.settings import Settings

WRITES_AT_ONCE = 25


class Countdown:
    def __init__(self, end: int) -> None:
        self.passed, self.end = 0, end

    def step(self) -> None:
        self.passed += 1
        if self.passed == self.end:
            os.kill(os.getpid(), signal.SIGKILL)


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
        self._countdown.step()
        self._table.write(writes)

    def write_many(self, writes: Iterable[Put | Delete]) -> None:
        every = list(writes)
        for start in range(0, len(every), WRITES_AT_ONCE):
            self._countdown.step()
            self._table.write_many(every[start : start + WRITES_AT_ONCE])


class MortalTransport(httpx.HTTPTransport):
    def __init__(self, countdown: Countdown) -> None:
        super().__init__()
        self._countdown = countdown

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._countdown.step()
        return super().handle_request(request)


def main(home: str, what: str, end: int) -> None:
    countdown, never = Countdown(end), Countdown(0)
    settings = Settings.from_env({**os.environ, "ROLLCALL_HOME": home})
    clock, secrets = SystemClock(), FileSecrets(f"{home}/secrets.json")
    table = MortalTable(SqliteTable(f"{home}/rollcall.db"), countdown if what == "table" else never)
    transport = MortalTransport(countdown if what == "vendor" else never)
    registry = Registry(secrets=secrets, clock=clock, transport=transport, in_flight=4)
    wiring.use(wiring.around(settings, table, secrets, LocalBell(clock=clock), clock, registry))
    asked = wiring.requests().sync_now(TERMINAL, "hq")
    while wiring.runner().wake(asked.task.source, lambda: math.inf) is not None:
        pass
    print(countdown.passed)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
