"""From an edited mapping to the directory, over the real reader and a simulated tenant."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib import wiring
from chalicelib.core.model import Entry, Key, Kind
from chalicelib.core.principal import TERMINAL
from chalicelib.core.task import SyncRecord, SyncTask, TaskStatus
from chalicelib.local.table import SqliteTable
from chalicelib.settings import Settings
from chalicelib.sources.mapping import Proposal
from chalicelib.sources.trial import Trial
from tests.connectors.dingtalk.tenancy import UID, Tenancy, a_company
from tests.scripted import HeardBell, NoSecrets


@pytest.fixture
def tenancy() -> Iterator[Tenancy]:
    tenancy = a_company()
    table, bell = SqliteTable(":memory:"), HeardBell()
    settings = Settings(home=Path("unused"))
    wiring.use(wiring.around(settings, table, NoSecrets(), bell, tenancy.clock, tenancy.registry()))
    wiring.outside().catalog.add(tenancy.source())
    yield tenancy
    wiring.use(None)


def run(tenancy: Tenancy, *, preview: bool = False) -> SyncTask:
    tenancy.clock.sleep(60)
    requests = wiring.requests()
    asked = requests.preview(TERMINAL, "branch") if preview else requests.sync_now(TERMINAL, "branch")
    while (again := wiring.runner().wake(UID, lambda: math.inf)) is not None:
        tenancy.clock.sleep(again)
    return wiring.outside().tasks.get(asked.task.task_id)


def attempt(field: str, text: str) -> Trial:
    return wiring.rooms().mappings.attempt(TERMINAL, "branch", Proposal(kind=Kind.EMPLOYEE, field=field, text=text))


def edit(field: str, text: str) -> None:
    wiring.rooms().mappings.set(TERMINAL, "branch", Proposal(kind=Kind.EMPLOYEE, field=field, text=text))


def said(rows: list[SyncRecord] | tuple[SyncRecord, ...]) -> dict[Key, object]:
    return {row.key: (row.entry_id, row.action, row.status, row.before, row.after) for row in rows}


def rows(task: SyncTask) -> list[SyncRecord]:
    return list(wiring.outside().tasks.rows(task.task_id))


def people() -> list[Entry]:
    return list(wiring.outside().directory.listing(Kind.EMPLOYEE))


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("title", '"{title} ({job_number})" | title'),
        ("email", "lower(email) | org_email"),
        ("work_place", 'upper(work_place) | "Nowhere"'),
        ("title", "lookup(exclusive_account: true=Lent, else Own)"),
        ("login_id", "nickname | login_id | name"),
        ("work_place", "nothing"),
    ],
)
def test_what_a_trial_shows_is_what_a_preview_plans_and_a_sync_does(tenancy: Tenancy, field: str, text: str) -> None:
    assert run(tenancy).status is TaskStatus.DONE
    calls = sum(tenancy.api.calls.values())
    tried = attempt(field, text)
    assert sum(tenancy.api.calls.values()) == calls
    edit(field, text)
    previewed = run(tenancy, preview=True)
    assert tried.total > 0
    assert said(tried.rows) == said(rows(previewed))
    done = run(tenancy)
    assert {key for key in said(tried.rows)} == said(rows(done)).keys()
    assert tried.held == sum(row.status == "held" for row in rows(done))


def test_a_field_of_the_companys_own_fills_an_extended_field(tenancy: Tenancy) -> None:
    run(tenancy)
    shown = {name for part in tenancy.read().values() for each in part.records for name in each.fields}
    own = min(name for name in shown if name.startswith("extension."))
    wiring.rooms().mappings.add_field(TERMINAL, "branch", "own", type="text", label=None)
    tried = attempt("own", f'{own} | "none"')
    edit("own", f'{own} | "none"')
    task = run(tenancy)
    assert {row.key for row in tried.rows} == {row.key for row in rows(task)}
    assert {str(each.values["own"]) for each in people()} >= {"none"}
    assert {row.key: row.after["own"] for row in tried.rows} == {row.key: row.after["own"] for row in rows(task)}
