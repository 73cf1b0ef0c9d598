"""The limits that belong to the Table port, so that every engine refuses the same things in the same way.

They are DynamoDB's. Sizes count as DynamoDB counts them: UTF-8 names and values, keys and expiry included. A value of
another type than a row can have is a TypeError: nobody looks again before it is sent or kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import index
from typing import Final

from chalicelib.core.ports import (
    LARGEST_ITEM_BYTES,
    LARGEST_WRITE_BYTES,
    MOST_WRITES,
    Absent,
    Attribute,
    Before,
    Condition,
    Delete,
    Equals,
    Item,
    Put,
    Update,
    Write,
)

# The names under which an engine may keep the key and the expiry beside the attributes; no attribute may have them.
PARTITION: Final = "pk"
SORT: Final = "sk"
EXPIRES: Final = "expires"
RESERVED: Final = frozenset({PARTITION, SORT, EXPIRES})

LARGEST_PARTITION_KEY_BYTES: Final = 2048
LARGEST_SORT_KEY_BYTES: Final = 1024
LARGEST_PAGE_BYTES: Final = 1024 * 1024
_KEY_NAMES_BYTES: Final = len(PARTITION) + len(SORT)
_LARGEST_INTEGER: Final = 10**38 - 1


def check_partition(partition: str) -> int:
    """Return the bytes of a partition key that keeps its limits."""
    size = _text_bytes(partition)
    if not 0 < size <= LARGEST_PARTITION_KEY_BYTES:
        raise ValueError(f"partition key of {size} bytes, wanted 1 to {LARGEST_PARTITION_KEY_BYTES}")
    return size


def check_key(partition: str, sort: str) -> int:
    """Return the bytes of a key that keeps its limits."""
    size = _text_bytes(sort)
    if not 0 < size <= LARGEST_SORT_KEY_BYTES:
        raise ValueError(f"sort key of {size} bytes, wanted 1 to {LARGEST_SORT_KEY_BYTES}")
    return check_partition(partition) + size


def check_attribute(name: str, value: Attribute) -> int:
    """Return the bytes of an attribute that keeps its limits."""
    return _name_bytes(name) + _value_bytes(name, value)


def item_bytes(item: Item) -> int:
    """Return the bytes of an item that keeps its limits."""
    size = _KEY_NAMES_BYTES + check_key(item.partition, item.sort)
    size += _attributes_bytes(item.attributes)
    if item.expires is not None:
        size += len(EXPIRES) + _value_bytes(EXPIRES, item.expires)
    if size > LARGEST_ITEM_BYTES:
        raise ValueError(f"item of {size} bytes, wanted at most {LARGEST_ITEM_BYTES}")
    return size


def check_condition(condition: Condition) -> None:
    match condition:
        case Absent():
            return
        case Equals(attribute, value) | Before(attribute, value):
            check_attribute(attribute, value)


def place_of(write: Write) -> tuple[str, str]:
    """Tell which item a write is about."""
    at = write.item if isinstance(write, Put) else write
    return at.partition, at.sort


def write_bytes(write: Write) -> int:
    """Return the bytes that a write brings, which keep their limits."""
    if write.when is not None:
        check_condition(write.when)
    if isinstance(write, Put):
        return item_bytes(write.item)
    key_bytes = check_key(write.partition, write.sort)
    if isinstance(write, Update):
        if not write.attributes:
            raise ValueError("an update of nothing")
        return key_bytes + _attributes_bytes(write.attributes)
    return 0


def check_writes(writes: Sequence[Write]) -> Sequence[int]:
    """Hold one transaction against the limits, and return the bytes of each write.

    Raises:
        ValueError: naming the limit.
    """
    if not 1 <= len(writes) <= MOST_WRITES:
        raise ValueError(f"{len(writes)} writes at once, wanted 1 to {MOST_WRITES}")
    if len(set(map(place_of, writes))) < len(writes):
        raise ValueError("one item twice in one transaction")
    sizes = list(map(write_bytes, writes))
    if sum(sizes) > LARGEST_WRITE_BYTES:
        raise ValueError(f"transaction of {sum(sizes)} bytes, wanted at most {LARGEST_WRITE_BYTES}")
    return sizes


def check_plain(write: Put | Delete) -> int:
    """Hold one of many unconditional writes against the limits, and return its bytes."""
    if write.when is not None:
        raise ValueError("a condition among writes without conditions")
    return write_bytes(write)


def start_after(prefix: str, after: str | None, *, backward: bool) -> tuple[bool, str | None]:
    """Bring a query's start within its prefix: whether anything can follow at all, and after which sort key.

    DynamoDB refuses a start that lies outside of what the query may read; here it means what it says.
    """
    for text in (prefix, after or ""):
        _text_bytes(text)
    if after is None or (after and after.startswith(prefix)):
        return True, after
    beyond = (after > prefix) is not backward if after else backward
    return not beyond, None


def check_limit(limit: int | None) -> None:
    if limit is not None and index(limit) < 1:
        raise ValueError(f"page limit {limit}, wanted at least 1")


def _attributes_bytes(attributes: Mapping[str, Attribute]) -> int:
    size = 0
    for name, value in attributes.items():
        size += check_attribute(name, value)
    return size


@lru_cache(maxsize=256)
def _name_bytes(name: str) -> int:
    if not name or name in RESERVED:
        raise ValueError(f"attribute name {name!r} is empty or reserved")
    return _text_bytes(name)


def _text_bytes(text: str) -> int:
    # Asked of the type, which bytes are not: an engine that trusts this would keep them as something else.
    return len(text) if str.isascii(text) else len(text.encode())


def _value_bytes(name: str, value: Attribute) -> int:
    if isinstance(value, str):
        return _text_bytes(value)
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, bool):
        raise ValueError(f"attribute {name!r} is a bool, wanted str, int or bytes")
    if not -_LARGEST_INTEGER <= index(value) <= _LARGEST_INTEGER:
        raise ValueError(f"attribute {name!r} has more than 38 digits")
    return (len(str(abs(value))) + 1) // 2 + 1 + (value < 0)
