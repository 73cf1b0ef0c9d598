import pytest

from infra.lab import faults
from tests.infra.lab.dingtalk_client import LISTSUB, USER_GET, USER_LIST, Lab, a_company, a_lab, shown


def a_filled_lab() -> Lab:
    return a_lab(a_company())


PAGE = {"dept_id": 1, "cursor": 0, "size": 10}


@pytest.mark.parametrize("path", [USER_LIST, "user/listsimple"])
@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"size": 0}, 40069),
        ({"size": 101}, 40069),
        ({"size": "ten"}, 40069),
        ({"size": True}, 40069),
        ({"size": None}, 40035),
        ({"cursor": -1}, 40068),
        ({"cursor": 100_001}, 40068),
        ({"cursor": "next"}, 40068),
        ({"cursor": None}, 40035),
        ({"dept_id": None}, 40035),
        ({"dept_id": -7}, 40009),
        ({"dept_id": 0}, 40009),
        ({"dept_id": "1 "}, 40009),
        ({"dept_id": 1.0}, 40009),
        ({"dept_id": 2**63}, 40009),
        ({"dept_id": 12345}, 60003),
        ({"order_field": "name"}, 400002),
        ({"contain_access_limit": "True"}, 400002),
        ({"contain_access_limit": 1}, 400002),
        ({"language": "de_DE"}, 400002),
        ({"size": 100, "cursor": 100_000}, 0),
        ({"contain_access_limit": "true", "language": "en_US", "order_field": "modify_desc"}, 0),
    ],
)
def test_each_parameter_of_a_page_is_checked(path: str, asked: dict[str, object], code: int) -> None:
    lab = a_filled_lab()
    assert lab.post(path, **{key: value for key, value in {**PAGE, **asked}.items() if value is not None}).code == code


def test_the_code_of_a_page_size_out_of_bounds_can_be_chosen() -> None:
    lab = a_filled_lab()
    lab.api.choices.page_size_code = 400002
    assert lab.post(USER_LIST, **{**PAGE, "size": 101}).code == 400002


@pytest.mark.parametrize(
    "path",
    [
        "v2/department/listsubid",
        "v2/department/get",
        "v2/department/listparentbydept",
        "v2/department/listparentbyuser",
        "user/listid",
        USER_GET,
        "user/getbyunionid",
        "user/count",
        "role/simplelist",
    ],
)
def test_required_parameters_are_required(path: str) -> None:
    assert a_filled_lab().post(path).code == 40035


def test_a_listing_of_children_starts_at_the_root_and_never_at_the_home_school_contacts() -> None:
    lab = a_filled_lab()
    assert lab.post(LISTSUB).result == lab.post(LISTSUB, dept_id=1).result
    for path in (LISTSUB, "v2/department/listsubid", "v2/department/get", "user/listid"):
        assert lab.post(path, dept_id=-7).code == 40009
        assert lab.post(path, dept_id=7777).code == 60003


def test_faults_read_the_parameters_of_either_form() -> None:
    lab = a_lab()
    lab.api.faults.add(faults.server_error(where=lambda call: call.param("dept_id") == "1"))
    for body in ({"json": {"dept_id": 1}}, {"data": {"dept_id": "1"}}):
        assert lab.http.post(f"/topapi/{LISTSUB}", params=lab.query(), **body).status_code == 502
    assert lab.post(LISTSUB).code == 0


def test_a_form_does_as_well_as_json() -> None:
    lab = a_filled_lab()
    form = {"dept_id": "1", "cursor": "0", "size": "100", "contain_access_limit": "false"}
    response = lab.http.post(f"/topapi/{USER_LIST}", params=lab.query(), data=form)
    assert shown(response).result == lab.post(USER_LIST, dept_id=1, cursor=0, size=100).result
    assert lab.api.suspicious == []


@pytest.mark.parametrize("body", [b"{", b"[]", b'"1"', b"dept_id=1"])
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    lab = a_filled_lab()
    headers = {"Content-Type": "application/json"}
    response = lab.http.post(f"/topapi/{LISTSUB}", params=lab.query(), content=body, headers=headers)
    assert shown(response).code == 400002


def test_a_userid_is_text_and_nothing_else() -> None:
    lab = a_lab()
    lab.workspace.add_user("零", userid="007")
    assert lab.post(USER_GET, userid="007").code == 0
    assert lab.post(USER_GET, userid=7).code == 400002
    assert lab.post(USER_GET, userid="7").code == 60121


def test_what_the_vendor_ignores_is_noted_as_suspicious() -> None:
    lab = a_filled_lab()
    assert lab.post(LISTSUB, dept_id=1, language="zh_CN").code == 0
    assert lab.api.suspicious == []
    assert lab.post(LISTSUB, deptId=1, size=5).code == 0
    path, token = f"/topapi/{LISTSUB}", lab.query()
    assert shown(lab.http.post(path, params={**token, "dept_id": 5}, json={})).code == 0
    assert shown(lab.http.post(path, params={"access_token": [lab.token, lab.token]}, json={})).code == 0
    assert shown(lab.http.post(path, params=token, content=b"{}")).code == 0
    assert lab.api.suspicious == [
        "departments.listsub: unknown parameter deptId",
        "departments.listsub: unknown parameter size",
        "departments.listsub: unknown parameter dept_id",
        "departments.listsub: repeated parameter access_token",
        "departments.listsub: body without a content type",
    ]


def test_pages_of_any_size_make_the_same_whole_in_any_order() -> None:
    lab = a_filled_lab()
    place = lab.workspace.some_branch(30)
    for order in ("custom", "entry_asc", "entry_desc", "modify_asc", "modify_desc"):
        whole = lab.members(place, order_field=order)
        assert [lab.members(place, order_field=order, size=size) for size in (1, 3)] == [whole, whole]
    assert lab.members(place, order_field="entry_asc") == lab.members(place, order_field="entry_desc")[::-1]


def test_a_cursor_is_an_offset_so_a_departure_during_a_walk_skips_somebody() -> None:
    lab = a_lab()
    hired = [lab.workspace.add_user(f"人{number}") for number in range(6)]
    asked = {"dept_id": 1, "size": 3, "order_field": "entry_asc"}
    first = lab.post(USER_LIST, cursor=0, **asked).result
    lab.workspace.leave(hired[0])
    second = lab.post(USER_LIST, cursor=first["next_cursor"], **asked).result
    assert set(hired) - {each["userid"] for each in first["list"] + second["list"]} == {hired[3]}
    assert second["has_more"] is False
