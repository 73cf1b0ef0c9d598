"""A one-time page: a link that was handed out in a chat, and what became of it behind the link.

The link alone is good for nothing: whoever opens it types a code that the bot sent to the asker alone. The first
browser with the right code has the page, and no other ever.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from chalicelib.core.catalogue import Lang
from chalicelib.core.message import Address

# How long a link waits for its code, and how long the page behind it stays open from then on.
LINK_LIFE: Final = timedelta(minutes=10)
PAGE_LIFE: Final = timedelta(minutes=20)
MOST_TRIES: Final = 5
# As many links as one person gets in ten minutes: each of them allows some guesses at its code.
MOST_LINKS: Final = 5

_MAC_BYTES: Final = 16


class Step(StrEnum):
    """Where a page is. `ended`: too many wrong codes, or called off; `done` shows what was saved and takes nothing."""

    CODE = "code"
    KIND = "kind"
    FORM = "form"
    REVIEW = "review"
    DONE = "done"
    ENDED = "ended"


class LogoChoice(StrEnum):
    KEPT = ""
    GIVEN = "given"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A finding as the page shows it: in each language what was tried, what came, what it means and what to do."""

    grade: str
    en: tuple[str, ...]
    zh: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What a page saved: the uid of the source, whether it is enabled, and what its test found.

    `changed` is False where the test of new credentials came in the way, and nothing was saved.
    """

    source: str
    enabled: bool
    changed: bool = True
    findings: tuple[Shown, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One link, and the page behind it.

    `source` is the uid of the source in whose chat `person` asked, `to` where the bot says how it ended. `edits` is the
    uid of the source to be edited, "" for a new one. `code` is sealed, `session` the digest of what the one browser
    holds. `answers` are as typed, by the names of the page's fields, never a secret; an edit `began` with those.
    While one request saves, until `saving_until`, no other does; `makes` is the uid that it gives a new source, by
    which the next one finds it, should the first be killed.
    """

    visit_id: str
    source: str
    person: str
    to: Address
    lang: Lang
    edits: str
    code: str
    made_at: datetime
    expires_at: datetime
    step: Step = Step.CODE
    tries: int = 0
    session: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    logo: LogoChoice = LogoChoice.KEPT
    began: Mapping[str, str] = field(default_factory=dict)
    saving_until: datetime | None = None
    makes: str = ""
    saved: Saved | None = None
    revision: int = 0


def is_for_a_new_one(visit: Visit) -> bool:
    """Tell whether a page makes a source, also where it goes on with one that it has made."""
    return not visit.edits or bool(visit.makes)


@dataclass(frozen=True, slots=True)
class LinkKey:
    """Signs links and forms. Made once; whoever has it can still do nothing without a code."""

    _text: str

    def __repr__(self) -> str:
        return "LinkKey(...)"

    def link(self, visit: Visit) -> str:
        """Spell the id of a visit and its end, signed, so that it can be a segment of a URL."""
        told = f"{visit.visit_id}.{int(visit.expires_at.timestamp())}"
        return f"{told}.{self._mac('link', told)}"

    def visit_id(self, link: str) -> str | None:
        """Read what we signed; None for anything else. Whether its time is over, the visit tells."""
        told, _, mac = link.rpartition(".")
        if not hmac.compare_digest(self._mac("link", told).encode(), mac.encode("utf-8", "replace")):
            return None
        return told.partition(".")[0]

    def form_token(self, visit: Visit, browser: str) -> str:
        """Make what a form sends back: only a page that this browser was given knows it."""
        return self._mac("form", f"{visit.visit_id} {browser}")

    def is_form_token(self, visit: Visit, browser: str, token: str) -> bool:
        return hmac.compare_digest(self.form_token(visit, browser).encode(), token.encode("utf-8", "replace"))

    def _mac(self, use: str, told: str) -> str:
        octets = hmac.digest(self._text.encode(), f"{use} {told}".encode("utf-8", "replace"), hashlib.sha256)
        return base64.urlsafe_b64encode(octets[:_MAC_BYTES]).decode().rstrip("=")


def new_id() -> str:
    """Draw what nobody guesses and a URL can carry."""
    return secrets.token_urlsafe(16)


def new_key() -> str:
    return secrets.token_hex(32)


def seal_browser(browser: str) -> str:
    """Make what is kept of what a browser holds."""
    return hashlib.sha256(browser.encode("utf-8", "replace")).hexdigest()


def is_browser(visit: Visit, browser: str) -> bool:
    return bool(visit.session) and hmac.compare_digest(visit.session, seal_browser(browser))


def is_over(visit: Visit, now: datetime) -> bool:
    return visit.step is Step.ENDED or now >= visit.expires_at
