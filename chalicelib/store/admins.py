"""Who may command, from which chat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chalicelib.core.errors import ConditionFailedError
from chalicelib.core.ports import Delete, Equals, Put, Table
from chalicelib.core.principal import Admin
from chalicelib.store import keys
from chalicelib.store.body import BODY
from chalicelib.store.fencing import busy, every
from chalicelib.store.talk import admin_item, as_admin

_TRIES: Final = 5
# What is longer is no id of any vendor, and no possible key.
_LONGEST_PERSON: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class TableAdmins:
    table: Table

    def admin(self, source: str, person: str) -> Admin | None:
        if len(person) > _LONGEST_PERSON:
            return None
        item = self.table.get(*keys.admin(source, person))
        return None if item is None else as_admin(item)

    def admins(self, source: str | None = None) -> Sequence[Admin]:
        prefix = "" if source is None else keys.admins_of(source)
        admins = [as_admin(item) for item in every(self.table, keys.ADMINS, prefix=prefix)]
        return sorted(admins, key=lambda each: (each.source, each.person))

    def put(self, admin: Admin) -> None:
        self.table.write([Put(item=admin_item(admin))])

    def drop(self, source: str, person: str) -> bool:
        partition, sort = keys.admin(source, person)
        for _ in range(_TRIES):
            item = self.table.get(partition, sort)
            if item is None:
                return False
            try:
                self.table.write([Delete(partition=partition, sort=sort, when=Equals(BODY, item.attributes[BODY]))])
            except ConditionFailedError:
                continue
            return True
        raise busy()
