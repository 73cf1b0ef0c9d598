from __future__ import annotations

from collections import Counter

from chalicelib.core.model import Key, Kind, new_entry_id
from chalicelib.store import keys
from tests.builders import HQ, a_department_key, an_employee_key


def test_rows_that_grow_with_a_company_are_spread_evenly() -> None:
    people = [an_employee_key(f"ou_{n}") for n in range(3200)]
    for places in ([keys.link(key) for key in people], [keys.entry(new_entry_id(key)) for key in people]):
        spread = Counter(partition for partition, _ in places)
        assert len(spread) == keys.SHARDS
        assert max(spread.values()) < 300


def test_every_place_is_in_a_partition_that_is_listed() -> None:
    key = an_employee_key("ann")
    assert keys.link(key)[0] in set(keys.links(HQ))
    assert keys.entry(new_entry_id(key))[0] in set(keys.entries())
    assert keys.plan_row("7", key)[0] in set(keys.plan("7"))


def test_places_are_stable() -> None:
    # A change of these is a migration of every table there is.
    assert keys.link(an_employee_key("ann")) == ("link#src-hq#03", "e#ann")
    assert keys.plan_row("7", a_department_key("root")) == ("plan#7#03", "d#root")
    assert keys.entry("e0123") == ("entry#01", "e0123")
    assert keys.alias("ann", "e0123") == ("alias#a", "ann#e0123")
    assert keys.waiting(HQ, "7") == ("work#src-hq", "waiting#000000000007")


def test_what_is_said_stands_in_the_order_in_which_it_came() -> None:
    first, second = "2026-11-22T12:00:00.000000Z", "2026-11-22T12:00:00.000001Z"
    assert keys.said_thing(HQ, first, "om_1")[1] < keys.said_thing(HQ, second, "om_0")[1]
    in_order = [keys.outgoing_thing(HQ, at, number, "x")[1] for at in (first, second) for number in (0, 2, 10)]
    assert in_order == sorted(in_order)
    assert [keys.outgoing_number(each) for each in in_order] == [0, 2, 10] * 2
    assert all(keys.is_outgoing(each, "x") and not keys.is_outgoing(each, "y") for each in in_order)


def test_whatever_a_vendor_names_is_a_possible_key() -> None:
    long = "消息#" * 50_000
    places = (keys.said_thing(HQ, "a", long), keys.heard(HQ, long), keys.put(HQ, long), keys.card("7", HQ, long))
    assert all(len(partition) < 100 and len(sort) < 100 for partition, sort in places)


def test_the_admins_of_one_source_are_not_those_of_another() -> None:
    assert not keys.admin("src-hq2", "ou_a")[1].startswith(keys.admins_of("src-hq"))


def test_a_department_and_an_employee_of_one_id_are_two() -> None:
    one, other = (Key(source=HQ, kind=kind, external_id="x") for kind in Kind)
    assert keys.link(one) != keys.link(other)
    assert keys.plan_row("1", one) != keys.plan_row("1", other)


def test_padded_ids_stand_in_the_order_of_numbers() -> None:
    ids = [str(n) for n in (1, 9, 10, 99, 100, 12345)]
    assert sorted(map(keys.padded, ids)) == [keys.padded(each) for each in ids]
    assert [keys.unpadded("waiting#" + keys.padded(each)) for each in ids] == ids


def test_a_long_request_name_is_a_possible_key() -> None:
    partition, _ = keys.once(HQ, "x" * 100_000)
    assert len(partition) < 100
