"""`make bench`: what a full sync costs, in calls, writes, seconds and bytes, beside the least that is possible.

The real program reads a simulated Lark over HTTP on the loopback interface, under the lab's own limits. Nothing here
fails a build: figures are printed with what they were measured on.
"""

from __future__ import annotations

import math
import os
import platform
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from chalicelib import wiring
from chalicelib.core.model import Key, Kind, State
from chalicelib.core.principal import TERMINAL
from chalicelib.core.secret import Secret
from chalicelib.core.task import SyncTask, Tally
from infra.lab.lark import LarkApi, LarkWorkspace
from infra.lab.server import LabServer

console = Console(highlight=False, width=150)
PAGE = 50
PER_SECOND, PER_MINUTE = 50, 1000
LATENCY_S = 0.02
EVENT_LATENCY_S = 0.08
EVENTS_QUIET = 40
# The full sync that runs beside is shortened by as much, or it would take minutes.
EVENT_RATE_SCALE = 2.0
ENCRYPT_KEY, VERIFICATION_TOKEN = "bench-encrypt-key", "bench-verification-token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    task: SyncTask
    calls: Mapping[str, int]
    throttled: int
    wall_s: float
    cpu_s: float


class Bench:
    """One company in a lab, one installation of Rollcall in a folder of its own."""

    def __init__(self, people: int, departments: int, *, limits: bool, rate_scale: float = 1.0) -> None:
        self.people, self.departments = people, departments
        self.company = LarkWorkspace.generate(seed=5, people=people, departments=departments)
        latency_s = LATENCY_S if limits else 0.0
        self.api = LarkApi(self.company, limits=limits, rate_scale=rate_scale, latency_s=latency_s)
        self.rate_scale = rate_scale

    @contextmanager
    def installed(self) -> Iterator[Bench]:
        with tempfile.TemporaryDirectory() as home, LabServer(self.api, self.company) as lab:
            os.environ |= {"ROLLCALL_HOME": str(Path(home) / "state"), "ROLLCALL_LIMIT_SCALE": str(self.rate_scale)}
            wiring.use(None)
            settings = {"app_id": self.company.app_id, "base_url": lab.url}
            secrets = {"app_secret": Secret(self.company.app_secret)}
            wiring.rooms().sources.create(TERMINAL, "hq", kind="lark", name="Bench", settings=settings, secrets=secrets)
            yield self

    def sync(self) -> Run:
        self.api.reset_calls()
        wall, cpu = time.monotonic(), time.process_time()
        asked = wiring.requests().sync_now(TERMINAL, "hq")
        while (again := wiring.runner().wake(asked.task.source, lambda: math.inf)) is not None:
            time.sleep(again)
        return Run(
            task=wiring.outside().tasks.get(asked.task.task_id),
            calls=dict(self.api.calls),
            throttled=sum(self.api.throttled.values()),
            wall_s=time.monotonic() - wall,
            cpu_s=time.process_time() - cpu,
        )

    def least_calls(self) -> tuple[int, int]:
        """Count what the contract asks for: department pages, and member pages of root and non-empty departments."""
        truth = self.company.truth()
        pages = math.ceil(sum(not facts["deleted"] for facts in truth["departments"].values()) / PAGE)
        alive = {key: person for key, person in truth["people"].items() if person["state"] != "resigned"}
        direct = dict.fromkeys(truth["departments"], 0)
        at_root = 0
        for person in alive.values():
            for department in person["departments"]:
                if department in direct:
                    direct[department] += 1
                else:
                    at_root += 1
        members = max(1, math.ceil(at_root / PAGE))
        for key, facts in truth["departments"].items():
            if facts["member_count"] > 0 and not facts["deleted"]:
                members += max(1, math.ceil(direct[key] / PAGE))
        return pages, members

    def least_seconds(self, calls: int) -> float:
        """Compute when the last of so many calls to one API can be sent under its two windows."""
        minutes, rest = divmod(max(0, calls - 1), PER_MINUTE)
        return (60 * minutes + rest // PER_SECOND) / self.rate_scale


def calls_and_writes() -> None:
    table = Table(
        "people", "departments", "run", "department pages", "(least)", "member pages", "(least)", "other calls",
        "records", "entries written", "links written", "CPU s",
        title="Calls and writes of a full sync", title_justify="left",
    )  # fmt: skip
    for people, departments in ((800, 60), (3000, 300), (10_000, 1000)):
        with Bench(people, departments, limits=False, rate_scale=50.0).installed() as bench:
            for name in ("first", "no change", "ten changes"):
                if name == "ten changes":
                    for seed in range(10):
                        bench.company.rename(bench.company.some_person(seed * 17 + 1), f"改名{seed}")
                before = links()
                run = bench.sync()
                pages, members = bench.least_calls()
                called = (run.calls["departments.children"], run.calls["users.find_by_department"])
                written = sum(1 for key, link in links().items() if before.get(key) != link)
                rows = sum(1 for _ in wiring.outside().tasks.rows(run.task.task_id))
                table.add_row(
                    *(
                        f"{people:,}",
                        f"{departments:,}",
                        name,
                        str(called[0]),
                        str(pages),
                        str(called[1]),
                        str(members),
                    ),
                    *(str(sum(run.calls.values()) - sum(called)), str(rows), str(run.task.entry_writes), str(written)),
                    f"{run.cpu_s:.1f}",
                )
    console.print(table)


def links() -> Mapping[object, object]:
    out = wiring.outside()
    return {link.key: link for source in out.catalog.sources() for link in out.directory.links(source.uid)}


def wall_time() -> None:
    table = Table(
        "people", "departments", "calls", "throttled", "wall s", "optimum s", "ratio",
        title=f"First sync under {PER_SECOND}/s and {PER_MINUTE}/min, shortened by 2 (goal: ratio 1.15, throttled 1 %)",
        title_justify="left",
    )  # fmt: skip
    with Bench(10_000, 1000, limits=True, rate_scale=2.0).installed() as bench:
        run = bench.sync()
        total = sum(run.calls.values())
        least = bench.least_seconds(bench.least_calls()[1])
        table.add_row(
            *("10,000", "1,000", str(total), f"{run.throttled} ({run.throttled / total:.1%})"),
            *(f"{run.wall_s:.1f}", f"{least:.1f}", f"{run.wall_s / least:.2f}"),
        )
        created = run.task.counts[Kind.EMPLOYEE][Tally.CREATED]
    console.print(table)
    console.print(f"{created:,} employees created; status {run.task.status}")


class Serving:
    """`rollcall serve` beside a company that pushes to it."""

    def __init__(self, company: LarkWorkspace, lab: LabServer, home: Path) -> None:
        self.company, self.home = company, home
        self._environ = {**os.environ, "ROLLCALL_HOME": str(home), "ROLLCALL_LIMIT_SCALE": str(EVENT_RATE_SCALE)}
        os.environ |= {"ROLLCALL_HOME": str(home), "ROLLCALL_LIMIT_SCALE": "50"}
        wiring.use(None)
        keys = {"encrypt_key": ENCRYPT_KEY, "verification_token": VERIFICATION_TOKEN}
        secrets = {name: Secret(text) for name, text in {"app_secret": company.app_secret, **keys}.items()}
        settings = {"app_id": company.app_id, "base_url": lab.url}
        wiring.rooms().sources.create(TERMINAL, "hq", kind="lark", name="Bench", settings=settings, secrets=secrets)

    @contextmanager
    def serving(self) -> Iterator[None]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [str(Path(sys.executable).with_name("rollcall")), "serve", "--port", str(port)]
        process = subprocess.Popen(  # noqa: S603 - our own program
            command, env=self._environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            until(lambda: httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == 200)
            url = f"http://127.0.0.1:{port}/callbacks/hq/events"
            pusher = self.company.subscribe(url, ENCRYPT_KEY, VERIFICATION_TOKEN)
            pusher.start()
            yield
            self.company.unsubscribe()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)

    def event_to_directory(self, number: int) -> float:
        """Rename or let go of somebody; tell after how many seconds the directory says so."""
        directory, company = wiring.outside().directory, self.company
        user = company.user(company.some_person(1000 + number))
        key = Key(wiring.outside().catalog.source("hq").uid, Kind.EMPLOYEE, user.union_id)
        name, leaves = f"改名{number}", number % 2 == 0
        began = time.monotonic()
        if leaves:
            company.resign(user.open_id)
        else:
            company.rename(user.open_id, name)

        def told() -> bool:
            link = directory.links_of([key]).get(key)
            entry = directory.entries([link.entry_id]).get(link.entry_id) if link and link.entry_id else None
            if entry is None:
                return False
            return entry.state is State.LEFT if leaves else entry.values["name"] == name

        until(told, seconds=60, step_s=0.01)
        return time.monotonic() - began


def events() -> None:
    """Measure from what happens in the company to what the directory says, through real HTTP both ways."""
    table = Table(
        "while", "events", "median s", "p95 s", "most s",
        title=f"Event to directory, one at a time, calls take {EVENT_LATENCY_S * 1000:.0f} ms (goal: p95 2 s)",
        title_justify="left",
    )  # fmt: skip
    company = LarkWorkspace.generate(seed=7, people=10_000, departments=1000)
    api = LarkApi(company, latency_s=EVENT_LATENCY_S, rate_scale=EVENT_RATE_SCALE, limits=False)
    with tempfile.TemporaryDirectory() as home, LabServer(api, company) as lab:
        served = Serving(company, lab, Path(home) / "state")
        tasks, requests = wiring.outside().tasks, wiring.requests()
        first = requests.sync_now(TERMINAL, "hq").task
        while (again := wiring.runner().wake(first.source, lambda: math.inf)) is not None:
            time.sleep(again)
        api.limits = True
        with served.serving():
            quiet = [served.event_to_directory(500 + number) for number in range(EVENTS_QUIET)]
            asked = requests.sync_now(TERMINAL, "hq").task
            loud = list(beside(served, lambda: not tasks.get(asked.task_id).status.is_over))
    for name, seconds in (("nothing else runs", quiet), ("a full sync of 10,000 people runs", loud)):
        table.add_row(name, str(len(seconds)), *(f"{each:.2f}" for each in figures(seconds)))
    console.print(table)


def beside(served: Serving, runs: Callable[[], bool]) -> Iterator[float]:
    number = 0
    while runs():
        seconds = served.event_to_directory(number)
        if runs():
            yield seconds
        number += 1
        time.sleep(0.2)


def figures(seconds: Sequence[float]) -> tuple[float, float, float]:
    ordered = sorted(seconds) or [math.nan]
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, math.ceil(0.95 * len(ordered)) - 1)], ordered[-1]


def until(condition: Callable[[], bool], seconds: float = 30.0, step_s: float = 0.05) -> None:
    """Wait for something that happens elsewhere.

    Raises:
        SystemExit: it did not happen.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        time.sleep(step_s)
    raise SystemExit("the bench waited in vain")


def main() -> None:
    cores = os.cpu_count()
    console.print(
        f"Measured on {cores} cores, {platform.machine()}, Python {platform.python_version()}, SQLite on disk;"
    )
    console.print("the lab runs in the same process, so CPU seconds include the simulated vendor's.\n")
    calls_and_writes()
    console.print()
    wall_time()
    console.print()
    events()
    console.print(
        f"\npeak memory of the whole bench {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB"
    )


if __name__ == "__main__":
    main()
