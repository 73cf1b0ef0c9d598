"""A full read of a company whose app sees everything: what is read, what it costs, what is said about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from datetime import timedelta

import pytest

from chalicelib.core.errors import SourceUnavailableError
from chalicelib.core.model import Kind, Part, State
from infra.lab import faults
from infra.lab.dingtalk.choices import Choices
from infra.lab.dingtalk.records import ROOT
from infra.lab.wire import Call
from tests.connectors.dingtalk.tenancy import (
    LISTSUB,
    START,
    USER_LIST,
    Tenancy,
    a_company,
    a_department,
    a_person,
    a_tenancy,
    departments,
    employees,
    mapped,
    records,
    whole,
    working_threads,
)

STATES = {"active": State.ACTIVE, "invited": State.INVITED, "suspended": State.SUSPENDED}


@pytest.mark.parametrize(("people", "count"), [(0, 0), (30, 1), (130, 50), (700, 110)])
def test_a_full_read_costs_what_the_formula_says(people: int, count: int) -> None:
    tenancy = a_company(people, count) if count else a_tenancy()
    reader = tenancy.reader()
    parts = list(reader.parts({}))
    assert reader.calls == {
        "auth.corp_token": 1,
        "auth.scopes": 1,
        LISTSUB: count + 1,
        USER_LIST: tenancy.expected_member_calls(),
    }
    assert reader.calls == dict(tenancy.api.calls)
    assert not tenancy.api.throttled
    assert tenancy.api.suspicious == []
    assert parts[0].name == "range"
    assert parts[-1].of == len(parts) == 1 + 2 * (count + 1)
    assert len({part.name for part in parts}) == len(parts)


def test_a_big_department_is_one_part_of_several_pages() -> None:
    tenancy = a_tenancy()
    department = tenancy.workspace.add_department("a")
    for number in range(201):
        tenancy.workspace.add_user(f"n{number}", department)
    assert len(tenancy.read()[f"members/{department}"].records) == 201
    assert tenancy.calls(USER_LIST) == 1 + 3


@pytest.mark.parametrize("edition", ["standard", "dedicated"])
@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize("empty_values", ["documented", "absent", "blank"])
def test_everything_that_is_there_is_read(edition: str, quoted: bool, empty_values: str) -> None:
    choices = Choices(quoted_values=quoted)
    setattr(choices, "empty_values", empty_values)  # noqa: B010 - the parameters are plain text, the fields literals
    tenancy = a_company(edition="dedicated" if edition == "dedicated" else "standard", choices=choices)
    company = tenancy.workspace
    company.leave(company.some_person(1))
    parts = tenancy.read()
    people = tenancy.everybody()
    assert set(employees(parts)) == set(people)
    for userid, record in employees(parts).items():
        user = people[userid]
        is_ours = user.owner_corp_id == company.corp_id
        assert mapped(record) == {
            "name": user.name,
            "email": user.org_email or user.email or None,
            "mobile": f"+{user.state_code}{user.mobile}" if user.mobile else None,
            "employee_no": user.job_number or None,
            "title": user.title or None,
            "departments": tuple(str(each) for each in sorted(user.departments) if each != ROOT),
            "state": STATES[user.state],
            "work_place": user.work_place or None,
            **({"login_id": user.login_id or None} if is_ours or not user.account_type else {}),
        }
    for key, record in departments(parts).items():
        department = company.departments[int(key)]
        leaders = sorted(each for each in department.managers if int(key) in company.users[each].departments)
        assert mapped(record) == {
            "name": department.name,
            "parent": None if department.parent == ROOT else str(department.parent),
            "leaders": tuple(leaders),
            "state": State.ACTIVE,
        }
    assert set(departments(parts)) == {str(key) for key in company.departments if key != ROOT}


def test_ids_of_64_bits_come_through_whole() -> None:
    tenancy = a_company(200, 60)
    big = {str(key) for key in tenancy.workspace.departments if key > 2**53}
    parts = tenancy.read()
    assert len(big) > 5
    assert big <= set(departments(parts))
    shown = {each for record in employees(parts).values() for each in mapped(record)["departments"] or ()}  # type: ignore[union-attr]  # a tuple
    assert shown & big
    answers = tenancy.confirm(*(a_department(each) for each in big))
    assert {type(answer).__name__ for answer in answers.values()} == {"Found"}


def test_userids_that_only_a_careless_reader_takes_for_the_same_are_two_people() -> None:
    tenancy = a_tenancy()
    for userid in ("007", "7", "Ann", "aNN"):
        tenancy.workspace.add_user("somebody", userid=userid)
    assert set(employees(tenancy.read())) == {"007", "7", "Ann", "aNN"}


def test_people_directly_under_the_company_are_read_and_belong_to_no_department() -> None:
    tenancy = a_tenancy()
    boss = tenancy.workspace.add_user("boss")
    record = tenancy.read()["members/1"].records[0]
    assert record.key == a_person(boss)
    assert mapped(record)["departments"] == ()


def test_people_under_access_limits_are_not_missed() -> None:
    tenancy = a_tenancy()
    shy = tenancy.workspace.add_user("shy", access_limited=True)
    assert set(employees(tenancy.read())) == {shy}


def test_a_person_of_several_departments_maps_alike_in_each() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    places = [company.add_department(name) for name in "abc"]
    person = company.add_user("ann", [places[2], places[0], places[1]], mobile="13000000000", state_code="86")
    company.set_leader(places[1], person)
    parts = tenancy.read()
    shown = [parts[f"members/{each}"].records[0] for each in places]
    assert {record.key for record in shown} == {a_person(person)}
    assert len({whole(record).digest for record in shown}) == 1
    assert mapped(shown[0])["departments"] == tuple(sorted(places, key=int))


def test_whoever_leads_is_told_by_the_members_of_each_department() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    upper = company.add_department("upper")
    lower, other = company.add_department("lower", upper), company.add_department("other", upper)
    bob, ann = (company.add_user(name, [lower, other], userid=name) for name in ("bob", "ann"))
    company.set_leader(lower, bob, [ann])
    parts = departments(tenancy.read())
    assert mapped(parts[lower])["leaders"] == (ann, bob)
    assert mapped(parts[other])["leaders"] == ()
    assert "leader" not in {name for record in records(tenancy.read()) for name in record.covers}


def test_pupils_and_their_parents_are_left_out() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    ann = company.add_user("ann")
    body = b'{"errcode":0,"result":[{"dept_id":-7,"name":"home","parent_id":1},{"dept_id":0,"name":"odd"}]}'
    tenancy.api.faults.add(faults.replace(body=body, endpoint=LISTSUB))
    parts = tenancy.read()
    assert set(parts) == {"range", "children/1", "members/1"}
    assert set(employees(parts)) == {ann}


def test_records_are_observed_when_their_page_was_asked_for() -> None:
    tenancy = a_company(60, 3)
    tenancy.api.latency_s = 2.0
    parts = tenancy.read()
    assert {record.observed_at for record in parts["children/1"].records} == {START + timedelta(seconds=4)}
    times = [part.records[0].observed_at for name, part in parts.items() if part.records and name.startswith("members")]
    assert len(set(times)) == len(times)


def test_nothing_is_asked_for_what_is_staged() -> None:
    tenancy = a_company()
    staged = tenancy.read()
    tenancy.api.reset_calls()
    again = tenancy.read(staged)
    assert {name: (part.records, part.remarks) for name, part in again.items()} == {
        name: (part.records, part.remarks) for name, part in staged.items()
    }
    assert dict(tenancy.api.calls) == {}


@pytest.mark.parametrize("kept", [1, 2, 5, 11, 30, 60])
def test_a_walk_that_was_broken_off_asks_only_for_what_is_not_staged(kept: int) -> None:
    tenancy = a_company(150, 40, limits=False)
    complete = tenancy.read()
    parts = tenancy.reader().parts({})
    assert isinstance(parts, Generator)
    staged = {part.name: part for part, _ in zip(parts, range(kept), strict=False)}
    parts.close()
    tenancy.api.reset_calls()
    again = tenancy.read(staged)
    assert set(again) == set(complete)
    assert {record.key: record.fields for record in records(again)} == {
        record.key: record.fields for record in records(complete)
    }
    listed = Counter(name.partition("/")[0] for name in staged)
    assert tenancy.calls("auth.scopes") == 0
    assert tenancy.calls(LISTSUB) == 41 - listed["children"]
    assert tenancy.calls(USER_LIST) == tenancy.expected_member_calls() - listed["members"]


def test_sisters_wait_for_few_others() -> None:
    tenancy = a_company(300, 200)
    waiting, most = 0, 0
    for part in tenancy.reader().parts({}):
        kind, _, _ = part.name.partition("/")
        waiting += {"members": 1, "children": -1}.get(kind, 0)
        most = max(most, waiting)
    # What would be asked for again if the walk were broken off at the worst moment: a few lists, never members.
    assert most <= 40


def test_a_reader_who_stops_early_leaves_no_threads() -> None:
    tenancy = a_company(300, 40)
    tenancy.in_flight = 8
    parts = tenancy.reader().parts({})
    assert isinstance(parts, Generator)
    for _ in range(3):
        next(parts)
    parts.close()
    assert working_threads() == []
    assert tenancy.calls(USER_LIST) < tenancy.expected_member_calls()


def test_many_at_a_time_read_the_same() -> None:
    tenancy = a_company(400, 45, limits=False)
    one_by_one = tenancy.read()
    tenancy.in_flight = 16
    together = tenancy.read()

    def shown(parts: dict[str, Part]) -> dict[str, set[object]]:
        return {name: {(r.key, tuple(r.fields.items())) for r in part.records} for name, part in parts.items()}

    assert shown(together) == shown(one_by_one)
    assert working_threads() == []


def test_preview_and_sync_in_one_process_share_token_and_limits() -> None:
    tenancy = a_company(60, 3)
    registry = tenancy.registry()
    for _ in range(12):
        reader = registry.open(tenancy.source())
        list(reader.parts({}))
        reader.close()
    assert tenancy.calls("auth.corp_token") == 1
    assert not tenancy.api.throttled


@pytest.mark.parametrize("verb", ["close_branch", "hide"])
def test_a_department_that_vanishes_during_the_walk_is_left_to_be_asked_for_by_name(verb: str) -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    doomed, other = company.add_department("doomed"), company.add_department("other")
    company.add_user("ann", doomed)
    bob = company.add_user("bob", other)
    tenancy.api.faults.add(faults.on_call(lambda call: company.do(verb, {"dept": doomed}), endpoint=LISTSUB, nth=1))
    parts = tenancy.read()
    assert parts[f"members/{doomed}"].records == parts[f"children/{doomed}"].records == ()
    assert set(departments(parts)) == {other}
    assert set(employees(parts)) == {bob}


def test_a_department_that_vanishes_between_two_pages_is_an_empty_part() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    hidden = company.add_department("hidden")
    for number in range(120):
        company.add_user(f"n{number}", hidden)

    def is_it(call: Call) -> bool:
        return call.param("dept_id") == hidden

    tenancy.api.faults.add(faults.on_call(lambda call: company.hide(hidden), endpoint=USER_LIST, nth=1, where=is_it))
    assert tenancy.read()[f"members/{hidden}"].records == ()


def test_a_department_moved_during_the_walk_is_shown_twice_and_so_asked_for_by_name() -> None:
    tenancy = a_tenancy()
    company = tenancy.workspace
    first, second = company.add_department("first"), company.add_department("second")
    moved = company.add_department("moved", second)

    def move(call: Call) -> None:
        company.move_department(moved, first)

    # The newest come first, so `second` is listed before `first`.
    tenancy.api.faults.add(faults.on_call(move, endpoint=LISTSUB, where=lambda call: call.param("dept_id") == second))
    parts = tenancy.read()
    parents = [mapped(record)["parent"] for record in records(parts) if record.key == a_department(moved)]
    assert parents == [second, first]
    assert tenancy.calls(LISTSUB) == 4


def test_records_share_what_they_cover() -> None:
    parts = a_company(edition="dedicated").read()
    for kind in Kind:
        assert len({id(record.covers) for record in records(parts) if record.key.kind is kind}) <= 20


def test_a_source_at_hosts_of_its_own_is_read_there() -> None:
    tenancy: Tenancy = a_tenancy()
    ann = tenancy.workspace.add_user("ann")
    tenancy.settings = {"oapi_url": "https://oapi.dingtalk.com/", "api_url": "https://api.dingtalk.com/"}
    assert set(employees(tenancy.read())) == {ann}
    tenancy.settings = {"oapi_url": "https://ding.example.com"}
    with pytest.raises(SourceUnavailableError):
        tenancy.read()
