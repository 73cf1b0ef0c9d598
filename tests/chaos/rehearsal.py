"""One run: a company of some forty people, a few days of its life, and everything that can go wrong on the way.

`run(seed, vendor)` is a function of its arguments: the same seed tells the same story, on every machine.
"""

from __future__ import annotations

import math
import random
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from unittest import mock

from chalicelib import wiring
from chalicelib.connectors import Registry
from chalicelib.core.errors import ContractError, TransientError
from chalicelib.core.guard import Guard
from chalicelib.core.model import Key, State
from chalicelib.core.model import Kind as EntryKind
from chalicelib.core.principal import TERMINAL
from chalicelib.core.source import Source
from chalicelib.core.task import Claim, Lane, Only, Purpose, RowStatus, SyncRecord, SyncTask, TaskStatus
from chalicelib.local.clock import ManualClock
from chalicelib.local.table import SqliteTable
from chalicelib.settings import Settings
from chalicelib.sync import plan
from chalicelib.sync.pulse import MARGIN_S
from tests.builders import NOON
from tests.chaos import faults, scope
from tests.chaos.faults import KINDS, Kind, Trouble
from tests.chaos.machine import DeafBell, FaultyTable, Killed, Life, Purse, Watch, Wire, in_turns
from tests.chaos.oracle import Oracle, Wrong, by_hand, removals, unseen
from tests.chaos.tenants import TENANTS, Tenant

LEASE_S: Final = 120.0
MOST_WAKES: Final = 500
# One run in so many has real threads, and is not repeated to the letter.
THREADS: Final = 16
# One run in so many reads so many chosen departments, and nothing else.
SCOPES: Final = 5
SCOPED: Final = 2
UID: Final = "chaos"
TIGHT: Final = Guard(accounts=6, departments=2, share=0.1, floor=3, vanish_share=0.1, edit_share=0.5, edit_floor=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    seed: int
    vendor: str
    wrongs: tuple[Wrong, ...]
    fired: Counter[str]
    armed: Counter[str]
    statuses: Counter[str]
    story: tuple[str, ...]

    @property
    def repeat(self) -> str:
        return f"python -m tests.chaos --vendor {self.vendor} --seed {self.seed}"

    def __str__(self) -> str:
        return "\n".join((f"seed {self.seed}, {self.vendor}: {self.repeat}", *self.story, *map(str, self.wrongs)))


@dataclass
class House:
    """The program and the company, as the faults see them (`faults.Scene`)."""

    tenant: Tenant
    wire: Wire
    table: FaultyTable
    life: Life
    ours: Watch
    theirs: Watch
    secrets: Purse
    in_flight: int
    guard: Guard
    rng: random.Random
    in_turn: bool
    chosen: int = 0
    patience: float = 0.0
    cut_off: int = 0
    woken_at: datetime = NOON
    story: list[str] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    oracle: Oracle = field(init=False)
    roots: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.start()
        registry = self.outside.connectors
        source = Source(
            uid=UID,
            handle="hq",
            name="总部",
            kind=self.tenant.kind,
            enabled=True,
            settings=self.tenant.settings,
            mapping=registry.form(self.tenant.kind).mapping,
            created_at=self.ours.now(),
            guard=self.guard,
            scope=scope.largest(self.tenant.facts(), self.chosen),
        )
        self.roots = source.scope.ids
        self.secrets.put(UID, self.tenant.secrets)
        self.outside.catalog.add(source)
        self.oracle = Oracle(UID, self.outside.directory, self.outside.tasks, self.tenant.slow_fields)
        self.oracle.scoped = bool(self.roots)
        self.note()

    def start(self) -> None:
        """Start a process: what the one before kept in memory is gone."""
        self.life.reborn()
        self.outside = self._process()
        wiring.use(self.outside)

    def _process(self) -> wiring.Outside:
        registry = Registry(secrets=self.secrets, clock=self.ours, transport=self.wire, in_flight=self.in_flight)
        settings = Settings(home=Path("unused"), lease_s=LEASE_S)
        return wiring.around(settings, self.table, self.secrets, DeafBell(), self.ours, registry)

    def note(self) -> None:
        self.oracle.note(scope.restricted(self.tenant.facts(), self.roots))

    def welcome_strangers(self) -> None:
        self.oracle.strangers_welcome = True

    def excuse(self) -> None:
        self.oracle.excused = True

    @property
    def tight(self) -> bool:
        return self.guard == TIGHT

    def known_people(self) -> Collection[str]:
        known = self.oracle.known()
        return {
            key.external_id for key, each in known.items() if key.kind is EntryKind.EMPLOYEE and each.state.has_access
        }

    def wake_another(self, *, late: bool) -> None:
        if late:
            self.ours.sleep(LEASE_S + 1)
        cut_off = self.rng.choice((0.0, 0.0, 0.2))
        held, calls = not late and (self.ours.now() - self.woken_at).total_seconds() < LEASE_S, self._calls()
        deadline = lambda: MARGIN_S - 1 if self.rng.random() < cut_off else math.inf  # noqa: E731  # one line says it
        self._elsewhere(lambda: wiring.runner().wake(UID, deadline))
        if held and self.in_turn and self._calls() > calls:
            self.oracle.say("two worked at once", UID)

    def _calls(self) -> int:
        return self.tenant.api.calls.total()

    def hear(self, act: Callable[[random.Random], bool]) -> bool:
        before = self.tenant.facts()
        if not act(self.rng):
            return False
        self.note()
        after = self.tenant.facts()
        struck = [name for name in after if name[0] is EntryKind.EMPLOYEE and before.get(name) != after[name]]
        keys = [Key(UID, kind, external_id) for kind, external_id in struck]
        left = [key for key, name in zip(keys, struck, strict=True) if after[name].state is State.LEFT]
        claims = tuple(Claim(key=key, at=self.ours.now()) for key in left)
        extent = Only(keys=tuple(key for key in keys if key not in left), claims=claims)

        def work_off() -> None:
            source = wiring.outside().catalog.source("hq")
            asked = wiring.requests().reported(source, extent, ())
            try:
                wiring.runner().wake(UID, lambda: math.inf, lane=Lane.HINTS)
            finally:  # the store may refuse when much of it, or all, is written
                self.oracle.heard(wiring.outside().tasks.get(asked.task_id))

        self._elsewhere(work_off)
        return True

    def _elsewhere(self, work: Callable[[], object]) -> None:
        """Do something in another process, as far as memory goes, before this one goes on."""
        ours = self.outside
        wiring.use(self._process())
        try:
            work()
        except ContractError as error:
            self.oracle.say("the program broke", UID, str(error))
        except TransientError:  # the store: somebody will look again
            pass
        finally:
            wiring.use(ours)

    def tell(self, what: str) -> None:
        self.story.append(what)

    # --- what people and timers do

    def sync(self, purpose: Purpose = Purpose.SYNC) -> SyncTask:
        requests = wiring.requests()
        ask = requests.sync_now if purpose is Purpose.SYNC else requests.preview
        return self._work(ask(TERMINAL, "hq").task)

    def approve(self, task: SyncTask, rows: Sequence[SyncRecord]) -> SyncTask:
        before = dict(self.oracle.known())
        self.oracle.decided |= {row.key for row in rows}
        asked = wiring.requests().approve(TERMINAL, task.task_id, [row.entry_id for row in rows])
        done = self._work(asked.task)
        self.oracle.approved(rows, before)
        return done

    def reject(self, task: SyncTask, rows: Sequence[SyncRecord]) -> None:
        wiring.requests().reject(TERMINAL, task.task_id, [row.entry_id for row in rows])
        self.tell(f"  refused {len(rows)} of task {task.task_id}")

    def _work(self, asked: SyncTask) -> SyncTask:
        self.oracle.begin()
        self.table.at_work = True
        try:
            self._wake_until_over(Lane.FULL)
            for waiting in self.outside.tasks.waiting(UID):  # whose asking the store refused after it was written
                if waiting.lane is Lane.HINTS:
                    self.oracle.heard(waiting)
            if self.oracle.has_heard():
                self._wake_until_over(Lane.HINTS)
        finally:
            self.table.at_work = False
        task = self.outside.tasks.get(asked.task_id)
        self.statuses[task.status] += 1
        why = f" ({task.reason.code})" if task.reason else ""
        told = "".join(f", {remark.code}" for remark in task.remarks)
        self.tell(f"  task {task.task_id}, {task.trigger}, {task.purpose}: {task.status}{why}{told}")
        self.oracle.look(task)
        if not by_hand(task):
            self._judge_guard(task)
        return task

    def _wake_until_over(self, lane: Lane) -> None:
        for _ in range(MOST_WAKES):
            self.woken_at = self.ours.now()
            try:
                again = wiring.runner().wake(UID, self._deadline, lane=lane)
            except Killed:
                self.tell("  killed")
                self.start()
                self.ours.sleep(LEASE_S + 1)
            except ContractError as error:
                self.oracle.say("the program broke", UID, str(error))
                self.ours.sleep(LEASE_S + 1)
            except TransientError:  # the store, at a moment when nobody but the next tick can do anything
                self.ours.sleep(LEASE_S + 1)
            else:
                if again is None:
                    return
                self.ours.sleep(again)
        self.oracle.say("a task never ended", UID, f"{MOST_WAKES} times woken")

    def _deadline(self) -> float:
        if self.patience and self.rng.random() < self.patience:
            self.cut_off += 1
            return MARGIN_S - 1
        return math.inf

    def _judge_guard(self, task: SyncTask) -> None:
        rows = list(self.outside.tasks.rows(task.task_id))
        for kind in EntryKind:
            population = sum(1 for key in self.oracle.known() if key.kind is kind)
            count, limit = removals(rows, kind), _limit(self.guard, kind, population)
            if count > limit:
                self.oracle.say("more removals than the guard lets pass", task.task_id, f"{count} {kind}s, {limit}")
        if any(row.status is RowStatus.APPLIED and unseen(row) for row in rows):
            self.oracle.say("somebody unseen was removed without being asked", task.task_id)


def _limit(guard: Guard, kind: EntryKind, population: int) -> int:
    """Work out how many removals a run may apply; a guard that is broken is not judged by its own word."""
    most = guard.accounts if kind is EntryKind.EMPLOYEE else guard.departments
    return min(most, max(guard.floor, int(guard.share * population)))


class Rehearsal:
    """One run."""

    def __init__(self, seed: int, vendor: str, lead: str | None) -> None:
        self.rng = random.Random(f"{seed} {vendor}")
        self.seed, self.vendor = seed, vendor
        self.kinds = [kind for kind in faults.of(vendor)]
        self.lead = KINDS[lead] if lead else self.kinds[seed % len(self.kinds)]
        self.armed: list[tuple[Kind, Trouble]] = []
        self.fired: Counter[str] = Counter()
        self.tried: Counter[str] = Counter()
        rng = self.rng
        true, life = ManualClock(NOON), Life()
        theirs = Watch(true, timedelta(hours=rng.choice((0, 0, -30, -5, 5, 30))))
        tenant = TENANTS[vendor](rng.randrange(10**6), rng.randint(40, 60), rng.randint(8, 10), theirs)
        tenant.wording(rng)
        self.house = House(
            tenant=tenant,
            wire=Wire(tenant, life, rng.choice((3, 5, 8, 50))),
            table=FaultyTable(SqliteTable(":memory:"), life, rng),
            life=life,
            ours=Watch(true),
            theirs=theirs,
            secrets=Purse(),
            in_turn=seed % THREADS != THREADS - 1,
            in_flight=4 if seed % THREADS == THREADS - 1 else rng.choice((1, 1, 4)),
            guard=TIGHT if rng.random() < 0.3 else Guard(),
            chosen=SCOPED if seed % SCOPES == SCOPES - 1 else 0,
            rng=rng,
        )

    def run(self) -> Verdict:
        house = self.house
        try:
            house.sync()
            house.oracle.at_the_end()
            for number in range(self.rng.randint(2, 3)):
                self._day(number)
            self._heal()
        except Exception as error:
            house.oracle.say("the run broke", type(error).__name__, traceback.format_exc(limit=-6))
        return Verdict(
            seed=self.seed,
            vendor=self.vendor,
            wrongs=tuple(house.oracle.wrongs),
            fired=self.fired,
            armed=self.tried,
            statuses=house.statuses,
            story=tuple(house.story),
        )

    def _day(self, number: int) -> None:
        house, rng = self.house, self.rng
        self._pass_time()
        self._things_happen()
        if number == 0:
            self._arm(self.lead)
        if number == 0 and self.lead.alone:
            house.sync()
            self._lift(all_=True)
            return
        for kind in rng.sample([kind for kind in self.kinds if not kind.alone], rng.choice((0, 0, 1, 1, 2))):
            self._arm(kind)
        if rng.random() < 0.1:
            self._decide(house.sync(Purpose.PREVIEW))
        task = house.sync()
        if rng.random() < 0.5:
            self._lift(all_=rng.random() < 0.5)
        self._decide(task)
        if rng.random() < 0.5:
            self._lift(all_=True)

    def _heal(self) -> None:
        """The faults are over; two clean full syncs later, with a sensible admin, the directory is the truth."""
        house = self.house
        self._lift(all_=True, lasting=self.rng.random() < 0.7)
        house.tell("clean")
        for _ in range(2):
            self._pass_time(least_s=3700)
            task = house.sync()
            self._decide(task, sensible=True)
        if task.reason is None or not task.reason.code.startswith("chosen department"):
            house.oracle.at_the_end()

    def _pass_time(self, least_s: float = 60) -> None:
        self.house.ours.sleep(least_s + self.rng.choice((0, 600, 7200, 86400, 86400)) * self.rng.random())

    def _things_happen(self) -> None:
        rng, tenant = self.rng, self.house.tenant
        tenant.luck(rng, rng.randint(0, 6))
        for act in (tenant.resign, tenant.clear_a_field, tenant.change_manager, tenant.move):
            if rng.random() < 0.4:
                act(rng)
        self.house.note()

    def _things_happen_to(self, rows: Sequence[SyncRecord]) -> None:
        """Let those whom an admin is deciding about change before his word counts."""
        for row in rows:
            if row.key.kind is EntryKind.EMPLOYEE and self.rng.random() < 0.5:
                self.house.tenant.retitle(row.key.external_id, self.rng)
        self.house.note()

    def _arm(self, kind: Kind) -> None:
        if any(kind is each for each, _ in self.armed):
            return
        self.house.tell(f"armed: {kind.name}")
        self.tried[kind.name] += 1
        self.armed.append((kind, kind.arm(self.house, self.rng)))

    def _lift(self, *, all_: bool, lasting: bool = True) -> None:
        kept = []
        for kind, trouble in reversed(self.armed):
            if (not all_ and self.rng.random() < 0.5) or (kind.lingers and lasting is False):
                kept.append((kind, trouble))
                continue
            trouble.lift()
            self._count(kind, trouble)
        self.armed = kept
        self.house.note()

    def _count(self, kind: Kind, trouble: Trouble) -> None:
        fired = trouble.fired()
        self.fired[kind.name] += fired > 0
        self.house.tell(f"lifted: {kind.name}, which struck {fired} times")

    def _decide(self, task: SyncTask, *, sensible: bool = False) -> None:
        """Let an admin look at what waits, and approve what is so; now and then one approves what is not."""
        house, rng = self.house, self.rng
        waiting = [row for row in house.outside.tasks.rows(task.task_id) if row.status.waits]
        if not waiting or task.status not in (TaskStatus.HELD, TaskStatus.PREVIEWED):
            return
        if not sensible and rng.random() < 0.4:
            return
        chosen = [row for row in waiting if house.oracle.true(row)]
        if not sensible and not self.armed and rng.random() < 0.5:
            # Nothing lies any more: whoever says yes to everything gets what is true of it, and no more.
            chosen = waiting
            house.oracle.removed_by_hand |= {row.key for row in waiting if unseen(row)}
        elif not sensible and rng.random() < 0.1:
            rash = [row for row in waiting if unseen(row) and row not in chosen][:2]
            house.oracle.removed_by_hand |= {row.key for row in rash}
            chosen += rash
        if not sensible and rng.random() < 0.3:
            self._things_happen_to(chosen)
        if chosen:
            house.approve(task, chosen)
        rest = [row for row in waiting if row not in chosen]
        if rest and not sensible and rng.random() < 0.2:
            house.reject(task, rest)


def run(seed: int, vendor: str, lead: str | None = None) -> Verdict:
    """Play one run; `lead` is the kind of fault that strikes on the first day, else the seed chooses it."""
    random.seed(seed)  # the client draws the jitter of its waits from there
    threads = seed % THREADS == THREADS - 1
    # A company of fifty never fills a buffer of hundreds; a small one goes to the store in the middle of the walk.
    few_rows = mock.patch.object(plan, "FLUSH_ROWS", (1, 7, plan.FLUSH_ROWS)[seed % 3])
    try:
        with few_rows, nullcontext() if threads else in_turns():
            rehearsal = Rehearsal(seed, vendor, lead)
            return rehearsal.run()
    finally:
        wiring.use(None)
