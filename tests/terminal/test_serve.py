from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from infra.lab import faults
from tests.terminal.desk import PATIENCE_S, Desk

POLL_S = 0.05


def until(holds: Callable[[], bool]) -> None:
    """Come back as soon as something holds; a bound, far off, tells that it never will."""
    ends = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < ends, "it never came to that"
        threading.Event().wait(POLL_S)


@contextmanager
def serving(desk: Desk, heard: list[str] | None = None) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`rollcall serve` on a free port, as soon as it says that it serves; with its address.

    `heard` gets all that it says on standard error.
    """
    heard = [] if heard is None else heard
    process = desk.start("serve", "--port", "0")
    assert process.stderr is not None
    while (found := re.search(r"serving (http://\S+)", "".join(heard))) is None:
        heard.append(process.stderr.readline())
        assert heard[-1], f"it ended: {heard}"
    # What it logs from here on must not fill the pipe.
    rest = threading.Thread(target=heard.extend, args=(process.stderr,), daemon=True)
    rest.start()
    yield process, found[1]
    if process.poll() is None:
        process.kill()
        process.wait(PATIENCE_S)
    rest.join(PATIENCE_S)


def status_of(desk: Desk, task: str) -> str:
    return str(desk.json("record", task)["status"])


def test_what_was_queued_is_done_and_health_is_told_and_sigterm_ends_it_with_0(desk: Desk) -> None:
    desk.create()
    task = desk.json("sync", "now", "hq")["task"]
    with serving(desk) as (process, url):
        assert httpx.get(f"{url}/health", timeout=PATIENCE_S).json()["ok"] is True
        until(lambda: status_of(desk, task) == "done")
        assert len(desk.json("employees", "--all")) == 30
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


def test_what_is_queued_while_it_serves_is_found_by_its_clock(desk: Desk) -> None:
    desk.create()
    with serving(desk):
        task = desk.json("sync", "now", "hq")["task"]
        until(lambda: status_of(desk, task) == "done")


@contextmanager
def in_the_middle(desk: Desk) -> Iterator[threading.Event]:
    """Stop the vendor in the middle of a read: the event is set once it is, and every call then waits to the end."""
    reached, goes_on = threading.Event(), threading.Event()

    def hold(call: object) -> None:
        reached.set()
        goes_on.wait(PATIENCE_S)

    (number,) = desk.api.faults.add(faults.on_call(hold, after=False, endpoint="users.find_by_department", first=4))
    try:
        yield reached
    finally:
        desk.api.faults.remove(number)
        goes_on.set()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_ended_in_the_middle_it_ends_with_0_and_the_next_command_goes_on(desk: Desk, how: signal.Signals) -> None:
    desk.create()
    task = desk.json("sync", "now", "hq")["task"]
    with serving(desk) as (process, _), in_the_middle(desk) as reached:
        assert reached.wait(PATIENCE_S)
        process.send_signal(how)
        assert process.wait(PATIENCE_S) == 0
    assert desk.sync()["task"] == task
    assert len(desk.json("employees", "--all")) == 30


def test_killed_in_the_middle_the_next_command_goes_on_where_it_stopped(desk: Desk) -> None:
    desk.create()
    task = desk.json("sync", "now", "hq")["task"]
    with serving(desk) as (process, _), in_the_middle(desk) as reached:
        assert reached.wait(PATIENCE_S)
        until(lambda: status_of(desk, task) == "running")
        os.kill(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_S)
    ended = desk.sync()
    assert (ended["task"], ended["status"], ended["entry_writes"]) == (task, "done", 36)
    assert len(desk.json("employees", "--all")) == 30
    assert desk.sync()["entry_writes"] == 0


def test_a_waiting_command_killed_in_the_middle_is_gone_on_with_by_the_next(desk: Desk) -> None:
    desk.create()
    process = desk.start("sync", "now", "hq", "--wait")
    with in_the_middle(desk) as reached:
        assert reached.wait(PATIENCE_S)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_S)
    ended = desk.sync()
    assert (ended["task"], ended["entry_writes"]) == ("1", 36)


def test_interrupted_while_it_waits_it_says_that_nothing_is_lost(desk: Desk) -> None:
    desk.create()
    process = desk.start("sync", "now", "hq", "--wait")
    with in_the_middle(desk) as reached:
        assert reached.wait(PATIENCE_S)
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "what is done is kept" in " ".join(err.split())
    assert "Traceback" not in out + err
    assert desk.sync()["task"] == "1"


def test_a_command_that_waits_watches_the_worker_that_has_the_source(desk: Desk) -> None:
    desk.create()
    task = desk.json("sync", "now", "hq")["task"]
    with serving(desk):
        with in_the_middle(desk) as reached:
            assert reached.wait(PATIENCE_S)
            watching = desk.start("sync", "now", "hq", "--wait", "--json")
            until(lambda: desk.audited("sync now") == 2)
        out, _ = watching.communicate(timeout=PATIENCE_S)
    assert watching.returncode == 0
    assert f'"task": "{task}"' in out
    assert desk.api.calls["departments.children"] == 1


def test_a_port_that_is_taken_is_said_to_be_so(desk: Desk) -> None:
    taken = desk.lab.url.rpartition(":")[2]
    shown = desk.process("serve", "--port", taken)
    assert shown.status == 1
    assert f"Cannot listen on 127.0.0.1 port {taken}" in shown.said


@pytest.mark.parametrize("port", ["70000", "-1"])
def test_a_port_that_there_is_not_is_refused(desk: Desk, port: str) -> None:
    shown = desk.run("serve", f"--port={port}")
    assert shown.status == 1
    assert "Cannot listen" in shown.said
