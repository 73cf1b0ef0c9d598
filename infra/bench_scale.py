"""What a full sync of a large company costs its worker: CPU, memory, calls, items and request units.

The lab is a process of its own, and so is each worker, which begins anew as in a new Lambda and reports what it took
by itself: imports and the peak of its memory included. What is counted at the table is counted by a second worker on
a copy of the state, because counting takes CPU and memory, too.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from rich.table import Table

from chalicelib import wiring
from chalicelib.aws.table import schema
from chalicelib.core.principal import TERMINAL
from chalicelib.core.secret import Secret
from chalicelib.core.task import SyncTask, TaskStatus
from chalicelib.sources.draft import Draft
from infra import worker
from infra.bench import console
from infra.bill import Bill
from infra.engines import clients_at
from infra.engines.dynamodb_local import MissingError, fetched, running

VENDORS: Final = ("lark", "dingtalk")
PEOPLE, DEPARTMENTS = 100_000, 5000
# As many as an engine that makes a few hundred writes a second can bear.
FEW: Final = 2000
# One in so many people changes.
CHANGES = 100
# The lab has no limits here; the client paces itself all the same, so much faster.
LIMIT_SCALE = 1000
RUNS: Final = ("first", "no change", "1 % changed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A simulated vendor in a process of its own."""

    vendor: str
    url: str
    keys: Mapping[str, str]

    def do(self, verb: str, **args: object) -> Any:
        answer = httpx.post(f"{self.url}/_lab/do", json={"verb": verb, "args": args}, timeout=600)
        return answer.raise_for_status().json()["result"]

    def truth(self) -> Any:
        return httpx.get(f"{self.url}/_lab/truth", timeout=600).raise_for_status().json()


@contextmanager
def lab(vendor: str, people: int, departments: int) -> Iterator[Lab]:
    """Found a company, and serve it without limits until the end of the context."""
    size = ("--people", str(people), "--departments", str(departments), "--seed", "5")
    command = [sys.executable, "-m", "infra.lab", "--vendor", vendor, "--port", "0", "--no-limits", *size]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        try:
            assert process.stdout is not None  # noqa: S101 - a pipe was asked for
            url = process.stdout.readline().split(": ", 1)[1].split(",")[0]
            keys: dict[str, str] = {}
            while (words := process.stdout.readline().split())[:1] != ["control"]:
                keys[words[0]] = words[1]
            yield Lab(vendor=vendor, url=url, keys=keys)
        finally:
            process.terminate()


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """An installation of Rollcall with the source `hq`, and the workers that work for it."""

    path: Path
    dynamodb: str = ""
    environ: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def install(cls, path: Path, company: Lab, *, dynamodb: str = "", **environ: str) -> Home:
        home = cls(path=path, dynamodb=dynamodb, environ={"ROLLCALL_LIMIT_SCALE": str(LIMIT_SCALE), **environ})
        keys = company.keys
        if company.vendor == "lark":
            settings = {"app_id": keys["app_id"], "base_url": company.url}
        else:
            settings = {"app_key": keys["app_key"], "corp_id": keys["corp_id"], "daily_details": "0"}
            settings |= {"oapi_url": company.url, "api_url": company.url}
        secrets = {"app_secret": Secret(keys["app_secret"])}
        draft = Draft(handle=worker.HANDLE, kind=company.vendor, name="Bench", settings=settings, secrets=secrets)
        with home.entered():
            wiring.rooms().sources.create(TERMINAL, draft, activate_gate=False)
        return home

    def copy(self, name: str) -> Home:
        path = Path(shutil.copytree(self.path, self.path.with_name(name)))
        return Home(path=path, dynamodb=self.dynamodb, environ=self.environ)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Work in this installation from this process."""
        before = dict(os.environ)
        os.environ.update(self._environ())
        worker.choose(self.dynamodb)
        try:
            yield
        finally:
            worker.leave()
            os.environ.clear()
            os.environ.update(before)

    def ask(self) -> str:
        """Ask for a full sync; return its task."""
        with self.entered():
            return wiring.requests().sync_now(TERMINAL, worker.HANDLE).task.task_id

    def task(self, task_id: str) -> SyncTask:
        with self.entered():
            return wiring.outside().tasks.get(task_id)

    def work(self, *options: str) -> Mapping[str, Any]:
        """Let a worker work in a process of its own; return its report."""
        command = self.command(*options)
        done = subprocess.run(command, env=self._environ(), check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own
        report: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return report

    def command(self, *options: str) -> Sequence[str]:
        engine = ("--dynamodb", self.dynamodb) if self.dynamodb else ()
        return [sys.executable, "-m", "infra.worker", *engine, *options]

    def _environ(self) -> Mapping[str, str]:
        return {**os.environ, "ROLLCALL_HOME": str(self.path), **self.environ}


def scale(people: int = PEOPLE, departments: int = DEPARTMENTS, vendors: Sequence[str] = VENDORS) -> None:
    """Measure on SQLite."""
    table = _table(people, departments, "SQLite (goals: first 60 s of CPU, no change 30 s, 256 MB)")
    for vendor in vendors:
        with tempfile.TemporaryDirectory() as folder, lab(vendor, people, departments) as company:
            for run, home in _runs(company, Home.install(Path(folder) / "home", company), people):
                table.add_row(vendor, run, *_measured(home, _billed(home)))
    console.print(table)


def scale_dynamodb(people: int = FEW, departments: int = FEW // 20, vendors: Sequence[str] = VENDORS) -> None:
    """Measure on DynamoDB Local, which is too slow for many people; what is counted is what it is on SQLite."""
    table = _table(people, departments, "DynamoDB Local")
    for vendor in vendors:
        with ExitStack() as stack:
            try:
                url = stack.enter_context(running(fetched()))
            except MissingError as missing:
                console.print(str(missing))
                return
            clients_at(url).dynamodb().create_table(**schema(worker.TABLE))
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            company = stack.enter_context(lab(vendor, people, departments))
            for run, home in _runs(company, Home.install(folder / "home", company, dynamodb=url), people):
                table.add_row(vendor, run, *_measured(home, None))
    console.print(table)


def _table(people: int, departments: int, engine: str) -> Table:
    return Table(
        *("vendor", "run", "CPU s", "wall s", "peak MB", "calls", "entries written"),
        *("items read", "read units", "items written", "write units"),
        title=f"{people:,} people in {departments:,} departments, {engine}",
        title_justify="left",
    )


def _runs(company: Lab, home: Home, people: int) -> Iterator[tuple[str, Home]]:
    """Let happen what comes before each run."""
    for run in RUNS:
        if run == RUNS[-1]:
            company.do("mutate_randomly", rng=5, n=people // CHANGES)
        yield run, home


def _billed(home: Home) -> Bill:
    """Count what a worker asks of the table, on a copy."""
    home.ask()
    copy = home.copy("counted")
    bill: Mapping[str, int] = copy.work("--bill")["bill"]
    shutil.rmtree(copy.path)
    return Bill(**bill)


def _measured(home: Home, bill: Bill | None) -> Iterator[str]:
    task_id = home.ask()  # the same one, where it was asked for already
    took, task = home.work(), home.task(task_id)
    if task.status not in (TaskStatus.DONE, TaskStatus.HELD):
        raise SystemExit(f"the sync is {task.status}: {task.reason}")
    yield from (f"{took['cpu_s']:.1f}", f"{took['wall_s']:.1f}", f"{took['peak_mb']:.0f}")
    yield from (f"{sum(task.calls.values()):,}", f"{task.entry_writes:,}")
    if bill is not None:
        counts = (bill.items_read, bill.read_units, bill.items_written, bill.write_units)
        yield from (f"{count:,}" for count in counts)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m infra.bench_scale", description=__doc__)
    parser.add_argument("--people", type=int)
    parser.add_argument("--departments", type=int)
    parser.add_argument("--vendor", choices=VENDORS)
    parser.add_argument("--dynamodb", action="store_true", help="on DynamoDB Local instead of SQLite")
    asked = parser.parse_args()
    people = asked.people or (FEW if asked.dynamodb else PEOPLE)
    measure = scale_dynamodb if asked.dynamodb else scale
    measure(people, asked.departments or people // 20, [asked.vendor] if asked.vendor else VENDORS)


if __name__ == "__main__":
    main()
