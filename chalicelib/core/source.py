"""A configured outside system and the rules it must keep."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from chalicelib.core.budget import Tariff
from chalicelib.core.errors import ConflictError, MalformedError, NotFoundError
from chalicelib.core.guard import Guard
from chalicelib.core.mapping import UNLISTED, FieldMapping, Vocabulary
from chalicelib.core.matching import UNMATCHED, Matching
from chalicelib.core.scope import EVERYTHING, Scope
from chalicelib.core.spread import minute

MOST_ENABLED: Final = 5
MOST_ENABLED_CUSTOM: Final = 1
HOUR: Final = timedelta(hours=1)
LONGEST_CYCLE: Final = timedelta(hours=24)
LONGEST_DESCRIPTION: Final = 200
# Every day at midnight, in the source's zone: what a new source begins with.
DAILY: Final = "0 0 * * *"

_HANDLE = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
# Chinese: 〇, extension A, the common block, compatibility, and the planes of rare characters that names have.
_NAME = re.compile(r"[A-Za-z0-9\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff_-]{2,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a source is synced by itself: every `cycle`, or at the times of `cron` (five fields) in `zone`.

    Without `cron` the cycle counts. `automatic` is apart from both, so that turning it off and on keeps them. `zone` is
    an IANA name; times of this source are shown in it.
    """

    cycle: timedelta = LONGEST_CYCLE
    cron: str = ""
    zone: str = "UTC"
    automatic: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleting:
    """Who deletes a source, and whether its people leave with it. `by` is a door and the key of somebody there."""

    by: str
    at: datetime
    people_leave: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One outside system. `uid` never changes and is never reused; `handle` is what people type.

    `settings` are the connector's own, by its form, without secrets: those are kept apart under the uid. `next_due_at`
    is when the schedule wants the next sync, as far as it is known: see `due_at`. Without `user_info` a sync by itself
    leaves the values of employees as they are; who comes and who goes it still applies. `budget` is how many calls the
    vendor allows in a month, 0 where that is not known. One that is `deleting` does nothing any more but what is left
    to do for that.
    """

    uid: str
    handle: str
    name: str
    kind: str
    enabled: bool
    settings: Mapping[str, str]
    mapping: FieldMapping
    created_at: datetime
    custom: bool = False
    description: str = ""
    user_info: bool = True
    scope: Scope = EVERYTHING
    matching: Matching = UNMATCHED
    budget: int = 0
    deleting: Deleting | None = None
    schedule: Schedule = field(default_factory=Schedule)
    guard: Guard = field(default_factory=Guard)
    last_asked_at: datetime | None = None
    next_due_at: datetime | None = None
    revision: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """When a source is due, None when it never is by itself: what a tick looks at before it reads any source."""

    uid: str
    due_at: datetime | None
    is_deleted: bool = False


# Tells when a source is due by its cron, after an instant; None when it never is. See `sources/calendar.py`.
NextDue = Callable[[Source, datetime], datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One question of a connector's form. A secret is asked for as a file or typed unseen, never as an argument.

    `callback` is a secret by which the vendor proves what it pushes; its console switches to a new one when somebody
    presses Save there, so for a while the old one is good too.
    """

    name: str
    label: tuple[str, str]
    secret: bool = False
    required: bool = False
    default: str = ""
    pattern: str = ".{1,1000}"
    help: tuple[str, str] = ("", "")
    callback: bool = False


class Paste(StrEnum):
    """What an installation has one of, and vendors' consoles want."""

    REDIRECT = "redirect"
    HOMEPAGE = "homepage"
    DOMAIN = "domain"
    EGRESS = "egress"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a connector must be told, and the mapping its sources start with. `label` is English, then 中文.

    `events` are the names of the events to subscribe to in the vendor's console, `permissions` those to grant. `doors`
    are the URLs to paste there: the last part of each, and what the console calls it. `pastes` is what the console
    calls what else is pasted. `zone` is that of most of its companies. `checked` are the doors whose URL the vendor
    checks when it is saved, that of events first. `console` is what the pages of the console are called.
    """

    kind: str
    label: tuple[str, str]
    fields: tuple[FormField, ...]
    mapping: FieldMapping
    custom: bool = False
    vocabulary: Vocabulary = UNLISTED
    events: tuple[str, ...] = ()
    doors: tuple[tuple[str, tuple[str, str]], ...] = ()
    permissions: tuple[str, ...] = ()
    pastes: tuple[tuple[Paste, tuple[str, str]], ...] = ()
    zone: str = "UTC"
    checked: tuple[str, ...] = ()
    console: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    tariff: Tariff = field(default_factory=Tariff)


def check_handle(handle: str) -> None:
    """
    Raises:
        MalformedError: it breaks the rule.
    """
    if not _HANDLE.fullmatch(handle):
        raise MalformedError("handle breaks its rule", handle=handle[:40])


def check_name(name: str) -> None:
    """
    Raises:
        MalformedError: it breaks the rule.
    """
    if not _NAME.fullmatch(name):
        raise MalformedError("source name breaks its rule", name=name[:120])


def check_description(description: str) -> None:
    """
    Raises:
        MalformedError: it is too long, or is not one line of text.
    """
    if len(description) > LONGEST_DESCRIPTION or not description.isprintable():
        raise MalformedError("description breaks its rule", most=LONGEST_DESCRIPTION)


def wrong_answers(
    form: Form, settings: Mapping[str, str], secrets: Collection[str], *, kept: Collection[str] = ()
) -> Mapping[str, MalformedError]:
    """Hold a connector's form against what was given; tell by field what is unknown, missing or misshaped.

    `secrets` are the names of those given, `kept` of those that need not be given because they are kept already; their
    values do not come here.
    """
    known = {each.name: each for each in form.fields}
    wrong: dict[str, MalformedError] = {}
    for name in (*settings, *secrets):
        if name not in known:
            wrong[name] = MalformedError("unknown setting", kind=form.kind, field=name[:40])
    for name in settings:
        if name in known and known[name].secret:
            wrong[name] = MalformedError("secret given as an argument", field=_option(name))
    for name, each in known.items():
        given = name in (*secrets, *kept) if each.secret else bool(settings.get(name))
        if name in wrong:
            continue
        if each.required and not given and not each.default:
            wrong[name] = MalformedError("setting is missing", kind=form.kind, field=_option(name))
        value = settings.get(name)
        if value and not re.fullmatch(each.pattern, value):
            wrong[name] = MalformedError("setting is misshaped", field=name, help=each.help[0] or each.pattern)
    return wrong


def answered(form: Form, settings: Mapping[str, str]) -> Mapping[str, str]:
    """Fill the defaults in."""
    return {each.name: settings.get(each.name) or each.default for each in form.fields if not each.secret}


def _option(name: str) -> str:
    return name.replace("_", "-")


def which(sources: Sequence[Source], handle_or_uid: str) -> Source:
    """Find a source by its uid, or else by its handle.

    Raises:
        NotFoundError: there is none.
    """
    for each in sources:
        if each.uid == handle_or_uid:
            return each
    for each in sources:
        if each.handle == handle_or_uid:
            return each
    raise NotFoundError("no such source", handle=handle_or_uid[:40])


def check_room(source: Source, others: Sequence[Source]) -> None:
    """Hold the rules on how many sources may be enabled, and that a handle is free.

    Raises:
        ConflictError: naming the rule and the sources that are in the way.
    """
    if any(each.handle == source.handle and each.uid != source.uid for each in others):
        raise ConflictError("handle is taken", handle=source.handle)
    if not source.enabled:
        return
    enabled = [each for each in others if each.enabled and each.uid != source.uid]
    if len(enabled) >= MOST_ENABLED:
        names = ", ".join(sorted(each.handle for each in enabled))
        raise ConflictError("too many enabled sources", limit=MOST_ENABLED, handles=names)
    custom = [each for each in enabled if each.custom]
    if source.custom and len(custom) >= MOST_ENABLED_CUSTOM:
        raise ConflictError("too many custom sources", limit=MOST_ENABLED_CUSTOM, handles=custom[0].handle)


def check_cycle(cycle: timedelta) -> None:
    """
    Raises:
        MalformedError: it is not a number of hours from 1 to 24.
    """
    if not HOUR <= cycle <= LONGEST_CYCLE or cycle % HOUR:
        raise MalformedError("cycle breaks its rule", most=LONGEST_CYCLE // HOUR)


def due_at(source: Source) -> datetime | None:
    """Tell when the next sync by itself is due; None when there will be none."""
    if not source.enabled or not source.schedule.automatic:
        return None
    if source.next_due_at is not None or source.schedule.cron:
        return source.next_due_at
    return (source.last_asked_at or source.created_at) + source.schedule.cycle


def due(source: Source, now: datetime) -> bool:
    """Tell whether the schedule wants a sync that nobody has asked for yet."""
    at = due_at(source)
    return at is not None and at <= now


def due_first(source: Source, now: datetime, next_due: NextDue) -> datetime | None:
    """Tell when a source whose schedule begins now wants its first sync.

    A cycle begins with the last instant within it that falls on the source's own minute of the hour.
    """
    if source.schedule.cron:
        return next_due(source, now)
    end = now + source.schedule.cycle
    first = end.replace(minute=minute(source.uid), second=0, microsecond=0)
    return first if first <= end else first - HOUR


def due_next(source: Source, now: datetime, next_due: NextDue) -> datetime | None:
    """Tell when the sync after the one that is due now is due: of those that were missed, one is made up for."""
    at = due_at(source)
    if source.schedule.cron or at is None:
        return due_first(source, now, next_due)
    cycle = source.schedule.cycle
    return at + cycle * (max(timedelta(), now - at) // cycle + 1)
