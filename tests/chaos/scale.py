"""A large company, read in many slices by workers that die: `python -m tests.chaos.scale --people 100000`.

Each worker is a process of its own, as Lambda would start it; it works slice after slice until SIGKILL comes, at no
chosen moment, and the next one goes on. What must hold: the run ends, the directory, the plan and the task are those
of a run that nobody disturbed; and what the directory says of a company that it has just met is true.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import IO, Final

from chalicelib import wiring
from chalicelib.core.diff import is_empty
from chalicelib.core.model import Key, Kind, State, Value, new_entry_id
from chalicelib.core.principal import TERMINAL
from infra import worker
from infra.lab.server import LabServer
from tests.chaos.kills import UID, VENDORS, End, end_of, first_difference, found, move_in
from tests.chaos.tenants import Fact, Name

# What happens in the company between the first sync and the second.
CHANGES, LEAVERS = 40, 12
RUNS: Final = ("first", "later")
# Short, so that little is waited for after a kill; the windows of the vendor's limits are shortened, too.
LEASE_S, LIMIT_SCALE = "1", "1000"
# A run of a hundred thousand people in slices of seconds takes fewer; one that needs more goes round in circles.
MOST_SLICES: Final = 2000
_REFERENCES: Final = {
    "parent": Kind.DEPARTMENT,
    "departments": Kind.DEPARTMENT,
    "leaders": Kind.EMPLOYEE,
    "manager": Kind.EMPLOYEE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """When workers die: after so many slices at most, and then at some moment of the next one."""

    slice_s: float
    kills: int
    slices: int
    longest_s: float
    most_slices: int = MOST_SLICES


@dataclass(kw_only=True)
class Story:
    """What became of one run. `took_s` is the CPU of the worker that came to the end."""

    name: str
    slices: int = 0
    deaths: int = 0
    peak_mb: float = 0.0
    took_s: float = 0.0
    wrongs: list[str] = field(default_factory=list)
    told: int = 0
    is_over: bool = False

    def note(self, reports: Iterable[Mapping[str, float]]) -> None:
        """Note what a worker tells at the end of each slice."""
        for report in reports:
            self.told += 1
            self.peak_mb = max(self.peak_mb, report["peak_mb"])
            self.took_s, self.is_over = report["cpu_s"], bool(report["over"])

    def __str__(self) -> str:
        told = f"{self.name}: {self.slices} slices, {self.deaths} kills, {self.peak_mb:.0f} MB at most"
        return "\n  ".join((f"{told}, the last worker used {self.took_s:.0f} s of CPU", *self.wrongs))


class Scene:
    """A company behind a lab in this process, and a home for whoever works for it."""

    def __init__(self, vendor: str, folder: Path, people: int, departments: int) -> None:
        self.vendor, self.folder = vendor, folder
        self.tenant, self.workspace = found(vendor, people, departments)

    @contextmanager
    def open(self) -> Iterator[Scene]:
        with LabServer(self.tenant.api, self.workspace) as lab:
            move_in(self.folder / "home", self.vendor, self.tenant, lab.url)
            yield self

    def tell(self, fate: Fate, rng: Random) -> Iterator[Story]:
        """Sync a company that nobody knows, and once more after something has happened there."""
        for run in RUNS:
            if run == "later":
                self.tenant.luck(rng, CHANGES)
                self.tenant.resign(rng, LEAVERS)
            home = self.folder / "home"
            with closed(home):
                wiring.requests().sync_now(TERMINAL, worker.HANDLE)
            undisturbed = Path(shutil.copytree(home, self.folder / "undisturbed"))
            with born(undisturbed, math.inf) as (process, lines):
                lines.read()
                assert process.wait() == 0
            wanted = end_of(undisturbed)
            shutil.rmtree(undisturbed)
            story = Story(name=f"{self.vendor}, {run}")
            self._work(home, fate, rng, story)
            self._judge(story, run, home, wanted)
            yield story

    def _work(self, home: Path, fate: Fate, rng: Random, story: Story) -> None:
        """Let workers live and die, `fate.kills` of them, until one comes to the end."""
        while not story.is_over:
            slices, delay_s = rng.randint(0, fate.slices), rng.uniform(0, fate.longest_s)
            with born(home, fate.slice_s) as (process, lines):
                reports = (json.loads(line) for line in lines)
                if story.deaths < fate.kills:
                    story.note(islice(reports, slices))
                    story.deaths += is_killed(process, delay_s)
                story.note(islice(reports, fate.most_slices))
            if process.returncode not in (0, -signal.SIGKILL):
                story.wrongs.append(f"a worker ended with exit code {process.returncode}")
                return
            if story.told > fate.most_slices:
                story.wrongs.append("it does not come to an end")
                return
        with closed(home):
            story.slices = wiring.outside().tasks.recent(UID, 1)[0].slices

    def _judge(self, story: Story, run: str, home: Path, wanted: End) -> None:
        end = end_of(home)
        for what in ("entries", "links", "tasks", "rows"):
            if getattr(end, what) != getattr(wanted, what):
                story.wrongs.append(f"other {what}: {first_difference(getattr(end, what), getattr(wanted, what))}")
        if run != "first":  # then some of what has happened waits for a person
            return
        with closed(home):
            directory = wiring.outside().directory
            known = {entry.key: entry.values for kind in Kind for entry in directory.listing(kind)}
        story.wrongs += untrue(known, self.tenant.facts(), self.tenant.slow_fields)


def untrue(
    known: Mapping[Key, Mapping[str, Value]], facts: Mapping[Name, Fact], slow_fields: frozenset[str]
) -> Iterator[str]:
    """Name what the directory says that is not so, and whom it lacks."""
    for (kind, external_id), fact in facts.items():
        key = Key(UID, kind, external_id)
        if key not in known:
            if fact.visible and fact.state is not State.LEFT:
                yield f"{key} is not known"
            continue
        names = {"state"} if fact.state is State.LEFT else set(known[key]) - slow_fields
        for name in sorted(names & set(fact.values)):
            ours, theirs = known[key][name], _referred(name, fact.values[name])
            if ours != theirs and not (is_empty(ours) and is_empty(theirs)):
                yield f"{name} of {key}"


def _referred(name: str, value: Value) -> Value:
    kind = _REFERENCES.get(name)
    if kind is None or is_empty(value):
        return value
    if isinstance(value, tuple):
        return tuple(new_entry_id(Key(UID, kind, each)) for each in value)
    return new_entry_id(Key(UID, kind, str(value)))


@contextmanager
def born(home: Path, slice_s: float) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """Start a worker; it does not outlive the context."""
    command = [sys.executable, "-m", "infra.worker", "--slice", str(slice_s)]
    with subprocess.Popen(command, env=_environ(home), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout
        finally:
            process.kill()


def is_killed(process: subprocess.Popen[str], delay_s: float) -> bool:
    """Kill a worker after so long; tell whether it had not come to its end before."""
    try:
        process.wait(delay_s)
    except subprocess.TimeoutExpired:
        process.kill()
    return process.wait() == -signal.SIGKILL


@contextmanager
def closed(home: Path) -> Iterator[None]:
    """Look into a home from this process, and close its table again before a worker opens it."""
    before = dict(os.environ)
    os.environ.update(_environ(home))
    worker.choose()
    try:
        yield
    finally:
        worker.leave()
        os.environ.clear()
        os.environ.update(before)


def _environ(home: Path) -> Mapping[str, str]:
    ours = {"ROLLCALL_HOME": str(home), "ROLLCALL_LEASE_S": LEASE_S, "ROLLCALL_LIMIT_SCALE": LIMIT_SCALE}
    return {**os.environ, **ours, "PYTHONPATH": os.getcwd()}


def run(vendor: str, people: int, departments: int, fate: Fate, seed: int) -> Iterator[Story]:
    with TemporaryDirectory() as folder, Scene(vendor, Path(folder), people, departments).open() as scene:
        yield from scene.tell(fate, Random(f"{seed} {vendor}"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.scale", description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--departments", type=int, default=5000)
    parser.add_argument("--slice", type=float, default=60.0, metavar="SECONDS")
    parser.add_argument("--kills", type=int, default=5, help="in each run, if it takes that long")
    parser.add_argument("--vendor", choices=VENDORS)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    fate = Fate(slice_s=asked.slice, kills=asked.kills, slices=0, longest_s=asked.slice)
    wrong, began = 0, time.monotonic()
    for vendor in [asked.vendor] if asked.vendor else VENDORS:
        for story in run(vendor, asked.people, asked.departments, fate, asked.seed):
            print(story, flush=True)
            wrong += bool(story.wrongs)
    print(f"{wrong} runs wrong, {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
