from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.errors import ContractError
from chalicelib.core.ports import Item
from chalicelib.store import codec
from chalicelib.store.body import BODY, Body, folded, instant, number_of, parse_instant, text_of
from tests.builders import a_link, a_row, a_source, a_task, an_entry

AWARE = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-5))]))


@given(one=AWARE, other=AWARE)
def test_the_order_of_instants_is_that_of_their_texts(one: datetime, other: datetime) -> None:
    try:
        texts = instant(one), instant(other)
    except OverflowError:
        return
    assert (texts[0] < texts[1]) is (one < other)
    assert parse_instant(texts[0]) == one
    assert {len(text) for text in texts} == {27}


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        instant(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize(("size", "kind"), [(100, str), (5000, bytes)])
def test_a_large_body_is_compressed(size: int, kind: type) -> None:
    text = "王" * size
    body = folded({"text": text})
    assert isinstance(body, kind)
    assert Body.of(Item(partition="p", sort="s", attributes={BODY: body})).text("text") == text


@pytest.mark.parametrize(
    "read",
    [
        lambda body: body.text("number"),
        lambda body: body.text("missing"),
        lambda body: body.number("text"),
        lambda body: body.number("flag"),
        lambda body: body.flag("number"),
        lambda body: body.share("flag"),
        lambda body: body.child("text"),
        lambda body: body.texts("numbers"),
        lambda body: body.texts("text"),
        lambda body: body.values("nested"),
        lambda body: body.values("deep"),
        lambda body: body.key("numbers"),
    ],
)
def test_a_member_of_another_type_is_a_broken_row(read: Callable[[Body], object]) -> None:
    text = '{"text":"a","number":1,"flag":true,"numbers":[1,2],"nested":{"a":{"b":1}},"deep":{"a":[[1]]}}'
    with pytest.raises(ContractError):
        read(Body.parse(text))


def test_a_row_without_its_body_is_broken() -> None:
    item = Item(partition="p", sort="s", attributes={"n": 1})
    for read in (lambda: Body.of(item), lambda: text_of(item, "n"), lambda: number_of(item, "m"), lambda: Body([])):
        with pytest.raises(ContractError):
            read()


def test_rows_expire_as_they_should() -> None:
    assert codec.link_item(a_link()).expires is None
    assert codec.entry_item(an_entry()).expires is None
    assert codec.source_item(a_source()).expires is None
    assert codec.task_item(a_task()).expires is None
    tombstone = codec.link_item(a_link(entry_id=""))
    assert tombstone.expires == int((a_link().observed_at + timedelta(days=30)).timestamp())
    row = a_row()
    assert codec.record_item(row).expires == int((row.observed_at + timedelta(days=90)).timestamp())


def test_an_entry_id_begins_like_its_kind() -> None:
    entry = an_entry()
    wrong = type(entry)(entry_id="d123", key=entry.key, values=entry.values, revision=1, observed_at=entry.observed_at)
    with pytest.raises(ValueError, match="kind"):
        codec.entry_item(wrong)
