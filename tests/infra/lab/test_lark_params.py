from urllib.parse import quote

import pytest

from infra.lab.lark import Choices
from tests.infra.lab.lab_client import Lab, a_company, a_lab

CHILDREN = "departments/0/children"
MEMBERS = "users/find_by_department"


def a_filled_lab(choices: Choices | None = None) -> Lab:
    return a_lab(a_company(), choices=choices)


def test_a_page_holds_ten_unless_asked_and_fifty_at_most() -> None:
    lab = a_lab(a_company(people=200, departments=60))
    assert len(lab.get(CHILDREN, fetch_child="true").data["items"]) == 10
    assert len(lab.get(CHILDREN, fetch_child="true", page_size=50).data["items"]) == 50


@pytest.mark.parametrize("path", [CHILDREN, MEMBERS])
@pytest.mark.parametrize("size", ["0", "-1", "51", "1000"])
def test_a_page_size_out_of_bounds_is_refused(path: str, size: str) -> None:
    lab = a_filled_lab()
    query = {"page_size": size, "department_id": "0"} if path == MEMBERS else {"page_size": size}
    assert (lab.get(path, query).status, lab.get(path, query).code) == (400, 40011)
    lab.api.choices.page_size_code = 99992402
    assert lab.get(path, query).code == 99992402


def test_contact_scopes_and_custom_fields_page_by_a_hundred() -> None:
    lab = a_filled_lab()
    for path in ("scopes", "custom_attrs", "employee_type_enums"):
        assert lab.get(path, page_size=100).code == 0
        assert lab.get(path, page_size=101).code == 40011


@pytest.mark.parametrize("size", ["ten", "", "5.0", "１０"])
def test_a_page_size_that_is_no_number_is_a_violation(size: str) -> None:
    shown = a_filled_lab().get(CHILDREN, page_size=size)
    assert (shown.status, shown.code) == (400, 99992402)
    assert shown.body["error"]["field_violations"][0]["field"] == "page_size"


@pytest.mark.parametrize("value", ["True", "TRUE", "1", "yes", ""])
def test_a_flag_is_true_or_false_in_small_letters(value: str) -> None:
    shown = a_filled_lab().get(CHILDREN, fetch_child=value)
    assert shown.code == 99992402
    assert shown.body["error"]["field_violations"] == [
        {"field": "fetch_child", "value": value, "description": "fetch_child must be true or false"}
    ]


@pytest.mark.parametrize("name", ["user_id_type", "department_id_type"])
def test_an_unknown_kind_of_id_is_refused_everywhere(name: str) -> None:
    lab = a_filled_lab()
    person = lab.workspace.some_person()
    paths = (CHILDREN, "scopes", "departments/0", f"users/{person}", f"{MEMBERS}?department_id=0")
    for path in paths:
        word, _, rest = path.partition("?")
        query = {name: "openid"} | ({"department_id": "0"} if rest else {})
        assert lab.get(word, query).code == 99992402


def test_a_page_token_shows_the_characters_that_need_encoding() -> None:
    lab = a_filled_lab()
    token = lab.get(CHILDREN, fetch_child="true", page_size=3).data["page_token"]
    assert {"+", "/", "="} <= set(token)
    bare = lab.http.get(f"/open-apis/contact/v3/{CHILDREN}?fetch_child=true&page_token={token}", headers=lab.headers())
    assert bare.json()["code"] == 40012
    encoded = lab.http.get(
        f"/open-apis/contact/v3/{CHILDREN}?fetch_child=true&page_token={quote(token, safe='')}", headers=lab.headers()
    )
    assert encoded.json()["code"] == 0


@pytest.mark.parametrize("token", ["x", "AAAA", "+//+MTA6MDAwMDAwMDA=", "下一页"])
def test_a_made_up_page_token_is_refused(token: str) -> None:
    assert a_filled_lab().get(CHILDREN, page_token=token).code == 40012


def test_a_page_token_serves_only_the_listing_it_came_from() -> None:
    lab = a_filled_lab()
    token = lab.get(CHILDREN, fetch_child="true", page_size=3).data["page_token"]
    assert lab.get(CHILDREN, page_token=token).code == 40012
    assert lab.get(MEMBERS, department_id="0", page_token=token).code == 40012


def test_pages_of_any_size_make_the_same_whole() -> None:
    lab = a_filled_lab()
    whole = lab.items(CHILDREN, fetch_child="true", page_size=50)
    for size in (1, 7, 24):
        assert lab.items(CHILDREN, fetch_child="true", page_size=size) == whole


def test_page_tokens_are_offsets_so_a_departure_during_a_walk_skips_somebody() -> None:
    lab = a_lab()
    hired = [lab.workspace.add_user(f"人{number}") for number in range(6)]
    first = lab.get(MEMBERS, department_id="0", page_size=3).data
    lab.workspace.resign(hired[0])
    second = lab.get(MEMBERS, department_id="0", page_size=3, page_token=first["page_token"]).data
    seen = {each["open_id"] for each in first["items"] + second["items"]}
    assert set(hired) - seen == {hired[3]}


@pytest.mark.parametrize(("style", "expected"), [("absent", {}), ("null", {"items": None}), ("empty", {"items": []})])
def test_an_empty_list_is_absent_null_or_empty(style: str, expected: dict[str, object]) -> None:
    lab = a_lab()
    lab.api.choices.empty_items = style  # type: ignore[assignment]  # parametrize knows no literals
    assert lab.get(MEMBERS, department_id="0").data == {"has_more": False, **expected}


def test_required_parameters_are_required() -> None:
    lab = a_filled_lab()
    for path in (MEMBERS, "departments/parent", "departments/batch", "users/batch"):
        assert lab.get(path).code == 99992402


def test_a_batch_takes_fifty_and_not_one_more() -> None:
    lab = a_filled_lab()
    people = [user.open_id for user in lab.workspace.users.values()]
    assert len(lab.get("users/batch", user_ids=people[:50]).data["items"]) == 50
    assert lab.get("users/batch", user_ids=people[:51]).code == 99992402
    departments = list(lab.workspace.departments)
    assert len(lab.get("departments/batch", department_ids=departments[:24]).data["items"]) == 24
    assert lab.get("departments/batch", department_ids=departments[:1] * 51).code == 99992402


def test_ids_of_a_batch_come_repeated_not_joined() -> None:
    lab = a_filled_lab()
    two = ",".join(list(lab.workspace.departments)[:2])
    lab.api.choices.unreadable_in_batch = "error"
    assert lab.get("departments/batch", department_ids=two).code == 99992357


def test_a_body_that_is_no_json_object_is_refused() -> None:
    lab = a_filled_lab()
    lab.workspace.grant("contact:user.id:readonly")
    assert lab.post("users/batch_get_id", []).code == 9499
    assert lab.post("users/batch_get_id", {"emails": "a@example.com"}).code == 99992402
    assert lab.post("users/batch_get_id", {"emails": ["a@example.com"] * 51}).code == 99992402
    assert lab.post("users/batch_get_id", {}).code == 99992402


def test_what_the_vendor_ignores_is_noted_as_suspicious() -> None:
    lab = a_filled_lab()
    assert lab.get(CHILDREN, fetch_child="true", user_id_type="open_id").code == 0
    assert lab.api.suspicious == []
    assert lab.get(CHILDREN, fetchChild="true").code == 0
    assert lab.get(CHILDREN, page_size=["5", "5"]).code == 0
    lab.http.post("/open-apis/auth/v3/tenant_access_token/internal", content=b"{}")
    assert lab.api.suspicious == [
        "departments.children: unknown parameter fetchChild",
        "departments.children: repeated parameter page_size",
        "auth.tenant_access_token: body without content type application/json",
    ]
