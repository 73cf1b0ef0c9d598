"""The repository as text and as syntax trees, for rules about it."""

from __future__ import annotations

import ast
import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "chalicelib"


@functools.cache
def kept_files() -> tuple[Path, ...]:
    """List what is in the repository, and what is new and not ignored: it soon will be."""
    command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return tuple(path for name in sorted(set(names)) if name and (path := ROOT / name).is_file())


def modules(folder: str = PROGRAM) -> Iterator[Path]:
    return (path for path in kept_files() if path.suffix == ".py" and path.is_relative_to(ROOT / folder))


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(tree(path))


def at(path: Path, line: int) -> str:
    """Name a place in the way that editors and terminals link."""
    return f"{path.relative_to(ROOT)}:{line}"


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and full name of each thing that a module imports, wherever in it."""
    for node in nodes(path):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, each.name) for each in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                yield from ((node.lineno, f"{module}.{each.name}") for each in names)
            case ast.ImportFrom():
                yield node.lineno, "."


def dotted(node: ast.expr) -> str:
    """Spell `a.b.c` as it stands in the code; anything else is empty."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            return f"{dotted(value)}.{attribute}"
        case _:
            return ""
