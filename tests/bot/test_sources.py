from __future__ import annotations

import pytest

from chalicelib import wiring
from chalicelib.core.catalogue import Lang
from chalicelib.core.secret import Secret
from chalicelib.local.table import SqliteTable
from tests.bot.talk import LANGS, Talk, words
from tests.scripted import House, NoSecrets

SOURCE_KEYS = {
    "copied",
    "deleting",
    "description",
    "scope",
    "user_info",
    "logo",
    "automatic",
    "cron",
    "next_due_at",
    "second_person",
    "zone",
    "events",
    "request_url",
    "source",
    "uid",
    "name",
    "kind",
    "enabled",
    "settings",
    "cycle_hours",
    "created_at",
    "mapping",
    "budget",
}
SECRET = {"app_secret": Secret("xyzzy-s3cret")}
CREATE = "source create {handle} --kind scripted --name {name} --app-id cli_2"


def create(talk: Talk, handle: str, name: str = "分部") -> str:
    return words(talk.type(CREATE.format(handle=handle, name=name), SECRET))


@pytest.mark.parametrize("lang", LANGS)
def test_a_source_is_created_and_shown(lang: Lang) -> None:
    house = House()
    talk = Talk(house, lang)
    assert "branch" in create(talk, "branch")
    document = talk.data("source show branch")
    assert set(document) == SOURCE_KEYS | {"calls"}
    assert (document["source"], document["name"], document["kind"], document["enabled"]) == (
        "branch",
        "分部",
        "scripted",
        True,
    )
    assert document["settings"] == {"app_id": "cli_2"}
    assert (document["cycle_hours"], document["cron"]) == (None, "0 0 * * *")
    assert set(document["mapping"]) == {"departments", "employees", "extended"}
    assert "总部" in words(talk.type("来源"))


@pytest.mark.parametrize("lang", LANGS)
def test_no_answer_about_a_source_holds_its_secret(lang: Lang) -> None:
    talk = Talk(House(), lang)
    said = create(talk, "branch") + words(talk.type("source show branch")) + words(talk.type("sources"))
    documents = f"{talk.data('sources')} {talk.data('source show branch')}"
    assert "xyzzy" not in said + documents
    assert "Secret" not in documents


@pytest.mark.parametrize("lang", LANGS)
def test_where_there_is_no_source_the_way_to_one_is_said(lang: Lang) -> None:
    house = House()
    table, secrets = SqliteTable(":memory:"), NoSecrets()
    out = house.outside
    wiring.use(wiring.around(out.settings, table, secrets, house.bell, house.clock, house.connectors))
    reply = Talk(house, lang).type("sources")
    assert reply.data == []
    assert "source create" in words(reply)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("source create HQ --kind scripted --name 分部 --app-id cli_2", "a-z"),
        ("source create branch --kind scripted --name 分 --app-id cli_2", "2"),
        ("source create branch --kind scripted --name '分 部' --app-id cli_2", "100"),
        ("source create branch --kind nothing --name 分部 --app-id cli_2", "scripted"),
        ("source create branch --kind scripted --name 分部", "app-id"),
        ("source create branch --kind scripted --name 分部 --app-id NO", "app_id"),
        ("source create branch --kind scripted --name 分部 --app-id cli_2 --colour red", "colour"),
        ("source create hq --kind scripted --name 分部 --app-id cli_2", "hq"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_that_rule(text: str, rule: str, lang: Lang) -> None:
    house = House()
    assert rule in Talk(house, lang).refused(text, SECRET)
    assert len(house.outside.catalog.sources()) == 1
    assert len(house.secrets.kept) == 1


@pytest.mark.parametrize("lang", LANGS)
def test_a_secret_as_an_argument_is_refused_and_not_repeated(lang: Lang) -> None:
    text = CREATE.format(handle="branch", name="分部") + " --app-secret xyzzy-s3cret"
    said = Talk(House(), lang).refused(text)
    assert "-file" in said
    assert "xyzzy" not in said


@pytest.mark.parametrize("lang", LANGS)
def test_an_empty_secret_is_refused(lang: Lang) -> None:
    text = CREATE.format(handle="branch", name="分部")
    assert "app_secret" in Talk(House(), lang).refused(text, {"app_secret": Secret(" \n")})


@pytest.mark.parametrize("lang", LANGS)
def test_the_sixth_source_is_refused_and_the_five_are_named(lang: Lang) -> None:
    house = House()
    talk = Talk(house, lang)
    for number in range(4):
        create(talk, f"s{number}")
    said = talk.refused(CREATE.format(handle="sixth", name="第六"), SECRET)
    assert "5" in said
    assert "hq, s0, s1, s2, s3" in said
    assert len(house.secrets.kept) == 5


@pytest.mark.parametrize("lang", LANGS)
def test_sources_tell_how_their_last_task_ended(lang: Lang) -> None:
    house = House()
    assert "–" in words(Talk(house, lang).type("sources"))
    house.sync()
    assert ("完成" if lang is Lang.ZH else "done") in words(Talk(house, lang).type("sources"))
    assert ("完成" if lang is Lang.ZH else "done") in words(Talk(house, lang).type("source show hq"))
