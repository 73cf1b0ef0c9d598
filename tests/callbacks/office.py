"""A simulated company that pushes to the whole program, on one clock: what either does takes the other's time.

Nobody waits here: `pass_time` goes from due to due, and does what the bells and the vendor's queue ask for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import httpx
from chalice.test import Client

import app as switchboard
from chalicelib import wiring
from chalicelib.connectors import Registry
from chalicelib.core.guard import Guard
from chalicelib.core.message import HttpRequest
from chalicelib.core.model import Entry, Kind, State
from chalicelib.core.ports import Put
from chalicelib.core.principal import TERMINAL
from chalicelib.core.secret import Secret
from chalicelib.core.task import Lane, SyncRecord, SyncTask, Trigger
from chalicelib.local.clock import ManualClock
from chalicelib.local.table import SqliteTable
from chalicelib.settings import Settings
from chalicelib.sources.draft import Draft
from chalicelib.store.codec import source_item
from infra.lab import dingtalk, lark
from infra.lab.push import Pusher, Trouble
from infra.lab.transport import LabTransport
from infra.lab.wire import Answer
from tests.builders import NOON
from tests.chaos.machine import in_turns
from tests.scripted import NoSecrets

VENDORS: Final = ("lark", "dingtalk")
Name = tuple[Kind, str]
Send = Callable[[str, Mapping[str, str], bytes], Answer]
URL: Final = "http://127.0.0.1/callbacks/hq/events"
KEY: Final = "k" * 43
TOKEN: Final = "office0token"
LATENCY_S: Final = 0.02
TICK: Final = timedelta(minutes=1)
# Held rows are another suite's matter.
WIDE: Final = Guard(
    accounts=1000,
    departments=1000,
    share=1.0,
    floor=1000,
    storm=1000,
    edit_share=1.0,
    edit_floor=1000,
    vanish_share=1.0,
)


class LarkTenant:
    kind = "lark"
    _STATES: Final = {"activated": State.ACTIVE, "invited": State.INVITED, "frozen": State.SUSPENDED}

    def __init__(self, seed: int, people: int, departments: int, clock: ManualClock) -> None:
        self.company = lark.LarkWorkspace.generate(seed, people, departments, clock=clock)
        self.api = lark.LarkApi(self.company, clock=clock, limits=False, latency_s=LATENCY_S)

    @property
    def settings(self) -> Mapping[str, str]:
        return {"app_id": self.company.app_id}

    @property
    def secrets(self) -> Mapping[str, str]:
        return {"app_secret": self.company.app_secret, "encrypt_key": KEY, "verification_token": TOKEN}

    def subscribe(self, send: Send, trouble: Trouble) -> Pusher:
        return self.company.subscribe(URL, KEY, TOKEN, send=send, trouble=trouble)

    def hire(self) -> str:
        person = self.company.hire(self.company.some_leaf_department(1), activated=True)
        return self.company.user(person).union_id

    def leave(self, person: str) -> None:
        self.company.resign(person)

    def rehire(self, rng: Random) -> bool:
        return False  # who comes back is somebody else

    def some_person(self, seed: int = 0) -> str:
        return self.company.user(self.company.some_person(seed)).union_id

    def some_department(self, seed: int = 0) -> str:
        return self.company.some_leaf_department(seed)

    def facts(self) -> Mapping[Name, Mapping[str, object]]:
        truth = self.company.truth()
        facts: dict[Name, Mapping[str, object]] = {}
        for key, place in truth["departments"].items():
            state = State.LEFT if place["deleted"] else State.ACTIVE
            parent = {place["parent"]} - {"0"}
            facts[Kind.DEPARTMENT, key] = {"name": place["name"], "places": parent, "state": state}
        for key, person in truth["people"].items():
            state = self._STATES.get(person["state"], State.LEFT)
            places = set(person["departments"]) - {"0"}
            facts[Kind.EMPLOYEE, key] = {"name": person["name"], "places": places, "state": state}
        return facts


class DingTalkTenant:
    kind = "dingtalk"
    _STATES: Final = {"active": State.ACTIVE, "invited": State.INVITED, "suspended": State.SUSPENDED}

    def __init__(self, seed: int, people: int, departments: int, clock: ManualClock) -> None:
        self.company = dingtalk.DingTalkWorkspace.generate(seed, people, departments, clock=clock)
        self.api = dingtalk.DingTalkApi(self.company, clock=clock, limits=False, latency_s=LATENCY_S)

    @property
    def settings(self) -> Mapping[str, str]:
        return {"app_key": self.company.app_key, "corp_id": self.company.corp_id, "daily_details": "0"}

    @property
    def secrets(self) -> Mapping[str, str]:
        return {"app_secret": self.company.app_secret, "aes_key": KEY, "token": TOKEN}

    def subscribe(self, send: Send, trouble: Trouble) -> Pusher:
        return self.company.subscribe(URL, KEY, TOKEN, send=send, trouble=trouble)

    def hire(self) -> str:
        return self.company.hire(self.company.some_leaf_department(1), active=True)

    def leave(self, person: str) -> None:
        self.company.leave(person)

    def rehire(self, rng: Random) -> bool:
        """Take somebody back who left, under the same userid."""
        left = [userid for userid, user in self.company.users.items() if user.left]
        if not left:
            return False
        self.company.hire(self.some_department(rng.randrange(100)), userid=rng.choice(left), active=True)
        return True

    def some_person(self, seed: int = 0) -> str:
        return self.company.some_person(seed)

    def some_department(self, seed: int = 0) -> str:
        return self.company.some_leaf_department(seed)

    def facts(self) -> Mapping[Name, Mapping[str, object]]:
        truth = self.company.truth()
        facts: dict[Name, Mapping[str, object]] = {}
        for key, place in truth["departments"].items():
            state = State.LEFT if place["deleted"] else State.ACTIVE
            facts[Kind.DEPARTMENT, key] = {"name": place["name"], "places": {place["parent"]} - {"1"}, "state": state}
        for key, person in truth["people"].items():
            state = self._STATES.get(person["state"], State.LEFT)
            places = set(person["departments"]) - {"1"}
            facts[Kind.EMPLOYEE, key] = {"name": person["name"], "places": places, "state": state}
        return facts


class TurnedBell:
    """Remembers who is to be woken when; whoever turns the clock asks."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.dues: list[datetime] = []
        self.rings = 0
        self.deaf = False

    def ring(self, source: str, *, delay_s: float = 0) -> None:
        self.rings += 1
        if not self.deaf:
            self.dues.append(self._clock.now() + timedelta(seconds=delay_s))

    def heard(self) -> bool:
        now = self._clock.now()
        later = [due for due in self.dues if due > now]
        heard = len(later) < len(self.dues)
        self.dues = later
        return heard


class _Wire(httpx.BaseTransport):
    def __init__(self, office: Office) -> None:
        self._office = office
        self._lab = LabTransport(office.tenant.api)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._office.calls += 1
        self._office.on_call(self._office.calls)
        return self._lab.handle_request(request)


class Office:
    """One company, subscribed; one installation, at work for it. Use it as a context."""

    def __init__(
        self,
        vendor: str,
        *,
        seed: int = 1,
        people: int = 40,
        departments: int = 6,
        trouble: Trouble | None = None,
        guard: Guard | None = None,
    ) -> None:
        self.clock = ManualClock(NOON)
        self.vendor = vendor
        self.tenant = (LarkTenant if vendor == "lark" else DingTalkTenant)(seed, people, departments, self.clock)
        self.calls = 0
        self.on_call: Callable[[int], None] = lambda number: None
        self.bell, self.deliveries = TurnedBell(self.clock), TurnedBell(self.clock)
        self.table, secrets = SqliteTable(":memory:"), NoSecrets()
        registry = Registry(secrets=secrets, clock=self.clock, transport=_Wire(self))
        self.outside = wiring.around(
            Settings(home=Path("unused")), self.table, secrets, self.bell, self.clock, registry, self.deliveries
        )
        wiring.use(self.outside)
        self.tasks, self.directory, self.inbox = self.outside.tasks, self.outside.directory, self.outside.inbox
        self.source = (
            wiring.rooms()
            .sources.create(
                TERMINAL,
                Draft(
                    handle="hq",
                    kind=vendor,
                    name="总部",
                    cycle_hours=24,
                    settings=self.tenant.settings,
                    secrets={name: Secret(text) for name, text in self.tenant.secrets.items()},
                ),
                activate_gate=False,
            )
            .source
        )
        if guard is not None:
            self.rewrite(guard=guard)
        self.client = Client(switchboard.app)
        self.pusher = self.tenant.subscribe(self.send, trouble or Trouble())
        self._ticks_at = self.clock.now() + TICK
        self._turns = in_turns()

    def __enter__(self) -> Office:
        self._turns.__enter__()
        return self

    def __exit__(self, *why: object) -> None:
        self._turns.__exit__(None, None, None)
        wiring.use(None)
        self.table.close()

    def rewrite(self, **changes: Any) -> None:
        """Put the source in its place with these fields changed; the catalog has no such verb yet."""
        self.source = replace(self.source, **changes)
        self.table.write([Put(item=source_item(self.source))])

    # --- the doors

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Hand a push to the app, through the framework."""
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        response = self.client.http.post(target, headers=dict(headers), body=body)
        return Answer(response.status_code, dict(response.headers), response.body)

    def send_straight(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Hand a push to the room behind the door: a storm is long."""
        parts = urlsplit(url)
        lower = {name.lower(): value for name, value in headers.items()}
        request = HttpRequest(
            method="POST", path=parts.path, headers=lower, query=dict(parse_qsl(parts.query)), body=body
        )
        answer = wiring.receiver("hq", "events").receive(request)
        return Answer(answer.status, dict(answer.headers), answer.body.encode())

    # --- time

    def deliver(self) -> None:
        wiring.deliverer().deliver(self.source.uid, lambda: math.inf)

    def work(self) -> None:
        """Do what the bells ask for now."""
        while True:
            if self.deliveries.heard():
                self.deliver()
            elif self.bell.heard():
                wiring.runner().wake(self.source.uid, lambda: math.inf)
            else:
                return

    def pass_time(self, seconds: float = 0.0) -> None:
        """Let time pass from due to due, with everything that is due done."""
        ends = self.clock.now() + timedelta(seconds=seconds)
        while True:
            self.pusher.push_due()
            if self.clock.now() >= self._ticks_at:
                self._ticks_at = self.clock.now() + TICK
                wiring.deliverer().tick()
            self.work()
            dues = [*self.deliveries.dues, *self.bell.dues, self._ticks_at]
            dues += [self.pusher.next_due] if self.pusher.next_due else []
            due = min(dues, default=ends)
            if due > ends:
                due = ends
            now = self.clock.now()
            if now >= ends and due >= ends and not any(each <= now for each in dues):
                return
            self.clock.sleep((due - now).total_seconds())

    def sync(self) -> SyncTask:
        """Ask for a full sync and work until it has ended."""
        asked = wiring.requests().sync_now(TERMINAL, "hq").task
        while not self.tasks.get(asked.task_id).status.is_over:
            if not self.bell.heard():
                self.clock.sleep(0.5)
            wiring.runner().wake(self.source.uid, lambda: math.inf)
        return self.tasks.get(asked.task_id)

    # --- looking

    def events(self, limit: int = 10_000) -> list[SyncTask]:
        """List the tasks that events caused, oldest first."""
        tasks = self.tasks.recent(self.source.uid, limit)
        return [task for task in reversed(tasks) if task.trigger is Trigger.EVENT]

    def rows(self, *tasks: SyncTask) -> list[SyncRecord]:
        return [row for task in tasks for row in self.tasks.rows(task.task_id)]

    def entries(self) -> dict[Name, Entry]:
        return {
            (entry.key.kind, entry.key.external_id): entry for kind in Kind for entry in self.directory.listing(kind)
        }

    def state(self, person: str) -> State | None:
        entry = self.entries().get((Kind.EMPLOYEE, person))
        return entry.state if entry else None

    def shown(self) -> Mapping[Name, bool]:
        """Tell who is in by the vendor's own reads, which may be late."""
        company = self.tenant.company
        with company.lock, company.as_shown(self.clock.now()):
            shown = self.tenant.facts()
        return {name: name in shown and shown[name]["state"] is not State.LEFT for name in self.tenant.facts()}

    def differences(self) -> list[str]:
        """Compare the directory with the workspace, everybody who ever was in either."""
        entries, facts = self.entries(), self.tenant.facts()
        external = {entry.entry_id: name[1] for name, entry in entries.items()}
        wrong = [f"{name}: nobody knows them" for name in entries.keys() - facts.keys()]
        for name, fact in facts.items():
            entry = entries.get(name)
            if entry is None or entry.state is State.LEFT:
                if fact["state"] is not State.LEFT:
                    wrong.append(f"{name}: missing, should be {fact['state']}")
                continue
            if fact["state"] is State.LEFT:
                wrong.append(f"{name}: {entry.state}, should have left")
                continue
            held = entry.values.get("departments" if name[0] is Kind.EMPLOYEE else "parent")
            ids = held if isinstance(held, tuple) else (held,) if held else ()
            shown = {"name": entry.values["name"], "places": {external.get(str(each)) for each in ids}}
            shown["state"] = entry.state
            wrong += [
                f"{name} {what}: {shown[what]!r}, not {fact[what]!r}" for what in fact if shown[what] != fact[what]
            ]
        return sorted(wrong)

    def waiting_hints(self) -> bool:
        tasks = [task for task in self.tasks.waiting(self.source.uid) if task.lane is Lane.HINTS]
        return bool(tasks or self.inbox.waiting(self.source.uid))
