"""What people in a chat wait for: their answer, and the acknowledgement of a press."""

from __future__ import annotations

import math
import os
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rich.table import Table

import app as switchboard
from chalicelib import log, wiring
from chalicelib.core.principal import TERMINAL, Role
from infra.bench import PUSH_KEY, PUSH_TOKEN, Serving, console, figures, gateway_event, install, until
from infra.lab.lark import LarkApi, LarkWorkspace
from infra.lab.server import LabServer
from infra.lab.wire import Answer, JsonObject

TYPED: Final = 40
PRESSES: Final = 1000
# What a call to the vendor takes, there and back.
LATENCY_S: Final = 0.05


def chat() -> None:
    """Measure from what is typed to its answer at the vendor, and the CPU of acknowledging a press."""
    _typed()
    console.print()
    _pressed()


def _typed() -> None:
    table = Table(
        "command", "typed", "median s", "p95 s", "most s",
        title=f"Typed to answered, calls take {LATENCY_S * 1000:.0f} ms (goal: p95 1 s)",
        title_justify="left",
    )  # fmt: skip
    company = LarkWorkspace.generate(seed=7, people=300, departments=30)
    api = LarkApi(company, latency_s=LATENCY_S)
    with tempfile.TemporaryDirectory() as home, LabServer(api, company) as lab:
        served = Serving(company, lab, Path(home) / "state")
        person = _an_owner(company)
        tasks = wiring.outside().tasks
        with served.serving():
            took: dict[str, list[float]] = {"sync now hq": [], "help": []}
            for _ in range(TYPED):
                for command, seconds in took.items():
                    seconds.append(_answered_in(company, person, command))
                # Another sync of its own for each command that asks for one.
                until(lambda: all(task.status.is_over for task in tasks.recent(None, 1)), seconds=60)
    for command, seconds in took.items():
        table.add_row(command, str(len(seconds)), *(f"{each:.2f}" for each in figures(seconds)))
    console.print(table)
    console.print("from the person's message, pushed to the door over HTTP, to the bot's reply at the vendor")


def _answered_in(company: LarkWorkspace, person: str, command: str) -> float:
    """Let somebody type a command to the bot alone; tell after how many seconds it had answered."""
    began = time.monotonic()
    message = company.say(person, command)
    until(lambda: any(each["answers"] == message for each in _by_the_bot(company)), step_s=0.005)
    return time.monotonic() - began


def _pressed() -> None:
    table = Table(
        "vendor", "presses", "mean ms", "median ms", "p95 ms",
        title="CPU of one acknowledged press",
        title_justify="left",
    )  # fmt: skip
    company = LarkWorkspace.generate(3, 300, 30)
    took_ms: list[float] = []

    def send(url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        event = gateway_event(url, headers, body)
        began = time.process_time()
        answer = switchboard.app(event, None)
        took_ms.append(1000 * (time.process_time() - began))
        return Answer(answer["statusCode"], answer["headers"], answer["body"].encode())

    with tempfile.TemporaryDirectory() as home, LabServer(LarkApi(company), company) as lab:
        os.environ |= {"ROLLCALL_HOME": home}
        wiring.use(None)
        install(company, lab)
        log.configure("ERROR")
        person = _an_owner(company)
        pusher = company.subscribe("http://127.0.0.1/callbacks/hq/events", PUSH_KEY, PUSH_TOKEN, send=send)
        company.connect_chat("http://127.0.0.1/callbacks/hq/cards", PUSH_KEY, PUSH_TOKEN, send=send)
        company.say(person, "hello")
        pusher.push_due()
        uid = wiring.outside().catalog.source("hq").uid
        wiring.converser().converse(uid, lambda: math.inf)
        (card,) = _by_the_bot(company)
        took_ms.clear()
        for _ in range(PRESSES):
            company.press(person, str(card["message"]), "Sync now")
        if len(wiring.outside().chats.waiting(uid)) != PRESSES:
            raise SystemExit("not every press was kept")
    table.add_row(
        "Lark", f"{len(took_ms):,}", *(f"{each:.2f}" for each in (statistics.mean(took_ms), *figures(took_ms)[:2]))
    )
    console.print(table)
    console.print("from the gateway's request to the toast of POST /callbacks/hq/cards: proven, stored, rung for")


def _an_owner(company: LarkWorkspace) -> str:
    person = company.user(company.some_person(1)).open_id
    wiring.rooms().admins.add(TERMINAL, "hq", person, Role.OWNER)
    return person


def _by_the_bot(company: LarkWorkspace) -> list[JsonObject]:
    return [each for each in company.messages() if not each["by"]]
