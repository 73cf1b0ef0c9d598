"""What a process loads that does nothing but acknowledge: it has a second, or less, from a cold start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from chalicelib.core.secret import Secret
from chalicelib.local.clock import SystemClock
from chalicelib.local.secrets import FileSecrets
from chalicelib.local.table import SqliteTable
from chalicelib.store.catalog import TableCatalog
from tests.callbacks.scene import CORP_ID, DINGTALK, LARK, SECRETS, SOURCES
from tests.callbacks.talks import DINGTALK_CARD_SECRET, dingtalk_message, dingtalk_press, lark_message, lark_press
from tests.callbacks.vendors import Push
from tests.house.code import ROOT

PROGRAM = """
import json, sys
import app
push = json.load(sys.stdin)
event = {
    "resource": "/callbacks/{source}/{door}", "path": push["path"], "httpMethod": "POST",
    "headers": push["headers"], "multiValueHeaders": {name: [each] for name, each in push["headers"].items()},
    "queryStringParameters": push["query"],
    "multiValueQueryStringParameters": {name: [each] for name, each in push["query"].items()},
    "pathParameters": push["parameters"], "stageVariables": None,
    "requestContext": {
        "resourcePath": "/callbacks/{source}/{door}", "httpMethod": "POST", "path": push["path"], "identity": {},
    },
    "body": push["body"], "isBase64Encoded": False,
}
answer = app.app(event, None)
print(json.dumps([answer["statusCode"], sorted(sys.modules)]))
"""
HEAVY = {"asyncio", "boto3", "botocore", "httpx", "jinja2", "multiprocessing", "pydantic", "rich"}
# pycryptodome uses cffi where that happens to be installed, as here for the tools; it is not packaged.
OF_CRYPTO = {"Crypto", "_cffi_backend", "cffi", "pycparser"}
# Rooms that do not belong on the way to an acknowledgement.
FAR_ROOMS = ("bot", "callbacks.converse", "connectors.session", "notices", "scim", "sources", "sync")


SECRET = SECRETS["branch"]["app_secret"]
PUSHES: dict[str, tuple[str, str, Callable[[datetime], Push]]] = {
    "lark event": (
        "hq",
        "events",
        lambda now: LARK.push(LARK.event("e1", "contact.user.updated_v3", {"object": {"union_id": "on_ann"}}), now),
    ),
    "dingtalk event": (
        "branch",
        "events",
        lambda now: DINGTALK.push(b'{"EventType":"user_modify_org","UserId":["ann"]}', now),
    ),
    "lark message": ("hq", "events", lambda now: lark_message(LARK, now, "om_1", "sync now hq")),
    "lark press": ("hq", "cards", lambda now: lark_press(LARK, now, "ev_1", "sync now hq")),
    "dingtalk message": ("branch", "chat", lambda now: dingtalk_message(SECRET, now, "m1", "help", corp=CORP_ID)),
    "dingtalk press": ("branch", "cards", lambda now: dingtalk_press(now, "sync now hq", corp=CORP_ID)),
}


@pytest.mark.parametrize("pushed", PUSHES)
def test_an_acknowledgement_loads_cryptography_and_nothing_else_of_others(tmp_path: Path, pushed: str) -> None:
    handle, door, make = PUSHES[pushed]
    source, now = SOURCES[handle], SystemClock().now()
    table = SqliteTable(str(tmp_path / "rollcall.db"))
    TableCatalog(table=table).add(source)
    table.close()
    secrets = {name: Secret(text) for name, text in SECRETS[handle].items()}
    secrets["card_api_secret"] = Secret(DINGTALK_CARD_SECRET)
    FileSecrets(tmp_path / "secrets.json").put(source.uid, secrets)
    status, modules = acknowledge(tmp_path, handle, door, make(now))
    assert status == 200
    packages = {name.split(".")[0] for name in modules}
    assert not packages & HEAVY
    assert packages - sys.stdlib_module_names - {"__main__", "app", "chalicelib"} <= {"chalice", *OF_CRYPTO, *STARTED}
    far = {f"chalicelib.{room}" for room in FAR_ROOMS} & set(modules)
    assert not far


def acknowledge(home: Path, handle: str, door: str, push: Push) -> tuple[int, list[str]]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("ROLLCALL_", "AWS_"))}
    told = {
        "path": f"/callbacks/{handle}/{door}",
        "parameters": {"source": handle, "door": door},
        "headers": dict(push.headers),
        "query": dict(push.query),
        "body": push.body.decode(),
    }
    done = subprocess.run(
        (sys.executable, "-c", PROGRAM),
        cwd=ROOT,
        env={**environ, "ROLLCALL_HOME": str(home)},
        input=json.dumps(told),
        capture_output=True,
        text=True,
        check=True,
    )
    status, modules = json.loads(done.stdout)
    return status, modules


def _started() -> frozenset[str]:
    """List what an interpreter of this environment loads by itself."""
    program = "import sys; print(*sys.modules)"
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=True)
    return frozenset(name.split(".")[0] for name in done.stdout.split())


STARTED = _started()
