"""What a test of a source found: one line a check, each says what to do when it is not well."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.core.errors import RollcallError
from chalicelib.core.model import Remark


class Check(StrEnum):
    """What is looked at: with the vendor by its folder, READ and SCHEDULE and the events seen by `sources`."""

    CREDENTIALS = "credentials"
    PERMISSIONS = "permissions"
    RANGE = "range"
    COUNTS = "counts"
    QUOTA = "quota"
    EVENTS = "events"
    CALLBACK = "callback"
    CHAT = "chat"
    CARDS = "cards"
    CLOCK = "clock"
    READ = "read"
    SCHEDULE = "schedule"


class Grade(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`remark` says more; only a finding that is ok can do without. `vendor_code` and `request_id` are for a ticket."""

    check: Check
    grade: Grade
    remark: Remark | None = None
    vendor_code: str = ""
    request_id: str = ""

    @classmethod
    def failed(cls, check: Check, error: RollcallError, *, request_id: str = "") -> Finding:
        """Make a finding of an error; its vendor code is the fact `code`."""
        return cls(
            check=check,
            grade=Grade.FAILED,
            remark=Remark(code=error.code, facts=error.facts),
            vendor_code=str(error.facts.get("code", "")),
            request_id=request_id,
        )
