"""The fields of a form as a template draws them, and what is wrong with each, beside it."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import available_timezones

from chalicelib.core.catalogue import Lang, say
from chalicelib.core.errors import RollcallError
from chalicelib.core.source import LONGEST_CYCLE, Form, FormField
from chalicelib.notices.show import local
from chalicelib.pages.answers import CRON, DAY, HOURS, NO_MORE, OF_KIND, plain
from chalicelib.pages.draw import sentence, words

# A pattern that is nothing but some words to choose from.
_CHOICE: Final = re.compile(r"[a-z0-9_-]{1,40}(\|[a-z0-9_-]{1,40})+")
_HOURS_OF_A_DAY: Final = 24
_CYCLES: Final = LONGEST_CYCLE.days * _HOURS_OF_A_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """`error` is in words; of those that have one the first is `focused`. `suggests` names a list of suggestions."""

    name: str
    label: str
    value: str = ""
    help: str = ""
    error: str = ""
    required: bool = True
    options: Sequence[tuple[str, str]] = ()
    inputmode: str = "text"
    suggests: str = ""
    focused: bool = False

    @property
    def id(self) -> str:
        return self.name.replace(".", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """Draws the fields of one form in one language."""

    form: Form
    lang: Lang
    answers: Mapping[str, str]
    wrong: Mapping[str, RollcallError]

    def about(self, *, is_new: bool) -> Sequence[Field]:
        return [
            *([self._own("handle")] if is_new else []),
            self._own("name"),
            self._own("description", required=False),
        ]

    def app(self) -> tuple[Sequence[Field], Sequence[Field]]:
        """Draw the connector's own fields: what must be answered, and what seldom is."""
        asked = [(each, self._of_kind(each)) for each in plain(self.form)]
        needed = [field for each, field in asked if each.required]
        return needed, [field for each, field in asked if not each.required]

    def secrets(self, kept: Sequence[str] | None) -> Sequence[Field]:
        """Draw the secrets; `kept` are those that are there already, None of a new source."""
        return [self._secret(each, kept) for each in self.form.fields if each.secret]

    def needless(self, kept: Sequence[str] | None) -> Mapping[str, Field]:
        """Draw, by the field of the secret, a tick that takes it away: of those that are kept and need not be there."""
        label = self._say("secret remove")
        return {
            OF_KIND + each.name: Field(
                name=NO_MORE + each.name,
                label=label,
                value=self.answers.get(NO_MORE + each.name, ""),
                required=False,
            )
            for each in self.form.fields
            if each.secret and not each.required and each.name in (kept or ())
        }

    def sync(self) -> Mapping[str, object]:
        hours = [(str(each), f"{each:02}:00") for each in range(_HOURS_OF_A_DAY)]
        cycles = [(str(each), str(each)) for each in range(1, _CYCLES + 1)]
        return {
            "automatic": self._own("automatic"),
            "user_info": self._own("user_info"),
            "rhythm": self.answers["rhythm"],
            "rhythms": [(DAY, self._say("daily")), (HOURS, self._say("hours")), (CRON, self._say("cron choice"))],
            "hour": replace(self._own("hour"), options=hours),
            "cycle_hours": replace(self._own("cycle_hours"), options=cycles),
            "cron": self._own("cron"),
            "zone": replace(self._own("zone"), suggests="zones"),
            "zones": zones(),
        }

    def logo(self) -> Field:
        return self._own("logo", required=False)

    def logo_none(self, *, ticked: bool) -> Field:
        return Field(name="logo_none", label=self._say("logo remove"), value="on" if ticked else "", required=False)

    def error(self, name: str) -> str:
        """Say what is wrong with a field, as somebody reads it who sees that field."""
        error = self.wrong.get(name)
        if error is None:
            return ""
        asked = next((each for each in self.form.fields if each.name == name), None)
        match error.code:
            case "setting is missing":
                return self._say("missing")
            case "setting is misshaped" if asked is not None:
                return words(self.lang, "misshaped", help=asked.help[self._at] or asked.pattern)
            case code:
                return say(code, self.lang, local(error.facts, self.answers.get("zone") or "UTC"))

    @property
    def _at(self) -> int:
        return int(self.lang is Lang.ZH)

    def _say(self, name: str) -> str:
        return words(self.lang, name)

    def _own(self, name: str, *, required: bool = True) -> Field:
        from chalicelib.pages.words import WORDS

        help_ = self._say(f"{name} help") if f"{name} help" in WORDS else ""
        return Field(
            name=name,
            label=self._say(name),
            value=self.answers.get(name, ""),
            help=help_,
            error=self.error(name),
            required=required,
            focused=self._is_first(name),
        )

    def _of_kind(self, asked: FormField) -> Field:
        options = asked.pattern.split("|") if _CHOICE.fullmatch(asked.pattern) else []
        number, url = asked.pattern.startswith("[0-9]"), asked.pattern.startswith("https?")
        return Field(
            name=OF_KIND + asked.name,
            label=asked.label[self._at],
            value=self.answers.get(OF_KIND + asked.name, ""),
            help=sentence(asked.help[self._at]),
            error=self.error(asked.name),
            required=asked.required,
            options=[(each, each) for each in options],
            inputmode="numeric" if number else "url" if url else "text",
            focused=self._is_first(asked.name),
        )

    def _secret(self, asked: FormField, kept: Sequence[str] | None) -> Field:
        is_kept = kept is not None and asked.name in kept
        error = self.error(asked.name)
        return Field(
            name=OF_KIND + asked.name,
            label=asked.label[self._at],
            help=" ".join(filter(None, (self._say("secret kept") if is_kept else "", sentence(asked.help[self._at])))),
            error=error,
            required=asked.required and not is_kept,
            focused=self._is_first(asked.name),
        )

    def _is_first(self, name: str) -> bool:
        """Tell whether this is the first field, from above, with which something is wrong."""
        order = ["handle", "name", "description", "logo", *(each.name for each in plain(self.form))]
        order += ["cycle_hours", "cron", "zone", *(each.name for each in self.form.fields if each.secret)]
        return next((each for each in order if each in self.wrong), None) == name


@functools.cache
def zones() -> Sequence[str]:
    """Name the zones that people look for: those of places, and UTC."""
    return ["UTC", *sorted(each for each in available_timezones() if "/" in each and not each.startswith(_TECHNICAL))]


_TECHNICAL: Final = ("Etc/", "SystemV/", "US/", "posix/", "right/")
