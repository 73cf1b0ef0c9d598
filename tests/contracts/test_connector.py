"""The `Connector` port, on every line of the registry, each against the simulated company of its vendor.

A new line is picked up by itself. It needs a `tests/connectors/<kind>/tenancy.py` that offers what is used here, and a
row in `LEAVING`.
"""

from __future__ import annotations

import importlib
import logging
from collections import Counter
from collections.abc import Generator, Mapping, MutableMapping
from typing import Any, Final, Protocol

import pytest

from chalicelib.connectors import REGISTRY
from chalicelib.core.errors import NotFoundError, SetupError, SourceUnavailableError
from chalicelib.core.mapping import Mapped, map_record
from chalicelib.core.model import FIELDS, REQUIRED_FIELDS, Key, Kind, Part, SourceRecord
from chalicelib.core.ports import Connector
from chalicelib.core.presence import Found, Gone
from chalicelib.core.scope import EVERYTHING, Chosen, Scope
from infra.lab import faults
from infra.lab.wire import Api

# What a company's lab calls it when somebody leaves.
LEAVING: Final[Mapping[str, str]] = {"lark": "resign", "dingtalk": "leave"}


class Company(Protocol):
    def do(self, verb: str, args: Mapping[str, object]) -> object: ...


class Tenancy(Protocol):
    """What a vendor's tenancy offers besides; `read` opens a new reader each time."""

    in_flight: int
    scope: Scope

    @property
    def workspace(self) -> Company: ...

    @property
    def api(self) -> Api: ...

    def reader(self) -> Connector: ...

    def read(self, staged: Mapping[str, Part] | None = None) -> MutableMapping[str, Part]: ...


@pytest.fixture(params=REGISTRY)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def vendor(kind: str) -> Any:
    return importlib.import_module(f"tests.connectors.{kind}.tenancy")


@pytest.fixture
def tenancy(vendor: Any) -> Tenancy:
    tenancy: Tenancy = vendor.a_company(60, 8)
    return tenancy


def keys_of(parts: Mapping[str, Part]) -> list[Key]:
    return sorted({record.key for part in parts.values() for record in part.records})


def mapped(record: SourceRecord, mapping: Any) -> Mapped:
    result = map_record(record, mapping, lambda kind, external_id: external_id)
    assert isinstance(result, Mapped)
    return result


def test_a_read_shows_everything_in_parts_that_are_named_once(tenancy: Tenancy) -> None:
    parts = list(tenancy.reader().parts({}))
    assert len({part.name for part in parts}) == len(parts) == parts[-1].of
    counts = Counter(key.kind for key in keys_of({part.name: part for part in parts}))
    assert counts == {Kind.EMPLOYEE: 60, Kind.DEPARTMENT: 8}


def test_what_is_staged_is_not_asked_for(tenancy: Tenancy) -> None:
    staged = tenancy.read()
    tenancy.api.reset_calls()
    reader = tenancy.reader()
    again = list(reader.parts(staged))
    assert {part.name for part in again} == set(staged)
    assert dict(reader.calls) == dict(tenancy.api.calls) == {}


def test_a_broken_off_read_goes_on_where_it_was(tenancy: Tenancy) -> None:
    complete = tenancy.read()
    names = list(complete)
    for kept in range(1, len(names)):
        staged = {name: complete[name] for name in names[:kept]}
        again = tenancy.read(staged)
        assert set(again) == set(complete)
        assert keys_of(again) == keys_of(complete)


def test_every_key_that_was_read_is_found_by_name_and_maps_alike(tenancy: Tenancy, vendor: Any) -> None:
    reader = tenancy.reader()
    records: dict[Key, SourceRecord] = {}
    for part in reader.parts({}):
        records |= {record.key: record for record in part.records}
    answers = reader.confirm(tuple(records))
    assert answers.keys() == records.keys()
    for key, record in records.items():
        answer = answers[key]
        assert isinstance(answer, Found)
        listed, named = mapped(record, vendor.MAPPING), mapped(answer.record, vendor.MAPPING)
        shared = listed.values.keys() & named.values.keys()
        assert set(REQUIRED_FIELDS) <= shared <= FIELDS[key.kind].keys() | named.values.keys()
        assert {name: listed.values[name] for name in shared} == {name: named.values[name] for name in shared}
        if key.kind is Kind.EMPLOYEE:
            assert listed.digest == named.digest


def test_whoever_left_is_gone_and_nobody_else(tenancy: Tenancy, kind: str) -> None:
    people = [key for key in keys_of(tenancy.read()) if key.kind is Kind.EMPLOYEE]
    leaver = people[7]
    tenancy.workspace.do(LEAVING[kind], {"user": leaver.external_id})
    answers = tenancy.reader().confirm(people)
    assert [key for key, answer in answers.items() if isinstance(answer, Gone)] == [leaver]
    assert all(isinstance(answer, Found) for key, answer in answers.items() if key != leaver)
    assert leaver not in keys_of(tenancy.read())


def test_departments_are_listed_level_by_level_as_the_read_shows_them(tenancy: Tenancy) -> None:
    reader = tenancy.reader()
    records = {record.key: record for part in tenancy.read().values() for record in part.records}
    departments = {key.external_id: each for key, each in records.items() if key.kind is Kind.DEPARTMENT}
    listed: dict[str, str] = {}
    level: list[str | None] = [None]
    while level:
        at = level.pop()
        for each in reader.children(at):
            shown = departments[each.external_id]
            assert each.name == shown.fields["name"]
            assert tuple(reader.homes(shown) or ()) == ((at,) if at else ())
            listed[each.external_id] = each.name
            level.append(each.external_id)
    assert listed.keys() == departments.keys()


def test_a_level_below_a_department_that_is_not_there_is_refused(tenancy: Tenancy) -> None:
    for nobody in ("987654321", "od-nobody", "研发", "../0"):
        with pytest.raises(NotFoundError):
            tenancy.reader().children(nobody)


def test_lists_and_reads_by_name_agree_on_where_somebody_is(tenancy: Tenancy) -> None:
    reader = tenancy.reader()
    records = {record.key: record for part in reader.parts({}) for record in part.records}
    for key, answer in reader.confirm(tuple(records)).items():
        assert isinstance(answer, Found)
        homes = reader.homes(records[key])
        assert homes is not None
        assert set(homes) == set(reader.homes(answer.record) or ())
        assert {Key(key.source, Kind.DEPARTMENT, each) for each in homes} <= records.keys()


def test_a_chosen_department_is_read_with_all_below_it_and_nothing_else(tenancy: Tenancy) -> None:
    reader = tenancy.reader()
    records = {record.key: record for part in reader.parts({}) for record in part.records}
    homes = {key: set(reader.homes(each) or ()) for key, each in records.items()}
    for top in sorted(key.external_id for key in records if key.kind is Kind.DEPARTMENT):
        inside = {top}
        while (
            more := {key.external_id for key, at in homes.items() if key.kind is Kind.DEPARTMENT and at & inside}
            - inside
        ):
            inside |= more
        tenancy.scope = Scope(departments=(Chosen(external_id=top, path="Top"),))
        tenancy.api.reset_calls()
        read = tenancy.read()
        calls = sum(tenancy.api.calls.values())
        keys = keys_of(read)
        assert {key.external_id for key in keys if key.kind is Kind.DEPARTMENT} == inside
        people = {key for key, at in homes.items() if key.kind is Kind.EMPLOYEE and at & inside}
        assert {key for key in keys if key.kind is Kind.EMPLOYEE} == people
        # A token, what the app may do or see, the chosen one, and two lists of each department.
        assert calls <= 4 + 2 * len(inside)
        tenancy.api.reset_calls()
        assert keys_of(tenancy.read(read)) == keys
        assert dict(tenancy.api.calls) == {}


def test_what_was_staged_for_another_scope_is_not_taken(tenancy: Tenancy) -> None:
    staged = tenancy.read()
    tops = [each.external_id for each in tenancy.reader().children(None)]
    tenancy.scope = Scope(departments=(Chosen(external_id=tops[0], path="Top"),))
    within = tenancy.read(staged)
    assert tops[1] not in {key.external_id for key in keys_of(within)}
    tenancy.scope = EVERYTHING
    assert keys_of(tenancy.read({**staged, **within})) == keys_of(staged)


def test_a_chosen_department_that_is_not_there_fails_the_read(tenancy: Tenancy) -> None:
    for nobody in ("987654321", "od-nobody"):
        tenancy.scope = Scope(departments=(Chosen(external_id=nobody, path="Gone"),))
        with pytest.raises(SetupError) as refused:
            tenancy.read()
        assert refused.value.code in ("chosen department is gone", "chosen department cannot be seen")
        assert refused.value.facts["paths"] == "Gone"


def test_nothing_is_asked_for_nobody(tenancy: Tenancy) -> None:
    assert tenancy.reader().confirm(()) == {}
    assert dict(tenancy.api.calls) == {}


def test_calls_are_counted_by_endpoint_as_the_vendor_counts_them(tenancy: Tenancy) -> None:
    tenancy.api.faults.add(faults.server_error(nth=4))
    reader = tenancy.reader()
    assert dict(reader.calls) == {}
    keys = [record.key for part in reader.parts({}) for record in part.records]
    reader.confirm(keys[:5])
    assert dict(reader.calls) == dict(tenancy.api.calls)
    assert tenancy.api.suspicious == []


def test_a_part_is_whole_or_the_read_raises(tenancy: Tenancy) -> None:
    complete = tenancy.read()
    tenancy.api.faults.add(faults.server_error(first=9))
    staged: dict[str, Part] = {}
    with pytest.raises(SourceUnavailableError):
        staged.update((part.name, part) for part in tenancy.reader().parts({}))
    assert set(staged) < set(complete)
    assert all(len(part.records) == len(complete[name].records) for name, part in staged.items())


def test_stopping_early_and_closing_leave_no_thread(tenancy: Tenancy, vendor: Any) -> None:
    tenancy.in_flight = 8
    reader = tenancy.reader()
    parts = reader.parts({})
    assert isinstance(parts, Generator)
    next(parts)
    next(parts)
    parts.close()
    assert vendor.working_threads() == []
    reader.close()


def test_details_are_covered_and_only_shown_by_name(tenancy: Tenancy) -> None:
    reader = tenancy.reader()
    people = [record for part in reader.parts({}) for record in part.records if record.key.kind is Kind.EMPLOYEE]
    assert not any(record.details for record in people)
    answers = reader.confirm([people[0].key])
    found = answers[people[0].key]
    assert isinstance(found, Found)
    assert found.record.details <= found.record.covers
    assert bool(found.record.details) == (reader.daily_details > 0)


def test_no_person_is_told(tenancy: Tenancy, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    reader = tenancy.reader()
    records = [record for part in reader.parts({}) for record in part.records]
    reader.confirm([record.key for record in records])
    told = "\n".join(record.getMessage() + repr(vars(record)) for record in caplog.records)
    people = [record for record in records if record.key.kind is Kind.EMPLOYEE]
    names = {str(record.fields["name"]) for record in people} | {record.key.external_id for record in people}
    assert told
    assert [name for name in names if len(name) > 2 and name in told] == []
