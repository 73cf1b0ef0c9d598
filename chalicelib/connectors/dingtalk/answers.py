"""What DingTalk's answers mean, on both of its hosts.

The old host always says HTTP 200, and an `errcode`; what its gateway refuses is an `errcode` of 88 with the real one as
text. The new host says it by status and in words; words that mean the same as a number of the old host are read as
that number, so that there is one table for both.

Source: DingTalk "global error codes" of both API generations, "limits on calls".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final

import httpx

from chalicelib.connectors.session import Accepted, Call, Renew, Retry, Verdict, fault, json_object
from chalicelib.core.errors import Fact, RollcallError, SourceDeniedError, SourceProtocolError, ThrottledError

# The gateway's code around the real one.
WRAPPER: Final = 88
BUSY: Final = frozenset({-1, 400001})
TOKEN_DEAD: Final = frozenset({40001, 40014, 42001})
# By app, by company, by minute, by everybody.
THROTTLED: Final = frozenset(range(90001, 90019))
THROTTLED_APP: Final = 90018
THROTTLED_PLATFORM: Final = 90002
DENIED: Final[Mapping[int, str]] = {
    40096: "credentials refused",
    60020: "address not allowed",
    90020: "quota used up",
}
SCOPE_MISSING: Final = frozenset({60011, 43007})
# Which permission, where the vendor does not say.
UNTOLD: Final = "?"

_FORBIDDEN: Final = "Forbidden.AccessDenied."
NUMBERS: Final[Mapping[str, int]] = {
    "InvalidAuthentication": 40014,
    "invalidClientIdOrSecret": 40096,
    f"{_FORBIDDEN}AccessTokenPermissionDenied": 60011,
    f"{_FORBIDDEN}IpNotInWhiteList": 60020,
    f"{_FORBIDDEN}QpsLimitForAppkeyAndApi": THROTTLED_APP,
    f"{_FORBIDDEN}QpsLimitForApi": THROTTLED_PLATFORM,
    f"{_FORBIDDEN}ApiCountLimitForOrg": 90020,
    "system.busy": -1,
    "system.error": -1,
    "unknownError": -1,
}
# The number of any other limit in words: they are refusals with status 403, but time heals them.
ANOTHER_LIMIT: Final = 90001
UNNUMBERED: Final = 0

# A blocked address gets a web page, or JSON of another make, and is let in again after five minutes.
BLOCKED_STATUS: Final = 1111
BLOCKED_MINUTES: Final = 5
LONGEST_BLOCK_MINUTES: Final = 60

CHINA: Final = timezone(timedelta(hours=8))
SHORTEST_WINDOW_S: Final = 1.0
LONGEST_WAIT_S: Final = 600.0
_WINDOW = re.compile(r"从 ([0-9-]{10} [0-9:.]{8,15}) 到 .{0,80}? 限制将在 ([0-9-]{10} [0-9:.]{8,15}) 结束")
_WRAPPED = re.compile(r"subcode=(-?[0-9]{1,9})\b")
_SCOPE = re.compile(r"[A-Za-z][A-Za-z0-9_.]{2,80}")
_SCOPES = rf"\[({_SCOPE.pattern}(?: ?, ?{_SCOPE.pattern}){{0,20}})\]"
_REQUIRED = re.compile(f"requiredScopes={_SCOPES}")
_LISTED = re.compile(_SCOPES)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,99}")
_ADDRESS = re.compile(r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b")
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,80}")


class RefusedError(SourceProtocolError):
    """DingTalk refuses what was asked: an id it does not know, a place outside our range, a parameter.

    Whoever asked for one thing by name catches it and looks at `number`; where nobody expects it, it is a defect.
    """

    def __init__(self, number: int, facts: Mapping[str, Fact]) -> None:
        super().__init__("parameters refused")
        self.number = number
        self.facts = {**facts}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """A "no" of either host: the number it is judged by, the code it is told by, and what it says."""

    number: int
    code: Fact
    text: str
    scopes: tuple[str, ...]
    facts: Mapping[str, Fact]


def classify(call: Call, response: httpx.Response, now: datetime) -> Verdict:
    """Judge an answer.

    Raises:
        SourceDeniedError: an admin must act: secret, company, network, plan.
        ThrottledError: our address is blocked for minutes.
        RefusedError: this very request is refused.
        SourceProtocolError: the answer is JSON, but of neither host's make.
    """
    status = response.status_code
    document = json_object(response)
    if _is_block(response, document):
        raise _blocked(call, document)
    if document is None:
        return Retry(problem=f"no JSON, HTTP {status}", throttled=status == 429)
    refusal = _new_refusal(call, status, document) if _is_new(call) else _old_refusal(call, status, document)
    if refusal is None:
        return Accepted(document)
    number = refusal.number
    if number in THROTTLED or status == 429:
        return Retry(problem="throttled", after_s=_wait_s(number, refusal.text, now), throttled=True)
    if number in BUSY or status >= 500:
        return Retry(problem=f"code {refusal.code}")
    if number in TOKEN_DEAD and not call.endpoint.open:
        return Renew(problem=f"code {refusal.code}")
    error = _error(call, status, refusal)
    if number in SCOPE_MISSING and not call.endpoint.open:
        # A permission granted a moment ago works only with a token that is asked for afterwards.
        return Renew(problem=f"code {refusal.code}", otherwise=error)
    raise error


def broken(call: Call, problem: str) -> SourceProtocolError:
    return fault(SourceProtocolError, "source broke its contract", endpoint=call.endpoint.name, problem=problem)


def as_number(value: object) -> int | None:
    """Read a whole number, which samples also show as text; None for anything else."""
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            return None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def as_flag(value: object) -> bool | None:
    """Read a flag, which samples also show as text; None for anything else."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def _is_new(call: Call) -> bool:
    return "/v1.0/" in call.endpoint.path


def _is_block(response: httpx.Response, document: Mapping[str, object] | None) -> bool:
    if document is not None:
        return "errcode" not in document and as_number(document.get("status")) == BLOCKED_STATUS
    # A page with a status that says trouble is some gateway's; the block says 200.
    return response.status_code < 400 and response.content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def _blocked(call: Call, document: Mapping[str, object] | None) -> ThrottledError:
    told = as_number(document.get("wait")) if document is not None else None
    minutes = min(max(told or BLOCKED_MINUTES, 1), LONGEST_BLOCK_MINUTES)
    error = fault(ThrottledError, "network is blocked", endpoint=call.endpoint.name, minutes=minutes)
    error.retry_after = 60.0 * minutes
    return error


def _old_refusal(call: Call, status: int, document: Mapping[str, object]) -> _Refusal | None:
    number = as_number(document.get("errcode"))
    if number == 0 and status < 400:
        return None
    text = f"{document.get('sub_msg') or ''} {document.get('errmsg') or ''}"
    if number == WRAPPER:
        wrapped = _WRAPPED.search(text)
        number = as_number(document.get("sub_code")) or (int(wrapped[1]) if wrapped else WRAPPER)
    if number is None:
        if status >= 429:
            return _refusal(call, UNNUMBERED, f"HTTP {status}", "", (), document)
        raise broken(call, "no errcode in the answer")
    required = _REQUIRED.search(text) or _LISTED.search(text)
    return _refusal(call, number, number, text, tuple(_SCOPE.findall(required[1])) if required else (), document)


def _new_refusal(call: Call, status: int, document: Mapping[str, object]) -> _Refusal | None:
    if status < 400:
        return None
    word = document.get("code") or document.get("Code")
    if not isinstance(word, str) or not _WORD.fullmatch(word):
        word = f"HTTP {status}"
    number = NUMBERS.get(word, ANOTHER_LIMIT if "Limit" in word else UNNUMBERED)
    text = str(document.get("message") or document.get("Message") or "")
    detail = document.get("accessdenieddetail") or document.get("AccessDeniedDetail")
    listed = detail.get("requiredScopes") if isinstance(detail, dict) else None
    scopes = [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
    return _refusal(call, number, word, text, tuple(each for each in scopes if _SCOPE.fullmatch(each)), document)


def _refusal(
    call: Call, number: int, code: Fact, text: str, scopes: tuple[str, ...], document: Mapping[str, object]
) -> _Refusal:
    facts: dict[str, Fact] = {"endpoint": call.endpoint.name, "code": code}
    told = next((document[name] for name in ("request_id", "requestid", "RequestId") if name in document), None)
    if isinstance(told, str) and _REQUEST_ID.fullmatch(told):
        facts["request_id"] = told
    return _Refusal(number=number, code=code, text=text, scopes=scopes, facts=facts)


def _error(call: Call, status: int, refusal: _Refusal) -> RollcallError:
    if refusal.number in SCOPE_MISSING:
        scopes = ", ".join(dict.fromkeys(refusal.scopes)) or UNTOLD
        return fault(SourceDeniedError, "permission missing", **refusal.facts, scopes=scopes)
    if refusal.number in DENIED:
        address = _ADDRESS.search(refusal.text) if DENIED[refusal.number] == "address not allowed" else None
        named = {"address": address[0]} if address else {}
        return fault(SourceDeniedError, DENIED[refusal.number], **refusal.facts, **named)
    if call.endpoint.open and status in (400, 403):
        # Of what is sent for a token, the key and the secret have a code of their own; the company's id is left.
        return fault(SourceDeniedError, "company refused", **refusal.facts)
    return RefusedError(refusal.number, refusal.facts)


def _wait_s(number: int, text: str, now: datetime) -> float | None:
    """Tell how long a limit lasts, from the window that its text names; None to back off.

    The window's length is theirs alone; where its end lies by our clock counts only as far as the two agree.
    """
    if number == THROTTLED_PLATFORM:
        # Everybody is told the same end, and would come back in the same instant.
        return None
    if window := _WINDOW.search(text):
        try:
            starts, ends = (datetime.fromisoformat(each).replace(tzinfo=CHINA) for each in window.groups())
        except ValueError:
            return None
        length_s, left_s = (ends - starts).total_seconds(), (ends - now).total_seconds()
        return min(left_s if 0 < left_s <= length_s else max(length_s, 0.0), LONGEST_WAIT_S)
    return SHORTEST_WINDOW_S if number == THROTTLED_APP else None
