"""Test a source: what its connector finds, and what needs no vendor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Final

from chalicelib.core.errors import RollcallError
from chalicelib.core.finding import Check, Finding, Grade
from chalicelib.core.model import Remark
from chalicelib.core.ports import Clock, Connectors, Tasks
from chalicelib.core.source import Source, due_at
from chalicelib.core.task import Trigger

# Of so many tasks the newest that events asked for is looked for.
_TASKS: Final = 200
# A source that was not read as a whole for so long is not synced by anybody.
_LONG_AGO: Final = timedelta(days=2)


def examined(source: Source, connectors: Connectors, tasks: Tasks, clock: Clock) -> Iterator[Finding]:
    yield from _by_vendor(source, connectors)
    yield _schedule(source)
    yield _read(source, tasks, clock)
    if connectors.form(source.kind).events:
        yield _events(source, tasks)


def _by_vendor(source: Source, connectors: Connectors) -> Iterator[Finding]:
    last = Check.CREDENTIALS
    try:
        with closing(connectors.open(source)) as connector:
            for finding in connector.examine():
                last = finding.check
                yield finding
    except RollcallError as error:
        yield Finding.failed(last, error)


def _schedule(source: Source) -> Finding:
    at = due_at(source)
    if not source.enabled:
        remark = Remark(code="source is disabled", facts={"handle": source.handle})
    elif at is None:
        remark = Remark(code="not synced by itself", facts={"handle": source.handle})
    else:
        remark = Remark(code="synced by itself next", facts={"at": at.isoformat(timespec="seconds")})
    return Finding(check=Check.SCHEDULE, grade=Grade.WARNING if at is None else Grade.OK, remark=remark)


def _read(source: Source, tasks: Tasks, clock: Clock) -> Finding:
    through = tasks.read_through(source.uid)
    if through is None:
        remark = Remark(code="never read as a whole", facts={"handle": source.handle})
        return Finding(check=Check.READ, grade=Grade.WARNING, remark=remark)
    old = clock.now() - through > _LONG_AGO
    remark = Remark(code="last read as a whole", facts={"at": through.isoformat(timespec="seconds")})
    return Finding(check=Check.READ, grade=Grade.WARNING if old else Grade.OK, remark=remark)


def _events(source: Source, tasks: Tasks) -> Finding:
    seen = next((task for task in tasks.recent(source.uid, _TASKS) if task.trigger is Trigger.EVENT), None)
    if seen is None:
        remark = Remark(code="no event seen", facts={"handle": source.handle})
        return Finding(check=Check.EVENTS, grade=Grade.WARNING, remark=remark)
    remark = Remark(code="last event seen", facts={"at": seen.asked_at.isoformat(timespec="seconds")})
    return Finding(check=Check.EVENTS, grade=Grade.OK, remark=remark)
