"""The machine that a run takes place on: clocks that disagree, a table that refuses or dies, a wire to the lab, and
calls in flight that take turns, so that a seed always tells the same story.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any, Final
from unittest import mock

import httpx

from chalicelib.connectors import session
from chalicelib.core.errors import StoreConflictError
from chalicelib.core.ports import Delete, Item, Page, Put, Table, Write
from chalicelib.core.secret import Secret
from chalicelib.local.clock import ManualClock
from infra.lab.transport import LabTransport
from tests.chaos.tenants import Tenant

WRITES_AT_ONCE: Final = 25


class Killed(BaseException):
    """The process died here. Not an Exception, so that nothing in the program can survive it."""


@dataclass
class Watch:
    """Somebody's clock: the one true time, and how far off it is."""

    true: ManualClock
    offset: timedelta = timedelta()

    def now(self) -> datetime:
        return self.true.now() + self.offset

    def sleep(self, seconds: float) -> None:
        self.true.sleep(seconds)


@dataclass
class Appointment:
    """What is to happen at a step of a process, to it or around it."""

    counted: str
    nth: int
    act: Callable[[], None]
    steps: int = 0


@dataclass
class Life:
    """One process. It ends at step `end` of what is counted, and then nothing works any more."""

    counted: str = ""
    end: int = 0
    steps: int = 0
    dead: bool = False
    killed: int = 0
    appointments: list[Appointment] = field(default_factory=list)
    # While something happens around the process, the steps are others'.
    elsewhere: bool = False

    def step(self, what: str) -> None:
        if self.dead:
            raise Killed
        if self.elsewhere:
            return
        self._meet(what)
        if what == self.counted:
            self.steps += 1
            if self.steps == self.end:
                self.dead = True
                self.killed += 1
                raise Killed

    def appoint(self, what: str, nth: int, act: Callable[[], None]) -> Callable[[], None]:
        """Let something happen once, before step `nth` of what is counted; return how to call it off."""
        made = Appointment(what, nth, act)
        self.appointments.append(made)
        return lambda: self.appointments.remove(made) if made in self.appointments else None

    def _meet(self, what: str) -> None:
        for each in list(self.appointments):
            if each.counted != what:
                continue
            each.steps += 1
            if each.steps != each.nth:
                continue
            self.appointments.remove(each)
            self.elsewhere = True
            try:
                each.act()
            finally:
                self.elsewhere = False

    def doom(self, what: str, end: int) -> None:
        self.counted, self.end, self.steps = what, end, 0

    def reborn(self) -> None:
        self.dead, self.counted = False, ""


@dataclass
class FaultyTable:
    """A table that may refuse transactions as busy ones, some of them after they were written, and that can die."""

    table: Table
    life: Life
    rng: Random
    share: float = 0.0
    refused: int = 0
    at_work: bool = False

    def get(self, partition: str, sort: str) -> Item | None:
        self._alive()
        return self.table.get(partition, sort)

    def get_many(self, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Item]:
        self._alive()
        return self.table.get_many(keys)

    def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        after: str | None = None,
        backward: bool = False,
        limit: int | None = None,
    ) -> Page:
        self._alive()
        return self.table.query(partition, prefix=prefix, after=after, backward=backward, limit=limit)

    def write(self, writes: Sequence[Write]) -> None:
        self._step()
        strikes = self.at_work and self.share > 0 and self.rng.random() < self.share
        after = strikes and self.rng.random() < 0.5
        if not strikes or after:
            self.table.write(writes)
        if strikes:
            self.refused += 1
            raise StoreConflictError("store is busy", retry_after=1.0)

    def write_many(self, writes: Iterable[Put | Delete]) -> None:
        every = list(writes)
        for start in range(0, len(every), WRITES_AT_ONCE):
            self._step()
            self.table.write_many(every[start : start + WRITES_AT_ONCE])

    def _alive(self) -> None:
        if self.at_work and self.life.dead:
            raise Killed

    def _step(self) -> None:
        if self.at_work:
            self.life.step("table")


class Wire(httpx.BaseTransport):
    """Leads to whichever company answers at the moment, in pages as small as the vendor likes."""

    def __init__(self, tenant: Tenant, life: Life, page_size: int) -> None:
        self.tenant, self.page_size, self._life = tenant, page_size, life

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._life.step("vendor")
        request = self.tenant.with_page_size(request, self.page_size)
        return LabTransport(self.tenant.api).handle_request(request)


@dataclass
class Purse:
    """Secrets in memory."""

    kept: dict[str, Mapping[str, Secret]] = field(default_factory=dict)

    def get(self, source: str) -> Mapping[str, Secret]:
        return self.kept.get(source, {})

    def put(
        self, source: str, secrets: Mapping[str, Secret], *, instead_of: Mapping[str, Secret] | None = None
    ) -> bool:
        self.kept[source] = secrets
        return True

    def drop(self, source: str) -> None:
        self.kept.pop(source, None)


class DeafBell:
    def ring(self, source: str, *, delay_s: float = 0) -> None:
        """Nobody listens: the driver looks by itself."""


class _Turn(Future[Any]):
    """A future that stands in sets in the order in which it was made."""

    _numbers = count()

    def __init__(self) -> None:
        super().__init__()
        self._number = next(self._numbers)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class _Turns(ThreadPoolExecutor):
    """Does work when it is handed in, while whoever hands it in waits."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **named: Any) -> _Turn:
        done = super().submit(work, *args, **named)
        turn = _Turn()
        error = done.exception()
        if error is None:
            turn.set_result(done.result())
        else:
            turn.set_exception(error)
        return turn


@contextmanager
def in_turns() -> Iterator[None]:
    """Let the calls in flight take turns: threads are the one thing that a seed does not decide."""
    with mock.patch.object(session, "ThreadPoolExecutor", _Turns):
        yield
