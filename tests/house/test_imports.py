"""What is loaded when, and by whom. Who may import whom among the rooms is in .importlinter."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest

from chalicelib import wiring
from infra.bench_aws import Doorway, doorway
from infra.lab.dingtalk import DingTalkWorkspace
from infra.lab.lark import LarkWorkspace
from tests.house.code import ROOT, at, imported, modules, tree

SWITCHBOARD = ROOT / "app.py"
LONGEST_BODY = 3
# The rooms that a cold start may load: `api_handler` has a second to answer.
LIGHT = ("app", "chalicelib.core", "chalicelib.core.errors", "chalicelib.edge", "chalicelib.log", "chalicelib.wiring")
# Of chalice only the part that is shipped, which needs nothing else.
LIGHT_OF_CHALICE = {"chalice", "chalice.app"}
# Of the standard library, but only one engine needs it; or it describes dataclasses, which takes longer than chalice.
HEAVY_STANDARD = {"asyncio", "dataclasses", "multiprocessing", "sqlite3"}

LISTING = """
import sys
before = set(sys.modules)
import app
import json
print(json.dumps(sorted(set(sys.modules) - before)))
"""


# What acknowledging a callback may load besides: AWS, and what opens what was sealed.
OF_THE_DOOR = {"Crypto", "botocore", "certifi", "cffi", "dateutil", "jmespath", "six", "urllib3"}
# Which cffi loads where it is installed; in a deployment it is not.
OF_CFFI = {"_cffi_backend", "pycparser"}
# The rooms that take in a callback, but not those that work it off, talk to people, or call a vendor.
NOT_OF_THE_DOOR = (
    *("chalicelib.bot", "chalicelib.notices", "chalicelib.pages", "chalicelib.sources", "chalicelib.sync"),
    *("chalicelib.terminal", "chalicelib.local.table", "chalicelib.connectors.session", "chalicelib.store.directory"),
    *("chalicelib.store.tasks", "httpx", "pydantic", "jinja2", "multipart", "cronsim", "rich"),
)

AT_THE_DOOR = """
import sys
before = set(sys.modules)
import app
loaded = set(sys.modules)
if "botocore.session" in loaded:
    sys.modules["botocore.session"].Session.create_client = None  # they are all made
import json
answer = app.app(json.load(sys.stdin), None)
print(json.dumps({
    "status": answer["statusCode"], "at init": sorted(loaded - before), "later": sorted(set(sys.modules) - loaded)
}))
"""


def listed(program: str, environ: Mapping[str, str], said: str = "") -> Any:
    """Run a program in a process of its own, and read the last that it prints."""
    done = subprocess.run(
        (sys.executable, "-c", program), cwd=ROOT, env=dict(environ), input=said, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def bare() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("ROLLCALL_", "AWS_"))}


def loaded_of(names: Iterable[str], rooms: Iterable[str]) -> set[str]:
    return {name for name in names if any(name == room or name.startswith(f"{room}.") for room in rooms)}


@pytest.fixture(scope="module", params=[LarkWorkspace, DingTalkWorkspace])
def door(request: pytest.FixtureRequest) -> Iterator[Doorway]:
    with doorway(request.param.generate(3, 20, 4)) as found:
        yield found


def test_the_function_behind_the_api_loads_at_init_what_its_first_event_needs(door: Doorway) -> None:
    found = listed(AT_THE_DOOR, door.environ, json.dumps(door.event))
    assert found["status"] == 200
    assert {"botocore.session", "Crypto.Cipher.AES", "chalicelib.aws.table"} <= set(found["at init"])
    foreign = {name.split(".")[0] for name in [*found["at init"], *found["later"]]} - sys.stdlib_module_names
    assert foreign <= {"app", "chalice", "chalicelib"} | OF_THE_DOOR | OF_CFFI
    assert not loaded_of([*found["at init"], *found["later"]], NOT_OF_THE_DOOR)
    # Nothing of ours, and of others only the standard library's codecs and the like.
    assert not {name for name in found["later"] if name.split(".")[0] not in sys.stdlib_module_names}


@pytest.mark.parametrize("function", ["tick", "deliver", "converse", "run_sync", ""])
def test_no_other_function_loads_anything_at_init(door: Doorway, function: str) -> None:
    environ = {**door.environ, "AWS_LAMBDA_FUNCTION_NAME": f"rollcall-dev-{function}"}
    assert not loaded_of(listed(LISTING, environ), ["botocore", "Crypto", "chalicelib.store", "chalicelib.connectors"])


def test_a_function_that_lacks_a_setting_starts_and_says_so_at_its_door(door: Doorway) -> None:
    environ = {name: value for name, value in door.environ.items() if name != "ROLLCALL_TABLE"}
    assert listed(AT_THE_DOOR, environ, json.dumps(door.event))["status"] == 500


def test_what_preloads_is_the_function_that_is_deployed_under_that_name() -> None:
    merged = json.loads((ROOT / "infra/aws/merge.json").read_text(encoding="utf-8"))
    names = [
        each["Properties"]["FunctionName"]["Fn::Sub"]
        for each in merged["Resources"].values()
        if "FunctionName" in each.get("Properties", {})
    ]
    assert [name for name in names if name.endswith(wiring._PRELOADED)] == ["rollcall-${Stage}-api_handler"]


def test_a_cold_start_loads_chalice_and_the_standard_library_only() -> None:
    loaded = set(listed(LISTING, bare()))

    ours = {name for name in loaded if name.split(".")[0] in ("app", "chalicelib")} - {"chalicelib"}
    heavy_rooms = ours - set(LIGHT)
    foreign = {name for name in loaded - ours if name.split(".")[0] not in sys.stdlib_module_names} - {"chalicelib"}
    assert not heavy_rooms, f"`import app` loads {sorted(heavy_rooms)}"
    assert foreign == LIGHT_OF_CHALICE, f"`import app` loads {sorted(foreign ^ LIGHT_OF_CHALICE)}"
    assert not loaded & HEAVY_STANDARD, f"`import app` loads {sorted(loaded & HEAVY_STANDARD)}"


def test_the_switchboard_reads_like_a_timetable() -> None:
    wrong = []
    for node in tree(SWITCHBOARD).body:
        if isinstance(node, ast.FunctionDef):
            lines = (node.end_lineno or 0) - node.body[0].lineno + 1
            if lines > LONGEST_BODY:
                wrong.append(f"{at(SWITCHBOARD, node.lineno)} {node.name} has a body of {lines} lines")
    for line, name in imported(SWITCHBOARD):
        top = name.split(".")[0]
        is_allowed = top in sys.stdlib_module_names or name in ("chalicelib.edge", "chalicelib.wiring")
        if not is_allowed and not name.startswith("chalice.app."):
            wrong.append(f"{at(SWITCHBOARD, line)} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_core_is_the_standard_library_alone() -> None:
    wrong = [
        f"{at(path, line)} imports {name}"
        for path in modules("chalicelib/core")
        for line, name in imported(path)
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith("chalicelib.core")
    ]
    assert not wrong, "\n".join(wrong)
