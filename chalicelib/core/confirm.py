"""A dangerous command waits until a person confirms it: ten minutes, once, and above a limit a second person too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

LIFE: Final = timedelta(minutes=10)


class Standing(StrEnum):
    """`waits` for the one who asked, `second` for somebody else; `done` also when the command then failed."""

    WAITS = "waits"
    SECOND = "second"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What waits to be confirmed. `number` is what people type; `command` what then runs, by `asked_by`.

    `source` is the uid of the source whose chat it was asked in, `asked_by` and `second_by` persons there. `codes` are
    digests of the codes that were sent, by person; they are wanted where the vendor's signature does not cover
    what was said. `tries` counts wrong codes. `by_message` is the message that confirmed it, until the command has run:
    should we be killed in between, the repetition of that message runs it. `wants` is a name that must be typed to
    confirm it, "" where a press is enough.
    """

    number: str
    source: str
    asked_by: str
    command: str
    employees: int
    needs_second: bool
    standing: Standing
    asked_at: datetime
    expires_at: datetime
    codes: tuple[tuple[str, str], ...] = ()
    tries: int = 0
    second_by: str = ""
    ended_at: datetime | None = None
    task: str | None = None
    by_message: str = ""
    wants: str = ""
