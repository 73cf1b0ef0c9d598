"""A new source: its row, its secrets, its picture; and whether it may be on from the beginning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.core.audited import Noted
from chalicelib.core.errors import RollcallError
from chalicelib.core.finding import Check, Finding, Grade
from chalicelib.core.source import Source
from chalicelib.sources.draft import Draft, drafted, refused, tidy, wrong
from chalicelib.sources.examine import examined

if TYPE_CHECKING:
    from chalicelib.sources.room import Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """A new source; with findings it was tested, and is enabled only when none of them failed."""

    source: Source
    findings: Sequence[Finding] = ()


def created(room: Sources, draft: Draft, noted: Noted, *, activate_gate: bool) -> Created:
    """Keep a new source, whole or not at all.

    Raises:
        CallerError: what is wrong with the draft, all of it.
    """
    form = room.connectors.form(draft.kind)
    draft = tidy(draft)
    found = wrong(draft, form, room.catalog.sources(), room.clock.now(), edits=None)
    if found:
        raise refused(found)
    source = room.armed(drafted(draft, form, room.clock.now()))
    is_tested = activate_gate and source.enabled
    noted.source = source.uid
    _keep(room, replace(source, enabled=False) if is_tested else source, draft)
    # The source is read afterwards: the test may have enabled it.
    findings = activated(room, source.uid) if is_tested else ()
    return Created(source=room.catalog.source(source.uid), findings=findings)


def activated(room: Sources, uid: str) -> Sequence[Finding]:
    """Test a source, and enable it when nothing failed. What keeps it from that is a finding, too."""
    source = room.catalog.source(uid)
    parts = (room.connectors, room.tasks, room.clock)
    findings = tuple(examined(replace(source, enabled=True), *parts, doors=room.doors, public_url=room.public_url))
    if any(each.grade is Grade.FAILED for each in findings):
        return findings
    try:
        room.edited(uid, Noted(), lambda before: room.armed(replace(before, enabled=True)))
    except RollcallError as error:
        # It is saved all the same: whoever reads that something is wrong must not take it for nothing done.
        return (*findings, Finding.failed(Check.SCHEDULE, error))
    return findings


def _keep(room: Sources, source: Source, draft: Draft) -> None:
    room.secrets.put(source.uid, draft.secrets)
    added = False
    try:
        if draft.logo:
            room.logos.put(source.uid, draft.logo)
        room.catalog.add(source)
        added = True
    finally:
        if not added and not any(each.uid == source.uid for each in room.catalog.sources()):
            room.secrets.drop(source.uid)
            room.logos.drop(source.uid)
