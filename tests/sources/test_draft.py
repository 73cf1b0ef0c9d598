from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.core.errors import DraftError, MalformedError
from chalicelib.core.secret import Secret
from chalicelib.core.source import Form, FormField, Schedule, Source
from chalicelib.sources.draft import Draft, draft_of, drafted, redrafted, refused, wrong
from tests.builders import NOON, a_mapping, a_source

FORM = Form(
    kind="scripted",
    label=("Made up", "虚构"),
    fields=(
        FormField(name="app_id", label=("App", "应用"), required=True, pattern="cli_[a-z0-9]+"),
        FormField(name="host", label=("Host", "主机"), default="https://example.com"),
        FormField(name="app_secret", label=("Secret", "密钥"), secret=True, required=True),
        FormField(name="token", label=("Token", "令牌"), secret=True, callback=True),
    ),
    mapping=a_mapping(),
    zone="Asia/Shanghai",
)
NEW = Draft(
    handle="branch",
    kind="scripted",
    name="分部",
    settings={"app_id": "cli_1"},
    secrets={"app_secret": Secret("xyzzy")},
)


def said(*others: Source, edits: Source | None = None, **changes: Any) -> dict[str, str]:
    """What is wrong with a draft that has these changes: the code by the field."""
    draft = replace(draft_of(edits) if edits else NEW, **changes)
    found = wrong(draft, FORM, others, NOON, edits=edits)
    return {name: error.code for name, error in found.items()}


def a_kept_source(**changes: Any) -> Source:
    return replace(a_source("hq", settings={"app_id": "cli_1", "host": "https://example.com"}), **changes)


def test_a_good_draft_has_nothing_wrong() -> None:
    assert said() == {}


def test_a_new_source_is_synced_at_midnight_in_the_zone_of_its_kind() -> None:
    source = drafted(NEW, FORM, NOON)
    assert source.schedule == Schedule(cron="0 0 * * *", zone="Asia/Shanghai")
    assert source.settings == {"app_id": "cli_1", "host": "https://example.com"}


def test_what_is_said_of_it_is_kept() -> None:
    draft = replace(
        NEW,
        description=" Sign in ",
        automatic=False,
        user_info=False,
        cycle_hours=6,
        zone="Europe/Berlin",
        enabled=False,
    )
    source = drafted(draft, FORM, NOON)
    assert (source.description, source.user_info, source.enabled) == ("Sign in", False, False)
    assert source.schedule == Schedule(cycle=timedelta(hours=6), zone="Europe/Berlin", automatic=False)


def test_all_that_is_wrong_is_told_at_once() -> None:
    changes: dict[str, Any] = {
        "handle": "HQ!",
        "name": "x",
        "description": "x" * 201,
        "cron": "* * * * *",
        "zone": "Nowhere",
        "logo": b"GIF89a",
        "settings": {"app_id": "NO", "colour": "red"},
        "secrets": {"app_secret": Secret("  "), "smell": Secret("x")},
    }
    assert said(**changes) == {
        "handle": "handle breaks its rule",
        "name": "source name breaks its rule",
        "description": "description breaks its rule",
        "cron": "cron is too often",
        "zone": "unknown zone",
        "logo": "logo is no picture",
        "app_id": "setting is misshaped",
        "colour": "unknown setting",
        "smell": "unknown setting",
        "app_secret": "secret is empty",
    }


@pytest.mark.parametrize("hours", [0, 25, -1, 10**12])
def test_a_cycle_is_one_to_24_hours(hours: int) -> None:
    assert said(cycle_hours=hours) == {"cycle_hours": "cycle breaks its rule"}


def test_with_a_cycle_the_cron_does_not_count() -> None:
    assert said(cycle_hours=24, cron="nonsense") == {}


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[31m", "a\u202eb"])
def test_a_description_is_one_line_of_plain_text(text: str) -> None:
    assert said(description=text) == {"description": "description breaks its rule"}


def test_blanks_around_what_was_pasted_do_not_matter() -> None:
    draft = replace(NEW, name=" 分部 ", settings={"app_id": "cli_1\n"}, cron="0  3 * * *")
    assert wrong(draft, FORM, (), NOON, edits=None) == {}
    source = drafted(draft, FORM, NOON)
    assert (source.name, source.settings["app_id"], source.schedule.cron) == ("分部", "cli_1", "0 3 * * *")


def test_a_taken_handle_is_told() -> None:
    assert said(a_source("branch", enabled=False)) == {"handle": "handle is taken"}


def test_a_sixth_may_be_saved_and_not_activated_and_it_is_told_which_there_are() -> None:
    others = [a_source(f"s{number}") for number in range(5)]
    assert said(*others) == {"enabled": "too many enabled sources"}
    error = wrong(NEW, FORM, others, NOON, edits=None)["enabled"]
    assert error.facts["handles"] == "s0, s1, s2, s3, s4"
    assert said(*others, enabled=False) == {}


def test_one_error_is_itself_and_several_are_one_that_has_them_all() -> None:
    one, other = MalformedError("unknown zone", zone="x"), MalformedError("secret is empty", field="y")
    assert refused({"zone": one}) is one
    several = refused({"zone": one, "y": other})
    assert isinstance(several, DraftError)
    assert (several.wrong, several.facts) == ({"zone": one, "y": other}, {"fields": "zone, y"})


# --- edits


def test_a_draft_of_a_source_changes_nothing() -> None:
    for schedule in (Schedule(), Schedule(cron="0 3 * * *", zone="Europe/Berlin", automatic=False)):
        source = a_kept_source(schedule=schedule, description="Sign in", user_info=False)
        assert redrafted(draft_of(source), FORM, source) == source
        assert said(edits=source) == {}


def test_an_edit_needs_no_secrets_and_takes_new_ones() -> None:
    source = a_kept_source()
    assert said(edits=source, secrets={"token": Secret("t2")}) == {}
    assert said(edits=source, secrets={"token": Secret(" ")}) == {"token": "secret is empty"}


def test_an_edit_keeps_handle_and_kind() -> None:
    source = a_kept_source()
    assert said(edits=source, handle="other", kind="else") == {"handle": "handle stays", "kind": "kind stays"}


def test_a_source_that_is_on_is_not_in_its_own_way() -> None:
    source = a_kept_source()
    others = [source, *(a_source(f"s{number}") for number in range(4))]
    assert said(*others, edits=source) == {}
    off = replace(source, enabled=False)
    assert said(off, *others[1:], a_source("s5"), edits=off, enabled=True) == {"enabled": "too many enabled sources"}


def test_an_edit_leaves_alone_what_no_draft_speaks_of() -> None:
    source = a_kept_source(budget=7, enabled=False)
    edited = redrafted(replace(draft_of(source), name="新名", zone=""), FORM, source)
    assert edited == replace(source, name="新名")
