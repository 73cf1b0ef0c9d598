"""What DingTalk pushes for each thing that can happen; sealing against vectors made with other libraries."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.lab.clock import ManualLabClock
from infra.lab.dingtalk import Choices, DingTalkWorkspace
from infra.lab.dingtalk.events import DingTalkChannel, Envelope
from infra.lab.push import Pusher, Trouble
from infra.lab.wire import Answer, LabError
from tests.infra.lab.dingtalk_client import a_lab
from tests.infra.lab.push_receiver import AES_KEY, DING_TOKEN, REFUSED, URL, DingTalkReceiver, ding_decrypt

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/dingtalk.json").read_text(encoding="utf-8"))
CLASSIC = Choices(event_modify_follows=0)
NEW = Choices(event_modify_follows=0, event_spelling="new")


class Company:
    """A small company with an app that is told what happens in it."""

    def __init__(
        self, choices: Choices = CLASSIC, *, edition: Any = "standard", trouble: Trouble | None = None
    ) -> None:
        self.clock = ManualLabClock()
        self.workspace = workspace = DingTalkWorkspace(clock=self.clock, edition=edition)
        self.top = workspace.add_department("研发")
        self.team = workspace.add_department("平台", self.top)
        self.other = workspace.add_department("销售")
        self.boss = workspace.add_user("老板", self.top)
        self.ann = workspace.add_user("安", self.team, work_place="北京")
        self.receiver = DingTalkReceiver(self.clock)
        self.pusher: Pusher = workspace.subscribe(
            URL, AES_KEY, DING_TOKEN, send=self.receiver, trouble=trouble, choices=choices
        )

    def after(self, happen: Callable[[DingTalkWorkspace], object]) -> list[tuple[str, list[Any]]]:
        """Let something happen and tell the events it set off: their types and ids."""
        told = len(self.receiver.texts)
        happen(self.workspace)
        self.pusher.push_due()
        return [
            (each["EventType"], next(each[name] for name in ("UserId", "userId", "DeptId", "deptId") if name in each))
            for each in self.receiver.events[told:]
        ]


@pytest.mark.parametrize("vector", VECTORS["events"], ids=lambda vector: str(vector["name"]))
def test_texts_are_sealed_and_signed_as_the_vectors_are(vector: Any) -> None:
    envelope, sealed = Envelope(vector["aes_key"], vector["token"], vector["owner_key"]), vector["body"]["encrypt"]
    salt, text, owner = ding_decrypt(sealed, vector["aes_key"])
    assert (text, owner) == (vector["plaintext"], vector["owner_key"])
    assert envelope.seal(text, salt) == sealed
    assert envelope.open(sealed) == text
    assert envelope.sign(vector["timestamp"], vector["nonce"], sealed) == vector["signature"]


@pytest.mark.parametrize("vector", VECTORS["replies"], ids=lambda vector: str(vector["reply"]["nonce"]))
def test_replies_are_taken_as_the_vectors_are(vector: Any) -> None:
    channel = DingTalkChannel(
        URL, Envelope(vector["aes_key"], vector["token"], vector["owner_key"]), Choices(), seed=""
    )
    assert channel.accepts(Answer(200, {}, json.dumps(vector["reply"]).encode()))
    other = Envelope(vector["aes_key"], vector["token"], "dingother")
    assert not DingTalkChannel(URL, other, Choices(), seed="").accepts(
        Answer(200, {}, json.dumps(vector["reply"]).encode())
    )


def test_the_classic_spelling_is_bare() -> None:
    company = Company()
    company.after(lambda each: each.rename(company.ann, "安娜"))
    assert company.receiver.events == [
        {
            "EventType": "user_modify_org",
            "TimeStamp": str(int(company.clock.now().timestamp() * 1000)),
            "CorpId": company.workspace.corp_id,
            "UserId": [company.ann],
        }
    ]


def test_the_new_spelling_has_an_id_and_hints_at_what_changed() -> None:
    company = Company(NEW)
    company.after(lambda each: each.edit(company.ann, name="安娜", work_place="", title="工程师"))
    company.after(lambda each: each.move_department(company.team, company.other))
    first, second = company.receiver.events
    assert set(first) == {
        "EventType",
        "EventTime",
        "CorpId",
        "BizId",
        "eventId",
        "timeStamp",
        "userId",
        "diffInfo",
    }
    assert isinstance(first["EventTime"], int)
    assert isinstance(first["timeStamp"], str)
    assert first["diffInfo"] == {
        "prev": {"name": "安", "workPlace": "北京"},
        "curr": {"name": "安娜"},
        "userid": company.ann,
    }
    assert second["deptId"] == [int(company.team)]
    assert first["eventId"] != second["eventId"]


def test_the_difference_is_told_only_of_some_fields_and_by_choice() -> None:
    company = Company(NEW)
    company.after(lambda each: each.move(company.ann, company.other))
    silent = Company(Choices(event_spelling="new", event_diff=False))
    silent.after(lambda each: each.rename(silent.ann, "安娜"))
    assert not any("diffInfo" in each for each in (*company.receiver.events, *silent.receiver.events))


@pytest.mark.parametrize(
    ("happen", "kind"),
    [
        (lambda c, w: w.rename(c.ann, "安娜"), "user_modify_org"),
        (lambda c, w: w.move(c.ann, [c.other, c.team]), "user_modify_org"),
        (lambda c, w: w.set_manager(c.ann, c.boss), "user_modify_org"),
        (lambda c, w: w.set_custom(c.ann, "成本中心", "42"), "user_modify_org"),
        (lambda c, w: w.edit(c.ann, admin_level=2), "org_admin_add"),
        (lambda c, w: w.leave(c.ann), "user_leave_org"),
    ],
)
def test_what_happens_to_a_person_is_one_event_with_the_userid(
    happen: Callable[[Company, DingTalkWorkspace], object], kind: str
) -> None:
    company = Company()
    assert company.after(lambda each: happen(company, each)) == [(kind, [company.ann])]


def test_someone_hired_and_activated_is_told_twice() -> None:
    company = Company()
    hired: list[str] = []
    [(kind, ids)] = company.after(lambda each: hired.append(each.hire(company.team)))
    assert (kind, ids) == ("user_add_org", hired)
    assert company.after(lambda each: each.activate(hired[0])) == [("user_active_org", hired)]
    assert company.after(lambda each: each.leave(hired[0])) == [("user_leave_org", hired)]
    assert company.after(lambda each: each.hire(company.top, userid=hired[0])) == [("user_add_org", hired)]


def test_a_newcomer_is_often_told_as_modified_at_once() -> None:
    company = Company(Choices(event_modify_follows=0.5))
    for _ in range(20):
        company.workspace.hire(company.team)
    company.pusher.push_due()
    kinds = company.receiver.kinds
    assert kinds.count("user_add_org") == 20
    assert 3 < kinds.count("user_modify_org") < 17


def test_an_enterprise_account_switched_off_is_told() -> None:
    company = Company(edition="dedicated")
    owned = company.workspace.add_user("账", company.team, account="sso")
    company.pusher.push_due()
    assert company.after(lambda each: each.disable(owned)) == [("user_modify_org", [owned])]


def test_private_changes_and_no_changes_are_not_told() -> None:
    company = Company()
    assert company.after(lambda each: each.edit(company.ann, nickname="小安", avatar="https://a.example/1.png")) == []
    assert company.after(lambda each: each.rename(company.ann, "安")) == []


def test_the_contact_range_is_not_told_and_does_not_matter() -> None:
    company = Company()
    assert company.after(lambda each: each.set_range([company.other])) == []
    assert company.after(lambda each: each.rename(company.ann, "安娜")) == [("user_modify_org", [company.ann])]


@pytest.mark.parametrize(
    ("happen", "kind"),
    [
        (lambda c, w: w.rename_department(c.top, "研发部"), "org_dept_modify"),
        (lambda c, w: w.edit_department(c.top, code="D1"), "org_dept_modify"),
        (lambda c, w: w.move_department(c.top, c.other), "org_dept_modify"),
        (lambda c, w: w.set_leader(c.top, c.boss), "org_dept_modify"),
    ],
)
def test_what_happens_to_a_branch_is_one_event_with_its_id(
    happen: Callable[[Company, DingTalkWorkspace], object], kind: str
) -> None:
    company = Company()
    assert company.after(lambda each: happen(company, each)) == [(kind, [int(company.top)])]


def test_departments_come_and_go_and_a_removed_branch_lists_all_its_ids() -> None:
    company = Company()
    company.workspace.move(company.boss, [company.top, company.other])
    company.pusher.push_due()
    made: list[str] = []
    assert company.after(lambda each: made.append(each.add_department("测试", company.top))) == [
        ("org_dept_create", [int(made[0])])
    ]
    assert company.after(lambda each: each.close_department(made[0])) == [("org_dept_remove", [int(made[0])])]
    events = company.after(lambda each: each.close_branch(company.top))
    assert events == [
        ("user_modify_org", [company.boss]),
        ("user_leave_org", [company.ann]),
        ("org_dept_remove", [int(company.team), int(company.top)]),
    ]


def test_people_who_leave_together_share_an_event() -> None:
    company = Company()
    [(kind, ids), _] = company.after(lambda each: each.close_branch(company.top))
    assert (kind, set(ids)) == ("user_leave_org", {company.boss, company.ann})


@pytest.mark.parametrize("told", [False, True])
def test_what_a_leaver_led_and_whom_a_leaver_managed_is_told_only_by_choice(told: bool) -> None:
    company = Company(Choices(event_consequences=told))
    company.workspace.set_manager(company.ann, company.boss)
    company.workspace.set_leader(company.top, company.boss)
    company.pusher.push_due()
    kinds = {kind for kind, _ in company.after(lambda each: each.leave(company.boss))}
    assert kinds == {"user_leave_org"} | ({"user_modify_org", "org_dept_modify"} if told else set())


def test_roles_are_told_by_labels() -> None:
    company = Company(NEW)
    role, other = company.workspace.add_role("财务"), company.workspace.add_role("人事")
    company.workspace.set_roles(company.ann, [role])
    company.workspace.set_roles(company.ann, [other])
    company.pusher.push_due()
    told = [(each["EventType"], each.get("action"), each["labelIdList"]) for each in company.receiver.events]
    assert told == [
        ("label_conf_add", None, [role]),
        ("label_conf_add", None, [other]),
        ("label_user_change", "add", [role]),
        ("label_user_change", "add", [other]),
        ("label_user_change", "remove", [role]),
    ]
    assert company.receiver.events[2]["userIdList"] == [company.ann]


def test_ids_are_whole_numbers_however_long() -> None:
    company = Company()
    for number in range(12):
        company.workspace.add_department(f"部门{number}")
    company.pusher.push_due()
    ids = [each["DeptId"][0] for each in company.receiver.events]
    assert any(each > 2**53 for each in ids)
    assert set(ids) <= set(company.workspace.departments)


@pytest.mark.parametrize("owner", ["app_key", "corp_id"])
@pytest.mark.parametrize("name", ["both", "msg_signature", "signature"])
@pytest.mark.parametrize("timestamp", ["timestamp", "timeStamp"])
def test_names_in_the_url_and_the_owner_are_a_choice(owner: Any, name: Any, timestamp: Any) -> None:
    company = Company(
        Choices(event_owner=owner, event_signature_name=name, event_timestamp_name=timestamp, event_modify_follows=0)
    )
    assert len(company.after(lambda each: each.rename(company.ann, "安娜"))) == 1
    assert company.receiver.owner == getattr(company.workspace, owner)
    assert timestamp in company.receiver.sent[-1][0]
    assert company.pusher.counters["acknowledged"] == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda reply: reply.update(msg_signature="0" * 40),
        lambda reply: reply.update(timeStamp=1783610513),
        lambda reply: reply.update(nonce="other"),
        lambda reply: reply.pop("encrypt"),
        lambda reply: reply.update(encrypt=reply["encrypt"][:-4]),
    ],
)
def test_a_reply_that_is_not_proven_is_none(spoil: Callable[[dict[str, Any]], object]) -> None:
    company = Company()
    company.receiver.spoil = spoil
    company.after(lambda each: each.rename(company.ann, "安娜"))
    assert company.pusher.counters["acknowledged"] == 0
    company.receiver.spoil = lambda reply: None
    company.pusher.drain()
    assert company.pusher.counters["acknowledged"] == 1


@pytest.mark.parametrize("answer", [Answer(200, {}, b"success"), Answer(200, {}, b"{}"), REFUSED, Answer(204, {}, b"")])
def test_a_plain_success_is_refused_and_the_text_comes_again(answer: Answer) -> None:
    company = Company()
    company.receiver.moods = [answer] * 5
    company.after(lambda each: each.rename(company.ann, "安娜"))
    company.pusher.drain()
    assert company.pusher.counters["given_up"] == 1
    assert len(set(company.receiver.texts)) == 1
    first, *others = company.receiver.when
    assert [each - first for each in others] == [10, 40, 100, 220]


@pytest.mark.parametrize(
    "spoilt", [{"reply": "ok"}, {"slow_s": 1.6}, {"answer": lambda text: Answer(200, {}, b"success")}]
)
def test_an_url_that_does_not_pass_the_check_is_not_subscribed(spoilt: dict[str, Any]) -> None:
    clock = ManualLabClock()
    workspace, receiver = DingTalkWorkspace(clock=clock), DingTalkReceiver(clock)
    for name, value in spoilt.items():
        setattr(receiver, name, value)
    with pytest.raises(LabError, match="check"):
        workspace.subscribe(URL, AES_KEY, DING_TOKEN, send=receiver)
    assert workspace.pusher is None


def test_an_answer_within_the_events_deadline_may_be_slower_than_the_checks() -> None:
    company = Company()
    company.receiver.slow_s = 2.0
    company.after(lambda each: each.rename(company.ann, "安娜"))
    assert company.pusher.counters["acknowledged"] == 1
    company.receiver.slow_s = 2.6
    company.after(lambda each: each.rename(company.ann, "安"))
    assert company.pusher.counters["acknowledged"] == 1


@pytest.mark.parametrize(("key", "token"), [(AES_KEY[:-1], DING_TOKEN), (AES_KEY, "a-b"), (AES_KEY, "ab")])
def test_a_malformed_key_or_token_is_refused(key: str, token: str) -> None:
    workspace = DingTalkWorkspace(clock=ManualLabClock())
    with pytest.raises(LabError):
        workspace.subscribe(URL, key, token, send=DingTalkReceiver(ManualLabClock()))


def test_reads_may_lag_behind_the_event() -> None:
    clock = ManualLabClock()
    workspace = DingTalkWorkspace.generate(3, 60, 8, clock=clock, edition="dedicated")
    lab = a_lab(workspace, clock=clock)
    workspace.subscribe(URL, AES_KEY, DING_TOKEN, send=DingTalkReceiver(clock), trouble=Trouble(lag_s=60))
    before = lab.walk()
    workspace.mutate_randomly(4, 40)
    while_late = lab.walk()
    assert while_late == before
    assert [list(each) for each in while_late] == [list(each) for each in before]
    changed = workspace.truth()
    clock.sleep(60)
    _, people = lab.walk()
    assert {key for key, each in changed["people"].items() if each["state"] != "left"} == set(people)
    assert workspace.truth() == changed


def test_somebody_told_as_new_may_not_be_found_yet() -> None:
    company = Company(trouble=Trouble(lag_s=3))
    lab = a_lab(company.workspace, clock=company.clock)
    found: list[int] = []
    company.receiver.on_event = lambda event: found.append(lab.post("v2/user/get", userid=event["UserId"][0]).code)
    hired = company.workspace.hire(company.team)
    company.pusher.push_due()
    assert found == [60121]
    company.clock.sleep(3)
    assert lab.post("v2/user/get", userid=hired).code == 0
