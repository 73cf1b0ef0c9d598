import json
import random
from typing import Literal

import pytest

from infra.lab import faults
from infra.lab.dingtalk import scopes
from tests.infra.lab.dingtalk_client import LISTSUB, USER_GET, USER_LIST, Lab, a_company, a_lab


def a_small_lab() -> tuple[Lab, dict[str, str]]:
    """Build 研发 with 后端 below it, and 销售; ann leads 研发, bob is in 后端 and 销售, cai is at the root."""
    lab = a_lab()
    company = lab.workspace
    ids = {"rd": company.add_department("研发", source_identifier="OU=7")}
    ids["backend"] = company.add_department("后端", ids["rd"])
    ids["sales"] = company.add_department("销售")
    ids["ann"] = company.add_user("安", ids["rd"], userid="Ann", mobile="10000000001", state_code="86")
    ids["bob"] = company.add_user("Bob", [ids["backend"], ids["sales"]], userid="0123", job_number="E1")
    ids["cai"] = company.add_user("蔡", userid="cai")
    company.set_leader(ids["rd"], ids["ann"])
    company.set_leader(ids["sales"], ids["bob"])
    company.set_manager(ids["bob"], ids["ann"])
    return lab, ids


def test_children_are_one_level_without_order_managers_or_counts() -> None:
    lab, ids = a_small_lab()
    rd, sales = lab.post(LISTSUB).result
    assert (str(rd["dept_id"]), rd["parent_id"], rd["source_identifier"]) == (ids["rd"], 1, "OU=7")
    assert str(sales["dept_id"]) == ids["sales"]
    assert set(rd).isdisjoint({"order", "dept_manager_userid_list", "member_count"})
    assert [str(each["dept_id"]) for each in lab.post(LISTSUB, dept_id=ids["rd"]).result] == [ids["backend"]]
    assert lab.post(LISTSUB, dept_id=ids["sales"]).result == []


def test_a_department_got_shows_more() -> None:
    lab, ids = a_small_lab()
    rd = lab.post("v2/department/get", dept_id=ids["rd"]).result
    assert (rd["dept_manager_userid_list"], rd["member_count"], rd["owning_member_count"]) == (["Ann"], 2, 1)
    assert rd["order"] > 10**17
    root = lab.post("v2/department/get", dept_id=1).result
    assert "parent_id" not in root
    assert (root["name"], root["member_count"], root["owning_member_count"]) == ("示例公司", 3, 1)


def test_lines_lead_from_a_department_or_each_of_a_persons_up_to_the_root() -> None:
    lab, ids = a_small_lab()
    backend = [int(ids["backend"]), int(ids["rd"]), 1]
    assert lab.post("v2/department/listparentbydept", dept_id=backend[0]).result["parent_id_list"] == backend
    lines = lab.post("v2/department/listparentbyuser", userid="0123").result["parent_list"]
    assert [line["parent_dept_id_list"] for line in lines] == [backend, [int(ids["sales"]), 1]]


def test_a_listed_person_leads_or_not_in_the_listed_department_and_shows_nothing_that_only_get_shows() -> None:
    lab, ids = a_small_lab()
    listed = {place: lab.members(ids[place])[0] for place in ("backend", "sales")}
    assert {place: each["leader"] for place, each in listed.items()} == {"backend": False, "sales": True}
    assert {each["dept_order"] for each in listed.values()} == {
        each["order"] for each in lab.post(USER_GET, userid="0123").result["dept_order_list"]
    }
    assert listed["sales"]["dept_id_list"] == [int(ids["backend"]), int(ids["sales"])]
    only_got = {"manager_userid", "role_list", "senior", "leader_in_dept", "dept_order_list", "dept_position_list"}
    assert only_got.isdisjoint(listed["sales"])
    got = lab.post(USER_GET, userid="0123").result
    assert only_got <= set(got)
    assert {"leader", "dept_order"}.isdisjoint(got)
    assert got["manager_userid"] == "Ann"
    assert [each["leader"] for each in got["leader_in_dept"]] == [False, True]
    assert "manager_userid" not in lab.post(USER_GET, userid="Ann").result


def test_ids_keep_their_case_and_zeros() -> None:
    lab, _ = a_small_lab()
    for wrong in ("ann", "123", "cai "):
        assert lab.post(USER_GET, userid=wrong).code == 60121


def test_members_come_with_all_ids_or_names_as_well() -> None:
    lab, ids = a_small_lab()
    assert lab.post("user/listid", dept_id=ids["sales"]).result == {"userid_list": ["0123"]}
    simple = lab.post("user/listsimple", dept_id=ids["sales"], cursor=0, size=100).result
    assert simple == {"has_more": False, "list": [{"userid": "0123", "name": "Bob"}]}
    assert lab.post("v2/department/listsubid", dept_id=1).result["dept_id_list"] == [int(ids["rd"]), int(ids["sales"])]


def test_people_under_access_limits_are_left_out_unless_asked_for() -> None:
    lab, _ = a_small_lab()
    lab.workspace.edit("cai", access_limited=True)
    assert lab.members(1) == []
    assert [each["userid"] for each in lab.members(1, contain_access_limit=True)] == ["cai"]
    assert lab.post("user/listid", dept_id=1).result["userid_list"] == ["cai"]
    assert lab.post(USER_GET, userid="cai").code == 0
    assert lab.post("user/count", only_active=False).result == {"count": 3}


def test_a_leaver_is_found_nowhere() -> None:
    lab, ids = a_small_lab()
    unionid = lab.post(USER_GET, userid="0123").result["unionid"]
    lab.workspace.leave("0123")
    assert lab.members(ids["sales"]) == []
    assert lab.post("user/listid", dept_id=ids["sales"]).result["userid_list"] == []
    for path, asked in (
        (USER_GET, {"userid": "0123"}),
        ("user/getbyunionid", {"unionid": unionid}),
        ("v2/department/listparentbyuser", {"userid": "0123"}),
    ):
        assert lab.post(path, **asked).code == 60121
    lab.api.choices.user_gone_code = 33012
    assert lab.post(USER_GET, userid="0123").code == 33012
    assert lab.post("user/count", only_active=True).result == {"count": 2}


def test_people_are_found_by_unionid_and_with_a_permission_of_its_own_by_mobile() -> None:
    lab, _ = a_small_lab()
    unionid = lab.workspace.users["Ann"].unionid
    assert lab.post("user/getbyunionid", unionid=unionid).result == {"contact_type": 0, "userid": "Ann"}
    assert lab.post("user/getbyunionid", unionid="nonsense").code == 60121
    assert lab.post("v2/user/getbymobile", mobile="10000000001").code == 60011
    lab.workspace.grant(scopes.MEMBER_BY_MOBILE)
    lab.sign_in()
    assert lab.post("v2/user/getbymobile", mobile="10000000001").result == {"userid": "Ann"}
    assert lab.post("v2/user/getbymobile", mobile="10000000009").code == 60121


def test_counts_tell_activated_people_from_everybody() -> None:
    lab, ids = a_small_lab()
    hired = lab.workspace.hire(ids["sales"])
    assert [lab.post("user/count", only_active=flag).result["count"] for flag in (True, False)] == [3, 4]
    assert lab.post(USER_GET, userid=hired).result["active"] is False
    lab.workspace.activate(hired)
    assert lab.post("user/count", only_active=True).result["count"] == 4


def test_admins_and_roles_are_listed() -> None:
    lab = a_lab(a_company())
    admins = lab.post("user/listadmin").result
    assert [each["sys_level"] for each in admins] == [1, 2, 2]
    assert lab.post(USER_GET, userid=admins[0]["userid"]).result["admin"] is True
    groups = lab.post("role/list", offset=0, size=200).result
    assert (groups["hasMore"], [group["name"] for group in groups["list"]]) == (False, ["默认", "职务", "岗位"])
    assert lab.post("role/list", offset=0, size=1).result["hasMore"] is True
    assert lab.post("role/list", offset=0, size=201).code == 40069
    by_role: dict[str, set[str]] = {}
    for role in (role for group in groups["list"] for role in group["roles"]):
        held = lab.post("role/simplelist", role_id=role["id"], offset=0, size=100).result["list"]
        for each in held:
            by_role.setdefault(each["userid"], set()).add(role["name"])
    told = lab.workspace.truth()["people"]
    assert by_role == {userid: set(each["roles"]) for userid, each in told.items() if each["roles"]}
    someone = next(iter(by_role))
    names = {role["name"] for role in lab.post(USER_GET, userid=someone).result["role_list"]}
    assert names == by_role[someone]


def test_leavers_are_told_by_the_new_host() -> None:
    lab, _ = a_small_lab()
    lab.workspace.grant(scopes.CONTACT_COMMON)
    lab.sign_in()
    lab.workspace.leave("Ann")
    lab.clock.sleep(60)
    lab.workspace.leave("cai", reason="delete")
    asked: dict[str, str | int] = {"startTime": "2026-01-05T00:00:00Z", "maxResults": 1}
    path = "/v1.0/contact/empLeaveRecords"
    first = lab.new_get(path, nextToken="0", **asked).body
    assert first["records"] == [
        {
            "userId": "Ann",
            "name": "安",
            "stateCode": "86",
            "mobile": "10000000001",
            "leaveTime": "2026-01-05T01:00:00Z",
            "leaveReason": "leave",
        }
    ]
    second = lab.new_get(path, nextToken=first["nextToken"], **asked).body
    assert [each["userId"] for each in second["records"]] == ["cai"]
    assert "nextToken" not in second
    for wrong in ({"maxResults": 51}, {"startTime": "2026-01-05"}, {"startTime": "2024-01-05T00:00:00Z"}):
        assert lab.new_get(path, **{**asked, **wrong}).status == 400


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("documented", {"title": "", "telephone": ""}),
        ("absent", {}),
        ("blank", {"title": "", "email": "", "avatar": ""}),
    ],
)
def test_an_empty_value_is_blank_or_absent(
    style: Literal["documented", "absent", "blank"], expected: dict[str, str]
) -> None:
    lab, _ = a_small_lab()
    lab.api.choices.empty_values = style
    person = lab.post(USER_GET, userid="Ann").result
    assert expected.items() <= person.items()
    assert "hired_date" not in person
    assert ("remark" in person) == (style == "blank")
    assert style != "absent" or "" not in person.values()


def test_numbers_and_booleans_can_come_as_text() -> None:
    lab, _ = a_small_lab()
    lab.api.choices.quoted_values = True
    body = lab.post(USER_LIST, dept_id=1, cursor=0, size=10).body
    assert body["errcode"] == 0
    assert body["result"]["has_more"] == "false"
    assert (body["result"]["list"][0]["active"], body["result"]["list"][0]["dept_id_list"]) == ("true", ["1"])


def test_custom_fields_are_json_in_a_text() -> None:
    lab, _ = a_small_lab()
    assert "extension" not in lab.post(USER_GET, userid="Ann").result
    lab.workspace.set_custom("Ann", "成本中心", "CC-7")
    lab.workspace.set_custom("Ann", "工位", "3F")
    lab.workspace.set_custom("Ann", "工位", "")
    assert json.loads(lab.post(USER_GET, userid="Ann").result["extension"]) == {"成本中心": "CC-7"}


def test_faults_find_their_way_in_every_list() -> None:
    lab = a_lab(a_company())
    lab.api.faults.add(
        faults.empty_list(endpoint="departments.listsub", nth=1),
        faults.empty_list(endpoint="users.listid", absent=False, nth=1),
        faults.cut_short(endpoint="users.list", nth=1),
        faults.loop_cursor(endpoint="users.list", first=2),
        faults.drop_fields(["mobile"], endpoint="users.get"),
    )
    assert "result" not in lab.post(LISTSUB).body
    assert lab.post("user/listid", dept_id=1).result == {"userid_list": []}
    place = lab.workspace.some_branch(20)
    whole = len(lab.workspace.members(int(place)))
    cut = lab.post(USER_LIST, dept_id=place, cursor=0, size=100).result
    assert (cut["has_more"], len(cut["list"]) < whole) == (False, True)
    looped = lab.post(USER_LIST, dept_id=place, cursor=1, size=1).result
    assert (looped["has_more"], str(looped["next_cursor"])) == (True, "1")
    assert "mobile" not in lab.post(USER_GET, userid=lab.workspace.some_person()).result


@pytest.mark.parametrize("edition", ["standard", "dedicated"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_full_walk_sees_exactly_who_and_what_there_is(seed: int, edition: Literal["standard", "dedicated"]) -> None:
    lab = a_lab(a_company(150, 30, seed, edition))
    lab.workspace.mutate_randomly(random.Random(seed), 120)
    lab.api.choices.empty_values = "blank"
    departments, people = lab.walk()
    truth = lab.workspace.truth()
    assert set(departments) == {key for key, each in truth["departments"].items() if not each["deleted"]}
    assert set(people) == {key for key, each in truth["people"].items() if each["state"] != "left"}
    assert lab.post("user/count", only_active=False).result["count"] == len(people)
    for key, shown in departments.items():
        told = truth["departments"][key]
        got = lab.post("v2/department/get", dept_id=int(key)).result
        assert (shown["name"], str(shown["parent_id"])) == (told["name"], told["parent"])
        assert (got["order"], got["dept_manager_userid_list"]) == (told["order"], told["managers"])
        assert (got["member_count"], got["owning_member_count"]) == (told["member_count"], told["owning_member_count"])
    for key, shown in people.items():
        person = truth["people"][key]
        assert [str(place) for place in shown["dept_id_list"]] == person["departments"]
        assert shown["leads"] == set(person["leads"])
        for name in ("unionid", "name", "mobile", "state_code", "job_number", "title", "work_place", "extension"):
            assert shown[name] == person[name], name
        assert shown.get("hired_date") == person["hired_date"]
        assert lab.post(USER_GET, userid=key).result.get("manager_userid") == person["manager"]
    assert lab.api.suspicious == []
