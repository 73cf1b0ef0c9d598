import random
from collections.abc import Callable

import pytest

from infra.lab.lark import LarkWorkspace
from infra.lab.wire import LabError
from tests.infra.lab.lab_client import a_company, a_lab


def test_the_same_seed_makes_the_same_workspace_and_the_same_history() -> None:
    first, second = a_company(), a_company()
    assert first.truth() == second.truth()
    assert first.mutate_randomly(5, 60) == second.mutate_randomly(random.Random(5), 60)
    assert first.truth() == second.truth()
    assert a_company(seed=2).app_secret != first.app_secret


def test_random_events_are_of_many_kinds_and_say_what_they_did() -> None:
    company = a_company()
    events = company.mutate_randomly(9, 80)
    assert len(events) == 80
    assert len({event["verb"] for event in events}) >= 7
    assert all(event["result"] in company.users for event in events if event["verb"] in ("hire", "resign", "move"))


def test_ids_are_shaped_as_the_vendor_shapes_them() -> None:
    company = a_company()
    for user in company.users.values():
        assert user.open_id.startswith("ou_")
        assert user.union_id.startswith("on_")
        assert 0 < len(user.user_id) <= 64
    assert any(user.user_id.isdigit() for user in company.users.values())
    assert len({user.user_id for user in company.users.values()}) == len(company.users)
    assert all(key.startswith("od-") for key in company.departments)


def test_another_app_knows_the_same_people_by_other_open_ids() -> None:
    one, other = LarkWorkspace(), LarkWorkspace(app_id="cli_lab0000000000002")
    ann, same = one.users[one.add_user("安")], other.users[other.add_user("安")]
    assert ann.open_id != same.open_id
    assert (ann.union_id, ann.user_id) == (same.union_id, same.user_id)


def test_people_are_counted_once_however_many_departments_they_are_in() -> None:
    company = LarkWorkspace()
    top = company.add_department("研发")
    left, right = company.add_department("左", top), company.add_department("右", top)
    both = company.add_user("双", [left, right])
    assert [company.member_count(place) for place in ("0", top, left, right)] == [1, 1, 1, 1]
    assert [company.primary_member_count(place) for place in (left, right)] == [1, 0]
    company.move(both, [right])
    assert [company.member_count(place) for place in (top, left, right)] == [1, 0, 1]
    assert company.primary_member_count(right) == 1


def test_a_leaver_leads_nothing_manages_nobody_and_is_counted_nowhere() -> None:
    company = LarkWorkspace()
    top = company.add_department("研发")
    boss, worker = company.add_user("老板", top), company.add_user("员工", top)
    company.set_leader(top, boss)
    company.set_manager(worker, boss)
    company.resign(boss)
    assert company.departments[top].leader is None
    assert company.users[worker].leader is None
    assert company.member_count(top) == 1
    told = company.truth()["people"][company.users[boss].union_id]
    assert (told["state"], told["departments"]) == ("resigned", [])
    with pytest.raises(LabError):
        company.move(boss, top)


def test_a_department_closes_only_when_empty() -> None:
    company = LarkWorkspace()
    top = company.add_department("研发")
    below = company.add_department("后端", top)
    person = company.add_user("安", below)
    for place in (top, below):
        with pytest.raises(LabError):
            company.close_department(place)
    company.move(person, "0")
    company.close_department(below)
    company.close_department(top)
    assert all(each["deleted"] for each in company.truth()["departments"].values())


@pytest.mark.parametrize("resign", [True, False])
def test_closing_a_branch_keeps_those_who_are_elsewhere_too(resign: bool) -> None:
    company = LarkWorkspace()
    top = company.add_department("集团")
    doomed, safe = company.add_department("关停", top), company.add_department("留存", top)
    below = company.add_department("小组", doomed)
    only, both = company.add_user("甲", below), company.add_user("乙", [below, safe])
    closed = company.close_branch(doomed, resign=resign)
    assert closed["departments"] == [doomed, below]
    assert company.users[both].departments == (safe,)
    assert company.users[both].primary == safe
    if resign:
        assert (closed["resigned"], company.users[only].state) == ([only], "resigned")
    else:
        assert (closed["resigned"], company.users[only].departments) == ([], (top,))
    assert company.member_count(top) == (1 if resign else 2)


def test_names_are_unique_among_siblings_and_a_tree_stays_a_tree() -> None:
    company = LarkWorkspace()
    top = company.add_department("研发")
    below = company.add_department("后端", top)
    impossibles: list[Callable[[], object]] = [
        lambda: company.add_department("研发"),
        lambda: company.add_department("a/b"),
        lambda: company.move_department(top, below),
        lambda: company.move_department(top, top),
        lambda: company.rename_department(below, ""),
    ]
    for impossible in impossibles:
        with pytest.raises(LabError):
            impossible()
    assert company.add_department("研发", top)
    company.move_department(below, "0")
    assert company.departments[below].parent == "0"


def test_a_custom_department_id_and_a_user_id_can_come_back_after_their_holder_is_gone() -> None:
    lab = a_lab()
    company = lab.workspace
    old = company.add_department("旧", department_id="hq-1")
    with pytest.raises(LabError):
        company.add_department("新", department_id="hq-1")
    company.close_department(old)
    new = company.add_department("新", department_id="hq-1")
    shown = lab.get("departments/hq-1", department_id_type="department_id").data["department"]
    assert shown["open_department_id"] == new
    leaver = company.hire(user_id="7788")
    company.resign(leaver)
    heir = company.hire(user_id="7788")
    assert lab.get("users/7788", user_id_type="user_id").data["user"]["open_id"] == heir


def test_unknown_verbs_fields_and_people_are_mistakes() -> None:
    company = a_company()
    person = company.some_person()
    mistakes: list[Callable[[], object]] = [
        lambda: company.do("sack", {}),
        lambda: company.do("rename", {"user": person}),
        lambda: company.do("truth", {}),
        lambda: company.edit(person, departmnt="x"),
        lambda: company.rename("ou_nobody", "x"),
        lambda: company.configure(scopes_granted=1),
    ]
    for mistake in mistakes:
        with pytest.raises(LabError):
            mistake()


def test_picks_are_what_they_say() -> None:
    company = a_company(people=400, departments=40)
    assert company.users[company.some_person(3, "frozen")].state == "frozen"
    assert company.children(company.some_leaf_department(3)) == []
    branch = company.some_branch(40)
    gap = abs(company.member_count(branch) - 40)
    assert all(abs(company.member_count(key) - 40) >= gap for key in company.departments)


def test_hires_do_not_share_mailboxes_or_mobiles_with_anybody() -> None:
    company = a_company()
    for _ in range(200):
        company.hire()
    for values in (
        [user.enterprise_email for user in company.users.values()],
        [user.mobile for user in company.users.values()],
    ):
        assert len(set(values)) == len(values)
