"""From DingTalk's rows to records, and that lists and reads by name agree."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.connectors.dingtalk.records import (
    custom_fields,
    department_detail_fields,
    department_fields,
    detail_fields,
    mobile,
    user_fields,
    user_state,
)
from chalicelib.core.errors import SourceProtocolError
from chalicelib.core.mapping import TEXT_LIMIT
from chalicelib.core.model import State
from chalicelib.core.presence import Found, Gone
from infra.lab.dingtalk import scopes
from infra.lab.dingtalk.choices import Choices
from tests.connectors.dingtalk.tenancy import a_person, a_tenancy, employees, mapped, whole


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ({"active": True}, State.ACTIVE),
        ({"active": False}, State.INVITED),
        ({"active": "true"}, State.ACTIVE),
        ({"active": "false"}, State.INVITED),
        ({"active": True, "disable_status": False}, State.ACTIVE),
        ({"active": True, "disable_status": True}, State.SUSPENDED),
        ({"active": False, "disable_status": True}, State.SUSPENDED),
        ({"active": False, "disable_status": "true"}, State.SUSPENDED),
        ({"disable_status": True}, State.SUSPENDED),
        ({"disable_status": False}, None),
        ({"active": None}, None),
        ({"active": 1}, None),
        ({"active": ""}, None),
        ({}, None),
    ],
)
def test_a_missing_flag_is_unknown_never_active_never_left(row: dict[str, object], state: State | None) -> None:
    assert user_state(row) is state


@pytest.mark.parametrize(
    ("row", "number"),
    [
        ({"mobile": "13000000000", "state_code": "86"}, "+8613000000000"),
        ({"mobile": "130 0000-0000", "state_code": "+86"}, "+8613000000000"),
        ({"mobile": "+86-13000000000", "state_code": "86"}, "+8613000000000"),
        ({"mobile": "+1-2125550100"}, "+12125550100"),
        ({"mobile": "13000000000"}, "13000000000"),
        ({"mobile": "13000000000", "state_code": ""}, "13000000000"),
        ({"mobile": 13000000000, "state_code": 86}, "+8613000000000"),
        ({"mobile": "", "state_code": "86"}, ""),
        ({"mobile": None}, ""),
        ({}, ""),
    ],
)
def test_a_mobile_number_has_its_country_and_nothing_but_digits(row: dict[str, object], number: str) -> None:
    assert mobile(row) == number


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('{"成本中心": "CC-1", "工位": ""}', {"成本中心": "CC-1"}),
        ('{"a": 7, "b": null, "c": {"d": 1}, "e": ["x"]}', {"a": "7"}),
        ("{}", {}),
        ("", {}),
        (None, {}),
        ('{"a": "cut \\ud83d", "\\ud83d": "x"}', {"a": "cut ?", "?": "x"}),
        ("[]", None),
        ('"text"', None),
        ("{", None),
        ("CC-1", None),
        ("[" * 100_000, None),
    ],
)
def test_custom_fields_are_json_in_a_text(text: str | None, fields: dict[str, str] | None) -> None:
    assert custom_fields({"extension": text}) == fields


@pytest.mark.parametrize("empty", ["", None, " ", "\t"])
def test_empty_values_are_left_out(empty: str | None) -> None:
    assert user_fields(dict.fromkeys(("name", "email", "title", "job_number", "mobile", "remark"), empty)) == {}
    assert user_fields(dict.fromkeys(("dept_id_list", "hired_date", "admin", "extension"))) == {}
    assert detail_fields(dict.fromkeys(("manager_userid", "role_list", "senior"))) == {}


def test_what_looks_like_a_number_stays_text() -> None:
    fields = user_fields({"job_number": "0012", "login_id": 9007199254740993})
    assert fields == {"job_number": "0012", "login_id": "9007199254740993"}


@pytest.mark.parametrize("ids", [[5, 1, 2**62 + 1, 3], ["3", "1", str(2**62 + 1), "5"], [5, 3, 2**62 + 1, -7, 0]])
def test_departments_stand_in_one_order_without_the_root_and_the_pupils(ids: list[object]) -> None:
    assert user_fields({"dept_id_list": ids})["dept_id_list"] == ("3", "5", str(2**62 + 1))


@pytest.mark.parametrize(
    "row",
    [
        {"name": {"first": "ann"}},
        {"name": True},
        {"dept_id_list": "1"},
        {"dept_id_list": [1.5]},
        {"dept_id_list": [None]},
        {"hired_date": "soon"},
        {"hired_date": 1.7e12},
        {"admin": "yes"},
        {"extension": {}},
    ],
)
def test_a_misshapen_value_is_a_broken_contract(row: dict[str, object]) -> None:
    with pytest.raises(SourceProtocolError) as caught:
        user_fields(row)
    assert "ann" not in str(caught.value)


def test_roles_are_one_text_in_one_order_and_fit_their_field() -> None:
    assert detail_fields({"role_list": [{"name": "b"}, {"name": "a"}, {"name": "b"}, {"id": 1}]})["role_list"] == "a, b"
    many = [{"name": f"role number {number:03d}"} for number in range(100)]
    text = str(detail_fields({"role_list": many})["role_list"])
    assert TEXT_LIMIT - 20 < len(text) <= TEXT_LIMIT
    assert text.endswith("role number 028")


def test_departments_show_what_they_show() -> None:
    assert department_fields({"dept_id": 2, "name": "a", "parent_id": 1}) == {"name": "a", "state": State.ACTIVE}
    assert department_fields({"dept_id": 2, "parent_id": str(2**62)}) == {"parent_id": str(2**62)}
    detailed = department_detail_fields({"order": 176_000_000_000_000_001, "dept_manager_userid_list": ["b", "a"]})
    assert detailed == {"order": 176_000_000_000_000_001, "dept_manager_userid_list": ("b", "a")}


def test_an_account_of_another_company_does_not_show_its_login_name() -> None:
    tenancy = a_tenancy(edition="dedicated")
    company = tenancy.workspace
    ours = company.add_user("ann", account="dingtalk", login_id="ann01")
    sso = company.add_user("bob", account="sso")
    theirs = company.add_user("cat", account="sso")
    company.users[theirs].owner_corp_id = "dingf0f0"
    plain = company.add_user("dan")
    people = employees(tenancy.read())
    assert mapped(people[ours])["login_id"] == "ann01"
    assert mapped(people[sso])["login_id"] is None
    assert mapped(people[plain])["login_id"] is None
    assert "login_id" not in mapped(people[theirs])
    assert people[theirs].fields["exclusive_account_corp_id"] == "dingf0f0"
    assert people[sso].fields["exclusive_account_type"] == "sso"


@pytest.mark.parametrize("type_", ["standard", "dedicated"])
def test_accounts_are_told_by_their_fields_and_not_by_the_setting(type_: str) -> None:
    tenancy = a_tenancy(edition="dedicated")
    tenancy.settings = {"type": type_}
    company = tenancy.workspace
    person = company.add_user("ann", account="sso")
    company.disable(person)
    assert mapped(employees(tenancy.read())[person])["state"] == State.SUSPENDED
    company.enable(person)
    assert mapped(employees(tenancy.read())[person])["state"] == State.ACTIVE


PROFILE = st.fixed_dictionaries(
    {},
    optional={
        "mobile": st.sampled_from(["", "13000000000"]),
        "state_code": st.sampled_from(["", "86"]),
        "email": st.sampled_from(["", "ann@example.net"]),
        "org_email": st.sampled_from(["", "ann@example.com"]),
        "work_place": st.sampled_from(["", "上海"]),
        "title": st.sampled_from(["", "工程师"]),
        "job_number": st.sampled_from(["", "007"]),
        "extension": st.sampled_from(["", "{}", '{"成本": "CC-1"}']),
        "hired_date": st.sampled_from([None, 1_700_000_000_000]),
        "hide_mobile": st.booleans(),
    },
)


@settings(max_examples=60, deadline=None)
@given(
    profile=PROFILE,
    places=st.sets(st.integers(0, 3), min_size=1),
    fate=st.sampled_from(["", "disable", "set_manager", "leave"]),
    account=st.booleans(),
    granted=st.sets(st.sampled_from([scopes.MOBILE_FIELD, scopes.EMAIL_FIELDS])),
    empty_values=st.sampled_from(["documented", "absent", "blank"]),
    quoted=st.booleans(),
    colleague=st.booleans(),
)
def test_lists_and_reads_by_name_map_one_person_alike(
    profile: dict[str, object],
    places: set[int],
    fate: str,
    account: bool,
    granted: set[str],
    empty_values: str,
    quoted: bool,
    colleague: bool,
) -> None:
    choices = Choices(quoted_values=quoted)
    setattr(choices, "empty_values", empty_values)  # noqa: B010 - hypothesis draws plain text
    tenancy = a_tenancy(choices=choices, limits=False, edition="dedicated")
    company = tenancy.workspace
    if colleague:
        company.add_user("bob", mobile="13100000000", state_code="86", email="bob@example.net")
    units = ["1", *(company.add_department(name) for name in "abc")]
    kind = "dingtalk" if account or fate == "disable" else ""
    at = [units[place] for place in sorted(places)]
    person = company.add_user("ann", at, account="dingtalk" if kind else "")
    company.edit(person, **profile)
    if fate == "disable":
        company.disable(person)
    if fate == "set_manager":
        company.set_manager(person, company.add_user("boss"))
    company.scopes_granted = {*scopes.MINIMUM - {scopes.MOBILE_FIELD, scopes.EMAIL_FIELDS}, *granted}
    reader = tenancy.reader()
    parts = {part.name: part for part in reader.parts({})}
    listed = employees(parts)[person]
    if fate == "leave":
        company.leave(person)
    named = reader.confirm([a_person(person)])[a_person(person)]
    if fate == "leave":
        assert isinstance(named, Gone)
        return
    assert isinstance(named, Found)
    common = {name: value for name, value in mapped(named.record).items() if name not in ("manager", "roles")}
    assert common == mapped(listed)
    assert whole(named.record).digest == whole(listed).digest
    assert mapped(named.record)["manager"] == company.users[person].manager
