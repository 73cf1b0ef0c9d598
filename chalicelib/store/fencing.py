"""Writes under a lease: the check that goes with each of them, and how many of them fit into one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from chalicelib.core import limits
from chalicelib.core.errors import StoreConflictError
from chalicelib.core.ports import LARGEST_WRITE_BYTES, MOST_WRITES, Check, Equals, Item, Page, Table, Write
from chalicelib.core.task import Fence
from chalicelib.store import keys
from chalicelib.store.body import text_of
from chalicelib.store.codec import OWNER
from chalicelib.store.keys import Place

T = TypeVar("T")

_LEASE_RETRY_S: Final = 5.0


def lease_check(fence: Fence) -> Check:
    partition, sort = keys.lease(fence.source, fence.lane)
    return Check(partition=partition, sort=sort, when=Equals(OWNER, fence.owner))


def holds_lease(table: Table, fence: Fence) -> bool:
    item = table.get(*keys.lease(fence.source, fence.lane))
    return item is not None and text_of(item, OWNER) == fence.owner


def lease_lost() -> StoreConflictError:
    return StoreConflictError("lease is lost", retry_after=_LEASE_RETRY_S)


def busy() -> StoreConflictError:
    return StoreConflictError("store is busy", retry_after=1.0)


def packs(items: Sequence[T], writes_of: Callable[[T], Sequence[Write]], *, shared: int) -> Iterator[Sequence[T]]:
    """Cut a sequence into pieces whose writes fit into one transaction beside `shared` others; the order stays."""
    pack: list[T] = []
    places: set[Place] = set()
    size = 0
    for item in items:
        writes = writes_of(item)
        own = set(map(limits.place_of, writes))
        own_size = sum(map(limits.write_bytes, writes))
        too_many = len(places) + len(own) + shared > MOST_WRITES
        if pack and (too_many or size + own_size > LARGEST_WRITE_BYTES or not places.isdisjoint(own)):
            yield pack
            pack, places, size = [], set(), 0
        pack.append(item)
        places |= own
        size += own_size
    if pack:
        yield pack


def every(table: Table, partition: str, *, prefix: str = "", backward: bool = False) -> Iterator[Item]:
    """Read a partition page by page."""
    after: str | None = None
    while True:
        page: Page = table.query(partition, prefix=prefix, after=after, backward=backward)
        yield from page.items
        if page.resume is None:
            return
        after = page.resume
