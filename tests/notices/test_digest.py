"""What a week comes to."""

from __future__ import annotations

from chalicelib import wiring
from chalicelib.core.catalogue import Lang
from chalicelib.core.reply import Pairs
from chalicelib.notices.digest import digest
from chalicelib.notices.show import View
from tests.bot.talk import Talk
from tests.bot.test_sync import a_house_with_leavers


def test_what_was_held_and_approved_is_counted_once() -> None:
    house = a_house_with_leavers()
    held = house.sync()
    Talk(house).type(f"sync approve {held.task_id}")
    house.work()
    rooms = wiring.rooms()
    view = View(lang=Lang.EN, catalog=rooms.catalog, directory=rooms.directory)
    reply = digest(view, rooms.catalog.source("hq"), rooms.tasks, rooms.clock.now())
    (counts,) = [dict(block.pairs) for block in reply.blocks if isinstance(block, Pairs)]
    gone = [row for row in house.rows(house.tasks.get(held.task_id)) if row.removes_access]
    assert counts["deactivated"] == str(sum(row.key.kind == "employee" for row in gone))
