"""Walking DingTalk's departments: children and members side by side, for each of the two lists has a limit of its own.

No list tells whether a department has anybody in it or below it, so every one is asked for both. Who leads a department
is told among its members. So a part of sisters is whole, and goes out, once the members of each of them were read; a
walk that was broken off asks again for those sisters, but not for their members.

Source: DingTalk "get sub-departments", "get department's user details", "get the contact range".
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from chalicelib.connectors.dingtalk.answers import RefusedError
from chalicelib.connectors.dingtalk.client import CHILDREN, ROOT, DingTalkClient, Range, is_real
from chalicelib.connectors.dingtalk.lookup import DEPARTMENT_OUT_OF_RANGE, VANISHED, Lookup
from chalicelib.connectors.dingtalk.permissions import Coverage
from chalicelib.connectors.dingtalk.records import Records, leaders
from chalicelib.connectors.session import fault
from chalicelib.core.errors import SourceUnavailableError
from chalicelib.core.model import Key, Kind, Part, Remark, SourceRecord
from chalicelib.core.presence import Found, Presence
from chalicelib.core.scope import EVERYTHING, Scope, check_chosen

RANGE_NAME: Final = "range"
CHILDREN_OF: Final = "children/"
MEMBERS_OF: Final = "members/"
PARTIAL: Final = "range is partial"


class _List(Enum):
    CHILDREN = CHILDREN_OF
    MEMBERS = MEMBERS_OF


@dataclass(slots=True)
class _Lane:
    """Departments that wait for one of the two lists, and how many of them are being asked about."""

    list: _List
    waiting: deque[str] = field(default_factory=deque)
    under_way: int = 0

    def take(self, most: int) -> Iterator[tuple[_List, str]]:
        while self.waiting and self.under_way < most:
            self.under_way += 1
            # Children of the newest first, members of the oldest: few sisters wait for each other at any time.
            newest = self.list is _List.CHILDREN
            yield self.list, self.waiting.pop() if newest else self.waiting.popleft()


@dataclass(slots=True, kw_only=True)
class _Sisters:
    """Departments of one list, which wait for their leaders."""

    name: str
    records: Mapping[str, SourceRecord]
    remarks: tuple[Remark, ...] = ()
    missing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """One list of one department; `records` of None: it vanished meanwhile."""

    list: _List
    department: str
    records: tuple[SourceRecord, ...] | None


class Walk:
    """One full read; not to be used again."""

    def __init__(
        self,
        *,
        source: str,
        client: DingTalkClient,
        records: Records,
        coverage: Coverage,
        lookup: Lookup,
        staged: Mapping[str, Part],
        in_flight: int,
        scope: Scope = EVERYTHING,
        handle: str = "",
    ) -> None:
        self.range: Range | None = None
        self.partial: Remark | None = None
        self.people: set[str] = set()
        self.counts = dict.fromkeys(("departments", "people"), 0)
        self._source = source
        self._client = client
        self._records = records
        self._coverage = coverage
        self._lookup = lookup
        self._staged = staged
        self._scope, self._handle = scope, handle
        # Where the walk begins; one staged for another scope is not taken for it.
        self._top = RANGE_NAME if scope.is_everything else f"{RANGE_NAME}/{scope.digest}"
        # Whoever waits for one list's limit must leave threads to the other.
        self._most = max(1, in_flight // 2)
        self._lanes = {each: _Lane(each) for each in _List}
        self._known: set[str] = set()
        self._leaders: dict[str, tuple[str, ...] | None] = {}
        self._waiting: defaultdict[str, list[_Sisters]] = defaultdict(list)

    @property
    def of(self) -> int:
        """Count the parts that there are, as far as is known: the range, and two lists of each department."""
        lone = self.partial is not None and self.partial.facts.get("people") != 0
        return 1 + 2 * len(self._known) + lone

    def read(self) -> Generator[Part, None, None]:
        """Yield every part, first those that are staged; nothing is asked for them."""
        yield from self._begin()
        with closing(self._client.work_off(self._do, self._take)) as reads:
            for read in reads:
                self._lanes[read.list].under_way -= 1
                yield from self._settle(read)

    def _begin(self) -> Iterator[Part]:
        if self._top in self._staged:
            part = self._staged[self._top]
            self.partial = next((remark for remark in part.remarks if remark.code == PARTIAL), None)
            yield part
            begins_below = self.partial or not self._scope.is_everything
            yield from self._meet([record.key.external_id for record in part.records] if begins_below else [ROOT])
            return
        self.range = self._client.range()
        remarks = self._coverage.remarks(self.range.fields)
        if not self._scope.is_everything:
            answers = self._lookup.ask(self._scope.keys(self._source))
            check_chosen(self._scope, self._handle, answers)
            yield from self._await(_Sisters(name=self._top, records=_records(answers), remarks=remarks))
            return
        if self.range.everything:
            yield Part(name=RANGE_NAME, records=(), remarks=remarks)
            yield from self._meet([ROOT])
            return
        granted, people = self.range.departments, self.range.people
        self.partial = Remark(code=PARTIAL, facts={"departments": len(granted), "people": len(people)})
        answers = self._lookup.ask([Key(self._source, Kind.DEPARTMENT, each) for each in granted])
        yield from self._await(_Sisters(name=RANGE_NAME, records=_records(answers), remarks=(self.partial, *remarks)))

    def _await(self, sisters: _Sisters) -> Iterator[Part]:
        """See to it that sisters get their leaders, and go out when they have."""
        for department in sisters.records:
            if department not in self._leaders:
                sisters.missing += 1
                self._waiting[department].append(sisters)
        if not sisters.missing:
            yield self._part(sisters)
        yield from self._meet(sisters.records)

    def _meet(self, departments: Iterable[str]) -> Iterator[Part]:
        """Note departments to be read; what is staged of them, and of what is below them, goes out at once."""
        new = deque(departments)
        while new:
            department = new.popleft()
            if department in self._known:
                continue
            self._known.add(department)
            members, children = MEMBERS_OF + department, CHILDREN_OF + department
            if members in self._staged:
                part = self._staged[members]
                self._coverage.recall(part.records)
                yield part
                yield from self._lead(department, part.records)
            else:
                self._lanes[_List.MEMBERS].waiting.append(department)
            if children in self._staged:
                part = self._staged[children]
                yield part
                new.extend(record.key.external_id for record in part.records)
            else:
                self._lanes[_List.CHILDREN].waiting.append(department)

    def _settle(self, read: _Read) -> Iterator[Part]:
        records = read.records or ()
        name = read.list.value + read.department
        if read.list is _List.MEMBERS:
            self.counts["people"] += len(records)
            yield Part(name=name, records=records)
            yield from self._lead(read.department, read.records)
        else:
            yield from self._await(_Sisters(name=name, records={each.key.external_id: each for each in records}))

    def _lead(self, department: str, members: tuple[SourceRecord, ...] | None) -> Iterator[Part]:
        """Note who leads a department; nobody knows of one that vanished."""
        if self.partial:
            self.people.update(record.key.external_id for record in members or ())
        self._leaders[department] = leaders(members) if members is not None else None
        for sisters in self._waiting.pop(department, ()):
            sisters.missing -= 1
            if not sisters.missing:
                yield self._part(sisters)

    def _part(self, sisters: _Sisters) -> Part:
        led = tuple(
            self._records.led_by(record, who)
            for department, record in sisters.records.items()
            if (who := self._leaders[department]) is not None
        )
        self.counts["departments"] += len(led)
        return Part(name=sisters.name, records=led, remarks=sisters.remarks)

    def _take(self, room: int) -> Iterable[tuple[_List, str]]:
        return [job for lane in self._lanes.values() for job in lane.take(self._most)]

    def _do(self, job: tuple[_List, str]) -> _Read:
        list_, department = job
        try:
            records = self._children(department) if list_ is _List.CHILDREN else self._members(department)
            return _Read(list=list_, department=department, records=records)
        except RefusedError as refused:
            if department != ROOT and refused.number in VANISHED:
                return _Read(list=list_, department=department, records=None)
            if department == ROOT and refused.number == DEPARTMENT_OUT_OF_RANGE:
                problem = "the contact range was changed"
                raise fault(
                    SourceUnavailableError, "source unavailable", endpoint=CHILDREN.name, problem=problem
                ) from refused
            raise

    def _children(self, department: str) -> tuple[SourceRecord, ...]:
        page = self._client.children(department)
        records = (self._records.child(row, page.observed_at) for row in page.rows)
        return tuple(record for record in records if is_real(record.key.external_id))

    def _members(self, department: str) -> tuple[SourceRecord, ...]:
        """Read one department's direct members, whole."""
        pages = self._client.members(department)
        return self._records.members([(row, page.observed_at) for page in pages for row in page.rows])


def _records(answers: Mapping[Key, Presence]) -> Mapping[str, SourceRecord]:
    return {key.external_id: found.record for key, found in answers.items() if isinstance(found, Found)}
