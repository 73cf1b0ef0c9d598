"""Counts what Rollcall reads and writes per thousand people, in requests, items and DynamoDB's request units.

The whole engine runs, from whoever asks for a sync until nothing waits; only the vendor is made up, with ids and values
of the shape and length of real ones. `python -m tests.store.costs` prints the tables of ADR 0001 and ADR 0005. How
units are computed, says `infra.bill`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from chalicelib import wiring
from chalicelib.core.limits import item_bytes
from chalicelib.core.message import Delivery, HttpRequest, HttpResponse, Opened
from chalicelib.core.model import Key, Kind, State, Value
from chalicelib.core.ports import Delete, Item
from chalicelib.core.principal import TERMINAL, Role
from chalicelib.core.scope import Chosen, Scope
from chalicelib.core.secret import Secret
from chalicelib.core.source import Source
from chalicelib.core.task import Hint
from chalicelib.local.table import SqliteTable
from chalicelib.store import keys
from chalicelib.store.fencing import every
from infra.bill import Bill, CountingTable
from tests.scripted import Company, House, Scripted, a_company

PEOPLE: Final = 1000
DEPARTMENTS: Final = 50
CHANGES: Final = 10
# So long that no heartbeat comes between, however slow the machine: what they cost is told beside the table.
_LEASE_S: Final = 3600
# As long as any, but always the same: what is compressed depends on it by a byte or two.
_UID: Final = "5eed5eed0123abcd"


def lark_like(people: int = PEOPLE) -> Company:
    """Found a company whose ids are Lark's: 32 hexadecimal digits after a prefix."""
    return _like(people, lambda n: f"od-{_hexadecimal(f'd{n}')}", lambda n: f"on_{_hexadecimal(f'p{n}')}")


def dingtalk_like(people: int = PEOPLE) -> Company:
    """Found a company whose ids are DingTalk's: numbers of nine and of eighteen digits."""
    return _like(
        people, lambda n: str(900_000_000 + _number(f"d{n}") % 10**8), lambda n: f"{10**17 + _number(f'p{n}') % 10**17}"
    )


def _like(people: int, department_id: Callable[[int], str], person_id: Callable[[int], str]) -> Company:
    company, departments = Company(), people * DEPARTMENTS // PEOPLE
    for n in range(departments):
        company.departments[department_id(n)] = {
            "name": f"研发中心{n}部",
            "parent": department_id((n - 1) // 4) if n else None,
            "leaders": (person_id(n),),
            "state": State.ACTIVE,
        }
    for n in range(people):
        company.people[person_id(n)] = _person(n, department_id(n % departments), person_id(n % departments))
    return company


def _person(n: int, department: str, manager: str) -> dict[str, Value]:
    return {
        "name": f"王小{chr(0x4E00 + n)}",
        "en_name": f"Annette Lee{n}",
        "email": f"annette.lee{n}@example.com",
        "mobile": f"+86138{n:08}",
        "title": "Senior engineer",
        "departments": (department,),
        "manager": manager,
        "state": State.ACTIVE,
    }


def _hexadecimal(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _number(text: str) -> int:
    return int(_hexadecimal(text), 16)


@dataclass(frozen=True)
class Told:
    """The door for the events of a made-up vendor, who proves nothing: the body names a person."""

    def open(self, request: HttpRequest, source: Source, secrets: Mapping[str, Secret], now: datetime) -> Opened:
        person = request.body.decode()
        event = Delivery(
            delivery_id=f"{person}@{now}",
            source=source.uid,
            type="user",
            ids={"people": (person,)},
            occurred_at=now,
            received_at=now,
        )
        return Opened(ack=HttpResponse(status=200, body="{}"), delivery=event)


class Pushing(Scripted):
    """A vendor whose events name people."""

    def callback(self, kind: str, door: str) -> Any:
        return Told() if door == "events" else super().callback(kind, door)

    def hints(self, source: Source, delivery: Delivery) -> Sequence[Hint]:
        return [Key(source.uid, Kind.EMPLOYEE, each) for each in delivery.ids["people"]]


class Counted:
    """A house on a table that is counted."""

    def __init__(self, company: Company, path: str = ":memory:") -> None:
        self.table = CountingTable(SqliteTable(path))
        self.company = company
        self.house = House(company, table=self.table, uid=_UID)
        settings = replace(self.house.outside.settings, lease_s=_LEASE_S)
        self.house.outside = replace(
            self.house.outside, settings=settings, connectors=Pushing(company, self.house.clock)
        )
        wiring.use(self.house.outside)

    def bill(self, work: Callable[[], object]) -> Bill:
        self.house.clock.sleep(600)
        before = self.table.bill
        work()
        return self.table.bill.less(before)

    def sync(self) -> None:
        wiring.requests().sync_now(TERMINAL, "hq")
        self.house.work()

    def directory_rows(self) -> Sequence[Item]:
        """Read all entries and links there are."""
        uid = self.house.source.uid
        partitions = [*keys.links(uid), *keys.entries()]
        return [item for partition in partitions for item in every(self.table, partition)]

    def change(self, people: int) -> list[str]:
        changed = list(self.company.people)[:people]
        for each in changed:
            self.company.people[each]["title"] = "Principal engineer"
        return changed

    def event(self) -> None:
        """Let one person change, from the vendor's push to the directory."""
        (person,) = self.change(1)
        self.company.people[person]["title"] = f"Fellow of {self.house.clock.now():%H:%M}"
        pushed = HttpRequest(method="POST", path="/callbacks/hq/events", headers={}, query={}, body=person.encode())
        wiring.receiver("hq", "events").receive(pushed)
        wiring.deliverer().deliver(self.house.source.uid, lambda: math.inf)

    def tell(self) -> None:
        """Look, as after each task, whether somebody is to be told of it."""
        self.house.converse()

    def command(self) -> None:
        """Answer somebody who types a command."""
        self.house.hear("status", f"m-{self.house.clock.now()}")
        self.house.converse()


def bills(company: Callable[[], Company] = lark_like) -> Mapping[str, Bill]:
    counted = Counted(company())
    wiring.rooms().admins.add(TERMINAL, "hq", "ann", Role.OWNER)
    first, unchanged = counted.bill(counted.sync), counted.bill(counted.sync)
    counted.change(CHANGES)
    changed = counted.bill(counted.sync)
    return {
        "first sync": first,
        "no change": unchanged,
        "ten changes, in addition": changed.less(unchanged),
        "one event": counted.bill(counted.event),
        "telling of a task": counted.bill(counted.tell),
        "one command in chat": counted.bill(counted.command),
    }


def chosen_bill() -> Bill:
    """Count a sync without changes below one chosen department, which is half of the company."""
    company = lark_like()
    counted = Counted(company)
    top = list(company.departments)[1]
    source = counted.house.outside.catalog.source("hq")
    scope = Scope(departments=(Chosen(external_id=top, path="研发中心1部"),))
    assert counted.house.outside.catalog.update(replace(source, scope=scope), instead_of=source)
    counted.bill(counted.sync)
    return counted.bill(counted.sync)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What the ticks of one minute ask of the table."""

    queries: int
    items_read: int
    read_units: int


def quiet_ticks() -> Mapping[int, Tick]:
    """Tick with one source and with five that have nothing to do, in a minute that is no quarter of an hour."""
    return {count: _quiet_tick(count) for count in (1, 5)}


def _quiet_tick(count: int) -> Tick:
    table = CountingTable(SqliteTable(":memory:"))
    house = House(a_company(people=1, departments=1), table=table)
    for number in range(1, count):
        house.outside.catalog.add(replace(house.source, uid=f"src-{number}", handle=f"s{number}", revision=0))
    house.clock.sleep(60)
    wiring.converser().tick()  # a first digest is noted
    house.clock.sleep(60)
    table.bill = Bill()
    for each in wiring.ticking():
        each.tick()
    if table.bill.items_written:
        raise ValueError("a quiet tick writes")
    return Tick(queries=table.bill.reads, items_read=table.bill.items_read, read_units=table.bill.read_units)


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
    columns = ("requests to read", "items read", "read units", "requests to write", "items written", "write units")
    yield f"| 1,000 people in 50 departments | {' | '.join(columns)} |"
    yield f"| --- | {' | '.join('---' for _ in columns)} |"
    for name, bill in bills().items():
        yield _line(name, bill)
    yield _line("no change, ids as DingTalk's", bills(dingtalk_like)["no change"])


def _line(name: str, bill: Bill) -> str:
    reads, writes = (bill.reads, bill.items_read, bill.read_units), (bill.writes, bill.items_written, bill.write_units)
    return f"| {name} | " + " | ".join(f"{count:,}" for count in (*reads, *writes)) + " |"


def sizes() -> Mapping[str, int]:
    """Measure the average rows of a first sync."""
    counted = Counted(lark_like())
    counted.sync()
    uid = counted.house.source.uid
    kept = {"entry": "entry#", "link": f"link#{uid}#", "plan row": "plan#1#"}
    return {name: _average(counted.table, partition) for name, partition in kept.items()}


def _average(table: CountingTable, partition: str) -> int:
    found = [item_bytes(item) for shard in range(16) for item in table.query(f"{partition}{shard:02}").items]
    return round(sum(found) / len(found))


if __name__ == "__main__":
    print("\n".join(lines()))
    print()
    print("\n".join(tick_lines()))
    print()
    print(", ".join(f"{name} {size} bytes" for name, size in sizes().items()))
