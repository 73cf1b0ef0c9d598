"""One way to do what must be permitted and is written down: check the role, run the body, note how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from chalicelib.core.errors import ForbiddenError, RollcallError, TransientError
from chalicelib.core.ports import Audit, AuditLine, Clock
from chalicelib.core.principal import Principal, Role, permits


@dataclass(slots=True)
class Noted:
    """What the body finds out for its audit line; `outcome` is what it came to, if nothing went wrong."""

    source: str | None = None
    task: str | None = None
    outcome: str = "done"


@contextmanager
def audited(audit: Audit, clock: Clock, who: Principal, verb: str, needed: Role) -> Iterator[Noted]:
    """Note how the body ended, also when it is refused.

    What a message asks for and time may heal has not ended: the message is heard again, and one line says what came
    of it.

    Raises:
        ForbiddenError: the role is too small; the body does not run.
    """
    noted = Noted()
    outcome = "" if who.message else "internal error"
    try:
        if not permits(who, needed):
            raise ForbiddenError("forbidden", role=needed.name.lower())
        yield noted
        outcome = noted.outcome
    except RollcallError as error:
        if not (who.message and isinstance(error, TransientError)):
            outcome = error.code
        raise
    finally:
        if outcome:
            at, source, task = clock.now(), noted.source, noted.task
            audit.note(AuditLine(at=at, principal=who, verb=verb, source=source, task=task, outcome=outcome))
