"""One run: a company whose events are lost, doubled, late and out of order, and full syncs that begin in between.

`run(seed, vendor)` is a function of its arguments. What must hold: nobody whom a worked-off event reported as gone is
in again unless the workspace showed them since; a reported leaver is out without any full sync; and after one clean
full sync the directory is the workspace. `python -m tests.chaos.events --runs 500` for many.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from chalicelib import wiring
from chalicelib.core.model import State
from chalicelib.core.principal import TERMINAL
from chalicelib.core.task import Only, SyncTask, TaskStatus
from infra.lab.push import Trouble
from infra.lab.wire import LabError
from tests.callbacks.office import VENDORS, WIDE, Name, Office

LOSE: Final = 0.3
STEPS: Final = 9
# The last look at a reported leaver comes eleven minutes after the event at most; a redelivery six hours later.
CALM_S: Final = 1200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    seed: int
    vendor: str
    wrongs: tuple[str, ...]
    happened: Counter[str]

    def __str__(self) -> str:
        lines = [f"python -m tests.chaos.events --vendor {self.vendor} --seed {self.seed}", *self.wrongs]
        return "\n  ".join(lines)


@dataclass
class _Story:
    office: Office
    rng: random.Random
    happened: Counter[str] = field(default_factory=Counter)
    wrongs: list[str] = field(default_factory=list)
    # Those who are out, or whom a worked-off event reported as gone; true once the workspace showed them since.
    out: dict[Name, bool] = field(default_factory=dict)
    reported: set[Name] = field(default_factory=set)
    judged: set[str] = field(default_factory=set)
    inside: bool = False
    calls_left: int = 0

    # --- what happens

    def mutate(self) -> None:
        with suppress(LabError):
            if self.rng.random() < 0.25:
                self.office.tenant.leave(self.office.tenant.some_person(self.rng.randrange(1000)))
            elif self.rng.random() < 0.1 and self.office.tenant.rehire(self.rng):
                self.happened["rehired"] += 1
            else:
                self.office.tenant.company.mutate_randomly(self.rng, 1)
            self.happened["mutations"] += 1

    def on_call(self, number: int) -> None:
        """Let things happen in the middle of a read; a delivery does not wait for the full sync."""
        if self.inside:
            return
        self.inside = True
        try:
            if self.rng.random() < 0.3:
                self.mutate()
            self.office.pusher.push_due()
            self._sample()
            if self.rng.random() < 0.5 and self.office.deliveries.heard():
                self.happened["delivered during a read"] += 1
                self.office.deliver()
                self.look()
        finally:
            self.inside = False

    def step(self) -> None:
        office, rng = self.office, self.rng
        for _ in range(rng.randrange(4)):
            self.mutate()
        office.deliveries.deaf = rng.random() < 0.15
        match rng.randrange(5):
            case 0 | 1:
                office.on_call = self.on_call
                self.happened["full syncs"] += 1
                office.sync()
                office.on_call = lambda number: None
            case 2:
                office.pusher.push_due()
            case _:
                office.pass_time(rng.choice((0.5, 3.0, 12.0, 70.0)))
        if office.deliveries.deaf:
            self.happened["bells lost"] += 1
            office.deliveries.deaf = False
            wiring.deliverer().tick()
        self.look()

    # --- what must hold

    def look(self) -> None:
        """Judge who is in against what the workspace shows now, and showed since they were out."""
        office = self.office
        self._sample()
        shown, entries = office.shown(), office.entries()
        for task in office.events(limit=30):
            if task.status.is_over and task.task_id not in self.judged:
                self.judged.add(task.task_id)
                self._worked_off(task)
        for name, entry in entries.items():
            if entry.state is State.LEFT:
                self.out.setdefault(name, shown[name])
                continue
            if name in self.out:  # they are back; of a second departure the event may be lost
                self.reported.discard(name)
            if not self.out.pop(name, True):
                self.wrongs.append(f"{name} is {entry.state} again, and the workspace never showed them since")

    def _sample(self) -> None:
        """Remember who is shown at this moment: somebody may return and leave again between two looks."""
        shown = self.office.shown()
        for name in self.out:
            self.out[name] = self.out[name] or shown[name]

    def _worked_off(self, task: SyncTask) -> None:
        if task.status is not TaskStatus.DONE:
            self.wrongs.append(f"task {task.task_id} is {task.status}")
        if not task.deliveries:
            self.happened["later looks"] += 1
        entries, shown = self.office.entries(), self.office.shown()
        for claim in task.extent.claims if isinstance(task.extent, Only) else ():
            name = (claim.key.kind, claim.key.external_id)
            self.reported.add(name)
            if name not in entries or entries[name].state is State.LEFT:
                self.out.setdefault(name, shown[name])

    def at_rest(self) -> None:
        """Judge that everything pushed was worked off, and that who was reported as gone is out."""
        entries, facts = self.office.entries(), self.office.tenant.facts()
        if self.office.waiting_hints():
            self.wrongs.append("something that was pushed was never worked off")
        for name in self.reported:
            if facts[name]["state"] is State.LEFT and name in entries and entries[name].state is not State.LEFT:
                self.wrongs.append(f"{name} was reported as gone, and is {entries[name].state}")


def run(seed: int, vendor: str) -> Verdict:
    rng = random.Random(f"{seed} {vendor} events")
    trouble = Trouble(
        seed=seed,
        lose=LOSE,
        duplicate=rng.choice((0.0, 0.3)),
        reorder=rng.choice((0.0, 0.5)),
        reorder_s=rng.choice((2.0, 30.0)),
        delay_s=rng.choice((0.0, 0.0, 4.0)),
        lag_s=rng.choice((0.0, 0.0, 3.0, 25.0)),
    )
    with Office(vendor, seed=seed, people=rng.randrange(30, 41), departments=6, trouble=trouble, guard=WIDE) as office:
        story = _Story(office, rng)
        office.sync()
        story.look()
        for _ in range(STEPS):
            story.step()
        trouble.lose = trouble.duplicate = trouble.reorder = trouble.delay_s = trouble.lag_s = 0.0
        office.pass_time(CALM_S)
        story.look()
        story.at_rest()
        office.clock.sleep(1)
        clean = office.sync()
        story.look()
        if clean.status is TaskStatus.HELD:
            # When all leaders leave a small company, its managers vanish at once: an admin has to say that it is so.
            story.happened["approved"] += 1
            asked = wiring.requests().approve(TERMINAL, clean.task_id)
            office.work()
            clean = office.tasks.get(asked.task.task_id)
        if clean.status is not TaskStatus.DONE:
            story.wrongs.append(f"the clean sync is {clean.status}")
        story.wrongs += office.differences()
        story.happened += office.pusher.counters
        story.happened["event tasks"] += len(office.events())
        return Verdict(seed=seed, vendor=vendor, wrongs=tuple(story.wrongs), happened=story.happened)


def _run(story: tuple[int, str]) -> Verdict:
    return run(*story)


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.events", description=__doc__)
    parser.add_argument("--runs", type=int, default=500, help="seeds for each vendor, from 0")
    parser.add_argument("--seed", type=int, help="this one only")
    parser.add_argument("--vendor", choices=VENDORS)
    asked = parser.parse_args(words)
    seeds = range(asked.runs) if asked.seed is None else [asked.seed]
    stories = [(seed, vendor) for vendor in ([asked.vendor] if asked.vendor else VENDORS) for seed in seeds]
    happened: Counter[str] = Counter()
    failed = 0
    with ProcessPoolExecutor() as pool:
        for verdict in pool.map(_run, stories, chunksize=5):
            happened += verdict.happened
            if verdict.wrongs:
                failed += 1
                print(verdict)
    print(f"{len(stories)} runs, {failed} failed; {_told(happened)}")
    return 1 if failed else 0


def _told(happened: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in sorted(happened.items()))


if __name__ == "__main__":
    sys.exit(main())
