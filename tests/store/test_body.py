from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.errors import ContractError
from chalicelib.core.limits import item_bytes
from chalicelib.core.mapping import digest
from chalicelib.core.model import Key, Kind, Link, State
from chalicelib.core.ports import Item
from chalicelib.store import codec
from chalicelib.store.body import (
    BODY,
    Body,
    as_instant,
    folded,
    instant,
    moment,
    number_of,
    parse_instant,
    text_of,
)
from tests.builders import NOON, a_department_key, a_link, a_row, a_source, a_task, an_employee_key, an_entry

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


@pytest.mark.parametrize(
    "link",
    [
        a_link(),
        a_link(entry_id="", digest="", task="123456"),
        a_link(entry_id="e0123456789abcdef0123"),
        a_link(a_department_key("od-#1#")),
        a_link(unseen_since=NOON),
        replace(a_link(), owner="src-branch", state=State.LEFT),
        replace(a_link(a_department_key(), state=State.SUSPENDED), within="s1"),
        replace(a_link(state=State.INVITED), observed_at=NOON.replace(microsecond=1)),
    ],
    ids=str,
)
def test_a_link_comes_back_as_it_was(link: Link) -> None:
    assert codec.as_link(codec.link_item(link)) == link


def test_a_link_is_short() -> None:
    key = Key(source="0123456789abcdef", kind=Kind.EMPLOYEE, external_id=f"on_{0:032x}")
    link = a_link(key, digest=digest({"name": "Ann"}), task="12345")
    assert item_bytes(codec.link_item(link)) <= 112


@pytest.mark.parametrize("text", ["{}", "[]", '["x","1","d"]', '["a",1,"d"]', '["a","1","d",1]', '["a","1","d",{},1]'])
def test_a_link_that_says_something_else_is_a_broken_row(text: str) -> None:
    item = codec.link_item(a_link())
    with pytest.raises(ContractError):
        codec.as_link(replace(item, attributes={**item.attributes, codec.LINK: text}))


def test_instants_of_links_are_in_the_order_of_time() -> None:
    instants = [NOON - timedelta(days=40_000), NOON, NOON + timedelta.resolution, NOON + timedelta(days=40_000)]
    moments = [moment(each) for each in instants]
    assert moments == sorted(set(moments))
    assert [as_instant(each) for each in moments] == instants


@pytest.mark.parametrize("plan_keys", [None, (), (a_department_key(), an_employee_key())])
def test_a_task_remembers_the_keys_of_its_plan(plan_keys: tuple[Key, ...] | None) -> None:
    task = replace(a_task(), task_id="1", plan_keys=plan_keys)
    assert codec.as_task(codec.task_item(task)) == task
