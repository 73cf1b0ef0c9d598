import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.rehearse import emulator
from infra.rehearse.emulator import (
    Emulator,
    Process,
    UnprovenError,
    descendants,
    descendants_of_nobody,
    kill,
    processes,
    until,
)

SLEEPER = "import sys; print('up', flush=True); sys.stdin.read()"


def some_processes() -> list[Process]:
    return [
        Process(1, 0, "init"),
        Process(10, 1, "ministack"),
        Process(11, 10, "/srv/x/ministack-lambda-rollcall-dev-run_sync-a/_worker.py"),
        Process(12, 11, "its child"),
        Process(20, 1, "/srv/y/ministack-lambda-rollcall-dev-run_sync-b/_worker.py"),
    ]


def test_only_what_a_process_started_is_below_it() -> None:
    assert [each.pid for each in descendants(some_processes(), 10)] == [11, 12]
    assert descendants(some_processes(), 20) == []


def test_whoever_got_a_pid_that_was_ours_is_left_alone() -> None:
    assert [each.pid for each in descendants_of_nobody(some_processes(), [11, 20, 99], Path("/srv/x"))] == [11]


def test_a_child_is_seen_and_killed_by_its_pid() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, "a mark"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdin is not None
    with child.stdin, child.stdout:
        assert child.stdout.readline() == "up\n"
        found = [each for each in descendants(processes(), os.getpid()) if each.pid == child.pid]
        assert len(found) == 1
        assert "a mark" in found[0].command
        kill(child.pid)
        assert child.wait(10) < 0
    kill(child.pid)  # once more is no error


def test_what_does_not_happen_is_named() -> None:
    with pytest.raises(UnprovenError, match="in vain for the sun"):
        until(lambda: False, 0, "the sun")


def test_what_has_happened_is_not_waited_for() -> None:
    assert until(lambda: True, 0, "the sun") >= 0


def test_nothing_of_somebodys_account_reaches_what_is_rehearsed(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "token",
        "AWS_ENDPOINT_URL_S3": "https://s3.example.com",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "ROLLCALL_HOME": "/srv/somebody",
        "HTTPS_PROXY": "http://proxy.example.com",
    }
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    environ: Mapping[str, str] = Emulator({}).client_environ
    assert not own.keys() & environ.keys()
    assert environ["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert not Path(environ["AWS_CONFIG_FILE"]).exists()


def test_an_environment_is_made_once_for_a_list(tmp_path: Path) -> None:
    wanted = tmp_path / "list.txt"
    wanted.write_text("")  # nothing to fetch
    home, lists = tmp_path / "home", {"emulator": wanted}
    said: list[str] = []
    python = emulator.install(said.append, home, lists)["emulator"]
    assert subprocess.run([python, "-c", "import sys; print(sys.prefix)"], check=True, capture_output=True).stdout
    emulator.install(said.append, home, lists)
    assert len(said) == 1
    wanted.write_text("# another\n")
    emulator.install(said.append, home, lists)
    assert len(said) == 2
