"""The sources and the rules that hold between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from chalicelib.core.errors import ConditionFailedError, ConflictError, NotFoundError
from chalicelib.core.ports import Absent, Equals, Item, Put, Table
from chalicelib.core.source import Source, check_room
from chalicelib.store import keys
from chalicelib.store.body import instant, number_of, parse_instant, text_of
from chalicelib.store.codec import AT, REVISION, as_source, row, source_item
from chalicelib.store.fencing import busy, every

_TRIES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCatalog:
    table: Table

    def sources(self) -> Sequence[Source]:
        return _sources(self._items())

    def source(self, handle_or_uid: str) -> Source:
        sources = self.sources()
        for each in sources:
            if each.uid == handle_or_uid:
                return each
        for each in sources:
            if each.handle == handle_or_uid:
                return each
        raise NotFoundError("no such source", handle=handle_or_uid[:40])

    def add(self, source: Source) -> None:
        for _ in range(_TRIES):
            items = self._items()
            others = _sources(items)
            check_room(source, others)
            if any(each.uid == source.uid for each in others):
                raise ConflictError("handle is taken", handle=source.handle)
            # Who adds a source changes the rules' revision: of two rivals one fails and looks again.
            rules = items.get(keys.RULES[1])
            revision = 0 if rules is None else number_of(rules, REVISION)
            unchanged = Absent() if rules is None else Equals(REVISION, revision)
            writes = [
                Put(item=row(keys.RULES, {REVISION: revision + 1}), when=unchanged),
                Put(item=source_item(source), when=Absent()),
            ]
            if source.last_asked_at is not None:
                writes.append(Put(item=_asked_item(source.uid, source.last_asked_at)))
            try:
                self.table.write(writes)
            except ConditionFailedError:
                continue
            return
        raise busy()

    def claim_due(self, source: Source, now: datetime) -> bool:
        last = source.last_asked_at
        when = Absent() if last is None else Equals(AT, instant(last))
        try:
            self.table.write([Put(item=_asked_item(source.uid, now), when=when)])
        except ConditionFailedError:
            return False
        return True

    def _items(self) -> Mapping[str, Item]:
        return {item.sort: item for item in every(self.table, keys.CATALOG)}


def _sources(items: Mapping[str, Item]) -> Sequence[Source]:
    sources = [
        as_source(item, last_asked_at=None) for sort, item in items.items() if sort.startswith(keys.SOURCE_PREFIX)
    ]
    asked = {each.uid: items.get(keys.asked(each.uid)[1]) for each in sources}
    return sorted(
        (replace(each, last_asked_at=_asked_at(asked[each.uid])) for each in sources), key=lambda each: each.handle
    )


def _asked_at(item: Item | None) -> datetime | None:
    return None if item is None else parse_instant(text_of(item, AT))


def _asked_item(uid: str, at: datetime) -> Item:
    return row(keys.asked(uid), {AT: instant(at)})
