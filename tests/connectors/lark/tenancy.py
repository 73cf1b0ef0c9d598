"""A simulated tenant and the real reader, with no network between them."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil

from chalicelib.connectors import Registry
from chalicelib.connectors.lark.form import MAPPING
from chalicelib.core.mapping import FieldMapping, Mapped, map_record
from chalicelib.core.model import Key, Kind, Part, SourceRecord, Values
from chalicelib.core.ports import Connector
from chalicelib.core.presence import Presence
from chalicelib.core.scope import EVERYTHING, Scope
from chalicelib.core.secret import Secret
from chalicelib.core.source import Source
from chalicelib.local.clock import ManualClock
from infra.lab.lark.api import LarkApi
from infra.lab.lark.choices import Choices
from infra.lab.lark.records import ROOT
from infra.lab.lark.workspace import LarkWorkspace
from infra.lab.transport import LabTransport

START = datetime(2026, 1, 5, tzinfo=UTC)
UID = "src-1"


class OneSecret:
    def __init__(self, secret: str) -> None:
        self._secret = secret

    def get(self, source: str) -> Mapping[str, Secret]:
        return {"app_secret": Secret(self._secret)}

    def put(
        self, source: str, secrets: Mapping[str, Secret], *, instead_of: Mapping[str, Secret] | None = None
    ) -> bool:
        raise NotImplementedError

    def drop(self, source: str) -> None:
        raise NotImplementedError


@dataclass
class Tenancy:
    """A tenant, its API, and whoever reads it; time moves only when somebody waits."""

    workspace: LarkWorkspace
    api: LarkApi
    clock: ManualClock
    in_flight: int = 1
    scope: Scope = EVERYTHING
    mapping: FieldMapping = MAPPING
    secret: str = ""

    def registry(self) -> Registry:
        return Registry(
            secrets=OneSecret(self.secret or self.workspace.app_secret),
            clock=self.clock,
            transport=LabTransport(self.api),
            in_flight=self.in_flight,
        )

    def reader(self) -> Connector:
        """Open a reader that knows nothing of earlier ones, as in another process."""
        return self.registry().open(self.source())

    def source(self, base_url: str = "https://open.feishu.cn") -> Source:
        return Source(
            uid=UID,
            handle="hq",
            name="HQ",
            kind="lark",
            enabled=True,
            settings={"app_id": self.workspace.app_id, "base_url": base_url},
            mapping=self.mapping,
            scope=self.scope,
            created_at=START,
        )

    def read(self, staged: Mapping[str, Part] | None = None) -> dict[str, Part]:
        return {part.name: part for part in self.reader().parts(staged or {})}

    def confirm(self, *keys: Key) -> Mapping[Key, Presence]:
        return self.reader().confirm(keys)

    def person(self, any_id: str) -> Key:
        return Key(UID, Kind.EMPLOYEE, self.workspace.user(any_id).union_id)

    def union(self, any_id: str) -> str:
        return self.workspace.user(any_id).union_id

    def calls(self, endpoint: str) -> int:
        return self.api.calls[endpoint]

    def expected_member_calls(self) -> int:
        """Count by the formula: one listing for the root and each department with people, fifty a page."""
        workspace = self.workspace
        walked = [ROOT, *(key for key, each in workspace.departments.items() if not each.deleted)]
        counts = [len(workspace.members(key)) for key in walked if key == ROOT or workspace.member_count(key)]
        return sum(max(1, ceil(count / 50)) for count in counts)


def a_tenancy(
    workspace: LarkWorkspace | None = None, *, choices: Choices | None = None, in_flight: int = 1, limits: bool = True
) -> Tenancy:
    clock = ManualClock(START)
    workspace = workspace or LarkWorkspace(clock=clock)
    workspace.clock = clock
    api = LarkApi(workspace, clock=clock, choices=choices, limits=limits)
    return Tenancy(workspace=workspace, api=api, clock=clock, in_flight=in_flight)


def a_company(people: int = 120, departments: int = 12, *, seed: int = 7, choices: Choices | None = None) -> Tenancy:
    return a_tenancy(LarkWorkspace.generate(seed, people, departments), choices=choices)


def a_department(open_department_id: str) -> Key:
    return Key(UID, Kind.DEPARTMENT, open_department_id)


def employees(parts: Mapping[str, Part]) -> dict[str, SourceRecord]:
    return {record.key.external_id: record for record in records(parts) if record.key.kind is Kind.EMPLOYEE}


def departments(parts: Mapping[str, Part]) -> dict[str, SourceRecord]:
    return {record.key.external_id: record for record in records(parts) if record.key.kind is Kind.DEPARTMENT}


def records(parts: Mapping[str, Part]) -> Sequence[SourceRecord]:
    return [record for part in parts.values() for record in part.records]


def mapped(record: SourceRecord, mapping: FieldMapping = MAPPING) -> Values:
    """Map with references named by the external id they point to."""
    result = map_record(record, mapping, lambda kind, external_id: external_id)
    assert isinstance(result, Mapped)
    return result.values


def working_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if re.match("connector", thread.name)]
