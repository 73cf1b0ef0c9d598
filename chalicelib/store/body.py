"""JSON bodies: written compact, read back with the type of each member checked.

Large ones are compressed. A body that lacks what its reader asks for is a broken row, which a developer must look at.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import NoneType
from typing import Final, TypeAlias

from chalicelib.core.errors import ContractError
from chalicelib.core.model import Key, Kind, Remark, Values
from chalicelib.core.ports import Attribute, Item

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

BODY: Final = "body"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# DynamoDB charges writes by the kilobyte, keys and expiry included.
_COMPRESS_ABOVE_BYTES: Final = 800
# On texts as short as these the other levels save two percent and take half as much time again.
_LEVEL: Final = 1
_PLAIN: Final = (str, int, NoneType)
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@lru_cache(maxsize=256)  # what was read together bears one instant
def instant(at: datetime) -> str:
    """Spell an instant so that the order of texts is that of times: UTC, microseconds, fixed width."""
    if at.utcoffset() is None:
        raise ValueError("an instant needs its time zone")
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def moment(at: datetime) -> int:
    """Count the microseconds up to an instant: in the same order, and a third of the bytes."""
    return (at - _EPOCH) // _MICROSECOND


def as_instant(moment_: int) -> datetime:
    return _EPOCH + moment_ * _MICROSECOND


def parse_instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def dump(json_: Json) -> str:
    return _encode(json_)


def folded(json_: Json) -> Attribute:
    """Spell a body as the attribute of a row."""
    text = dump(json_)
    octets = text.encode()
    return text if len(octets) <= _COMPRESS_ABOVE_BYTES else zlib.compress(octets, _LEVEL)


class Body:
    """A JSON object read back."""

    __slots__ = ("_members",)

    def __init__(self, members: object) -> None:
        if not isinstance(members, dict):
            raise broken("body")
        self._members: dict[str, object] = members

    @classmethod
    def of(cls, item: Item) -> Body:
        body = item.attributes.get(BODY)
        if isinstance(body, bytes):
            body = zlib.decompress(body).decode()
        if not isinstance(body, str):
            raise broken(BODY)
        return cls.parse(body)

    @classmethod
    def parse(cls, text: str) -> Body:
        return cls(json.loads(text))

    def names(self) -> Iterator[str]:
        return iter(self._members)

    def has(self, name: str) -> bool:
        return self._members.get(name) is not None

    def text(self, name: str) -> str:
        value = self._members.get(name)
        if not isinstance(value, str):
            raise broken(name)
        return value

    def number(self, name: str) -> int:
        value = self._members.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise broken(name)
        return value

    def share(self, name: str) -> float:
        value = self._members.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise broken(name)
        return float(value)

    def flag(self, name: str) -> bool:
        value = self._members.get(name)
        if not isinstance(value, bool):
            raise broken(name)
        return value

    def when(self, name: str) -> datetime:
        return parse_instant(self.text(name))

    def maybe_when(self, name: str) -> datetime | None:
        return self.when(name) if self.has(name) else None

    def child(self, name: str) -> Body:
        return Body(self._members.get(name))

    def children(self, name: str) -> Iterator[Body]:
        return (Body(each) for each in self._list(name))

    def texts(self, name: str) -> tuple[str, ...]:
        return texts(self._list(name), name)

    def tuples(self, name: str, of: int | None = None) -> tuple[tuple[str, ...], ...]:
        """Read a list of lists of texts, each of that many."""
        rows = tuple(_tuple(each, name) for each in self._list(name))
        if of is not None and any(len(each) != of for each in rows):
            raise broken(name)
        return rows

    def numbers(self, name: str) -> Mapping[str, int]:
        child = self.child(name)
        return {each: child.number(each) for each in child.names()}

    def values(self, name: str) -> Values:
        return _values(self._members.get(name), name)

    def rows(self, name: str) -> Iterator[tuple[str, str, Values]]:
        """Read a list of lists of two texts and an object."""
        for each in self._list(name):
            match each:
                case [str(first), str(second), dict(values)]:
                    yield first, second, _values(values, name)
                case _:
                    raise broken(name)

    def key(self, name: str) -> Key:
        return _key(self._members.get(name))

    def keys(self, name: str) -> tuple[Key, ...]:
        return tuple(_key(each) for each in self._list(name))

    def remark(self, name: str) -> Remark | None:
        if not self.has(name):
            return None
        return as_remark(self.child(name))

    def remarks(self, name: str) -> tuple[Remark, ...]:
        return tuple(as_remark(each) for each in self.children(name))

    def _list(self, name: str) -> list[object]:
        value = self._members.get(name)
        if not isinstance(value, list):
            raise broken(name)
        return value


def key_json(key: Key) -> Json:
    return (key.source, key.kind, key.external_id)


def remark_json(remark: Remark | None) -> Json:
    return None if remark is None else {"code": remark.code, "facts": dict(remark.facts)}


def as_remark(body: Body) -> Remark:
    facts: dict[str, str | int] = {}
    for name, value in body.values("facts").items():
        if not isinstance(value, str | int):
            raise broken(name)
        facts[name] = value
    return Remark(code=body.text("code"), facts=facts)


def texts(members: Sequence[object], name: str) -> tuple[str, ...]:
    return tuple(_text(each, name) for each in members)


def text_of(item: Item, name: str) -> str:
    """Read a top-level attribute that is a text."""
    return _text(item.attributes.get(name), name)


def number_of(item: Item, name: str) -> int:
    value = item.attributes.get(name)
    if not isinstance(value, int):
        raise broken(name)
    return value


def broken(name: str) -> ContractError:
    return ContractError("internal error", kind=f"broken row: {name}")


def _values(members: object, name: str) -> Values:
    if not isinstance(members, dict):
        raise broken(name)
    return {each: value if isinstance(value, _PLAIN) else _tuple(value, each) for each, value in members.items()}


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise broken(name)
    return value


def _tuple(value: object, name: str) -> tuple[str, ...]:
    if isinstance(value, list):
        return texts(value, name)
    raise broken(name)


def _key(value: object) -> Key:
    match value:
        case [str(source), str(kind), str(external_id)]:
            return Key(source=source, kind=Kind(kind), external_id=external_id)
        case _:
            raise broken("key")
