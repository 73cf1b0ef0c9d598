"""The sources and the rules that hold between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from chalicelib.core.errors import ConditionFailedError, ConflictError
from chalicelib.core.ports import Absent, Before, Check, Condition, Equals, Item, Put, Table, Write
from chalicelib.core.source import Source, Turn, check_room, due_at, which
from chalicelib.store import keys
from chalicelib.store.body import instant, number_of, parse_instant, text_of
from chalicelib.store.codec import AT, DELETING, DUE, REVISION, TURN, as_source, row, source_item
from chalicelib.store.fencing import busy, every

QUARTER: Final = 15
_TRIES: Final = 20
# Before every instant, and after no instant at all.
_FIRST: Final = "0"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCatalog:
    table: Table

    def sources(self) -> Sequence[Source]:
        return _sources(self._items())

    def source(self, handle_or_uid: str) -> Source:
        return which(self.sources(), handle_or_uid)

    def add(self, source: Source) -> None:
        for _ in range(_TRIES):
            items = self._items()
            others = _sources(items)
            check_room(source, others)
            if any(each.uid == source.uid for each in others):
                raise ConflictError("handle is taken", handle=source.handle)
            writes: list[Write] = [
                _rules_write(items),
                Put(item=source_item(replace(source, revision=1)), when=Absent()),
                Put(item=_asked_item(source)),
            ]
            try:
                self.table.write(writes)
            except ConditionFailedError:
                continue
            return
        raise busy()

    def update(self, source: Source, *, instead_of: Source) -> bool:
        for _ in range(_TRIES):
            items = self._items()
            others = _sources(items)
            now = next((each for each in others if each.uid == source.uid), None)
            if now is None or now.revision != instead_of.revision:
                return False
            check_room(source, others)
            edited = replace(source, revision=now.revision + 1, last_asked_at=now.last_asked_at)
            writes: list[Write] = [
                _rules_write(items),
                Put(item=source_item(edited), when=_is_revision(now)),
                # A tick that has claimed the old time meanwhile is looked at again.
                Put(item=_asked_item(edited), when=_is_asked(now)),
            ]
            try:
                self.table.write(writes)
            except ConditionFailedError:
                continue
            return True
        raise busy()

    def claim_due(self, source: Source, now: datetime, next_due_at: datetime | None) -> bool:
        partition, sort = keys.source(source.uid)
        claimed = _asked_item(replace(source, last_asked_at=now, next_due_at=next_due_at))
        try:
            self.table.write(
                [
                    Put(item=claimed, when=_is_asked(source)),
                    Check(partition=partition, sort=sort, when=_is_revision(source)),
                ]
            )
        except ConditionFailedError:
            return False
        return True

    def turns(self, now: datetime) -> Sequence[Turn]:
        if now.minute % QUARTER == 0:
            return [
                Turn(uid=each.uid, due_at=due_at(each), is_deleted=each.deleting is not None) for each in self.sources()
            ]
        return [
            Turn(
                uid=row.sort.removeprefix(keys.ASKED_PREFIX),
                due_at=_instant(row, TURN),
                is_deleted=row.attributes.get(DELETING) == 1,
            )
            for row in every(self.table, keys.CATALOG, prefix=keys.ASKED_PREFIX)
        ]

    def _items(self) -> Mapping[str, Item]:
        return {item.sort: item for item in every(self.table, keys.CATALOG)}


def _sources(items: Mapping[str, Item]) -> Sequence[Source]:
    sources = [as_source(item) for sort, item in items.items() if sort.startswith(keys.SOURCE_PREFIX)]
    asked = ((each, items.get(keys.asked(each.uid)[1])) for each in sources)
    return sorted(
        (replace(each, last_asked_at=_instant(item, AT), next_due_at=_instant(item, DUE)) for each, item in asked),
        key=lambda each: each.handle,
    )


def _instant(item: Item | None, name: str) -> datetime | None:
    return parse_instant(text_of(item, name)) if item is not None and item.attributes.get(name) else None


def _asked_item(source: Source) -> Item:
    """Spell when a source was last asked for and is due next; what is not known is empty.

    Its turn is when ticks are to look at it: never where it is disabled, or not synced by itself.
    """
    at, due, turn = (
        "" if each is None else instant(each) for each in (source.last_asked_at, source.next_due_at, due_at(source))
    )
    deleting = {DELETING: 1} if source.deleting else {}
    return row(keys.asked(source.uid), {AT: at, DUE: due, TURN: turn, **deleting})


def _is_asked(source: Source) -> Condition:
    """Hold while nobody has asked since: the row of one that was never asked for may be there, with nothing in it."""
    return Before(AT, _FIRST) if source.last_asked_at is None else Equals(AT, instant(source.last_asked_at))


def _is_revision(source: Source) -> Condition:
    """Hold while nobody has edited it; the row of a build before has no revision."""
    return Equals(REVISION, source.revision) if source.revision else Before(REVISION, 1)


def _rules_write(items: Mapping[str, Item]) -> Put:
    """Change the revision of the rules between sources: of two rivals one fails and looks again."""
    rules = items.get(keys.RULES[1])
    revision = 0 if rules is None else number_of(rules, REVISION)
    unchanged = Absent() if rules is None else Equals(REVISION, revision)
    return Put(item=row(keys.RULES, {REVISION: revision + 1}), when=unchanged)
