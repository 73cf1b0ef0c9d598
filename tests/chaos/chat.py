"""What is said comes again, is pressed twice, and whoever answers is killed: nothing is done twice, nobody is ignored.

Each case is a company of its own, some people who say or press a few things, and workers that die between any two
writes to the store or on either side of a call to the vendor, meet a store that is busy and a vendor that limits them,
and work at the same time as others. Then the faults end, the bells and the tick alone wake workers, and what came of it
is counted.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, NoReturn

from chalicelib import wiring
from chalicelib.core.confirm import Standing
from chalicelib.core.errors import ContractError, SourceUnavailableError, StoreConflictError, ThrottledError
from chalicelib.core.message import Address, Card, Outgoing, Said
from chalicelib.core.ports import Delete, Item, Page, Put, Table, Write
from chalicelib.core.principal import TERMINAL, Role
from chalicelib.core.reply import Reply
from chalicelib.core.source import Source
from chalicelib.core.task import SyncTask
from chalicelib.local.table import SqliteTable
from chalicelib.store.chats import TableChats
from tests.scripted import House, Scripted, ScriptedChat, a_company

# For so many turns of workers faults happen: fewer than it takes to answer somebody with an apology.
TROUBLED_TURNS: Final = 4
MOST_TURNS: Final = 400
TICK_S: Final = 60.0
PEOPLE: Final = 24
LEAVERS: Final = 14


class Killed(BaseException):
    """The process died here. Not an Exception, so that nothing in the program can survive it."""


@dataclass
class Fate:
    """What is to happen at which of a worker's steps; a step is either side of a write or of a call to the vendor."""

    plan: dict[int, str] = field(default_factory=dict)
    steps: int = 0
    rival: Callable[[], None] = lambda: None
    met: Counter[str] = field(default_factory=Counter)
    idle: bool = True
    # What the vendor has, and the store does not know yet; `unsure` is how often a fault left it at that.
    reached: str = ""
    unsure: Counter[str] = field(default_factory=Counter)

    def step(self, *kinds: str) -> None:
        if self.idle:
            return
        self.steps += 1
        what = self.plan.pop(self.steps, "")
        if what == "rival":
            self.met[what] += 1
            reached, self.idle = self.reached, True
            try:
                self.rival()
            finally:
                self.reached, self.idle = reached, False
        elif what in kinds:
            self.met[what] += 1
            if self.reached:
                self.unsure[self.reached] += 1
            match what:
                case "busy":
                    raise StoreConflictError("store is busy", retry_after=1.0)
                case "limited":
                    raise ThrottledError("throttled", endpoint="chat", retry_after=3.0)
                case "lost":
                    raise SourceUnavailableError("source unavailable", endpoint="chat", problem="lost", retry_after=2.0)
                case _:
                    raise Killed
        elif what:  # it happens at the next step that it can happen to
            self.plan.setdefault(self.steps + 1, what)


class MortalTable:
    """A table either side of whose writes a worker may die, or meet somebody else."""

    def __init__(self, table: Table, fate: Fate) -> None:
        self._table, self._fate = table, fate

    def get(self, partition: str, sort: str) -> Item | None:
        return self._table.get(partition, sort)

    def get_many(self, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Item]:
        return self._table.get_many(keys)

    def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        after: str | None = None,
        backward: bool = False,
        limit: int | None = None,
    ) -> Page:
        return self._table.query(partition, prefix=prefix, after=after, backward=backward, limit=limit)

    def write(self, writes: Sequence[Write]) -> None:
        self._fate.step("killed", "busy")
        self._table.write(writes)
        self._fate.step("killed")

    def write_many(self, writes: Iterable[Put | Delete]) -> None:
        kept = list(writes)
        self._fate.step("killed", "busy")
        self._table.write_many(kept)
        self._fate.step("killed")


@dataclass
class MortalChat(ScriptedChat):
    """A vendor that counts what reaches it, by `once`."""

    fate: Fate = field(default_factory=Fate)
    reached: Counter[str] = field(default_factory=Counter)

    def post(self, reply: Reply, to: Address, *, once: str) -> str:
        self.fate.step("killed", "limited")
        card = super().post(reply, to, once=once)
        self.reached[once] += 1
        self.fate.reached = once
        self.fate.step("killed", "lost")
        return card

    def edit(self, card: str, reply: Reply, to: Address) -> bool:
        self.fate.step("killed", "limited")
        edited = super().edit(card, reply, to)
        self.fate.step("killed", "lost")
        return edited


@dataclass
class MortalVendor(Scripted):
    fate: Fate = field(default_factory=Fate)

    def chat(self, source: Source) -> ScriptedChat:
        return self.chats.setdefault(source.uid, MortalChat(self.clock, fate=self.fate))


class Heard(logging.Handler):
    """What the program told of what it gave up, in its log."""

    def __init__(self) -> None:
        super().__init__()
        self.given_up: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg == "gave up":
            self.given_up.append(str(vars(record).get("outgoing", "a message")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Noting(TableChats):
    """Chats that remember what was taken off as said."""

    said: set[str]
    fate: Fate

    def sent(self, outgoing: Outgoing, card: Card | None) -> None:
        self.said.add(outgoing.outgoing_id)
        TableChats.sent(self, outgoing, card)
        self.fate.reached = ""


@contextmanager
def listening() -> Iterator[Heard]:
    logger, heard = logging.getLogger("chalicelib.callbacks.converse"), Heard()
    before = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(heard)
    try:
        yield heard
    finally:
        logger.removeHandler(heard)
        logger.level, logger.propagate = before


@dataclass(frozen=True, kw_only=True)
class Saying:
    """One thing said: who, what, and under which ids it comes; more than one is a button that was pressed twice."""

    text: str
    ids: tuple[str, ...]
    sender: str = "ann"
    card: str = ""
    verb: str = ""


class Case:
    """One company, one story."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.seed = seed
        self.fate = Fate()
        self.rows = SqliteTable(":memory:")
        self.house = House(a_company(people=PEOPLE, departments=2), MortalTable(self.rows, self.fate))
        self.house.connectors = MortalVendor(self.house.company, self.house.clock, fate=self.fate)
        self.house.outside = wiring.around(
            self.house.outside.settings,
            self.house.table,
            self.house.secrets,
            self.house.bell,
            self.house.clock,
            self.house.connectors,
            self.house.delivery_bell,
            self.house.chat_bell,
        )
        self.answered: set[str] = set()
        noting = Noting(table=self.house.table, said=self.answered, fate=self.fate)
        self.house.outside = replace(self.house.outside, chats=noting)
        wiring.use(self.house.outside)
        self.admins, self.chats = self.house.outside.admins, self.house.outside.chats
        for person in ("ann", "ben"):
            wiring.rooms().admins.add(TERMINAL, "hq", person, Role.OWNER)
        self.said: list[Saying] = []
        self.tried: Counter[str] = Counter()
        self.expected: dict[str, bool] = {}
        self.numbers = iter(range(10**6))
        self.lines_before = len(self.house.outside.audit.recent(1000))

    @property
    def vendor(self) -> MortalChat:
        chat = self.house.chat
        assert isinstance(chat, MortalChat)
        return chat

    # --- what is said

    def ids(self, count: int = 1) -> tuple[str, ...]:
        return tuple(f"m{next(self.numbers)}" for _ in range(count))

    def deliver(self, saying: Saying) -> None:
        """Let it come, each id some times; a door that dies is pushed to again, as a vendor does."""
        for message_id in saying.ids:
            times = self.rng.randint(1, 3)
            for _ in range(times):
                self.push(saying, message_id)
            self.tried["redeliveries"] += times - 1
        self.tried["double clicks"] += len(saying.ids) - 1
        self.said.append(saying)

    def push(self, saying: Saying, message_id: str) -> None:
        pressed = Said.PRESSED if saying.card else Said.TYPED
        self.house.hear(saying.text, message_id, sender=saying.sender, said=pressed, card=saying.card)
        if self.rng.random() < 0.8:  # or the door died in between
            self.house.chat_bell.ring(self.house.source.uid)

    def come_again(self) -> None:
        """Push something that was said before once more."""
        if self.said and self.rng.random() < 0.5:
            saying = self.rng.choice(self.said)
            self.push(saying, self.rng.choice(saying.ids))
            self.tried["redeliveries"] += 1

    # --- workers

    def turn(self) -> None:
        try:
            self.house.converse()
        except Killed:
            self.tried["killed"] += 1
        except (ContractError, StoreConflictError):
            self.tried["broke off"] += 1

    def rival(self) -> None:
        """Somebody else is woken in the middle: for the chat, for the sync, or by a vendor that pushes again."""
        self.tried["two at once"] += 1
        match self.rng.randrange(3):
            case 0 | 1:
                self.turn()
            case _:
                self.come_again()

    def troubled(self, busy_runner: bool) -> None:
        """Let workers try, with faults at any of their steps."""
        kinds = ("killed", "killed", "rival", "busy", "limited", "lost")
        for _ in range(self.rng.randint(1, TROUBLED_TURNS)):
            spots = sorted(self.rng.sample(range(1, 25), self.rng.randint(1, 5)))
            self.fate.plan = {spot: self.rng.choice(kinds) for spot in spots}
            self.fate.steps, self.fate.idle, self.fate.rival = 0, False, self.rival
            self.turn()
            self.fate.idle = True
            self.come_again()
            if busy_runner and self.rng.random() < 0.5:
                self.house.work()
            self.house.clock.sleep(self.rng.choice((0.0, 1.0, 5.0, 61.0)))

    def drained(self) -> None:
        """Let the bells and the tick alone wake workers, without faults, until nothing waits."""
        clock, bell = self.house.clock, self.house.chat_bell
        uid = self.house.source.uid
        due = [clock.now() + timedelta(seconds=delay_s) for _, delay_s in bell.rung]
        bell.rung.clear()
        for _ in range(MOST_TURNS):
            if not self.chats.waiting(uid) and not self.chats.outgoing(uid):
                return
            if any(each <= clock.now() for each in due):
                due = [each for each in due if each > clock.now()]
                self.turn()
            else:
                clock.sleep(min([(each - clock.now()).total_seconds() for each in due] + [TICK_S]))
                wiring.converser().tick()
            due += [clock.now() + timedelta(seconds=delay_s) for _, delay_s in bell.rung]
            bell.rung.clear()
        self.wrong("something waits for ever")

    # --- the stories

    def play(self) -> None:
        for _ in range(self.rng.randint(1, 3)):
            self.rng.choice(
                (self.sync, self.sync, self.hire_admin, self.fire_admin, self.switch, self.disable, self.help)
            )()
        if self.rng.random() < 0.1:
            self.approve()

    def happens(self, saying: Saying, *, busy_runner: bool = False) -> None:
        self.deliver(saying)
        if self.rng.random() < 0.85:
            self.troubled(busy_runner)
        self.drained()

    def sync(self) -> None:
        """However it is asked, and whoever dies: one sync, as long as it goes on; one for each message, ever."""
        before, double = len(self.tasks()), self.rng.random() < 0.4
        verb = self.rng.choice(("sync now", "sync preview"))
        card = self.a_card()
        self.happens(
            Saying(text=f"{verb} hq", ids=self.ids(2 if double else 1), card=card, verb=verb), busy_runner=not double
        )
        self.held(len(self.tasks()) - before == 1, "one task for one thing said")
        self.house.work()
        self.come_again()
        self.drained()
        self.held(len(self.tasks()) - before == 1, "one task, also when it comes again later")
        self.house.clock.sleep(120)

    def hire_admin(self) -> None:
        person = f"ou_{self.rng.randrange(3)}"
        self.happens(Saying(text=f"admin add hq {person} --role operator", ids=self.ids(), verb="admin add"))
        self.expected[person] = True

    def fire_admin(self) -> None:
        person = f"ou_{self.rng.randrange(3)}"
        self.hire_admin()
        add = Saying(text=f"admin add hq {person} --role operator", ids=self.ids(), verb="admin add")
        off = Saying(text=f"admin remove hq {person}", ids=self.ids(), verb="admin remove")
        self.deliver(add)
        self.house.clock.sleep(0.5)
        self.deliver(off)
        self.troubled(busy_runner=False)
        self.drained()
        self.expected[person] = False

    def switch(self) -> None:
        word = self.rng.choice(("on", "off"))
        self.happens(Saying(text=f"auto {word} hq", ids=self.ids(), verb=f"auto {word}"))

    def help(self) -> None:
        text = self.rng.choice(("help", "帮助", "status", "nonsense 🙂 <at id=all></at>", "record 99", "who p1", ""))
        sender = self.rng.choice(("ann", "nobody"))
        self.happens(Saying(text=text, ids=self.ids(), sender=sender))

    def disable(self) -> None:
        """A dangerous command: asked for, confirmed by a button that is pressed twice, undone again."""
        asked = Saying(text="disable hq", ids=self.ids())
        self.happens(asked)
        confirm, card = self.the_button("confirm", asked)
        self.happens(Saying(text=confirm, ids=self.ids(2), card=card, verb="disable"))
        number = confirm.split()[1]
        confirmation = self.chats.confirmation(self.house.source.uid, number)
        self.held(
            confirmation is not None and confirmation.standing is Standing.DONE, "what was confirmed counts as done"
        )
        self.held(not self.source().enabled, "what was confirmed is done")
        self.happens(Saying(text="enable hq", ids=self.ids(), verb="enable"))
        self.held(self.source().enabled, "a late confirmation changes nothing")
        self.house.clock.sleep(120)

    def approve(self) -> None:
        """Held departures are approved by a button that is pressed twice."""
        self.house.sync()
        for number in range(LEAVERS):
            self.house.company.leave(f"p{number}")
        task = self.house.sync()
        before = len(self.tasks())
        asked = Saying(text=f"sync approve {task.task_id}", ids=self.ids(), card=self.a_card())
        self.happens(asked)
        confirm, card = self.the_button("confirm", asked)
        self.happens(Saying(text=confirm, ids=self.ids(2), card=card, verb="sync approve"), busy_runner=True)
        self.house.work()
        self.come_again()
        self.drained()
        self.house.work()
        self.held(len(self.tasks()) - before == 1, "one approval, one task")

    # --- looking

    def a_card(self) -> str:
        """Take a card that can be pressed, or "" to type."""
        cards = list(self.vendor.shown)
        if cards and self.rng.random() < 0.1:
            self.vendor.gone.add(self.rng.choice(cards))
        return self.rng.choice(cards) if cards and self.rng.random() < 0.7 else ""

    def the_button(self, word: str, asked: Saying) -> tuple[str, str]:
        for posted in reversed(self.vendor.said):
            for button in posted.reply.buttons:
                if button.command.split()[0] == word and not button.command.endswith(" no"):
                    return button.command, posted.card
        return self.wrong(f"no card offers {word} after {asked.text}")

    def tasks(self) -> Sequence[SyncTask]:
        return self.house.tasks.recent(None, 1000)

    def source(self) -> Source:
        return self.house.outside.catalog.source(self.house.source.uid)

    def wrong(self, what: str) -> NoReturn:
        raise AssertionError(f"seed {self.seed}: {what}; {[(each.text, each.ids) for each in self.said]}")

    def held(self, holds: bool, what: str) -> None:
        if not holds:
            self.wrong(f"not so: {what}")

    def check(self, heard: Heard) -> None:
        """Compare what was done and said with what was asked for."""
        for saying in self.said:
            for message_id in saying.ids:
                self.held(f"{message_id}#0" in self.answered, f"{message_id} is answered")
        self.held(not heard.given_up, f"nothing is given up {heard.given_up}")
        once = Counter(each.once for each in self.vendor.said if each.once)
        self.held(all(count == 1 for count in once.values()), f"everything is said once {once.most_common(1)}")
        late = {each: count for each, count in self.vendor.reached.items() if count > 1 + self.fate.unsure[each]}
        self.held(not late, f"nothing is sent again whose arrival was known {late}")
        may = Counter(verb for each in self.said for verb in [each.verb] * len(each.ids) if verb)
        may["disable"] = len([each for each in self.said if each.verb == "disable"])
        may["sync approve"] = len([each for each in self.said if each.verb == "sync approve"])
        new = len(self.house.outside.audit.recent(1000)) - self.lines_before
        lines = self.house.outside.audit.recent(new) if new else ()
        # What ann and ben did, and the terminal did not.
        done = Counter(each.verb for each in lines if each.outcome == "done" and each.principal.key in ("ann", "ben"))
        twice = {verb: (count, may[verb]) for verb, count in done.items() if verb in may and count > may[verb]}
        self.held(not twice, f"nothing is noted as done twice {twice}")
        for person, is_admin in self.expected.items():
            found = self.admins.admin(self.house.source.uid, person)
            self.held((found is not None) is is_admin, f"{person} is {'an' if is_admin else 'no'} admin")


def attempt(seed: int) -> Counter[str]:
    """Play one case through, and count what was tried.

    Raises:
        AssertionError: something was done twice, or somebody was not answered.
    """
    with listening() as heard:
        case = Case(seed)
        try:
            case.play()
            case.check(heard)
        finally:
            wiring.use(None)
            case.rows.close()
    tried = case.tried + case.fate.met
    tried["said"] = sum(len(each.ids) for each in case.said)
    return tried


def attempts(seeds: Iterable[int]) -> Counter[str]:
    tried: Counter[str] = Counter()
    for seed in seeds:
        tried += attempt(seed)
        tried["cases"] += 1
    return tried


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.chat", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=None, help="any number; without one, another each time")
    given = parser.parse_args(arguments)
    start = random.randrange(10**9) if given.seed is None else given.seed
    began = time.monotonic()
    print(f"chat: {given.cases} cases from seed {start}")
    tried = attempts(range(start, start + given.cases))
    for name, count in sorted(tried.items()):
        print(f"  {name:<18} {count:>8}")
    print(f"chat: 0 double effects, 0 silent clicks, {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
