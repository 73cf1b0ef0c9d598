"""What is asked of a table, in items and in DynamoDB's request units.

Units are computed from item sizes as DynamoDB charges them: a strongly consistent read 1 for each 4 KB (a query for
each 4 KB of its page), a write 1 for each KB, twice that in a transaction; a check is counted as a write of what it
looks at, a delete by what it deletes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from chalicelib.core.limits import item_bytes, place_of
from chalicelib.core.ports import Delete, Item, Page, Put, Table, Update, Write

READ_UNIT_BYTES = 4096
WRITE_UNIT_BYTES = 1024
READS_AT_ONCE = 100
WRITES_AT_ONCE = 25


@dataclass(slots=True, kw_only=True)
class Bill:
    """`reads` and `writes` are requests: a get, a page of a query, a batch of 100 or 25 items, a transaction."""

    reads: int = 0
    items_read: int = 0
    read_units: int = 0
    writes: int = 0
    items_written: int = 0
    write_units: int = 0

    def less(self, other: Bill) -> Bill:
        return Bill(**{each.name: getattr(self, each.name) - getattr(other, each.name) for each in fields(Bill)})

    def plus(self, other: Bill) -> Bill:
        return Bill(**{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(Bill)})


class CountingTable:
    """A Table that keeps the bill of another."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._lock = threading.Lock()
        self.bill = Bill()

    def get(self, partition: str, sort: str) -> Item | None:
        return self.get_many([(partition, sort)]).get((partition, sort))

    def get_many(self, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Item]:
        found = self._table.get_many(keys)
        units = sum(units_of(item_bytes(found[key]) if key in found else 0, READ_UNIT_BYTES) for key in set(keys))
        reads = -(-len(set(keys)) // READS_AT_ONCE)
        self._add(Bill(reads=reads, items_read=len(found), read_units=units))
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
        units = units_of(sum(item_bytes(item) for item in page.items), READ_UNIT_BYTES)
        self._add(Bill(reads=1, items_read=len(page.items), read_units=units))
        return page

    def write(self, writes: Sequence[Write]) -> None:
        for write in writes:
            self._charge(write, times=2)
        self._add(Bill(writes=1))
        self._table.write(writes)

    def write_many(self, writes: Iterable[Put | Delete]) -> None:
        self._table.write_many(self._charged(writes))

    def _charged(self, writes: Iterable[Put | Delete]) -> Iterator[Put | Delete]:
        for nth, write in enumerate(writes):
            self._charge(write, times=1)
            self._add(Bill(writes=int(nth % WRITES_AT_ONCE == 0)))
            yield write

    def _charge(self, write: Write, *, times: int) -> None:
        kept = self._table.get(*place_of(write))
        size = item_bytes(kept) if kept else 0
        if isinstance(write, Put):
            size = max(size, item_bytes(write.item))
        if isinstance(write, Update) and kept:
            size = max(size, item_bytes(replace(kept, attributes={**kept.attributes, **write.attributes})))
        self._add(Bill(items_written=1, write_units=times * units_of(size, WRITE_UNIT_BYTES)))

    def _add(self, more: Bill) -> None:
        with self._lock:  # the heartbeat writes from a thread of its own
            self.bill = self.bill.plus(more)


def units_of(size: int, of: int) -> int:
    return max(1, -(-size // of))
