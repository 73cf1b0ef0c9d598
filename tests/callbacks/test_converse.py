"""What was said is answered once and what is to be said is said once, whoever dies, and whatever the vendor does."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from chalicelib import log, wiring
from chalicelib.callbacks.converse import CLAIM, MOST_ATTEMPTS, MOST_BROKEN, MOST_TRIES, PATIENCE, Converser
from chalicelib.core.errors import (
    ContractError,
    NotFoundError,
    SourceDeniedError,
    SourceProtocolError,
    SourceUnavailableError,
    StoreConflictError,
    ThrottledError,
)
from chalicelib.core.message import Address, Message, Outgoing
from chalicelib.core.reply import Line, Reply
from chalicelib.core.source import Source
from chalicelib.notices.report import digest_of
from tests.scripted import HeardBell, House, Posted, ScriptedChat


@dataclass
class Echo:
    """A bot that says what it hears: once for each word. `before` may raise, or act as a rival."""

    house: House
    heard: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    before: Callable[[Message], None] = lambda message: None
    task: str | None = None
    edits: bool = False

    def give_up(self, message: Message) -> None:
        self.given_up.append(message.text)

    def hear(self, message: Message) -> Sequence[Outgoing]:
        self.heard.append(message.text)
        self.before(message)
        return [
            Outgoing(
                outgoing_id=f"{message.message_id}#{number}",
                to=message.address,
                reply=Reply(blocks=(Line(text=word),), data=None, task=self.task),
                created_at=self.house.clock.now(),
                edits=message.card if self.edits else "",
                task=self.task,
            )
            for number, word in enumerate(message.text.split())
        ]


@dataclass
class Quiet:
    """Notices that want to look again when they are told to."""

    again: float | None = None
    due: bool = False
    collected: int = 0
    before: Callable[[], None] = lambda: None

    def collect(self, source_uid: str) -> float | None:
        self.collected += 1
        self.before()
        return self.again

    def is_due(self, source_uid: str) -> bool:
        return self.due


class Parlour:
    def __init__(self) -> None:
        self.house = House()
        self.clock, self.chats, self.bell = self.house.clock, self.house.outside.chats, HeardBell()
        self.bot, self.notices = Echo(self.house), Quiet()
        self.uid = self.house.source.uid
        self.stream = io.StringIO()
        log.configure("DEBUG", self.stream)

    @property
    def chat(self) -> ScriptedChat:
        return self.house.chat

    @property
    def converser(self) -> Converser:
        out = self.house.outside
        return Converser(
            catalog=out.catalog,
            connectors=out.connectors,
            chats=out.chats,
            doors=out.doors,
            bot=self.bot,
            notices=self.notices,
            bell=self.bell,
            clock=out.clock,
            rotation=wiring.rotation(),
        )

    def turn(self, left_s: float = math.inf) -> None:
        self.bell.rung.clear()
        self.converser.converse(self.uid, lambda: left_s)

    def hear(self, text: str, message_id: str, **saying: object) -> None:
        self.house.hear(text, message_id, **saying)

    def put(self, outgoing_id: str, *, chat: str = "oc_1", task: str | None = None, edits: str = "") -> Outgoing:
        outgoing = Outgoing(
            outgoing_id=outgoing_id,
            to=Address(source=self.uid, chat=chat, session="https://example.com/s", session_until=self.clock.now()),
            reply=Reply(blocks=(Line(text=outgoing_id),), data=None, task=task or ("7" if edits else None)),
            created_at=self.clock.now(),
            task=task,
            edits=edits,
        )
        self.chats.put([outgoing])
        return outgoing

    def waits(self) -> tuple[int, int]:
        return len(self.chats.waiting(self.uid)), len(self.chats.outgoing(self.uid))

    def said(self) -> list[str]:
        return [each.text for each in self.chat.said]

    def events(self, event: str) -> list[dict[str, object]]:
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        return [line for line in lines if line["event"] == event]

    def rung_in(self) -> float:
        ((source, delay_s),) = self.bell.rung
        assert source == self.uid
        return delay_s


@pytest.fixture
def parlour() -> Iterator[Parlour]:
    yield Parlour()
    wiring.use(None)
    log.configure("ERROR")


def once(raises: Exception) -> Callable[..., None]:
    """Fail at the first call."""
    left = [raises]

    def act(*_: object) -> None:
        if left:
            raise left.pop()

    return act


def always(raises: Exception) -> Callable[..., None]:
    def act(*_: object) -> None:
        raise raises

    return act


# --- answering


def test_what_is_said_is_answered_in_its_chat_and_nothing_is_left(parlour: Parlour) -> None:
    parlour.hear("sync now", "m1", chat="oc_9")
    parlour.turn()
    assert parlour.said() == ["sync", "now"]
    assert [each.to.chat for each in parlour.chat.said] == ["oc_9"] * 2
    assert [each.once for each in parlour.chat.said] == ["m1#0", "m1#1"]
    assert (parlour.waits(), parlour.bell.rung, parlour.chat.closed) == ((0, 0), [], 1)


def test_what_comes_again_is_not_answered_again(parlour: Parlour) -> None:
    for _ in range(3):
        parlour.hear("hello", "m1")
        parlour.turn()
        parlour.hear("hello", "m1")
    assert (parlour.said(), parlour.bot.heard) == (["hello"], ["hello"])


def test_what_is_no_affair_of_the_bot_is_taken_off(parlour: Parlour) -> None:
    parlour.hear("hello", "m1", bot=True)
    parlour.turn()
    assert (parlour.said(), parlour.bot.heard, parlour.waits()) == ([], [], (0, 0))


def test_two_workers_at_once_answer_once(parlour: Parlour) -> None:
    parlour.hear("hello", "m1")
    parlour.bot.before = lambda message: parlour.converser.converse(parlour.uid, lambda: math.inf)
    parlour.turn()
    assert (parlour.said(), parlour.bot.heard) == (["hello"], ["hello"])


def test_a_message_that_fails_is_tried_again_and_stops_no_other(parlour: Parlour) -> None:
    parlour.hear("first", "m1")
    parlour.hear("second", "m2", sender="ben")
    parlour.bot.before = once(ThrottledError("throttled", endpoint="x", retry_after=7))
    parlour.turn()
    assert parlour.said() == ["second"]
    assert parlour.rung_in() == 7
    parlour.turn()
    assert parlour.said() == ["second"]
    parlour.clock.sleep(7)
    parlour.turn()
    assert parlour.said() == ["second", "first"]
    assert parlour.waits() == (0, 0)


def test_what_one_person_says_is_done_in_their_order_also_when_a_worker_dies(parlour: Parlour) -> None:
    parlour.hear("first", "m1")
    parlour.bot.before = once(KeyboardInterrupt())  # type: ignore[arg-type]  # what no handler catches
    with pytest.raises(KeyboardInterrupt):
        parlour.turn()
    parlour.clock.sleep(1)
    parlour.hear("second", "m2", chat="oc_2")
    parlour.hear("other", "m3", sender="ben")
    parlour.turn()
    assert (parlour.said(), parlour.rung_in()) == (["other"], 2)
    parlour.clock.sleep(60)
    parlour.turn()
    assert parlour.said() == ["other", "first", "second"]


def test_a_message_that_breaks_us_is_told_to_the_queue_when_the_rest_is_done(parlour: Parlour) -> None:
    parlour.hear("first", "m1")
    parlour.hear("second", "m2", sender="ben")
    parlour.bot.before = once(ValueError("ann@example.com"))
    with pytest.raises(ContractError) as raised:
        parlour.turn()
    assert "ann@" not in str(raised.value)
    assert parlour.said() == ["second"]
    assert parlour.rung_in() == 2
    assert "ann@" not in parlour.stream.getvalue()


def test_a_message_that_always_fails_is_answered_with_an_apology(parlour: Parlour) -> None:
    parlour.hear("first", "m1", lang="zh")
    parlour.bot.before = always(StoreConflictError("store is busy", retry_after=1))
    for _ in range(MOST_TRIES):
        parlour.turn()
        parlour.clock.sleep(parlour.rung_in())
    assert parlour.said() == []
    parlour.turn()
    ((text, once_),) = [(each.text, each.once) for each in parlour.chat.said]
    assert ("尝试 5 次" in text, once_) == (True, "m1#0")
    assert parlour.waits() == (0, 0)
    (line,) = parlour.events("gave up")
    assert (line["delivery"], line["tries"]) == ("m1", MOST_TRIES)
    assert parlour.bot.given_up == ["first"]


def test_a_message_that_can_never_be_read_is_given_up_too(parlour: Parlour) -> None:
    parlour.hear("first", "m1")
    parlour.chat.read = always(ValueError("no JSON"))  # type: ignore[method-assign]
    for _ in range(MOST_TRIES):
        with pytest.raises(ContractError):
            parlour.turn()
        parlour.clock.sleep(parlour.rung_in())
    parlour.turn()
    assert parlour.waits() == (0, 0)
    (line,) = parlour.events("gave up")
    assert line["delivery"] == "m1"


def test_a_message_whose_workers_are_killed_is_given_up_like_one_that_fails(parlour: Parlour) -> None:
    parlour.hear("first", "m1")
    parlour.bot.before = always(KeyboardInterrupt())  # type: ignore[arg-type]  # what no handler catches
    for _ in range(MOST_TRIES):
        with pytest.raises(KeyboardInterrupt):
            parlour.turn()
        parlour.turn()
        assert parlour.said() == []
        parlour.clock.sleep(CLAIM.total_seconds())
    parlour.turn()
    assert "after 5 tries" in parlour.said()[0]


def test_an_answer_for_another_workspace_is_rung_for_there(parlour: Parlour) -> None:
    other = Outgoing(
        outgoing_id="m1#1",
        to=Address(source="src-branch", person="ben", direct=True),
        reply=Reply(blocks=(Line(text="code 123"),), data=None),
        created_at=parlour.clock.now(),
    )
    parlour.bot.hear = lambda message: [other]  # type: ignore[method-assign]
    parlour.hear("hello", "m1")
    parlour.turn()
    assert parlour.bell.rung == [("src-branch", 0)]


def test_a_turn_that_is_nearly_over_begins_nothing(parlour: Parlour) -> None:
    parlour.hear("hello", "m1")
    parlour.put("notice")
    parlour.turn(left_s=5)
    assert (parlour.said(), parlour.bot.heard, parlour.notices.collected) == ([], [], 0)
    assert parlour.rung_in() == 0
    parlour.turn()
    assert parlour.said() == ["notice", "hello"]


def test_a_source_that_was_deleted_is_forgotten(parlour: Parlour) -> None:
    parlour.converser.converse("src-deleted", lambda: math.inf)
    assert parlour.bell.rung == []


def test_a_source_whose_secrets_are_gone_keeps_what_was_said_for_a_while(parlour: Parlour) -> None:
    def refuse(source: Source) -> ScriptedChat:
        raise SourceDeniedError("secrets are missing", handle="hq")

    chat = parlour.house.connectors.chat
    parlour.hear("hello", "m1")
    parlour.put("notice")
    parlour.house.connectors.chat = refuse  # type: ignore[method-assign]
    parlour.turn()
    assert parlour.waits() == (1, 0)
    assert [line["code"] for line in parlour.events("gave up")] == ["secrets are missing"]
    parlour.house.connectors.chat = chat  # type: ignore[method-assign]
    parlour.clock.sleep(parlour.rung_in())
    parlour.turn()
    assert parlour.said() == ["hello"]


# --- saying


def test_what_the_vendor_limits_is_said_later_in_its_order(parlour: Parlour) -> None:
    parlour.hear("one two", "m1")
    parlour.chat.before_call = once(ThrottledError("throttled", endpoint="x", retry_after=30))
    parlour.turn()
    assert (parlour.said(), parlour.waits()) == ([], (0, 2))
    assert parlour.rung_in() == 30
    parlour.turn()
    assert parlour.said() == []
    parlour.clock.sleep(30)
    parlour.turn()
    assert (parlour.said(), parlour.waits()) == (["one", "two"], (0, 0))


def test_one_chat_that_is_limited_holds_up_no_other(parlour: Parlour) -> None:
    def limited(what: str, to: Address) -> None:
        if to.chat == "oc_1":
            raise ThrottledError("throttled", endpoint="x", retry_after=30)

    parlour.chat.before_call = limited
    for number in range(3):
        parlour.put(f"a{number}", chat="oc_1")
        parlour.put(f"b{number}", chat="oc_2")
    parlour.turn()
    assert parlour.said() == ["b0", "b1", "b2"]
    (first, *rest) = parlour.chats.outgoing(parlour.uid)
    assert (first.attempts, [each.attempts for each in rest]) == (1, [0, 0])


def test_pauses_grow_and_what_stays_refused_is_given_up_with_a_line_of_ids(parlour: Parlour) -> None:
    parlour.put("secret words")
    parlour.chat.before_call = always(SourceUnavailableError("source unavailable", retry_after=0.1))
    pauses: list[float] = []
    while parlour.waits() == (0, 1):
        parlour.turn()
        pauses += [delay_s for _, delay_s in parlour.bell.rung]
        parlour.clock.sleep(max([delay_s for _, delay_s in parlour.bell.rung], default=0))
    assert pauses[:4] == [2, 4, 8, 16]
    assert len(pauses) == MOST_ATTEMPTS - 1
    assert sum(pauses) <= PATIENCE.total_seconds()
    (line,) = parlour.events("gave up")
    assert (line["outgoing"], line["code"], line["attempts"]) == ("secret words", "source unavailable", MOST_ATTEMPTS)


def test_what_may_be_said_tomorrow_only_is_given_up_today(parlour: Parlour) -> None:
    parlour.put("notice")
    parlour.chat.before_call = once(ThrottledError("throttled", endpoint="x", retry_after=86_400))
    parlour.turn()
    assert (parlour.waits(), len(parlour.events("gave up"))) == ((0, 0), 1)


@pytest.mark.parametrize("error", [SourceDeniedError("permission missing", scopes="im", code=7), NotFoundError("x")])
def test_what_will_never_arrive_is_given_up_at_once(parlour: Parlour, error: Exception) -> None:
    parlour.put("first")
    parlour.put("second")
    parlour.chat.before_call = once(error)
    parlour.turn()
    assert (parlour.said(), parlour.waits()) == (["second"], (0, 0))
    assert [line["outgoing"] for line in parlour.events("gave up")] == ["first"]


def test_an_answer_that_breaks_us_is_tried_a_few_times(parlour: Parlour) -> None:
    parlour.put("first")
    parlour.put("other", chat="oc_2")

    def breaks(what: str, to: Address) -> None:
        if to.chat == "oc_1":
            raise ValueError("張三")

    parlour.chat.before_call = breaks
    for _ in range(MOST_BROKEN):
        with pytest.raises(ContractError):
            parlour.turn()
        parlour.clock.sleep(60)
    assert (parlour.said(), parlour.waits()) == (["other"], (0, 0))
    assert "張三" not in parlour.stream.getvalue()
    parlour.put("second", chat="oc_3")
    parlour.chat.before_call = once(SourceProtocolError("broken answer", endpoint="x", problem="y"))
    parlour.turn()
    assert parlour.waits() == (0, 1)


def test_what_was_said_when_the_worker_died_is_not_said_twice(parlour: Parlour) -> None:
    parlour.hear("hello", "m1")
    parlour.chat.after_call = once(KeyboardInterrupt())  # type: ignore[arg-type]  # what no handler catches
    with pytest.raises(KeyboardInterrupt):
        parlour.turn()
    assert parlour.waits() == (0, 1)
    parlour.turn()
    assert parlour.rung_in() == 2
    parlour.clock.sleep(60)
    parlour.turn()
    assert (parlour.said(), parlour.waits()) == (["hello"], (0, 0))


def test_two_workers_at_once_say_nothing_twice_and_keep_the_order(parlour: Parlour) -> None:
    for number in range(4):
        parlour.put(f"n{number}")
    parlour.chat.before_call = lambda what, to: parlour.converser.converse(parlour.uid, lambda: math.inf)
    parlour.turn()
    assert parlour.said() == ["n0", "n1", "n2", "n3"]


# --- cards


def test_a_card_that_follows_a_task_is_kept_without_what_is_secret(parlour: Parlour) -> None:
    put = parlour.put("n1", task="7")
    parlour.turn()
    (card,) = parlour.chats.cards("7")
    assert (card.card, card.shown, card.edits) == ("card1", digest_of(put.reply), 0)
    assert card.to == Address(source=parlour.uid, chat="oc_1")
    assert parlour.chats.showing(parlour.uid) == [card]


def test_what_cannot_be_edited_is_kept_to_say_how_its_task_ends(parlour: Parlour) -> None:
    parlour.chat.presses = False
    parlour.put("n1", task="7")
    parlour.turn()
    assert [(each.card, each.editable) for each in parlour.chats.cards("7")] == [("words:n1", False)]


def test_an_edit_changes_the_card_and_says_nothing_new(parlour: Parlour) -> None:
    parlour.put("n1", task="7")
    parlour.turn()
    parlour.put("n2", edits="card1")
    parlour.turn()
    assert [type(each) for each in parlour.chat.shown.values()] == [Reply]
    assert parlour.said() == ["n1", "n2"]
    assert [card.card for card in parlour.chats.cards("7")] == ["card1"]


def test_a_pressed_card_that_starts_a_task_follows_it(parlour: Parlour) -> None:
    parlour.put("menu")
    parlour.turn()
    parlour.bot.task, parlour.bot.edits = "7", True
    parlour.hear("syncing", "m1", card="card1", said="pressed")
    parlour.turn()
    assert parlour.chat.shown["card1"].blocks == (Line(text="syncing"),)
    assert [card.card for card in parlour.chats.showing(parlour.uid)] == ["card1"]


def test_a_card_that_cannot_be_edited_any_more_is_posted_anew_and_that_one_follows_the_task(parlour: Parlour) -> None:
    parlour.put("n1", task="7")
    parlour.turn()
    parlour.chat.gone.add("card1")
    parlour.put("n2", edits="card1")
    parlour.turn()
    assert [each.card for each in parlour.chat.said] == ["card1", "card2"]
    assert [card.card for card in parlour.chats.showing(parlour.uid)] == ["card2"]


def test_a_card_nobody_follows_is_posted_anew_and_not_followed(parlour: Parlour) -> None:
    parlour.put("n2", edits="gone1")
    parlour.turn()
    assert (parlour.said(), parlour.chats.showing(parlour.uid)) == (["n2"], [])


# --- notices and the tick


def test_notices_are_said_in_the_turn_that_collects_them(parlour: Parlour) -> None:
    def held() -> None:
        parlour.put("held")

    parlour.notices.before = held
    parlour.notices.again = 3.0
    parlour.turn()
    assert parlour.said() == ["held"]
    assert parlour.rung_in() == 3


def test_many_turns_leave_one_ring_for_later(parlour: Parlour) -> None:
    parlour.notices.again = 3.0
    rung: list[float] = []
    for number in range(5):
        parlour.hear("hello", f"m{number}")
        parlour.turn()
        rung += [delay_s for _, delay_s in parlour.bell.rung]
        parlour.clock.sleep(0.1)
    assert rung == [3]
    parlour.clock.sleep(3)
    parlour.turn()
    assert parlour.rung_in() == 3


def test_notices_that_fail_keep_nobody_from_an_answer(parlour: Parlour) -> None:
    parlour.hear("hello", "m1")
    parlour.notices.before = once(StoreConflictError("store is busy", retry_after=1))
    parlour.turn()
    assert (parlour.said(), parlour.rung_in()) == (["hello"], 1)
    parlour.notices.before = once(ValueError())
    parlour.hear("again", "m2")
    with pytest.raises(ContractError):
        parlour.turn()
    assert parlour.said() == ["hello", "again"]


def test_the_tick_rings_where_something_waits(parlour: Parlour) -> None:
    def rung() -> int:
        parlour.bell.rung.clear()
        parlour.converser.tick()
        assert {source for source, _ in parlour.bell.rung} <= {parlour.uid}
        return len(parlour.bell.rung)

    assert rung() == 0
    parlour.hear("hello", "m1")
    assert rung() == 1
    parlour.turn()
    assert rung() == 0
    parlour.notices.due = True
    assert rung() == 1
    parlour.notices.due = False
    put = parlour.put("n1")
    assert rung() == 1
    parlour.chats.hold(put, "w", parlour.clock.now(), parlour.clock.now())
    parlour.chats.later(replace(put, attempts=1, not_before=parlour.clock.now() + timedelta(seconds=30)))
    assert rung() == 0
    parlour.clock.sleep(30)
    assert rung() == 1


def test_the_log_has_ids_and_never_what_was_said(parlour: Parlour) -> None:
    parlour.hear("張三 13011111111", "m1")
    parlour.turn()
    text = parlour.stream.getvalue()
    assert "answered" in text
    assert "張三" not in text
    assert "13011111111" not in text
    assert all(isinstance(each, Posted) for each in parlour.chat.said)
