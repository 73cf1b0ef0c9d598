"""What is asked of the table, in requests and in DynamoDB's units: what a deployment pays for, counted.

The real connectors read a simulated company of a thousand people over HTTP; what happens there, and what somebody says,
comes in through the real door. Everything is counted from whoever asks until nothing waits.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from rich.table import Table

import app as switchboard
from chalicelib import log, wiring
from chalicelib.callbacks.watch import Watch
from chalicelib.core.principal import TERMINAL, Role
from infra import worker
from infra.bench import PUSH_KEY, PUSH_TOKEN, api_of, console, gateway_event, install
from infra.bill import Bill, CountingTable
from infra.lab.dingtalk import DingTalkWorkspace
from infra.lab.lark import LarkWorkspace
from infra.lab.server import LabServer
from infra.lab.wire import Answer

PEOPLE: Final = 1000
DEPARTMENTS: Final = 50
CHANGES: Final = 10
# The lab has no limits here; the client paces itself all the same, so much faster.
_LIMIT_SCALE: Final = "1000"
_EVENTS: Final = "http://127.0.0.1/callbacks/hq/events"

Workspace = LarkWorkspace | DingTalkWorkspace


def store() -> None:
    """Count what the table is asked for by syncs, an event, a command in chat and a tick."""
    table = Table(
        "vendor", "what", "requests to read", "read units", "requests to write", "items written", "write units",
        title=f"The table, {PEOPLE:,} people, {DEPARTMENTS} departments (goal without changes: 30 requests, 60 units)",
        title_justify="left",
    )  # fmt: skip
    for company in (
        LarkWorkspace.generate(7, PEOPLE, DEPARTMENTS),
        DingTalkWorkspace.generate(7, PEOPLE, DEPARTMENTS),
    ):
        vendor = "Lark" if isinstance(company, LarkWorkspace) else "DingTalk"
        for what, bill in counted(company).items():
            counts = (bill.reads, bill.read_units, bill.writes, bill.items_written, bill.write_units)
            table.add_row(vendor, what, *(f"{count:,}" for count in counts))
    console.print(table)
    console.print(
        "counted at the table, from whoever asks, or the door, until nothing waits; units from the sizes of items"
    )


def counted(company: Workspace) -> Mapping[str, Bill]:
    """Let things happen to a company one after the other, and count each."""
    api = api_of(company)
    with tempfile.TemporaryDirectory() as home, LabServer(api, company) as lab:
        api.limits = False
        os.environ |= {"ROLLCALL_HOME": str(Path(home) / "state"), "ROLLCALL_LIMIT_SCALE": _LIMIT_SCALE}
        wiring.use(None)
        install(company, lab)
        log.configure("ERROR")
        table = worker.choose(bills=True)
        assert table is not None  # noqa: S101 - a bill was asked for
        uid = wiring.outside().catalog.source("hq").uid

        def sync() -> None:
            wiring.requests().sync_now(TERMINAL, "hq")
            while (again := wiring.runner().wake(uid, lambda: math.inf)) is not None:
                time.sleep(again)

        def tell() -> None:
            wiring.converser().converse(uid, lambda: math.inf)

        bills = {"first sync": _of(table, sync), "no change": _of(table, sync)}
        for nth in range(CHANGES):
            company.rename(company.some_person(nth * 17 + 1), f"改名{nth}")
        bills["ten changes, in addition"] = _of(table, sync).less(bills["no change"])
        bills["telling of them"] = _of(table, tell)
        push = _door(company)
        company.rename(company.some_person(5), "改名")

        def event() -> None:
            push()
            wiring.deliverer().deliver(uid, lambda: math.inf)

        bills["one event"] = _of(table, event)
        _of(table, tell)
        if isinstance(company, LarkWorkspace):
            bills["one command in chat"] = _command(company, table, push, tell)
        bills["a quiet tick"] = _of(table, _tick)
        worker.leave()
    return bills


def _of(table: CountingTable, work: Callable[[], object]) -> Bill:
    before = table.bill
    work()
    return table.bill.less(before)


def _door(company: Workspace) -> Callable[[], object]:
    """Let the company push into the switchboard; return what pushes all that is due."""

    def send(url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        answer = switchboard.app(gateway_event(url, headers, body), None)
        return Answer(answer["statusCode"], answer["headers"], answer["body"].encode())

    return company.subscribe(_EVENTS, PUSH_KEY, PUSH_TOKEN, send=send).push_due


def _command(
    company: LarkWorkspace, table: CountingTable, push: Callable[[], object], tell: Callable[[], object]
) -> Bill:
    person = company.user(company.some_person(1)).open_id
    wiring.rooms().admins.add(TERMINAL, "hq", person, Role.OWNER)
    company.say(person, "status")

    def answer() -> None:
        push()
        tell()

    return _of(table, answer)


def _tick() -> None:
    """Wake what a minute wakes, but for the look every five minutes at what is behind."""
    for each in wiring.ticking():
        if not isinstance(each, Watch):
            each.tick()
