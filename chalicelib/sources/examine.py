"""Test a source: what its connector finds, and what needs no vendor."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from chalicelib.core.errors import Fact, RollcallError
from chalicelib.core.finding import Check, Finding, Grade
from chalicelib.core.ports import EVENTS, PRESSES, TALK, Clock, Connector, Connectors, Door, Doors, Tasks
from chalicelib.core.presence import Found
from chalicelib.core.source import Form, Source, due_at
from chalicelib.core.task import Trigger

# Of so many tasks the newest that events asked for is looked for.
_TASKS: Final = 200
# A source that was not read as a whole for so long is not synced by anybody.
_LONG_AGO: Final = timedelta(days=2)
# What a person looks at of a list.
_MOST_NAMED: Final = 5


def examined(
    source: Source,
    connectors: Connectors,
    tasks: Tasks,
    clock: Clock,
    *,
    doors: Doors | None = None,
    public_url: str | None = None,
) -> Iterator[Finding]:
    """Test one finding at a time, the most basic first; nothing is changed.

    A source that nobody has stored yet can be tested too. What is pushed is looked at only with `doors`, the address
    that it is pushed to only where it is known whether there is one.
    """
    yield from by_vendor(source, connectors)
    form = connectors.form(source.kind)
    if form.doors and public_url is not None:
        yield _address(public_url)
    if form.events:
        yield from _pushed(source, form, tasks, doors.of(source.uid) if doors else {})
    yield _schedule(source)
    yield _read(source, tasks, clock)


def by_vendor(source: Source, connectors: Connectors) -> Iterator[Finding]:
    """Do the vendor's part of a test; an error that ends it is its last finding."""
    last = Check.CREDENTIALS
    try:
        with closing(connectors.open(source)) as connector:
            for finding in connector.examine():
                last = finding.check
                yield finding
            if not source.scope.is_everything:
                last = Check.SCOPE
                yield _scope(source, connector)
    except RollcallError as error:
        yield Finding.failed(last, error)


def _scope(source: Source, connector: Connector) -> Finding:
    """Ask for the chosen departments by name: a sync wants all of them."""
    keys = source.scope.keys(source.uid)
    answers = connector.confirm(keys)
    lost = [key.external_id for key in keys if not isinstance(answers[key], Found)]
    if not lost:
        return _ok(Check.SCOPE, "scope is there", count=len(keys))
    facts: Mapping[str, Fact] = {"count": len(lost), "of": len(keys), "paths": source.scope.named(lost[:_MOST_NAMED])}
    return Finding(check=Check.SCOPE, grade=Grade.FAILED, cause="scope department gone", facts=facts)


def _address(public_url: str) -> Finding:
    if not public_url:
        return _warning(Check.ADDRESS, "address unknown")
    parts = urlsplit(public_url)
    host = parts.hostname or public_url[:80]
    problem = ""
    if parts.scheme != "https":
        problem = "not https"
    elif _is_private(host):
        problem = "not on the internet"
    elif parts.query or parts.fragment:
        problem = "has a query"
    if problem:
        return _warning(Check.ADDRESS, "address out of reach", host=host, problem=problem)
    return _ok(Check.ADDRESS, "address is set", host=host)


def _is_private(host: str) -> bool:
    if "." not in host or host.endswith((".local", ".localhost", ".internal", ".lan")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


def _pushed(source: Source, form: Form, tasks: Tasks, doors: Mapping[str, Door]) -> Iterator[Finding]:
    """Tell what has come: good pushes, checks of the URL, and what was refused since."""
    checked, talk = doors.get(form.checked[0], Door()).checked_at if form.checked else None, _seen(doors, TALK)
    event = max((at for at in (_last_task(source, tasks), _seen(doors, EVENTS)) if at), default=None)
    checks = (door.checked_at for door in doors.values())
    good = max((at for at in (event, talk, _seen(doors, PRESSES), *checks) if at), default=None)
    refused = max((door.refused_at for door in doors.values() if door.refused_at), default=None)
    if refused is not None and (good is None or refused > good):
        yield _warning(Check.CALLBACK, "pushes are refused", at=_iso(refused))
    if event is not None:
        yield _ok(Check.EVENTS, "last event seen", at=_iso(event))
    elif checked is not None:
        yield _warning(Check.EVENTS, "no event seen", at=_iso(checked))
    elif talk is not None and form.checked:
        yield _warning(Check.EVENTS, "only chat is pushed", at=_iso(talk))
    else:
        yield _warning(Check.EVENTS, "URL never checked")
    # Where events and presses share one URL, only a press proves the latter.
    unchecked = [name for name in form.checked[1:] if doors.get(name, Door()).checked_at is None]
    if unchecked and _seen(doors, PRESSES) is None:
        yield _warning(Check.CARDS, "presses never checked")


def _seen(doors: Mapping[str, Door], name: str) -> datetime | None:
    return doors.get(name, Door()).seen_at


def _last_task(source: Source, tasks: Tasks) -> datetime | None:
    return next((task.asked_at for task in tasks.recent(source.uid, _TASKS) if task.trigger is Trigger.EVENT), None)


def _schedule(source: Source) -> Finding:
    at = due_at(source)
    if not source.enabled:
        return _warning(Check.SCHEDULE, "source is disabled")
    if at is None:
        return _warning(Check.SCHEDULE, "not synced by itself")
    return _ok(Check.SCHEDULE, "synced by itself next", at=_iso(at))


def _read(source: Source, tasks: Tasks, clock: Clock) -> Finding:
    through = tasks.read_through(source.uid)
    if through is None:
        return _warning(Check.READ, "never read as a whole")
    if clock.now() - through > _LONG_AGO:
        return _warning(Check.READ, "read long ago", at=_iso(through))
    return _ok(Check.READ, "last read as a whole", at=_iso(through))


def _ok(check: Check, cause: str, **facts: Fact) -> Finding:
    return Finding(check=check, grade=Grade.OK, cause=cause, facts=facts)


def _warning(check: Check, cause: str, **facts: Fact) -> Finding:
    return Finding(check=check, grade=Grade.WARNING, cause=cause, facts=facts)


def _iso(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""
