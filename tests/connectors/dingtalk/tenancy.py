"""A simulated company and the real reader, with no network between them."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil

from chalicelib.connectors import Registry
from chalicelib.connectors.dingtalk.form import MAPPING
from chalicelib.core.mapping import FieldMapping, Mapped, map_record
from chalicelib.core.model import Key, Kind, Part, SourceRecord, Values
from chalicelib.core.ports import Connector
from chalicelib.core.presence import Presence
from chalicelib.core.scope import EVERYTHING, Scope
from chalicelib.core.secret import Secret
from chalicelib.core.source import Source
from chalicelib.local.clock import ManualClock
from infra.lab.dingtalk.api import DingTalkApi
from infra.lab.dingtalk.choices import Choices
from infra.lab.dingtalk.records import User
from infra.lab.dingtalk.workspace import DingTalkWorkspace, Edition
from infra.lab.transport import LabTransport

START = datetime(2026, 1, 5, 1, 17, tzinfo=UTC)
UID = "src-1"
LISTSUB, USER_LIST, USER_GET = "departments.listsub", "users.list", "users.get"


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
    """A company, its API, and whoever reads it; time moves only when somebody waits."""

    workspace: DingTalkWorkspace
    api: DingTalkApi
    clock: ManualClock
    in_flight: int = 1
    scope: Scope = EVERYTHING
    mapping: FieldMapping = MAPPING
    secret: str = ""
    settings: dict[str, str] = field(default_factory=dict)

    def registry(self) -> Registry:
        hosts = {"oapi.dingtalk.com": self.api, "api.dingtalk.com": self.api}
        return Registry(
            secrets=OneSecret(self.secret or self.workspace.app_secret),
            clock=self.clock,
            transport=LabTransport(hosts),
            in_flight=self.in_flight,
        )

    def reader(self) -> Connector:
        """Open a reader that knows nothing of earlier ones, as in another process."""
        return self.registry().open(self.source())

    def source(self, **settings: str) -> Source:
        company = {"corp_id": self.workspace.corp_id, "app_key": self.workspace.app_key}
        return Source(
            uid=UID,
            handle="branch",
            name="Branch",
            kind="dingtalk",
            enabled=True,
            settings={**company, **self.settings, **settings},
            mapping=self.mapping,
            scope=self.scope,
            created_at=START,
        )

    def read(self, staged: Mapping[str, Part] | None = None) -> dict[str, Part]:
        return {part.name: part for part in self.reader().parts(staged or {})}

    def confirm(self, *keys: Key) -> Mapping[Key, Presence]:
        return self.reader().confirm(keys)

    def calls(self, endpoint: str) -> int:
        return self.api.calls[endpoint]

    def expected_member_calls(self) -> int:
        """Count by the formula: one list for each department and the root, a hundred a page."""
        workspace = self.workspace
        living = [key for key, each in workspace.departments.items() if not each.deleted]
        return sum(max(1, ceil(len(workspace.members(key)) / 100)) for key in living)

    def everybody(self) -> dict[str, User]:
        return {userid: user for userid, user in self.workspace.users.items() if not user.left}


def a_tenancy(
    workspace: DingTalkWorkspace | None = None,
    *,
    edition: Edition = "standard",
    choices: Choices | None = None,
    in_flight: int = 1,
    limits: bool = True,
) -> Tenancy:
    clock = ManualClock(START)
    workspace = workspace or DingTalkWorkspace(clock=clock, edition=edition)
    workspace.clock = clock
    api = DingTalkApi(workspace, clock=clock, choices=choices, limits=limits)
    return Tenancy(workspace=workspace, api=api, clock=clock, in_flight=in_flight)


def a_company(
    people: int = 120,
    departments: int = 12,
    *,
    seed: int = 7,
    edition: Edition = "standard",
    choices: Choices | None = None,
    limits: bool = True,
) -> Tenancy:
    workspace = DingTalkWorkspace.generate(seed, people, departments, edition=edition)
    return a_tenancy(workspace, choices=choices, limits=limits)


def a_department(dept_id: str) -> Key:
    return Key(UID, Kind.DEPARTMENT, dept_id)


def a_person(userid: str) -> Key:
    return Key(UID, Kind.EMPLOYEE, userid)


def employees(parts: Mapping[str, Part]) -> dict[str, SourceRecord]:
    return {record.key.external_id: record for record in records(parts) if record.key.kind is Kind.EMPLOYEE}


def departments(parts: Mapping[str, Part]) -> dict[str, SourceRecord]:
    return {record.key.external_id: record for record in records(parts) if record.key.kind is Kind.DEPARTMENT}


def records(parts: Mapping[str, Part]) -> Sequence[SourceRecord]:
    return [record for part in parts.values() for record in part.records]


def mapped(record: SourceRecord, mapping: FieldMapping = MAPPING) -> Values:
    """Map with references named by the external id they point to."""
    return whole(record, mapping).values


def whole(record: SourceRecord, mapping: FieldMapping = MAPPING) -> Mapped:
    result = map_record(record, mapping, lambda kind, external_id: external_id)
    assert isinstance(result, Mapped)
    return result


def working_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if re.match("connector", thread.name)]
