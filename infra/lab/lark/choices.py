"""What the vendor leaves open: the contract marks these unverified, so a client has to live with either answer."""

from dataclasses import dataclass
from typing import Literal


@dataclass(slots=True, kw_only=True)
class Choices:
    """May be changed while the lab runs; the defaults are the likeliest answers.

    `event_schema`: a careless app subscribes to both. `event_consequences`: whether those are told of, who only lost
    their manager or leader because that person left.
    """

    empty_items: Literal["absent", "null", "empty"] = "absent"
    empty_values: Literal["absent", "blank", "null"] = "blank"
    unreadable_in_batch: Literal["skipped", "error"] = "skipped"
    deleted_department: Literal["refused", "flagged"] = "refused"
    lists_exited: bool = True
    scope_prefix: bool = True
    wrong_secret_code: Literal[10014, 10015] = 10014
    page_size_code: Literal[40011, 99992402] = 40011
    throttle_status: Literal[429, 400] = 429
    event_schema: Literal["2.0", "1.0", "both"] = "2.0"
    event_department_ids: bool = False
    event_consequences: bool = False
    challenge_signed: bool = False
