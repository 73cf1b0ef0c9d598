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
