"""Questions about a source, answered by a person who makes mistakes."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from chalicelib import wiring
from chalicelib.bot.command import Ask
from chalicelib.bot.commands.setup import begun, named_fields
from chalicelib.bot.parse import parse
from chalicelib.core.catalogue import Lang
from chalicelib.core.errors import RollcallError
from chalicelib.core.principal import TERMINAL
from chalicelib.core.secret import Secret
from chalicelib.sources.draft import Draft, draft_of
from chalicelib.terminal.interview import Interview
from chalicelib.terminal.screen import Screen
from tests.core.test_logo import a_png
from tests.scripted import House


@dataclass
class Person:
    """Types these answers, and these unseen; what was asked is kept."""

    answers: Sequence[str]
    secrets: Sequence[str] = ()
    shown: io.StringIO = field(default_factory=io.StringIO)
    lang: Lang = Lang.EN
    files: Mapping[str, Secret] = field(default_factory=dict)

    def interview(self) -> Interview:
        rooms = wiring.rooms()
        ask = Ask(who=TERMINAL, lang=self.lang, rooms=rooms, catalog=rooms.catalog, directory=rooms.directory)
        console = Console(file=self.shown, width=160, highlight=False)
        typed, unseen = iter(self.answers), iter(self.secrets)
        screen = Screen(out=console, as_json=False, errors=console)
        return Interview(
            ask=ask,
            screen=screen,
            read=lambda: f"{_next(typed)}\n",
            unseen=lambda question: self._unseen(question, unseen),
        )

    def _unseen(self, question: str, answers: Iterator[str]) -> str:
        self.shown.write(question)
        return _next(answers)

    def create(self, typed: str = "") -> Draft | None:
        """`typed` are the words after `source create`."""
        given: dict[str, Any] = dict(parse(["source", "create", *typed.split()], self.lang, dict(self.files)).given)
        del given["activate"]
        return self.interview().create(begun(**given), named_fields(given))

    @property
    def saw(self) -> str:
        return self.shown.getvalue()


def _next(answers: Iterator[str]) -> str:
    answer = next(answers, None)
    if answer is None:
        raise AssertionError("asked for more than was expected")
    return answer


@pytest.fixture(autouse=True)
def house() -> Iterator[House]:
    """With the source hq."""
    yield House()
    wiring.use(None)


# handle, name, description, app id, automatic, schedule, zone, user information, logo, and what to do
GOOD = ("branch", "分部", "", "cli_2", "", "", "", "", "", "")


def test_enter_takes_what_stands_in_brackets() -> None:
    person = Person(GOOD, ("s3cret", "", ""))
    draft = person.create()
    assert draft is not None
    assert (draft.handle, draft.kind, draft.name, draft.enabled) == ("branch", "scripted", "分部", True)
    assert (draft.automatic, draft.user_info, draft.cycle_hours, draft.cron, draft.zone) == (
        True,
        True,
        None,
        "0 0 * * *",
        "UTC",
    )
    assert draft.settings["app_id"] == "cli_2"
    assert {name: each.reveal() for name, each in draft.secrets.items()} == {"app_secret": "s3cret"}
    assert "[0 0 * * *]" in person.saw
    assert "[Y/n]" in person.saw


def test_what_is_wrong_is_said_at_once_and_asked_again() -> None:
    answers = (
        "HQ!",
        "hq",
        "branch",
        "x",
        "分部",
        "",
        "NO",
        "cli_2",
        "maybe",
        "n",
        "99",
        "* * * * *",
        "6",
        "Mars",
        "UTC",
        "",
        "",
        "s",
    )
    person = Person(answers, ("", "s3cret", "", ""))
    draft = person.create()
    assert draft is not None
    assert (draft.automatic, draft.cycle_hours, draft.enabled) == (False, 6, False)
    for told in (
        "cannot be a handle",
        "already",
        "cannot be a name",
        "does not look right",
        "A cycle is",
        "There is no time zone",
    ):
        assert told in person.saw
    assert "no effect while automatic sync is off" in person.saw


def test_all_of_it_is_shown_before_it_is_saved_but_for_secrets() -> None:
    person = Person(GOOD, ("xyzzy-s3cret", "", ""))
    person.create()
    for told in ("preview", "branch", "分部", "cli_2", "given, not shown", "to copy into the vendor's console"):
        assert told in person.saw
    assert "xyzzy" not in person.saw


def test_who_cancels_saves_nothing() -> None:
    assert Person((*GOOD[:-1], "c"), ("s3cret", "", "")).create() is None
    assert len(wiring.outside().catalog.sources()) == 1


def test_what_was_given_is_not_asked_for() -> None:
    rest = ("", "cli_2", "", "", "", "", "", "")
    draft = Person(rest, ("s3cret", "", "")).create("branch --name 分部 --kind scripted")
    assert draft is not None
    assert (draft.handle, draft.name) == ("branch", "分部")


GIVEN = "b1 --kind scripted --name BB --every 6 --zone Europe/Berlin --manual --no-user-info --closed"


def test_whatever_was_given_is_kept_and_enter_does_not_activate_what_is_to_be_closed() -> None:
    picture = Secret(base64.b64encode(a_png()).decode())
    # description, app id, and what to do
    person = Person(("", "cli_2", ""), ("s3cret", "", ""), files={"logo": picture})
    draft = person.create(GIVEN)
    assert draft is not None
    assert {name: each.reveal() for name, each in draft.secrets.items()} == {"app_secret": "s3cret"}
    assert replace(draft, secrets={}) == Draft(
        handle="b1",
        kind="scripted",
        name="BB",
        enabled=False,
        automatic=False,
        user_info=False,
        cycle_hours=6,
        zone="Europe/Berlin",
        settings={"app_id": "cli_2"},
        logo=a_png(),
    )
    assert "6 h · Europe/Berlin" in person.saw
    assert "PNG 240×240" in person.saw


def test_who_gave_hours_is_not_asked_for_an_expression() -> None:
    # app id, automatic, zone, user information, logo, and what to do
    person = Person(("cli_2", "", "", "", "", ""), ("s3cret", "", ""))
    draft = person.create("b1 --kind scripted --name BB --description x --every 6h")
    assert draft is not None
    assert (draft.cycle_hours, draft.zone, draft.enabled) == (6, "UTC", True)
    assert "every so many hours" not in person.saw


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ("hq", "handle is taken"),
        ("b1 --every 99", "cycle breaks its rule"),
        ("b1 --every soon", "cycle is misread"),
        ("b1 --zone Mars", "unknown zone"),
        ("b1 --colour red", "unknown setting"),
        ("b1 --app-secret typed", "secret given as an argument"),
        ("b1 --logo x.png", "logo comes from a file"),
        ("HQ! --zone Mars", "answers are wrong"),
    ],
)
def test_what_was_given_and_cannot_be_is_refused_before_anything_is_asked(given: str, wrong: str) -> None:
    person = Person(())
    with pytest.raises(RollcallError) as refused:
        person.create(f"{given} --kind scripted")
    assert refused.value.code == wrong
    assert person.saw == ""


def test_a_logo_is_read_from_a_file_that_fits(tmp_path: Path) -> None:
    small, good = tmp_path / "small.png", tmp_path / "good.png"
    small.write_bytes(a_png(100, 100))
    good.write_bytes(a_png())
    answers = (*GOOD[:-2], str(tmp_path / "nothing"), str(small), str(good), "s")
    person = Person(answers, ("s3cret", "", ""))
    draft = person.create()
    assert draft is not None
    assert draft.logo == a_png()
    assert "not a PNG or JPG" in person.saw
    assert "at least 240" in person.saw


def test_a_sixth_can_be_saved_and_is_told_why_it_cannot_be_active(house: House) -> None:
    sources = wiring.rooms().sources
    for number in range(4):
        draft = Draft(
            handle=f"s{number}",
            kind="scripted",
            name="分部",
            settings={"app_id": "cli_2"},
            secrets={"app_secret": Secret("x")},
        )
        sources.create(TERMINAL, draft, activate_gate=False)
    person = Person((*GOOD[:-1], "a", "s"), ("s3cret", "", ""))
    decided = person.create()
    assert decided is not None
    assert not decided.enabled
    assert "Disable one of these first: hq, s0, s1, s2, s3" in person.saw


def test_an_edit_shows_what_is_set_and_leaves_what_is_left_alone(house: House) -> None:
    source = house.outside.catalog.source("hq")
    person = Person(("", "Sign in here", "", "", "", "", "", "", "s"), ("", "", ""))
    draft = person.interview().edit(source)
    assert draft == Draft(
        **{
            **{name: getattr(draft_of(source), name) for name in Draft.__dataclass_fields__},
            "description": "Sign in here",
            "enabled": False,  # nothing to activate; it stays as it is
        }
    )
    assert "[总部]" in person.saw
    assert "[24]" in person.saw
    assert "Enter leaves it as it is" in person.saw


def test_in_an_edit_a_dash_empties(house: House) -> None:
    sources = wiring.rooms().sources
    before = draft_of(house.outside.catalog.source("hq"))
    sources.edit(
        TERMINAL, "hq", Draft(**{**{n: getattr(before, n) for n in Draft.__dataclass_fields__}, "description": "x"})
    )
    person = Person(("", "-", "", "", "", "", "", "", "s"), ("", "new-secret", ""))
    draft = person.interview().edit(house.outside.catalog.source("hq"))
    assert draft is not None
    assert draft.description == ""
    assert {name: each.reveal() for name, each in draft.secrets.items()} == {"note": "new-secret"}


def test_the_questions_are_in_chinese_too() -> None:
    person = Person(GOOD, ("s3cret", "", ""), lang=Lang.ZH)
    assert person.create() is not None
    for told in ("名称", "预览", "复制到厂商后台", "检测并保存启用"):
        assert told in person.saw


# --- an edit while others edit too

EIGHT = ("",) * 8  # name, description, app id, automatic, schedule, zone, user information, logo


def test_an_edit_takes_back_nothing_that_others_changed_meanwhile(house: House) -> None:
    source = house.outside.catalog.source("hq")
    sources = wiring.rooms().sources
    meanwhile = replace(
        draft_of(source), description="theirs", user_info=False, cycle_hours=6, settings={"app_id": "x"}
    )
    sources.edit(TERMINAL, "hq", meanwhile)
    draft = Person(("新总部", *EIGHT[1:], "s"), ("", "", "")).interview().edit(source)
    assert draft == replace(meanwhile, name="新总部", enabled=False)


def test_who_changes_the_hours_of_what_others_gave_an_expression_gets_hours(house: House) -> None:
    source = house.outside.catalog.source("hq")
    meanwhile = replace(draft_of(source), cycle_hours=None, cron="0 3 * * *")
    wiring.rooms().sources.edit(TERMINAL, "hq", meanwhile)
    draft = Person(("", "", "", "", "6", "", "", "", "s"), ("", "", "")).interview().edit(source)
    assert draft is not None
    assert (draft.cycle_hours, draft.cron) == (6, "0 0 * * *")


@pytest.mark.parametrize("was", [True, False])
def test_saving_never_enables_what_somebody_disabled(house: House, was: bool) -> None:
    sources = wiring.rooms().sources
    source = replace(house.outside.catalog.source("hq"), enabled=was)
    sources.disable(TERMINAL, "hq")
    draft = Person((*EIGHT, ""), ("", "", "")).interview().edit(source)
    assert draft is not None
    edited = sources.edit(TERMINAL, "hq", draft)
    assert (edited.changed, edited.source.enabled) == (False, False)


def test_who_says_so_activates_what_was_disabled(house: House) -> None:
    sources = wiring.rooms().sources
    sources.disable(TERMINAL, "hq")
    draft = Person((*EIGHT, "a"), ("", "", "")).interview().edit(house.outside.catalog.source("hq"))
    assert draft is not None
    assert sources.edit(TERMINAL, "hq", draft).source.enabled


def test_a_logo_that_is_kept_is_shown_and_one_that_is_taken_away_is_not(house: House) -> None:
    sources = wiring.rooms().sources
    source = house.outside.catalog.source("hq")
    sources.edit(TERMINAL, "hq", replace(draft_of(source), logo=a_png()))
    keeps, drops = Person((*EIGHT, "s"), ("", "", "")), Person((*EIGHT[1:], "-", "s"), ("", "", ""))
    keeps.interview().edit(source)
    drops.interview().edit(source)
    shown, gone = (person.saw.partition("preview")[2] for person in (keeps, drops))
    assert "PNG 240×240" in shown
    assert "PNG" not in gone


def test_an_optional_secret_is_taken_away_by_a_dash_in_an_edit(house: House) -> None:
    source = house.outside.catalog.source("hq")
    person = Person((*EIGHT, "s"), ("", "-", ""))
    draft = person.interview().edit(source)
    assert draft is not None
    assert (tuple(draft.dropped), dict(draft.secrets)) == (("note",), {})
    assert "- takes it away" in person.saw
