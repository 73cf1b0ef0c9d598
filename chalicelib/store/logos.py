"""The pictures of sources, each a row of its own: whoever reads the sources does not read them."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.core.ports import Delete, Put, Table
from chalicelib.store import keys
from chalicelib.store.body import BODY
from chalicelib.store.codec import row


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLogos:
    table: Table

    def get(self, source: str) -> bytes | None:
        item = self.table.get(*keys.logo(source))
        raw = None if item is None else item.attributes.get(BODY)
        return raw if isinstance(raw, bytes) else None

    def put(self, source: str, logo: bytes) -> None:
        self.table.write([Put(item=row(keys.logo(source), {BODY: logo}))])

    def drop(self, source: str) -> None:
        partition, sort = keys.logo(source)
        self.table.write([Delete(partition=partition, sort=sort)])
