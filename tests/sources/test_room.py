from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib import wiring
from chalicelib.core.errors import ConflictError, ForbiddenError, MalformedError, NotFoundError, StoreConflictError
from chalicelib.core.model import State
from chalicelib.core.principal import TERMINAL, Principal, Role
from chalicelib.core.secret import Secret
from chalicelib.core.source import Schedule, Source, Turn, due_at
from chalicelib.core.spread import minute
from chalicelib.core.task import TaskStatus
from chalicelib.sources.draft import Draft
from chalicelib.sources.room import Edited, Sources
from tests.scripted import House, a_company

OWNER = Principal(key="ou_owner", role=Role.OWNER, door="src-hq", where="oc_1")
OPERATOR = Principal(key="ou_op", role=Role.OPERATOR, door="src-hq")
HOUR = timedelta(hours=1)


@pytest.fixture
def house() -> House:
    """With the source hq already."""
    house = House(a_company(people=6, departments=2))
    house.pass_time(seconds=1)  # so that what is audited next stands after its creation
    return house


@pytest.fixture
def sources(house: House) -> Sources:
    return wiring.rooms().sources


def within(house: House, source: Source, cycle: timedelta) -> datetime:
    """Tell the last instant within a cycle that falls on the source's own minute of the hour."""
    ends = house.clock.now() + cycle
    return max(
        at
        for minutes in range(60)
        if (at := ends.replace(second=0, microsecond=0) - timedelta(minutes=minutes)).minute == minute(source.uid)
    )


def hq(house: House) -> Source:
    return house.outside.catalog.source("hq")


def another(sources: Sources, handle: str) -> Source:
    secrets = {"app_secret": Secret("s3cret")}
    settings = {"app_id": "cli_2"}
    draft = Draft(handle=handle, kind="scripted", name="分部", cycle_hours=24, settings=settings, secrets=secrets)
    return sources.create(TERMINAL, draft, activate_gate=False).source


def last_line(house: House) -> tuple[str, str, str | None]:
    line = house.audit()[0]
    return line.verb, line.outcome, line.source


# --- enabled or not


def test_a_disabled_source_keeps_its_people_and_is_not_synced(house: House, sources: Sources) -> None:
    house.sync()
    edited = sources.disable(OWNER, "hq")
    assert (edited.changed, edited.source.enabled, due_at(edited.source)) == (True, False, None)
    assert house.state("p1") is State.ACTIVE
    with pytest.raises(ConflictError, match="source is disabled"):
        house.requests.sync_now(TERMINAL, "hq")
    house.pass_time(days=3)
    house.requests.tick()
    assert house.tasks.waiting(house.source.uid) == []


def test_disabling_twice_says_that_it_was_so(house: House, sources: Sources) -> None:
    first = sources.disable(OWNER, "hq")
    house.pass_time(seconds=1)
    second = sources.disable(OWNER, "hq")
    assert second == Edited(source=first.source, changed=False)
    assert last_line(house) == ("source disable", "done", house.source.uid)


def test_enabling_what_is_enabled_changes_nothing(house: House, sources: Sources) -> None:
    before = hq(house)
    assert sources.enable(OWNER, "hq") == Edited(source=before, changed=False)
    assert hq(house) == before


def test_a_source_that_is_enabled_again_is_synced_a_cycle_later(house: House, sources: Sources) -> None:
    sources.disable(OWNER, "hq")
    house.pass_time(days=30)
    enabled = sources.enable(OWNER, "hq").source
    assert due_at(enabled) == within(house, enabled, 24 * HOUR)
    house.requests.tick()
    assert house.tasks.waiting(enabled.uid) == []


def test_enabling_keeps_the_rule_on_how_many(house: House, sources: Sources) -> None:
    sources.disable(OWNER, "hq")
    for handle in ("a", "b", "c", "d", "e"):
        another(sources, handle)
    house.pass_time(seconds=1)
    with pytest.raises(ConflictError, match="too many enabled sources"):
        sources.enable(OWNER, "hq")
    assert not hq(house).enabled
    assert last_line(house) == ("source enable", "too many enabled sources", house.source.uid)


def test_disabling_cancels_what_waits(house: House, sources: Sources) -> None:
    asked = house.requests.sync_now(TERMINAL, "hq").task
    sources.disable(OWNER, "hq")
    ended = house.tasks.get(asked.task_id)
    assert ended.status is TaskStatus.CANCELLED
    assert ended.reason is not None
    assert (ended.reason.code, ended.reason.facts["by"]) == ("cancelled with its source", "ou_owner")
    assert house.tasks.waiting(house.source.uid) == []


def test_what_a_killed_disabling_left_is_cancelled_by_the_runner(house: House, sources: Sources) -> None:
    asked = house.requests.sync_now(TERMINAL, "hq").task
    before = hq(house)
    assert house.outside.catalog.update(replace(before, enabled=False), instead_of=before)
    house.work()
    assert house.tasks.get(asked.task_id).status is TaskStatus.CANCELLED
    assert house.connectors.opened == []


def test_the_effect_of_disabling_is_who_has_access(house: House, sources: Sources) -> None:
    house.company.people["p1"]["state"] = State.SUSPENDED
    house.company.people["p2"]["state"] = State.INVITED
    house.sync()
    house.company.leave("p3")
    house.sync()
    assert sources.effect_of_disabling("hq") == 4


# --- schedules


def test_a_cycle_counts_from_when_it_is_set(house: House, sources: Sources) -> None:
    house.pass_time(hours=3)
    edited = sources.schedule(OWNER, "hq", every=6 * HOUR)
    assert edited.changed
    assert (edited.source.schedule.cycle, due_at(edited.source)) == (6 * HOUR, within(house, edited.source, 6 * HOUR))


def test_a_cron_is_due_at_its_next_time_there(house: House, sources: Sources) -> None:
    edited = sources.schedule(OWNER, "hq", cron="30  3 * * *", zone="Asia/Shanghai").source
    assert edited.schedule == Schedule(cron="30 3 * * *", zone="Asia/Shanghai")
    assert due_at(edited) == datetime(2026, 11, 22, 19, 30, tzinfo=UTC)
    moved = sources.schedule(OWNER, "hq", zone="Europe/Berlin").source
    assert due_at(moved) == datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
    assert sources.schedule(OWNER, "hq", every=2 * HOUR).source.schedule == Schedule(
        cycle=2 * HOUR, zone="Europe/Berlin"
    )


def test_turning_automatic_syncs_off_and_on_keeps_the_schedule(house: House, sources: Sources) -> None:
    sources.schedule(OWNER, "hq", cron="30 3 * * *")
    off = sources.auto(OWNER, "hq", on=False).source
    assert (due_at(off), off.schedule.cron) == (None, "30 3 * * *")
    house.pass_time(days=10)
    house.requests.tick()
    assert house.tasks.waiting(off.uid) == []
    on = sources.auto(OWNER, "hq", on=True).source
    assert due_at(on) == datetime(2026, 12, 3, 3, 30, tzinfo=UTC)
    assert not sources.auto(OWNER, "hq", on=True).changed
    assert last_line(house) == ("auto on", "done", house.source.uid)


def test_a_schedule_that_is_set_while_it_is_off_stays_off(house: House, sources: Sources) -> None:
    sources.auto(OWNER, "hq", on=False)
    assert due_at(sources.schedule(OWNER, "hq", every=HOUR).source) is None


@pytest.mark.parametrize("hours", [0, 0.5, 1.5, 25, -1])
def test_a_cycle_is_whole_hours_from_one_to_a_day(house: House, sources: Sources, hours: float) -> None:
    with pytest.raises(MalformedError, match="cycle breaks its rule"):
        sources.schedule(OWNER, "hq", every=timedelta(hours=hours))
    assert hq(house).schedule == Schedule()


def test_a_schedule_is_a_cycle_or_a_cron(house: House, sources: Sources) -> None:
    with pytest.raises(MalformedError, match="cycle or cron"):
        sources.schedule(OWNER, "hq", every=HOUR, cron="0 3 * * *")
    assert last_line(house)[:2] == ("schedule", "cycle or cron")


# --- the rest


def test_the_limit_for_a_second_person_is_kept(house: House, sources: Sources) -> None:
    assert sources.second_person(OWNER, "hq", 5).source.guard.second_person == 5
    assert hq(house).guard == replace(house.source.guard, second_person=5)
    with pytest.raises(MalformedError, match="limit breaks its rule"):
        sources.second_person(OWNER, "hq", -1)


def test_only_owners_edit(house: House, sources: Sources) -> None:
    edits: tuple[Callable[[], Edited], ...] = (
        lambda: sources.enable(OPERATOR, "hq"),
        lambda: sources.disable(OPERATOR, "hq"),
        lambda: sources.auto(OPERATOR, "hq", on=False),
        lambda: sources.schedule(OPERATOR, "hq", every=HOUR),
        lambda: sources.second_person(OPERATOR, "hq", 1),
    )
    for edit in edits:
        house.pass_time(seconds=1)
        with pytest.raises(ForbiddenError):
            edit()
        assert house.audit()[0].outcome == "forbidden"
    assert hq(house) == house.source


def test_an_unknown_source_is_not_found_and_audited(house: House, sources: Sources) -> None:
    with pytest.raises(NotFoundError):
        sources.disable(OWNER, "nobody")
    assert last_line(house) == ("source disable", "no such source", None)


def test_an_edit_that_meets_another_is_made_on_top_of_it(house: House, sources: Sources) -> None:
    catalog = house.outside.catalog
    rivals = iter(("Rival-one", "Rival-two"))

    class Contested:
        """A catalog in which somebody edits the source between every look and write, twice."""

        def source(self, handle_or_uid: str) -> Source:
            return catalog.source(handle_or_uid)

        def sources(self) -> list[Source]:
            return list(catalog.sources())

        def add(self, source: Source) -> None:
            raise NotImplementedError

        def claim_due(self, source: Source, now: datetime, next_due_at: datetime | None) -> bool:
            raise NotImplementedError

        def turns(self, now: datetime) -> list[Turn]:
            raise NotImplementedError

        def update(self, source: Source, *, instead_of: Source) -> bool:
            name = next(rivals, None)
            if name is not None:
                assert catalog.update(replace(catalog.source("hq"), name=name), instead_of=catalog.source("hq"))
            return catalog.update(source, instead_of=instead_of)

    edited = replace(sources, catalog=Contested()).schedule(OWNER, "hq", every=HOUR)
    assert (edited.source.name, edited.source.schedule.cycle) == ("Rival-two", HOUR)


def test_an_edit_that_never_gets_through_gives_up(house: House, sources: Sources) -> None:
    class Lost:
        def source(self, handle_or_uid: str) -> Source:
            return house.source

        def sources(self) -> list[Source]:
            return [house.source]

        def add(self, source: Source) -> None:
            raise NotImplementedError

        def claim_due(self, source: Source, now: datetime, next_due_at: datetime | None) -> bool:
            raise NotImplementedError

        def turns(self, now: datetime) -> list[Turn]:
            raise NotImplementedError

        def update(self, source: Source, *, instead_of: Source) -> bool:
            return False

    with pytest.raises(StoreConflictError):
        replace(sources, catalog=Lost()).auto(OWNER, "hq", on=False)
