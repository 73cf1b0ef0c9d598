"""What is staged comes back as it was, however it was read, and is never taken for whole when it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.errors import ContractError
from chalicelib.core.model import Key, Kind, Part, SourceRecord
from chalicelib.core.ports import Put
from chalicelib.local.clock import ManualClock
from chalicelib.local.table import SqliteTable
from chalicelib.store.codec import RECORDS_A_LINE, as_part, part_lines
from chalicelib.store.fencing import every
from chalicelib.store.keys import stage
from chalicelib.store.tasks import TableTasks
from tests.builders import NOON, a_record, an_employee_key, at

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
FIELDS = st.dictionaries(TEXTS, st.one_of(TEXTS, st.none(), st.integers(), st.booleans(), st.lists(TEXTS).map(tuple)))
NAMES = st.frozensets(st.sampled_from(["name", "state", "departments"]))


@st.composite
def records(draw: st.DrawFn) -> SourceRecord:
    key = Key(draw(st.sampled_from(["hq", "branch"])), draw(st.sampled_from(Kind)), draw(TEXTS))
    covers, details, second = draw(NAMES), draw(NAMES), draw(st.integers(0, 1))
    return SourceRecord(key=key, fields=draw(FIELDS), covers=covers, details=details, observed_at=at(second))


@given(st.lists(records()))
def test_a_part_comes_back_whatever_its_records_share(found: list[SourceRecord]) -> None:
    part = Part(name="root", records=tuple(found), of=3)
    assert as_part(part_lines(part)) == part


def test_no_line_holds_a_whole_department() -> None:
    people = tuple(a_record(an_employee_key(f"e{n}"), name="Ann") for n in range(10 * RECORDS_A_LINE))
    head, *lines = part_lines(Part(name="root", records=people))
    assert len(lines) == 10
    assert max(map(len, lines)) < 2 * min(map(len, lines))
    # What all of them share is said once for all.
    covers = people[0].covers
    assert all(line.count(f'"{name}"') <= RECORDS_A_LINE + 1 for line in lines for name in covers)
    assert "records" not in head


def test_a_part_that_lacks_its_end_is_not_taken_for_whole() -> None:
    table = SqliteTable(":memory:")
    tasks = TableTasks(table=table, clock=ManualClock(NOON))
    tasks.stage("1", Part(name="root", records=tuple(a_record(an_employee_key(f"e{n}")) for n in range(300))))
    shards = [f"{stage('1')}#{shard:02}" for shard in range(16)]
    (data,) = [item for shard in shards for item in every(table, shard)]
    whole = data.attributes["data"]
    assert isinstance(whole, bytes)
    for size in (1, len(whole) // 2, len(whole) - 1):
        table.write([Put(item=replace(data, attributes={**data.attributes, "data": whole[:size]}))])
        with pytest.raises(ContractError, match="internal error"):
            tasks.staged_parts("1")["root"]
