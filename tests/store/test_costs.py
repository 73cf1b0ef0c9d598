from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.scripted import Company
from tests.store import costs

# The goal for 1,000 people.
MOST_REQUESTS: Final = 30
MOST_UNITS: Final = 60
ADR = Path(__file__).parents[2] / "docs" / "adr" / "0001-rows.md"


def test_the_adr_tells_what_is_measured() -> None:
    text = ADR.read_text(encoding="utf-8")
    for line in costs.lines():
        assert line in text
    for name, size in costs.sizes().items():
        assert f"{name} {size} bytes" in text


def test_the_adr_of_schedules_tells_what_a_quiet_tick_costs() -> None:
    text = (ADR.parent / "0005-stopping-and-schedules.md").read_text(encoding="utf-8")
    for line in costs.tick_lines():
        assert line in text


@pytest.mark.parametrize("company", [costs.lark_like, costs.dingtalk_like])
def test_a_sync_without_changes_asks_little_and_writes_neither_entries_nor_links(
    company: Callable[[], Company],
) -> None:
    counted = costs.Counted(company())
    counted.sync()
    before = counted.directory_rows()
    bill = counted.bill(counted.sync)
    assert bill.reads <= MOST_REQUESTS
    assert bill.read_units <= MOST_UNITS
    assert counted.directory_rows() == before
    # Two rows a staged part written, and two of the snapshot before deleted, and the book-keeping of one task.
    assert bill.items_written < 4 * costs.DEPARTMENTS + 40


def test_a_sync_below_a_chosen_department_reads_back_nothing_that_it_staged() -> None:
    assert costs.chosen_bill().reads <= MOST_REQUESTS
