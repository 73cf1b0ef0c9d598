"""Reads that are behind the events: the company as it was, whole and in its order, until the lag is over."""

from infra.lab.clock import ManualLabClock
from infra.lab.lark import LarkWorkspace
from infra.lab.push import Trouble
from tests.infra.lab.lab_client import a_lab
from tests.infra.lab.push_receiver import LARK_KEY, LARK_TOKEN, URL, LarkReceiver


class Company:
    """A small company whose reads are 5 seconds behind."""

    def __init__(self) -> None:
        self.clock = ManualLabClock()
        self.workspace = workspace = LarkWorkspace(clock=self.clock)
        self.top = workspace.add_department("研发")
        self.team = workspace.add_department("平台", self.top)
        self.other = workspace.add_department("销售")
        self.boss = workspace.add_user("老板", self.top)
        self.ann = workspace.add_user("安", self.team)
        self.pusher = workspace.subscribe(
            URL, LARK_KEY, LARK_TOKEN, send=LarkReceiver(self.clock), trouble=Trouble(lag_s=5)
        )


def test_reads_may_lag_behind_the_event() -> None:
    company = Company()
    lab = a_lab(company.workspace, clock=company.clock)

    def seen() -> tuple[dict[str, str], list[str]]:
        departments, people = lab.walk()
        return {each["open_id"]: each["name"] for each in people.values()}, sorted(departments)

    before = seen()
    hired = company.workspace.hire(company.team, name="新人")
    company.workspace.resign(company.boss)
    company.workspace.rename(company.ann, "安娜")
    company.workspace.close_branch(company.other)
    assert company.pusher.push_due() == 4
    assert seen() == before
    assert lab.get(f"departments/{company.top}").data["department"]["member_count"] == 2
    assert hired in company.workspace.members(company.team)
    company.clock.sleep(5)
    assert seen()[0] == {company.ann: "安娜", hired: "新人"}
    assert company.other not in seen()[1]


def test_changes_come_to_light_in_their_order_one_by_one() -> None:
    company = Company()
    lab = a_lab(company.workspace, clock=company.clock)
    names = []
    for name in ("一", "二", "三"):
        company.workspace.rename(company.ann, name)
        company.clock.sleep(2)
    for _ in range(4):
        names.append(lab.get(f"users/{company.ann}").data["user"]["name"])
        company.clock.sleep(2)
    assert names == ["一", "二", "三", "三"]


def test_pages_do_not_tear_when_reads_lag() -> None:
    clock = ManualLabClock()
    workspace = LarkWorkspace.generate(3, 60, 8, clock=clock)
    lab = a_lab(workspace, clock=clock)
    workspace.subscribe(URL, LARK_KEY, LARK_TOKEN, send=LarkReceiver(clock), trouble=Trouble(lag_s=60))
    before = lab.walk()
    truth = workspace.truth()
    workspace.mutate_randomly(4, 40)
    while_late = lab.walk()
    assert while_late == before
    assert [list(each) for each in while_late] == [list(each) for each in before]
    assert workspace.truth() != truth
    changed = workspace.truth()
    clock.sleep(60)
    _, people = lab.walk()
    assert {key for key, each in changed["people"].items() if each["state"] != "resigned"} == set(people)
    assert workspace.truth() == changed
