from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.core.errors import (
    ConflictError,
    DraftError,
    ForbiddenError,
    MalformedError,
    NotFoundError,
    SourceDeniedError,
)
from chalicelib.core.finding import Grade
from chalicelib.core.principal import TERMINAL, Principal, Role
from chalicelib.core.rotation import current
from chalicelib.core.secret import Secret
from chalicelib.core.source import Schedule, Source, due_at
from chalicelib.sources.draft import Draft, draft_of
from chalicelib.sources.edit import Edited
from tests.core.test_logo import a_png
from tests.scripted import House


@pytest.fixture
def house() -> House:
    """With the source hq, whose callbacks are proven by a seal."""
    house = House()
    house.secrets.put(house.source.uid, secrets(app_secret="s3cret", seal="old"))
    house.pass_time(seconds=1)
    return house


def secrets(**values: str) -> Mapping[str, Secret]:
    return {name: Secret(text) for name, text in values.items()}


def hq(house: House) -> Source:
    return house.outside.catalog.source("hq")


def edit(house: House, who: Principal = TERMINAL, **changes: Any) -> Edited:
    return wiring.rooms().sources.edit(who, "hq", replace(draft_of(hq(house)), **changes))


def kept(house: House) -> dict[str, str]:
    return {name.partition("~")[0] + "~" * ("~" in name): each.reveal() for name, each in _kept(house).items()}


def _kept(house: House) -> Mapping[str, Secret]:
    return house.secrets.kept[house.source.uid]


def refuse(number: int) -> None:
    raise SourceDeniedError("credentials refused", code=10014)


def test_what_is_said_anew_is_so_from_then_on(house: House) -> None:
    edited = edit(house, name="新总部", description="Sign in here", user_info=False, automatic=False)
    assert edited.changed
    now = hq(house)
    assert (now.name, now.description, now.user_info, now.schedule.automatic) == (
        "新总部",
        "Sign in here",
        False,
        False,
    )
    assert (house.audit()[0].verb, house.audit()[0].outcome) == ("source edit", "done")


def test_an_edit_that_says_nothing_new_changes_nothing(house: House) -> None:
    before = hq(house)
    assert edit(house) == Edited(source=before, changed=False)
    assert hq(house) == before


def test_a_new_schedule_begins_anew_and_an_old_one_is_left_as_it_is(house: House) -> None:
    due = due_at(hq(house))
    house.pass_time(hours=1)
    assert due_at(edit(house, name="新总部").source) == due
    assert hq(house).schedule == Schedule()
    later = edit(house, cycle_hours=None, cron="0 3 * * *", zone="Asia/Shanghai").source
    assert later.schedule == Schedule(cron="0 3 * * *", zone="Asia/Shanghai")
    assert due_at(later) != due


def test_an_edit_never_disables(house: House) -> None:
    assert edit(house, enabled=False).source.enabled


def test_new_credentials_are_tried_before_they_replace_the_old(house: House) -> None:
    edited = edit(house, secrets=secrets(app_secret="new"))
    assert [each.grade for each in edited.findings] == [Grade.OK]
    assert {name: each.reveal() for name, each in house.connectors.tried[0].items()} == {
        "app_secret": "new",
        "seal": "old",
    }
    assert kept(house) == {"app_secret": "new", "seal": "old"}


def test_credentials_that_the_vendor_refuses_change_nothing_and_say_what_came_back(house: House) -> None:
    before = hq(house)
    house.connectors.before_call = refuse
    edited = edit(house, name="新总部", secrets=secrets(app_secret="wrong", seal="new"))
    assert (edited.source, edited.changed) == (before, False)
    assert [(each.vendor_code, each.cause) for each in edited.failed] == [("10014", "credentials refused")]
    assert kept(house) == {"app_secret": "s3cret", "seal": "old"}
    assert hq(house) == before


def test_another_app_is_tried_with_the_secret_that_is_kept(house: House) -> None:
    house.connectors.before_call = refuse
    assert edit(house, settings={"app_id": "cli_2"}).failed
    assert hq(house).settings == {"app_id": "cli_1"}


def test_what_proves_callbacks_cannot_be_tried_and_the_old_is_good_beside_it(house: House) -> None:
    house.connectors.before_call = refuse
    assert edit(house, secrets=secrets(seal="new")).changed
    assert kept(house) == {"app_secret": "s3cret", "seal": "new", "seal~": "old"}
    assert house.connectors.tried == []
    assert not edit(house, secrets=secrets(seal="new")).changed


def test_a_secret_that_somebody_replaces_meanwhile_is_not_lost(house: House) -> None:
    uid = house.source.uid
    put = house.secrets.put

    def raced(source: str, after: Mapping[str, Secret], **given: Any) -> bool:
        setattr(house.secrets, "put", put)  # noqa: B010 - once, whatever its type says
        put(uid, secrets(app_secret="rival", seal="old"))
        return put(source, after, **given)

    setattr(house.secrets, "put", raced)  # noqa: B010 - once, whatever its type says
    edit(house, secrets=secrets(seal="new"))
    assert {name: each.reveal() for name, each in current(_kept(house)).items()} == {
        "app_secret": "rival",
        "seal": "new",
    }


def test_a_draft_that_activates_does_so_when_nothing_failed(house: House) -> None:
    wiring.rooms().sources.disable(TERMINAL, "hq")
    house.connectors.before_call = refuse
    edited = edit(house, enabled=True)
    assert (edited.source.enabled, bool(edited.failed)) == (False, True)
    house.connectors.before_call = lambda number: None
    edited = edit(house, enabled=True)
    assert (edited.source.enabled, edited.changed, edited.failed) == (True, True, [])


def test_a_logo_is_put_and_taken_away(house: House) -> None:
    logos = house.outside.logos
    assert edit(house, logo=a_png()).changed
    assert logos.get(house.source.uid) == a_png()
    assert not edit(house, logo=a_png()).changed
    assert not edit(house).changed
    assert edit(house, logo=b"").changed
    assert logos.get(house.source.uid) is None
    assert not edit(house, logo=b"").changed


def test_what_is_wrong_is_told_at_once_and_changes_nothing(house: House) -> None:
    before = hq(house)
    with pytest.raises(DraftError) as raised:
        edit(house, name="x", zone="Nowhere", secrets=secrets(seal="new"))
    assert set(raised.value.wrong) == {"name", "zone"}
    assert (hq(house), kept(house)) == (before, {"app_secret": "s3cret", "seal": "old"})
    assert house.audit()[0].outcome == "answers are wrong"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_only_owners_edit(house: House, role: Role) -> None:
    with pytest.raises(ForbiddenError):
        edit(house, Principal(key="v", role=role, door="chat"), name="新总部")
    assert hq(house).name == "总部"


def test_nobody_edits_what_is_not_there(house: House) -> None:
    with pytest.raises(NotFoundError):
        wiring.rooms().sources.edit(TERMINAL, "nowhere", draft_of(hq(house)))


# --- save and activate


def a_draft(**changes: Any) -> Draft:
    asked: dict[str, Any] = {"settings": {"app_id": "cli_2"}, "secrets": secrets(app_secret="x"), **changes}
    return Draft(handle="branch", kind="scripted", name="分部", **asked)


def test_save_and_activate_tests_first(house: House) -> None:
    created = wiring.rooms().sources.create(TERMINAL, a_draft(), activate_gate=True)
    assert created.source.enabled
    assert created.findings
    assert not [each for each in created.findings if each.grade is Grade.FAILED]


def test_what_fails_is_saved_and_not_activated(house: House) -> None:
    house.connectors.before_call = refuse
    created = wiring.rooms().sources.create(TERMINAL, a_draft(), activate_gate=True)
    assert not created.source.enabled
    assert [each.vendor_code for each in created.findings if each.grade is Grade.FAILED] == ["10014"]
    assert not house.outside.catalog.source("branch").enabled


def test_save_alone_asks_nobody(house: House) -> None:
    house.connectors.before_call = refuse
    created = wiring.rooms().sources.create(TERMINAL, a_draft(enabled=False), activate_gate=True)
    assert (created.source.enabled, created.findings) == (False, ())


def test_there_is_no_room_for_a_sixth_that_is_active(house: House) -> None:
    sources = wiring.rooms().sources
    for number in range(4):
        sources.create(TERMINAL, replace(a_draft(), handle=f"s{number}"), activate_gate=False)
    with pytest.raises(ConflictError, match="too many enabled sources"):
        sources.create(TERMINAL, a_draft(), activate_gate=True)
    assert len(house.outside.catalog.sources()) == 5


# --- others at the same time


@pytest.mark.parametrize("had", [{"app_secret": "s3cret", "seal": "old"}, {}])
def test_an_edit_that_a_deletion_overtakes_leaves_nothing_behind(house: House, had: dict[str, str]) -> None:
    uid = house.source.uid
    house.secrets.put(uid, secrets(**had))

    def delete(number: int) -> None:
        house.connectors.before_call = lambda number: None
        assert wiring.deletions().delete(TERMINAL, "hq").is_gone

    house.connectors.before_call = delete
    with pytest.raises((NotFoundError, ConflictError)):
        edit(house, secrets=secrets(app_secret="new"), logo=a_png())
    assert uid not in house.secrets.kept
    assert house.outside.logos.get(uid) is None


def test_what_was_put_while_the_source_was_erased_is_dropped_again(house: House) -> None:
    uid, put = house.source.uid, house.secrets.put

    def raced(source: str, after: Mapping[str, Secret], **given: Any) -> bool:
        setattr(house.secrets, "put", put)  # noqa: B010 - once, whatever its type says
        assert wiring.deletions().delete(TERMINAL, "hq").is_gone
        return put(source, after)

    setattr(house.secrets, "put", raced)  # noqa: B010 - once, whatever its type says
    with pytest.raises(NotFoundError):
        edit(house, secrets=secrets(seal="new"), logo=a_png())
    assert uid not in house.secrets.kept
    assert house.outside.logos.get(uid) is None


def test_only_what_differs_from_the_beginning_is_changed(house: House) -> None:
    began = draft_of(hq(house))
    edit(house, description="theirs", automatic=False, cycle_hours=6)
    wiring.rooms().sources.edit(TERMINAL, "hq", replace(began, name="新总部", began=began))
    now = hq(house)
    assert (now.name, now.description, now.schedule.automatic) == ("新总部", "theirs", False)
    assert now.schedule.cycle == timedelta(hours=6)


def test_what_two_changed_to_something_else_is_refused(house: House) -> None:
    began = draft_of(hq(house))
    edit(house, name="别名")
    mine = replace(began, name="新总部", began=began)
    with pytest.raises(ConflictError, match="changed meanwhile"):
        wiring.rooms().sources.edit(TERMINAL, "hq", mine)
    assert hq(house).name == "别名"
    assert not wiring.rooms().sources.edit(TERMINAL, "hq", replace(mine, name="别名")).changed


def test_an_edit_enables_nothing_that_somebody_disabled_meanwhile(house: House) -> None:
    began = draft_of(hq(house))
    wiring.rooms().sources.disable(TERMINAL, "hq")
    assert not wiring.rooms().sources.edit(TERMINAL, "hq", replace(began, name="新总部")).source.enabled


# --- secrets that are taken away


def test_an_optional_secret_is_taken_away_and_the_old_is_good_for_a_while(house: House) -> None:
    assert edit(house, dropped=("seal",)).changed
    assert kept(house) == {"app_secret": "s3cret", "seal~": "old"}
    assert wiring.rooms().sources.replaced(hq(house)) == ["seal"]
    assert not edit(house, dropped=("seal",)).changed


def test_one_that_proves_no_callback_goes_at_once(house: House) -> None:
    edit(house, secrets=secrets(note="x"))
    assert edit(house, dropped=("note",)).changed
    assert kept(house) == {"app_secret": "s3cret", "seal": "old"}
    assert "note" not in house.connectors.tried[-1]


@pytest.mark.parametrize("name", ["app_secret", "app_id", "colour"])
def test_what_is_needed_or_no_secret_is_not_taken_away(house: House, name: str) -> None:
    with pytest.raises(MalformedError):
        edit(house, dropped=(name,))
    assert kept(house) == {"app_secret": "s3cret", "seal": "old"}


# --- what keeps a source from being activated


def test_a_source_that_four_others_were_faster_than_is_saved_and_off(house: House) -> None:
    def fill(number: int) -> None:
        house.connectors.before_call = lambda number: None
        for each in range(4):
            other = replace(hq(house), uid=f"u{each}", handle=f"s{each}", name=f"N{each}", revision=0)
            house.outside.catalog.add(other)

    house.connectors.before_call = fill
    created = wiring.rooms().sources.create(TERMINAL, a_draft(), activate_gate=True)
    assert not created.source.enabled
    assert [each.cause for each in created.findings if each.grade is Grade.FAILED] == ["too many enabled sources"]


def test_a_source_is_made_under_the_uid_that_was_given(house: House) -> None:
    created = wiring.rooms().sources.create(TERMINAL, replace(a_draft(), uid="u-7"), activate_gate=False)
    assert created.source.uid == "u-7"
    with pytest.raises(ConflictError):
        wiring.rooms().sources.create(TERMINAL, replace(a_draft(), uid="u-7"), activate_gate=False)
    assert "u-7" in house.secrets.kept
