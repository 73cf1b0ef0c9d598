import random
from collections import Counter
from collections.abc import Callable

import pytest

from infra.lab.dingtalk import DingTalkWorkspace
from infra.lab.wire import LabError
from tests.infra.lab.dingtalk_client import USER_GET, a_company, a_lab


def test_the_same_seed_makes_the_same_workspace_and_the_same_history() -> None:
    first, second = a_company(edition="dedicated"), a_company(edition="dedicated")
    assert first.truth() == second.truth()
    assert first.mutate_randomly(5, 60) == second.mutate_randomly(random.Random(5), 60)
    assert first.truth() == second.truth()
    other = a_company(seed=2)
    assert {other.app_secret, other.app_key, other.corp_id}.isdisjoint({first.app_secret, first.app_key, first.corp_id})
    assert DingTalkWorkspace.generate(people=1, departments=0, corp_id="ding1").corp_id == "ding1"


def test_random_events_are_of_many_kinds_and_say_what_they_did() -> None:
    company = a_company(edition="dedicated")
    events = company.mutate_randomly(9, 150)
    assert len(events) == 150
    assert len({event["verb"] for event in events}) >= 9
    assert all(event["result"] in company.users for event in events if event["verb"] in ("hire", "leave", "move"))


def test_ids_are_of_the_kinds_that_catch_careless_readers() -> None:
    company = a_company(400, 60)
    assert any(key > 2**53 and float(key) != key for key in company.departments)
    assert all(1 <= key < 2**63 for key in company.departments)
    userids = set(company.users)
    assert any(userid.startswith("0") and userid.isdigit() for userid in userids)
    assert any(userid.isdigit() and userid.lstrip("0") in userids - {userid} for userid in userids)
    assert any(userid.swapcase() in userids - {userid} for userid in userids)
    orders = [each.order for user in company.users.values() for each in user.memberships]
    assert all(len(str(order)) == 18 for order in orders)
    assert any(float(order) != order for order in orders)
    assert len({user.unionid for user in company.users.values()}) == len(userids)


def test_profiles_vary_as_profiles_do() -> None:
    people = list(a_company(400).users.values())
    numbers = Counter(user.job_number for user in people if user.job_number)
    assert max(numbers.values()) > 1
    for name in ("avatar", "email", "org_email", "work_place", "remark", "extension", "job_number", "hired_date"):
        assert {bool(getattr(user, name)) for user in people} == {True, False}, name
    assert {user.state_code for user in people} == {"86", "1"}
    assert any(user.access_limited for user in people)
    assert {user.state for user in people} == {"active", "invited"}
    assert not any(user.account_type for user in people)


def test_a_leaver_leads_nothing_and_manages_nobody_and_may_come_back() -> None:
    company = DingTalkWorkspace()
    top = company.add_department("研发")
    boss, worker = company.add_user("老板", top), company.add_user("员工", top)
    company.set_leader(top, boss)
    company.set_manager(worker, boss)
    unionid = company.users[boss].unionid
    company.leave(boss)
    told = company.truth()
    assert (told["departments"][top]["managers"], told["people"][worker]["manager"]) == ([], None)
    assert (told["people"][boss]["state"], told["people"][boss]["departments"]) == ("left", [])
    with pytest.raises(LabError):
        company.move(boss, top)
    back = company.hire(top, unionid=unionid)
    assert back != boss
    assert a_lab(company).post("user/getbyunionid", unionid=unionid).result["userid"] == back
    assert company.hire(top, userid=boss) == boss
    assert company.truth()["people"][boss]["state"] == "invited"


def test_whoever_moves_away_leads_there_no_longer() -> None:
    company = DingTalkWorkspace()
    old, new = company.add_department("旧"), company.add_department("新")
    boss = company.add_user("老板", old)
    company.set_leader(old, boss)
    company.move(boss, [new])
    assert company.truth()["departments"][old]["managers"] == []
    assert company.truth()["people"][boss]["leads"] == []
    assert [company.member_count(int(place)) for place in (old, new, "1")] == [0, 1, 1]


def test_a_department_closes_only_when_empty() -> None:
    company = DingTalkWorkspace()
    top = company.add_department("研发")
    below = company.add_department("后端", top)
    person = company.add_user("安", below)
    for place in (top, below, "1"):
        with pytest.raises(LabError):
            company.close_department(place)
    company.move(person, "1")
    company.close_department(below)
    company.close_department(top)
    assert all(each["deleted"] for each in company.truth()["departments"].values())
    assert a_lab(company).post("v2/department/get", dept_id=top).code == 60003


@pytest.mark.parametrize("leave", [True, False])
def test_closing_a_branch_keeps_those_who_are_elsewhere_too(leave: bool) -> None:
    company = DingTalkWorkspace()
    top = company.add_department("集团")
    doomed, safe = company.add_department("关停", top), company.add_department("留存", top)
    below = company.add_department("小组", doomed)
    only, both = company.add_user("甲", below), company.add_user("乙", [below, safe])
    closed = company.close_branch(doomed, leave=leave)
    assert closed["departments"] == [doomed, below]
    told = company.truth()["people"]
    assert told[both]["departments"] == [safe]
    assert (closed["left"], told[only]["departments"]) == (([only], []) if leave else ([], [top]))
    assert company.member_count(int(top)) == (1 if leave else 2)


def test_names_are_unique_among_siblings_and_a_tree_stays_a_tree() -> None:
    company = DingTalkWorkspace()
    top = company.add_department("研发")
    below = company.add_department("后端", top)
    impossibles: list[Callable[[], object]] = [
        lambda: company.add_department("研发"),
        lambda: company.move_department(top, below),
        lambda: company.move_department(top, top),
        lambda: company.rename_department(below, ""),
        lambda: company.add_department("x", "no number"),
    ]
    for impossible in impossibles:
        with pytest.raises(LabError):
            impossible()
    assert company.rename_department(below, "后端") == below
    company.move_department(below, 1)
    assert company.truth()["departments"][below]["parent"] == "1"


def test_unknown_verbs_fields_and_people_are_mistakes() -> None:
    company = a_company()
    person = company.some_person()
    mistakes: list[Callable[[], object]] = [
        lambda: company.do("sack", {}),
        lambda: company.do("rename", {"user": person}),
        lambda: company.do("truth", {}),
        lambda: company.edit(person, departmnt="x"),
        lambda: company.edit(person, extension="x" * 2001),
        lambda: company.rename("nobody", "x"),
        lambda: company.configure(corp_id=1),
        lambda: company.hire(userid=person),
        lambda: company.hire(unionid=company.users[person].unionid),
        lambda: company.hire(account="sso"),
        lambda: company.disable(person),
    ]
    for mistake in mistakes:
        with pytest.raises(LabError):
            mistake()


def test_picks_are_what_they_say() -> None:
    company = a_company(people=400, departments=40, edition="dedicated")
    assert company.users[company.some_person(3, "suspended")].state == "suspended"
    assert company.users[company.some_account(3)].owner_corp_id == company.corp_id
    assert company.children(int(company.some_leaf_department(3))) == []
    branch = company.some_branch(40)
    gap = abs(company.member_count(int(branch)) - 40)
    assert all(abs(company.member_count(key) - 40) >= gap for key in company.departments)


def test_a_dedicated_company_has_enterprise_accounts_of_all_kinds() -> None:
    company = a_company(400, edition="dedicated")
    accounts = [user for user in company.users.values() if user.account_type]
    assert {user.account_type for user in accounts} == {"sso", "dingtalk"}
    assert {bool(user.mobile) for user in accounts} == {True, False}
    assert {user.state for user in accounts} == {"active", "invited", "suspended"}
    strangers = [user for user in accounts if user.owner_corp_id != company.corp_id]
    assert strangers
    assert 0.3 < len(accounts) / 400 < 0.6
    assert all(user.state != "suspended" for user in company.users.values() if user not in accounts)


def test_an_account_shows_only_what_its_owner_may_see() -> None:
    lab = a_lab(a_company(400, edition="dedicated"))
    common = {"exclusive_account_type", "exclusive_account_corp_id", "exclusive_account_corp_name"}
    own = {"nickname", "disable_status"}
    every = common | own | {"login_id"}
    for user in lab.workspace.users.values():
        got = lab.post(USER_GET, userid=user.userid).result
        assert got["exclusive_account"] is bool(user.account_type)
        if not user.account_type:
            expected: set[str] = set()
        elif user.owner_corp_id != lab.workspace.corp_id:
            expected = common
        else:
            expected = every if user.account_type == "dingtalk" else common | own
        assert set(got) & every == expected


def test_accounts_are_found_by_login_name_and_by_mobile_when_asked_for() -> None:
    company = DingTalkWorkspace(edition="dedicated")
    lab = a_lab(company)
    company.grant("qyapi_get_member_by_mobile")
    lab.sign_in()
    company.add_user("账", userid="acc", account="dingtalk", login_id="acc.login", mobile="10000000001")
    assert lab.post(USER_GET, userid="nobody", login_id="acc.login").result["userid"] == "acc"
    assert lab.post(USER_GET, userid="acc", login_id="nobody").code == 60121
    by_mobile = {"mobile": "10000000001"}
    assert lab.post("v2/user/getbymobile", **by_mobile).code == 60121
    asked = {**by_mobile, "support_exclusive_account_search": True}
    assert lab.post("v2/user/getbymobile", **asked).result == {"exclusive_account_userid_list": ["acc"]}
    company.add_user("人", userid="own", mobile="10000000001")
    assert lab.post("v2/user/getbymobile", **by_mobile).result == {"userid": "own"}
    both = {"userid": "own", "exclusive_account_userid_list": ["acc"]}
    assert lab.post("v2/user/getbymobile", **asked).result == both


def test_an_account_can_be_disabled_and_enabled_by_its_owner() -> None:
    company = a_company(400, edition="dedicated")
    lab = a_lab(company)
    account = company.some_account(1)
    company.disable(account)
    assert lab.post(USER_GET, userid=account).result["disable_status"] is True
    assert company.truth()["people"][account]["state"] == "suspended"
    company.enable(account)
    assert lab.post(USER_GET, userid=account).result["disable_status"] is False
    stranger = next(
        user.userid for user in company.users.values() if user.account_type and user.owner_corp_id != company.corp_id
    )
    with pytest.raises(LabError):
        company.disable(stranger)
