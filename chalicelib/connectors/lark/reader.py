"""Reading a Lark tenant: the `Connector` port.

A full read is one listing of all departments and one listing for each department that has people, plus the root, whose
direct members belong to no department. Where the app sees only part of the company, it starts from what it was granted;
where departments were chosen for the source, from those.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Final

from chalicelib.connectors import Means
from chalicelib.connectors.lark.answers import RefusedError
from chalicelib.connectors.lark.client import ROOT, LarkClient
from chalicelib.connectors.lark.examine import Examination
from chalicelib.connectors.lark.form import FEISHU
from chalicelib.connectors.lark.lookup import OUT_OF_RANGE, Each, Lookup
from chalicelib.connectors.lark.permissions import Coverage, granted_scopes
from chalicelib.connectors.lark.records import NEVER_EMPTY, Records
from chalicelib.connectors.lark.tree import PARTIAL, Tree, part_name, walked
from chalicelib.core.errors import SourceDeniedError, SourceProtocolError, TransientError
from chalicelib.core.finding import Finding
from chalicelib.core.model import Key, Kind, Part, Remark, SourceRecord
from chalicelib.core.presence import Found, Presence
from chalicelib.core.scope import SourceDepartment
from chalicelib.core.secret import Secret
from chalicelib.core.source import Source

log = logging.getLogger(__name__)

LONE: Final = "lone"
MEMBERS: Final = "members/"
# How often to ask again because the permissions changed while asking.
MOST_LOOKS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sight:
    """What depends on the permissions of the app, and is only known once they were asked for."""

    coverage: Coverage
    remarks: tuple[Remark, ...]
    records: Records
    lookup: Lookup
    tree: Tree


class LarkReader:
    def __init__(self, *, source: Source, secrets: Mapping[str, Secret], means: Means) -> None:
        """
        Raises:
            SourceDeniedError: the app secret is missing.
        """
        if "app_secret" not in secrets:
            raise SourceDeniedError("secrets are missing", handle=source.handle)
        self._source = source
        self._keys = frozenset(secrets)
        self._clock = means.clock
        self._client = LarkClient(
            base_url=source.settings.get("base_url") or FEISHU,
            app_id=source.settings["app_id"],
            app_secret=secrets["app_secret"],
            means=means,
        )
        self._seen: _Sight | None = None
        self._lock = threading.Lock()

    @property
    def calls(self) -> Mapping[str, int]:
        return self._client.calls

    @property
    def daily_details(self) -> int:
        return 0  # find_by_department shows all that users/:id does

    def close(self) -> None:
        self._client.close()

    def parts(self, staged: Mapping[str, Part]) -> Iterator[Part]:
        """Read departments first, then the members of each, in no order; nothing is asked for what is staged."""
        scope = self._source.scope
        name = part_name(scope)
        tree = staged[name] if name in staged else self._departments()
        partial = next((remark for remark in tree.remarks if remark.code == PARTIAL), None)
        lone = partial is not None and partial.facts.get("people") != 0
        departments = walked(tree.records)
        if scope.is_everything and not partial:
            departments = (ROOT, *departments)
        of = 1 + lone + len(departments)
        yield replace(tree, of=of)
        if lone:
            yield replace(staged[LONE] if LONE in staged else self._lone(), of=of)
        for department in departments:
            if MEMBERS + department in staged:
                yield replace(staged[MEMBERS + department], of=of)
        unread = [department for department in departments if MEMBERS + department not in staged]
        if not unread:
            return
        self._sight()
        records = 0
        with closing(self._client.each(self._members, unread)) as parts:
            for part in parts:
                records += len(part.records)
                yield replace(part, of=of)
        log.info("members read", extra={"parts": len(unread), "records": records})

    def confirm(self, keys: Sequence[Key]) -> Mapping[Key, Presence]:
        """Ask for keys by name: by batches in parallel, then singly for those that a batch did not answer."""
        if not keys:
            return {}
        answers = self._looked_up(keys)
        kinds = Counter(type(presence).__name__.lower() for presence in answers.values())
        log.info("keys confirmed", extra={"keys": len(answers), **kinds})
        return answers

    def homes(self, record: SourceRecord) -> Sequence[str] | None:
        field = NEVER_EMPTY[record.key.kind]
        value = record.fields.get(field)
        if field not in record.covers:
            return None
        return value if isinstance(value, tuple) else (str(value),) if value else ()

    def children(self, external_id: str | None) -> Sequence[SourceDepartment]:
        found = self._sight().tree.children(external_id)
        log.info("children read", extra={"records": len(found)})
        return found

    def examine(self) -> Iterator[Finding]:
        return Examination(client=self._client, source=self._source, secrets=self._keys).findings()

    def _looked_up(self, keys: Sequence[Key]) -> Mapping[Key, Presence]:
        """Ask for keys, and for the permissions after them: one taken away before an answer makes it show less."""
        for _ in range(MOST_LOOKS):
            sight = self._sight()
            answers = sight.lookup.ask(keys, self._client.each)
            coverage, remarks = self._coverage()
            if coverage == sight.coverage:
                return answers
            self._see(coverage, remarks)
        unknown = Coverage(granted=None, mapping=self._source.mapping)
        return self._see(unknown, ()).lookup.ask(keys, self._client.each)

    def _departments(self) -> Part:
        sight = self._sight()
        part = sight.tree.read(self._source.scope, self._source.handle)
        log.info("departments read", extra={"records": len(part.records), "remarks": len(part.remarks)})
        return replace(part, remarks=(*part.remarks, *sight.remarks))

    def _members(self, department: str) -> Part:
        """Read one department's direct members, whole; of one that was deleted meanwhile there are none."""
        sight = self._sight()
        records: dict[str, SourceRecord] = {}
        try:
            for page in self._client.members(department):
                for row in page.rows:
                    record = sight.records.user(row, page.observed_at)
                    records[record.key.external_id] = record
        except RefusedError as refused:
            if department == ROOT and refused.number in OUT_OF_RANGE:
                # The range was narrowed during the walk; whoever sits in no department may have been granted singly.
                return replace(self._lone(map), name=MEMBERS + ROOT)
            if department == ROOT or not sight.tree.has_vanished(department):
                raise
            records.clear()
        # Told with every part: after a restart the permissions may be unknown that were known before.
        return Part(name=MEMBERS + department, records=tuple(records.values()), remarks=sight.remarks)

    def _lone(self, each: Each | None = None) -> Part:
        """Read the people who were granted one by one; those that cannot be seen are left to `confirm`."""
        _, people = self._client.range()
        keys = [Key(self._source.uid, Kind.EMPLOYEE, each_id) for each_id in people]
        answers = self._sight().lookup.ask(keys, each or self._client.each)
        records = tuple(found.record for found in answers.values() if isinstance(found, Found))
        log.info("single people read", extra={"asked": len(keys), "records": len(records)})
        return Part(name=LONE, records=records)

    def _sight(self) -> _Sight:
        with self._lock:
            return self._seen or self._see(*self._coverage())

    def _see(self, coverage: Coverage, remarks: tuple[Remark, ...]) -> _Sight:
        records = Records(self._source.uid, coverage)
        lookup = Lookup(client=self._client, records=records, clock=self._clock)
        tree = Tree(source=self._source.uid, client=self._client, records=records, lookup=lookup)
        self._seen = _Sight(coverage=coverage, remarks=remarks, records=records, lookup=lookup, tree=tree)
        return self._seen

    def _coverage(self) -> tuple[Coverage, tuple[Remark, ...]]:
        """Learn which permissions the app has; not knowing them costs the clearing of fields, not the read."""
        mapping = self._source.mapping
        try:
            coverage = Coverage(granted=granted_scopes(self._client.granted().rows), mapping=mapping)
            return coverage, coverage.remarks()
        except SourceDeniedError as denied:
            if denied.code != "permission missing":
                raise
            code = denied.facts.get("code", "?")
        except (SourceProtocolError, TransientError) as error:
            code = error.facts.get("code") or error.facts.get("problem") or error.code
        remark = Remark(code="permissions unknown", facts={"code": code})
        return Coverage(granted=None, mapping=mapping), (remark,)
