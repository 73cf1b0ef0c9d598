"""Reading Lark's departments: all at once where Lark lets us, else level by level, else from what we were granted.

Where departments were chosen, what is below them is read, and nothing else.

Source: Feishu contact v3, "get sub-departments", "get the contact range".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from chalicelib.connectors.lark.answers import RefusedError
from chalicelib.connectors.lark.client import ROOT, LarkClient
from chalicelib.connectors.lark.lookup import DEPARTMENT_UNKNOWN, OUT_OF_RANGE, Lookup
from chalicelib.connectors.lark.records import Records
from chalicelib.core.errors import NotFoundError
from chalicelib.core.model import Key, Kind, Part, Remark, SourceRecord
from chalicelib.core.presence import Found, Gone, Hidden, Unclear
from chalicelib.core.scope import Scope, SourceDepartment, check_chosen

NAME: Final = "departments"
PARTIAL: Final = "range is partial"
TOO_BIG: Final = 43010

Branch = Mapping[str, SourceRecord]


class Tree:
    def __init__(self, *, source: str, client: LarkClient, records: Records, lookup: Lookup) -> None:
        self._source = source
        self._client = client
        self._records = records
        self._lookup = lookup

    def read(self, scope: Scope, handle: str) -> Part:
        """Read every department that the app may see, or the chosen ones with all below; the root is not among them.

        Raises:
            SetupError: a chosen department is gone, or cannot be seen; `handle` is the source's.
        """
        if not scope.is_everything:
            return self._chosen(scope, handle)
        try:
            branch = self._below([ROOT])
        except RefusedError as refused:
            if refused.number not in OUT_OF_RANGE:
                raise
            return self._granted()
        return Part(name=NAME, records=tuple(branch.values()))

    def children(self, department: str | None) -> Sequence[SourceDepartment]:
        """List the departments right below one, or the topmost that were granted.

        Raises:
            NotFoundError: there is no such department, or we may not see it.
        """
        try:
            branch = self._listed(department or ROOT, recursive=False)
        except RefusedError as refused:
            if department is not None:
                raise NotFoundError("no such department", department=department[:80]) from refused
            if refused.number not in OUT_OF_RANGE:
                raise
            branch = self._tops(self._client.range()[0])
        return tuple(
            SourceDepartment(external_id=each, name=str(record.fields.get("name") or ""))
            for each, record in branch.items()
        )

    def has_vanished(self, department: str) -> bool:
        """Tell whether a department that was just listed is gone, or hidden, by now."""
        match self._lookup.one(self._key(department)):
            case Gone() | Hidden():
                return True
            case Unclear(why=why):
                return why.facts.get("code") in DEPARTMENT_UNKNOWN
            case Found():
                return False

    def _granted(self) -> Part:
        """Read the departments that were granted, with all below them."""
        departments, people = self._client.range()
        tops = self._tops(departments)
        branch = {**tops, **self._below(tuple(tops))}
        remark = Remark(code=PARTIAL, facts={"departments": len(departments), "people": len(people)})
        return Part(name=NAME, records=tuple(branch.values()), remarks=(remark,))

    def _chosen(self, scope: Scope, handle: str) -> Part:
        answers = self._lookup.ask(scope.keys(self._source), self._client.each)
        check_chosen(scope, handle, answers)
        tops = {key.external_id: each.record for key, each in answers.items() if isinstance(each, Found)}
        branch = {**tops, **self._below(tuple(tops))}
        return Part(name=part_name(scope), records=tuple(branch.values()))

    def _tops(self, departments: Sequence[str]) -> Branch:
        keys = [self._key(each) for each in departments]
        answers = self._lookup.ask(keys, self._client.each)
        return {key.external_id: found.record for key in keys if isinstance(found := answers[key], Found)}

    def _below(self, tops: Sequence[str]) -> Branch:
        branch: dict[str, SourceRecord] = {}
        too_big: list[str] = []
        for top, below in self._client.each(self._whole, tops):
            if below is None:
                too_big.append(top)
            else:
                branch |= below
        return {**branch, **self._by_level(too_big)}

    def _by_level(self, tops: Sequence[str]) -> Branch:
        branch: dict[str, SourceRecord] = {}
        level = list(tops)
        while level:
            below: dict[str, SourceRecord] = {}
            for department, children in self._client.each(self._level, level):
                if children is None:
                    branch.pop(department, None)
                else:
                    below |= children
            level = [department for department in below if department not in branch]
            branch |= below
        return branch

    def _whole(self, top: str) -> tuple[str, Branch | None]:
        """Read all below a department; None where that is too much to ask for at once."""
        try:
            return top, self._listed(top, recursive=True)
        except RefusedError as refused:
            if refused.number == TOO_BIG:
                return top, None
            if top != ROOT and self.has_vanished(top):
                return top, {}
            raise

    def _level(self, department: str) -> tuple[str, Branch | None]:
        """Read the children of a department; None where it vanished meanwhile."""
        try:
            return department, self._listed(department, recursive=False)
        except RefusedError:
            if department != ROOT and self.has_vanished(department):
                return department, None
            raise

    def _listed(self, department: str, *, recursive: bool) -> Branch:
        pages = self._client.children(department, recursive=recursive)
        records = (self._records.department(row, page.observed_at) for page in pages for row in page.rows)
        return {record.key.external_id: record for record in records if record.key.external_id != ROOT}

    def _key(self, department: str) -> Key:
        return Key(self._source, Kind.DEPARTMENT, department)


def part_name(scope: Scope) -> str:
    """Name the part of departments, so that one staged for another scope is not taken for it."""
    return NAME if scope.is_everything else f"{NAME}/{scope.digest}"


def walked(records: Iterable[SourceRecord]) -> tuple[str, ...]:
    """Name the departments whose members are to be read: those that do not say that they are empty; largest first.

    The count includes all below, so the largest come first to be under way while the small ones are read.
    """
    counts: dict[str, int] = {}
    for record in records:
        count = record.fields.get("member_count")
        if count != 0:
            counts[record.key.external_id] = count if isinstance(count, int) else 0
    return tuple(sorted(counts, key=lambda department: (-counts[department], department)))
