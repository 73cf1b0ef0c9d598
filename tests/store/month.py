"""What a month costs on AWS, for companies of several sizes: counted operations times the prices of `core.cost`.

`python -m tests.store.month` prints the table of docs/operate.md. The whole program runs over a made-up company and a
table that is counted; what cannot be counted here, how long functions run and how much they log, is told as assumed.
"""

from __future__ import annotations

import math
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chalicelib import wiring
from chalicelib.core import cost
from chalicelib.core.cost import DEPLOYED, MEMORY_MB, Charge, Standing, Usage, by_service, plus, ran, times
from chalicelib.core.principal import TERMINAL, Role
from infra.bill import Bill
from tests.scripted import HeardBell
from tests.store.costs import Counted, lark_like

SIZES: Final = (100, 1000, 10_000)
DAYS: Final = 30
KEPT_DAYS: Final = 90
MINUTES: Final = cost.HOURS * 60

# What is assumed of a company, a day: pushed events for each thousand people, commands typed, full syncs.
EVENTS_PER_1000: Final = 30
COMMANDS: Final = 10
SYNCS: Final = 1
# Hours of a month in which any task ends: in these CloudWatch counts the metrics that tasks send.
BUSY_HOURS: Final = 10 * DAYS
METRICS_OF_TASKS: Final = 3
# Bytes that Lambda logs of each run by itself, and that we add of one that does something.
LOGGED_BY_LAMBDA: Final = 350
LOGGED_BY_US: Final = 1500
# What a call to a vendor, or the answer to one of its own, sends out.
SENT_BYTES: Final = 2000
# What DynamoDB stores of each item beside what is in it.
INDEXED_BYTES: Final = 100
GB: Final = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one thing that happens asks for: at the table, of the queues, and by how many bytes the table grows."""

    bill: Bill
    rings: int
    grows: int

    @property
    def requests(self) -> int:
        return self.bill.reads + self.bill.writes

    @property
    def usage(self) -> Usage:
        units = {Charge.READ_UNITS: self.bill.read_units, Charge.WRITE_UNITS: self.bill.write_units}
        # A message is sent, received and deleted.
        return {**units, Charge.QUEUE_REQUESTS: 3 * self.rings}


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What was counted in a company of a size."""

    people: int
    stored: int
    sync: Work
    sync_calls: int
    event: Work
    told: Work
    command: Work
    hour_of_ticks: Work


class _Counting:
    def __init__(self, people: int, path: Path) -> None:
        self.counted, self.path = Counted(lark_like(people), str(path)), path

    def work(self, do: Callable[[], object]) -> Work:
        bells, before = self._rung(), self.stored()
        bill = self.counted.bill(do)
        return Work(bill=bill, rings=self._rung() - bells, grows=self.stored() - before)

    def stored(self) -> int:
        with sqlite3.connect(self.path) as file:
            count, size = file.execute("SELECT COUNT(*), SUM(size) FROM items").fetchone()
        return int(size or 0) + INDEXED_BYTES * int(count)

    def hour(self) -> None:
        for _ in range(60):
            self.counted.house.clock.sleep(60)
            for each in wiring.ticking():
                each.tick()

    def _rung(self) -> int:
        house = self.counted.house
        bells: tuple[HeardBell, ...] = (house.bell, house.delivery_bell, house.chat_bell)
        return sum(len(bell.rung) for bell in bells)


def counted_day(people: int) -> Day:
    with tempfile.TemporaryDirectory() as folder:
        counting = _Counting(people, Path(folder) / "rollcall.db")
        counted = counting.counted
        wiring.rooms().admins.add(TERMINAL, "hq", "ann", Role.OWNER)
        counted.sync()
        counted.tell()
        day = Day(
            people=people,
            stored=counting.stored(),
            sync=counting.work(counted.sync),
            sync_calls=sum(counted.house.tasks.recent(counted.house.source.uid, 1)[0].calls.values()),
            event=counting.work(counted.event),
            told=counting.work(counted.tell),
            command=counting.work(counted.command),
            hour_of_ticks=counting.work(counting.hour),
        )
        wiring.use(None)
    return day


def month(day: Day, standing: Standing = DEPLOYED) -> Usage:
    """Add up what happens in a month."""
    events, commands, syncs = EVENTS_PER_1000 * day.people / 1000 * DAYS, COMMANDS * DAYS, SYNCS * DAYS
    grown = KEPT_DAYS * (
        SYNCS * day.sync.grows + COMMANDS * day.command.grows + EVENTS_PER_1000 * day.people / 1000 * day.event.grows
    )
    stored_gb = (day.stored + max(0, grown)) / GB
    return plus(
        standing.usage(),
        times(_tick(day), MINUTES),
        times(_sync(day), syncs),
        times(_event(day), events),
        times(_command(day), commands),
        {
            Charge.SECRETS: 1,
            Charge.STORED_GB: stored_gb,
            Charge.RECOVERABLE_GB: stored_gb,
            # DynamoDB fetches the key of its table for each function that works, at most every five minutes.
            Charge.KEY_CALLS: cost.HOURS * cost.KEYS_AN_HOUR,
            Charge.METRICS: METRICS_OF_TASKS * BUSY_HOURS / cost.HOURS,
        },
    )


def _tick(day: Day) -> Usage:
    hour = day.hour_of_ticks
    requests = math.ceil(hour.requests / 60)
    return plus(
        times(hour.usage, 1 / 60),
        ran(MEMORY_MB["tick"], requests=requests, is_cold=False),
        {Charge.LOGGED_GB: LOGGED_BY_LAMBDA / GB},
    )


def _sync(day: Day) -> Usage:
    """Run a full sync, and look whom to tell of it."""
    calls = day.sync_calls
    worked = ran(MEMORY_MB["run_sync"], requests=day.sync.requests, waits_s=calls * cost.CALL_S)
    return plus(day.sync.usage, worked, _told(day), _once("run_sync"), {Charge.OUT_GB: calls * SENT_BYTES / GB})


def _event(day: Day) -> Usage:
    """Take in what a vendor pushed, read the person at the vendor, and look whom to tell of it."""
    door = ran(MEMORY_MB["api_handler"], requests=5)
    delivered = ran(MEMORY_MB["deliver"], requests=day.event.requests, waits_s=1.0)
    calls = {Charge.API_CALLS: 1, Charge.OUT_GB: 3 * SENT_BYTES / GB}
    return plus(day.event.usage, door, _once("api_handler"), delivered, _once("deliver"), _told(day), calls)


def _command(day: Day) -> Usage:
    """Answer what somebody typed: the vendor is called to post the answer, and calls back for what is pressed."""
    door = ran(MEMORY_MB["api_handler"], requests=5)
    answered = ran(MEMORY_MB["converse"], requests=day.command.requests, waits_s=1.0)
    calls = {Charge.API_CALLS: 2, Charge.OUT_GB: 3 * SENT_BYTES / GB}
    return plus(day.command.usage, times(plus(door, _once("api_handler")), 2), answered, _once("converse"), calls)


def _told(day: Day) -> Usage:
    return plus(day.told.usage, ran(MEMORY_MB["converse"], requests=day.told.requests), _once("converse"))


def _once(function: str) -> Usage:
    """Say what a run of a function asks for besides: its secrets, whose key is asked for, too, and its log."""
    logged = (LOGGED_BY_LAMBDA + LOGGED_BY_US) / GB
    if function not in MEMORY_MB:
        raise ValueError(function)
    return {Charge.SECRET_CALLS: 1, Charge.KEY_CALLS: 2, Charge.LOGGED_GB: logged}


def lines(usages: Mapping[int, Usage]) -> Iterator[str]:
    """Print the bill of each size, by service: at list prices, and beyond what is always free."""
    sizes = [f"{people:,} people" for people in usages]
    heads = [f"{size}, {what}" for size in sizes for what in ("list price", "with what is free")]
    yield f"| US dollars a month | {' | '.join(heads)} |"
    yield f"| --- | {' | '.join('---' for _ in heads)} |"
    priced = [by_service(usage, free=free) for usage in usages.values() for free in (False, True)]
    for service in cost.SERVICES:
        yield f"| {service} | {' | '.join(f'{each[service]:.2f}' for each in priced)} |"
    totals = [sum(each.values()) for each in priced]
    yield f"| **all** | {' | '.join(f'**{total:.2f}**' for total in totals)} |"


def counting(usages: Mapping[int, Usage]) -> Iterator[str]:
    """Print what was counted, and what one of it costs."""
    yield f"| counted a month | price | free | {' | '.join(f'{people:,} people' for people in usages)} |"
    yield f"| --- | --- | --- | {' | '.join('---' for _ in usages)} |"
    for charge in Charge:
        price = cost.PRICES[charge]
        amounts = " | ".join(_amount(usage.get(charge, 0)) for usage in usages.values())
        dollars = f"{price.dollars:.10f}".rstrip("0").rstrip(".")
        yield f"| {charge.replace('_', ' ')} | {dollars} | {_amount(price.free)} | {amounts} |"


def _amount(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:.3g}"


def usages() -> Mapping[int, Usage]:
    return {people: month(counted_day(people)) for people in SIZES}


if __name__ == "__main__":
    found = usages()
    print("\n".join(lines(found)))
    print()
    print("\n".join(counting(found)))
