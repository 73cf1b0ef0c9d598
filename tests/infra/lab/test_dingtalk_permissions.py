import pytest

from infra.lab.dingtalk import DingTalkWorkspace, scopes
from tests.infra.lab.dingtalk_client import LISTSUB, USER_GET, USER_LIST, Lab, a_company, a_lab

PAGE = {"cursor": 0, "size": 100}


@pytest.mark.parametrize(
    ("path", "asked", "scope"),
    [
        (LISTSUB, {}, scopes.DEPARTMENT_LIST),
        ("v2/department/listsubid", {"dept_id": 1}, scopes.DEPARTMENT_LIST),
        ("v2/department/get", {"dept_id": 1}, scopes.DEPARTMENT_LIST),
        ("v2/department/listparentbydept", {"dept_id": 1}, scopes.DEPARTMENT_LIST),
        ("role/list", {}, scopes.DEPARTMENT_LIST),
        (USER_LIST, {"dept_id": 1, **PAGE}, scopes.DEPARTMENT_MEMBER),
        ("user/listsimple", {"dept_id": 1, **PAGE}, scopes.DEPARTMENT_MEMBER),
        (USER_GET, {"userid": "ann"}, scopes.MEMBER),
        ("user/listid", {"dept_id": 1}, scopes.MEMBER),
        ("user/count", {"only_active": True}, scopes.MEMBER),
        ("user/getbyunionid", {"unionid": "x"}, scopes.MEMBER),
        ("user/listadmin", {}, scopes.MEMBER),
    ],
)
def test_each_call_needs_its_permission_and_names_it(path: str, asked: dict[str, object], scope: str) -> None:
    lab = a_lab()
    lab.workspace.scopes_granted = set(scopes.MINIMUM - {scope})
    refused = lab.post(path, **asked).body
    assert (refused["errcode"], refused["sub_code"]) == (88, "60011")
    assert f"：[{scope}]，" in refused["sub_msg"]
    assert refused["sub_msg"].endswith(f"content={lab.workspace.app_key}%23{scope}, {{requiredScopes=[{scope}]}}")
    lab.api.choices.names_missing_permission = False
    assert scope not in lab.post(path, **asked).body["sub_msg"]
    lab.workspace.scopes_granted = {scope}
    assert lab.sign_in().post(path, **asked).code in (0, 60121)


def test_the_new_host_names_a_missing_permission_in_a_detail() -> None:
    refused = a_lab().new_get("/v1.0/contact/empLeaveRecords")
    assert (refused.status, refused.body["code"]) == (403, "Forbidden.AccessDenied.AccessTokenPermissionDenied")
    assert refused.body["accessdenieddetail"] == {"requiredScopes": ["Contact.Common.Read"]}


@pytest.mark.parametrize(
    ("scope", "fields", "old_name"),
    [
        (scopes.MOBILE_FIELD, {"mobile", "state_code"}, "mobile"),
        (
            scopes.EMAIL_FIELDS,
            {"email", "org_email", "org_email_type", "work_place", "remark", "extension"},
            "email",
        ),
    ],
)
def test_a_field_permission_uncovers_its_fields_without_ever_an_error(
    scope: str, fields: set[str], old_name: str
) -> None:
    lab = a_lab(a_company())
    lab.api.choices.empty_values = "blank"
    person = lab.workspace.some_person()
    with_it = set(lab.post(USER_GET, userid=person).result)
    assert old_name in lab.get("/auth/scopes").body["auth_user_field"]
    lab.workspace.revoke(scope)
    assert with_it - set(lab.post(USER_GET, userid=person).result) == fields
    assert fields.isdisjoint(key for each in lab.members(1) for key in each)
    assert old_name not in lab.get("/auth/scopes").body["auth_user_field"]


def a_lab_with_a_narrow_range() -> tuple[Lab, dict[str, str]]:
    lab = a_lab()
    company = lab.workspace
    ids = {"top": company.add_department("研发"), "outside": company.add_department("销售")}
    ids["inside"] = company.add_department("后端", ids["top"])
    ids["deep"] = company.add_department("数据库", ids["inside"])
    for userid, places in {
        "ann": [ids["deep"]],
        "bob": [ids["outside"]],
        "cai": [ids["outside"], ids["deep"]],
        "lone": ["1"],
    }.items():
        ids[userid] = company.add_user(userid, places, userid=userid)
    company.set_range(departments=[ids["inside"]], users=["lone"])
    return lab, ids


def test_the_full_range_is_the_root() -> None:
    body = a_lab().get("/auth/scopes").body
    assert body["auth_org_scopes"] == {"authed_dept": [1], "authed_user": []}
    assert body["errcode"] == 0


def test_a_narrow_range_shows_what_was_granted_and_what_is_below_and_refuses_the_rest() -> None:
    lab, ids = a_lab_with_a_narrow_range()
    told = lab.get("/auth/scopes").body["auth_org_scopes"]
    assert told == {"authed_dept": [int(ids["inside"])], "authed_user": ["lone"]}
    for place in ("1", ids["top"], ids["outside"]):
        assert lab.post(LISTSUB, dept_id=place).code == 50004
        assert lab.post("v2/department/get", dept_id=place).code == 50004
        for path in (USER_LIST, "user/listsimple"):
            assert lab.post(path, dept_id=place, **PAGE).code == 50004
    assert [str(each["dept_id"]) for each in lab.post(LISTSUB, dept_id=ids["inside"]).result] == [ids["deep"]]
    assert {each["userid"] for each in lab.members(ids["deep"])} == {"ann", "cai"}
    assert [lab.post(USER_GET, userid=each).code for each in ("ann", "bob", "cai", "lone")] == [0, 50002, 0, 0]
    assert lab.post("user/getbyunionid", unionid=lab.workspace.users["bob"].unionid).code == 50002
    lab.workspace.range_all()
    assert lab.post(LISTSUB, dept_id=1).code == lab.post(USER_GET, userid="bob").code == 0


def test_range_free_calls_still_tell_ids() -> None:
    lab, ids = a_lab_with_a_narrow_range()
    assert lab.post("user/listid", dept_id=ids["outside"]).result["userid_list"] == ["bob", "cai"]
    assert int(ids["outside"]) in lab.post("v2/department/listsubid", dept_id=1).result["dept_id_list"]
    line = lab.post("v2/department/listparentbydept", dept_id=ids["outside"]).result["parent_id_list"]
    assert line == [int(ids["outside"]), 1]
    assert lab.post("v2/department/listparentbyuser", userid="bob").code == 0
    assert lab.post("user/count", only_active=False).result["count"] == 4


def test_whether_departments_outside_the_range_stand_in_a_persons_list_can_be_chosen() -> None:
    lab, ids = a_lab_with_a_narrow_range()
    assert lab.post(USER_GET, userid="cai").result["dept_id_list"] == [int(ids["outside"]), int(ids["deep"])]
    lab.api.choices.departments_out_of_range_shown = False
    got = lab.post(USER_GET, userid="cai").result
    assert got["dept_id_list"] == [int(ids["deep"])]
    assert [each["dept_id"] for each in got["leader_in_dept"]] == [int(ids["deep"])]


def test_a_hidden_branch_vanishes_with_its_people_and_comes_back() -> None:
    company = DingTalkWorkspace()
    lab = a_lab(company)
    seen, hidden = company.add_department("研发"), company.add_department("保密")
    below = company.add_department("特别组", hidden)
    spy, both = company.add_user("Spy", below), company.add_user("Both", [below, seen])
    company.hide(hidden)
    assert [str(each["dept_id"]) for each in lab.post(LISTSUB).result] == [seen]
    for place in (hidden, below):
        assert lab.post("v2/department/get", dept_id=place).code == 50004
        assert lab.post(USER_LIST, dept_id=place, **PAGE).code == 50004
    assert (lab.post(USER_GET, userid=spy).code, lab.post(USER_GET, userid=both).code) == (50002, 0)
    assert lab.post("user/listid", dept_id=below).result["userid_list"] == [spy, both]
    truth = company.truth()
    assert [truth["departments"][place]["visible"] for place in (seen, hidden, below)] == [True, False, False]
    company.show(hidden)
    assert len(lab.post(LISTSUB).result) == 2
    assert lab.post(USER_GET, userid=spy).code == 0
