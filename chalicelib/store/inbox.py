"""Verified callbacks, each kept once until somebody has worked it off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chalicelib.core.errors import ConditionFailedError
from chalicelib.core.message import Delivery
from chalicelib.core.ports import Absent, Delete, Equals, Put, Table
from chalicelib.store import keys
from chalicelib.store.body import instant, number_of
from chalicelib.store.codec import AT, COUNT, as_delivery, delivery_item, expiry, row
from chalicelib.store.fencing import every

_TRIES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TableInbox:
    table: Table

    def store(self, delivery: Delivery) -> bool:
        # That it was seen is a row of its own, which stays when the delivery is done.
        seen = row(
            keys.delivery_seen(delivery.source, delivery.delivery_id),
            {AT: instant(delivery.received_at)},
            expires=expiry(delivery.received_at, keys.DELIVERY_LIFE),
        )
        try:
            self.table.write([Put(item=seen, when=Absent()), Put(item=delivery_item(delivery))])
        except ConditionFailedError:
            return False
        return True

    def waiting(self, source: str) -> Sequence[Delivery]:
        return [as_delivery(item) for item in every(self.table, keys.inbox(source))]

    def done(self, deliveries: Sequence[Delivery]) -> None:
        places = {keys.delivery(each.source, instant(each.received_at), each.delivery_id): None for each in deliveries}
        self.table.write_many(Delete(partition=partition, sort=sort) for partition, sort in places)

    def drop(self, source: str, at: datetime) -> int:
        place = keys.dropped(source)
        count = 0
        for _ in range(_TRIES):
            item = self.table.get(*place)
            count = 0 if item is None else number_of(item, COUNT)
            unchanged = Absent() if item is None else Equals(COUNT, count)
            try:
                self.table.write([Put(item=row(place, {COUNT: count + 1, AT: instant(at)}), when=unchanged)])
            except ConditionFailedError:
                continue
            return count + 1
        return count
