"""Whose turn it is stands in rows of their own, in step with the sources, on every engine."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.core.ports import Catalog, Table
from chalicelib.core.source import Schedule, Turn
from chalicelib.store.catalog import TableCatalog
from tests.builders import NOON, a_source
from tests.store import costs

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def catalog(table: Table) -> Catalog:
    return TableCatalog(table=table)


def test_turns_are_in_step_with_every_edit_and_every_claim(catalog: Catalog) -> None:
    odd = NOON + MINUTE
    catalog.add(replace(a_source("hq"), next_due_at=NOON + HOUR))
    catalog.add(a_source("off", enabled=False))

    def turns() -> dict[str, object]:
        return {turn.uid: turn.due_at for turn in catalog.turns(odd)}

    def edit(**changes: object) -> None:
        before = catalog.source("hq")
        assert catalog.update(replace(before, **changes), instead_of=before)  # type: ignore[arg-type]  # its own fields

    uid = a_source("hq").uid
    assert turns() == {uid: NOON + HOUR, a_source("off").uid: None}
    assert catalog.claim_due(catalog.source("hq"), NOON + HOUR, NOON + 2 * HOUR)
    assert turns()[uid] == NOON + 2 * HOUR
    edit(enabled=False)
    assert turns()[uid] is None
    edit(enabled=True, schedule=Schedule(automatic=False))
    assert turns()[uid] is None
    edit(schedule=Schedule(cron="0 3 * * *"), next_due_at=NOON + 5 * HOUR)
    assert turns()[uid] == NOON + 5 * HOUR


def test_what_the_index_lacks_is_found_at_the_next_quarter(catalog: Catalog, table: Table) -> None:
    """A source of a build before has no row there."""
    catalog.add(replace(a_source("hq"), next_due_at=NOON))
    for item in table.query("catalog", prefix="asked#").items:
        table.write_many([costs.delete(item)])
    assert catalog.turns(NOON + MINUTE) == []
    [turn] = catalog.turns(NOON + 15 * MINUTE)
    assert turn == Turn(uid=a_source("hq").uid, due_at=NOON + 24 * HOUR)
