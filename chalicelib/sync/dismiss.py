"""Let everybody of a source leave that a person deletes: rows like any others, but nobody is asked first.

Who deletes it was shown how many they are, typed its name, and confirmed, above a limit with a second person: that is
the approval of these rows. Entries that another source shows, too, stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TypeVar

from chalicelib.core.diff import departure
from chalicelib.core.errors import ContractError
from chalicelib.core.finding import Finding
from chalicelib.core.model import NOTHING, Entry, Key, Link, Part, SourceRecord, State
from chalicelib.core.ports import Directory, Tasks
from chalicelib.core.presence import Presence
from chalicelib.core.scope import SourceDepartment
from chalicelib.core.task import Evidence, Fence, RowStatus, SyncRecord, SyncTask

_CHUNK = 500
T = TypeVar("T")


def plan_dismissal(task: SyncTask, now: datetime, directory: Directory, tasks: Tasks, fence: Fence) -> None:
    """Write the plan down; done again after a kill, it is the same."""
    at = task.started_at or now
    for pairs in _chunks(leavers(task.source, directory)):
        tasks.put_rows([row for link, entry in pairs if (row := _row(task, link, entry, at))], fence)


def leavers(source: str, directory: Directory) -> Iterator[tuple[Link, Entry]]:
    """Find the entries of a source that have not left and that no other source shows."""
    links = (each for each in directory.links(source) if each.entry_id and not each.owner)
    for chunk in _chunks(link for link in links if link.state is not State.LEFT):
        entries = directory.entries([link.entry_id for link in chunk])
        others = directory.links_of(sorted({key for entry in entries.values() for key in entry.others}))
        for link in chunk:
            entry = entries.get(link.entry_id)
            if entry is None or entry.key != link.key or entry.state is State.LEFT:
                continue
            if not _is_shown(entry, others):
                yield link, entry


def _is_shown(entry: Entry, others: Mapping[Key, Link]) -> bool:
    known = (others[key] for key in entry.others if key in others)
    return any(link.entry_id == entry.entry_id and link.state is not State.LEFT for link in known)


def _row(task: SyncTask, link: Link, entry: Entry, at: datetime) -> SyncRecord | None:
    change = departure(entry)
    if change is None:
        return None
    return SyncRecord(
        task=task.task_id,
        key=link.key,
        entry_id=entry.entry_id,
        action=change.action,
        status=RowStatus.PLANNED,
        source=NOTHING,
        before=change.before,
        after=change.after,
        # Whatever was observed before, this is later: somebody decides now.
        observed_at=max(at, link.observed_at + datetime.resolution),
        digest="",
        revision=entry.revision,
        evidence=Evidence.DELETED,
        within=link.within,
    )


def _chunks(items: Iterator[T]) -> Iterator[Sequence[T]]:
    while chunk := tuple(islice(items, _CHUNK)):
        yield chunk


class NoVendor:
    """The connector of a run that asks nobody."""

    daily_details = 0

    @property
    def calls(self) -> Mapping[str, int]:
        return {}

    def parts(self, staged: Mapping[str, Part]) -> Iterator[Part]:
        raise _nobody()

    def confirm(self, keys: Sequence[Key]) -> Mapping[Key, Presence]:
        raise _nobody()

    def homes(self, record: SourceRecord) -> Sequence[str] | None:
        raise _nobody()

    def children(self, external_id: str | None) -> Sequence[SourceDepartment]:
        raise _nobody()

    def examine(self) -> Iterator[Finding]:
        raise _nobody()

    def close(self) -> None:
        pass


def _nobody() -> ContractError:
    return ContractError("internal error", kind="a dismissal asks no vendor")
