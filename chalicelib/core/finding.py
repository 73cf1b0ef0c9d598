"""What a test of a source found, a line a check, as data: `diagnosis` puts it into words.

A finding says what was tried, what came back, what that means for the sync, and what to do. All four follow from its
`check`, its `cause` and its facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from chalicelib.core.errors import Fact, RollcallError


class Check(StrEnum):
    """What is looked at: with the vendor by its folder, the rest by `sources`."""

    CREDENTIALS = "credentials"
    NETWORK = "network"
    CLOCK = "clock"
    PERMISSIONS = "permissions"
    RANGE = "range"
    SAMPLE = "sample"
    FIELDS = "fields"
    CHAT = "chat"
    CARDS = "cards"
    CALLBACK = "callback"
    QUOTA = "quota"
    ADDRESS = "address"
    EVENTS = "events"
    SCOPE = "scope"
    SCHEDULE = "schedule"
    READ = "read"


class Grade(StrEnum):
    """FAILED: no sync can do its work like this, so it holds activating back. WARNING: it can, but not all of it."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`cause` names a diagnosis, which only a finding that is ok can do without; facts are ids and counts only.

    `tried` is the vendor's own name of what was called, `vendor_code` and `request_id` are for a ticket; `link` leads
    to the very page of the vendor's console, where it has one.
    """

    check: Check
    grade: Grade
    cause: str = ""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    tried: str = ""
    vendor_code: str = ""
    request_id: str = ""
    link: str = ""

    @classmethod
    def failed(cls, check: Check, error: RollcallError, *, request_id: str = "", tried: str = "") -> Finding:
        """Make a finding of an error; its vendor code is the fact `code`."""
        cause = _cause(error)
        facts = error.facts
        return cls(
            check=_CHECKS.get(cause, check),
            grade=Grade.FAILED,
            cause=cause,
            facts=facts,
            tried=tried or str(facts.get("endpoint", "")),
            vendor_code=str(facts.get("code", "")),
            request_id=request_id or str(facts.get("request_id", "")),
        )

    def softened(self) -> Finding:
        """Make a warning of a failure that a sync can do without."""
        return replace(self, grade=Grade.WARNING) if self.grade is Grade.FAILED else self


def worst(findings: Iterable[Finding]) -> Grade:
    grades = {each.grade for each in findings}
    return next((grade for grade in (Grade.FAILED, Grade.WARNING) if grade in grades), Grade.OK)


# What no check is about that happened to meet with it.
_CHECKS: Final[Mapping[str, Check]] = {
    "address not allowed": Check.NETWORK,
    "this address not allowed": Check.NETWORK,
    "network is blocked": Check.NETWORK,
    "host not found": Check.NETWORK,
    "host refuses us": Check.NETWORK,
    "certificate refused": Check.NETWORK,
    "host does not answer": Check.NETWORK,
    "host is not the vendor": Check.NETWORK,
    "vendor is down": Check.NETWORK,
    "quota used up": Check.QUOTA,
    "chat quota used up": Check.QUOTA,
    "source throttles": Check.QUOTA,
    "credentials refused": Check.CREDENTIALS,
    "company refused": Check.CREDENTIALS,
    "unknown app": Check.CREDENTIALS,
    "app not available": Check.CREDENTIALS,
    "secrets are missing": Check.CREDENTIALS,
}
# Why nothing came back, by the problem that an error tells.
_PROBLEMS: Final[Mapping[str, str]] = {
    "no such host": "host not found",
    "refused": "host refuses us",
    "certificate": "certificate refused",
    "connection": "host does not answer",
    "timeout": "host does not answer",
    # What another vendor's host, or the other host of the same, makes of our call.
    "no token in the answer": "host is not the vendor",
    "no errcode in the answer": "host is not the vendor",
    "no code in the answer": "host is not the vendor",
}
# Where no JSON comes back, it is a web page of whoever has that address.
_NO_JSON: Final = "no JSON"


def _cause(error: RollcallError) -> str:
    problem = str(error.facts.get("problem", ""))
    if error.code in ("source unavailable", "source broke its contract"):
        if problem.startswith(_NO_JSON):
            return "host is not the vendor" if "HTTP 5" not in problem else "vendor is down"
        if error.code == "source broke its contract":
            return _PROBLEMS.get(problem, error.code)
        return _PROBLEMS.get(problem, "vendor is down")
    if error.code == "address not allowed" and "address" in error.facts:
        return "this address not allowed"
    return error.code
