"""What SqliteTable promises beyond the port: it lives through kills, threads and other processes."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chalicelib.core.errors import ConditionFailedError, StoreConflictError
from chalicelib.core.ports import Absent, Equals, Item, Put, Table
from chalicelib.local.clock import ManualClock
from chalicelib.local.table import Chaos, SqliteTable
from tests.builders import NOON

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "rollcall.db")


def counted(table: Table, *, by: int) -> None:
    """Raise a counter by one so many times, as often as others get in between."""
    for _ in range(by):
        while True:
            item = table.get("counter", "n")
            n = 0 if item is None else item.attributes["n"]
            assert isinstance(n, int)
            put = Item(partition="counter", sort="n", attributes={"n": n + 1})
            try:
                table.write([Put(item=put, when=Equals("n", n) if item else Absent())])
                break
            except ConditionFailedError:
                continue


def count(table: Table) -> object:
    item = table.get("counter", "n")
    return item and item.attributes["n"]


def python(script: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("memory", [True, False])
def test_threads_share_one_table(path: str, memory: bool) -> None:
    table = SqliteTable(":memory:" if memory else path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: counted(table, by=25), range(8)))
    assert count(table) == 200
    table.close()


def test_processes_share_one_file(path: str) -> None:
    script = f"""
from chalicelib.local.table import SqliteTable
from tests.local.test_table import counted
table = SqliteTable({path!r})
print("ready", flush=True)
input()
counted(table, by=100)
"""
    others = [python(script) for _ in range(4)]
    for other in others:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
    for other in others:
        assert other.stdin is not None
        other.stdin.write("go\n")
        other.stdin.flush()
    for other in others:
        other.communicate()
    assert [other.returncode for other in others] == [0] * 4
    table = SqliteTable(path)
    assert count(table) == 400
    table.close()


def test_a_killed_writer_leaves_whole_transactions(path: str) -> None:
    script = f"""
from chalicelib.core.ports import Item, Put
from chalicelib.local.table import SqliteTable
table = SqliteTable({path!r})
for n in range(1_000_000):
    table.write([Put(item=Item(partition="p", sort=f"{{m:02}}", attributes={{"n": n}})) for m in range(40)])
    print(n, flush=True)
"""
    for _ in range(3):
        writer = python(script)
        assert writer.stdout is not None
        for _ in range(20):
            told = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        # Not communicate(): with two pipes it reads past what readline() has buffered.
        rest = writer.stdout.read()
        writer.communicate()
        told = max([told, *(int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n"))])
        table = SqliteTable(path)
        kept = {item.attributes["n"] for item in table.query("p").items}
        table.close()
        # One transaction stands, whole: the last that was told of, or the one that was not told of any more.
        assert kept in ({told}, {told + 1})


def test_what_has_ended_is_swept_on_opening(path: str) -> None:
    clock = ManualClock(NOON)
    now = int(NOON.timestamp())
    table = SqliteTable(path, clock=clock)
    table.write_many(
        Put(item=Item(partition="p", sort=sort, attributes={}, expires=expires))
        for sort, expires in (("ended", now + 10), ("lives", now + 1000), ("never", None))
    )
    table.close()
    clock.sleep(60)
    table = SqliteTable(path, clock=clock)
    assert [item.sort for item in table.query("p").items] == ["lives", "never"]
    table.close()


def test_nobody_else_may_read_what_is_kept(path: str) -> None:
    table = SqliteTable(path)
    table.write([Put(item=Item(partition="p", sort="a", attributes={}))])
    files = list(Path(path).parent.iterdir())
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    table.close()


def collided(seed: int, *, also_after: bool = False) -> list[tuple[bool, bool]]:
    """Write a hundred items under chaos; tell for each whether it failed and whether it was written."""
    table = SqliteTable(":memory:", chaos=Chaos(rng=random.Random(seed), share=0.3, also_after=also_after))
    told: list[tuple[bool, bool]] = []
    for n in range(100):
        failed = False
        try:
            table.write([Put(item=Item(partition="p", sort=f"{n:02}", attributes={}))])
        except StoreConflictError:
            failed = True
        told.append((failed, table.get("p", f"{n:02}") is not None))
    table.close()
    return told


def test_chaos_is_seeded_and_writes_nothing() -> None:
    told = collided(1)
    assert told == collided(1)
    assert told != collided(2)
    assert set(told) == {(True, False), (False, True)}


def test_chaos_may_lose_the_answer_only() -> None:
    assert set(collided(1, also_after=True)) == {(True, False), (True, True), (False, True)}


def test_a_file_that_is_no_database_is_refused_and_kept(path: str) -> None:
    Path(path).write_bytes(b"something else, " * 100)
    with pytest.raises(sqlite3.DatabaseError):
        SqliteTable(path)
    assert Path(path).read_bytes().startswith(b"something else")


def test_a_hundred_thousand_items_are_written_and_read_in_pages() -> None:
    table = SqliteTable(":memory:")
    table.write_many(
        Put(item=Item(partition=f"p{n % 2}", sort=f"{n:06}", attributes={"body": "x" * 200})) for n in range(100_000)
    )
    read, pages, after = 0, 0, None
    while True:
        page = table.query("p1", after=after)
        read, pages, after = read + len(page.items), pages + 1, page.resume
        if after is None:
            break
    assert read == 50_000
    assert 10 < pages < 20
    table.close()
