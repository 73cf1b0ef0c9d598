"""From an edited mapping to the directory, over the real reader and a simulated tenant."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
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
from tests.connectors.dingtalk import tenancy as dingtalk
from tests.connectors.lark import tenancy as lark
from tests.scripted import HeardBell, NoSecrets

Tenancy = dingtalk.Tenancy | lark.Tenancy
# What the fields begin with that a company has made for itself.
OWN = {"dingtalk": "extension.", "lark": "custom_attrs."}


@pytest.fixture
def tenancy(vendor: str) -> Iterator[Tenancy]:
    """A company whose source is called as its vendor is."""
    tenancy: Tenancy = dingtalk.a_company() if vendor == "dingtalk" else lark.a_company()
    table, bell = SqliteTable(":memory:"), HeardBell()
    settings = Settings(home=Path("unused"))
    wiring.use(wiring.around(settings, table, NoSecrets(), bell, tenancy.clock, tenancy.registry()))
    wiring.outside().catalog.add(replace(tenancy.source(), handle=vendor))
    yield tenancy
    wiring.use(None)


def run(tenancy: Tenancy, vendor: str, *, preview: bool = False) -> SyncTask:
    tenancy.clock.sleep(60)
    requests = wiring.requests()
    asked = requests.preview(TERMINAL, vendor) if preview else requests.sync_now(TERMINAL, vendor)
    while (again := wiring.runner().wake(wiring.outside().catalog.source(vendor).uid, lambda: math.inf)) is not None:
        tenancy.clock.sleep(again)
    return wiring.outside().tasks.get(asked.task.task_id)


def attempt(vendor: str, field: str, text: str) -> Trial:
    return wiring.rooms().mappings.attempt(TERMINAL, vendor, Proposal(kind=Kind.EMPLOYEE, field=field, text=text))


def edit(vendor: str, field: str, text: str) -> None:
    wiring.rooms().mappings.set(TERMINAL, vendor, Proposal(kind=Kind.EMPLOYEE, field=field, text=text))


def said(rows: list[SyncRecord] | tuple[SyncRecord, ...]) -> dict[Key, object]:
    return {row.key: (row.entry_id, row.action, row.status, row.before, row.after) for row in rows}


def rows(task: SyncTask) -> list[SyncRecord]:
    return list(wiring.outside().tasks.rows(task.task_id))


def people() -> list[Entry]:
    return list(wiring.outside().directory.listing(Kind.EMPLOYEE))


@pytest.mark.parametrize(
    ("vendor", "field", "text"),
    [
        ("dingtalk", "title", '"{title} ({job_number})" | title'),
        ("dingtalk", "email", "lower(email) | org_email"),
        ("dingtalk", "work_place", 'upper(work_place) | "Nowhere"'),
        ("dingtalk", "title", "lookup(exclusive_account: true=Lent, else Own)"),
        ("dingtalk", "login_id", "nickname | login_id | name"),
        ("dingtalk", "work_place", "nothing"),
        ("lark", "title", '"{job_title} ({employee_no})" | job_title'),
        ("lark", "email", "upper(enterprise_email | email)"),
        ("lark", "city", '"in {city}" | "Nowhere"'),
        ("lark", "employee_type", "lookup(employee_type: 1=10, else 20)"),
        ("lark", "title", "lookup(employee_type: 1=Regular, 2=Intern, else Other)"),
        ("lark", "en_name", "upper(en_name) | name"),
        ("lark", "city", "nothing"),
    ],
)
def test_what_a_trial_shows_is_what_a_preview_plans_and_a_sync_does(
    tenancy: Tenancy, vendor: str, field: str, text: str
) -> None:
    assert run(tenancy, vendor).status is TaskStatus.DONE
    calls = sum(tenancy.api.calls.values())
    tried = attempt(vendor, field, text)
    assert sum(tenancy.api.calls.values()) == calls
    edit(vendor, field, text)
    previewed = run(tenancy, vendor, preview=True)
    assert tried.total > 0
    assert said(tried.rows) == said(rows(previewed))
    done = run(tenancy, vendor)
    assert {key for key in said(tried.rows)} == said(rows(done)).keys()
    assert tried.held == sum(row.status == "held" for row in rows(done))


@pytest.mark.parametrize("vendor", OWN)
def test_a_field_of_the_companys_own_fills_an_extended_field(tenancy: Tenancy, vendor: str) -> None:
    run(tenancy, vendor)
    shown = {name for part in tenancy.read().values() for each in part.records for name in each.fields}
    own = min(name for name in shown if name.startswith(OWN[vendor]))
    wiring.rooms().mappings.add_field(TERMINAL, vendor, "own", type="text", label=None)
    tried = attempt(vendor, "own", f'{own} | "none"')
    edit(vendor, "own", f'{own} | "none"')
    task = run(tenancy, vendor)
    assert {row.key for row in tried.rows} == {row.key for row in rows(task)}
    assert {str(each.values["own"]) for each in people()} >= {"none"}
    assert {row.key: row.after["own"] for row in tried.rows} == {row.key: row.after["own"] for row in rows(task)}
