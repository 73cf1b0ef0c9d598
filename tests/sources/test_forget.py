from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib import wiring
from chalicelib.core.errors import ConflictError, ForbiddenError, NotFoundError
from chalicelib.core.model import State
from chalicelib.core.principal import TERMINAL, Principal, Role
from chalicelib.core.task import TaskStatus
from chalicelib.local.table import SqliteTable
from chalicelib.sources.forget import Forgetting
from chalicelib.store.body import BODY, Body
from tests.scripted import House, a_company
from tests.sync.town import Town

SONG = "canary-song-7"


@pytest.fixture
def house() -> Iterator[House]:
    """With ann, who sang and has left."""
    house = House(a_company(people=6, departments=2))
    house.company.people["ann"] = {**house.company.people["p1"], "name": "Ann", "email": f"{SONG}@example.com"}
    house.sync()
    house.company.people["ann"]["name"] = f"Ann {SONG}"
    house.sync()
    house.company.leave("ann")
    house.sync()
    assert house.state("ann") is State.LEFT
    yield house
    wiring.use(None)


@pytest.fixture
def forgetting(house: House) -> Forgetting:
    return wiring.rooms().forgetting


def sung(house: House) -> list[str]:
    """The partitions in which the song is still heard."""
    assert isinstance(house.table, SqliteTable)
    heard = set()
    for partition, sort in house.table._db.execute("SELECT partition, sort FROM items").fetchall():
        item = house.table.get(partition, sort)
        text = "" if item is None or BODY not in item.attributes else str(Body.of(item)._members)
        if SONG in f"{text} {partition} {sort}":
            heard.add(str(partition).partition("#")[0])
    return sorted(heard)


def test_all_values_go_from_the_entry_what_finds_it_and_the_records(house: House, forgetting: Forgetting) -> None:
    entry = house.entry("ann")
    assert sung(house) == ["alias", "entry", "plan"]
    forgotten = forgetting.forget(TERMINAL, entry.entry_id)
    assert (forgotten.changed, forgotten.rows) == (True, 3)
    assert sung(house) == []
    after = house.entry("ann")
    assert (after.entry_id, after.key, after.state, after.is_forgotten) == (entry.entry_id, entry.key, State.LEFT, True)
    assert {name for name, value in after.values.items() if value is not None} == {"state"}
    assert house.directory.search("Ann", 10) == []


def test_what_happened_to_them_can_still_be_counted(house: House, forgetting: Forgetting) -> None:
    before = [(each.action, each.status) for task in house.tasks.recent(None, 9) for each in house.rows(task)]
    forgetting.forget(TERMINAL, house.entry("ann").entry_id)
    after = [(each.action, each.status) for task in house.tasks.recent(None, 9) for each in house.rows(task)]
    assert after == before


def test_a_sync_that_shows_them_as_left_brings_nothing_back(house: House, forgetting: Forgetting) -> None:
    forgetting.forget(TERMINAL, house.entry("ann").entry_id)
    house.company.people["ann"] = {**house.company.people["p1"], "name": f"Ann {SONG}", "state": State.LEFT}
    for _ in range(2):
        task = house.sync()
        assert (task.status, house.rows(task)) == (TaskStatus.DONE, [])
    house.hinted("ann")
    assert house.entry("ann").is_forgotten


def test_who_comes_back_is_back_as_the_source_shows_them(house: House, forgetting: Forgetting) -> None:
    entry = house.entry("ann")
    forgetting.forget(TERMINAL, entry.entry_id)
    house.company.people["ann"] = {**house.company.people["p1"], "name": "Ann again"}
    house.sync()
    back = house.entry("ann")
    assert (back.entry_id, back.name, back.state) == (entry.entry_id, "Ann again", State.ACTIVE)
    assert house.directory.search("Ann", 10) == [back]


def test_nobody_is_forgotten_before_they_have_left(house: House, forgetting: Forgetting) -> None:
    with pytest.raises(ConflictError, match="has not left"):
        forgetting.forget(TERMINAL, house.entry("p1").entry_id)
    with pytest.raises(NotFoundError):
        forgetting.forget(TERMINAL, "e-nobody")
    assert house.entry("p1").name


def test_the_audit_log_says_that_somebody_was_forgotten_and_not_who(house: House, forgetting: Forgetting) -> None:
    house.pass_time(seconds=1)
    entry = house.entry("ann")
    forgetting.forget(TERMINAL, entry.entry_id)
    line = house.audit()[0]
    assert (line.verb, line.outcome, line.source, line.task) == ("forget", "done", house.source.uid, None)
    assert entry.entry_id not in str(line)


def test_forgotten_twice_it_is_said_and_what_a_kill_left_is_wiped(house: House, forgetting: Forgetting) -> None:
    entry = house.entry("ann")
    forgetting.forget(TERMINAL, entry.entry_id)
    assert not forgetting.forget(TERMINAL, entry.entry_id).changed


def test_it_waits_for_what_is_at_work(house: House, forgetting: Forgetting) -> None:
    house.requests.sync_now(TERMINAL, "hq")
    with pytest.raises(ConflictError, match="wait for the tasks"):
        forgetting.forget(TERMINAL, house.entry("ann").entry_id)
    house.work()
    assert forgetting.forget(TERMINAL, house.entry("ann").entry_id).changed


def test_a_snapshot_that_shows_them_goes(house: House, forgetting: Forgetting) -> None:
    house.company.people["bob"] = {**house.company.people["p1"], "name": "Bob"}
    house.sync()
    if house.tasks.snapshot(house.source.uid) is None:
        pytest.skip("no snapshot is kept")
    forgetting.forget(TERMINAL, house.entry("ann").entry_id)
    assert house.tasks.snapshot(house.source.uid) is not None
    house.company.people["bob"]["state"] = State.LEFT
    house.sync()
    assert house.state("bob") is State.LEFT
    forgetting.forget(TERMINAL, house.entry("bob").entry_id)
    assert house.tasks.snapshot(house.source.uid) is None


def test_somebody_of_a_deleted_source_can_be_forgotten(house: House, forgetting: Forgetting) -> None:
    entry = house.entry("ann")
    assert wiring.deletions().delete(TERMINAL, "hq").is_gone
    assert forgetting.forget(TERMINAL, entry.entry_id).changed
    assert sung(house) == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_only_owners_forget(house: House, forgetting: Forgetting, role: Role) -> None:
    with pytest.raises(ForbiddenError):
        forgetting.forget(Principal(key="v", role=role, door="chat"), house.entry("ann").entry_id)
    assert house.entry("ann").name


# --- in a chat


def test_in_a_chat_a_name_is_answered_with_ids_and_an_id_is_confirmed(house: House) -> None:
    from tests.sources.test_delete import an_admin

    an_admin(house, "ann")
    entry = house.entry("ann")
    house.hear("forget Ann", "m1")
    house.converse()
    assert entry.entry_id in str(house.chat.said[-1].reply)
    house.hear(f"forget {entry.entry_id}", "m2")
    house.converse()
    told = str(house.chat.said[-1].reply)
    house.hear(f"confirm {told.partition('confirm ')[2].split('`')[0]}", "m3")
    house.converse()
    assert "is forgotten" in str(house.chat.said[-1].reply)
    assert house.entry("ann").is_forgotten


# --- keys that were theirs, and what the source still shows


def canaries(town: Town) -> list[str]:
    """The keys of whose rows the canary is still in some plan."""
    return [
        row.key.external_id
        for task in town.tasks.recent(None, 50)
        for row in town.tasks.rows(task.task_id)
        if SONG in f"{dict(row.source)} {dict(row.before)} {dict(row.after)}"
    ]


@pytest.fixture
def town() -> Iterator[Town]:
    yield Town()
    wiring.use(None)


def forgotten_in(town: Town, entry_id: str) -> None:
    wiring.rooms().forgetting.forget(TERMINAL, entry_id)
    assert town.directory.entries([entry_id])[entry_id].is_forgotten


def test_after_a_rehire_under_a_new_id_what_the_old_one_showed_goes_too(town: Town) -> None:
    town.branch.hire("ann", name="Ann", en_name="7", title=SONG)
    town.branch.hire("bob", en_name="1")
    town.run("branch")
    town.branch.leave("ann")
    town.run("branch")
    town.matches("branch")
    town.branch.hire("ann2", name="Ann", en_name="7")
    town.run("branch")
    town.branch.leave("ann2")
    town.run("branch")
    assert "ann" in canaries(town)
    forgotten_in(town, town.of("branch", "ann2").entry_id)
    assert canaries(town) == []


def test_what_an_owner_showed_whose_source_was_deleted_goes_too(town: Town) -> None:
    town.hq.hire("ann", en_name="7", title=SONG)
    town.run("hq")
    town.matches("branch")
    town.branch.hire("x", en_name="7")
    town.branch.hire("y", en_name="8")
    town.run("branch")
    assert wiring.deletions().delete(TERMINAL, "hq").is_gone
    town.run("branch")
    town.branch.leave("x")
    town.run("branch")
    assert "ann" in canaries(town)
    forgotten_in(town, town.of("branch", "x").entry_id)
    assert canaries(town) == []


def test_what_an_unlinked_key_showed_of_them_goes_and_what_it_shows_now_stays(town: Town) -> None:
    town.hq.hire("ann", en_name="7", title=SONG)
    town.hq.hire("bob", en_name="8")
    town.run("hq")
    town.matches("branch")
    town.branch.hire("x", en_name="7")
    town.branch.hire("y", en_name="9")
    town.run("branch")
    entry = town.of("hq", "ann")
    wiring.rooms().linking.unlink(TERMINAL, "branch", entry)
    town.branch.people["x"] |= {"en_name": "10", "title": "Cook"}
    town.run("branch")
    town.hq.leave("ann")
    town.run("hq")
    assert "x" in canaries(town)
    forgotten_in(town, entry.entry_id)
    assert canaries(town) == []
    assert town.of("branch", "x").values["title"] == "Cook"
    rows = [row for task in town.tasks.recent(town.uid("branch"), 9) for row in town.tasks.rows(task.task_id)]
    assert any(row.key.external_id == "x" and row.after.get("title") == "Cook" for row in rows)


def test_who_is_still_listed_as_left_is_no_row_whatever_they_show(house: House, forgetting: Forgetting) -> None:
    forgetting.forget(TERMINAL, house.entry("ann").entry_id)
    shown = {**house.company.people["p1"], "name": f"Ann {SONG}", "email": "not an address", "state": State.LEFT}
    house.company.people["ann"] = shown
    task = house.sync()
    assert (task.status, house.rows(task)) == (TaskStatus.DONE, [])
    assert "plan" not in sung(house)
