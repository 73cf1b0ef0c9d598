"""What Lark pushes for each thing that can happen; sealing against vectors that Lark's own library confirmed."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.lab.clock import ManualLabClock
from infra.lab.lark import Choices, LarkWorkspace
from infra.lab.lark.events import encrypt, sign
from infra.lab.push import Pusher
from infra.lab.wire import Answer, LabError
from tests.infra.lab.push_receiver import LARK_KEY, LARK_TOKEN, REFUSED, URL, LarkReceiver

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/lark.json").read_text(encoding="utf-8"))
SIGNED = [each for each in VECTORS["requests"] if each["encrypt_key"]]
CREATED, UPDATED, DELETED = (f"contact.user.{what}_v3" for what in ("created", "updated", "deleted"))
DEPT_CREATED, DEPT_UPDATED, DEPT_DELETED = (
    f"contact.department.{what}_v3" for what in ("created", "updated", "deleted")
)


class Company:
    """A small company with an app that is told what happens in it."""

    def __init__(self, *, key: str = LARK_KEY, choices: Choices | None = None) -> None:
        self.clock = ManualLabClock()
        self.workspace = workspace = LarkWorkspace(clock=self.clock)
        workspace.grant("contact:department.hrbp:readonly")
        self.top = workspace.add_department("研发")
        self.team = workspace.add_department("平台", self.top)
        self.other = workspace.add_department("销售")
        self.boss = workspace.add_user("老板", self.top)
        self.ann = workspace.add_user("安", self.team, mobile="+8613000000001", email="ann@example.com")
        self.receiver = LarkReceiver(self.clock, key=key)
        self.pusher: Pusher = workspace.subscribe(URL, key, LARK_TOKEN, send=self.receiver, choices=choices)

    def after(self, happen: Callable[[LarkWorkspace], object]) -> list[Any]:
        """Let something happen and tell the events it set off: for 2.0 as (type, event)."""
        told = len(self.receiver.texts)
        happen(self.workspace)
        self.pusher.push_due()
        return [
            (each["header"]["event_type"], each["event"])
            if "schema" in each
            else (each["event"]["type"], each["event"])
            for each in self.receiver.events[told:]
        ]


@pytest.mark.parametrize("vector", VECTORS["decrypt"], ids=lambda vector: str(vector["name"]))
def test_texts_are_encrypted_as_the_vectors_are(vector: Any) -> None:
    iv = base64.b64decode(vector["encrypt"])[:16]
    assert encrypt(vector["plaintext"], vector["encrypt_key"], iv) == vector["encrypt"]


@pytest.mark.parametrize("vector", SIGNED, ids=lambda vector: str(vector["name"]))
def test_requests_are_signed_as_the_vectors_are(vector: Any) -> None:
    headers = vector["headers"]
    timestamp, nonce = headers["X-Lark-Request-Timestamp"], headers["X-Lark-Request-Nonce"]
    assert sign(timestamp, nonce, vector["encrypt_key"], vector["body"].encode()) == headers["X-Lark-Signature"]


def test_an_event_comes_in_its_envelope() -> None:
    company = Company()
    company.after(lambda each: each.rename(company.ann, "安娜"))
    document = company.receiver.events[0]
    now_ms = str(int(company.clock.now().timestamp() * 1000))
    assert document["schema"] == "2.0"
    header = document["header"]
    assert len(header.pop("event_id")) == 32
    assert header == {
        "event_type": UPDATED,
        "create_time": now_ms,
        "token": LARK_TOKEN,
        "app_id": company.workspace.app_id,
        "tenant_key": company.workspace.tenant_key,
    }


def test_without_a_key_nothing_is_encrypted_or_signed() -> None:
    company = Company(key="")
    assert company.after(lambda each: each.rename(company.ann, "安娜"))[0][0] == UPDATED
    assert company.receiver.checks[0]["token"] == LARK_TOKEN


def test_someone_hired_is_told_whole_but_for_departments_and_the_frozen_flag_of_lists() -> None:
    company = Company()
    [(kind, event)] = company.after(lambda each: each.hire(company.team, name="新人", leader=company.boss))
    shown = event["object"]
    assert kind == CREATED
    assert set(event) == {"object"}
    assert {"open_id", "union_id", "user_id", "name", "mobile", "email", "orders", "status"} <= set(shown)
    assert not {"department_ids", "is_frozen"} & set(shown)
    assert shown["leader_user_id"] == company.boss
    assert shown["orders"][0]["department_id"] == company.team
    assert shown["status"]["is_unjoin"] is True


def test_departments_of_people_are_filled_in_only_by_choice() -> None:
    company = Company(choices=Choices(event_department_ids=True))
    [(_, event)] = company.after(lambda each: each.hire(company.team))
    assert event["object"]["department_ids"] == [company.team]


@pytest.mark.parametrize(
    ("happen", "old"),
    [
        (lambda c, w: w.rename(c.ann, "安娜"), {"name": "安"}),
        (lambda c, w: w.edit(c.ann, city="上海", job_title="工程师"), {"city": "", "job_title": ""}),
        (lambda c, w: w.set_manager(c.ann, c.boss), {"leader_user_id": ""}),
        (lambda c, w: w.edit(c.ann, mobile="+8613000000002"), {"mobile": "+8613000000001"}),
    ],
)
def test_a_change_tells_what_changed_as_it_was(
    happen: Callable[[Company, LarkWorkspace], object], old: dict[str, object]
) -> None:
    company = Company()
    [(kind, event)] = company.after(lambda each: happen(company, each))
    person = company.workspace.users[company.ann]
    ids = {"open_id": person.open_id, "union_id": person.union_id, "user_id": person.user_id}
    assert kind == UPDATED
    assert event["old_object"] == old | ids
    assert event["object"].items() >= ids.items()


def test_someone_moved_tells_the_former_departments() -> None:
    company = Company()
    [(kind, event)] = company.after(lambda each: each.move(company.ann, [company.other, company.team]))
    assert kind == UPDATED
    assert event["old_object"]["department_ids"] == [company.team]
    assert [each["department_id"] for each in event["object"]["orders"]] == [company.other, company.team]
    assert "department_ids" not in event["object"]


def test_mobile_and_email_come_as_events_of_their_own() -> None:
    company = Company()
    events = company.after(
        lambda each: each.edit(company.ann, name="安娜", mobile="+8613000000002", email="a@example.com")
    )
    assert [sorted(set(event["old_object"]) - {"open_id", "union_id", "user_id"}) for _, event in events] == [
        ["name"],
        ["mobile"],
        ["email"],
    ]


@pytest.mark.parametrize(
    ("verb", "flag"), [("freeze", "is_frozen"), ("exit", "is_exited"), ("activate", None), ("unfreeze", None)]
)
def test_a_change_of_status_is_an_update(verb: str, flag: str | None) -> None:
    company = Company()
    events = company.after(lambda each: each.do(verb, {"user": company.ann}))
    if flag is None:  # it was so already
        assert events == []
        return
    [(kind, event)] = events
    assert kind == UPDATED
    assert event["object"]["status"][flag] is True
    assert event["old_object"]["status"][flag] is False


def test_a_custom_field_filled_in_is_an_update() -> None:
    company = Company()
    field_id = company.workspace.add_custom_field("成本中心", "Cost centre")
    company.pusher.push_due()
    [(_, event)] = company.after(lambda each: each.set_custom(company.ann, field_id, "42"))
    assert event["old_object"]["custom_attrs"] == []
    assert event["object"]["custom_attrs"][0]["value"] == {"text": "42"}


def test_a_leaver_is_told_with_the_former_departments() -> None:
    company = Company()
    [(kind, event)] = company.after(lambda each: each.resign(company.ann))
    assert kind == DELETED
    assert event["object"]["status"]["is_resigned"] is True
    assert event["old_object"] == {"department_ids": [company.team], "open_id": company.ann}


@pytest.mark.parametrize("told", [False, True])
def test_whom_a_leaver_managed_and_what_a_leaver_led_is_told_only_by_choice(told: bool) -> None:
    company = Company(choices=Choices(event_consequences=told))
    company.workspace.set_manager(company.ann, company.boss)
    company.workspace.set_leader(company.top, company.boss)
    company.pusher.push_due()
    kinds = [kind for kind, _ in company.after(lambda each: each.resign(company.boss))]
    assert kinds == ([DELETED, UPDATED, DEPT_UPDATED] if told else [DELETED])


def test_departments_are_told_without_counts_and_with_a_number_for_their_order() -> None:
    company = Company()
    company.workspace.departments[company.team].hrbps = (company.boss,)
    [(kind, event)] = company.after(lambda each: each.add_department("测试", company.top, leader=company.ann))
    shown = event["object"]
    assert kind == DEPT_CREATED
    assert isinstance(shown["order"], int)
    assert shown["parent_department_id"] == company.top
    assert shown["leaders"] == [{"leaderType": 1, "leaderID": company.ann}]
    assert not {"member_count", "primary_member_count"} & set(shown)
    [(kind, event)] = company.after(lambda each: each.rename_department(company.team, "平台部"))
    assert kind == DEPT_UPDATED
    assert event["old_object"]["name"] == "平台"
    assert event["old_object"]["open_department_id"] == company.team
    boss = company.workspace.users[company.boss]
    assert event["object"]["department_hrbps"] == [
        {"open_id": boss.open_id, "union_id": boss.union_id, "user_id": boss.user_id}
    ]


def test_a_moved_branch_is_one_event() -> None:
    company = Company()
    [(kind, event)] = company.after(lambda each: each.move_department(company.top, company.other))
    assert kind == DEPT_UPDATED
    assert event["old_object"]["parent_department_id"] == "0"
    [(kind, event)] = company.after(lambda each: each.set_leader(company.team, company.ann))
    assert event["old_object"]["leader_user_id"] == ""


def test_a_closed_branch_tells_its_people_and_each_department() -> None:
    company = Company()
    company.workspace.move(company.boss, [company.top, company.other])
    company.pusher.push_due()
    events = company.after(lambda each: each.close_branch(company.top))
    assert [kind for kind, _ in events] == [UPDATED, DELETED, DEPT_DELETED, DEPT_DELETED]
    assert [event["old_object"] for kind, event in events if kind == DEPT_DELETED] == [
        {"status": {"is_deleted": False}, "open_department_id": key} for key in (company.team, company.top)
    ]
    assert events[-1][1]["object"]["status"] == {"is_deleted": True}


def test_a_closed_empty_department_is_told() -> None:
    company = Company()
    assert [kind for kind, _ in company.after(lambda each: each.close_department(company.other))] == [DEPT_DELETED]


def test_the_contact_range_tells_what_came_and_what_went() -> None:
    company = Company()
    [(kind, event)] = company.after(lambda each: each.set_range([company.team], [company.boss]))
    assert kind == "contact.scope.updated_v3"
    assert [each["open_department_id"] for each in event["added"]["departments"]] == [company.team]
    assert [each["open_id"] for each in event["added"]["users"]] == [company.boss]
    assert event["added"]["user_groups"] == []
    assert {each["open_department_id"] for each in event["removed"]["departments"]} == {company.top, company.other}
    [(_, event)] = company.after(lambda each: each.range_all())
    assert len(event["added"]["departments"]) == 2
    [(_, event)] = company.after(lambda each: each.hide(company.team))
    assert event["added"] == {}
    assert [each["open_department_id"] for each in event["removed"]["departments"]] == [company.team]
    assert len(company.after(lambda each: each.show(company.team))) == 1


def test_custom_fields_and_whether_they_are_open_are_told() -> None:
    company = Company()
    [(kind, event)] = company.after(lambda each: each.add_custom_field("成本中心", "Cost centre"))
    assert kind == "contact.custom_attr_event.updated_v3"
    assert event["old_object"] == {"contact_field_key": [], "allow_open_query": True}
    [(_, event)] = company.after(lambda each: each.configure(custom_fields_open=False))
    assert event["object"]["allow_open_query"] is False


def test_nothing_is_told_of_what_the_app_may_not_see_or_know() -> None:
    company = Company()
    company.workspace.set_range([company.other])
    company.workspace.revoke("contact:user.phone:readonly")
    company.pusher.push_due()
    assert company.after(lambda each: each.rename(company.ann, "安娜")) == []
    assert len(company.after(lambda each: each.move(company.ann, company.other))) == 1
    assert company.after(lambda each: each.edit(company.ann, mobile="+8613000000009")) == []
    company.after(lambda each: each.configure(enabled=False))
    assert company.after(lambda each: each.rename(company.ann, "安")) == []


def test_an_edit_that_changes_nothing_and_a_verb_that_fails_are_not_told() -> None:
    company = Company()
    assert company.after(lambda each: each.rename(company.ann, "安")) == []
    with pytest.raises(LabError):
        company.workspace.close_department(company.top)
    assert company.pusher.pending == 0


def test_the_old_envelope_carries_ids_and_changes_of_status() -> None:
    company = Company(choices=Choices(event_schema="1.0"))
    person = company.workspace.users[company.ann]
    ids = {"open_id": person.open_id, "employee_id": person.user_id, "union_id": person.union_id}
    [(kind, event)] = company.after(lambda each: each.rename(company.ann, "安娜"))
    base = {"app_id": company.workspace.app_id, "tenant_key": company.workspace.tenant_key}
    assert event == {"type": "user_update", **base, **ids}
    document = company.receiver.events[-1]
    assert set(document) == {"ts", "uuid", "token", "type", "event"}
    assert abs(float(document["ts"]) - company.clock.now().timestamp()) < 1
    [(kind, event)] = company.after(lambda each: each.freeze(company.ann))
    assert kind == "user_status_change"
    assert event["current_status"] == {"is_active": True, "is_frozen": True, "is_resigned": False}
    [(kind, event)] = company.after(lambda each: each.rename_department(company.team, "平台部"))
    assert kind == "dept_update"
    assert event["department"]["open_id"] == event["open_department_id"] == company.team
    kinds = [
        kind
        for happen in (
            lambda each: each.resign(company.ann),
            lambda each: each.hire(company.other),
            lambda each: each.add_department("新"),
            lambda each: each.close_department(company.team),
            lambda each: each.set_range([company.top]),
        )
        for kind, _ in company.after(happen)
    ]
    assert kinds == ["user_leave", "user_status_change", "user_add", "dept_add", "dept_delete", "contact_scope_change"]


def test_a_careless_app_gets_both_envelopes() -> None:
    company = Company(choices=Choices(event_schema="both"))
    assert [kind for kind, _ in company.after(lambda each: each.resign(company.ann))] == [
        DELETED,
        "user_leave",
        "user_status_change",
    ]


def test_redeliveries_carry_the_same_text_signed_anew() -> None:
    company = Company()
    company.receiver.moods = [REFUSED]
    company.after(lambda each: each.rename(company.ann, "安娜"))
    company.pusher.drain()
    first, second = company.receiver.texts
    assert first == second
    (_, headers, body), (_, again, other_body) = company.receiver.sent[-2:]
    assert headers["X-Lark-Request-Nonce"] != again["X-Lark-Request-Nonce"]
    assert int(again["X-Lark-Request-Timestamp"]) - int(headers["X-Lark-Request-Timestamp"]) == 15
    assert body != other_body


@pytest.mark.parametrize(
    "spoilt",
    [
        {"echo": lambda challenge: challenge + "x"},
        {"slow_s": 1.2},
        {"answer": lambda text: Answer(500, {}, text.encode())},
        {"answer": lambda text: Answer(200, {}, b"ok")},
    ],
)
def test_an_url_that_does_not_pass_the_challenge_is_not_subscribed(spoilt: dict[str, Any]) -> None:
    clock = ManualLabClock()
    workspace, receiver = LarkWorkspace(clock=clock), LarkReceiver(clock)
    for name, value in spoilt.items():
        setattr(receiver, name, value)
    with pytest.raises(LabError, match="check"):
        workspace.subscribe(URL, LARK_KEY, LARK_TOKEN, send=receiver)
    workspace.add_department("研发")
    assert workspace.pusher is None
    assert receiver.texts == []


def test_a_failed_subscription_leaves_the_former_one_alone() -> None:
    company = Company()
    broken = LarkReceiver(company.clock, echo=lambda challenge: "")
    with pytest.raises(LabError):
        company.workspace.subscribe(URL, LARK_KEY, LARK_TOKEN, send=broken)
    assert len(company.after(lambda each: each.rename(company.ann, "安娜"))) == 1


def test_to_subscribe_the_app_needs_a_permission_and_an_url_of_this_machine() -> None:
    workspace = LarkWorkspace(clock=ManualLabClock())
    with pytest.raises(LabError, match="loopback"):
        workspace.subscribe("https://rollcall.example/events", LARK_KEY, LARK_TOKEN)
    workspace.revoke("contact:contact.base:readonly")
    with pytest.raises(LabError, match="needs one of"):
        workspace.subscribe(URL, LARK_KEY, LARK_TOKEN, send=LarkReceiver(ManualLabClock()))
