"""What a run has read so far, kept so that its next slice does not read it again; of a whole read, the snapshot.

A staged thing is lines of JSON, compressed, in chunks and a head that is written last: without its head it is not
there. Chunks are named after their content, so a thing that is staged again never mixes with what it was.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from chalicelib.core.errors import ContractError
from chalicelib.core.ports import Delete, Item, Put, Table
from chalicelib.store import keys
from chalicelib.store.body import number_of, text_of
from chalicelib.store.codec import expiry, row
from chalicelib.store.fencing import every
from chalicelib.store.keys import Place, Staged

T = TypeVar("T")

CHUNK_BYTES: Final = 380 * 1024
_CHUNKS: Final = "chunks"
_DIGEST: Final = "digest"
_DATA: Final = "data"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lazily(Mapping[str, T], Generic[T]):
    """What is staged, by name; a thing is loaded each time it is asked for."""

    table: Table
    task_id: str
    staged: Staged
    heads: Mapping[str, Item]
    read: Callable[[Iterator[str]], T]

    def __getitem__(self, name: str) -> T:
        places = _places(self.task_id, self.staged, name, self.heads[name])
        found = self.table.get_many(places)
        if len(found) < len(places):
            raise ContractError("internal error", kind="staged chunk missing")
        return self.read(_lines(_data(found[place]) for place in places))

    def __iter__(self) -> Iterator[str]:
        return iter(self.heads)

    def __len__(self) -> int:
        return len(self.heads)


def put(table: Table, task_id: str, staged: Staged, name: str, lines: Iterable[str], now: datetime) -> None:
    packing = zlib.compressobj(level=6)
    packed = b"".join([*(packing.compress(f"{line}\n".encode()) for line in lines), packing.flush()])
    digest = hashlib.blake2b(packed, digest_size=8).hexdigest()
    chunks = [packed[start : start + CHUNK_BYTES] for start in range(0, len(packed), CHUNK_BYTES)]
    # Data outlives its head: an engine may take its time to remove what has expired, in any order.
    data_ends = expiry(now, keys.STAGED_DATA_LIFE)
    table.write_many(
        Put(item=row(keys.staged_data(task_id, staged, name, digest, n), {_DATA: chunk}, expires=data_ends))
        for n, chunk in enumerate(chunks)
    )
    head = row(
        keys.staged_head(task_id, staged, name),
        {_CHUNKS: len(chunks), _DIGEST: digest},
        expires=expiry(now, keys.STAGE_LIFE),
    )
    table.write_many([Put(item=head)])  # by itself it needs no transaction, which costs twice as much


def look(
    table: Table, task_id: str, staged: Staged, read: Callable[[Iterator[str]], T], now: datetime, life: timedelta
) -> Lazily[T]:
    """Look at what was staged within `life`."""
    prefix = f"{staged}#"
    ends_after = expiry(now, keys.STAGE_LIFE - life)
    heads = {
        item.sort.removeprefix(prefix): item
        for item in every(table, keys.stage(task_id), prefix=prefix)
        if item.expires is not None and item.expires > ends_after
    }
    return Lazily(table=table, task_id=task_id, staged=staged, heads=heads, read=read)


def clear(table: Table, task_id: str) -> None:
    """Remove what is staged.

    Heads say where the data is, so that it is not read again; a chunk left over by a kill expires.
    """
    places: list[Place] = []
    for item in every(table, keys.stage(task_id)):
        kind, _, name = item.sort.partition("#")
        places.append((item.partition, item.sort))
        places.extend(_places(task_id, Staged(kind), name, item))
    table.write_many(Delete(partition=partition, sort=sort) for partition, sort in places)


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    packing, begun = zlib.decompressobj(), b""
    for chunk in chunks:
        *whole, begun = (begun + packing.decompress(chunk)).split(b"\n")
        yield from (line.decode() for line in whole)
    if begun or not packing.eof:
        raise ContractError("internal error", kind="staged chunk cut short")


def _places(task_id: str, staged: Staged, name: str, head: Item) -> Sequence[Place]:
    digest = text_of(head, _DIGEST)
    return [keys.staged_data(task_id, staged, name, digest, n) for n in range(number_of(head, _CHUNKS))]


def _data(item: Item) -> bytes:
    data = item.attributes.get(_DATA)
    if not isinstance(data, bytes):
        raise ContractError("internal error", kind="broken row: data")
    return data
