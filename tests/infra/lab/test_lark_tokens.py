import pytest

from infra.lab.lark import Choices, LarkApi, LarkWorkspace
from tests.infra.lab.lab_client import Lab, a_lab

CHILDREN = "departments/0/children"


def test_a_token_stands_at_the_top_level_and_lives_two_hours() -> None:
    shown = a_lab().ask_token()
    assert (shown.status, shown.code) == (200, 0)
    assert "data" not in shown.body
    assert shown.body["expire"] <= 7200
    assert shown.body["tenant_access_token"].startswith("t-")


def test_while_thirty_minutes_remain_the_same_token_comes_back_with_what_remains() -> None:
    lab = a_lab()
    lab.clock.sleep(90 * 60)
    again = lab.ask_token().body
    assert (again["tenant_access_token"], again["expire"]) == (lab.token, 1800)


def test_with_less_than_thirty_minutes_left_a_new_token_comes_and_the_old_one_lives_to_its_end() -> None:
    lab = a_lab()
    lab.clock.sleep(90 * 60 + 1)
    fresh = lab.ask_token().body
    assert fresh["tenant_access_token"] != lab.token
    assert fresh["expire"] == 7200
    lab.clock.sleep(30 * 60 - 2)
    assert lab.get(CHILDREN).code == 0
    lab.clock.sleep(1)
    assert (lab.get(CHILDREN).status, lab.get(CHILDREN).code) == (400, 99991663)
    lab.token = fresh["tenant_access_token"]
    assert lab.get(CHILDREN).code == 0


def test_the_app_token_is_the_tenant_token() -> None:
    lab = a_lab()
    body = {"app_id": lab.workspace.app_id, "app_secret": lab.workspace.app_secret}
    shown = lab.post("/open-apis/auth/v3/app_access_token/internal", body).body
    assert shown["app_access_token"] == shown["tenant_access_token"] == lab.token


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"app_id": "", "app_secret": "x"},
        {"app_id": "nonsense", "app_secret": "x"},
        {"app_id": "cli_lab0000000000001"},
    ],
)
def test_a_malformed_request_for_a_token_is_refused_with_200(body: object) -> None:
    shown = a_lab().post("/open-apis/auth/v3/tenant_access_token/internal", body)
    assert (shown.status, shown.code) == (200, 10003)


def test_an_unknown_app_and_a_wrong_secret_are_refused_with_200() -> None:
    lab = a_lab()
    unknown = lab.ask_token(app_id="cli_lab9999999999999")
    assert (unknown.status, unknown.code, unknown.body["msg"]) == (200, 10014, "app id not exists")
    wrong = lab.ask_token(app_secret="wrong")
    assert (wrong.status, wrong.code, wrong.body["msg"]) == (200, 10014, "app secret invalid")
    lab.api.choices.wrong_secret_code = 10015
    assert lab.ask_token(app_secret="wrong").code == 10015


def test_an_app_of_the_other_cloud_does_not_exist_here() -> None:
    workspace = LarkWorkspace(cloud="lark")
    home = a_lab(workspace)
    away = Lab(workspace, home.clock, LarkApi(workspace, clock=home.clock, cloud="feishu"), token=home.token)
    assert away.ask_token().code == 10014
    assert away.get(CHILDREN).code == 99991663


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, 99991661),
        ("", 99991661),
        ("Bearer ", 99991661),
        ("Bearer x-123", 99991671),
        ("Bearer u-123", 99991668),
        ("Bearer t-123", 99991665),
        ("Bearer t-" + "0" * 40, 99991663),
    ],
)
def test_a_bad_token_is_told_apart(header: str | None, code: int) -> None:
    lab = a_lab()
    headers = {} if header is None else {"Authorization": header}
    response = lab.http.get("/open-apis/contact/v3/departments/0/children", headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, code)


def test_revoked_tokens_die_and_a_new_one_is_made() -> None:
    lab = a_lab()
    dead = lab.token
    lab.api.revoke_tokens()
    assert lab.get(CHILDREN).code == 99991663
    assert lab.sign_in().token != dead
    assert lab.get(CHILDREN).code == 0


@pytest.mark.parametrize(
    ("switches", "code"),
    [({"enabled": False}, 99991662), ({"installed": False}, 99991673), ({"ip_allowed": False}, 99991401)],
)
def test_an_app_that_may_not_call_is_told_why(switches: dict[str, bool], code: int) -> None:
    lab = a_lab()
    lab.workspace.configure(**switches)
    shown = lab.get(CHILDREN)
    assert (shown.status, shown.code) == (400, code)


def test_an_app_that_is_not_installed_learns_it_from_its_scopes() -> None:
    lab = a_lab()
    lab.workspace.configure(installed=False)
    assert lab.get("/open-apis/application/v6/scopes").code == 212100


def test_every_answer_names_itself_for_support() -> None:
    lab = a_lab(choices=Choices())
    refused, answered = lab.get("departments/od-nobody"), lab.get(CHILDREN)
    assert refused.headers["X-Tt-Logid"] == refused.body["error"]["log_id"]
    assert answered.headers["X-Tt-Logid"] != refused.headers["X-Tt-Logid"]


def test_a_wrong_path_and_a_wrong_method_are_told_apart() -> None:
    lab = a_lab()
    wrong_path = lab.get("/open-apis/contact/v4/departments")
    assert (wrong_path.status, wrong_path.code) == (404, 99991201)
    assert lab.post(CHILDREN, {}).code == 99991301
