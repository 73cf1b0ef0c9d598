import pytest

from infra.lab.lark import scopes
from tests.infra.lab.lab_client import Lab, a_company, a_lab

LISTINGS = {"departments/0/children": {}, "users/find_by_department": {"department_id": "0"}}


def a_lab_granted(*granted: str) -> Lab:
    lab = a_lab(a_company())
    lab.workspace.scopes_granted = set(granted)
    return lab


def test_with_the_bare_scope_departments_and_people_are_nothing_but_ids() -> None:
    lab = a_lab_granted(scopes.BASE)
    assert set(lab.departments()[0]) <= {"open_department_id", "leaders", "group_chat_employee_types"}
    leaders = [leader for each in lab.departments() for leader in each["leaders"]]
    assert leaders
    assert all(set(leader) == {"leaderType"} for leader in leaders)
    assert set(lab.members("0")[0]) == {"open_id", "union_id", "mobile_visible", "avatar_key", "is_frozen"}
    person = lab.workspace.some_person()
    assert set(lab.get(f"users/{person}").data["user"]) == {"open_id", "union_id", "mobile_visible", "avatar_key"}


@pytest.mark.parametrize(
    ("scope", "fields"),
    [
        (scopes.USER_ID, {"user_id"}),
        (scopes.USER_BASE, {"name", "en_name", "nickname", "avatar"}),
        (scopes.EMAIL, {"email"}),
        (scopes.PHONE, {"mobile"}),
        (scopes.GENDER, {"gender"}),
        (scopes.EMPLOYEE_NUMBER, {"employee_no"}),
        (scopes.USER_DEPARTMENT, {"department_ids", "leader_user_id", "orders"}),
        (scopes.DOTTED_LINE, {"dotted_line_leader_user_ids"}),
        ("contact:user.user_geo", {"geo"}),
        (
            scopes.EMPLOYEE,
            {"status", "city", "country", "work_station", "join_time", "is_tenant_manager", "employee_type"}
            | {"custom_attrs", "enterprise_email", "job_title", "employee_no"},
        ),
        ("contact:contact", set()),
    ],
)
def test_each_scope_uncovers_its_fields_of_people(scope: str, fields: set[str]) -> None:
    lab = a_lab_granted(scopes.BASE)
    bare = set(lab.members("0")[0])
    lab.workspace.grant(scope)
    assert set(lab.members("0")[0]) - bare == fields
    lab.workspace.revoke(scope)
    assert set(lab.members("0")[0]) == bare


@pytest.mark.parametrize(
    ("scope", "fields"),
    [
        (scopes.DEPARTMENT_BASE, {"name", "i18n_name", "department_id", "chat_id", "status"}),
        (
            scopes.ORGANIZE,
            {"parent_department_id", "leader_user_id", "order", "unit_ids", "member_count", "primary_member_count"},
        ),
        (scopes.HRBP, {"department_hrbps"}),
    ],
)
def test_each_scope_uncovers_its_fields_of_departments(scope: str, fields: set[str]) -> None:
    lab = a_lab_granted(scopes.BASE)
    bare = set(lab.departments()[0])
    lab.workspace.grant(scope)
    assert set(lab.departments()[0]) - bare == fields


def test_the_old_broad_scopes_uncover_nearly_all_but_mail_mobile_and_user_id() -> None:
    for legacy in scopes.LEGACY:
        lab = a_lab_granted(legacy)
        shown = set(lab.members("0")[0])
        assert {"name", "status", "department_ids", "gender"} <= shown
        assert shown.isdisjoint({"email", "mobile", "user_id"})
        assert {"name", "parent_department_id", "member_count"} <= set(lab.departments()[0])


def test_a_call_without_any_scope_it_accepts_names_those_it_accepts() -> None:
    lab = a_lab_granted(scopes.EMAIL)
    shown = lab.get("departments/0/children")
    assert (shown.status, shown.code) == (400, 99991672)
    named = {each["subject"] for each in shown.body["error"]["permission_violations"]}
    assert named == scopes.LEGACY | {scopes.BASE, scopes.ORGANIZE}
    assert all(name in shown.body["msg"] for name in named)


def test_the_organize_scope_opens_listings_but_not_single_departments() -> None:
    lab = a_lab_granted(scopes.ORGANIZE)
    department = lab.workspace.some_leaf_department()
    assert lab.get("departments/0/children").code == 0
    assert lab.get("departments/parent", department_id=department).code == 0
    assert lab.get("users/find_by_department", department_id="0").code == 0
    assert lab.get(f"departments/{department}").code == 99991672


def test_batches_take_only_the_base_scope() -> None:
    lab = a_lab_granted(*scopes.LEGACY)
    person, department = lab.workspace.some_person(), lab.workspace.some_leaf_department()
    assert lab.get("users/batch", user_ids=[person]).code == 99991672
    assert lab.get("departments/batch", department_ids=[department]).code == 99991672
    lab.workspace.grant(scopes.BASE)
    assert lab.get("users/batch", user_ids=[person]).code == 0
    assert lab.get("departments/batch", department_ids=[department]).code == 0


def test_asking_for_user_ids_needs_its_scope() -> None:
    lab = a_lab_granted(scopes.BASE)
    for path, query in LISTINGS.items():
        assert lab.get(path, {**query, "user_id_type": "user_id"}).code == 99991672
        assert lab.get(path, {**query, "user_id_type": "union_id"}).code == 0


def test_finding_ids_by_mail_needs_its_own_scope() -> None:
    assert a_lab(a_company()).post("users/batch_get_id", {"emails": ["a@example.com"]}).code == 99991672


def test_what_is_granted_can_be_asked_without_any_scope() -> None:
    lab = a_lab_granted(scopes.EMAIL)
    rows = {each["scope_name"]: each["grant_status"] for each in _scope_rows(lab)}
    assert rows[scopes.EMAIL] == 1
    assert rows[scopes.PHONE] == 2
    lab.api.choices.scope_prefix = False
    assert "user.email:readonly" in {each["scope_name"] for each in _scope_rows(lab)}


def test_the_full_range_starts_with_people_at_the_root_then_first_level_departments() -> None:
    lab = a_lab(a_company())
    at_root = {each["open_id"] for each in lab.members("0")}
    top = {each["open_department_id"] for each in lab.items("departments/0/children")}
    data = lab.get("scopes").data
    assert (set(data["user_ids"]), set(data["department_ids"]), data["has_more"]) == (at_root, top, False)
    assert "group_ids" not in data


def test_pages_of_the_range_count_people_and_departments_together() -> None:
    lab = a_lab()
    people = [lab.workspace.add_user(f"人{number}") for number in range(3)]
    departments = [lab.workspace.add_department(f"部{number}") for number in range(3)]
    pages = list(lab.pages("scopes", page_size=2))
    assert [(page.get("user_ids"), page.get("department_ids")) for page in pages] == [
        (people[:2], None),
        (people[2:], departments[:1]),
        (None, departments[1:]),
    ]


def test_a_narrow_range_shows_the_granted_nodes_and_what_is_below_and_nothing_else() -> None:
    lab = a_lab()
    company = lab.workspace
    top = company.add_department("研发")
    inside, outside = company.add_department("后端", top), company.add_department("销售")
    deep = company.add_department("数据库", inside)
    ann, bob, cai = (
        company.add_user("安", deep),
        company.add_user("Bob", outside),
        company.add_user("蔡", [outside, deep]),
    )
    lone = company.add_user("Lone")
    company.set_range(departments=[inside], users=[lone])
    data = lab.get("scopes").data
    assert (data["user_ids"], data["department_ids"]) == ([lone], [inside])
    for path in ("departments/0", "departments/0/children", f"departments/{top}", f"departments/{outside}/children"):
        shown = lab.get(path)
        assert (shown.status, shown.code) == (403, 40004), path
    assert lab.get("users/find_by_department", department_id="0").code == 40004
    assert [each["open_department_id"] for each in lab.items(f"departments/{inside}/children")] == [deep]
    assert [each["open_department_id"] for each in lab.items("departments/parent", department_id=deep)] == [inside]
    assert {each["open_id"] for each in lab.members(deep)} == {ann, cai}
    refused = lab.get(f"users/{bob}")
    assert (refused.status, refused.code) == (400, 41050)
    assert [each["open_id"] for each in lab.get("users/batch", user_ids=[lone, bob, cai]).data["items"]] == [lone, cai]
    company.range_all()
    assert lab.get(f"users/{bob}").code == 0
    assert lab.get("departments/0").data["department"]["open_department_id"] == "0"


def test_a_hidden_branch_vanishes_with_its_people_and_comes_back() -> None:
    lab = a_lab()
    company = lab.workspace
    shown, hidden = company.add_department("研发"), company.add_department("保密")
    below = company.add_department("特别组", hidden)
    spy, both = company.add_user("Spy", below), company.add_user("Both", [below, shown])
    company.hide(hidden)
    assert {each["open_department_id"] for each in lab.departments()} == {shown}
    assert lab.get("scopes").data["department_ids"] == [shown]
    for place in (hidden, below):
        assert lab.get(f"departments/{place}").code == 40004
        assert lab.get("users/find_by_department", department_id=place).code == 40004
    assert lab.get(f"users/{spy}").code == 41050
    assert lab.get(f"users/{both}").code == 0
    truth = company.truth()
    assert [truth["departments"][place]["visible"] for place in (shown, hidden, below)] == [True, False, False]
    company.show(hidden)
    assert len(lab.departments()) == 3
    assert lab.get(f"users/{spy}").code == 0


def _scope_rows(lab: Lab) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = lab.get("/open-apis/application/v6/scopes").data["scopes"]
    return rows
