from __future__ import annotations

import io
import json
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import pytest

from chalicelib import log
from chalicelib.core.errors import SourceUnavailableError
from chalicelib.local.front import Front
from chalicelib.local.serve import Served

ANN = "ann@example.com"
SOON_S = 20


class RungBell:
    """A bell that a test rings."""

    def __init__(self) -> None:
        self.rung: queue.SimpleQueue[str] = queue.SimpleQueue()

    def wait(self, timeout_s: float) -> str | None:
        try:
            return self.rung.get(timeout=0.01)
        except queue.Empty:
            return None


class Kept:
    """A handler that keeps what it gets, and may fail."""

    def __init__(self, fails: Callable[[int], Exception | None] = lambda number: None) -> None:
        self.events: list[Mapping[str, Any]] = []
        self.contexts: list[Any] = []
        self._fails = fails
        self._came = threading.Condition()

    def __call__(self, event: Mapping[str, Any], context: Any) -> None:
        with self._came:
            self.events.append(event)
            self.contexts.append(context)
            self._came.notify_all()
        if error := self._fails(len(self.events)):
            raise error

    def wait_for(self, number: int) -> bool:
        with self._came:
            return self._came.wait_for(lambda: len(self.events) >= number, SOON_S)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    log.configure("DEBUG", stream)
    yield stream
    log.configure("ERROR")


@pytest.fixture
def bell() -> RungBell:
    return RungBell()


def served(bell: RungBell, messages: Kept, ticks: Kept) -> Served:
    front = Front("127.0.0.1", 0, lambda event, context: {"statusCode": 200, "body": "here"}, {"/": None})
    return Served(front=front, queues=[(bell, messages)], on_tick=ticks)


def test_routes_queue_and_clock_run_in_one_process(bell: RungBell) -> None:
    messages, ticks = Kept(), Kept()
    house = served(bell, messages, ticks)
    house.start()
    try:
        assert ticks.wait_for(1)  # at once: what waited while nothing ran is not kept waiting
        bell.rung.put("src-hq")
        assert messages.wait_for(1)
        assert httpx.get(house.front.url, timeout=5).text == "here"
        assert messages.contexts[0].get_remaining_time_in_millis() > 60_000
    finally:
        house.stop()
    assert [record["body"] for record in messages.events[0]["Records"]] == ["src-hq"]
    assert messages.contexts[0].get_remaining_time_in_millis() == 0  # so that a run stops at its next step
    assert ticks.events[0]["source"] == "aws.events"


def test_a_failing_handler_is_outlived_and_its_text_is_not_logged(bell: RungBell, written: io.StringIO) -> None:
    def fails(number: int) -> Exception | None:
        refused = SourceUnavailableError("source unavailable", endpoint="x", problem="y")
        return {1: refused, 2: ValueError(f"{ANN} is odd"), 3: KeyError(ANN)}.get(number)

    messages, ticks = Kept(fails), Kept(lambda number: ValueError(ANN))
    house = served(bell, messages, ticks)
    house.start()
    try:
        for number in range(1, 5):
            bell.rung.put("src-hq")
            assert messages.wait_for(number)
        assert ticks.wait_for(1)
    finally:
        house.stop()
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert {line["event"] for line in lines} == {"handler failed", "handler broke"}
    assert {line.get("code") for line in lines if line["event"] == "handler failed"} == {"source unavailable"}
    assert ANN not in written.getvalue()


def test_once_stopped_it_serves_nobody(bell: RungBell) -> None:
    messages, ticks = Kept(), Kept()
    house = served(bell, messages, ticks)
    house.start()
    assert ticks.wait_for(1)
    house.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(house.front.url, timeout=5)
