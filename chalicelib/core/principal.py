"""Who acts, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """Each role may do what the ones below it may."""

    VIEWER = 1
    OPERATOR = 2
    OWNER = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A person or a part of Rollcall that asks for something. `key` names it within its `door`; no personal data."""

    key: str
    role: Role
    door: str


# Whoever can open the state directory of one machine, or holds AWS credentials, owns the installation already.
TERMINAL = Principal(key="terminal", role=Role.OWNER, door="terminal")
SCHEDULE = Principal(key="schedule", role=Role.OPERATOR, door="tick")

EVENTS = Principal(key="events", role=Role.OPERATOR, door="events")


def permits(principal: Principal, needed: Role) -> bool:
    return principal.role >= needed
