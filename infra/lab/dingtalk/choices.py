"""What the vendor leaves open: the contract marks these unverified, so a client has to live with either answer."""

from dataclasses import dataclass
from typing import Literal


@dataclass(slots=True, kw_only=True)
class Choices:
    """May be changed while the lab runs; the defaults are the likeliest answers.

    `empty_values`: "documented" leaves out what the pages say is left out, and shows the rest as "".
    `token_error`: "by_cause" tells an expired token (42001) from an unknown one (40014); 40001 has no wrapper.
    `new_permission`: from when a permission works: at once, for a token asked for again, or for another token.
    `event_modify_follows`: the share of newcomers who are told of as modified, too, at once.
    `event_consequences`: whether those are told of, who only lost their manager or managers because that person left.
    `unknown_staff`: how a message to nobody is answered.
    `busy_hours`: every other second of an hour's first minute the whole platform is too busy.
    """

    sub_code: bool = True
    token_error: Literal["by_cause", "40014", "42001", "40001"] = "by_cause"  # noqa: S105  # a way, not a token
    new_permission: Literal["at_once", "asked_again", "new_token"] = "asked_again"
    names_missing_permission: bool = True
    user_gone_code: Literal[60121, 33012] = 60121
    page_size_code: Literal[40069, 400002] = 40069
    empty_values: Literal["documented", "absent", "blank"] = "documented"
    departments_out_of_range_shown: bool = True
    quoted_values: bool = False
    ban_page: Literal["html", "json"] = "html"
    busy_hours: bool = False
    event_spelling: Literal["classic", "new"] = "classic"
    event_owner: Literal["app_key", "corp_id"] = "app_key"
    event_signature_name: Literal["both", "msg_signature", "signature"] = "both"
    event_timestamp_name: Literal["timestamp", "timeStamp"] = "timestamp"
    event_diff: bool = True
    event_modify_follows: float = 0.5
    event_consequences: bool = False
    unknown_staff: Literal["listed", "refused"] = "listed"
