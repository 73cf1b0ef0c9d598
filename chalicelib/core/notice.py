"""Who is told what of a source: the chat and the language of its notices, and what was told already."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.core.catalogue import Lang
from chalicelib.core.message import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeSettings:
    """`to` is the chat of a source's notices; None tells nobody but the admins who want to be told.

    `failing` is the code of the failure that was told last, at `told_at`; None once it works again. `digested_at` is
    when the last digest went out, `budget_told` names the month, the budget and how much of it was used when that was
    told last. These belong to the notices themselves, not to who sets them.
    """

    source: str
    to: Address | None = None
    lang: Lang = Lang.EN
    digest: bool = True
    welcome: bool = False
    failing: str | None = None
    told_at: datetime | None = None
    digested_at: datetime | None = None
    budget_told: str = ""
    revision: int = 0
