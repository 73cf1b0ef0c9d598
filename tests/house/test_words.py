"""What may be written where."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from tests.house.code import ROOT, at, dotted, kept_files, modules, nodes

# Law 9. The folder that owns each name, below connectors/.
VENDORS = {"lark": "lark", "feishu": "lark", "dingtalk": "dingtalk", "wecom": "wecom"}
VENDOR_NAME = re.compile(rf"(?<![a-z])({'|'.join(VENDORS)})", re.IGNORECASE)
REGISTRY = ROOT / "chalicelib/connectors/__init__.py"
REGISTRY_LINE = re.compile(r'    +"(\w+)": Offer\(')
REGISTRY_END = "    }"

CLOCKS = {"chalicelib/local/clock.py"}
TIME = {
    "date.today",
    "datetime.now",
    "datetime.today",
    "datetime.utcnow",
    "time.monotonic",
    "time.perf_counter",
    "time.sleep",
    "time.time",
}

# Where errors are put into words, and nothing may slip through.
DOORS = {
    "chalicelib/bot/answer.py",
    "chalicelib/callbacks/converse.py",
    "chalicelib/edge.py",
    "chalicelib/local/front.py",
    "chalicelib/local/serve.py",
    "chalicelib/sources/rotate.py",  # tidies up beside the work that waits, and must never stop it
    "chalicelib/sync/run.py",
    "chalicelib/terminal/__main__.py",
}

MACHINE_PATH = re.compile(r"(?<![\w.}-])/(work|root|home)/")
HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.IGNORECASE)
# Two labels that stand side by side in the name of a package registry, by their digests: this page names none either.
REGISTRIES = frozenset({"a4aa2ac280bb8d1a", "8b5bb5eb9d758455", "08d54e49cb09e297", "954ad027ab968ca3"})


def test_a_vendors_name_lives_in_the_vendors_folder() -> None:
    wrong = []
    for path in modules():
        owner = _vendor_folder(path)
        registered: re.Match[str] | None = None
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if path == REGISTRY:
                # An entry ends where the next one begins, or the table does.
                registered = None if line == REGISTRY_END else REGISTRY_LINE.match(line) or registered
            home = registered[1] if registered else owner
            wrong += [
                f"{at(path, number)} says {name!r}: {line.strip()[:80]}"
                for name in VENDOR_NAME.findall(line)
                if VENDORS[name.lower()] != home
            ]
        if owner is None and VENDOR_NAME.search(str(path.relative_to(ROOT))):
            wrong.append(f"{path.relative_to(ROOT)} is named for a vendor")
    assert not wrong, "\n".join(wrong)


def test_only_the_clock_tells_the_time() -> None:
    wrong = [
        f"{at(path, node.lineno)} calls {dotted(node.func)}"
        for path in modules()
        if str(path.relative_to(ROOT)) not in CLOCKS
        for node in nodes(path)
        if isinstance(node, ast.Call) and ".".join(dotted(node.func).split(".")[-2:]) in TIME
    ]
    assert not wrong, "\n".join(wrong)


def test_only_the_doors_catch_every_error() -> None:
    wrong = [
        f"{at(path, handler.lineno)} catches everything; catch what can be dealt with, and let the doors have the rest"
        for path in modules()
        if str(path.relative_to(ROOT)) not in DOORS
        for handler in nodes(path)
        if isinstance(handler, ast.ExceptHandler) and _catches_all(handler) and not _only_cleans_up(handler)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("is_bound", "what"),
    [
        pytest.param(lambda line: MACHINE_PATH.search(line), "a path of one machine", id="machine"),
        pytest.param(lambda line: _names_a_registry(line), "a package registry's host", id="registry"),
    ],
)
def test_no_file_is_bound_to_one_place(is_bound: Callable[[str], object], what: str) -> None:
    wrong = [
        f"{at(path, number)} names {what}: {line.strip()[:80]}" for path, number, line in _lines() if is_bound(line)
    ]
    assert not wrong, "\n".join(wrong)


def test_a_registry_is_known_by_its_host() -> None:
    assert _names_a_registry("https://files.{}.{}/x".format("PythonHosted", "org"))
    assert not _names_a_registry("https://example.org/simple")


def _names_a_registry(line: str) -> bool:
    hosts = (match[0].lower().split(".") for match in HOST.finditer(line))
    return any(_digest(".".join(pair)) in REGISTRIES for labels in hosts for pair in pairwise(labels))


@cache
def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _vendor_folder(path: Path) -> str | None:
    parts = path.relative_to(ROOT).parts
    return parts[2].removesuffix(".py") if parts[1] == "connectors" and len(parts) > 2 else None


def _catches_all(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or dotted(kind) in ("Exception", "BaseException") for kind in kinds)


def _only_cleans_up(handler: ast.ExceptHandler) -> bool:
    return isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None


def _lines() -> Iterator[tuple[Path, int, str]]:
    for path in kept_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            yield path, number, line
