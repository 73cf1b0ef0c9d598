"""What a source leaves behind, found by the partitions that are its own, and erased."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.core.ports import Clock, Delete, Table
from chalicelib.store import keys
from chalicelib.store.fencing import every
from chalicelib.store.tasks import TableTasks


@dataclass(frozen=True, slots=True, kw_only=True)
class TableEstate:
    table: Table
    clock: Clock

    def clear(self, source: str) -> None:
        # What it points at is found by it.
        TableTasks(table=self.table, clock=self.clock).drop_snapshot(source)
        for partition in keys.of_source(source):
            self._clear(partition)
        self._clear(keys.ADMINS, prefix=keys.admins_of(source))
        for partition, sort in (keys.notices(source), keys.asked(source), keys.source(source)):
            self.table.write([Delete(partition=partition, sort=sort)])

    def _clear(self, partition: str, *, prefix: str = "") -> None:
        places = [(item.partition, item.sort) for item in every(self.table, partition, prefix=prefix)]
        self.table.write_many(Delete(partition=partition, sort=sort) for partition, sort in places)
