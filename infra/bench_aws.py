"""What AWS costs a process: to be loaded before the first answer, and for each call after that.

All of it against a stub on the loopback interface that answers at once, so nothing here says how fast AWS is.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from rich.table import Table as Shown

import app as switchboard
from chalicelib import log, wiring
from chalicelib.aws.table import WIDTH, DynamoTable
from chalicelib.core.ports import Absent, Attribute, Item, Put
from chalicelib.local.clock import SystemClock
from chalicelib.local.table import SqliteTable
from infra.bench import PUSH_KEY, PUSH_TOKEN, api_of, console, gateway_event, install
from infra.engines import checking_client, clients_at
from infra.engines.stub import AwsStub, of_table, wire
from infra.lab.dingtalk import DingTalkWorkspace
from infra.lab.lark import LarkWorkspace
from infra.lab.server import LabServer
from infra.lab.wire import Answer

STARTS: Final = 15
ROUNDS: Final = 7
LATENCY_S: Final = 0.01
MANY: Final = 2000
# Of an entry's row, and of a link's, about.
BODY: Final = "x" * 300

_TIMED: Final = """
import json, sys, time
event = json.load(sys.stdin)
began = time.process_time()
{program}
print(1000 * (time.process_time() - began))
"""
CHALICE: Final = "import chalice.app"
APP: Final = "import app"
ANSWERED: Final = """
import app
answer = app.app(event, None)
assert answer["statusCode"] == 200, answer
"""
AWS_AND_AES: Final = """
import chalice.app, boto3
from Crypto.Cipher import AES
session = boto3.session.Session()
for name in ("dynamodb", "secretsmanager", "sqs"):
    session.client(name)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doorway:
    """A deployment's function behind the API, as far as a process can tell; and an event that knocks at its door."""

    environ: Mapping[str, str]
    event: Mapping[str, object]


@contextmanager
def doorway(company: LarkWorkspace | DingTalkWorkspace) -> Iterator[Doorway]:
    """Make a source of a company, catch an event on its way to it, and put a stub in place of all that AWS keeps."""
    before = dict(os.environ)
    caught: list[Mapping[str, object]] = []

    def send(url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        caught.append(gateway_event(url, headers, body))
        answer = switchboard.app(caught[-1], None)
        return Answer(answer["statusCode"], answer["headers"], answer["body"].encode())

    with tempfile.TemporaryDirectory() as home, LabServer(api_of(company), company) as lab:
        try:
            os.environ["ROLLCALL_HOME"] = home
            wiring.use(None)
            install(company, lab)
            log.configure("ERROR")
            pusher = company.subscribe("http://127.0.0.1/callbacks/hq/events", PUSH_KEY, PUSH_TOKEN, send=send)
            company.rename(company.some_person(1), "改名")
            pusher.push_due()
            out = wiring.outside()
            uid = out.catalog.source("hq").uid
            secrets = {name: secret.reveal() for name, secret in out.secrets.get(uid).items()}
            table = SqliteTable(str(Path(home) / "rollcall.db"))
            with AwsStub(of_table(table, secrets)) as stub:
                yield Doorway(environ=_environ(before, stub.url), event=caught[-1])
            table.close()
        finally:
            wiring.use(None)
            os.environ.clear()
            os.environ |= before


def _environ(environ: Mapping[str, str], url: str) -> Mapping[str, str]:
    kept = {name: value for name, value in environ.items() if not name.startswith(("ROLLCALL_", "AWS_"))}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    queues = {f"ROLLCALL_{name}_QUEUE_URL": f"{url}/{name}" for name in ("SYNC", "DELIVER", "CHAT")}
    return {
        **kept,
        **queues,
        "ROLLCALL_STAGE": "dev",
        "ROLLCALL_TABLE": "rollcall-dev",
        "ROLLCALL_LOG_LEVEL": "ERROR",
        "AWS_LAMBDA_FUNCTION_NAME": "rollcall-dev-api_handler",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_ENDPOINT_URL": url,
    }


def cold_import() -> None:
    """Measure what a new process does before its first answer, beside importing just what it cannot do without."""
    table = Shown(
        "what", "CPU ms", "beside", "CPU ms", "ratio", "goal",
        title=f"A cold start: fresh processes, modules compiled before, medians of {STARTS}",
        title_justify="left",
    )  # fmt: skip
    with doorway(LarkWorkspace.generate(3, 300, 30)) as door, tempfile.TemporaryDirectory() as compiled:
        quiet = {name: value for name, value in door.environ.items() if name != "AWS_LAMBDA_FUNCTION_NAME"}
        programs = {
            "chalice": (CHALICE, quiet),
            "app": (APP, quiet),
            "aws": (AWS_AND_AES, quiet),
            "door": (APP, door.environ),
            "answered": (ANSWERED, door.environ),
        }
        took: dict[str, list[float]] = {name: [] for name in programs}
        for nth in range(STARTS + 1):
            for name, (program, environ) in programs.items():
                ms = _fresh(program, {**environ, "PYTHONPYCACHEPREFIX": compiled}, door.event)
                # The first of each compiles.
                took[name] += [ms] if nth else []
    ms_of = {name: statistics.median(each) for name, each in took.items()}
    for what, name, beside, base, goal in (
        ("import app", "app", "import chalice", "chalice", "1.2"),
        ("import app, as the function behind the API", "door", "chalice, boto3 with three clients, AES", "aws", "1.2"),
        ("the same and the first event acknowledged", "answered", "chalice, boto3 with three clients, AES", "aws", ""),
    ):
        ratio = ms_of[name] / ms_of[base]
        table.add_row(what, f"{ms_of[name]:.0f}", beside, f"{ms_of[base]:.0f}", f"{ratio:.2f}", goal)
    console.print(table)


def _fresh(program: str, environ: Mapping[str, str], event: Mapping[str, object]) -> float:
    """Run a program in a process of its own; tell what CPU it took, in milliseconds."""
    command = [sys.executable, "-c", _TIMED.format(program=program)]
    done = subprocess.run(  # noqa: S603 - our own program
        command,
        cwd=Path(switchboard.__file__).parent,
        env=dict(environ),
        input=json.dumps(event),
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def dynamodb_calls() -> None:
    """Measure the CPU of a call of each kind, with botocore looking at each value of a request, and without."""
    table = Shown(
        "call", "CPU us, values looked at", "CPU us", "of an item",
        title=f"CPU of a call to DynamoDB, which answers at once; medians of {ROUNDS} rounds",
        title_justify="left",
    )  # fmt: skip
    # What the bench itself has loaded is no garbage of a call's.
    gc.freeze()
    with AwsStub(_canned()) as stub:
        ours = DynamoTable("rollcall", clients_at(stub.url).dynamodb, clock=SystemClock(), width=1)
        beside = DynamoTable("rollcall", lambda: checking_client(stub.url), clock=SystemClock(), width=1)
        for name, items, times, call in _calls():
            took: dict[DynamoTable, list[float]] = {ours: [], beside: []}
            for _ in range(ROUNDS):
                for each, measured in took.items():
                    measured.append(_cpu_us(partial(call, each), times))
            us = statistics.median(took[ours])
            table.add_row(name, f"{statistics.median(took[beside]):,.0f}", f"{us:,.0f}", f"{us / items:,.0f}")
    console.print(table)
    together = Shown(
        "batches in flight", "written s", "read s",
        title=f"{MANY:,} items, written by batches of 25, read by batches of 100; calls take {LATENCY_S * 1000:.0f} ms",
        title_justify="left",
    )  # fmt: skip
    with AwsStub(_canned(), latency_s=LATENCY_S) as stub:
        for width in (1, 4, WIDTH, 8):
            many = DynamoTable("rollcall", clients_at(stub.url).dynamodb, clock=SystemClock(), width=width)
            wrote = _wall_s(partial(many.write_many, (Put(item=_row(n)) for n in range(MANY))))
            read = _wall_s(partial(many.get_many, [("link#src#01", f"e#{n:09}") for n in range(MANY)]))
            together.add_row(str(width), f"{wrote:.2f}", f"{read:.2f}")
    console.print(together)
    console.print(
        "the stub has a thread of its own in the same process: what it takes is in the seconds, not in the CPU"
    )


def _calls() -> Sequence[tuple[str, int, int, Callable[[DynamoTable], object]]]:
    batch, transaction = [Put(item=_row(n)) for n in range(25)], [Put(item=_row(n), when=Absent()) for n in range(100)]
    places = [(put.item.partition, put.item.sort) for put in transaction]
    return (
        ("get", 1, 200, lambda table: table.get("link#src#01", "e#000000001")),
        ("get_many, 100 items", 100, 20, lambda table: table.get_many(places)),
        ("query, a page of 1,600 items", 1600, 10, lambda table: table.query("link#src#01")),
        ("write_many, 25 items", 25, 60, lambda table: table.write_many(batch)),
        ("write, 1 item", 1, 200, lambda table: table.write(transaction[:1])),
        ("write, 100 items", 100, 20, lambda table: table.write(transaction)),
    )


def _canned() -> Callable[[str, bytes], bytes]:
    items = [wire(_row(n)) for n in range(1600)]
    answers = {
        "GetItem": {"Item": items[0]},
        "BatchGetItem": {"Responses": {"rollcall": items[:100]}},
        "Query": {"Items": items},
    }
    encoded = {name: json.dumps(answer).encode() for name, answer in answers.items()}
    return lambda operation, body: encoded.get(operation, b"{}")


def _row(n: int) -> Item:
    attributes: dict[str, Attribute] = {"body": BODY, "revision": n, "observed_at": "2026-11-22T12:00:00.000000Z"}
    return Item(partition="link#src#01", sort=f"e#{n:09}", attributes=attributes)


def _cpu_us(call: Callable[[], object], times: int) -> float:
    call()
    # Of this thread: the stub's is another one.
    began = time.thread_time()
    for _ in range(times):
        call()
    return 1e6 * (time.thread_time() - began) / times


def _wall_s(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began
