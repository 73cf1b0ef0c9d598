"""Several made-up companies in one directory, each read by a source of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from chalicelib import wiring
from chalicelib.core.mapping import FieldMapping, Rule
from chalicelib.core.matching import Matching
from chalicelib.core.model import Entry, Key, Kind, Link, State
from chalicelib.core.ports import Table
from chalicelib.core.principal import TERMINAL
from chalicelib.core.secret import Secret
from chalicelib.core.source import Source
from chalicelib.core.task import Claim, Lane, Only, Purpose, SyncRecord, SyncTask, Trigger
from tests.builders import a_source
from tests.scripted import MAPPING, Company, House, Scripted, ScriptedConnector

# What the made-up vendor calls an English name is an employee number here.
BY_NUMBER = Matching(employees=("employee_no", "mobile"))
_NUMBER = Rule(field="employee_no", first_of=("en_name",))
NUMBERED = FieldMapping(
    departments=MAPPING.departments,
    employees=(*(rule for rule in MAPPING.employees if rule.field != "en_name"), _NUMBER),
)


@dataclass
class ScriptedMany(Scripted):
    companies: dict[str, Company] = field(default_factory=dict)

    def open(self, source: Source, secrets: Mapping[str, Secret] | None = None) -> ScriptedConnector:
        company = self.companies.get(source.uid, self.company)
        self.opened.append(ScriptedConnector(source.uid, company, self.clock, lambda n: self.before_call(n)))
        return self.opened[-1]


class Town(House):
    """`hq` and `branch`, empty; more by `found`."""

    def __init__(self, table: Table | None = None) -> None:
        super().__init__(Company(), table)
        self.many = ScriptedMany(self.company, self.clock)
        self.outside = replace(self.outside, connectors=self.many)
        wiring.use(self.outside)
        self.hq, self.branch = self.company, Company()
        catalog = self.outside.catalog
        catalog.update(replace(self.source, mapping=NUMBERED), instead_of=self.source)
        self.found("branch", self.branch)

    def found(self, handle: str, company: Company) -> None:
        self.outside.catalog.add(replace(a_source(handle, mapping=NUMBERED), settings={"app_id": "cli_1"}))
        self.many.companies[self.uid(handle)] = company

    def uid(self, handle: str) -> str:
        return self.outside.catalog.source(handle).uid

    def matches(self, handle: str, matching: Matching = BY_NUMBER) -> None:
        source = self.outside.catalog.source(handle)
        assert self.outside.catalog.update(replace(source, matching=matching), instead_of=source)

    def run(self, handle: str, *, deadline: Callable[[], float] = lambda: math.inf, preview: bool = False) -> SyncTask:
        """Sync a source to the end."""
        self.clock.sleep(1)
        ask = self.requests.preview if preview else self.requests.sync_now
        task = ask(TERMINAL, handle).task
        self.toil(handle, deadline)
        return self.tasks.get(task.task_id)

    def toil(self, handle: str, deadline: Callable[[], float] = lambda: math.inf) -> None:
        while (again := self.runner.wake(self.uid(handle), deadline)) is not None:
            self.clock.sleep(again)

    def decide(self, handle: str, task: SyncTask, *entry_ids: str) -> SyncTask:
        """Approve what waits in a task."""
        asked = self.requests.approve(TERMINAL, task.task_id, entry_ids)
        self.toil(handle)
        return self.tasks.get(asked.task.task_id)

    def hint(self, handle: str, *external_ids: str, left: str = "") -> SyncTask:
        """Work off what an event would ask for."""
        self.clock.sleep(1)
        uid = self.uid(handle)
        keys = tuple(Key(uid, Kind.EMPLOYEE, each) for each in external_ids)
        claims = (Claim(key=Key(uid, Kind.EMPLOYEE, left), at=self.clock.now()),) if left else ()
        draft = SyncTask(
            task_id="",
            source=uid,
            trigger=Trigger.EVENT,
            extent=Only(keys=keys, claims=claims),
            purpose=Purpose.SYNC,
            asked_by="event",
            asked_at=self.clock.now(),
        )
        task, _ = self.tasks.ask(draft)
        self.runner.wake(uid, lambda: math.inf, lane=Lane.HINTS)
        return self.tasks.get(task.task_id)

    def key(self, handle: str, external_id: str, kind: Kind = Kind.EMPLOYEE) -> Key:
        return Key(self.uid(handle), kind, external_id)

    def link(self, handle: str, external_id: str, kind: Kind = Kind.EMPLOYEE) -> Link | None:
        key = self.key(handle, external_id, kind)
        return self.directory.links_of([key]).get(key)

    def of(self, handle: str, external_id: str, kind: Kind = Kind.EMPLOYEE) -> Entry:
        """Read the entry that a key is linked to."""
        link = self.link(handle, external_id, kind)
        assert link is not None
        return self.directory.entries([link.entry_id])[link.entry_id]

    def row(self, task: SyncTask, external_id: str) -> SyncRecord:
        return next(row for row in self.tasks.rows(task.task_id) if row.key.external_id == external_id)

    def everybody(self) -> list[Entry]:
        return list(self.directory.listing(Kind.EMPLOYEE))

    def delete(self, handle: str) -> None:
        """Let a source be gone from the catalog, as when somebody deletes it."""
        forget(self.table, self.uid(handle))

    def at(self) -> datetime:
        return self.clock.now()


def forget(table: Table, uid: str) -> None:
    from chalicelib.core.ports import Delete
    from chalicelib.store import keys

    place = keys.source(uid)
    table.write([Delete(partition=place[0], sort=place[1])])


def is_here(entry: Entry) -> bool:
    return entry.state is not State.LEFT


def newcomers(town: Town) -> Town:
    """Let hq have ann, and branch be about to find out that she is its x."""
    town.hq.hire("ann", en_name="7", title="Cook")
    town.hq.hire("boss", en_name="8")
    town.run("hq")
    town.branch.hire("x", en_name="7")
    town.branch.hire("other", en_name="9")
    town.matches("branch")
    return town


def shared(town: Town) -> Town:
    """Let ann be x, too: hq owns the entry, branch has a further link."""
    newcomers(town).run("branch")
    assert town.of("branch", "x").key == town.key("hq", "ann")
    return town


def a_third(town: Town) -> Company:
    """Let ann be t in a third company, as well."""
    third = Company()
    town.found("third", third)
    third.hire("t", en_name="7")
    third.hire("another", en_name="10")
    town.matches("third")
    town.run("third")
    return third


def edit(town: Town, handle: str, **changes: object) -> None:
    """Change a source, past the verbs."""
    source = town.outside.catalog.source(handle)
    assert town.outside.catalog.update(replace(source, **changes), instead_of=source)  # type: ignore[arg-type]  # its own
