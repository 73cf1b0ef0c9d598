import httpx
import pytest

from infra.lab import faults
from infra.lab.faults import Fault
from infra.lab.wire import LabError
from tests.infra.lab.lab_client import Lab, a_company, a_lab

CHILDREN = "departments/0/children"
TREE: dict[str, str | int] = {"fetch_child": "true", "page_size": 10}


def a_troubled_lab(*troubles: Fault) -> Lab:
    lab = a_lab(a_company())
    lab.api.faults.add(*troubles)
    return lab


def test_a_throttle_is_worded_by_the_vendor_with_or_without_headers() -> None:
    lab = a_troubled_lab(faults.throttle(nth=1, wait_s=7), faults.throttle(nth=2, status=400, headers=False))
    first, second, third = (lab.get(CHILDREN) for _ in range(3))
    assert (first.status, first.code, first.headers["x-ogw-ratelimit-reset"]) == (429, 99991400, "7")
    assert (second.status, second.code) == (400, 99991400)
    assert "x-ogw-ratelimit-reset" not in second.headers
    assert third.code == 0
    assert lab.api.throttled["departments.children"] == 2


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (faults.timeout(), httpx.ReadTimeout),
        (faults.connect_timeout(), httpx.ConnectTimeout),
        (faults.reset(), httpx.ReadError),
    ],
)
def test_the_network_can_fail(trouble: Fault, error: type[httpx.TransportError]) -> None:
    lab = a_troubled_lab(trouble)
    with pytest.raises(error):
        lab.get(CHILDREN)
    assert lab.api.calls["departments.children"] == 1


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        (faults.server_error(), 502),
        (faults.server_error(status=503), 503),
        (faults.html_page(), 200),
        (faults.garbage_json(), 200),
    ],
)
def test_an_answer_can_be_no_json(trouble: Fault, status: int) -> None:
    lab = a_troubled_lab(trouble)
    response = lab.http.get("/open-apis/contact/v3/departments/0/children", headers=lab.headers())
    assert response.status_code == status
    with pytest.raises(ValueError, match=r"."):
        response.json()


def test_an_answer_can_be_replaced_by_any_other() -> None:
    lab = a_troubled_lab(faults.replace(status=500, body=b'{"code":2200,"msg":"internal error"}'))
    assert (lab.get(CHILDREN).status, lab.get(CHILDREN).code) == (500, 2200)


def test_a_list_can_come_back_empty_with_nothing_wrong() -> None:
    lab = a_troubled_lab(faults.empty_list(nth=1), faults.empty_list(nth=2, absent=False))
    assert lab.get(CHILDREN, TREE).data == {"has_more": False}
    assert lab.get(CHILDREN, TREE).data == {"has_more": False, "items": []}
    assert len(lab.get(CHILDREN, TREE).data["items"]) == 10


def test_a_page_can_lose_its_tail_and_say_that_was_all() -> None:
    data = a_troubled_lab(faults.cut_short()).get(CHILDREN, TREE).data
    assert (len(data["items"]), data["has_more"], "page_token" in data) == (5, False, False)


def test_has_more_can_lie_both_ways() -> None:
    lab = a_troubled_lab(faults.has_more_lies(nth=1, says=False), faults.has_more_lies(nth=2))
    assert lab.get(CHILDREN, TREE).data["has_more"] is False
    last = lab.get(CHILDREN, {**TREE, "page_size": 50}).data
    assert (last["has_more"], "page_token" in last) == (True, False)


def test_a_cursor_can_lead_back_to_itself() -> None:
    lab = a_troubled_lab(faults.loop_cursor())
    first = lab.get(CHILDREN, TREE).data
    second = lab.get(CHILDREN, TREE, page_token=first["page_token"]).data
    assert second["page_token"] == first["page_token"]
    assert second["has_more"] is True


def test_fields_can_vanish_from_lists_and_single_records() -> None:
    lab = a_troubled_lab(faults.drop_fields(["name", "status"], endpoint="users.*"))
    person = lab.workspace.some_person()
    assert all({"name", "status"}.isdisjoint(each) for each in lab.members("0"))
    assert {"name", "status"}.isdisjoint(lab.get(f"users/{person}").data["user"])
    assert all("name" in each for each in lab.departments())


def test_all_tokens_can_die_in_the_middle_of_a_walk() -> None:
    lab = a_troubled_lab(faults.token_revoked(endpoint="departments.children", nth=2))
    assert [lab.get(CHILDREN).code for _ in range(3)] == [0, 99991663, 99991663]
    assert lab.sign_in().get(CHILDREN).code == 0


def test_an_answer_can_be_slow() -> None:
    lab = a_troubled_lab(faults.slow(3.5))
    before = lab.clock.now()
    assert lab.get(CHILDREN).code == 0
    assert (lab.clock.now() - before).total_seconds() == pytest.approx(3.5)


def test_a_person_who_moves_during_a_walk_can_be_missed() -> None:
    lab = a_lab()
    company = lab.workspace
    early, late = sorted(company.add_department(name) for name in ("甲部", "乙部"))
    walker = company.add_user("走", late)
    lab.api.faults.add(
        faults.on_call(lambda call: company.move(walker, early), endpoint="users.find_by_department", nth=2)
    )
    seen = [each["open_id"] for place in ("0", early, late) for each in lab.members(place)]
    assert walker not in seen
    assert company.users[walker].departments == (early,)


def test_something_can_happen_before_the_answer_is_worked_out() -> None:
    lab = a_lab()
    lab.api.faults.add(faults.on_call(lambda call: lab.workspace.add_department("新部"), after=False, nth=1))
    assert len(lab.items(CHILDREN)) == 1


def test_faults_strike_only_the_calls_they_are_meant_for() -> None:
    lab = a_lab(a_company())
    place = lab.workspace.some_leaf_department()
    (number,) = lab.api.faults.add(
        faults.server_error(
            endpoint="users.*", where=lambda call: call.param("department_id") == place, first=2, last=3
        )
    )
    asked = [
        lab.http.get(f"/open-apis/contact/v3/users/find_by_department?department_id={each}", headers=lab.headers())
        for each in (place, "0", place, place, "0", place)
    ]
    assert [each.status_code for each in asked] == [200, 200, 502, 502, 200, 200]
    assert lab.get(CHILDREN).code == 0
    assert lab.api.faults.fired(number) == 2


def test_chance_is_the_same_for_the_same_seed() -> None:
    def struck(seed: int) -> list[int]:
        lab = a_troubled_lab(faults.replace(body=b'{"code":2200}', chance=0.3, seed=seed))
        return [number for number in range(40) if lab.get(CHILDREN).code == 2200]

    assert struck(1) == struck(1) != struck(2)
    assert 4 < len(struck(1)) < 22


def test_a_misspelt_setting_is_a_mistake_and_faults_can_be_taken_away() -> None:
    with pytest.raises(LabError):
        faults.timeout(endpoit="users.*")  # type: ignore[call-arg]  # the mistake is the point
    lab = a_lab()
    one, _ = lab.api.faults.add(faults.server_error(nth=1), faults.replace(body=b'{"code":1}'))
    lab.api.faults.remove(one)
    assert lab.get(CHILDREN).code == 1
    lab.api.faults.clear()
    assert lab.get(CHILDREN).code == 0
