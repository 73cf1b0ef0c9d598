"""The table of codes, over whole answers as the two hosts word them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from chalicelib.connectors.dingtalk.answers import RefusedError, as_flag, as_number, classify
from chalicelib.connectors.dingtalk.client import CHILDREN, OLD_TOKEN, TOKEN
from chalicelib.connectors.session import Accepted, Call, Endpoint, Renew, Retry, Verdict
from chalicelib.core.catalogue import Lang, say
from chalicelib.core.errors import RollcallError, SourceDeniedError, SourceProtocolError, ThrottledError

NOW = datetime(2026, 9, 2, 16, 1, 2, 300_000, tzinfo=UTC)
NEW = Endpoint(name="roster", method="GET", path="/v1.0/contact/roster")
REQUEST_ID = "15r6h7w2k8n4a"
WINDOW = "从 2026-09-03 00:01:02 到 2026-09-03 00:01:02 请求总次数超过 20 次, 限制将在 2026-09-03 00:01:03 结束."
PERMISSION = (
    "应用尚未开通所需的权限：[qyapi_get_department_list]，点击链接申请并开通即可："
    "https://open-dev.dingtalk.com/appscope/apply?content=dingkey%23qyapi_get_department_list, "
    "{requiredScopes=[qyapi_get_department_list]}"
)


def judged(document: object, endpoint: Endpoint = CHILDREN, *, status: int = 200, now: datetime = NOW) -> Verdict:
    response = httpx.Response(status, content=json.dumps(document, ensure_ascii=False).encode())
    return classify(Call(endpoint=endpoint, path=endpoint.path), response, now)


def old(code: int, msg: str = "no") -> dict[str, object]:
    return {"errcode": code, "errmsg": msg, "request_id": REQUEST_ID}


def gateway(code: int, msg: str = "no", *, sub_code: bool = True) -> dict[str, object]:
    answer: dict[str, object] = {"errcode": 88, "errmsg": f"ding talk error[subcode={code},submsg={msg}]"}
    return answer | {"request_id": REQUEST_ID} | ({"sub_code": str(code), "sub_msg": msg} if sub_code else {})


def new(code: str, msg: str = "no", **more: object) -> dict[str, object]:
    return {"code": code, "message": msg, "requestid": REQUEST_ID, **more}


@pytest.mark.parametrize("code", [0, "0"])
def test_code_zero_is_an_answer_of_the_old_host(code: object) -> None:
    document: dict[str, object] = {"errcode": code, "errmsg": "ok", "result": []}
    assert judged(document) == Accepted(document)


def test_any_good_status_is_an_answer_of_the_new_host() -> None:
    assert judged({"accessToken": "t"}, NEW) == Accepted({"accessToken": "t"})


@pytest.mark.parametrize("sub_code", [True, False])
@pytest.mark.parametrize("code", [40014, 42001])
def test_a_dead_token_is_behind_the_gateways_88(code: int, sub_code: bool) -> None:
    verdict = judged(gateway(code, sub_code=sub_code))
    assert verdict == Renew(problem=f"code {code}")


def test_a_dead_token_is_known_in_every_other_spelling() -> None:
    assert judged(old(40001)) == Renew(problem="code 40001")
    assert judged(new("InvalidAuthentication"), NEW, status=400) == Renew(problem="code InvalidAuthentication")


@pytest.mark.parametrize(("endpoint", "document"), [(TOKEN, new("InvalidAuthentication")), (OLD_TOKEN, old(40001))])
def test_the_token_endpoints_have_no_token_to_renew(endpoint: Endpoint, document: object) -> None:
    with pytest.raises((RefusedError, SourceDeniedError)):
        judged(document, endpoint, status=400 if endpoint is TOKEN else 200)


@pytest.mark.parametrize("code", [90001, 90003, 90006, 90017, 90018])
def test_a_limit_is_waited_out_until_the_end_that_it_names(code: int) -> None:
    verdict = judged(gateway(code, WINDOW))
    assert isinstance(verdict, Retry)
    assert verdict.throttled
    assert verdict.after_s == pytest.approx(0.7)


@pytest.mark.parametrize("skew_s", [-3600, -5, 5, 3600])
def test_a_clock_that_is_wrong_does_not_make_a_wait_long_or_none(skew_s: int) -> None:
    verdict = judged(gateway(90018, WINDOW), now=NOW + timedelta(seconds=skew_s))
    assert verdict == Retry(problem="throttled", after_s=1.0, throttled=True)


@pytest.mark.parametrize("text", ["", "限制将在 soon 结束", WINDOW.replace("2026-09-03", "2026-99-99")])
def test_a_limit_of_a_second_that_names_no_end_lasts_a_second_at_most(text: str) -> None:
    verdict = judged(gateway(90018, text))
    assert isinstance(verdict, Retry)
    assert verdict.throttled
    assert verdict.after_s in (1.0, None)


def test_the_platforms_limit_is_backed_off_from_whatever_end_it_names() -> None:
    assert judged(gateway(90002, WINDOW)) == Retry(problem="throttled", throttled=True)
    verdict = judged(new("Forbidden.AccessDenied.QpsLimitForApi", WINDOW), NEW, status=403)
    assert verdict == Retry(problem="throttled", throttled=True)


@pytest.mark.parametrize(
    ("code", "after_s"),
    [("QpsLimitForAppkeyAndApi", 1.0), ("QpmLimitForAppkeyAndApi", None), ("SomeNewLimitForMoon", None)],
)
def test_forbidden_is_not_always_a_matter_of_permission(code: str, after_s: float | None) -> None:
    verdict = judged(new(f"Forbidden.AccessDenied.{code}"), NEW, status=403)
    assert verdict == Retry(problem="throttled", after_s=after_s, throttled=True)


@pytest.mark.parametrize(
    ("document", "endpoint", "status"),
    [
        (old(-1), CHILDREN, 200),
        (old(400001), CHILDREN, 200),
        (new("system.busy"), NEW, 500),
        (new("unknownError"), NEW, 500),
        (new("something.new"), NEW, 503),
        ({}, NEW, 502),
        ({}, CHILDREN, 502),
    ],
)
def test_what_time_heals_is_repeated(document: object, endpoint: Endpoint, status: int) -> None:
    verdict = judged(document, endpoint, status=status)
    assert isinstance(verdict, Retry)
    assert not verdict.throttled


@pytest.mark.parametrize("body", [b"<!DOCTYPE html><html>", b"\n  <html>", b"\xef\xbb\xbf<html>"])
def test_a_web_page_with_status_200_says_that_our_address_is_blocked(body: bytes) -> None:
    with pytest.raises(ThrottledError) as caught:
        classify(Call(endpoint=CHILDREN, path=CHILDREN.path), httpx.Response(200, content=body), NOW)
    assert caught.value.code == "network is blocked"
    assert caught.value.retry_after == 300
    assert caught.value.facts == {"endpoint": CHILDREN.name, "minutes": 5}


@pytest.mark.parametrize(("wait", "minutes"), [(5, 5), (None, 5), (12, 12), (-1, 1), (10**9, 60)])
@pytest.mark.parametrize("endpoint", [CHILDREN, TOKEN])
def test_the_block_is_also_told_in_json(wait: int | None, minutes: int, endpoint: Endpoint) -> None:
    document = {"status": 1111, "wait": wait, "source": "x5", "punish": "deny", "uuid": "u"}
    with pytest.raises(ThrottledError) as caught:
        judged(document, endpoint)
    assert caught.value.retry_after == 60 * minutes


@pytest.mark.parametrize(("status", "body"), [(502, b"<html>"), (200, b'{"errcode":0,"resu'), (200, b"[]"), (200, b"")])
def test_other_answers_that_are_no_json_object_are_passing_trouble(status: int, body: bytes) -> None:
    verdict = classify(Call(endpoint=CHILDREN, path=CHILDREN.path), httpx.Response(status, content=body), NOW)
    assert isinstance(verdict, Retry)


@pytest.mark.parametrize(
    ("document", "endpoint", "status", "message"),
    [
        (old(40096), OLD_TOKEN, 200, "credentials refused"),
        (new("invalidClientIdOrSecret"), TOKEN, 400, "credentials refused"),
        (new("invalidParameter.corpId"), TOKEN, 400, "company refused"),
        (gateway(60020), CHILDREN, 200, "address not allowed"),
        (new("Forbidden.AccessDenied.IpNotInWhiteList"), TOKEN, 403, "address not allowed"),
        (gateway(90020), CHILDREN, 200, "quota used up"),
        (new("Forbidden.AccessDenied.ApiCountLimitForOrg"), NEW, 403, "quota used up"),
    ],
)
def test_what_an_admin_must_set_right(
    document: Mapping[str, object], endpoint: Endpoint, status: int, message: str
) -> None:
    with pytest.raises(SourceDeniedError) as caught:
        judged(document, endpoint, status=status)
    assert caught.value.code == message
    assert caught.value.facts["endpoint"] == endpoint.name
    assert caught.value.facts["request_id"] == REQUEST_ID
    for lang in Lang:
        assert say(caught.value.code, lang, caught.value.facts)


@pytest.mark.parametrize(
    ("document", "endpoint", "status", "scopes"),
    [
        (gateway(60011, PERMISSION), CHILDREN, 200, "qyapi_get_department_list"),
        (gateway(60011, PERMISSION, sub_code=False), CHILDREN, 200, "qyapi_get_department_list"),
        (gateway(60011, "应用尚未开通所需的权限：[a_b, c_d.E]"), CHILDREN, 200, "a_b, c_d.E"),
        (gateway(60011, "应用尚未开通所需的权限"), CHILDREN, 200, "?"),
        (gateway(60011, "[王小明 13000000000]"), CHILDREN, 200, "?"),
        (old(43007), CHILDREN, 200, "?"),
        (
            new(
                "Forbidden.AccessDenied.AccessTokenPermissionDenied",
                accessdenieddetail={"requiredScopes": ["Contact.Org.Read", "x y", 7]},
            ),
            NEW,
            403,
            "Contact.Org.Read",
        ),
        (new("Forbidden.AccessDenied.AccessTokenPermissionDenied", accessdenieddetail=7), NEW, 403, "?"),
    ],
)
def test_a_missing_permission_is_named_once_a_fresh_token_is_no_better(
    document: Mapping[str, object], endpoint: Endpoint, status: int, scopes: str
) -> None:
    verdict = judged(document, endpoint, status=status)
    assert isinstance(verdict, Renew)
    assert isinstance(verdict.otherwise, SourceDeniedError)
    assert verdict.otherwise.code == "permission missing"
    assert verdict.otherwise.facts["scopes"] == scopes


@pytest.mark.parametrize(
    "document", [old(60121), old(60003), old(50002), old(40009), gateway(40000), gateway(22), old(404)]
)
def test_any_other_code_is_a_refusal_of_this_very_request(document: Mapping[str, object]) -> None:
    with pytest.raises(RefusedError) as caught:
        judged(document)
    told = document["sub_code"] if document["errcode"] == 88 else document["errcode"]
    assert caught.value.number == int(str(told))
    assert caught.value.facts == {"endpoint": CHILDREN.name, "code": caught.value.number, "request_id": REQUEST_ID}


def test_a_gateway_that_does_not_say_why_is_a_refusal() -> None:
    with pytest.raises(RefusedError) as caught:
        judged({"errcode": 88, "errmsg": "ding talk error"})
    assert caught.value.number == 88


def test_a_refusal_in_words_tells_the_word_and_no_text_of_the_vendors() -> None:
    with pytest.raises(RefusedError) as caught:
        judged(new("invalidParameter.userId.王小明", "王小明"), NEW, status=400)
    assert caught.value.facts["code"] == "HTTP 400"
    with pytest.raises(RefusedError) as caught:
        judged({"Code": "invalidParameter.userId", "Message": "王小明", "RequestId": "王小明"}, NEW, status=400)
    assert caught.value.facts == {"endpoint": NEW.name, "code": "invalidParameter.userId"}


@pytest.mark.parametrize("document", [{}, {"errcode": None}, {"errcode": "ok"}, {"errcode": True}, {"errcode": 0.5}])
def test_an_answer_of_the_old_host_without_a_code_is_a_broken_contract(document: object) -> None:
    with pytest.raises(SourceProtocolError, match="no errcode in the answer"):
        judged(document)


@pytest.mark.parametrize("status", [429])
def test_http_429_is_a_throttle_whatever_it_says(status: int) -> None:
    for document, endpoint in (({}, CHILDREN), ({"code": "x"}, NEW), ([], CHILDREN)):
        verdict = judged(document, endpoint, status=status)
        assert isinstance(verdict, Retry)
        assert verdict.throttled


def test_numbers_and_flags_may_be_quoted() -> None:
    assert [as_number(each) for each in (7, "7", "-7", str(2**62), 2**62)] == [7, 7, -7, 2**62, 2**62]
    others: list[object] = [None, True, 7.0, "", "7.5", "x", []]
    assert [as_number(each) for each in others] == [None] * 7
    flags: list[object] = [True, "true", "False", 1, "", None]
    assert [as_flag(each) for each in flags] == [True, True, False, None, None, None]


def test_every_error_can_be_put_into_words() -> None:
    for document, status, endpoint in (
        (gateway(1), 200, CHILDREN),
        ({"status": 1111}, 200, CHILDREN),
        ({}, 200, CHILDREN),
        (new("x.y"), 400, TOKEN),
    ):
        with pytest.raises(RollcallError) as caught:
            judged(document, endpoint, status=status)
        for lang in Lang:
            assert say(caught.value.code, lang, caught.value.facts)
