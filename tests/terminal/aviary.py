"""A company whose people, secrets and tokens are canaries: wherever one of them is heard, something leaked."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chalicelib import log, wiring
from chalicelib.connectors import Registry
from chalicelib.core.ports import Connectors
from chalicelib.local.bell import LocalBell
from chalicelib.local.clock import ManualClock
from chalicelib.local.secrets import FileSecrets
from chalicelib.local.table import SqliteTable
from chalicelib.settings import Settings
from chalicelib.terminal.__main__ import run
from infra.lab.lark import LarkApi, LarkWorkspace
from infra.lab.transport import LabTransport
from infra.lab.wire import Answer
from tests.builders import NOON
from tests.terminal.desk import Shown

PEOPLE = 12
# Every canary has one of these in it: names, mailboxes, numbers, titles, places, departments, secrets.
SONGS = re.compile(r"金丝|canary|10055\d{6}|CN9\d{5}", re.IGNORECASE)


def a_cage() -> LarkWorkspace:
    """A company of canaries, each with everything that a person has."""
    workspace = LarkWorkspace(seed=1)
    workspace.app_secret = "canary-app-secret"
    upper = workspace.add_department("金丝笼", name_en="Canary cage")
    lower = workspace.add_department("金丝巢", upper)
    for number in range(PEOPLE):
        workspace.add_user(
            f"金丝雀{number:02}",
            lower if number % 2 else upper,
            en_name=f"Canary {number:02}",
            nickname=f"canary-nick-{number:02}",
            email=f"canary.{number:02}@example.org",
            enterprise_email=f"canary{number:02}@example.com",
            mobile=f"+8610055{number:06}",
            employee_no=f"CN9{number:05}",
            job_title="金丝官",
            city="金丝城",
        )
    return workspace


class Overheard(LarkApi):
    """The vendor's API, which remembers the tokens that it was shown."""

    def __init__(self, workspace: LarkWorkspace) -> None:
        super().__init__(workspace, limits=False)
        self.tokens: set[str] = set()

    def handle(
        self, method: str, path: str, query: Sequence[tuple[str, str]], headers: Mapping[str, str], body: bytes
    ) -> Answer:
        told = {name.lower(): value for name, value in headers.items()}.get("authorization")
        if told:
            self.tokens.add(told.removeprefix("Bearer "))
        return super().handle(method, path, query, headers, body)


@dataclass
class Aviary:
    """The program around that company, in one process, with a clock that is turned by whoever waits."""

    workspace: LarkWorkspace
    api: Overheard
    home: Path
    capsys: pytest.CaptureFixture[str]
    logged: io.StringIO
    heard: list[str] = field(default_factory=list)

    def use(self, connectors: Connectors | None = None) -> None:
        secrets, clock = FileSecrets(self.home / "secrets.json"), ManualClock(NOON)
        table = SqliteTable(str(self.home / "rollcall.db"))
        registry = Registry(secrets=secrets, clock=clock, transport=LabTransport(self.api), in_flight=2)
        settings = Settings(home=self.home, log_level="DEBUG")
        wiring.use(wiring.around(settings, table, secrets, LocalBell(clock=clock), clock, connectors or registry))

    def run(self, *words: str) -> Shown:
        """Run a command that is not meant to show people, and keep all that it says."""
        self.capsys.readouterr()
        status = run(words)
        written = self.capsys.readouterr()
        self.heard += [written.out, written.err]
        return Shown(status, written.out, written.err)

    def create(self, secret: str | None = None) -> Shown:
        path = self.home.parent / "given"
        path.write_text(secret or self.workspace.app_secret, encoding="utf-8")
        words = ("source", "create", "hq", "--kind", "lark", "--name", "总部", "--app-id", self.workspace.app_id)
        return self.run(*words, "--app-secret-file", str(path))

    def sync(self) -> Shown:
        return self.run("sync", "now", "hq", "--wait")

    def canaries(self) -> set[str]:
        """Listen: to the log, to both outputs, to what is kept about tasks and who asked for what."""
        for words in (("records",), ("records", "hq", "--json"), ("sources",), ("source", "show", "hq", "--json")):
            self.run(*words)
        outside = wiring.outside()
        kept = [str((task.reason, task.remarks)) for task in outside.tasks.recent(None, 100)]
        kept += [str(line) for line in outside.audit.recent(100)]
        everything = "\n".join([*self.heard, *kept, self.logged.getvalue()])
        tokens = {token for token in self.api.tokens if token in everything}
        return tokens | set(SONGS.findall(everything))


@contextmanager
def an_aviary(home: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Aviary]:
    """Everything that anybody logs, at any level, is heard while it is open."""
    home.mkdir()
    logged = io.StringIO()
    everybody = logging.StreamHandler(logged)
    root = logging.getLogger()
    before = root.level
    root.addHandler(everybody)
    root.setLevel("DEBUG")
    log.configure("DEBUG", logged)
    workspace = a_cage()
    aviary = Aviary(workspace, Overheard(workspace), home, capsys, logged)
    aviary.use()
    try:
        yield aviary
    finally:
        wiring.use(None)
        root.removeHandler(everybody)
        root.setLevel(before)
        log.configure("ERROR")
