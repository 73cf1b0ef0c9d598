"""What is loaded when, and by whom. Who may import whom among the rooms is in .importlinter."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys

from tests.house.code import ROOT, at, imported, modules, tree

SWITCHBOARD = ROOT / "app.py"
LONGEST_BODY = 3
# The rooms that a cold start may load: `api_handler` has a second to answer.
LIGHT = ("app", "chalicelib.core", "chalicelib.edge", "chalicelib.log", "chalicelib.settings", "chalicelib.wiring")
# Of chalice only the part that is shipped, which needs nothing else.
LIGHT_OF_CHALICE = {"chalice", "chalice.app"}
# Of the standard library, but at most one engine needs it.
HEAVY_STANDARD = {"asyncio", "multiprocessing", "sqlite3"}

LISTING = """
import sys
before = set(sys.modules)
import app
import json
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_a_cold_start_loads_chalice_and_the_standard_library_only() -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("ROLLCALL_", "AWS_"))}
    listing = subprocess.run(
        (sys.executable, "-c", LISTING), cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(listing.stdout))

    ours = {name for name in loaded if name.split(".")[0] in ("app", "chalicelib")} - {"chalicelib"}
    heavy_rooms = {name for name in ours if not any(name == each or name.startswith(f"{each}.") for each in LIGHT)}
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
