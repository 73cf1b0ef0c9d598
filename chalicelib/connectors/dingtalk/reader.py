"""Reading a DingTalk company: the `Connector` port.

A full read is two lists for each department: its children and its direct members. Where the app sees only part of the
company, it starts from what it was granted; where departments were chosen for the source, from those. Managers and
roles stand in no list, but only where somebody is read by name: the engine asks for those by `confirm`, as many a day
as the source is set to.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Final

from chalicelib.connectors import Means
from chalicelib.connectors.dingtalk.answers import RefusedError
from chalicelib.connectors.dingtalk.client import ROOT, App, DingTalkClient, is_real
from chalicelib.connectors.dingtalk.examine import Examination
from chalicelib.connectors.dingtalk.form import API, DAILY_DETAILS, OAPI
from chalicelib.connectors.dingtalk.lookup import DEPARTMENT_OUT_OF_RANGE, Lookup
from chalicelib.connectors.dingtalk.permissions import Coverage
from chalicelib.connectors.dingtalk.records import Records
from chalicelib.connectors.dingtalk.sending import DingTalkSender
from chalicelib.connectors.dingtalk.tree import Walk
from chalicelib.core.errors import NotFoundError, SourceDeniedError
from chalicelib.core.finding import Finding
from chalicelib.core.model import Key, Kind, Part, SourceRecord
from chalicelib.core.presence import Found, Presence
from chalicelib.core.scope import SourceDepartment
from chalicelib.core.secret import Secret
from chalicelib.core.source import Source

log = logging.getLogger(__name__)

LONE: Final = "lone"
# What tells which departments somebody is in, or below which one a department lies.
HOMES: Final[Mapping[Kind, str]] = {Kind.EMPLOYEE: "dept_id_list", Kind.DEPARTMENT: "parent_id"}


class DingTalkReader:
    def __init__(self, *, source: Source, secrets: Mapping[str, Secret], means: Means) -> None:
        """
        Raises:
            SourceDeniedError: the app secret is missing.
        """
        if "app_secret" not in secrets:
            raise SourceDeniedError("secrets are missing", handle=source.handle)
        self._source = source
        self._secrets = frozenset(secrets)
        self._means = means
        self._in_flight = means.in_flight
        self._app = App(
            oapi_url=(source.settings.get("oapi_url") or OAPI).rstrip("/"),
            api_url=(source.settings.get("api_url") or API).rstrip("/"),
            corp_id=source.settings["corp_id"],
            app_key=source.settings["app_key"],
            app_secret=secrets["app_secret"],
        )
        self._client = DingTalkClient(app=self._app, means=means)
        self._coverage = Coverage(source.mapping)
        self._records = self._records_by(self._coverage)
        self._lookup = Lookup(client=self._client, coverage=self._coverage, records=self._records_by, clock=means.clock)

    @property
    def calls(self) -> Mapping[str, int]:
        return self._client.calls

    @property
    def daily_details(self) -> int:
        return int(self._source.settings.get("daily_details") or DAILY_DETAILS)

    def close(self) -> None:
        self._client.close()

    def parts(self, staged: Mapping[str, Part]) -> Iterator[Part]:
        """Read departments and members side by side, in no order; nothing is asked for what is staged."""
        walk = Walk(
            source=self._source.uid,
            client=self._client,
            records=self._records,
            coverage=self._coverage,
            lookup=self._lookup,
            staged=staged,
            in_flight=self._in_flight,
            scope=self._source.scope,
            handle=self._source.handle,
        )
        with closing(walk.read()) as parts:
            for part in parts:
                yield replace(part, of=walk.of)
        log.info("departments and members read", extra=walk.counts)
        if walk.partial is not None and walk.partial.facts.get("people") != 0:
            yield replace(staged[LONE] if LONE in staged else self._lone(walk), of=walk.of)

    def confirm(self, keys: Sequence[Key]) -> Mapping[Key, Presence]:
        """Ask for keys by name, many at a time."""
        if not keys:
            return {}
        answers = self._lookup.ask(keys)
        kinds = Counter(type(presence).__name__.lower() for presence in answers.values())
        log.info("keys confirmed", extra={"keys": len(answers), **kinds})
        return answers

    def homes(self, record: SourceRecord) -> Sequence[str] | None:
        field = HOMES[record.key.kind]
        if field not in record.covers:
            return None
        value = record.fields.get(field)
        homes = value if isinstance(value, tuple) else (str(value),) if value else ()
        return tuple(each for each in homes if each != ROOT)

    def children(self, external_id: str | None) -> Sequence[SourceDepartment]:
        found = self._children(external_id)
        log.info("children read", extra={"records": len(found)})
        return tuple(
            SourceDepartment(external_id=each.key.external_id, name=str(each.fields.get("name") or ""))
            for each in found
            if is_real(each.key.external_id)
        )

    def _children(self, department: str | None) -> Sequence[SourceRecord]:
        try:
            if department is not None and not (department.isascii() and department.isdecimal()):
                raise NotFoundError("no such department", department=department[:80])
            page = self._client.children(department or ROOT)
        except RefusedError as refused:
            if department is not None:
                raise NotFoundError("no such department", department=department[:80]) from refused
            if refused.number != DEPARTMENT_OUT_OF_RANGE:
                raise
            granted = [Key(self._source.uid, Kind.DEPARTMENT, each) for each in self._client.range().departments]
            return [each.record for each in self._lookup.ask(granted).values() if isinstance(each, Found)]
        return [self._records.child(row, page.observed_at) for row in page.rows]

    def examine(self) -> Iterator[Finding]:
        """Test the app step by step; the robot by a message to nobody."""
        robot_code = self._source.settings.get("robot_code") or self._app.app_key
        with closing(DingTalkSender(app=self._app, robot_code=robot_code, means=self._means)) as sender:
            examination = Examination(client=self._client, sender=sender, source=self._source, secrets=self._secrets)
            yield from examination.findings()

    def _records_by(self, coverage: Coverage) -> Records:
        return Records(self._source.uid, self._source.settings["corp_id"], coverage)

    def _lone(self, walk: Walk) -> Part:
        """Read the people who were granted one by one; those that cannot be seen are left to `confirm`."""
        granted = (walk.range or self._client.range()).people
        keys = [Key(self._source.uid, Kind.EMPLOYEE, each) for each in granted if each not in walk.people]
        answers = self._lookup.ask(keys)
        records = tuple(found.record for found in answers.values() if isinstance(found, Found))
        log.info("single people read", extra={"asked": len(keys), "records": len(records)})
        return Part(name=LONE, records=records)
