from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from chalicelib.connectors.lark.hints import CHANGED, LEFT, RANGE_CHANGED, hints
from chalicelib.core.message import Delivery
from chalicelib.core.task import Claim, Everything, Hint
from tests.builders import HQ, NOON, a_department_key, a_source, an_employee_key, at

USERS = {"union_id": ("on_ann",), "open_id": ("ou_ann",)}
DEPARTMENTS = {"open_department_id": ("od-1",)}


def hinted(type_: str, ids: Mapping[str, tuple[str, ...]]) -> Sequence[Hint]:
    delivery = Delivery(delivery_id="e1", source=HQ, type=type_, ids=ids, occurred_at=NOON, received_at=at(1))
    return hints(a_source("hq", kind="lark"), delivery)


@pytest.mark.parametrize(
    "type_", ["contact.user.created_v3", "contact.user.updated_v3", "user_add", "user_update", "user_status_change"]
)
def test_a_change_of_somebody_is_a_key(type_: str) -> None:
    assert hinted(type_, USERS) == (an_employee_key("on_ann"),)


@pytest.mark.parametrize("type_", ["contact.user.deleted_v3", "user_leave"])
def test_a_departure_is_a_claim_as_of_the_vendors_time(type_: str) -> None:
    assert hinted(type_, USERS) == (Claim(key=an_employee_key("on_ann"), at=NOON),)


@pytest.mark.parametrize(
    "type_", ["contact.department.created_v3", "contact.department.updated_v3", "dept_add", "dept_update"]
)
def test_a_change_of_a_department_is_a_key(type_: str) -> None:
    assert hinted(type_, DEPARTMENTS) == (a_department_key("od-1"),)


@pytest.mark.parametrize("type_", ["contact.department.deleted_v3", "dept_delete"])
def test_a_deleted_department_is_a_claim(type_: str) -> None:
    assert hinted(type_, DEPARTMENTS) == (Claim(key=a_department_key("od-1"), at=NOON),)


@pytest.mark.parametrize("type_", ["contact.scope.updated_v3", "contact_scope_change"])
def test_another_range_is_a_full_run(type_: str) -> None:
    assert hinted(type_, {}) == (Everything(),)


@pytest.mark.parametrize("type_", [*CHANGED, *LEFT])
@pytest.mark.parametrize("ids", [{}, {"open_id": ("ou_ann",)}])
def test_who_is_not_named_by_the_key_is_looked_for_everywhere(type_: str, ids: dict[str, tuple[str, ...]]) -> None:
    assert hinted(type_, ids) == (Everything(),)


@pytest.mark.parametrize(
    "type_",
    [
        "contact.custom_attr_event.updated_v3",
        "contact.employee_type_enum.created_v3",
        "contact.employee_type_enum.actived_v3",
        "im.message.receive_v1",
        "card.action.trigger",
        "CONTACT.USER.DELETED_V3",
        "contact.user.deleted_v4",
        "",
    ],
)
def test_what_changes_nobody_asks_for_nothing(type_: str) -> None:
    assert hinted(type_, USERS | DEPARTMENTS) == ()


def test_the_company_itself_is_no_department() -> None:
    assert hinted("contact.department.updated_v3", {"open_department_id": ("0",)}) == ()


def test_no_type_means_two_things() -> None:
    types = [*CHANGED, *LEFT, *RANGE_CHANGED]
    assert len(types) == len(set(types))
