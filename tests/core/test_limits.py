from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.limits import (
    check_key,
    check_limit,
    check_plain,
    check_writes,
    item_bytes,
    start_after,
    write_bytes,
)
from chalicelib.core.ports import (
    LARGEST_ITEM_BYTES,
    MOST_WRITES,
    Absent,
    Attribute,
    Check,
    Delete,
    Equals,
    Item,
    Put,
    Write,
)


def an_item(sort: str = "s", **attributes: Attribute) -> Item:
    return an_item_of(attributes, sort)


def an_item_of(attributes: Mapping[str, Attribute], sort: str = "s") -> Item:
    return Item(partition="p", sort=sort, attributes=attributes)


def test_an_item_is_counted_by_its_names_and_values_in_utf_8() -> None:
    assert item_bytes(an_item()) == len("pkskps")
    assert item_bytes(an_item(a="中")) == len("pkskpsa") + 3


@pytest.mark.parametrize("over", [0, 1])
def test_the_largest_item_is_exactly_400_kb(over: int) -> None:
    item = an_item(a="x" * (LARGEST_ITEM_BYTES - item_bytes(an_item(a="")) + over))
    if over:
        with pytest.raises(ValueError, match="item of"):
            item_bytes(item)
    else:
        assert item_bytes(item) == LARGEST_ITEM_BYTES


@pytest.mark.parametrize(
    "attributes", [{"": 1}, {"pk": "x"}, {"sk": "x"}, {"expires": 1}, {"a": True}, {"a": 10**38}, {"a": -(10**38)}]
)
def test_an_attribute_that_an_engine_could_not_keep_is_refused(attributes: dict[str, Attribute]) -> None:
    with pytest.raises(ValueError, match="attribute"):
        item_bytes(an_item_of(attributes))


@pytest.mark.parametrize(("partition", "sort"), [("", "s"), ("p", ""), ("p" * 2049, "s"), ("p", "s" * 1025)])
def test_a_key_is_neither_empty_nor_too_long(partition: str, sort: str) -> None:
    with pytest.raises(ValueError, match="key of"):
        check_key(partition, sort)


def test_a_transaction_has_one_to_a_hundred_writes_and_no_item_twice() -> None:
    puts = [Put(item=an_item(str(number))) for number in range(MOST_WRITES + 1)]
    check_writes(puts[:MOST_WRITES])
    twice = Delete(partition="p", sort="0"), Check(partition="p", sort="0", when=Absent())
    refused: list[Sequence[Write]] = [[], puts, *([puts[0], each] for each in twice)]
    for wrong in refused:
        with pytest.raises(ValueError, match=r"writes at once|twice"):
            check_writes(wrong)


def test_a_transaction_carries_at_most_four_megabytes() -> None:
    puts = [Put(item=an_item(str(number), a="x" * 390_000)) for number in range(11)]
    check_writes(puts[:10])
    with pytest.raises(ValueError, match="transaction of"):
        check_writes(puts)


def test_only_a_put_carries_an_item() -> None:
    assert write_bytes(Delete(partition="p", sort="s")) == 0
    assert write_bytes(Put(item=an_item(), when=Equals("a", 1))) == item_bytes(an_item())


def test_writes_in_any_number_take_no_condition() -> None:
    check_plain(Put(item=an_item()))
    with pytest.raises(ValueError, match="without conditions"):
        check_plain(Put(item=an_item(), when=Absent()))


def test_a_page_has_at_least_one_row() -> None:
    check_limit(None)
    check_limit(1)
    with pytest.raises(ValueError, match="page limit"):
        check_limit(0)


@given(
    st.sets(st.text("abc", min_size=1, max_size=4)),
    st.text("abc", max_size=2),
    st.text("abc", max_size=4),
    st.booleans(),
)
def test_a_start_outside_of_the_prefix_means_what_it_says(
    sorts: set[str], prefix: str, after: str, backward: bool
) -> None:
    def following(start: str | None) -> list[str]:
        ours = sorted((each for each in sorts if each.startswith(prefix)), reverse=backward)
        return [each for each in ours if start is None or (each < start if backward else each > start)]

    more, within = start_after(prefix, after, backward=backward)
    assert (following(within) if more else []) == following(after)
