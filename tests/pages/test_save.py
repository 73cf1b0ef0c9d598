"""Saving: once, as the one who asked, with secrets that nobody sees again."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from chalicelib import wiring
from chalicelib.core.errors import SourceDeniedError, StoreConflictError
from chalicelib.core.page import Step
from chalicelib.core.principal import TERMINAL
from chalicelib.core.secret import Secret
from chalicelib.pages.page import SAVING
from chalicelib.sources.draft import draft_of
from tests.bot.chat import Chat, a_chat
from tests.bot.talk import words
from tests.pages.visitor import ANSWERS, CANARY, Visitor, a_house, a_visitor
from tests.scripted import House


def told(visitor: Visitor) -> str:
    """What the bot says in the chats of the one who asked, since the page."""
    outside = visitor.house.outside
    return "\n".join(
        f"{each.reply.title} {words(each.reply)}" for each in outside.chats.outgoing(visitor.house.source.uid)
    )


def test_a_source_is_created_and_activated_and_the_chat_is_told() -> None:
    visitor = a_visitor()
    page = visitor.saved("activate")
    assert "新来源 is created and active" in page.body
    assert "sync preview new" in page.body
    source = visitor.house.outside.catalog.source("new")
    assert source.enabled
    assert (source.name, source.description, source.settings["app_id"]) == ("新来源", "A new one", "cli_2")
    assert (source.schedule.cron, source.schedule.zone) == ("0 3 * * *", "Asia/Shanghai")
    assert visitor.house.secrets.get(source.uid)["app_secret"].reveal() == CANARY
    assert "新来源 is created and active" in told(visitor)
    assert (visitor.house.source.uid, 0) in visitor.house.chat_bell.rung
    lines = [(each.verb, each.outcome, each.principal.key) for each in visitor.chat.audit()]
    assert ("source create", "done", "ou_owner") in lines
    assert visitor.browser.get().status == 200
    assert "created and active" in visitor.browser.page.body


def test_a_source_may_be_saved_and_left_off() -> None:
    visitor = a_visitor(text="新建来源")
    page = visitor.saved("save")
    assert "新来源 已创建，尚未启用" in page.body
    assert "启用 new" in page.body
    assert not visitor.house.outside.catalog.source("new").enabled
    assert "已创建，尚未启用" in told(visitor)


def failing(house: House) -> None:
    def refuse(number: int) -> None:
        raise SourceDeniedError("credentials refused", code=10014)

    house.connectors.before_call = refuse


def test_what_fails_its_test_is_saved_and_not_activated_and_can_be_corrected_there() -> None:
    house = a_house()
    visitor = a_visitor(house)
    failing(house)
    page = visitor.saved("activate")
    assert "created, and is off" in page.body
    assert "It was not activated" in page.body
    assert "10014" in page.body
    assert not house.outside.catalog.source("new").enabled
    assert "1 check(s) failed" in told(visitor)
    house.connectors.before_call = lambda number: None
    page = visitor.browser.post(do="again")
    assert "Edit 新来源" in page.body
    visitor.browser.send({**ANSWERS, "do": "check"})
    page = visitor.browser.send({"do": "activate", "x.app_secret": "another-s3cret"})
    assert "新来源 is saved" in page.body
    assert house.outside.catalog.source("new").enabled


def test_a_missing_secret_is_asked_for_and_nothing_is_saved() -> None:
    visitor = a_visitor()
    page = visitor.saved(secret="  ")
    assert page.status == 422
    assert set(page.errors()) == {"x-app_secret"}
    assert visitor.visit.step is Step.REVIEW
    assert len(visitor.house.outside.catalog.sources()) == 1


def test_what_was_taken_meanwhile_is_said_on_the_review() -> None:
    visitor = a_visitor()
    visitor.reviewed()
    other = a_visitor(chat=visitor.chat)
    other.saved()
    page = visitor.browser.send({"do": "save", "x.app_secret": CANARY})
    assert page.status == 422
    assert "new" in page.body
    assert "type them once more" in page.body


def test_too_many_enabled_sources_are_told_before_saving() -> None:
    house = a_house()
    source = house.outside.catalog.source("hq")
    for number in range(4):
        house.outside.catalog.add(replace(source, uid=f"u{number}", handle=f"s{number}", name=f"N{number}", revision=0))
    visitor = a_visitor(house)
    page = visitor.reviewed()
    assert "Disable one of these first" in page.body
    assert 'value="activate"' not in page.text
    assert visitor.browser.send({"do": "activate", "x.app_secret": CANARY}).status == 422
    assert "is created, and is off" in visitor.browser.send({"do": "save", "x.app_secret": CANARY}).body


# --- edits


def editing(chat: Chat | None = None) -> Visitor:
    return a_visitor(text="source edit hq", chat=chat or a_chat(a_house()))


def test_an_edit_begins_with_what_is_there_and_keeps_secrets_that_are_left_empty() -> None:
    visitor = editing()
    page = visitor.opened()
    assert "Edit 总部" in page.body
    assert page.value("x.app_id") == "cli_1"
    assert 'name="handle"' not in page.text
    visitor.browser.send({**ANSWERS, "name": "新总部", "x.app_id": "cli_1", "do": "check"})
    assert "Leave it empty to keep it" in visitor.browser.page.body
    page = visitor.browser.send({"do": "save", "x.app_secret": ""})
    assert "新总部 is saved" in page.body
    source = visitor.house.outside.catalog.source("hq")
    assert (source.name, source.description, source.enabled) == ("新总部", "A new one", True)
    assert visitor.house.secrets.get(source.uid)["app_secret"].reveal() == "s3cret"
    assert ("source edit", "done") in [(each.verb, each.outcome) for each in visitor.chat.audit()]


def test_a_secret_is_replaced_once_the_vendor_takes_it() -> None:
    visitor = editing()
    visitor.opened()
    visitor.browser.send({**ANSWERS, "name": "总部", "x.app_id": "cli_1", "do": "check"})
    failing(visitor.house)
    page = visitor.browser.send({"do": "save", "x.app_secret": CANARY})
    assert "Nothing was saved" in page.body
    assert "The source is as it was before" in page.body
    assert visitor.house.secrets.get(visitor.house.source.uid)["app_secret"].reveal() == "s3cret"
    visitor.house.connectors.before_call = lambda number: None
    page = visitor.browser.post(do="again")
    assert page.value("description") == "A new one"
    visitor.browser.send({**ANSWERS, "name": "总部", "x.app_id": "cli_1", "do": "check"})
    assert "is saved" in visitor.browser.send({"do": "save", "x.app_secret": CANARY}).body
    assert visitor.house.secrets.get(visitor.house.source.uid)["app_secret"].reveal() == CANARY


def test_what_cannot_be_activated_is_still_what_it_was() -> None:
    visitor = editing()
    house = visitor.house
    house.outside.catalog.update(
        replace(source := house.outside.catalog.source("hq"), enabled=False), instead_of=source
    )
    page = visitor.opened()
    shown = {name: page.value(name) for name in ("name", "description", "x.app_id", "cron", "zone")}
    ticked = {"automatic": "on", "user_info": "on", "rhythm": "hours", "cycle_hours": "24"}
    visitor.browser.send({**shown, **ticked, "do": "check"})
    failing(house)
    page = visitor.browser.send({"do": "activate", "x.app_secret": ""})
    assert "总部 is saved, and is off" in page.body
    assert "It was not activated" in page.body


def test_what_is_typed_in_the_chat_begins_an_edit() -> None:
    visitor = a_visitor(text="source edit hq --name 新名 --app-id cli_9 --description -")
    page = visitor.opened()
    assert (page.value("name"), page.value("x.app_id"), page.value("description")) == ("新名", "cli_9", "")


def test_what_others_changed_meanwhile_stays_and_what_they_disabled_stays_off() -> None:
    visitor = editing()
    page = visitor.opened()
    sources = wiring.rooms().sources
    sources.auto(TERMINAL, "hq", False)
    sources.disable(TERMINAL, "hq")
    shown = {name: page.value(name) for name in ("name", "x.app_id", "cron", "zone")}
    ticked = {"automatic": "on", "user_info": "on", "rhythm": "hours", "cycle_hours": "24"}
    page = visitor.browser.send({**shown, **ticked, "description": "mine", "do": "check"})
    assert re.search(r"Synchronize automatically\s+off", page.body)
    assert "is saved" in visitor.browser.send({"do": "save", "x.app_secret": ""}).body
    source = visitor.house.outside.catalog.source("hq")
    assert (source.description, source.schedule.automatic, source.enabled) == ("mine", False, False)


def test_what_somebody_else_changed_meanwhile_too_is_said_and_nothing_saved() -> None:
    visitor = editing()
    visitor.opened()
    sources, before = wiring.rooms().sources, draft_of(visitor.house.outside.catalog.source("hq"))
    visitor.browser.send({**ANSWERS, "name": "新总部", "x.app_id": "cli_1", "do": "check"})
    sources.edit(TERMINAL, "hq", replace(before, name="别名"))
    page = visitor.browser.send({"do": "save", "x.app_secret": ""})
    assert page.status == 422
    assert "changed by somebody else meanwhile" in page.body
    assert visitor.house.outside.catalog.source("hq").name == "别名"


def test_an_optional_secret_is_taken_away() -> None:
    house = a_house()
    house.secrets.put(house.source.uid, {name: Secret(name) for name in ("app_secret", "seal", "note")})
    visitor = editing(a_chat(house))
    visitor.opened()
    page = visitor.browser.send({**ANSWERS, "name": "总部", "x.app_id": "cli_1", "do": "check"})
    assert 'name="none.seal"' in page.text
    assert 'name="none.app_secret"' not in page.text
    page = visitor.browser.send({"do": "save", "none.seal": "on", "none.note": "on", "none.app_secret": "on"})
    assert "in five minutes" in page.body
    names = {name.partition("~")[0] + "~" * ("~" in name) for name in house.secrets.get(house.source.uid)}
    assert names == {"app_secret", "seal~"}


def test_a_dash_in_the_chat_ticks_what_takes_a_secret_away() -> None:
    house = a_house()
    house.secrets.put(house.source.uid, {name: Secret(name) for name in ("app_secret", "seal")})
    visitor = a_visitor(text="source edit hq --seal -", chat=a_chat(house))
    visitor.opened()
    page = visitor.browser.send({**ANSWERS, "name": "总部", "x.app_id": "cli_1", "do": "check"})
    assert re.search(r'name="none.seal"[^>]* checked', page.text)


# --- once


def test_what_is_kept_though_it_cannot_be_activated_is_not_called_unsaved() -> None:
    house = a_house()
    visitor = a_visitor(house)
    visitor.reviewed()

    def fill(number: int) -> None:
        house.connectors.before_call = lambda number: None
        for each in range(4):
            other = replace(house.source, uid=f"u{each}", handle=f"s{each}", name=f"N{each}", revision=0)
            house.outside.catalog.add(other)

    house.connectors.before_call = fill
    page = visitor.browser.send({"do": "activate", "x.app_secret": CANARY})
    assert "created, and is off" in page.body
    assert "enabled already" in page.body
    assert not house.outside.catalog.source("new").enabled


class Killed(BaseException):
    pass


def test_who_was_killed_after_the_source_was_kept_goes_on_with_it() -> None:
    house = a_house()
    visitor = a_visitor(house)
    visitor.reviewed()

    def die(number: int) -> None:
        raise Killed

    house.connectors.before_call = die
    with pytest.raises(Killed):
        visitor.browser.send({"do": "activate", "x.app_secret": CANARY})
    house.connectors.before_call = lambda number: None
    assert not house.outside.catalog.source("new").enabled
    house.clock.sleep(SAVING.total_seconds() + 1)
    visitor.browser.get()
    page = visitor.browser.send({"do": "activate", "x.app_secret": CANARY})
    assert "新来源 is created and active" in page.body
    assert len(house.outside.catalog.sources()) == 2
    assert house.outside.catalog.source("new").enabled
    assert "新来源 is created and active" in told(visitor)


def test_saving_twice_saves_once() -> None:
    visitor = a_visitor()
    visitor.saved()
    for _ in range(2):
        page = visitor.browser.send({"do": "save", "x.app_secret": CANARY})
        assert "created" in page.body
    assert len(visitor.house.outside.catalog.sources()) == 2


def test_while_one_request_saves_no_other_does_and_who_was_killed_does_not_stop_it_for_ever() -> None:
    visitor = a_visitor()
    visitor.reviewed()
    pages, now = visitor.house.outside.pages, visitor.house.clock.now()
    assert pages.change(visitor.visit, replace(visitor.visit, saving_until=now + SAVING))
    page = visitor.browser.send({"do": "save", "x.app_secret": CANARY})
    assert page.status == 409
    assert len(visitor.house.outside.catalog.sources()) == 1
    visitor.house.clock.sleep(SAVING.total_seconds())
    visitor.browser.get()
    assert "created" in visitor.browser.send({"do": "save", "x.app_secret": CANARY}).body


def test_what_time_may_heal_lets_go_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = a_visitor()
    visitor.reviewed()
    catalog = type(visitor.house.outside.catalog)

    def busy(*_: object) -> None:
        raise StoreConflictError("store is busy", retry_after=1.0)

    with monkeypatch.context() as patched:
        patched.setattr(catalog, "add", busy)
        page = visitor.browser.send({"do": "save", "x.app_secret": CANARY})
        assert page.status == 422
    assert visitor.visit.saving_until is None
    assert "created" in visitor.browser.send({"do": "save", "x.app_secret": CANARY}).body


# --- nothing secret


@pytest.fixture
def lines() -> Iterator[list[logging.LogRecord]]:
    found: list[logging.LogRecord] = []

    class Remembers(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record)

    handler = Remembers()
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield found
    root.removeHandler(handler)
    root.setLevel(before)


def test_no_secret_is_in_a_page_a_header_a_url_a_log_the_audit_a_chat_or_a_row(lines: list[logging.LogRecord]) -> None:
    logging.getLogger("chalicelib").setLevel(logging.DEBUG)
    house = a_house()
    visitor = a_visitor(house)
    visitor.reviewed()
    # Wrong first, so that the page comes back with everything but the secrets.
    visitor.browser.send({"do": "activate", "x.app_secret": CANARY, "x.note": CANARY * 400})
    visitor.browser.send({"do": "lang", "x.app_secret": CANARY})
    failing(house)
    visitor.browser.send({"do": "activate", "x.app_secret": CANARY, "x.note": CANARY})
    visitor.browser.send({"do": "activate", "x.app_secret": CANARY})
    assert visitor.visit.saved is not None
    uid = visitor.visit.saved.source
    assert house.secrets.get(uid)["app_secret"].reveal() == CANARY
    for page in visitor.browser.seen:
        assert CANARY not in page.text
        assert CANARY not in json.dumps(dict(page.headers))
    assert not [line for line in lines if CANARY in f"{line.getMessage()} {vars(line)}"]
    assert not [line for line in lines if visitor.url.rpartition("/")[2] in f"{line.getMessage()} {vars(line)}"]
    assert CANARY not in repr(visitor.chat.audit())
    assert CANARY not in told(visitor)
    assert CANARY not in repr(visitor.visit)
    assert CANARY not in repr(house.outside.catalog.sources())
    assert not isinstance(Secret(CANARY), str)
