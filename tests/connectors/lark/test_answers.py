"""The table of codes, over whole answers as Lark words them."""

from __future__ import annotations

import json
from collections.abc import Mapping

import httpx
import pytest

from chalicelib.connectors.lark.answers import RefusedError, classify
from chalicelib.connectors.lark.client import MEMBERS, TOKEN
from chalicelib.connectors.session import Accepted, Call, Endpoint, Renew, Retry, Verdict
from chalicelib.core.catalogue import Lang, say
from chalicelib.core.errors import RollcallError, SourceDeniedError, SourceProtocolError

LOG_ID = "2026010509000000000000000000000001"


def judged(
    status: int, document: object, headers: Mapping[str, str] | None = None, endpoint: Endpoint = MEMBERS
) -> Verdict:
    response = httpx.Response(status, content=json.dumps(document), headers={"X-Tt-Logid": LOG_ID, **(headers or {})})
    return classify(Call(endpoint=endpoint, path=endpoint.path), response)


def failure(code: int, msg: str = "no", **error: object) -> dict[str, object]:
    return {"code": code, "msg": msg, "error": {"log_id": LOG_ID, **error}}


@pytest.mark.parametrize("status", [200, 201])
def test_code_zero_is_an_answer(status: int) -> None:
    assert judged(status, {"code": 0, "msg": "success", "data": {}}) == Accepted(
        {"code": 0, "msg": "success", "data": {}}
    )


@pytest.mark.parametrize("status", [400, 429])
def test_a_throttle_tells_how_long_to_wait(status: int) -> None:
    headers = {"x-ogw-ratelimit-limit": "50", "x-ogw-ratelimit-reset": "17"}
    assert judged(status, failure(99991400), headers) == Retry(problem="throttled", after_s=17.0, throttled=True)


@pytest.mark.parametrize("reset", ["", "soon", "-"])
def test_a_throttle_that_does_not_say_how_long_is_still_one(reset: str) -> None:
    verdict = judged(429, failure(99991400), {"x-ogw-ratelimit-reset": reset})
    assert verdict == Retry(problem="throttled", throttled=True)


@pytest.mark.parametrize(("reset", "after_s"), [("-3", 0.0), ("0.25", 0.25), ("nan", 0.0), ("1e9", 600.0)])
def test_a_figure_that_makes_no_sense_is_cut_down(reset: str, after_s: float) -> None:
    verdict = judged(429, failure(99991400), {"x-ogw-ratelimit-reset": reset})
    assert verdict == Retry(problem="throttled", after_s=after_s, throttled=True)


def test_http_429_is_a_throttle_whatever_it_says() -> None:
    assert judged(429, "busy", {"Retry-After": "3"}) == Retry(problem="throttled", after_s=3.0, throttled=True)
    assert judged(429, failure(7)) == Retry(problem="throttled", throttled=True)


@pytest.mark.parametrize(
    ("status", "code"), [(400, 2200), (200, 1500), (400, 40003), (504, 41027), (500, 1), (503, 99991672), (200, 10013)]
)
def test_what_time_heals_is_repeated(status: int, code: int) -> None:
    verdict = judged(status, failure(code))
    assert isinstance(verdict, Retry)
    assert not verdict.throttled


@pytest.mark.parametrize("code", [99991661, 99991663, 99991664, 99991665, 99991668, 99991671])
@pytest.mark.parametrize("status", [200, 400, 401])
def test_a_dead_token_is_renewed(code: int, status: int) -> None:
    assert isinstance(judged(status, failure(code)), Renew)


def test_the_token_endpoint_has_no_token_to_renew() -> None:
    with pytest.raises(RefusedError):
        judged(200, failure(99991663), endpoint=TOKEN)


@pytest.mark.parametrize(
    ("status", "code", "msg", "message"),
    [
        (200, 10003, "invalid param", "unknown app"),
        (200, 10014, "app id not exists", "unknown app"),
        (200, 10014, "app secret invalid", "credentials refused"),
        (200, 10015, "wrong app secret", "credentials refused"),
        (400, 99991401, "ip is denied by app setting", "address not allowed"),
        (400, 99991403, "quota", "quota used up"),
        (400, 99991662, "app is disabled", "app not available"),
        (400, 99991673, "app not available", "app not available"),
    ],
)
def test_what_an_admin_must_set_right(status: int, code: int, msg: str, message: str) -> None:
    with pytest.raises(SourceDeniedError) as caught:
        judged(status, failure(code, msg))
    assert caught.value.code == message
    assert caught.value.facts == {"endpoint": MEMBERS.name, "code": code, "logid": LOG_ID}


@pytest.mark.parametrize(
    ("document", "scopes"),
    [
        (
            failure(
                99991672,
                permission_violations=[
                    {"type": "action_scope_required", "subject": "contact:contact.base:readonly"},
                    {"type": "action_scope_required", "subject": "contact:contact:readonly"},
                ],
            ),
            "contact:contact.base:readonly, contact:contact:readonly",
        ),
        (
            failure(99991672, "Access denied. One of the following scopes is required: [contact:user.email:readonly]."),
            "contact:user.email:readonly",
        ),
        (failure(99991672, permission_violations=[{"subject": "Ann <ann@example.com>"}, 7]), "?"),
        ({"code": 99991672, "error": "odd"}, "?"),
    ],
)
def test_a_missing_permission_is_named(document: object, scopes: str) -> None:
    with pytest.raises(SourceDeniedError) as caught:
        judged(400, document)
    assert caught.value.code == "permission missing"
    assert caught.value.facts["scopes"] == scopes


@pytest.mark.parametrize("code", [99992402, 9499, 99991201, 40001, 40012, 99992357, 12345678])
def test_any_other_code_is_a_refusal_of_this_very_request(code: int) -> None:
    with pytest.raises(RefusedError) as caught:
        judged(400, failure(code, "Invalid ids: [on_1]"))
    assert caught.value.number == code
    assert isinstance(caught.value, SourceProtocolError)
    assert caught.value.facts == {"endpoint": MEMBERS.name, "code": code, "logid": LOG_ID}
    assert "on_1" not in str(caught.value)


def test_an_odd_log_id_is_left_out() -> None:
    with pytest.raises(RefusedError) as caught:
        judged(400, {"code": 7, "error": {"log_id": "ann@example.com"}}, {"X-Tt-Logid": ""})
    assert "logid" not in caught.value.facts


@pytest.mark.parametrize(
    ("status", "document"),
    [(400, failure(code)) for code in (10003, 10015, 99991401, 99991403, 99991662, 99991672, 99992402)] + [(200, {})],
)
def test_every_error_can_be_put_into_words(status: int, document: object) -> None:
    with pytest.raises(RollcallError) as caught:
        judged(status, document)
    for lang in Lang:
        assert say(caught.value.code, lang, caught.value.facts)
