"""Waiting for a task that others run: a terminal that entered a deployment only looks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import pytest
from rich.console import Console

from chalicelib import wiring
from chalicelib.core.catalogue import Lang
from chalicelib.core.principal import TERMINAL
from chalicelib.core.task import TaskStatus
from chalicelib.terminal.screen import Screen
from chalicelib.terminal.wait import wait_for
from tests.scripted import House, a_company


@dataclass
class BusyElsewhere:
    """A clock at each of whose pauses somebody else does something."""

    house: House
    doings: Iterator[Callable[[], object]]

    def now(self) -> datetime:
        return self.house.clock.now()

    def sleep(self, seconds: float) -> None:
        self.house.clock.sleep(seconds)
        next(self.doings)()


@pytest.fixture
def house() -> Iterator[House]:
    yield House(a_company(people=4, departments=2))
    wiring.use(None)


def test_it_comes_back_when_the_deployment_has_ended_the_task(house: House) -> None:
    task = house.requests.sync_now(TERMINAL, "hq").task
    seen: list[TaskStatus] = []

    def look() -> None:
        seen.append(house.tasks.get(task.task_id).status)

    doings = iter([look, look, lambda: house.runner.wake(house.source.uid, lambda: math.inf), look])
    outside = replace(house.outside, clock=BusyElsewhere(house, doings))
    screen = Screen(out=Console(quiet=True), as_json=False, errors=Console(quiet=True))
    ended = wait_for(task, outside, None, screen, Lang.EN)
    assert ended.status is TaskStatus.DONE
    # While nobody else worked at it nothing was done.
    assert seen == [TaskStatus.QUEUED] * 2
