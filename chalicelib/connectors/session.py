"""HTTP for every vendor alike: limits, retries, many calls in flight, errors in the project's families.

What an answer means is the business of the vendor's folder, which gives a `Dialect`. What to do about it is decided
here. Bodies, tokens and ids of people go into no error and no log.
"""

from __future__ import annotations

import json
import logging
import random
import re
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Final, Protocol, TypeVar

import httpx

from chalicelib.connectors.limiter import Limiter, Limiters, Window
from chalicelib.core.errors import Fact, RollcallError, SourceUnavailableError, ThrottledError
from chalicelib.core.ports import Clock

# These loggers print URLs, which hold ids and, with some vendors, the token.
for _library in ("httpx", "httpcore"):
    logging.getLogger(_library).setLevel(logging.WARNING)

MOST_TRIES: Final = 5
MOST_THROTTLED: Final = 20
# No new try begins when this much time has passed since the first one; throttles take up to a minute each.
PATIENCE_S: Final = 75.0
THROTTLED_PATIENCE_S: Final = 150.0
BACKOFF_S: Final = (1.0, 3.0, 8.0, 20.0)
# Of a test, which somebody waits for.
HURRIED_TRIES: Final = 2
HURRIED_PATIENCE_S: Final = 5.0
_TIMEOUT: Final = httpx.Timeout(connect=5.0, read=20.0, write=10.0, pool=60.0)
# Sleeps are cut into naps, so that a reader who stops is not waited for.
_NAP_S: Final = 0.2
_ESCAPED_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_HALF: Final = re.compile("[\ud800-\udfff]")

A = TypeVar("A")
R = TypeVar("R")
E = TypeVar("E", bound=RollcallError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One API of a vendor. `path` may be a whole URL; an `open` endpoint is called without credentials.

    What does not `repeat` is done again by each call that gets through: after trouble on the way nobody knows whether
    it was done, so whoever asked decides.
    """

    name: str
    method: str
    path: str
    windows: tuple[Window, ...] = ()
    open: bool = False
    repeats: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    endpoint: Endpoint
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Credentials:
    """What proves who we are."""

    headers: Mapping[str, str]
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    document: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Ask again: after `after_s` if the vendor said so. `throttled` holds every thread back from this API."""

    problem: str
    after_s: float | None = None
    throttled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Renew:
    """The credentials are not valid any more, or not for this; `otherwise` is raised if fresh ones are no better."""

    problem: str
    otherwise: RollcallError | None = None


Verdict = Accepted | Retry | Renew


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer; `observed_at` is when the request that got it was sent."""

    document: Mapping[str, object]
    observed_at: datetime


class Dialect(Protocol):
    def classify(self, call: Call, response: httpx.Response) -> Verdict:
        """Judge an answer; raise what no repetition can heal."""
        ...

    def credentials(self) -> Credentials: ...

    def drop(self, credentials: Credentials) -> bool:
        """Forget these very credentials; False when they were replaced already."""
        ...


class _StoppedError(Exception):
    """Whoever asked has gone; seen by nobody."""


class Session:
    """Calls one app's APIs; every method may be used from many threads."""

    def __init__(
        self,
        *,
        base_url: str,
        clock: Clock,
        limiters: Limiters,
        transport: httpx.BaseTransport | None = None,
        limit_scale: float = 1.0,
        in_flight: int = 16,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._http = httpx.Client(
            base_url=base_url,
            transport=transport,
            timeout=_TIMEOUT,
            limits=httpx.Limits(max_connections=in_flight + 4, max_keepalive_connections=in_flight + 4),
            headers={"User-Agent": "rollcall"},
        )
        self._clock = clock
        self._limiters = limiters
        self._limit_scale = limit_scale
        self._in_flight = in_flight
        self._chance = chance
        self._calls: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._pools: set[ThreadPoolExecutor] = set()
        self._closed = threading.Event()
        self._local = threading.local()
        self._hurried = False
        self._ahead_s: float | None = None

    @property
    def calls(self) -> Mapping[str, int]:
        with self._lock:
            return dict(self._calls)

    @property
    def ahead_s(self) -> float | None:
        """By how many seconds our clock is ahead of the vendor's, to a second; None where it never told the time."""
        return self._ahead_s

    def hurry(self) -> None:
        """Give up soon from now on: what does not answer is to be told, not to be waited for."""
        self._hurried = True

    def close(self) -> None:
        """Give up what is under way, and wait for its threads."""
        self._closed.set()
        with self._lock:
            pools = tuple(self._pools)
        for pool in pools:
            pool.shutdown(wait=True, cancel_futures=True)
        self._http.close()

    def call(self, dialect: Dialect, call: Call) -> Answer:
        """Ask until there is an answer, within reason.

        Raises:
            SourceUnavailableError: none came, or none that could be read.
            ThrottledError: the vendor kept limiting us; `retry_after` is its own figure where it gave one.
        """
        began_at = self._clock.now()
        hurried = self._hurried
        patience_s, throttled_patience_s = (
            (HURRIED_PATIENCE_S, HURRIED_PATIENCE_S) if hurried else (PATIENCE_S, THROTTLED_PATIENCE_S)
        )
        tries = throttled = renewals = 0
        while True:
            credentials = None if call.endpoint.open else dialect.credentials()
            observed_at, verdict = self._try(dialect, call, credentials)
            match verdict:
                case Accepted(document):
                    return Answer(document, observed_at)
                case Renew(problem=problem, otherwise=otherwise):
                    # Another thread may have renewed them meanwhile; then ours were merely old.
                    renewals += credentials is not None and dialect.drop(credentials)
                    tries += 1
                    if renewals > 1 or tries >= MOST_TRIES:
                        raise otherwise or unavailable(call, f"fresh credentials refused: {problem}")
                case Retry(throttled=True):
                    wait_s = verdict.after_s if verdict.after_s is not None else self._backoff_s(throttled)
                    throttled += 1
                    if throttled >= MOST_THROTTLED or self._waited_s(began_at) + wait_s > throttled_patience_s:
                        raise throttling(call, wait_s)
                    self._limiter(call).pause(wait_s)
                case Retry():
                    wait_s = verdict.after_s if verdict.after_s is not None else self._backoff_s(tries)
                    tries += 1
                    most = (HURRIED_TRIES if hurried else MOST_TRIES) if call.endpoint.repeats else 1
                    if tries >= most or self._waited_s(began_at) + wait_s > patience_s:
                        raise unavailable(call, verdict.problem)
                    self._rest(wait_s)

    def each(self, work: Callable[[A], R], items: Iterable[A]) -> Generator[R, None, None]:
        """Do the work for every item, many at a time; yield results as they come, few before they are wanted.

        The first failure is raised. When it is, or when the caller stops, the rest is given up and no thread remains.
        """
        waiting = iter(items)
        return self.work_off(work, lambda room: islice(waiting, room))

    def work_off(self, work: Callable[[A], R], take: Callable[[int], Iterable[A]]) -> Generator[R, None, None]:
        """Do whatever `take` hands out; else as `each`.

        It is told how many items there is room for, and asked anew when results were taken, which may have brought
        more. All is done once it has none while nothing is under way.
        """
        stop = threading.Event()

        def attempt(item: A) -> R:
            self._check_wanted()
            try:
                return work(item)
            except BaseException:
                # Whoever comes next in this thread is not to begin before the failure is taken up.
                stop.set()
                raise

        pool = ThreadPoolExecutor(self._in_flight, "connector", self._enlist, (stop,))
        with self._lock:
            self._pools.add(pool)
        running: set[Future[R]] = set()
        try:
            while True:
                room = 2 * self._in_flight - len(running)
                if not stop.is_set():
                    running |= {pool.submit(attempt, item) for item in take(room)}
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                # What was done is not lost to a failure that came to light with it.
                for future in sorted(done, key=lambda each: each.exception() is not None):
                    if self._closed.is_set() or not isinstance(future.exception(), _StoppedError):
                        yield future.result()
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            with self._lock:
                self._pools.discard(pool)

    def _enlist(self, stop: threading.Event) -> None:
        self._local.stop = stop

    def _try(self, dialect: Dialect, call: Call, credentials: Credentials | None) -> tuple[datetime, Verdict]:
        limiter = self._limiter(call)
        passage = limiter.enter(self._rest)
        observed_at = self._clock.now()
        try:
            self._check_wanted()
            response = self._send(call, credentials)
        except httpx.RequestError as error:
            return observed_at, Retry(problem=_problem(error))
        finally:
            limiter.leave(passage)
        self._compare(response.headers.get("date"))
        return observed_at, dialect.classify(call, response)

    def _send(self, call: Call, credentials: Credentials | None) -> httpx.Response:
        with self._lock:
            self._calls[call.endpoint.name] += 1
        query = call.query + (credentials.query if credentials else ())
        return self._http.request(
            call.endpoint.method,
            call.path,
            params=query or None,
            json=call.body,
            headers=credentials.headers if credentials else None,
        )

    def _compare(self, told: str | None) -> None:
        """Note how our clock goes against the vendor's."""
        try:
            theirs = parsedate_to_datetime(told or "")
        except ValueError:
            return
        now = self._clock.now()
        self._ahead_s = (now - (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC))).total_seconds()

    def _limiter(self, call: Call) -> Limiter:
        windows = tuple(window.scaled(self._limit_scale) for window in call.endpoint.windows)
        return self._limiters.of(call.endpoint.name, windows, self._clock)

    def _backoff_s(self, earlier: int) -> float:
        return BACKOFF_S[min(earlier, len(BACKOFF_S) - 1)] * (0.75 + self._chance() / 2)

    def _waited_s(self, since: datetime) -> float:
        return (self._clock.now() - since).total_seconds()

    def _rest(self, seconds: float) -> None:
        while seconds > 0:
            self._check_wanted()
            nap_s = min(seconds, _NAP_S)
            self._clock.sleep(nap_s)
            seconds -= nap_s
        self._check_wanted()

    def _check_wanted(self) -> None:
        stop: threading.Event | None = getattr(self._local, "stop", None)
        if self._closed.is_set() or (stop is not None and stop.is_set()):
            raise _StoppedError


def _problem(error: httpx.RequestError) -> str:
    """Name why nothing came back, as far as the library underneath tells."""
    if isinstance(error, httpx.TimeoutException):
        return "timeout"
    below: BaseException | None = error
    while below is not None:
        match below:
            case ssl.SSLError():
                return "certificate"
            case socket.gaierror():
                return "no such host"
            case ConnectionRefusedError():
                return "refused"
        below = below.__cause__ or below.__context__
    return "connection"


def unavailable(call: Call, problem: str) -> SourceUnavailableError:
    return fault(SourceUnavailableError, "source unavailable", endpoint=call.endpoint.name, problem=problem)


def throttling(call: Call, retry_after: float) -> ThrottledError:
    error = fault(ThrottledError, "source throttles", endpoint=call.endpoint.name)
    error.retry_after = max(retry_after, 1.0)
    return error


def fault(type_: type[E], message: str, /, **facts: Fact) -> E:
    """Make an error of the project; the vendor's own number is the fact `code`."""
    error = type_(message)
    error.facts = facts
    return error


def json_object(response: httpx.Response) -> Mapping[str, object] | None:
    """Read a body as a JSON object; None when it is anything else."""
    try:
        document = json.loads(response.content)
        if _ESCAPED_HALF.search(response.content):
            document = _mended(document)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _mended(value: object) -> object:
    """Replace half surrogate pairs, what is left of an emoji that somebody cut: no encoding has them."""
    match value:
        case str():
            return _HALF.sub("\ufffd", value)
        case list():
            return [_mended(each) for each in value]
        case dict():
            return {str(_mended(name)): _mended(each) for name, each in value.items()}
        case _:
            return value
