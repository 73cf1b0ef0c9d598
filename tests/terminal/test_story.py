"""The story of a company, typed at a desk: sync it, change it, sync again, decide what is held."""

from __future__ import annotations

from typing import Any

import pytest

from infra.lab.lark import LarkWorkspace
from tests.bot.test_people import DEPARTMENT_KEYS, EMPLOYEE_KEYS
from tests.bot.test_records import check_record_document
from tests.bot.test_sync import check_task_document
from tests.terminal.desk import Desk

BRANCH = 60


@pytest.fixture
def workspace() -> LarkWorkspace:
    """A company of 100: forty by luck, and a branch of sixty."""
    workspace = LarkWorkspace.generate(1, 40, 6)
    branch = workspace.add_department("深圳分部", name_en="Shenzhen")
    team = workspace.add_department("测试组", branch)
    for number in range(BRANCH):
        workspace.add_user(
            f"员工{number:02}", branch if number % 2 else team, enterprise_email=f"y{number}@example.com"
        )
    return workspace


def branch_of(desk: Desk) -> str:
    return desk.workspace.some_branch(BRANCH)


def changes(task: Any, kind: str = "employees") -> dict[str, int]:
    return {tally: count for tally, count in task["counts"][kind].items() if count}


def test_a_first_sync_brings_the_whole_company(hq: Desk) -> None:
    (task,) = hq.json("records", "hq")
    check_task_document(task)
    assert (task["task"], task["status"], task["trigger"]) == ("1", "done", "manual")
    assert (changes(task), changes(task, "departments")) == ({"created": 100}, {"created": 8})
    assert task["entry_writes"] == 108
    people = hq.json("employees", "--all")
    assert all(set(each) == EMPLOYEE_KEYS for each in people)
    truth = hq.workspace.truth()["people"]
    assert {each["key"]: each["name"] for each in people} == {key: each["name"] for key, each in truth.items()}
    departments = hq.json("departments", "--source", "hq")
    assert all(set(each) == DEPARTMENT_KEYS for each in departments)
    assert {each["path"] for each in departments} >= {"深圳分部", "深圳分部 / 测试组"}


def test_a_second_sync_of_an_unchanged_company_writes_nothing(hq: Desk) -> None:
    task = hq.sync()
    assert (changes(task), task["entry_writes"]) == ({"unchanged": 100}, 0)
    assert task["calls"]["users.find_by_department"] == hq.json("records", "hq")[1]["calls"]["users.find_by_department"]


def test_what_happens_in_a_company_happens_in_the_directory(hq: Desk) -> None:
    workspace, branch = hq.workspace, branch_of(hq)
    hired = workspace.hire(branch, name="欧阳若曦", enterprise_email="ruoxi@example.com", activated=True)
    mover, leaver, renamed = (workspace.user(workspace.members(branch)[place]).open_id for place in (0, 1, 2))
    elsewhere = workspace.add_department("新部门")
    workspace.move(mover, elsewhere)
    workspace.resign(leaver)
    workspace.rename(renamed, "改名人")
    workspace.rename_department(branch, "深圳分公司")
    task = hq.sync()
    assert changes(task) == {"created": 1, "updated": 2, "deactivated": 1, "unchanged": 97}
    assert changes(task, "departments") == {"created": 1, "updated": 1, "unchanged": 7}
    assert task["entry_writes"] == 6
    key = {each: workspace.user(each).union_id for each in (hired, mover, leaver, renamed)}
    people = {each["key"]: each for each in hq.json("employees", "--all")}
    assert people[key[hired]]["departments"][0]["path"] == "深圳分公司"
    assert [each["path"] for each in people[key[mover]]["departments"]] == ["新部门"]
    assert people[key[leaver]]["state"] == "left"
    assert (people[key[renamed]]["name"], people[key[renamed]]["revision"]) == ("改名人", 2)
    assert key[leaver] not in {each["key"] for each in hq.json("employees")}
    assert key[leaver] in {each["key"] for each in hq.json("employees", "--inactive")}


def test_a_branch_that_closes_is_held_by_name_and_the_rest_goes_on(hq: Desk) -> None:
    hq.workspace.close_branch(branch_of(hq))
    hired = hq.workspace.hire(name="新来的", activated=True)
    task = hq.sync(status=3)
    assert (task["status"], changes(task)["held"], changes(task)["created"]) == ("held", BRANCH, 1)
    assert changes(task, "departments") == {"held": 2, "unchanged": 6}
    assert f"{BRANCH + 2} changes" in task["reason"]
    assert hq.employee("新来的")["key"] == hq.workspace.user(hired).union_id
    held = [each for each in hq.json("record", task["task"])["records"] if each["status"] == "held"]
    for each in held:
        check_record_document(each)
    assert {each["before"]["name"] for each in held if each["kind"] == "employee"} == {
        f"员工{number:02}" for number in range(BRANCH)
    }
    assert {each["action"] for each in held} == {"deactivate"}
    assert len(hq.json("employees", "员工")) == BRANCH


def test_what_is_held_is_approved_in_part_and_then_whole(hq: Desk) -> None:
    hq.workspace.close_branch(branch_of(hq))
    task = hq.sync(status=3)["task"]
    chosen = [hq.employee(f"员工0{number}")["id"] for number in (1, 2)]
    approval = hq.json("sync", "approve", task, *chosen)
    check_task_document(approval)
    assert (approval["trigger"], approval["status"], changes(approval)) == ("approval", "done", {"deactivated": 2})
    assert [hq.employee(f"员工0{number}")["state"] for number in (1, 2, 3)] == ["left", "left", "active"]
    rest = hq.json("sync", "approve", task)
    assert changes(rest) == {"deactivated": BRANCH - 2}
    assert changes(rest, "departments") == {"deactivated": 2}
    assert hq.json("employees", "员工") == []
    assert "深圳分部" not in {each["name"] for each in hq.json("departments")}
    again = hq.json("sync", "approve", task, status=1)
    assert again["error"]["code"] == "already approved"
    assert hq.sync()["entry_writes"] == 0


def test_what_is_held_is_rejected_and_stays(hq: Desk) -> None:
    hq.workspace.close_branch(branch_of(hq))
    task = hq.sync(status=3)["task"]
    rejected = hq.json("sync", "reject", task)
    check_task_document(rejected)
    assert changes(rejected)["rejected"] == BRANCH
    assert len(hq.json("employees", "员工")) == BRANCH
    assert hq.json("sync", "reject", task, status=1)["error"]["code"] == "already rejected"


def test_a_preview_changes_nothing_until_it_is_approved(desk: Desk) -> None:
    desk.create()
    preview = desk.json("sync", "preview", "hq")
    assert (preview["status"], preview["entry_writes"], changes(preview)) == ("previewed", 0, {"created": 100})
    assert desk.json("employees") == []
    record = desk.json("record", preview["task"])["records"][0]
    one = desk.json("record", preview["task"], "--entry", record["entry"])
    assert one == record
    assert desk.json("sync", "approve", preview["task"])["entry_writes"] == 108
    assert desk.sync()["entry_writes"] == 0


def test_the_newer_of_two_plans_counts(hq: Desk) -> None:
    hq.workspace.close_branch(branch_of(hq))
    old, new = (hq.sync(status=3)["task"] for _ in range(2))
    refused = hq.json("sync", "approve", old, status=1)["error"]
    assert (refused["code"], refused["facts"]["task"]) == ("out of date", new)


@pytest.mark.parametrize(
    "text", ["欧阳", "欧阳若曦", "ruoxi@example.com", "RUOXI@", "13812345678", "+8613812345678", "E900001", "ouyang"]
)
def test_a_person_is_found_by_whatever_is_known(desk: Desk, text: str) -> None:
    desk.workspace.add_user(
        "欧阳若曦",
        en_name="Ruoxi Ouyang",
        enterprise_email="ruoxi@example.com",
        mobile="+8613812345678",
        employee_no="E900001",
        job_title="工程师",
        city="上海",
    )
    desk.create()
    desk.sync()
    (found,) = desk.json("employees", text)
    assert (found["name"], found["en_name"], found["email"]) == ("欧阳若曦", "Ruoxi Ouyang", "ruoxi@example.com")
    assert (found["mobile"], found["employee_no"], found["title"]) == ("+8613812345678", "E900001", "工程师")
    assert found["extended"] == {"city": "上海", "employee_type": 1}
    links = [{"source": found["source"], "key": found["key"], "owns": True}]
    assert desk.json("employee", "show", found["id"]) == {**found, "links": links}


def test_a_permission_that_is_taken_away_clears_nothing(hq: Desk) -> None:
    before = hq.json("employees")
    hq.workspace.revoke("contact:user.phone:readonly")
    hq.workspace.revoke("contact:user.employee:readonly")
    task = hq.sync()
    assert task["entry_writes"] == 0
    assert any("mobile" in remark for remark in task["remarks"])
    assert hq.json("employees") == before


def test_a_wrong_secret_is_said_and_ends_the_task(desk: Desk) -> None:
    desk.create(app_secret_file=desk.secret_file("not-the-secret", "wrong"))
    shown = desk.run("sync", "now", "hq", "--wait")
    assert shown.status == 1
    assert "refuses the app id or secret" in shown.said
    (task,) = desk.json("records", "hq")
    assert (task["status"], task["entry_writes"]) == ("failed", 0)
    assert "not-the-secret" not in shown.said


def test_the_story_is_told_in_chinese_too(hq: Desk) -> None:
    hq.workspace.close_branch(branch_of(hq))
    shown = hq.run("--lang", "zh", "立即同步", "hq", "--wait")
    assert shown.status == 3
    assert "待审批" in shown.said
    assert f"有 {BRANCH + 2} 项变更等待审批" in shown.said
    assert "员工" in hq.run("--lang=zh", "详情", "2").said
    assert hq.run("--lang=zh", "批准", "2").status == 0
    assert "0 名员工" in hq.run("--lang", "zh", "员工", "员工0").said
