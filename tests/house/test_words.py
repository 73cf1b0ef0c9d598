"""What may be written where."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
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
# In parts, so that this page names none of them either.
REGISTRIES = (("pypi", "org"), ("pythonhosted", "org"), ("registry", "npmjs"), ("deb", "debian"))
REGISTRY_HOST = re.compile("|".join(r"\.".join(parts) for parts in REGISTRIES), re.IGNORECASE)


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
    ("pattern", "what"),
    [
        pytest.param(MACHINE_PATH, "a path of one machine", id="machine"),
        pytest.param(REGISTRY_HOST, "a package registry's host", id="registry"),
    ],
)
def test_no_file_is_bound_to_one_place(pattern: re.Pattern[str], what: str) -> None:
    wrong = [
        f"{at(path, number)} names {what}: {line.strip()[:80]}"
        for path, number, line in _lines()
        if pattern.search(line)
    ]
    assert not wrong, "\n".join(wrong)


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
