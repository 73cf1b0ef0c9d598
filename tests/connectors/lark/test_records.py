"""From Lark's rows to records, and that the three kinds of read agree."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.connectors.lark.form import MAPPING
from chalicelib.connectors.lark.permissions import Coverage
from chalicelib.connectors.lark.records import Records, custom_text, department_fields, user_fields, user_state
from chalicelib.core.model import State
from chalicelib.core.presence import Found, Gone
from infra.lab import faults
from infra.lab.lark import scopes
from infra.lab.lark.choices import Choices
from tests.connectors.lark.tenancy import a_tenancy, employees, mapped

NOW = datetime(2026, 1, 5, tzinfo=UTC)
FLAGS = ("is_resigned", "is_exited", "is_frozen", "is_unjoin", "is_activated")


def a_status(**flags: object) -> dict[str, object]:
    return {**dict.fromkeys(FLAGS, False), "is_activated": True, **flags}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (a_status(), State.ACTIVE),
        (a_status(is_activated=False), State.INVITED),
        (a_status(is_unjoin=True), State.INVITED),
        (a_status(is_unjoin=True, is_activated=False), State.INVITED),
        (a_status(is_frozen=True), State.SUSPENDED),
        (a_status(is_frozen=True, is_activated=False), State.SUSPENDED),
        (a_status(is_exited=True), State.LEFT),
        (a_status(is_resigned=True, is_frozen=True, is_exited=True), State.LEFT),
        ({"is_resigned": True}, State.LEFT),
        (a_status(is_resigned=None), None),
        (a_status(is_frozen=None), None),
        (a_status(is_exited="false"), None),
        (a_status(is_unjoin=None), None),
        (a_status(is_unjoin=None, is_activated=False), State.INVITED),
        (a_status(is_activated=None), None),
        ({}, None),
        (None, None),
        ("active", None),
    ],
)
def test_a_missing_flag_is_unknown_never_active_never_left(status: object, state: State | None) -> None:
    assert user_state(status) is state


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(FLAGS), st.sampled_from([True, False, None])))
def test_nobody_is_active_or_left_without_a_flag_that_says_so(status: dict[str, bool | None]) -> None:
    state = user_state(status)
    if state is State.ACTIVE:
        assert all(status.get(flag) is False for flag in FLAGS[:4])
        assert status.get("is_activated") is True
    if state is State.LEFT:
        assert status.get("is_resigned") or status.get("is_exited")


@pytest.mark.parametrize(
    "leaders",
    [
        [{"leaderType": 2, "leaderID": "on_2"}, {"leaderType": 1, "leaderID": "on_1"}],
        [{"leader_type": 2, "leader_id": "on_2"}, {"leader_type": 1, "leader_id": "on_1"}],
        [{"leaderType": "1", "leaderID": "on_1"}, {"leaderType": "2", "leaderID": "on_2"}],
        [{"leaderType": 1, "leaderID": "on_1"}, {"leaderType": 2, "leaderID": "on_2"}, {"leaderType": 2}],
    ],
)
def test_leaders_are_read_in_either_spelling(leaders: list[dict[str, object]]) -> None:
    assert department_fields({"leaders": leaders, "leader_user_id": "on_1"})["leaders"] == ("on_1", "on_2")


@pytest.mark.parametrize("row", [{"leader_user_id": "on_1"}, {"leader_user_id": "on_1", "leaders": None}])
def test_a_main_leader_told_alone_is_a_leader(row: dict[str, object]) -> None:
    assert department_fields(row)["leaders"] == ("on_1",)


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ({"status": {"is_deleted": True}, "name": "a"}, State.LEFT),
        ({"status": {"is_deleted": False}}, State.ACTIVE),
        ({"name": "a"}, State.ACTIVE),
        ({"name": "a", "status": None}, State.ACTIVE),
        ({}, None),
    ],
)
def test_a_department_that_shows_its_name_is_there(row: dict[str, object], state: State | None) -> None:
    assert department_fields(row).get("state") is state


@pytest.mark.parametrize("order", ["2000", 2000])
def test_an_order_is_a_number_however_it_is_spelt(order: object) -> None:
    assert department_fields({"order": order})["order"] == 2000


@pytest.mark.parametrize("empty", ["", None, " ", "\t"])
def test_empty_values_are_left_out(empty: str | None) -> None:
    names = ("name", "en_name", "email", "mobile", "job_title", "leader_user_id")
    assert user_fields(dict.fromkeys(names, empty)) == {}
    assert user_fields(dict.fromkeys(("custom_attrs", "orders", "department_ids", "status", "join_time"))) == {}


def test_what_looks_like_a_number_stays_text() -> None:
    fields = user_fields({"user_id": "0012", "employee_no": 9007199254740993})
    assert fields == {"user_id": "0012", "employee_no": "9007199254740993"}


def test_big_and_fleeting_things_are_left_out() -> None:
    row = {
        "avatar": {"avatar_72": "https://a.example.com"},
        "avatar_key": "k",
        "orders": [],
        "is_frozen": True,
        "assign_info": [{}],
        "department_path": [{}],
        "subscription_ids": ["1"],
        "new_field_of_next_year": 7,
    }
    assert user_fields(row) == {}


@pytest.mark.parametrize(
    ("type_", "value", "text"),
    [
        ("TEXT", {"text": "CC-1"}, "CC-1"),
        ("TEXT", {"text": ""}, ""),
        ("HREF", {"text": "home", "url": "https://a.example.com", "pc_url": ""}, "https://a.example.com"),
        ("HREF", {"text": "home", "pc_url": "https://b.example.com"}, "https://b.example.com"),
        ("ENUMERATION", {"option_id": "edcvfrtg", "option_value": "long"}, "long"),
        ("ENUMERATION", {"option_id": "edcvfrtg"}, "edcvfrtg"),
        ("PICTURE_ENUM", {"option_id": "x", "name": "gold", "picture_url": "https://p.example.com"}, "gold"),
        ("GENERIC_USER", {"generic_user": {"id": "on_1", "type": 1}}, "on_1"),
        ("GENERIC_USER", {}, ""),
        ("HOLOGRAM", {"text": "?"}, ""),
        ("TEXT", None, ""),
    ],
)
def test_custom_fields_are_what_an_admin_would_type(type_: str, value: object, text: str) -> None:
    assert custom_text({"type": type_, "id": "C-1", "value": value}) == text


@pytest.mark.parametrize(
    "orders",
    [
        [
            {"department_id": "od-a", "department_order": 1, "is_primary_dept": False},
            {"department_id": "od-b", "department_order": 2, "is_primary_dept": False},
            {"department_id": "od-c", "department_order": 3, "is_primary_dept": True},
        ],
        [
            {"department_id": "od-a", "department_order": 1},
            {"department_id": "od-b", "department_order": 2},
            {"department_id": "od-c", "department_order": 3},
        ],
    ],
)
@settings(deadline=None)
@given(ids=st.permutations(["od-a", "od-b", "od-c", "0"]))
def test_departments_stand_in_one_order_with_the_primary_first(orders: list[object], ids: list[str]) -> None:
    assert user_fields({"department_ids": ids, "orders": orders})["department_ids"] == ("od-c", "od-b", "od-a")


@settings(deadline=None)
@given(ids=st.permutations(["od-a", "od-b", "0"]))
def test_departments_without_orders_stand_in_one_order_too(ids: list[str]) -> None:
    assert user_fields({"department_ids": ids})["department_ids"] == ("od-a", "od-b")


def test_a_field_shown_without_a_known_permission_is_covered_where_it_is_shown() -> None:
    records = Records("src", Coverage(granted=frozenset(), mapping=MAPPING))
    shown = records.user({"union_id": "on_1", "mobile": "1"}, NOW)
    silent = records.user({"union_id": "on_2"}, NOW)
    assert "mobile" in shown.covers
    assert "mobile" not in silent.covers
    assert records.user({"union_id": "on_3", "mobile": "2"}, NOW).covers is shown.covers


PROFILE = st.fixed_dictionaries(
    {},
    optional={
        "en_name": st.sampled_from(["", "Ann", " "]),
        "nickname": st.sampled_from(["", "annie"]),
        "email": st.sampled_from(["", "ann@example.net"]),
        "enterprise_email": st.sampled_from(["", "ann@example.com"]),
        "mobile": st.sampled_from(["", "+8613000000000"]),
        "city": st.sampled_from(["", "上海"]),
        "job_title": st.sampled_from(["", "工程师"]),
        "employee_no": st.sampled_from(["", "007"]),
        "employee_type": st.integers(1, 5),
        "join_time": st.sampled_from([0, 1_700_000_000]),
    },
)


@settings(max_examples=60, deadline=None)
@given(
    profile=PROFILE,
    places=st.sets(st.integers(0, 3), min_size=1),
    fate=st.sampled_from(["", "freeze", "exit", "set_manager", "set_custom"]),
    granted=st.sets(st.sampled_from(sorted(scopes.MINIMUM - {scopes.BASE}))),
    empty_values=st.sampled_from(["absent", "blank", "null"]),
    scopes_known=st.booleans(),
)
def test_listing_batch_and_single_read_map_one_person_alike(
    profile: dict[str, object],
    places: set[int],
    fate: str,
    granted: set[str],
    empty_values: str,
    scopes_known: bool,
) -> None:
    choices = Choices()
    setattr(choices, "empty_values", empty_values)  # noqa: B010 - hypothesis draws plain text
    tenancy = a_tenancy(choices=choices, limits=False)
    company = tenancy.workspace
    units = ["0", *(company.add_department(name) for name in "abc")]
    person = company.add_user("ann", [units[place] for place in sorted(places)], **profile)
    match fate:
        case "freeze" | "exit":
            company.do(fate, {"user": person})
        case "set_manager":
            company.set_manager(person, company.add_user("boss"))
        case "set_custom":
            company.set_custom(person, company.add_custom_field("成本", "Cost"), "CC-1")
    company.scopes_granted = {scopes.BASE, *granted}
    if not scopes_known:
        tenancy.api.faults.add(faults.replace(status=400, body=b'{"code":7}', endpoint="application.scopes"))
    key = tenancy.person(person)
    listed = employees(tenancy.read())[key.external_id]
    batched = tenancy.confirm(key)[key]
    tenancy.api.faults.add(faults.empty_list(endpoint="users.batch"))
    single = tenancy.confirm(key)[key]
    assert tenancy.calls("users.get") == 1
    for answer in (batched, single):
        if listed.fields.get("state") is State.LEFT:
            assert isinstance(answer, Gone)
        else:
            assert isinstance(answer, Found)
            assert (answer.record.fields, answer.record.covers) == (listed.fields, listed.covers)
            assert mapped(answer.record) == mapped(listed)
