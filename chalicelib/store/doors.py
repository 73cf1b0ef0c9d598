"""When vendors last pushed to a source, and when something that was not proven came."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from chalicelib.core.errors import ConditionFailedError
from chalicelib.core.ports import Absent, Door, Equals, Put, Table
from chalicelib.store import keys
from chalicelib.store.body import instant, parse_instant, text_of
from chalicelib.store.codec import AT, row
from chalicelib.store.fencing import every

CHECKED: Final = "checked"
SEEN: Final = "seen"
REFUSED: Final = "refused"

_SEEN_EVERY: Final = timedelta(minutes=1)
# Whoever knows the URL can have this row written; so often, whatever they send.
_REFUSED_EVERY: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDoors:
    table: Table

    def checked(self, source: str, door: str, at: datetime) -> None:
        self.table.write([Put(item=row(keys.door(source, CHECKED, door), {AT: instant(at)}))])

    def seen(self, source: str, door: str, at: datetime) -> None:
        self._note(keys.door(source, SEEN, door), at, _SEEN_EVERY)

    def refused(self, source: str, door: str, at: datetime) -> None:
        self._note(keys.door(source, REFUSED, door), at, _REFUSED_EVERY)

    def of(self, source: str) -> Mapping[str, Door]:
        doors: dict[str, Door] = {}
        for item in every(self.table, keys.work(source), prefix=keys.DOOR_PREFIX):
            _, what, name = str(item.sort).split("#", 2)
            at, door = parse_instant(text_of(item, AT)), doors.get(name, Door())
            match what:
                case "checked":
                    doors[name] = replace(door, checked_at=at)
                case "seen":
                    doors[name] = replace(door, seen_at=at)
                case _:
                    doors[name] = replace(door, refused_at=at)
        return doors

    def _note(self, place: keys.Place, at: datetime, often: timedelta) -> None:
        known = self.table.get(*place)
        before = None if known is None else text_of(known, AT)
        if before is not None and at - parse_instant(before) < often:
            return
        unchanged = Absent() if before is None else Equals(AT, before)
        with suppress(ConditionFailedError):  # somebody else has noted it at the same time
            self.table.write([Put(item=row(place, {AT: instant(at)}), when=unchanged)])
