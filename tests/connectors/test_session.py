"""Retry, renewal, many calls in flight: with a made-up vendor, on a clock that is turned by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx
import pytest

from chalicelib.connectors.limiter import Limiter, Limiters, Window
from chalicelib.connectors.session import (
    MOST_THROTTLED,
    MOST_TRIES,
    Accepted,
    Call,
    Credentials,
    Endpoint,
    Renew,
    Retry,
    Session,
    Verdict,
    json_object,
)
from chalicelib.core.errors import SourceDeniedError, SourceUnavailableError, ThrottledError
from chalicelib.local.clock import ManualClock

START = datetime(2026, 1, 5, tzinfo=UTC)
THINGS = Call(endpoint=Endpoint(name="things", method="GET", path="/things"), path="/things")
Handler = Callable[[httpx.Request], httpx.Response]


class Plain:
    """A vendor that says in plain words what is the matter; its credentials are counted."""

    def __init__(self) -> None:
        self.made = 0
        self._current: Credentials | None = None

    def classify(self, call: Call, response: httpx.Response) -> Verdict:
        document = json_object(response)
        if document is None:
            return Retry(problem=f"no JSON, HTTP {response.status_code}")
        match document.get("says"):
            case "slow down":
                wait_s = document.get("wait")
                return Retry(problem="slow down", after_s=wait_s if isinstance(wait_s, float) else None, throttled=True)
            case "who are you":
                return Renew(problem="who are you")
            case "no":
                raise SourceDeniedError("permission missing")
            case _:
                return Accepted(document)

    def credentials(self) -> Credentials:
        if self._current is None:
            self.made += 1
            self._current = Credentials(headers={"X-Token": str(self.made)}, query=(("t", str(self.made)),))
        return self._current

    def drop(self, credentials: Credentials) -> bool:
        dropped, self._current = self._current is credentials, None
        return dropped


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


def a_session(clock: ManualClock, handler: Handler, *, in_flight: int = 4) -> Session:
    return Session(
        base_url="http://vendor.test",
        clock=clock,
        limiters=Limiters(),
        transport=httpx.MockTransport(handler),
        in_flight=in_flight,
        chance=lambda: 0.5,
    )


def in_turn(*answers: httpx.Response | Exception) -> Handler:
    """Give these answers one after another, the last one for ever."""
    waiting = list(answers)

    def handle(request: httpx.Request) -> httpx.Response:
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return handle


def ok(**document: object) -> httpx.Response:
    return httpx.Response(200, json={"says": "fine", **document})


def says(words: str, **more: object) -> httpx.Response:
    return httpx.Response(200, json={"says": words, **more})


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("connector")}


def seconds(clock: ManualClock) -> float:
    return (clock.now() - START).total_seconds()


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.Response(502, html="<h1>Bad gateway</h1>"),
        httpx.Response(200, html="<h1>Hello</h1>"),
        httpx.Response(200, content=b'{"says": "fi'),
        httpx.Response(200, content=b"\xff\xfe"),
        httpx.Response(200, json=["fine"]),
        httpx.ReadTimeout("slow"),
        httpx.ConnectTimeout("slow"),
        httpx.ConnectError("refused"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("odd"),
    ],
)
def test_passing_trouble_is_waited_out(clock: ManualClock, trouble: httpx.Response | Exception) -> None:
    session = a_session(clock, in_turn(trouble, trouble, ok(n=1)))
    answer = session.call(Plain(), THINGS)
    assert answer.document["n"] == 1
    assert session.calls == {"things": 3}
    assert seconds(clock) == pytest.approx(1.0 + 3.0)


def test_an_answer_is_observed_when_the_request_that_got_it_was_sent(clock: ManualClock) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        clock.sleep(5)
        return ok() if seconds(clock) > 6 else httpx.Response(503)

    answer = a_session(clock, handle).call(Plain(), THINGS)
    assert (answer.observed_at - START).total_seconds() == pytest.approx(5 + 1)


@pytest.mark.parametrize(
    ("trouble", "problem"),
    [
        (httpx.Response(500, text="private body"), "no JSON, HTTP 500"),
        (httpx.ReadTimeout("private"), "timeout"),
        (httpx.ConnectError("private"), "connection"),
    ],
)
def test_lasting_trouble_is_an_unavailable_source(clock: ManualClock, trouble: Exception, problem: str) -> None:
    session = a_session(clock, in_turn(trouble))
    with pytest.raises(SourceUnavailableError) as caught:
        session.call(Plain(), THINGS)
    assert caught.value.code == "source unavailable"
    assert caught.value.facts == {"endpoint": "things", "problem": problem}
    assert session.calls == {"things": MOST_TRIES}
    assert seconds(clock) < 60
    assert "private" not in str(caught.value)


def test_slow_trouble_is_given_up_before_all_tries_are_used(clock: ManualClock) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        clock.sleep(25)
        raise httpx.ReadTimeout("slow")

    session = a_session(clock, handle)
    with pytest.raises(SourceUnavailableError):
        session.call(Plain(), THINGS)
    assert session.calls["things"] < MOST_TRIES
    assert seconds(clock) < 120


def test_a_throttle_waits_as_long_as_the_vendor_says(clock: ManualClock) -> None:
    session = a_session(clock, in_turn(says("slow down", wait=7.0), ok()))
    session.call(Plain(), THINGS)
    assert seconds(clock) == pytest.approx(7.0)


def test_a_throttle_without_a_figure_is_backed_off(clock: ManualClock) -> None:
    session = a_session(clock, in_turn(says("slow down"), says("slow down"), ok()))
    session.call(Plain(), THINGS)
    assert seconds(clock) == pytest.approx(1.0 + 3.0)


def test_a_throttle_holds_back_every_thread_but_only_that_api(clock: ManualClock) -> None:
    sent: list[float] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(seconds(clock))
        return says("slow down", wait=9.0) if len(sent) == 1 else ok()

    session = a_session(clock, handle, in_flight=2)
    list(session.each(lambda _: session.call(Plain(), THINGS), range(3)))
    assert [at for at in sent if 0 < at < 9] == []
    session._limiter(THINGS).pause(60)
    other = Call(endpoint=Endpoint(name="others", method="GET", path="/others"), path="/others")
    session.call(Plain(), other)
    assert seconds(clock) < 60


def test_lasting_throttles_are_told_with_the_vendors_figure(clock: ManualClock) -> None:
    session = a_session(clock, in_turn(says("slow down", wait=2.0)))
    with pytest.raises(ThrottledError) as caught:
        session.call(Plain(), THINGS)
    assert caught.value.facts == {"endpoint": "things"}
    assert caught.value.retry_after == 2.0
    assert session.calls == {"things": MOST_THROTTLED}


def test_a_throttle_that_would_last_too_long_is_not_waited_for(clock: ManualClock) -> None:
    with pytest.raises(ThrottledError) as caught:
        a_session(clock, in_turn(says("slow down", wait=400.0))).call(Plain(), THINGS)
    assert caught.value.retry_after == 400.0
    assert seconds(clock) == 0


def test_dead_credentials_are_renewed_once(clock: ManualClock) -> None:
    seen: list[tuple[str, str]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append((request.headers["X-Token"], request.url.params["t"]))
        return ok() if len(seen) == 2 else says("who are you")

    dialect = Plain()
    a_session(clock, handle).call(dialect, THINGS)
    assert seen == [("1", "1"), ("2", "2")]


def test_fresh_credentials_that_are_refused_are_not_renewed_again(clock: ManualClock) -> None:
    dialect = Plain()
    with pytest.raises(SourceUnavailableError, match="fresh credentials refused"):
        a_session(clock, in_turn(says("who are you"))).call(dialect, THINGS)
    assert dialect.made == 2


def test_a_refusal_is_raised_at_once(clock: ManualClock) -> None:
    session = a_session(clock, in_turn(says("no")))
    with pytest.raises(SourceDeniedError):
        session.call(Plain(), THINGS)
    assert session.calls == {"things": 1}


def test_calls_in_flight_are_bounded_and_so_is_what_waits_to_be_taken(clock: ManualClock) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    session = a_session(clock, lambda request: ok(), in_flight=4)
    results = session.each(lambda number: number * 2, items())
    first = next(results)
    assert len(taken) <= 2 * 4
    assert sorted([first, *results]) == [2 * number for number in range(100)]
    assert threads() == set()


def test_a_reader_who_stops_leaves_no_thread_behind(clock: ManualClock) -> None:
    session = a_session(clock, lambda request: ok())
    results = session.each(lambda _: session.call(Plain(), THINGS), range(100))
    next(results)
    results.close()
    assert threads() == set()
    assert session.calls["things"] < 20


def test_a_reader_who_stops_does_not_wait_for_those_who_wait() -> None:
    class Standing(ManualClock):
        def sleep(self, seconds: float) -> None:
            """Sleep without end: the time never comes."""

    call = Call(endpoint=Endpoint(name="rare", method="GET", path="/", windows=(Window(1, 3600.0),)), path="/")
    session = a_session(Standing(START), lambda request: ok())
    results = session.each(lambda _: session.call(Plain(), call), range(100))
    next(results)
    results.close()
    assert threads() == set()
    assert session.calls == {"rare": 1}


def test_closing_the_session_ends_what_is_under_way(clock: ManualClock) -> None:
    session = a_session(clock, lambda request: ok())
    results = session.each(lambda _: session.call(Plain(), THINGS), range(1000))
    next(results)
    session.close()
    assert threads() == set()
    results.close()


def test_the_first_failure_ends_the_rest(clock: ManualClock) -> None:
    def work(number: int) -> int:
        if number == 3:
            raise SourceDeniedError("permission missing")
        return number

    session = a_session(clock, lambda request: ok(), in_flight=1)
    done: list[int] = []
    with pytest.raises(SourceDeniedError):
        done.extend(session.each(work, range(100)))
    assert len(done) <= 4
    assert threads() == set()


def test_limits_hold_over_all_threads(clock: ManualClock) -> None:
    # Asked of the limiter, not of the transport: there, other threads have moved the clock on since a call was let go.
    limiter = Limiter((Window(5, 10.0),), clock)

    def let_through(_: int) -> float:
        passage = limiter.enter(clock.sleep)
        limiter.leave(passage)
        return passage.sent_at

    with ThreadPoolExecutor(8) as threads:
        sent = sorted(threads.map(let_through, range(50)))
    assert all(later - earlier >= 10.0 for earlier, later in zip(sent, sent[5:], strict=False))
    assert 90 <= sent[-1] - sent[0] <= 90 * 1.15


def test_a_rehearsal_shortens_the_windows(clock: ManualClock) -> None:
    call = Call(endpoint=Endpoint(name="some", method="GET", path="/", windows=(Window(1, 10.0),)), path="/")
    session = Session(
        base_url="http://vendor.test",
        clock=clock,
        limiters=Limiters(),
        transport=httpx.MockTransport(lambda request: ok()),
        limit_scale=100,
    )
    for _ in range(11):
        session.call(Plain(), call)
    assert seconds(clock) == pytest.approx(1.0, rel=0.1)


def test_fresh_credentials_that_are_no_better_raise_what_the_vendor_meant(clock: ManualClock) -> None:
    class Picky(Plain):
        def classify(self, call: Call, response: httpx.Response) -> Verdict:
            return Renew(problem="not for this", otherwise=SourceDeniedError("permission missing"))

    dialect = Picky()
    with pytest.raises(SourceDeniedError, match="permission missing"):
        a_session(clock, lambda request: ok()).call(dialect, THINGS)
    assert dialect.made == 2


def test_work_that_brings_more_work_is_done_to_the_last(clock: ManualClock) -> None:
    waiting = [1]

    def take(room: int) -> list[int]:
        taken, waiting[:] = waiting[:room], waiting[room:]
        return taken

    session = a_session(clock, lambda request: ok(), in_flight=3)
    done = []
    for number in session.work_off(lambda number: number, take):
        done.append(number)
        waiting += [child for child in (2 * number, 2 * number + 1) if child < 64]
    assert sorted(done) == list(range(1, 64))
    assert threads() == set()


def test_a_failure_ends_work_before_more_of_it_begins(clock: ManualClock) -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 3:
            raise SourceDeniedError("permission missing")
        return number

    session = a_session(clock, lambda request: ok(), in_flight=1)
    done: list[int] = []
    with pytest.raises(SourceDeniedError):
        done.extend(session.each(work, range(100)))
    assert begun == [0, 1, 2, 3]
    assert sorted(done) == [0, 1, 2]
