"""A desk with a shell: `rollcall` in this process or in one of its own, and a simulated vendor on the loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.local.table import SqliteTable
from chalicelib.store.catalog import TableCatalog
from chalicelib.terminal.__main__ import run
from infra.lab.lark import LarkApi, LarkWorkspace
from infra.lab.server import LabServer

ROOT = Path(__file__).resolve().parents[2]
# A clean language, no waiting for a simulated vendor's limits, and a lease that a killed worker does not hold for long.
ENVIRONMENT = {"LANG": "en_US.UTF-8", "ROLLCALL_LIMIT_SCALE": "1000", "ROLLCALL_LEASE_S": "1"}
PATIENCE_S = 30


@dataclass(frozen=True)
class Shown:
    """How a command ended and what it wrote, with its spacing and its line breaks evened out."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return " ".join(f"{self.out} {self.err}".split())

    @property
    def document(self) -> Any:
        """What `--json` printed: one document, and nothing beside it."""
        return json.loads(self.out)


def environment(home: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "SYSTEMROOT")}
    return {**inherited, **ENVIRONMENT, "ROLLCALL_HOME": str(home), "PYTHONPATH": str(ROOT)}


@dataclass
class Desk:
    home: Path
    workspace: LarkWorkspace
    api: LarkApi
    lab: LabServer
    capsys: pytest.CaptureFixture[str]
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(self, *arguments: str) -> Shown:
        """Run a command as a new process would, but in this one."""
        wiring.use(None)
        self.capsys.readouterr()
        try:
            status = run(arguments)
        finally:
            forget()
        written = self.capsys.readouterr()
        return Shown(status, written.out, written.err)

    def json(self, *arguments: str, status: int = 0) -> Any:
        shown = self.run("--json", *arguments)
        assert shown.status == status, shown
        return shown.document

    def process(self, *arguments: str, stdin: str | None = None, cwd: Path | None = None) -> Shown:
        """Run a command in a process of its own."""
        command = (sys.executable, "-m", "chalicelib.terminal", *arguments)
        ended = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            env=environment(self.home),
            cwd=cwd or self.home.parent,
            timeout=PATIENCE_S,
            check=False,
        )
        return Shown(ended.returncode, ended.stdout, ended.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command that goes on beside us."""
        # A shell lets what it starts in the background ignore it, and what that starts would ignore it too.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        process = subprocess.Popen(
            (sys.executable, "-m", "chalicelib.terminal", *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=environment(self.home),
            cwd=self.home.parent,
        )
        self.started.append(process)
        return process

    def secret_file(self, text: str | None = None, name: str = "secret") -> str:
        path = self.home.parent / name
        path.write_text(self.workspace.app_secret if text is None else text, encoding="utf-8")
        return str(path)

    def creation(self, handle: str = "hq", name: str = "总部", **options: str) -> Sequence[str]:
        """The words of `source create`; an option of None is left out."""
        given = {
            "kind": "lark",
            "name": name,
            "app-id": self.workspace.app_id,
            "base-url": self.lab.url,
            "app-secret-file": self.secret_file(),
            **{option.replace("_", "-"): value for option, value in options.items()},
        }
        return ["source", "create", handle, *(f"--{option}={value}" for option, value in given.items() if value)]

    def create(self, handle: str = "hq", name: str = "总部", **options: str) -> Shown:
        return self.run(*self.creation(handle, name, **options))

    def sync(self, status: int = 0) -> Any:
        """Sync hq to the end; the document of the task."""
        return self.json("sync", "now", "hq", "--wait", status=status)

    def audited(self, verb: str) -> int:
        """Count how often something was asked for."""
        wiring.use(None)
        try:
            return sum(line.verb == verb for line in wiring.outside().audit.recent(100))
        finally:
            forget()

    def employee(self, text: str) -> Any:
        (found,) = self.json("employees", text, "--all")
        return found


def forget() -> None:
    """Close what the last command opened, as the end of its process would."""
    chosen = wiring._chosen
    wiring.use(None)
    if (
        chosen is not None
        and isinstance(chosen.catalog, TableCatalog)
        and isinstance(chosen.catalog.table, SqliteTable)
    ):
        chosen.catalog.table.close()
