import random

import pytest

from infra.lab.lark import LarkWorkspace
from tests.infra.lab.lab_client import Lab, a_company, a_lab


def a_small_lab() -> tuple[Lab, dict[str, str]]:
    """Build 研发 with 后端 below it, and 销售; ann leads 研发, bob is in 后端 and 销售, cai is at the root."""
    lab = a_lab()
    company = lab.workspace
    ids = {"rd": company.add_department("研发", name_en="R&D", department_id="rd-1")}
    ids["backend"] = company.add_department("后端", ids["rd"])
    ids["sales"] = company.add_department("销售")
    ids["ann"] = company.add_user("安", ids["rd"], email="ann@example.com", mobile="+8610000000001")
    ids["bob"] = company.add_user("Bob", [ids["backend"], ids["sales"]], enterprise_email="bob@mail.example.com")
    ids["cai"] = company.add_user("蔡")
    company.set_leader(ids["rd"], ids["ann"], [ids["bob"]])
    company.set_manager(ids["bob"], ids["ann"])
    return lab, ids


def test_children_are_direct_unless_asked_for_all_and_never_the_department_itself() -> None:
    lab, ids = a_small_lab()
    direct = {each["open_department_id"] for each in lab.items("departments/0/children")}
    assert direct == {ids["rd"], ids["sales"]}
    below = [each["open_department_id"] for each in lab.items(f"departments/{ids['rd']}/children", fetch_child="true")]
    assert below == [ids["backend"]]


def test_a_recursive_listing_does_not_put_parents_first() -> None:
    departments = a_lab(a_company(departments=60)).departments()
    place = {each["open_department_id"]: number for number, each in enumerate(departments)}
    assert any(
        place[each["parent_department_id"]] > place[each["open_department_id"]]
        for each in departments
        if each["parent_department_id"] != "0"
    )


def test_a_department_shows_its_leaders_as_the_wire_spells_them() -> None:
    lab, ids = a_small_lab()
    shown = lab.get(f"departments/{ids['rd']}").data["department"]
    assert shown["leaders"] == [
        {"leaderType": 1, "leaderID": ids["ann"]},
        {"leaderType": 2, "leaderID": ids["bob"]},
    ]
    assert shown["leader_user_id"] == ids["ann"]
    assert shown["order"] == "1000"
    assert shown["i18n_name"] == {"zh_cn": "研发", "en_us": "R&D", "ja_jp": ""}
    assert (shown["member_count"], shown["primary_member_count"]) == (2, 2)
    assert shown["status"] == {"is_deleted": False}


def test_ancestors_come_nearest_first_without_the_root() -> None:
    lab, ids = a_small_lab()
    deep = lab.workspace.create_department(ids["backend"], "数据库组")
    above = [each["open_department_id"] for each in lab.items("departments/parent", department_id=deep)]
    assert above == [ids["backend"], ids["rd"]]


def test_members_are_direct_and_a_person_in_two_departments_comes_twice() -> None:
    lab, ids = a_small_lab()
    places = {"rd": ids["rd"], "backend": ids["backend"], "sales": ids["sales"], "root": "0"}
    names = {key: [each["name"] for each in lab.members(place)] for key, place in places.items()}
    assert names == {"rd": ["安"], "backend": ["Bob"], "sales": ["Bob"], "root": ["蔡"]}


def test_a_person_shows_where_they_belong_and_is_frozen_only_in_listings() -> None:
    lab, ids = a_small_lab()
    shown = lab.get(f"users/{ids['bob']}").data["user"]
    assert shown["department_ids"] == [ids["backend"], ids["sales"]]
    assert [(each["department_order"], each["is_primary_dept"]) for each in shown["orders"]] == [(2, True), (1, False)]
    assert shown["leader_user_id"] == ids["ann"]
    assert "is_frozen" not in shown
    assert lab.members(ids["sales"])[0]["is_frozen"] is False


def test_every_id_follows_the_kind_that_was_asked_for() -> None:
    lab, ids = a_small_lab()
    ann, backend = lab.workspace.users[ids["ann"]], lab.workspace.departments[ids["backend"]]
    kinds = {"user_id_type": "union_id", "department_id_type": "department_id"}
    bob = lab.workspace.users[ids["bob"]].union_id
    shown = lab.get(f"users/{bob}", kinds).data["user"]
    assert shown["leader_user_id"] == ann.union_id
    assert shown["department_ids"][0] == shown["orders"][0]["department_id"] == backend.department_id
    department = lab.get("departments/rd-1", kinds).data["department"]
    assert (department["leader_user_id"], department["leaders"][0]["leaderID"]) == (ann.union_id, ann.union_id)
    child = lab.get("departments/rd-1/children", kinds).data["items"][0]
    assert child["parent_department_id"] == "rd-1"
    assert lab.members("rd-1", department_id_type="department_id", user_id_type="user_id")[0]["user_id"] == ann.user_id
    assert lab.get("scopes", kinds).data["department_ids"][0] == "rd-1"


@pytest.mark.parametrize(
    ("kind", "asked", "code"),
    [
        ("open_id", "on_0", 99992351),
        ("open_id", "ou_0", 99992351),
        ("user_id", "ou_0", 99992359),
        ("user_id", "nobody", 99992360),
        ("union_id", "ou_0", 99992363),
        ("union_id", "on_0", 99992364),
    ],
)
def test_a_user_id_nobody_has_or_of_another_kind_is_refused(kind: str, asked: str, code: int) -> None:
    lab, _ = a_small_lab()
    shown = lab.get(f"users/{asked}", user_id_type=kind)
    assert (shown.status, shown.code) == (400, code)
    assert f"Invalid ids: [{asked}]" in shown.body["msg"]


@pytest.mark.parametrize(
    ("kind", "asked", "code"),
    [
        ("open_department_id", "rd-1", 99992357),
        ("open_department_id", "od-0", 99992357),
        ("department_id", "od-0", 99992379),
        ("department_id", "no one", 99992379),
        ("department_id", "nothing", 99992380),
    ],
)
def test_a_department_id_nobody_has_or_of_another_kind_is_refused(kind: str, asked: str, code: int) -> None:
    lab, _ = a_small_lab()
    for path in (f"departments/{asked}", f"departments/{asked}/children"):
        assert lab.get(path, department_id_type=kind).code == code
    assert lab.get("users/find_by_department", department_id=asked, department_id_type=kind).code == code


def test_a_leaver_is_read_directly_but_listed_nowhere() -> None:
    lab, ids = a_small_lab()
    lab.workspace.resign(ids["bob"])
    assert lab.members(ids["sales"]) == []
    assert "items" not in lab.get("users/batch", user_ids=[ids["bob"]]).data
    shown = lab.get(f"users/{ids['bob']}").data["user"]
    assert shown["status"]["is_resigned"] is True
    assert shown["status"]["is_activated"] is False
    assert shown["department_ids"] == []


@pytest.mark.parametrize(
    ("verb", "flags"),
    [
        ("freeze", {"is_frozen": True, "is_activated": True}),
        ("exit", {"is_exited": True, "is_activated": False}),
    ],
)
def test_people_who_are_frozen_or_left_by_themselves_are_listed(verb: str, flags: dict[str, bool]) -> None:
    lab, ids = a_small_lab()
    lab.workspace.do(verb, {"user": ids["cai"]})
    assert lab.members("0")[0]["status"].items() >= flags.items()


def test_whether_people_who_left_by_themselves_are_listed_can_be_chosen() -> None:
    lab, ids = a_small_lab()
    lab.workspace.exit(ids["cai"])
    lab.api.choices.lists_exited = False
    assert lab.members("0") == []


def test_a_new_hire_is_invited_until_activated() -> None:
    lab, ids = a_small_lab()
    hired = lab.workspace.hire(ids["sales"])
    assert (
        lab.get(f"users/{hired}").data["user"]["status"].items() >= {"is_unjoin": True, "is_activated": False}.items()
    )
    lab.workspace.activate(hired)
    assert (
        lab.get(f"users/{hired}").data["user"]["status"].items() >= {"is_unjoin": False, "is_activated": True}.items()
    )


def test_a_batch_skips_what_it_cannot_show_or_fails_as_chosen() -> None:
    lab, ids = a_small_lab()
    lab.workspace.resign(ids["cai"])
    lab.workspace.hide(ids["sales"])
    lab.workspace.move(ids["bob"], ids["sales"])
    asked = [ids["ann"], ids["bob"], ids["cai"], "ou_" + "0" * 32]
    assert [each["open_id"] for each in lab.get("users/batch", user_ids=asked).data["items"]] == [ids["ann"]]
    departments = lab.get("departments/batch", department_ids=[ids["rd"], ids["sales"], "od-0"]).data["items"]
    assert [each["open_department_id"] for each in departments] == [ids["rd"]]
    assert lab.get("users/batch", user_ids=[ids["ann"], "on_0"]).code == 99992351
    lab.api.choices.unreadable_in_batch = "error"
    assert lab.get("users/batch", user_ids=asked).code == 41050
    assert lab.get("users/batch", user_ids=[ids["cai"]]).code == 99992351
    assert lab.get("departments/batch", department_ids=[ids["sales"]]).code == 40004


def test_a_deleted_department_is_refused_or_flagged_as_chosen() -> None:
    lab, ids = a_small_lab()
    lab.workspace.close_branch(ids["backend"])
    assert lab.get(f"departments/{ids['backend']}").code == 40015
    assert lab.items(f"departments/{ids['rd']}/children") == []
    lab.api.choices.deleted_department = "flagged"
    assert lab.get(f"departments/{ids['backend']}").data["department"]["status"] == {"is_deleted": True}


def test_ids_are_found_by_mail_and_mobile_but_not_by_the_enterprise_mailbox() -> None:
    lab, ids = a_small_lab()
    lab.workspace.grant("contact:user.id:readonly")
    asked = {"emails": ["ann@example.com", "bob@mail.example.com"], "mobiles": ["10000000001", "+19"]}
    rows = lab.post("users/batch_get_id", asked, user_id_type="open_id").data["user_list"]
    assert [(row.get("email") or row["mobile"], row.get("user_id")) for row in rows] == [
        ("ann@example.com", ids["ann"]),
        ("bob@mail.example.com", None),
        ("10000000001", ids["ann"]),
        ("+19", None),
    ]


def test_leavers_are_found_by_mail_only_when_asked_for() -> None:
    lab, ids = a_small_lab()
    lab.workspace.grant("contact:user.id:readonly")
    lab.workspace.resign(ids["ann"])
    without = lab.post("users/batch_get_id", {"emails": ["ann@example.com"]}).data["user_list"]
    assert without == [{"email": "ann@example.com"}]
    row = lab.post("users/batch_get_id", {"emails": ["ann@example.com"], "include_resigned": True}).data["user_list"][0]
    assert (row["user_id"], row["status"]["is_resigned"]) == (ids["ann"], True)


def test_custom_fields_are_described_and_filled_in() -> None:
    lab = a_lab(a_company())
    text, choice = lab.items("custom_attrs")
    assert (text["type"], choice["type"]) == ("TEXT", "ENUMERATION")
    assert text["id"].startswith("C-")
    person = lab.workspace.some_person()
    option = choice["options"]["options"][1]
    lab.workspace.set_custom(person, text["id"], "CC-7")
    lab.workspace.set_custom(person, "Contract", option["value"])
    values = {each["id"]: each["value"] for each in lab.get(f"users/{person}").data["user"]["custom_attrs"]}
    assert values == {
        text["id"]: {"text": "CC-7"},
        choice["id"]: {"option_id": option["id"], "option_value": option["value"]},
    }
    lab.workspace.configure(custom_fields_open=False)
    assert lab.items("custom_attrs") == []
    assert lab.get(f"users/{person}").data["user"]["custom_attrs"] == []


def test_employee_types_are_numbered_in_strings() -> None:
    assert [each["enum_value"] for each in a_lab().items("employee_type_enums")] == ["1", "2", "3", "4", "5"]


def test_the_bot_answers_without_data() -> None:
    shown = a_lab().get("/open-apis/bot/v3/info")
    assert "data" not in shown.body
    assert shown.body["bot"]["activate_status"] == 2


@pytest.mark.parametrize(
    ("style", "expected"), [("blank", {"nickname": ""}), ("null", {"nickname": None}), ("absent", {})]
)
def test_an_empty_value_is_blank_null_or_absent(style: str, expected: dict[str, object]) -> None:
    lab, ids = a_small_lab()
    lab.api.choices.empty_values = style  # type: ignore[assignment]  # parametrize knows no literals
    shown = lab.get(f"users/{ids['ann']}").data["user"]
    assert {key: shown[key] for key in shown if key == "nickname"} == expected


def test_a_big_department_may_refuse_recursion_but_not_its_children() -> None:
    lab = a_lab(a_company(departments=24))
    lab.workspace.configure(recursion_refused=True, recursion_threshold=23)
    assert lab.get("departments/0/children", fetch_child="true").code == 43010
    assert lab.get("departments/0/children").code == 0
    leaf = lab.workspace.some_leaf_department()
    assert lab.get(f"departments/{leaf}/children", fetch_child="true").code == 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_full_walk_sees_exactly_who_and_what_there_is(seed: int) -> None:
    lab = a_lab(LarkWorkspace.generate(seed, 150, 30))
    lab.workspace.mutate_randomly(random.Random(seed), 120)
    departments, people = lab.walk()
    truth = lab.workspace.truth()
    assert set(departments) == {key for key, each in truth["departments"].items() if not each["deleted"]}
    assert set(people) == {key for key, each in truth["people"].items() if each["state"] != "resigned"}
    for key, shown in departments.items():
        told = truth["departments"][key]
        assert (shown["name"], shown["parent_department_id"]) == (told["name"], told["parent"])
        below = {
            union_id for place in _subtree(departments, key) for union_id in truth["departments"][place]["members"]
        }
        assert shown["member_count"] == len(below)
    for key, shown in people.items():
        person = truth["people"][key]
        assert shown["department_ids"] == person["departments"]
        assert (shown["name"], shown["mobile"], shown["job_title"]) == (
            person["name"],
            person["mobile"],
            person["job_title"],
        )
    assert lab.api.suspicious == []


def _subtree(departments: dict[str, dict[str, str]], top: str) -> set[str]:
    found = {top}
    while more := {key for key, each in departments.items() if each["parent_department_id"] in found} - found:
        found |= more
    return found
