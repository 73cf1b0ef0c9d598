"""When events are pushed, how often, and what gets lost on the way; nothing here depends on the vendor."""

from typing import Any

import pytest

from infra.lab.clock import ManualLabClock
from infra.lab.lark import LarkWorkspace
from infra.lab.push import Pusher, Trouble, http_send, refuse_strangers
from infra.lab.wire import LabError
from tests.infra.lab.push_receiver import LARK_KEY, LARK_TOKEN, REFUSED, TIMED_OUT, URL, LarkReceiver


def a_company(trouble: Trouble | None = None, **moods: Any) -> tuple[LarkWorkspace, LarkReceiver, Pusher]:
    clock = ManualLabClock()
    workspace = LarkWorkspace.generate(1, 40, 6, clock=clock)
    receiver = LarkReceiver(clock, **moods)
    return workspace, receiver, workspace.subscribe(URL, LARK_KEY, LARK_TOKEN, send=receiver, trouble=trouble)


def test_an_acknowledged_event_is_pushed_once() -> None:
    company, receiver, pusher = a_company()
    company.hire()
    assert pusher.pending == 1
    assert pusher.push_due() == 1
    assert pusher.drain() == 0
    assert len(receiver.texts) == 1
    assert pusher.counters == {
        "events": 1,
        "pushed": 1,
        "acknowledged": 1,
        "redelivered": 0,
        "duplicated": 0,
    }


@pytest.mark.parametrize("mood", [REFUSED, TIMED_OUT, ConnectionRefusedError()])
def test_a_refused_event_comes_again_by_the_schedule_and_is_given_up_in_the_end(mood: Any) -> None:
    company, receiver, pusher = a_company(moods=[mood] * 9)
    company.hire()
    pusher.drain()
    first, *others = receiver.when
    assert [each - first for each in others] == [15, 315, 3915, 25515]
    assert [each.tries for each in pusher.attempts] == [1, 2, 3, 4, 5]
    assert (pusher.counters["pushed"], pusher.counters["redelivered"]) == (5, 4)
    assert (pusher.counters["acknowledged"], pusher.counters["given_up"]) == (0, 1)


def test_redelivery_ends_with_the_first_acknowledgement() -> None:
    company, receiver, pusher = a_company(moods=[REFUSED, REFUSED])
    company.hire()
    pusher.drain()
    assert len(receiver.texts) == 3
    assert (pusher.counters["acknowledged"], pusher.counters["given_up"]) == (1, 0)


def test_nothing_is_pushed_before_it_is_due() -> None:
    company, receiver, pusher = a_company(moods=[REFUSED])
    clock = receiver.clock
    company.hire()
    pusher.push_due()
    clock.sleep(14)
    assert pusher.push_due() == 0
    clock.sleep(1)
    assert pusher.push_due() == 1


def test_an_answer_that_comes_late_does_not_count() -> None:
    company, receiver, pusher = a_company()
    receiver.slow_s = 3.1
    company.hire()
    pusher.push_due()
    assert pusher.counters["acknowledged"] == 0
    receiver.slow_s = 2.9
    pusher.drain()
    assert pusher.counters["acknowledged"] == 1
    assert [each.acknowledged for each in pusher.attempts] == [False, True]


def test_a_delay_holds_every_event_back() -> None:
    company, receiver, pusher = a_company(Trouble(delay_s=7))
    company.hire()
    assert pusher.push_due() == 0
    receiver.clock.sleep(7)
    assert pusher.push_due() == 1


def test_with_a_delay_and_a_lag_reads_catch_up_after_the_push() -> None:
    company, receiver, _ = a_company(Trouble(delay_s=7, lag_s=2))
    person = company.some_person()
    company.rename(person, "新名")
    names = []
    for _ in range(10):
        with company.as_shown(receiver.clock.now()):
            names.append(company.users[person].name)
        receiver.clock.sleep(1)
    assert [name == "新名" for name in names] == [False] * 9 + [True]
    assert company.users[person].name == "新名"


def history(trouble: Trouble) -> tuple[list[Any], Pusher]:
    company, receiver, pusher = a_company(trouble)
    for number in range(60):
        company.rename(company.some_person(number), f"名{number}")
    pusher.drain()
    return [each["event"]["object"]["name"] for each in receiver.events], pusher


def test_trouble_is_the_same_for_the_same_seed() -> None:
    trouble = {"lose": 0.2, "duplicate": 0.3, "reorder": 0.3}
    first, second, other = (history(Trouble(seed=seed, **trouble))[0] for seed in (1, 1, 2))
    assert first == second
    assert first != other


def test_lost_events_never_come() -> None:
    names, pusher = history(Trouble(lose=0.25))
    assert 5 < pusher.counters["lost"] < 25
    assert len(names) == 60 - pusher.counters["lost"]


def test_duplicates_come_again_though_they_were_acknowledged() -> None:
    names, pusher = history(Trouble(duplicate=0.5))
    assert 15 < pusher.counters["duplicated"] < 45
    assert len(names) == 60 + pusher.counters["duplicated"]
    assert pusher.counters["acknowledged"] == len(names)
    assert len({each.event_id for each in pusher.attempts}) == 60


def test_reordering_changes_the_order_and_loses_nothing() -> None:
    names, _ = history(Trouble(reorder=0.5))
    straight, _ = history(Trouble())
    assert sorted(names) == sorted(straight)
    assert names != straight


def test_a_duplicate_that_is_refused_is_not_repeated() -> None:
    company, receiver, pusher = a_company(Trouble(duplicate=1.0, duplicate_s=1.0))
    receiver.on_event = lambda event: receiver.moods.append(REFUSED) if len(receiver.texts) == 2 else None
    company.hire()
    pusher.drain()
    assert len(receiver.texts) == 2
    assert pusher.counters["given_up"] == 0


def test_unsubscribed_nothing_is_pushed_and_reads_are_current() -> None:
    company, receiver, pusher = a_company(Trouble(lag_s=100))
    person = company.some_person()
    company.rename(person, "新名")
    company.unsubscribe()
    company.rename(person, "更新")
    with company.as_shown(receiver.clock.now()):
        assert company.users[person].name == "更新"
    assert company.pusher is None
    assert pusher.counters["events"] == 1


def test_a_storm_makes_so_many_events_within_a_minute() -> None:
    company, receiver, pusher = a_company()
    started = receiver.clock.now().timestamp()
    blown = company.storm(120, seed=3)
    pusher.push_due()
    assert isinstance(blown["events"], int)
    assert 120 <= blown["events"] == pusher.counters["events"] == len(receiver.texts)
    assert 55 < receiver.when[-1] - started <= 62
    assert len({each["header"]["event_type"] for each in receiver.events}) >= 4


def test_the_receiver_may_read_and_change_the_company_while_it_answers() -> None:
    company, receiver, pusher = a_company()
    receiver.on_event = lambda event: company.hire() if len(receiver.texts) < 3 else company.truth()
    company.hire()
    pusher.drain()
    assert pusher.counters["acknowledged"] == 3


def test_a_storm_needs_somebody_who_listens() -> None:
    with pytest.raises(LabError):
        LarkWorkspace.generate(1, 20, 4).storm(5)


@pytest.mark.parametrize("url", ["http://example.com/x", "http://10.0.0.1/", "ftp://127.0.0.1/", "http://0.0.0.0/"])
def test_the_lab_writes_to_this_machine_only(url: str) -> None:
    with pytest.raises(LabError):
        http_send(url, {}, b"")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "http://localhost/", "http://[::1]:8000/x?y=1"])
def test_any_address_of_this_machine_will_do(url: str) -> None:
    refuse_strangers(url)


def test_the_same_company_makes_the_same_history_whether_or_not_it_is_pushed() -> None:
    company, _, _ = a_company(Trouble(lag_s=5))
    silent = LarkWorkspace.generate(1, 40, 6, clock=ManualLabClock())
    assert company.mutate_randomly(7, 60) == silent.mutate_randomly(7, 60)
    assert company.truth() == silent.truth()
