"""Every exception of the project, in four families named for who must act.

An error carries a code of the message catalogue (`core/catalogue.py`) and facts: ids, names of fields, counts, vendor
codes. Never a secret, a token, a person.
"""

from __future__ import annotations

from collections.abc import Mapping

Fact = str | int


class RollcallError(Exception):
    def __init__(self, code: str, /, **facts: Fact) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts

    def __str__(self) -> str:
        facts = ", ".join(f"{name}={value}" for name, value in self.facts.items())
        return f"{self.code} ({facts})" if facts else self.code


class CallerError(RollcallError):
    """The caller must ask differently."""

    status = 400


class MalformedError(CallerError):
    status = 400


class DraftError(MalformedError):
    """Several answers of a form are wrong; `wrong` has each by the name of its field."""

    def __init__(self, wrong: Mapping[str, RollcallError]) -> None:
        super().__init__("answers are wrong", fields=", ".join(wrong))
        self.wrong = wrong


class UsageError(MalformedError):
    """A command was typed in a way that it does not understand."""


class SignatureError(CallerError):
    status = 401


class ForbiddenError(CallerError):
    status = 403


class NotFoundError(CallerError):
    status = 404


class ConflictError(CallerError):
    status = 409


class SetupError(RollcallError):
    """An operator must change the configuration, here or at the vendor."""


class UnknownSourceError(SetupError):
    pass


class MappingError(SetupError):
    pass


class SourceDeniedError(SetupError):
    """The vendor refuses us: wrong secret, missing permission, address not allowed."""


class TransientError(RollcallError):
    """Time heals it; `retry_after` is in seconds, the vendor's own figure where it gave one."""

    def __init__(self, code: str, /, *, retry_after: float = 60.0, **facts: Fact) -> None:
        super().__init__(code, **facts)
        self.retry_after = retry_after


class SourceUnavailableError(TransientError):
    pass


class ThrottledError(TransientError):
    pass


class StoreConflictError(TransientError):
    pass


class ContractError(RollcallError):
    """A developer must look: somebody broke a contract."""


class SourceProtocolError(ContractError):
    """The vendor gave an answer that we do not understand."""


class ConditionFailedError(Exception):
    """A conditional write wrote nothing; for the store, which turns it into an outcome.

    `failed` are the positions, in the sequence given, of the writes whose condition did not hold.
    """

    def __init__(self, failed: tuple[int, ...]) -> None:
        super().__init__(f"condition failed at {failed}")
        self.failed = failed


class StoppedError(Exception):
    """A person stopped the task that is at work; for the Runner, which ends it."""


class OutOfTimeError(Exception):
    """The slice is over before the work is; for the Runner, which rings the bell and lets go."""
