"""The same over real sockets: encoding, keep-alive, stalls and resets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.connectors import Registry
from chalicelib.core.ports import Connector
from chalicelib.core.presence import Gone
from infra.lab import faults
from infra.lab.clock import SystemLabClock
from infra.lab.dingtalk.api import DingTalkApi
from infra.lab.dingtalk.workspace import DingTalkWorkspace
from infra.lab.server import LabServer
from tests.connectors.dingtalk.tenancy import OneSecret, Tenancy, a_company, a_person, employees, working_threads


class OverHttp:
    def __init__(self, tenancy: Tenancy) -> None:
        self.tenancy = tenancy
        self.company: DingTalkWorkspace = tenancy.workspace
        self.api = DingTalkApi(self.company, clock=SystemLabClock(), limits=False)
        self.server = LabServer(self.api, self.company)

    def reader(self) -> Connector:
        """Open a reader for which both hosts are one."""
        registry = Registry(secrets=OneSecret(self.company.app_secret), clock=self.tenancy.clock, in_flight=8)
        return registry.open(self.tenancy.source(oapi_url=self.server.url, api_url=self.server.url))


@pytest.fixture
def line() -> Iterator[OverHttp]:
    line = OverHttp(a_company(260, 20, edition="dedicated"))
    with line.server:
        yield line


def test_a_whole_company_is_read_and_a_leaver_confirmed(line: OverHttp) -> None:
    reader = line.reader()
    parts = {part.name: part for part in reader.parts({})}
    assert set(employees(parts)) == set(line.company.users)
    leaver = line.company.some_person(4)
    line.company.leave(leaver)
    key = a_person(leaver)
    assert isinstance(reader.confirm([key])[key], Gone)
    assert dict(line.api.calls) == reader.calls
    assert line.api.suspicious == []
    reader.close()
    assert working_threads() == []


def test_broken_connections_are_survived(line: OverHttp) -> None:
    line.api.faults.add(faults.reset(endpoint="users.*", first=3, last=6))
    reader = line.reader()
    parts = {part.name: part for part in reader.parts({})}
    assert set(employees(parts)) == set(line.company.users)
    reader.close()


def test_a_reader_who_stops_closes_its_connections(line: OverHttp) -> None:
    reader = line.reader()
    parts = reader.parts({})
    next(parts)
    next(parts)
    reader.close()
    assert working_threads() == []
