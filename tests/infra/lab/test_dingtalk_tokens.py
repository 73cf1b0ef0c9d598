from typing import Literal

import pytest

from infra.lab.dingtalk import scopes
from tests.infra.lab.dingtalk_client import LISTSUB, Lab, a_lab, shown

LEAVERS = "/v1.0/contact/empLeaveRecords"


def test_a_token_stands_at_the_top_level_and_lives_two_hours() -> None:
    body = a_lab().ask_token().body
    assert (body["errcode"], body["errmsg"], body["expires_in"]) == (0, "ok", 7200)
    assert "result" not in body


def test_asking_again_gives_the_same_token_and_renews_its_time() -> None:
    lab = a_lab()
    lab.clock.sleep(7199)
    again = lab.ask_token().body
    assert (again["access_token"], again["expires_in"]) == (lab.token, 7200)
    lab.clock.sleep(7199)
    assert lab.post(LISTSUB).code == 0
    lab.clock.sleep(1)
    assert lab.post(LISTSUB).code == 42001
    assert lab.ask_token().body["access_token"] != lab.token


def test_the_new_host_hands_out_the_same_token_in_two_spellings() -> None:
    lab = a_lab()
    company = lab.workspace
    keys = {"appKey": company.app_key, "appSecret": company.app_secret}
    assert lab.new_post("/v1.0/oauth2/accessToken", keys).body == {"accessToken": lab.token, "expireIn": 7200}
    asked = {"client_id": company.app_key, "client_secret": company.app_secret, "grant_type": "client_credentials"}
    newest = lab.new_post(f"/v1.0/oauth2/{company.corp_id}/token", asked)
    assert newest.body == {"access_token": lab.token, "expires_in": 7200}
    for path, body in ((company.corp_id, asked | {"grant_type": "password"}), ("dingother", asked)):
        assert lab.new_post(f"/v1.0/oauth2/{path}/token", body).status == 400


def test_wrong_keys_are_told_by_each_host_in_its_way() -> None:
    lab = a_lab()
    for wrong in (lab.ask_token(app_key="dingnobody"), lab.ask_token(app_secret="wrong")):
        assert (wrong.status, wrong.body["errcode"]) == (200, 40096)
    keys = {"appKey": lab.workspace.app_key, "appSecret": "wrong"}
    refused = lab.new_post("/v1.0/oauth2/accessToken", keys)
    assert (refused.status, refused.body["code"]) == (400, "invalidClientIdOrSecret")
    assert set(refused.body) == {"code", "message", "requestid"}


def test_keys_are_taken_from_the_query_alone() -> None:
    lab = a_lab()
    assert shown(lab.http.get("/gettoken")).body["errcode"] == 40035
    keys = {"appkey": lab.workspace.app_key, "appsecret": lab.workspace.app_secret}
    assert shown(lab.http.request("GET", "/gettoken", json=keys)).body["errcode"] == 40035
    assert shown(lab.http.post("/gettoken", params=keys)).body["errcode"] == 43001


def test_a_token_counts_only_where_its_host_looks_for_it() -> None:
    lab = a_lab()
    path, token = f"/topapi/{LISTSUB}", {"access_token": lab.token}
    header = {"x-acs-dingtalk-access-token": lab.token}
    assert shown(lab.http.post(path, params=token, json={})).code == 0
    assert shown(lab.http.post(path, data=token)).code == 0
    for refused in (lab.http.post(path, headers=header, json={}), lab.http.post(path, json=token)):
        assert shown(refused).code == 40000
        assert refused.json()["sub_msg"] == "access_token is blank"
    lab.workspace.grant(scopes.CONTACT_COMMON)
    lab.sign_in()
    asked: dict[str, str | int] = {"startTime": "2026-01-01T00:00:00Z", "maxResults": 50}
    assert lab.new_get(LEAVERS, **asked).status == 200
    wrong_places = ({"params": token}, {"headers": {"Authorization": f"Bearer {lab.token}"}})
    for place in wrong_places:
        response = lab.http.get(f"https://api.dingtalk.com{LEAVERS}", **place)  # type: ignore[arg-type]  # one of two
        assert (response.status_code, response.json()["code"]) == (400, "AuthenticationFailed.MissingParameter")


def test_a_bad_token_comes_wrapped_with_its_code_as_text_or_in_the_message_alone() -> None:
    lab = a_lab()
    lab.token = "0" * 32
    body = lab.post(LISTSUB).body
    request_id = body.pop("request_id")
    msg = "不合法的access_token"
    whole = {
        "errcode": 88,
        "sub_code": "40014",
        "sub_msg": msg,
        "errmsg": f"ding talk error[subcode=40014,submsg={msg}]",
    }
    assert (body, bool(request_id)) == (whole, True)
    lab.api.choices.sub_code = False
    assert set(lab.post(LISTSUB).body) == {"errcode", "errmsg", "request_id"}
    refused = lab.new_get(LEAVERS)
    assert (refused.status, refused.body["code"]) == (400, "InvalidAuthentication")


@pytest.mark.parametrize(("said", "errcode"), [("40014", 88), ("42001", 88), ("40001", 40001)])
def test_what_is_said_of_a_dead_token_can_be_chosen(said: Literal["40014", "42001", "40001"], errcode: int) -> None:
    lab = a_lab()
    lab.api.choices.token_error = said
    lab.api.revoke_tokens()
    refused = lab.post(LISTSUB)
    assert (refused.body["errcode"], refused.code) == (errcode, int(said))
    assert lab.sign_in().post(LISTSUB).code == 0


def _before_and_after_asking_again(choice: Literal["at_once", "asked_again", "new_token"]) -> tuple[int, int, Lab]:
    lab = a_lab()
    lab.api.choices.new_permission = choice
    lab.workspace.revoke(scopes.DEPARTMENT_LIST)
    lab.api.revoke_tokens()
    lab.sign_in()
    lab.workspace.grant(scopes.DEPARTMENT_LIST)
    before = lab.post(LISTSUB).code
    return before, lab.sign_in().post(LISTSUB).code, lab


def test_a_new_permission_works_with_a_token_asked_for_afterwards() -> None:
    assert _before_and_after_asking_again("asked_again")[:2] == (60011, 0)
    assert _before_and_after_asking_again("at_once")[:2] == (0, 0)
    before, after, lab = _before_and_after_asking_again("new_token")
    assert (before, after) == (60011, 60011)
    lab.clock.sleep(7200)
    assert lab.sign_in().post(LISTSUB).code == 0


def test_a_permission_taken_away_is_gone_at_once() -> None:
    lab = a_lab()
    lab.workspace.revoke(scopes.DEPARTMENT_LIST)
    assert lab.post(LISTSUB).code == 60011


def test_an_address_that_is_not_listed_is_refused_but_gets_tokens() -> None:
    lab = a_lab()
    lab.workspace.configure(ip_allowed=False)
    assert lab.ask_token().code == 0
    assert lab.post(LISTSUB).code == 60020
    refused = lab.new_get(LEAVERS)
    assert (refused.status, refused.body["code"]) == (403, "Forbidden.AccessDenied.IpNotInWhiteList")


def test_unknown_paths_are_told_in_four_ways() -> None:
    lab = a_lab()
    assert lab.post("v3/department/listsub").body["errcode"] == 22
    assert lab.get("/user/getall").body == {"errcode": 404, "errmsg": "请求的URI地址不存在"}
    for path in ("/v1.0/contact/nothing", "/topapi/v2/user/get"):
        refused = lab.new_get(path)
        assert (refused.status, set(refused.body)) == (404, {"code", "message", "requestid"})
    assert lab.get("/v1.0/contact/empLeaveRecords").body["errcode"] == 404
    assert lab.get(f"/topapi/{LISTSUB}").body["errcode"] == 43002
