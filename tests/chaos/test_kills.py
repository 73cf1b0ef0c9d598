"""A worker dies by SIGKILL while it reads, plans and applies; the next command goes on, to the same end (law 8)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from chalicelib.core.principal import TERMINAL
from chalicelib.sync.run import LEASE_TTL
from infra.lab.lark import LarkApi, LarkWorkspace
from infra.lab.server import LabServer
from tests.chaos.kills import SMALL, run
from tests.scripted import House

LEASE_S = "1"
POINTS = 2
KILLS = 12


class Scene:
    """A lab whose company has changed since its first sync, and the home as it was after that sync."""

    def __init__(self, lab: LabServer, company: LarkWorkspace, folder: Path) -> None:
        self.lab, self.company, self.folder = lab, company, folder
        self.before = folder / "before"
        self.secret = folder / "secret"
        self.secret.write_text(company.app_secret)
        words = ("source", "create", "hq", "--kind", "lark", "--name", "总部", "--app-id", company.app_id)
        self.rollcall(self.before, *words, "--app-secret-file", str(self.secret), "--base-url", lab.url)
        self.rollcall(self.before, "sync", "now", "hq", "--wait")
        company.mutate_randomly(7, 25)
        company.close_branch(company.some_branch(12), resign=True)
        self.undisturbed = self.copy("undisturbed")
        self.steps = json.loads(self.victim(self.copy("counted"), "", 0).stdout)
        self.rollcall(self.undisturbed, "sync", "now", "hq", "--wait")

    def copy(self, name: str) -> Path:
        return Path(shutil.copytree(self.before, self.folder / name))

    def victim(self, home: Path, what: str, end: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tests.chaos.victim", str(home), what, str(end)]
        return subprocess.run(command, env=_environ(), check=False, capture_output=True, text=True)

    def rollcall(self, home: Path, *words: str) -> Any:
        command = [sys.executable, "-m", "chalicelib.terminal", "--home", str(home), "--json", *words]
        done = subprocess.run(command, env=_environ(), check=False, capture_output=True, text=True)
        assert done.returncode in (0, 3), done.stderr
        return json.loads(done.stdout)

    def directory(self, home: Path) -> Mapping[str, object]:
        """Read what the directory says, without when it was said."""
        entries = self.rollcall(home, "employees", "--all") + self.rollcall(home, "departments")
        return {entry["id"]: {**entry, "observed_at": None} for entry in entries}

    def plan(self, home: Path, task: str) -> list[tuple[str, str, str]]:
        records = self.rollcall(home, "record", task)["records"]
        return sorted((row["key"], row["action"], row["status"]) for row in records)


def _environ() -> dict[str, str]:
    return {**os.environ, "ROLLCALL_LEASE_S": LEASE_S, "PYTHONPATH": os.getcwd()}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    company = LarkWorkspace.generate(seed=3, people=120, departments=14)
    with LabServer(LarkApi(company, limits=False), company) as lab:
        yield Scene(lab, company, tmp_path_factory.mktemp("kills"))


@pytest.mark.parametrize("what", ["table", "vendor"])
@pytest.mark.parametrize("point", range(POINTS))
def test_the_next_command_goes_on_where_a_killed_one_stopped(scene: Scene, what: str, point: int) -> None:
    end = (1 + 2 * point) * scene.steps[what] // (2 * POINTS)
    home = scene.copy(f"{what}-{point}")
    killed = scene.victim(home, what, end)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    (task, _) = scene.rollcall(home, "records", "hq")
    if task["status"] in ("queued", "running"):
        scene.rollcall(home, "sync", "now", "hq", "--wait")
    assert scene.rollcall(home, "records", "hq")[0]["task"] == task["task"]
    assert scene.plan(home, task["task"]) == scene.plan(scene.undisturbed, "2")
    assert scene.directory(home) == scene.directory(scene.undisturbed)


def test_a_run_that_is_killed_again_and_again_ends_as_if_nothing_had_been() -> None:
    stories = list(run(KILLS, seed=1, size=SMALL))
    assert sum(len(story.deaths) for story in stories) >= KILLS
    assert not [str(story) for story in stories if story.wrongs]


def test_a_dead_worker_is_replaced_by_the_tick_within_thirty_seconds() -> None:
    house = House()
    asked = house.requests.sync_now(TERMINAL, "hq")
    fence = house.tasks.take(house.source.uid, "dead", house.clock.now(), LEASE_TTL)
    assert fence is not None
    house.bell.rung.clear()
    waited = 0
    while not house.bell.rung:
        house.requests.tick()
        house.pass_time(seconds=5)
        waited += 5
    assert waited <= 30
    house.work()
    assert house.tasks.get(asked.task.task_id).status == "done"
