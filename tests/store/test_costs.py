from __future__ import annotations

from pathlib import Path

from tests.store import costs

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


def test_a_sync_without_changes_writes_no_entry_and_no_link() -> None:
    bill = costs.bills()["no change"]
    # Two rows a staged part written, and two of the snapshot before deleted, and the book-keeping of one task.
    assert bill.items_written < 4 * costs.DEPARTMENTS + 40
