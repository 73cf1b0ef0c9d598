from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from chalicelib.connectors.dingtalk.hints import CHANGED, LEFT, hints
from chalicelib.core.message import Delivery
from chalicelib.core.model import Kind
from chalicelib.core.task import Claim, Everything, Hint
from tests.builders import NOON, a_department_key, a_source, an_employee_key, at

USERS = {"userid": ("ann", "ben")}
BRANCH = "src-branch"


def hinted(type_: str, ids: Mapping[str, tuple[str, ...]]) -> Sequence[Hint]:
    delivery = Delivery(delivery_id="e1", source=BRANCH, type=type_, ids=ids, occurred_at=NOON, received_at=at(1))
    return hints(a_source("branch", kind="dingtalk"), delivery)


@pytest.mark.parametrize(
    "type_",
    ["user_add_org", "user_modify_org", "user_active_org", "label_user_change", "org_admin_add", "org_admin_remove"],
)
def test_a_change_of_people_is_their_keys(type_: str) -> None:
    assert hinted(type_, USERS) == (an_employee_key("ann", source=BRANCH), an_employee_key("ben", source=BRANCH))


def test_a_departure_is_a_claim_as_of_the_vendors_time() -> None:
    assert hinted("user_leave_org", USERS) == tuple(
        Claim(key=an_employee_key(each, source=BRANCH), at=NOON) for each in ("ann", "ben")
    )


@pytest.mark.parametrize("type_", ["org_dept_create", "org_dept_modify"])
def test_a_change_of_a_department_is_a_key(type_: str) -> None:
    assert hinted(type_, {"dept_id": ("9007199254740993",)}) == (a_department_key("9007199254740993", source=BRANCH),)


def test_a_removed_branch_is_a_claim_for_each_of_its_departments() -> None:
    assert hinted("org_dept_remove", {"dept_id": ("97393190", "97393189")}) == tuple(
        Claim(key=a_department_key(each, source=BRANCH), at=NOON) for each in ("97393190", "97393189")
    )


@pytest.mark.parametrize("type_", [each for each, kind in {**CHANGED, **LEFT}.items() if kind is Kind.DEPARTMENT])
@pytest.mark.parametrize("dept_id", ["1", "0", "-7", "-1", "x", "²"])
def test_the_company_itself_and_a_school_are_no_departments(type_: str, dept_id: str) -> None:
    assert hinted(type_, {"dept_id": (dept_id,)}) == ()


@pytest.mark.parametrize("type_", [*CHANGED, *LEFT])
def test_an_event_that_names_nobody_is_a_full_run(type_: str) -> None:
    assert hinted(type_, {}) == (Everything(),)


@pytest.mark.parametrize(
    "type_",
    ["org_change", "org_remove", "label_conf_add", "label_conf_modify", "bpms_instance_change", "check_url", ""],
)
def test_what_changes_nobody_asks_for_nothing(type_: str) -> None:
    assert hinted(type_, {**USERS, "dept_id": ("7",)}) == ()


def test_no_type_means_two_things() -> None:
    assert not CHANGED.keys() & LEFT.keys()
