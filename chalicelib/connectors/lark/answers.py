"""What Lark's answers mean: by their `code`, hardly ever by their HTTP status.

Source: Feishu "generic error codes", "frequency control", and the error tables of contact v3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import httpx

from chalicelib.connectors.session import Accepted, Call, Renew, Retry, Verdict, fault, json_object
from chalicelib.core.errors import Fact, RollcallError, SourceDeniedError, SourceProtocolError

THROTTLED: Final = frozenset({99991400, 1000004, 1000005, 11232, 11233, 11247, 230020})
# 2200 and 1500.. are "internal", often load; 10012 and 10013 the token endpoint's; 43024.. locks on writes.
BUSY: Final = frozenset({2200, *range(1500, 1600), 10012, 10013, 40003, 41027, 43024, 43030, 44025})
# No token, dead, of another kind, malformed: one fresh token, then it is not about the token.
TOKEN_DEAD: Final = frozenset({99991661, 99991663, 99991664, 99991665, 99991668, 99991671, 99991677})
DENIED: Final[Mapping[int, str]] = {
    10003: "unknown app",
    10014: "unknown app",
    10015: "credentials refused",
    99991401: "address not allowed",
    99991403: "quota used up",
    99991662: "app not available",
    99991673: "app not available",
    212100: "app not available",
}
SCOPE_MISSING: Final = 99991672
# Which permission, where the vendor does not say.
UNTOLD: Final = "?"

RESET_HEADER: Final = "x-ogw-ratelimit-reset"
LOG_HEADER: Final = "x-tt-logid"
_LOG_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_ADDRESS = re.compile(r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b")
_SCOPE = re.compile(r"[a-z0-9_]+:[a-z0-9_.]+(?::[a-z0-9_]+)?")
LONGEST_RESET_S: Final = 600.0


class RefusedError(SourceProtocolError):
    """Lark refuses what was asked: an id it does not know, a place outside our range, a parameter.

    Whoever asked for one thing by name catches it and looks at `number`; where nobody expects it, it is a defect.
    """

    def __init__(self, number: int, facts: Mapping[str, Fact]) -> None:
        super().__init__("parameters refused")
        self.number = number
        self.facts = {**facts}


def classify(call: Call, response: httpx.Response) -> Verdict:
    """Judge an answer.

    Raises:
        SourceDeniedError: an admin must act: permission, secret, network, plan.
        RefusedError: this very request is refused.
        SourceProtocolError: the answer is JSON, but not Lark's envelope.
    """
    status = response.status_code
    document = json_object(response)
    code = document.get("code") if document is not None else None
    if status >= 500:
        return Retry(problem=f"HTTP {status}")
    if document is None or not isinstance(code, int) or isinstance(code, bool):
        if status == 429:
            return _throttled(response)
        if document is None:
            return Retry(problem=f"no JSON, HTTP {status}")
        raise broken(call, "no code in the answer", response)
    if code == 0:
        return Accepted(document)
    if code in THROTTLED or status == 429:
        return _throttled(response)
    if code in BUSY:
        return Retry(problem=f"code {code}")
    if code in TOKEN_DEAD and not call.endpoint.open:
        return Renew(problem=f"code {code}")
    raise _refusal(call, response, document, code)


def broken(call: Call, problem: str, response: httpx.Response | None = None) -> SourceProtocolError:
    facts = {"endpoint": call.endpoint.name, "problem": problem, **_log_id(response, {})}
    return fault(SourceProtocolError, "source broke its contract", **facts)


def _throttled(response: httpx.Response) -> Retry:
    told = response.headers.get(RESET_HEADER) or response.headers.get("retry-after") or ""
    try:
        after_s = min(max(0.0, float(told)), LONGEST_RESET_S)
    except ValueError:
        return Retry(problem="throttled", throttled=True)
    return Retry(problem="throttled", after_s=after_s, throttled=True)


def _refusal(call: Call, response: httpx.Response, document: Mapping[str, object], code: int) -> RollcallError:
    facts: dict[str, Fact] = {"endpoint": call.endpoint.name, "code": code, **_log_id(response, document)}
    if code == SCOPE_MISSING:
        return fault(SourceDeniedError, "permission missing", **facts, scopes=_scopes(document))
    if code in DENIED:
        # 10014 is said of unknown apps, and by some of wrong secrets.
        wrong_secret = code == 10014 and "secret" in str(document.get("msg")).lower()
        address = _ADDRESS.search(str(document.get("msg"))) if DENIED[code] == "address not allowed" else None
        if address:
            facts["address"] = address[0]
        return fault(SourceDeniedError, "credentials refused" if wrong_secret else DENIED[code], **facts)
    return RefusedError(code, facts)


def _scopes(document: Mapping[str, object]) -> str:
    """Name the permissions of which one is needed: from the violations, else from the message."""
    error = document.get("error")
    violations = error.get("permission_violations") if isinstance(error, dict) else None
    rows = violations if isinstance(violations, list) else []
    subjects = [str(each.get("subject")) for each in rows if isinstance(each, dict)]
    names = [each for each in subjects if _SCOPE.fullmatch(each)] or _SCOPE.findall(str(document.get("msg")))
    return ", ".join(dict.fromkeys(names)) or UNTOLD


def _log_id(response: httpx.Response | None, document: Mapping[str, object]) -> Mapping[str, str]:
    error = document.get("error")
    told = response.headers.get(LOG_HEADER) if response is not None else None
    told = told or (error.get("log_id") if isinstance(error, dict) else None)
    return {"logid": told} if isinstance(told, str) and _LOG_ID.fullmatch(told) else {}
