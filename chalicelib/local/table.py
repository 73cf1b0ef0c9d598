"""The Table port over one SQLite file: fast, kept through a kill, nothing to install.

One connection behind a lock serves all threads of a process; other processes are kept apart by SQLite's own locks, for
which every transaction that writes asks at its beginning. Values survive SIGKILL (WAL); a power cut may take
the last transactions, never a part of one.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import threading
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final, assert_never

from chalicelib.core import limits
from chalicelib.core.errors import ConditionFailedError, StoreConflictError
from chalicelib.core.ports import (
    Absent,
    Attribute,
    Before,
    Check,
    Clock,
    Condition,
    Delete,
    Equals,
    Item,
    Page,
    Put,
    Update,
    Write,
)
from chalicelib.local.clock import SystemClock

_BUSY_TIMEOUT_MS: Final = 30_000
_OPEN_TRIES: Final = 200
_AT_ONCE: Final = 1000
# 64 MB. A long run writes the same pages again and again; the fewer the checkpoints, the fewer the copies.
_PAGES_BETWEEN_CHECKPOINTS: Final = 16_000

_SCHEMA: Final = (
    """
    CREATE TABLE IF NOT EXISTS items (
        partition TEXT NOT NULL,
        sort TEXT NOT NULL,
        attributes TEXT NOT NULL,
        expires INTEGER,
        size INTEGER NOT NULL,
        PRIMARY KEY (partition, sort)
    )
    """,
    "CREATE INDEX IF NOT EXISTS items_expires ON items (expires) WHERE expires IS NOT NULL",
)
_SELECT: Final = "SELECT sort, attributes, expires FROM items WHERE partition = ? AND sort = ?"
_PUT: Final = "INSERT OR REPLACE INTO items (partition, sort, attributes, expires, size) VALUES (?, ?, ?, ?, ?)"
_UPDATE: Final = "UPDATE items SET attributes = ?, size = ? WHERE partition = ? AND sort = ?"
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_DELETE: Final = "DELETE FROM items WHERE partition = ? AND sort = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chaos:
    """Makes a share of transactions fail as collisions do, from a seeded generator.

    With `also_after`, half of those fail after they were written, as when the answer of a table elsewhere is lost.
    """

    rng: random.Random
    share: float = 0.05
    also_after: bool = False

    def strikes(self) -> bool:
        return self.rng.random() < self.share

    def strikes_after(self) -> bool:
        return self.also_after and self.rng.random() < 0.5


class SqliteTable:
    """A Table in a file, or in the memory of this process for the path ":memory:"."""

    def __init__(self, path: str, *, clock: Clock | None = None, chaos: Chaos | None = None) -> None:
        self._clock: Clock = clock or SystemClock()
        self._chaos = chaos
        self._lock = threading.RLock()
        if path != ":memory:":
            # What is kept is personal; SQLite gives its side files the mode of the first.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_BUSY_TIMEOUT_MS / 1000)
        try:
            self._open()
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def get(self, partition: str, sort: str) -> Item | None:
        limits.check_key(partition, sort)
        with self._lock:
            return self._find((partition, sort))

    def get_many(self, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Item]:
        for partition, sort in keys:
            limits.check_key(partition, sort)
        found: dict[tuple[str, str], Item] = {}
        with self._lock:
            for key in keys:
                item = self._find(key)
                if item is not None:
                    found[key] = item
        return found

    def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        after: str | None = None,
        backward: bool = False,
        limit: int | None = None,
    ) -> Page:
        limits.check_partition(partition)
        limits.check_limit(limit)
        any_left, after = limits.start_after(prefix, after, backward=backward)
        if not any_left:
            return Page(items=(), resume=None)
        sql, values = _select(partition, prefix, after, backward=backward)
        items: list[Item] = []
        page_bytes = 0
        with self._lock:
            rows = self._db.execute(sql, values)
            for sort, attributes, expires, size in rows:
                if (items and page_bytes + size > limits.LARGEST_PAGE_BYTES) or len(items) == limit:
                    rows.close()
                    return Page(items=tuple(items), resume=items[-1].sort)
                items.append(_item(partition, (sort, attributes, expires)))
                page_bytes += size
        return Page(items=tuple(items), resume=None)

    def write(self, writes: Sequence[Write]) -> None:
        sizes = limits.check_writes(writes)
        strikes = self._chaos is not None and self._chaos.strikes()
        after = strikes and self._chaos is not None and self._chaos.strikes_after()
        if strikes and not after:
            raise _busy()
        with self._transaction():
            kept = [None if write.when is None else self._find(limits.place_of(write)) for write in writes]
            failed = tuple(n for n, write in enumerate(writes) if write.when and not _holds(write.when, kept[n]))
            if failed:
                raise ConditionFailedError(failed)
            for write, size, item in zip(writes, sizes, kept, strict=True):
                self._do(write, size, item)
        if after:
            raise _busy()

    def write_many(self, writes: Iterable[Put | Delete]) -> None:
        # The lock is not held while the caller makes its writes: it may read the table meanwhile.
        source = iter(writes)
        while batch := list(islice(source, _AT_ONCE)):
            sizes = [limits.check_plain(write) for write in batch]
            with self._transaction():
                for write, size in zip(batch, sizes, strict=True):
                    self._do(write, size, None)

    def _open(self) -> None:
        for tries_left in reversed(range(_OPEN_TRIES)):
            # Two processes that turn a new file to WAL at once are refused without the usual patience.
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                break
            except sqlite3.OperationalError:
                if not tries_left:
                    raise
                self._clock.sleep(0.01)
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(f"PRAGMA wal_autocheckpoint = {_PAGES_BETWEEN_CHECKPOINTS}")
        if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'items_expires'").fetchone():
            with self._transaction():
                for statement in _SCHEMA:
                    self._db.execute(statement)
        with suppress(StoreConflictError), self._transaction():
            self._db.execute("DELETE FROM items WHERE expires < ?", (int(self._clock.now().timestamp()),))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                raise _busy() from error
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _find(self, place: tuple[str, str]) -> Item | None:
        row = self._db.execute(_SELECT, place).fetchone()
        return None if row is None else _item(place[0], row)

    def _do(self, write: Write, size: int, kept: Item | None) -> None:
        match write:
            case Put(item=item):
                self._db.execute(_PUT, (item.partition, item.sort, _text(item.attributes), item.expires, size))
            case Update(partition=partition, sort=sort, attributes=attributes) if kept is not None:
                merged = {**kept.attributes, **attributes}
                item = Item(partition=partition, sort=sort, attributes=merged, expires=kept.expires)
                self._db.execute(_UPDATE, (_text(item.attributes), limits.item_bytes(item), partition, sort))
            case Delete(partition=partition, sort=sort):
                self._db.execute(_DELETE, (partition, sort))
            case Check() | Update():
                pass
            case _:
                assert_never(write)


def _select(partition: str, prefix: str, after: str | None, *, backward: bool) -> tuple[str, list[str]]:
    # SQLite compares text as UTF-8 bytes, which is DynamoDB's order.
    where, values = ["partition = ?"], [partition]
    low = after if after is not None and not backward else None
    high = after if after is not None and backward else _end_of(prefix)
    if low is not None:
        where.append("sort > ?")
        values.append(low)
    elif prefix:
        where.append("sort >= ?")
        values.append(prefix)
    if high is not None:
        where.append("sort < ?")
        values.append(high)
    order = "DESC" if backward else "ASC"
    sql = f"SELECT sort, attributes, expires, size FROM items WHERE {' AND '.join(where)} ORDER BY sort {order}"  # noqa: S608 - the parts are constants
    return sql, values


def _end_of(prefix: str) -> str | None:
    """Name the first text after all that start with this prefix; None when there is no such text."""
    while prefix:
        prefix, last = prefix[:-1], ord(prefix[-1])
        if last < 0x10FFFF:
            # Between U+D7FF and U+E000 lie the surrogates, which no text has.
            return prefix + chr(0xE000 if last == 0xD7FF else last + 1)
    return None


def _holds(condition: Condition, item: Item | None) -> bool:
    match condition:
        case Absent():
            return item is None
        case Equals(attribute, value):
            return item is not None and item.attributes.get(attribute) == value
        case Before(attribute, value):
            kept = None if item is None else item.attributes.get(attribute)
            return kept is None or _less(kept, value)
        case _:
            assert_never(condition)


def _less(one: Attribute, other: Attribute) -> bool:
    match one, other:
        case (str(), str()) | (int(), int()) | (bytes(), bytes()):
            return one < other  # type: ignore[operator]  # the pattern has made both the same type
        case _:
            return False


def _text(attributes: Mapping[str, Attribute]) -> str:
    plain = {
        name: [b2a_base64(value, newline=False).decode()] if isinstance(value, bytes) else value
        for name, value in attributes.items()
    }
    return _encode(plain) if plain else "{}"


def _attributes(text: str) -> Mapping[str, Attribute]:
    if text == "{}":
        return {}
    plain: dict[str, str | int | list[str]] = json.loads(text)
    return {name: a2b_base64(value[0]) if isinstance(value, list) else value for name, value in plain.items()}


def _item(partition: str, row: tuple[str, str, int | None]) -> Item:
    sort, attributes, expires = row
    return Item(partition=partition, sort=sort, attributes=_attributes(attributes), expires=expires)


def _busy() -> StoreConflictError:
    return StoreConflictError("store is busy", retry_after=1.0)
