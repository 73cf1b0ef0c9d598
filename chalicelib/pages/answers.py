"""From answers as they were typed to a draft, and from a source to the answers that a form begins with.

Answers are texts by the names of the page's fields; those of a connector's own form begin with `x.`. Secrets are never
among them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from chalicelib.core.secret import Secret
from chalicelib.core.source import DAILY, Form, FormField, Source
from chalicelib.pages.posted import Posted
from chalicelib.sources.draft import Draft, draft_of

OF_KIND: Final = "x."
NO_MORE: Final = "none."
ON: Final = "on"
DAY, HOURS, CRON = "daily", "hours", "cron"
LONGEST: Final = 1000

_FREE: Final = ("name", "description", "rhythm", "hour", "cycle_hours", "cron", "zone")
_TICKED: Final = ("automatic", "user_info")
_AT_FULL_HOUR: Final = re.compile(r"0 ([0-9]|1[0-9]|2[0-3]) \* \* \*")
_NO_HOURS: Final = 0
_RHYTHM: Final = frozenset({"rhythm", "hour", "cycle_hours", "cron"})


def begun(form: Form, source: Source | None, answers: Mapping[str, str]) -> Mapping[str, str]:
    """Fill in what a form begins with; what is answered already stays."""
    draft = draft_of(source) if source else Draft(handle="", kind=form.kind, name="", zone=form.zone)
    at_hour = _AT_FULL_HOUR.fullmatch(draft.cron)
    rhythm = HOURS if draft.cycle_hours is not None else DAY if at_hour else CRON
    settings = {each.name: draft.settings.get(each.name) or each.default for each in plain(form)}
    return {
        "handle": draft.handle,
        "name": draft.name,
        "description": draft.description,
        "automatic": ON if draft.automatic else "",
        "user_info": ON if draft.user_info else "",
        "rhythm": rhythm,
        "hour": at_hour[1] if at_hour else "0",
        "cycle_hours": str(draft.cycle_hours or 24),
        "cron": draft.cron or DAILY,
        "zone": draft.zone or form.zone,
        **{OF_KIND + name: value for name, value in settings.items()},
        **answers,
        "kind": form.kind,
    }


def carried(answers: Mapping[str, str], began: Mapping[str, str], now: Mapping[str, str]) -> Mapping[str, str]:
    """Show of an edit what will be so: what was not changed on the page is as it is by now, whoever changed it."""
    mine = {name for name, value in answers.items() if value != began.get(name)}
    if mine & _RHYTHM:
        mine |= _RHYTHM
    return {name: value if name in mine else now.get(name, value) for name, value in answers.items()}


def typed(form: Form, said: Posted, before: Mapping[str, str], *, is_new: bool) -> Mapping[str, str]:
    """Take what was typed into the form, and nothing that it did not ask for."""
    hours = frozenset(map(str, range(24)))  # a page offers no others
    names = [*_FREE, *(["handle"] if is_new else []), *(OF_KIND + each.name for each in plain(form))]
    found = {name: said.fields[name][:LONGEST] for name in names if name in said.fields}
    if found.get("hour") not in hours:
        found.pop("hour", None)
    ticked = {name: ON if said.get(name) else "" for name in _TICKED}
    return {**before, **found, **ticked}


def given_secrets(form: Form, said: Posted) -> Mapping[str, Secret]:
    """Take the secrets that were typed; an empty one was not given."""
    names = [each.name for each in form.fields if each.secret]
    return {name: Secret(text) for name in names if (text := said.get(OF_KIND + name).strip())}


def dropped_secrets(form: Form, said: Posted) -> Collection[str]:
    """Name the secrets that are ticked to be taken away; what was typed besides is not thrown away."""
    given = given_secrets(form, said)
    names = [each.name for each in form.fields if each.secret and not each.required]
    return [name for name in names if said.get(NO_MORE + name) and name not in given]


def draft(
    form: Form,
    answers: Mapping[str, str],
    *,
    enabled: bool,
    secrets: Mapping[str, Secret] | None = None,
    logo: bytes | None = None,
    dropped: Collection[str] = (),
    began: Mapping[str, str] | None = None,
    uid: str = "",
) -> Draft:
    """Say what the answers say, and those that an edit began with; what cannot be is found by `wrong`."""
    rhythm, hours = answers["rhythm"], answers["cycle_hours"].strip()
    counted = int(hours) if hours.isascii() and hours.isdecimal() and len(hours) < LONGEST_NUMBER else _NO_HOURS
    return Draft(
        handle=answers["handle"],
        kind=form.kind,
        name=answers["name"],
        description=answers["description"],
        enabled=enabled,
        automatic=bool(answers["automatic"]),
        user_info=bool(answers["user_info"]),
        cycle_hours=counted if rhythm == HOURS else None,
        cron=f"0 {answers['hour']} * * *" if rhythm == DAY else answers["cron"],
        zone=answers["zone"],
        settings={each.name: answers.get(OF_KIND + each.name, "") for each in plain(form)},
        secrets=secrets or {},
        logo=logo,
        dropped=dropped,
        began=draft(form, began, enabled=False) if began else None,
        uid=uid,
    )


LONGEST_NUMBER: Final = 6


def plain(form: Form) -> list[FormField]:
    return [each for each in form.fields if not each.secret]
