"""Counts what a sync reads and writes per thousand people, in items and in DynamoDB's request units.

`python -m tests.store.costs` prints the table of ADR 0001. Units are computed from item sizes as DynamoDB charges
them: a strongly consistent read 1 for each 4 KB (a query for each 4 KB of its page), a write 1 for each KB, twice that
in a transaction; a check is counted as a write of what it looks at, a delete by what it deletes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from chalicelib import wiring
from chalicelib.core.limits import item_bytes, place_of
from chalicelib.core.model import Kind, Link, Part, SourceRecord, State, Value, Values, new_entry_id
from chalicelib.core.ports import Delete, Item, Page, Put, Table, Update, Write
from chalicelib.core.task import Fence, SyncRecord, SyncTask, TaskStatus
from chalicelib.local.clock import ManualClock
from chalicelib.local.table import SqliteTable
from chalicelib.store.directory import TableDirectory
from chalicelib.store.tasks import TableTasks
from tests.builders import HQ, NOON, a_department_key, a_row, a_task, an_employee_key, at
from tests.scripted import House, a_company

PEOPLE = 1000
DEPARTMENTS = 50
CHANGES = 10
_RENEWALS = 6


@dataclass(slots=True, kw_only=True)
class Bill:
    items_read: int = 0
    read_units: int = 0
    items_written: int = 0
    write_units: int = 0

    def less(self, other: Bill) -> Bill:
        return Bill(
            items_read=self.items_read - other.items_read,
            read_units=self.read_units - other.read_units,
            items_written=self.items_written - other.items_written,
            write_units=self.write_units - other.write_units,
        )


class CountingTable:
    """A Table that keeps the bill of another."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.bill = Bill()

    def get(self, partition: str, sort: str) -> Item | None:
        return self.get_many([(partition, sort)]).get((partition, sort))

    def get_many(self, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Item]:
        found = self._table.get_many(keys)
        self.bill.items_read += len(found)
        self.bill.read_units += sum(_units(item_bytes(found[key]) if key in found else 0, 4096) for key in set(keys))
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
        page = self._table.query(partition, prefix=prefix, after=after, backward=backward, limit=limit)
        self.bill.items_read += len(page.items)
        self.bill.read_units += _units(sum(item_bytes(item) for item in page.items), 4096)
        return page

    def write(self, writes: Sequence[Write]) -> None:
        for write in writes:
            self._charge(write, times=2)
        self._table.write(writes)

    def write_many(self, writes: Iterable[Put | Delete]) -> None:
        self._table.write_many(self._charged(writes))

    def _charged(self, writes: Iterable[Put | Delete]) -> Iterator[Put | Delete]:
        for write in writes:
            self._charge(write, times=1)
            yield write

    def _charge(self, write: Write, *, times: int) -> None:
        kept = self._table.get(*place_of(write))
        size = item_bytes(kept) if kept else 0
        if isinstance(write, Put):
            size = max(size, item_bytes(write.item))
        if isinstance(write, Update) and kept:
            size = max(size, item_bytes(replace(kept, attributes={**kept.attributes, **write.attributes})))
        self.bill.items_written += 1
        self.bill.write_units += times * _units(size, 1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A store with one source, and what the engine asks of it in each kind of run."""

    table: CountingTable
    tasks: TableTasks
    directory: TableDirectory

    @classmethod
    def founded(cls) -> Company:
        table = CountingTable(SqliteTable(":memory:"))
        clock = ManualClock(NOON)
        return cls(table=table, tasks=TableTasks(table=table, clock=clock), directory=TableDirectory(table=table))

    def sync(self, nth: int, rows: Sequence[SyncRecord]) -> Bill:
        """Do what a full run does whose plan are these rows, and give its bill."""
        self.table.bill = Bill()
        task, fence = self._begin(nth)
        for n in range(DEPARTMENTS):
            self.tasks.stage(task.task_id, _part(n, nth))
        dict(self.tasks.staged_parts(task.task_id))
        links: list[Link] = list(self.directory.links(HQ))
        if links:
            self.directory.entries([row.entry_id for row in rows])
        self.tasks.put_rows(rows, fence)
        self.tasks.removals(HQ, at(-3600), except_task=task.task_id)
        list(self.tasks.outcomes(task.task_id))
        self.directory.apply(fence, list(self.tasks.rows(task.task_id)))
        list(self.tasks.outcomes(task.task_id))
        self._finish(task, fence, nth)
        return self.table.bill

    def _begin(self, nth: int) -> tuple[SyncTask, Fence]:
        task, _ = self.tasks.ask(a_task(asked_at=at(nth * 1000)), once=f"schedule-{nth}")
        fence = self.tasks.take(HQ, f"runner-{nth}", at(nth * 1000), timedelta(minutes=1))
        assert fence is not None
        self.tasks.waiting(HQ)
        self.tasks.save(replace(task, status=TaskStatus.RUNNING), fence)
        for n in range(_RENEWALS):
            self.tasks.renew(fence, at(nth * 1000 + n), timedelta(minutes=1), None)
        return task, fence

    def _finish(self, task: SyncTask, fence: Fence, nth: int) -> None:
        ended = replace(task, status=TaskStatus.DONE, finished_at=at(nth * 1000 + 60))
        self.tasks.end(ended, fence, read_began_at=at(nth * 1000), keeps_stage=True)
        self.tasks.release(fence)


def first_rows() -> Sequence[SyncRecord]:
    departments = [
        a_row(a_department_key(f"od-{n:032x}"), after={"name": f"Abteilung {n}", "parent": None, "state": State.ACTIVE})
        for n in range(DEPARTMENTS)
    ]
    return [replace(row, task="1", observed_at=at(1001)) for row in (*departments, *map(_hire, range(PEOPLE)))]


def changed_rows(task: str, first: Sequence[SyncRecord]) -> Sequence[SyncRecord]:
    """Ten people get another title."""
    people = [row for row in first if row.key.kind is Kind.EMPLOYEE][:CHANGES]
    return [
        a_row(
            row.key,
            task=task,
            before=row.after,
            after={**row.after, "title": "Head chef"},
            observed_at=at(int(task) * 1000 + 1),
            revision=1,
        )
        for row in people
    ]


def bills() -> Mapping[str, Bill]:
    company, first = Company.founded(), first_rows()
    hired = company.sync(1, first)
    unchanged = company.sync(2, [])
    changed = company.sync(3, changed_rows("3", first))
    return {"first sync": hired, "no change": unchanged, "ten changes, in addition": changed.less(unchanged)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What the three ticks of one minute ask of the table."""

    queries: int
    items_read: int
    read_units: int


class AskedTable(CountingTable):
    """A Table that counts how often it is asked, too."""

    asked = 0

    def get_many(self, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Item]:
        self.asked += bool(keys)
        return super().get_many(keys)

    def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        after: str | None = None,
        backward: bool = False,
        limit: int | None = None,
    ) -> Page:
        self.asked += 1
        return super().query(partition, prefix=prefix, after=after, backward=backward, limit=limit)


def quiet_ticks() -> Mapping[int, Tick]:
    """Tick with one source and with five that have nothing to do, in a minute that is no quarter of an hour."""
    return {count: _quiet_tick(count) for count in (1, 5)}


def _quiet_tick(count: int) -> Tick:
    table = AskedTable(SqliteTable(":memory:"))
    house = House(a_company(people=1, departments=1), table=table)
    for number in range(1, count):
        house.outside.catalog.add(replace(house.source, uid=f"src-{number}", handle=f"s{number}", revision=0))
    house.clock.sleep(60)
    wiring.converser().tick()  # a first digest is noted
    house.clock.sleep(60)
    table.bill, table.asked = Bill(), 0
    wiring.requests().tick()
    wiring.deliverer().tick()
    wiring.converser().tick()
    if table.bill.items_written:
        raise ValueError("a quiet tick writes")
    return Tick(queries=table.asked, items_read=table.bill.items_read, read_units=table.bill.read_units)


def tick_lines() -> Iterator[str]:
    yield "| a quiet minute | requests | items read | read units | US dollars a month |"
    yield "| --- | --- | --- | --- | --- |"
    for count, tick in quiet_ticks().items():
        name = "one source" if count == 1 else f"{count} sources"
        dollars = tick.read_units * 60 * 24 * 30 * 0.125 / 1_000_000
        yield f"| {name} | {tick.queries} | {tick.items_read} | {tick.read_units} | {dollars:.2f} |"


def delete(item: Item) -> Delete:
    return Delete(partition=item.partition, sort=item.sort)


def lines() -> Iterator[str]:
    yield "| 1,000 people in 50 departments | items read | read units | items written | write units |"
    yield "| --- | --- | --- | --- | --- |"
    for name, bill in bills().items():
        counts = (bill.items_read, bill.read_units, bill.items_written, bill.write_units)
        yield f"| {name} | " + " | ".join(f"{count:,}" for count in counts) + " |"


def sizes() -> Mapping[str, int]:
    """Measure the average rows of a first sync."""
    company = Company.founded()
    row = first_rows()[-1]
    fence = company.tasks.take(HQ, "runner", NOON, timedelta(minutes=1))
    assert fence is not None
    company.tasks.put_rows([row], fence)
    company.directory.apply(fence, [row])
    kept = {"entry": "entry#", "link": f"link#{HQ}#", "plan row": f"plan#{row.task}#"}
    found: dict[str, int] = {}
    for name, partition in kept.items():
        for shard in range(16):
            for item in company.table.query(f"{partition}{shard:02}").items:
                found[name] = item_bytes(item)
    return found


def _hire(n: int) -> SyncRecord:
    key = an_employee_key(f"on_{n:032x}")
    after: dict[str, Value] = {
        "name": _chinese_name(n),
        "en_name": f"Annette Lee{n}",
        "email": f"annette.lee{n}@example.com",
        "mobile": f"+86138{n:08}",
        "employee_no": f"E{n:06}",
        "title": "Cook",
        "departments": (new_entry_id(a_department_key(f"od-{n % DEPARTMENTS:032x}")),),
        "manager": new_entry_id(an_employee_key(f"on_{n // 10:032x}")),
        "state": State.ACTIVE,
    }
    return replace(a_row(key, after=after), source=_fields(n))


def _chinese_name(n: int) -> str:
    return f"王小{chr(0x4E00 + n)}"


def _fields(n: int) -> Values:
    return {
        "union_id": f"on_{n:032x}",
        "user_id": f"u{n:07x}",
        "open_id": f"ou_{n:032x}",
        "name": _chinese_name(n),
        "en_name": f"Annette Lee{n}",
        "email": f"annette.lee{n}@example.com",
        "mobile": f"+86138{n:08}",
        "employee_no": f"E{n:06}",
        "job_title": "Cook",
        "department_ids": (f"od-{n % DEPARTMENTS:032x}",),
        "leader_user_id": f"on_{n // 10:032x}",
        "city": "杭州",
        "state": State.ACTIVE,
    }


def _part(department: int, nth: int) -> Part:
    records = [
        SourceRecord(
            key=an_employee_key(f"on_{n:032x}"),
            fields=_fields(n),
            covers=frozenset(_fields(n)),
            observed_at=at(nth * 1000 + 1),
        )
        for n in range(department, PEOPLE, DEPARTMENTS)
    ]
    return Part(name=f"od-{department:032x}", records=tuple(records), of=DEPARTMENTS)


def _units(size: int, of: int) -> int:
    return max(1, -(-size // of))


if __name__ == "__main__":
    print("\n".join(lines()))
    print()
    print("\n".join(tick_lines()))
    print()
    print(", ".join(f"{name} {size} bytes" for name, size in sizes().items()))
