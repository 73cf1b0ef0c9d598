"""`make bench`: what a full sync and what events cost, in calls, writes, seconds and bytes, beside the least possible.

The real program reads a simulated Lark and a simulated DingTalk over HTTP on the loopback interface, under the labs'
own limits. The optimum is what the vendor's rate limit alone needs for the calls of the API that is called most, from
the first of them to the last: 50 at once, 50 a second later, and so on. Not in it, but in what is measured beside it:
the token, the answers of the first calls before anything is known and of the last one, the client's margin against
jitter, planning, and writing the directory. Nothing here fails a build: figures are printed with what they were
measured on.
"""

from __future__ import annotations

import math
import os
import platform
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
from rich.console import Console
from rich.table import Table

import app as switchboard
from chalicelib import log, wiring
from chalicelib.core.model import Key, Kind, State
from chalicelib.core.principal import TERMINAL
from chalicelib.core.secret import Secret
from chalicelib.core.task import Everything, Only, SyncTask, Tally, Trigger
from chalicelib.sources.draft import Draft
from infra.lab.dingtalk import DingTalkApi, DingTalkWorkspace
from infra.lab.lark import LarkApi, LarkWorkspace
from infra.lab.server import LabServer
from infra.lab.wire import Answer

console = Console(highlight=False, width=150)
PAGE = 50
PER_SECOND, PER_MINUTE = 50, 1000
LATENCY_S = 0.02
EVENT_LATENCY_S = 0.08
EVENTS_QUIET = 40
# The full sync that runs beside is shortened by as much, or it would take minutes.
EVENT_RATE_SCALE = 2.0
# What the vendors' consoles hand out; DingTalk wants 43 characters, and letters and digits.
PUSH_KEY, PUSH_TOKEN = "k" * 43, "bench0token"

LISTSUB, USER_LIST, USER_GET = "departments.listsub", "users.list", "users.get"
DINGTALK_PAGE, DINGTALK_PER_SECOND = 100, 20
ACKNOWLEDGED = 3000
STORM_EVENTS, STORM_S = 5000, 60.0


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
            install(self.company, lab)
            yield self

    def sync(self) -> Run:
        return full_sync(self.api)

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
        title="Lark: calls and writes of a full sync", title_justify="left",
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
        title=f"Lark: first sync under {PER_SECOND}/s and {PER_MINUTE}/min (goal: ratio 1.15, throttled 1 %)",
        title_justify="left",
    )  # fmt: skip
    with Bench(10_000, 1000, limits=True).installed() as bench:
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


class DingTalkBench:
    """A DingTalk company in a lab, and one installation of Rollcall."""

    def __init__(
        self, people: int, departments: int, *, details: int, limits: bool, latency_s: float = 0.0, scale: float = 1.0
    ) -> None:
        self.company = DingTalkWorkspace.generate(seed=5, people=people, departments=departments)
        self.api = DingTalkApi(self.company, limits=limits, latency_s=latency_s)
        self.details, self.scale = details, scale

    def first_sync(self) -> Run:
        with tempfile.TemporaryDirectory() as home, LabServer(self.api, self.company) as lab:
            os.environ |= {"ROLLCALL_HOME": home, "ROLLCALL_LIMIT_SCALE": str(self.scale)}
            wiring.use(None)
            install(self.company, lab, details=self.details)
            return full_sync(self.api)

    def least_calls(self) -> tuple[int, int]:
        """Count by the contract's formula, D departments and the root: D + 1 lists of children; pages of members."""
        departments = [key for key, each in self.company.departments.items() if not each.deleted]
        pages = [math.ceil(len(self.company.members(key)) / DINGTALK_PAGE) for key in departments]
        return len(departments), sum(max(1, each) for each in pages)


def install(company: LarkWorkspace | DingTalkWorkspace, lab: LabServer, *, details: int = 0) -> None:
    """Create the source "hq" for a company."""
    if isinstance(company, LarkWorkspace):
        kind, settings = "lark", {"app_id": company.app_id, "base_url": lab.url}
        keys = {"encrypt_key": PUSH_KEY, "verification_token": PUSH_TOKEN}
    else:
        kind, settings = "dingtalk", {"app_key": company.app_key, "corp_id": company.corp_id}
        settings |= {"oapi_url": lab.url, "api_url": lab.url, "daily_details": str(details)}
        keys = {"aes_key": PUSH_KEY, "token": PUSH_TOKEN}
    secrets = {name: Secret(text) for name, text in {"app_secret": company.app_secret, **keys}.items()}
    draft = Draft(handle="hq", kind=kind, name="Bench", settings=settings, secrets=secrets)
    wiring.rooms().sources.create(TERMINAL, draft, activate_gate=False)


def full_sync(api: LarkApi | DingTalkApi) -> Run:
    api.reset_calls()
    wall, cpu = time.monotonic(), time.process_time()
    asked = wiring.requests().sync_now(TERMINAL, "hq")
    while (again := wiring.runner().wake(asked.task.source, lambda: math.inf)) is not None:
        time.sleep(again)
    return Run(
        task=wiring.outside().tasks.get(asked.task.task_id),
        calls=dict(api.calls),
        throttled=sum(api.throttled.values()),
        wall_s=time.monotonic() - wall,
        cpu_s=time.process_time() - cpu,
    )


def dingtalk_calls() -> None:
    table = Table(
        "people", "departments", "listsub", "(formula)", "user/list", "(formula)", "token", "range", "all others",
        "user/get within the daily budget",
        title="DingTalk: calls of a first full sync", title_justify="left",
    )  # fmt: skip
    for people, departments in ((800, 60), (3000, 300), (10_000, 1000)):
        bench = DingTalkBench(people, departments, details=1000, limits=False, scale=50.0)
        run, (children, members) = bench.first_sync(), bench.least_calls()
        calls = Counter(run.calls)
        told = [calls.pop(name, 0) for name in (LISTSUB, USER_LIST, "auth.corp_token", "auth.scopes", USER_GET)]
        shown = (people, children - 1, told[0], children, told[1], members, told[2], told[3], calls.total(), told[4])
        table.add_row(*(f"{each:,}" for each in shown))
    console.print(table)


def dingtalk_wall_time() -> None:
    table = Table(
        "latency ms", "departments", "listsub", "user/list", "throttled", "wall s", "optimum s", "ratio",
        title=f"DingTalk: first sync of 3,000 people under {DINGTALK_PER_SECOND}/s for each API (goal: ratio 1.15)",
        title_justify="left",
    )  # fmt: skip
    for latency_ms in (30, 100, 250):
        bench = DingTalkBench(3000, 300, details=0, limits=True, latency_s=latency_ms / 1000)
        run = bench.first_sync()
        most = max(run.calls[LISTSUB], run.calls[USER_LIST])
        least_s = (most - 1) // DINGTALK_PER_SECOND
        table.add_row(
            *(str(latency_ms), str(bench.least_calls()[0] - 1), str(run.calls[LISTSUB]), str(run.calls[USER_LIST])),
            *(str(run.throttled), f"{run.wall_s:.1f}", f"{least_s:.1f}", f"{run.wall_s / least_s:.2f}"),
        )
    console.print(table)


def acknowledging() -> None:
    """Measure what the door costs: from the event of API Gateway to the answer, in one thread, nobody else at work."""
    table = Table(
        "vendor", "requests", "mean ms", "median ms", "p95 ms",
        title="CPU of one acknowledged event",
        title_justify="left",
    )  # fmt: skip
    for company in (LarkWorkspace.generate(3, 300, 30), DingTalkWorkspace.generate(3, 300, 30)):
        took_ms: list[float] = []

        def send(url: str, headers: Mapping[str, str], body: bytes, took_ms: list[float] = took_ms) -> Answer:
            event = gateway_event(url, headers, body)
            began = time.process_time()
            answer = switchboard.app(event, None)
            took_ms.append(1000 * (time.process_time() - began))
            return Answer(answer["statusCode"], answer["headers"], answer["body"].encode())

        with tempfile.TemporaryDirectory() as home, LabServer(api_of(company), company) as lab:
            os.environ |= {"ROLLCALL_HOME": home}
            wiring.use(None)
            install(company, lab)
            log.configure("ERROR")
            pusher = company.subscribe("http://127.0.0.1/callbacks/hq/events", PUSH_KEY, PUSH_TOKEN, send=send)
            for number in range(ACKNOWLEDGED):
                company.rename(company.some_person(number), f"改名{number}")
                pusher.push_due()
            acknowledged = pusher.counters["acknowledged"]
        ordered = sorted(took_ms[1:])  # the first is the check of the URL, which imports
        median, p95, _ = figures(ordered)
        kind = "Lark" if isinstance(company, LarkWorkspace) else "DingTalk"
        table.add_row(kind, f"{acknowledged:,}", *(f"{each:.2f}" for each in (statistics.mean(ordered), median, p95)))
    console.print(table)
    console.print("from the gateway's request to the answer of POST /callbacks/hq/events: proven, stored, rung for")


def api_of(company: LarkWorkspace | DingTalkWorkspace) -> LarkApi | DingTalkApi:
    return LarkApi(company) if isinstance(company, LarkWorkspace) else DingTalkApi(company)


def gateway_event(url: str, headers: Mapping[str, str], body: bytes) -> dict[str, object]:
    """Word a request as API Gateway hands it to a function."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    resource = "/callbacks/{source}/{door}"
    return {
        "resource": resource,
        "path": parts.path,
        "httpMethod": "POST",
        "headers": dict(headers),
        "multiValueHeaders": {name: [each] for name, each in headers.items()},
        "queryStringParameters": query,
        "multiValueQueryStringParameters": {name: [each] for name, each in query.items()},
        "pathParameters": {"source": "hq", "door": "events"},
        "stageVariables": None,
        "requestContext": {"resourcePath": resource, "httpMethod": "POST", "path": parts.path, "identity": {}},
        "body": body.decode(),
        "isBase64Encoded": False,
    }


class Serving:
    """`rollcall serve` beside a company that pushes to it."""

    def __init__(self, company: LarkWorkspace | DingTalkWorkspace, lab: LabServer, home: Path) -> None:
        self.company = company
        self._environ = {**os.environ, "ROLLCALL_HOME": str(home), "ROLLCALL_LIMIT_SCALE": str(EVENT_RATE_SCALE)}
        os.environ |= {"ROLLCALL_HOME": str(home), "ROLLCALL_LIMIT_SCALE": "50"}
        wiring.use(None)
        install(company, lab)

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
            pusher = self.company.subscribe(url, PUSH_KEY, PUSH_TOKEN)
            pusher.start()
            yield
            self.company.unsubscribe()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def event_to_directory(company: LarkWorkspace, number: int) -> float:
    """Rename or let go of somebody; tell after how many seconds the directory says so."""
    directory = wiring.outside().directory
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
            quiet = [event_to_directory(company, 500 + number) for number in range(EVENTS_QUIET)]
            asked = requests.sync_now(TERMINAL, "hq").task
            loud = list(beside(company, lambda: not tasks.get(asked.task_id).status.is_over))
    for name, seconds in (("nothing else runs", quiet), ("a full sync of 10,000 people runs", loud)):
        table.add_row(name, str(len(seconds)), *(f"{each:.2f}" for each in figures(seconds)))
    console.print(table)


def storms() -> None:
    """Let five thousand events happen within a minute, and count what they became."""
    table = Table(
        "vendor", "people", "events", "pushed", "departure tasks", "reading tasks", "full syncs", "keys read",
        "claims", "first departure s", "longest until taken s", "worked off after s",
        title=f"A storm: {STORM_EVENTS:,} events within a minute, calls take {EVENT_LATENCY_S * 1000:.0f} ms",
        title_justify="left",
    )  # fmt: skip
    for company in (LarkWorkspace.generate(9, 3000, 300), DingTalkWorkspace.generate(9, 3000, 300)):
        api = api_of(company)
        with tempfile.TemporaryDirectory() as home, LabServer(api, company) as lab:
            api.limits = False
            served = Serving(company, lab, Path(home) / "state")
            full_sync(api)
            api.latency_s = EVENT_LATENCY_S
            with served.serving():
                table.add_row(*storm(company))
    console.print(table)


def storm(company: LarkWorkspace | DingTalkWorkspace) -> Sequence[str]:
    """Make a storm and wait until it is worked off."""
    out = wiring.outside()
    source = out.catalog.source("hq").uid
    began = out.clock.now()
    pusher = company.pusher
    assert pusher is not None  # noqa: S101 - subscribed before
    company.storm(STORM_EVENTS, seed=9, within_s=STORM_S)
    ended = out.clock.now()
    until(lambda: not (pusher.pending or out.inbox.waiting(source) or out.tasks.waiting(source)), seconds=400)
    rested = out.clock.now()
    tasks = [task for task in out.tasks.recent(source, 10_000) if task.trigger is Trigger.EVENT]
    small = [(task, task.extent) for task in tasks if isinstance(task.extent, Only)]
    departures = [(task, only) for task, only in small if only.claims]
    claims = [(task.asked_at, claim) for task, only in departures for claim in only.claims if not claim.looks]
    waits = [asked_at - claim.at for asked_at, claim in claims]
    first = min((asked_at for asked_at, _ in claims), default=began) - min(
        (each.at for _, each in claims), default=began
    )
    kind = "Lark" if isinstance(company, LarkWorkspace) else "DingTalk"
    return [
        kind,
        "3,000",
        f"{pusher.counters['events']:,} in {(ended - began).total_seconds():.0f} s",
        f"{pusher.counters['pushed']:,}",
        str(len(departures)),
        str(sum(1 for _, only in small if only.keys)),
        str(sum(isinstance(task.extent, Everything) for task in tasks)),
        str(sum(len(only.keys) for _, only in small)),
        str(len(claims)),
        f"{first.total_seconds():.1f}",
        f"{max(waits, default=timedelta()).total_seconds():.1f}",
        f"{(rested - ended).total_seconds():.0f}",
    ]


def beside(company: LarkWorkspace, runs: Callable[[], bool]) -> Iterator[float]:
    number = 0
    while runs():
        seconds = event_to_directory(company, number)
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
    from infra import bench_aws, bench_chat, bench_scale, bench_store  # which are built on this module

    cores = os.cpu_count()
    console.print(
        f"Measured on {cores} cores, {platform.machine()}, Python {platform.python_version()}, SQLite on disk;"
    )
    console.print("the lab runs in the same process, so CPU seconds include the simulated vendor's.\n")
    sections = (
        *(calls_and_writes, wall_time, dingtalk_calls, dingtalk_wall_time),
        *(acknowledging, bench_aws.cold_import, events, storms),
        bench_chat.chat,
        bench_aws.dynamodb_calls,
        bench_store.store,
        bench_scale.scale,
        bench_scale.scale_dynamodb,
    )
    wanted = set(sys.argv[1:])
    for section in sections:
        if not wanted or section.__name__ in wanted:
            section()
            console.print()
    console.print(f"peak memory of the whole bench {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
