"""What lies within the departments that were chosen for a source.

A walk that begins at them shows what does. Of somebody who was asked for by name it must be found out: a department
lies within if it was chosen, or if its parent lies within; a person, if one of their departments does. What is known
of departments is on their links: the last full run wrote there in which scope it found them, or that it did not. So an
event costs no call for people outside. Nothing on them counts before a full run has found the departments that are
chosen now.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import Enum

from chalicelib.core.model import Key, Kind, Link, SourceRecord, State
from chalicelib.core.ports import Connector, Directory
from chalicelib.core.presence import Found, Gone, Presence
from chalicelib.core.source import Source
from chalicelib.core.task import Everything, Extent, Only

Homes = Callable[[SourceRecord], Sequence[str] | None]
# No company is deeper; who goes on asking for parents beyond that goes round in circles.
DEEPEST = 50


class Place(Enum):
    """Where a record lies. `unknown`: it was not shown in which departments, or one of them may not be seen."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"


class Within:
    """The scope of a source during one run.

    A look at a few keys believes what links say of departments. A walk, and an approval, which looks at everything
    afresh, ask for every department that was not walked.
    """

    def __init__(
        self,
        *,
        source: Source,
        extent: Extent,
        links: Mapping[Key, Link],
        directory: Directory,
        homes: Homes,
    ) -> None:
        self.is_everything = source.scope.is_everything
        self.digest = source.scope.digest
        self._source, self._directory, self._homes, self._links = source.uid, directory, homes, links
        self._walks = isinstance(extent, Everything)
        self._by_links = isinstance(extent, Only)
        self._loaded: dict[str, Link | None] = {}
        self._chosen = source.scope.ids
        # What is known of departments in this run: found out for good, or their parents.
        self._places: dict[str, Place] = {}
        self._parents: dict[str, Sequence[str] | None] = {}

    def walked(self, records: Iterable[SourceRecord]) -> None:
        """Note the departments that a walk has shown."""
        for record in records:
            if record.key.kind is Kind.DEPARTMENT:
                self._places[record.key.external_id] = Place.INSIDE

    def place(self, record: SourceRecord) -> Place:
        """Tell where a record lies whose departments are known, or were asked for by `learn`."""
        if self.is_everything:
            return Place.INSIDE
        if self._by_links and not self._are_links_good():
            return Place.OUTSIDE  # nothing is known of this scope yet: the next full run tells
        if record.key.kind is Kind.DEPARTMENT and record.key.external_id in self._chosen:
            return Place.INSIDE
        homes = self._homes(record)
        if homes is None:
            return Place.UNKNOWN
        places = {self._where(each) or Place.UNKNOWN for each in homes}
        return next((each for each in (Place.INSIDE, Place.UNKNOWN) if each in places), Place.OUTSIDE)

    def is_unclear(self, record: SourceRecord) -> bool:
        """Tell whether a record shows departments of which it cannot be found out where they lie."""
        return bool(self._homes(record)) and self.place(record) is Place.UNKNOWN

    def has(self, department: str) -> bool:
        """Tell whether a reference to a department is kept: what is not known to lie within is left out."""
        return self.is_everything or self._where(department) is Place.INSIDE

    def stamp(self, department: str) -> str:
        """Say what to write on the link of a department; but for a walk, what is there where nothing else is known."""
        if self.is_everything:
            return ""
        link = self._link(department)
        kept = link.within if link is not None and self._is_active(link) and not self._walks else ""
        if not self._walks and not self._are_links_good():
            return kept
        return self.digest if self.has(department) else kept

    def learn(self, answers: Mapping[Key, Presence], connector: Connector) -> Mapping[Key, Presence]:
        """Note where departments lie that were asked for, and ask for those above whom nothing is known of.

        Returns the answers about the departments that had to be asked for besides.
        """
        if self.is_everything or (self._by_links and not self._are_links_good()):
            return {}
        self._note(answers)
        found = [each.record for each in answers.values() if isinstance(each, Found)]
        self._load(home for record in found for home in self._homes(record) or ())
        asked: dict[Key, Presence] = {}
        wanted = {home for record in found if self._is_worth(record) for home in self._homes(record) or ()}
        for _ in range(DEEPEST):
            keys = [Key(self._source, Kind.DEPARTMENT, each) for each in sorted(self._open(wanted))]
            if not keys:
                break
            above = connector.confirm(keys)
            self._note(above)
            asked |= above
        return asked

    def _is_worth(self, record: SourceRecord) -> bool:
        """Tell whether to ask for somebody's other departments.

        After a walk not of those who are in one that it showed; by links alone only of those who are known, or partly
        within.
        """
        is_partly_within = any(self.has(each) for each in self._homes(record) or ())
        if self._walks:
            return not is_partly_within
        return is_partly_within or not self._by_links or self._is_active(self._links.get(record.key))

    def _note(self, answers: Mapping[Key, Presence]) -> None:
        for key, presence in answers.items():
            known = self._places.get(key.external_id)
            if key.kind is Kind.EMPLOYEE or key.external_id in self._chosen or known is Place.INSIDE:
                continue
            match presence:
                case Found(record=record):
                    self._parents[key.external_id] = self._homes(record)
                    self._places.pop(key.external_id, None)
                case Gone():
                    self._places[key.external_id] = Place.OUTSIDE
                case _:
                    self._places[key.external_id] = Place.UNKNOWN

    def _open(self, departments: Collection[str]) -> set[str]:
        """Name those that must be asked for to tell where these lie."""
        unknown: set[str] = set()
        ways, seen = list(departments), set[str]()
        while ways:
            department = ways.pop()
            if department in seen:
                continue
            seen.add(department)
            if department in self._parents and department not in self._chosen and department not in self._places:
                ways += self._parents[department] or ()
            elif self._where(department) is None:
                unknown.add(department)
        return unknown

    def _where(self, department: str) -> Place | None:
        """Tell where a department lies; None where it must be asked for.

        What cannot be found out leaves it where it was; before the first full run of a scope it was everywhere.
        """
        place, link = self._found_at(department), self._link(department)
        if place is Place.UNKNOWN and link is not None and self._is_active(link):
            was_inside = link.within == self.digest or (self._walks and not self._are_links_good())
            return Place.INSIDE if was_inside else Place.UNKNOWN
        return place

    def _found_at(self, department: str) -> Place | None:
        at, seen = department, set[str]()
        while at not in seen:
            seen.add(at)
            if at in self._chosen:
                return Place.INSIDE
            if at in self._places:
                return self._places[at]
            if at not in self._parents:
                return self._on_link(at)
            parents = self._parents[at]
            if parents is None:
                return Place.UNKNOWN
            if not parents:
                return Place.OUTSIDE
            at = parents[0]
        return Place.OUTSIDE

    def _on_link(self, department: str) -> Place | None:
        link = self._link(department) if self._by_links else None
        if link is None or not self._is_active(link):
            return None
        return Place.INSIDE if link.within == self.digest else Place.OUTSIDE

    def _are_links_good(self) -> bool:
        """Tell whether a full run has found the chosen departments."""
        self._load(self._chosen)
        links = [self._link(each) for each in self._chosen]
        return all(link is not None and self._is_active(link) and link.within == self.digest for link in links)

    def _is_active(self, link: Link | None) -> bool:
        return link is not None and bool(link.entry_id) and link.state is not State.LEFT

    def _link(self, department: str) -> Link | None:
        key = Key(self._source, Kind.DEPARTMENT, department)
        if key in self._links or not self._by_links:
            return self._links.get(key)
        self._load([department])
        return self._loaded[department]

    def _load(self, departments: Iterable[str]) -> None:
        if not self._by_links:
            return
        keys = [Key(self._source, Kind.DEPARTMENT, each) for each in departments if each not in self._loaded]
        if keys:
            found = self._directory.links_of(list(dict.fromkeys(keys)))
            self._loaded |= {key.external_id: found.get(key) for key in keys}
