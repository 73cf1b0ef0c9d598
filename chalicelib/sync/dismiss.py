"""Let everybody of a source leave that a person deletes: rows like any others, but nobody is asked first.

Who deletes it was shown how many they are, typed its name, and confirmed, above a limit with a second person: that is
the approval of these rows. Who is shown by another source that is enabled, too, stays as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TypeVar

from chalicelib.core.diff import Action, departure
from chalicelib.core.errors import ContractError
from chalicelib.core.finding import Finding
from chalicelib.core.model import NOTHING, Entry, Key, Link, Part, SourceRecord, State
from chalicelib.core.ports import Directory, Tasks
from chalicelib.core.presence import Presence
from chalicelib.core.scope import SourceDepartment
from chalicelib.core.source import Source
from chalicelib.core.task import Evidence, Fence, RowStatus, SyncRecord, SyncTask
from chalicelib.sync.adopt import is_unowned
from chalicelib.sync.shown import other_keys, showing

_CHUNK = 500
T = TypeVar("T")


def plan_dismissal(
    task: SyncTask, now: datetime, directory: Directory, sources: Sequence[Source], tasks: Tasks, fence: Fence
) -> None:
    """Write the plan down; done again after a kill, it is the same."""
    at = task.started_at or now
    for pairs in _chunks(leavers(task.source, directory, sources)):
        tasks.put_rows([row for link, entry in pairs if (row := _row(task, link, entry, at))], fence)


def leavers(source: str, directory: Directory, sources: Sequence[Source]) -> Iterator[tuple[Link, Entry]]:
    """Find the entries of a source that have not left, and that no other one of these sources owns or shows."""
    uids = {each.uid for each in sources}
    enabled = {each.uid for each in sources if each.enabled}
    # Nobody else writes an entry whose owner is gone: it is this source's to take along, also who has left this one.
    links = (each for each in directory.links(source) if each.entry_id and (each.owner or each.state is not State.LEFT))
    for chunk in _chunks(links):
        entries = directory.entries(list(dict.fromkeys(link.entry_id for link in chunk)))
        known = directory.links_of(sorted({key for each in entries.values() for key in (each.key, *each.others)}))
        for link in chunk:
            entry = entries.get(link.entry_id)
            if entry is None or entry.state is State.LEFT:
                continue
            if entry.key != link.key and not is_unowned(entry, known.get(entry.key), uids):
                continue
            others = (known[key] for key in other_keys(entry, link.key) if key in known)
            if not showing(entry.entry_id, others, enabled):
                yield link, entry


def _row(task: SyncTask, link: Link, entry: Entry, at: datetime) -> SyncRecord | None:
    change = departure(entry)
    if change is None:
        return None
    return SyncRecord(
        task=task.task_id,
        key=link.key,
        entry_id=entry.entry_id,
        action=change.action if entry.key == link.key else Action.ADOPT,
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
