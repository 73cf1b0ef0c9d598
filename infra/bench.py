"""`make bench`: what a full sync costs, in calls, writes, seconds and bytes, beside the least that is possible.

The real program reads a simulated Lark over HTTP on the loopback interface, under the lab's own limits. Nothing here
fails a build: figures are printed with what they were measured on.
"""

from __future__ import annotations

import math
import os
import platform
import resource
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from chalicelib import wiring
from chalicelib.core.model import Kind
from chalicelib.core.principal import TERMINAL
from chalicelib.core.secret import Secret
from chalicelib.core.task import SyncTask, Tally
from infra.lab.lark import LarkApi, LarkWorkspace
from infra.lab.server import LabServer

console = Console(highlight=False, width=150)
PAGE = 50
PER_SECOND, PER_MINUTE = 50, 1000
LATENCY_S = 0.02


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


def main() -> None:
    cores = os.cpu_count()
    console.print(
        f"Measured on {cores} cores, {platform.machine()}, Python {platform.python_version()}, SQLite on disk;"
    )
    console.print("the lab runs in the same process, so CPU seconds include the simulated vendor's.\n")
    calls_and_writes()
    console.print()
    wall_time()
    console.print(
        f"\npeak memory of the whole bench {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB"
    )


if __name__ == "__main__":
    main()
