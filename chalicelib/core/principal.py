"""Who acts, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from chalicelib.core.catalogue import Lang


class Role(IntEnum):
    """Each role may do what the ones below it may."""

    VIEWER = 1
    OPERATOR = 2
    OWNER = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A person or a part of Rollcall that asks for something. `key` names it within its `door`; no personal data.

    Of a person in a chat `door` is the uid of the source whose workspace it is, `key` the vendor's id of the person,
    `where` the chat; of one `message` a verb is noted once, also when it has to be run again. To read the
    audit log is a right of its own, which no role has.
    """

    key: str
    role: Role
    door: str
    audits: bool = False
    where: str = ""
    message: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """Somebody who may command from a source's chat. `told`: the notices of failures and holds go to them too."""

    source: str
    person: str
    role: Role
    audits: bool
    lang: Lang
    added_by: str
    added_at: datetime
    told: bool = False


# Whoever can open the state directory of one machine, or holds AWS credentials, owns the installation already.
TERMINAL = Principal(key="terminal", role=Role.OWNER, door="terminal", audits=True)
SCHEDULE = Principal(key="schedule", role=Role.OPERATOR, door="tick")

EVENTS = Principal(key="events", role=Role.OPERATOR, door="events")
# A source that shares an entry with another one, where that has shown what this one waited for.
MATCHING = Principal(key="matching", role=Role.OPERATOR, door="sync")


def permits(principal: Principal, needed: Role) -> bool:
    return principal.role >= needed
