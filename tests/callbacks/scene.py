"""The whole program behind its doors: real connectors' callbacks, a table that counts, a bell that remembers."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from chalice.test import Client

import app as switchboard
from chalicelib import log, wiring
from chalicelib.connectors import Registry
from chalicelib.core.ports import Delete, Inbox, Item, Page, Put, Table, Write
from chalicelib.core.secret import Secret
from chalicelib.core.source import Source
from chalicelib.local.clock import ManualClock
from chalicelib.local.table import SqliteTable
from chalicelib.settings import Settings
from chalicelib.store.codec import source_item
from tests.builders import a_source
from tests.callbacks.vendors import DingTalk, Lark, Push
from tests.scripted import HeardBell, NoSecrets

NOW: Final = datetime(2026, 7, 9, 15, 21, 53, tzinfo=UTC)

LARK: Final = Lark()
PLAIN: Final = Lark(encrypt_key="", token="p-token-Rollcall-9876543210")
DINGTALK: Final = DingTalk()
CORP_ID: Final = "ding9f50b15b00000000000000000000"

SOURCES: Final[Mapping[str, Source]] = {
    "hq": a_source("hq", kind="lark", settings={"app_id": "cli_rollcall0001"}),
    "plain": a_source("plain", kind="lark", settings={"app_id": "cli_rollcall0002"}),
    "branch": a_source("branch", kind="dingtalk", settings={"app_key": DINGTALK.owner, "corp_id": CORP_ID}),
}
SECRETS: Final[Mapping[str, Mapping[str, str]]] = {
    "hq": {"app_secret": "app-secret-1", "encrypt_key": LARK.encrypt_key, "verification_token": LARK.token},
    "plain": {"app_secret": "app-secret-2", "verification_token": PLAIN.token},
    "branch": {"app_secret": "app-secret-3", "aes_key": DINGTALK.aes_key, "token": DINGTALK.token},
}
REFUSED: Final = (
    '{"error": "callback refused", "message": "The callback is not proven to come from the vendor. '
    'Check the keys of this source against the console."}'
)


# Where stands when a door last refused something.
REFUSAL: Final = "door#refused#"


class Counting:
    """A Table that counts what it is asked."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.asked: Counter[str] = Counter()

    @property
    def reads(self) -> int:
        return self.asked["get"] + self.asked["get_many"] + self.asked["query"]

    @property
    def writes(self) -> int:
        return self.asked["write"] + self.asked["write_many"]

    @property
    def notes(self) -> int:
        """Count the writes that say when a door refused something, and nothing else."""
        return self.asked["note"]

    def get(self, partition: str, sort: str) -> Item | None:
        self.asked["get"] += 1
        return self._table.get(partition, sort)

    def get_many(self, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Item]:
        self.asked["get_many"] += 1
        return self._table.get_many(keys)

    def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        after: str | None = None,
        backward: bool = False,
        limit: int | None = None,
    ) -> Page:
        self.asked["query"] += 1
        return self._table.query(partition, prefix=prefix, after=after, backward=backward, limit=limit)

    def write(self, writes: Sequence[Write]) -> None:
        self.asked["write"] += 1
        self.asked["note"] += all(isinstance(each, Put) and each.item.sort.startswith(REFUSAL) for each in writes)
        self._table.write(writes)

    def write_many(self, writes: Iterable[Put | Delete]) -> None:
        self.asked["write_many"] += 1
        self._table.write_many(writes)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back, and what it took."""

    status: int
    headers: Mapping[str, str]
    body: str
    reads: int
    writes: int
    notes: int
    rung: tuple[str, ...]


class Scene:
    """Three sources whose vendors push: Lark with an Encrypt Key, Lark without, DingTalk."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.bell = HeardBell()
        self.secrets = NoSecrets()
        self.log = io.StringIO()
        log.configure("DEBUG", self.log)
        self.client = Client(switchboard.app)
        self._rows = SqliteTable(":memory:")
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what was stored."""
        self._rows.close()
        self._rows = SqliteTable(":memory:")
        self.table = Counting(self._rows)
        registry = Registry(secrets=self.secrets, clock=self.clock)
        outside = wiring.around(
            Settings(home=Path("unused")), self.table, self.secrets, self.bell, self.clock, registry
        )
        wiring.use(outside)
        for handle, source in SOURCES.items():
            outside.catalog.add(source)
            self.secrets.put(source.uid, {name: Secret(text) for name, text in SECRETS[handle].items()})
        self.inbox: Inbox = outside.inbox

    def disable(self, handle: str) -> None:
        """Put a source in its place that is disabled; the catalog has no such verb yet."""
        source = replace(SOURCES[handle], enabled=False)
        self.table.write([Put(item=source_item(source))])

    def post(self, handle: str, push: Push, door: str = "events") -> Answer:
        self.bell.rung.clear()
        self.table.asked.clear()
        path = f"/callbacks/{handle}/{door}{push.search}"
        response = self.client.http.post(path, headers=dict(push.headers), body=push.body)
        return Answer(
            status=response.status_code,
            headers=dict(response.headers),
            body=response.body.decode(),
            reads=self.table.reads,
            writes=self.table.writes,
            notes=self.table.notes,
            rung=tuple(source for source, _ in self.bell.rung),
        )

    def logged(self) -> str:
        """Take what was logged since the last time."""
        text = self.log.getvalue()
        self.log.seek(0)
        self.log.truncate()
        return text

    def close(self) -> None:
        wiring.use(None)
        self._rows.close()
        log.configure("ERROR")
