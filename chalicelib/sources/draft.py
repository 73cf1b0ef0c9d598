"""What a person says of a source, new or as it is to be; all that is wrong with it, at once; the source that it makes.

The terminal's questions and the one-time page both end in a draft, so that no door has rules of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Final

from chalicelib.core.errors import ConflictError, DraftError, MalformedError, RollcallError
from chalicelib.core.logo import as_logo
from chalicelib.core.secret import Secret
from chalicelib.core.source import (
    DAILY,
    HOUR,
    LONGEST_CYCLE,
    Form,
    Schedule,
    Source,
    answered,
    check_cycle,
    check_description,
    check_handle,
    check_name,
    check_room,
    wrong_answers,
)
from chalicelib.sources.calendar import check_cron, check_zone

_RHYTHM: Final = frozenset({"cycle_hours", "cron"})
# What an edit may say anew, next to settings, secrets and logo.
_TOLD: Final = ("name", "description", "automatic", "user_info", "zone", *sorted(_RHYTHM))


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """`enabled`: save and activate, else only save; an edit never disables, for that is confirmed apart.

    The source is synced every `cycle_hours` where they are given, else by `cron`, in `zone`; "" is the zone of its kind
    for a new source, and leaves that of another. Of an edit `secrets` are those to be replaced, `dropped` names those
    to be taken away, and only that is changed by which it differs from what it `began` with, so that what others change
    meanwhile stays. A `logo` of None leaves it as it is, an empty one takes it away. Whoever may be killed while a
    source is made names its `uid`, to find it again.
    """

    handle: str
    kind: str
    name: str
    description: str = ""
    enabled: bool = True
    automatic: bool = True
    user_info: bool = True
    cycle_hours: int | None = None
    cron: str = DAILY
    zone: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    logo: bytes | None = None
    dropped: Collection[str] = ()
    began: Draft | None = None
    uid: str = ""


def tidy(draft: Draft) -> Draft:
    """Take off the blanks around what was typed or pasted."""
    return replace(
        draft,
        handle=draft.handle.strip(),
        name=draft.name.strip(),
        description=draft.description.strip(),
        cron=" ".join(draft.cron.split()),
        zone=draft.zone.strip(),
        settings={name: value.strip() for name, value in draft.settings.items()},
        secrets={name: Secret(secret.reveal().strip()) for name, secret in draft.secrets.items()},
    )


def wrong(
    draft: Draft, form: Form, others: Sequence[Source], now: datetime, *, edits: Source | None
) -> Mapping[str, RollcallError]:
    """Tell by field all that is wrong with a draft; nothing when it may be saved.

    The fields are those of `Draft`, and of the form by their own names. `others` are the sources there are; `edits` is
    the one that the draft changes. What blocks activating stands under `enabled`.
    """
    draft = tidy(draft)
    found: dict[str, RollcallError] = {}

    def hold(name: str, check: Callable[[], object]) -> None:
        try:
            check()
        except RollcallError as error:
            found[name] = error

    if edits is None:
        hold("handle", lambda: check_handle(draft.handle))
        hold("handle", lambda: _check_free(draft.handle, others))
    else:
        hold("handle", lambda: _check_stays(draft, edits))
        hold("kind", lambda: _check_kind(draft, edits))
    hold("name", lambda: check_name(draft.name))
    hold("description", lambda: check_description(draft.description))
    if draft.cycle_hours is not None:
        hours = draft.cycle_hours
        hold("cycle_hours", lambda: _check_hours(hours))
    else:
        hold("cron", lambda: check_cron(draft.cron, now))
    if draft.zone:
        hold("zone", lambda: check_zone(draft.zone))
    if draft.logo:
        logo = draft.logo
        hold("logo", lambda: as_logo(logo))
    kept = (
        [] if edits is None else [each.name for each in form.fields if each.secret and each.name not in draft.dropped]
    )
    found |= wrong_answers(form, draft.settings, draft.secrets, kept=kept)
    for name in draft.dropped:
        if not any(each.name == name and each.secret for each in form.fields):
            found[name] = MalformedError("unknown setting", kind=form.kind, field=name[:40])
    for name, secret in draft.secrets.items():
        if name not in found and not secret.reveal():
            found[name] = MalformedError("secret is empty", field=name)
    if draft.enabled and "handle" not in found:
        hold("enabled", lambda: _check_room(draft, form, others, now, edits))
    if edits is not None and not found:
        found |= _changed_by_others(draft, form, edits)
    return found


def refused(found: Mapping[str, RollcallError]) -> RollcallError:
    """Make one error of what is wrong: the only one itself, of several one that names them all."""
    return next(iter(found.values())) if len(found) == 1 else DraftError(found)


def new_uid() -> str:
    """Draw the uid of a source. It stands in the key of each of its rows, whose bytes are charged, so it is short."""
    return token_hex(8)


def drafted(draft: Draft, form: Form, now: datetime) -> Source:
    """Make a new source of a draft that nothing is wrong with."""
    draft = tidy(draft)
    return Source(
        uid=draft.uid or new_uid(),
        handle=draft.handle,
        name=draft.name,
        kind=form.kind,
        enabled=draft.enabled,
        settings=answered(form, draft.settings),
        mapping=form.mapping,
        created_at=now,
        custom=form.custom,
        description=draft.description,
        user_info=draft.user_info,
        schedule=_schedule(draft, form.zone),
        budget=form.tariff.calls,
    )


def redrafted(draft: Draft, form: Form, source: Source) -> Source:
    """Make what a source is to be of a draft that nothing is wrong with; whether it is enabled stays."""
    if draft.began is not None:
        draft = rebased(draft, draft.began, draft_of(source))
    draft = tidy(draft)
    return replace(
        source,
        name=draft.name,
        description=draft.description,
        user_info=draft.user_info,
        settings=answered(form, draft.settings),
        schedule=_schedule(draft, source.schedule.zone),
    )


def draft_of(source: Source) -> Draft:
    """Say of a source what it is: an edit begins with it. It has no secrets; those that are kept stay."""
    schedule = source.schedule
    return Draft(
        handle=source.handle,
        kind=source.kind,
        name=source.name,
        description=source.description,
        enabled=False,  # of an edit, only what was asked for activates
        automatic=schedule.automatic,
        user_info=source.user_info,
        cycle_hours=None if schedule.cron else schedule.cycle // HOUR,
        cron=schedule.cron or DAILY,
        zone=schedule.zone,
        settings=dict(source.settings),
    )


def rebased(draft: Draft, seen: Draft, now: Draft) -> Draft:
    """Carry what a person changed over to what the source is by now; `seen` is what they began with.

    What others changed meanwhile stays, but for what both did.
    """
    changed = {name: getattr(draft, name) for name in _TOLD if getattr(draft, name) != getattr(seen, name)}
    if changed.keys() & _RHYTHM:  # hours or an expression: one without the other says nothing
        changed |= {name: getattr(draft, name) for name in _RHYTHM}
    settings = {name: value for name, value in draft.settings.items() if value != seen.settings.get(name)}
    unchanged = {name: getattr(now, name) for name in _TOLD if name not in changed}
    return replace(draft, **unchanged, settings={**now.settings, **settings})


def _schedule(draft: Draft, zone: str) -> Schedule:
    hours = draft.cycle_hours
    return Schedule(
        cycle=LONGEST_CYCLE if hours is None else HOUR * hours,
        cron=draft.cron if hours is None else "",
        zone=draft.zone or zone,
        automatic=draft.automatic,
    )


def _changed_by_others(draft: Draft, form: Form, source: Source) -> Mapping[str, RollcallError]:
    """Name what a draft changes and somebody else has changed to something else since it began."""
    if draft.began is None:
        return {}
    rhythm = "cron" if draft.cycle_hours is None else "cycle_hours"
    wanted, began, now = (_told(tidy(each), form, rhythm) for each in (draft, draft.began, draft_of(source)))
    return {
        name: ConflictError("changed meanwhile", field=name.replace("_", "-"), now=value[:100], handle=source.handle)
        for name, value in now.items()
        if began[name] != wanted[name] and value not in (began[name], wanted[name])
    }


def _told(draft: Draft, form: Form, rhythm: str) -> Mapping[str, str]:
    return {
        "name": draft.name,
        "description": draft.description,
        rhythm: draft.cron if draft.cycle_hours is None else f"{draft.cycle_hours} h",
        "zone": draft.zone,
        **answered(form, draft.settings),
    }


def _check_free(handle: str, others: Sequence[Source]) -> None:
    if any(each.handle == handle for each in others):
        raise ConflictError("handle is taken", handle=handle)


def _check_stays(draft: Draft, edits: Source) -> None:
    if draft.handle != edits.handle:
        raise MalformedError("handle stays", handle=edits.handle)


def _check_kind(draft: Draft, edits: Source) -> None:
    if draft.kind != edits.kind:
        raise MalformedError("kind stays", kind=draft.kind[:40])


def _check_hours(hours: int) -> None:
    # No timedelta holds as much as somebody may type.
    check_cycle(timedelta(hours=hours) if 0 <= hours <= LONGEST_CYCLE // HOUR else timedelta())


def _check_room(draft: Draft, form: Form, others: Sequence[Source], now: datetime, edits: Source | None) -> None:
    if edits is None:
        wanted = drafted(replace(draft, cycle_hours=None), form, now)
        check_room(wanted, [each for each in others if each.handle != wanted.handle])
    elif not edits.enabled:
        check_room(replace(edits, enabled=True), others)
