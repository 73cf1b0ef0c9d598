"""What a chat answers with a link to a one-time page: whatever wants secrets, which never go through a chat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chalicelib.bot.command import Ask, Errand
from chalicelib.core.errors import MalformedError
from chalicelib.core.secret import Secret
from chalicelib.core.source import Form

# The names of the page's fields that are asked for by other names when they are typed.
_OF_KIND = "x."
_NO_MORE = "none."


def creating(
    ask: Ask,
    *,
    handle: str | None,
    kind: str | None,
    name: str | None,
    description: str | None,
    every: str | None,
    cron: str | None,
    zone: str | None,
    manual: bool,
    no_user_info: bool,
    further: Mapping[str, str | Secret],
    **_: object,
) -> Errand:
    """Begin a new source with what was typed, as far as it is no secret.

    Raises:
        MalformedError: there is no such kind; or a secret was typed into the chat, where others may have read it.
    """
    form = ask.rooms.connectors.form(kind) if kind else None
    typed = {"handle": handle, "kind": kind, "name": name, "description": description, "zone": zone}
    rhythm = {"rhythm": "hours", "cycle_hours": every.removesuffix("h")} if every else {}
    rhythm = {"rhythm": "cron", "cron": cron} if cron else rhythm
    off = {name: "" for name, is_off in (("automatic", manual), ("user_info", no_user_info)) if is_off}
    settings = _settings(form, further, ask.rooms.connectors.forms())
    return Errand(answers={**_given(typed), **rhythm, **off, **settings})


def editing(
    ask: Ask,
    *,
    source: str,
    name: str | None,
    description: str | None,
    further: Mapping[str, str | Secret],
    **_: object,
) -> Errand:
    """Begin an edit with what was typed.

    Raises:
        MalformedError: a secret was typed into the chat.
    """
    form = ask.rooms.connectors.form(ask.catalog.source(source).kind)
    typed = _given({"name": name, "description": description})
    return Errand(edits=source, answers={**typed, **_settings(form, further, ())})


def _given(typed: Mapping[str, str | None]) -> Mapping[str, str]:
    return {name: _emptied(value) for name, value in typed.items() if value}


def _emptied(value: str) -> str:
    """Take `-` for nothing, as the terminal does."""
    return "" if value == "-" else value


def _settings(form: Form | None, further: Mapping[str, str | Secret], forms: Sequence[Form]) -> Mapping[str, str]:
    """Take what a form asks for and is no secret; before a kind is chosen it may be a secret of any."""
    hidden = {each.name for known in ([form] if form else forms) for each in known.fields if each.secret}
    optional = {each.name for each in form.fields if each.secret and not each.required} if form else set()
    dropped = {name for name in optional if further.get(name) == "-"}
    for name in further:
        if name in hidden - dropped:
            raise MalformedError("secret typed in chat", field=name.replace("_", "-"))
    plain = {each.name for each in form.fields if not each.secret} if form else set()
    settings = {name: value for name, value in further.items() if name in plain and isinstance(value, str)}
    return {
        **{_OF_KIND + name: _emptied(value) for name, value in settings.items()},
        **{_NO_MORE + name: "on" for name in dropped},
    }
