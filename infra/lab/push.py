"""Events on their way to an app: when they are pushed, what goes wrong with them, and what becomes of the refused.

Nothing here knows a vendor: how an event is worded, encrypted and signed, and which answer counts, is told by its
`Channel`. The lab pushes to this machine only.
"""

import heapq
import ipaddress
import random
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple, Protocol, TypeAlias

import httpx

from infra.lab.clock import LabClock
from infra.lab.journal import Change, Watched
from infra.lab.wire import Answer, JsonObject, LabError

# Takes a URL, headers and a body; an error of httpx or of the system means that no answer came.
Send: TypeAlias = Callable[[str, Mapping[str, str], bytes], Answer]

_IDLE_S = 0.05


@dataclass(frozen=True, slots=True)
class Event:
    """One event as the vendor words it; the text stays the same however often it is pushed."""

    event_id: str
    kind: str
    text: str


class Request(NamedTuple):
    url: str
    headers: Mapping[str, str]
    body: bytes


class Channel(Protocol):
    """A vendor's way to one URL: seconds to wait before each redelivery, deadlines, envelope."""

    @property
    def url(self) -> str: ...

    @property
    def schedule_s(self) -> tuple[float, ...]: ...

    @property
    def deadline_s(self) -> float: ...

    @property
    def check_deadline_s(self) -> float: ...

    def check(self, now: datetime) -> tuple[Request, Callable[[Answer], bool]]:
        """Word the check of the URL, and tell which answer passes it."""
        ...

    def request(self, event: Event, now: datetime) -> Request:
        """Encrypt and sign an event; each push is signed anew."""
        ...

    def accepts(self, answer: Answer) -> bool: ...


@dataclass(slots=True, kw_only=True)
class Trouble:
    """What goes wrong on the way; may be changed while the lab runs. Shares are of events, times in seconds.

    `lose` events are never pushed; `duplicate` ones come again within `duplicate_s` whatever the answer was; `reorder`
    ones come up to `reorder_s` late. All events wait `delay_s`. With `lag_s`, the vendor's own reads show a change only
    that long after its events were due; what is acknowledged or lost makes no difference to that.
    """

    seed: int = 0
    lose: float = 0.0
    duplicate: float = 0.0
    duplicate_s: float = 20.0
    reorder: float = 0.0
    reorder_s: float = 10.0
    delay_s: float = 0.0
    lag_s: float = 0.0


@dataclass(order=True, slots=True)
class _Delivery:
    due: datetime
    serial: int
    event: Event = field(compare=False)
    tries: int = field(default=0, compare=False)
    duplicate: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request that was pushed; `tries` counts from 1, `status` is None when no answer came."""

    at: datetime
    event_id: str
    kind: str
    tries: int
    duplicate: bool
    status: int | None
    took_s: float
    acknowledged: bool


class Pusher:
    """The queue of one subscription, stepped by `push_due` or run by `start`; safe to share between threads.

    `counters`: events (made), pushed and acknowledged (requests), redelivered and duplicated (requests among them),
    lost and given_up (events).
    """

    def __init__(self, channel: Channel, *, clock: LabClock, send: Send | None, trouble: Trouble | None) -> None:
        self.channel = channel
        self.clock = clock
        self.trouble = trouble or Trouble()
        self.counters: Counter[str] = Counter()
        self.attempts: deque[Attempt] = deque(maxlen=10_000)
        self._send = send or http_send
        self._luck = random.Random(f"{self.trouble.seed} trouble")
        self._queue: list[_Delivery] = []
        self._serial = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._workers: list[threading.Thread] = []

    @property
    def pending(self) -> int:
        with self._lock:
            return len(self._queue)

    @property
    def next_due(self) -> datetime | None:
        with self._lock:
            return self._queue[0].due if self._queue else None

    @property
    def running(self) -> bool:
        return bool(self._workers) and not self.stopped

    @property
    def stopped(self) -> bool:
        return self._over.is_set()

    def check(self) -> None:
        """Ask the URL to prove itself.

        Raises:
            LabError: it did not, or not in time.
        """
        request, passes = self.channel.check(self.clock.now())
        answer, took_s = self._exchange(request)
        if answer is None:
            raise LabError(f"the check of {self.channel.url} was not answered")
        if took_s > self.channel.check_deadline_s:
            raise LabError(f"the check was answered after {took_s:.1f} s, not {self.channel.check_deadline_s} s")
        if not passes(answer):
            raise LabError(f"the check was answered wrongly, with status {answer.status}")

    def enqueue(self, events: Sequence[Event]) -> datetime:
        """Queue events, which are due now but for trouble; tell when the last of them is due."""
        latest = now = self.clock.now()
        with self._lock:
            for event in events:
                self.counters["events"] += 1
                trouble, chances = self.trouble, [self._luck.random() for _ in range(5)]
                late_s = trouble.delay_s + (trouble.reorder_s * chances[1] if chances[0] < trouble.reorder else 0.0)
                due = now + timedelta(seconds=late_s)
                latest = max(latest, due)
                if chances[2] < trouble.lose:
                    self.counters["lost"] += 1
                    continue
                self._put(due, event)
                if chances[3] < trouble.duplicate:
                    self._put(due + timedelta(seconds=trouble.duplicate_s * chances[4]), event, duplicate=True)
        return latest

    def push_due(self) -> int:
        """Push what is due, oldest first; tell how many requests that were."""
        pushed = 0
        while (delivery := self._take()) is not None:
            self._deliver(delivery)
            pushed += 1
        return pushed

    def drain(self) -> int:
        """Sleep on the clock from due to due until nothing is left; for a clock that is moved by hand."""
        pushed = 0
        while (due := self.next_due) is not None:
            self.clock.sleep(max(0.0, (due - self.clock.now()).total_seconds()))
            pushed += self.push_due()
        return pushed

    def start(self, workers: int = 4) -> None:
        """Push in the background from now on, until `stop`."""
        if self._workers or self._over.is_set():
            return
        self._workers = [threading.Thread(target=self._work, name="push", daemon=True) for _ in range(workers)]
        for worker in self._workers:
            worker.start()

    def stop(self) -> None:
        """Push nothing more in the background; what is queued stays queued."""
        self._over.set()
        for worker in self._workers:
            if worker is not threading.current_thread():
                worker.join()

    def report(self) -> JsonObject:
        """Tell the counters, what is queued, and the last requests."""
        due = self.next_due
        with self._lock:
            last = [asdict(each) | {"at": each.at.isoformat()} for each in list(self.attempts)[-20:]]
        return {
            "url": self.channel.url,
            "counters": dict(self.counters),
            "pending": self.pending,
            "next_due": due.isoformat() if due else None,
            "last": last,
        }

    def _put(self, due: datetime, event: Event, *, tries: int = 0, duplicate: bool = False) -> None:
        self._serial += 1
        heapq.heappush(self._queue, _Delivery(due, self._serial, event, tries, duplicate))

    def _take(self) -> _Delivery | None:
        with self._lock:
            return heapq.heappop(self._queue) if self._queue and self._queue[0].due <= self.clock.now() else None

    def _work(self) -> None:
        while not self._over.is_set():
            if (delivery := self._take()) is None:
                self._over.wait(_IDLE_S)
            else:
                self._deliver(delivery)

    def _deliver(self, delivery: _Delivery) -> None:
        event, now = delivery.event, self.clock.now()
        answer, took_s = self._exchange(self.channel.request(event, now))
        good = answer is not None and took_s <= self.channel.deadline_s and self.channel.accepts(answer)
        tries = delivery.tries + 1
        with self._lock:
            self.counters["pushed"] += 1
            self.counters["redelivered"] += delivery.tries > 0
            self.counters["duplicated"] += delivery.duplicate
            self.counters["acknowledged"] += good
            self.attempts.append(
                Attempt(
                    at=now,
                    event_id=event.event_id,
                    kind=event.kind,
                    tries=tries,
                    duplicate=delivery.duplicate,
                    status=answer.status if answer else None,
                    took_s=took_s,
                    acknowledged=good,
                )
            )
            if good or delivery.duplicate:
                return
            if tries > len(self.channel.schedule_s):
                self.counters["given_up"] += 1
                return
            wait = timedelta(seconds=self.channel.schedule_s[tries - 1])
            self._put(self.clock.now() + wait, event, tries=tries)

    def _exchange(self, request: Request) -> tuple[Answer | None, float]:
        started = self.clock.now()
        try:
            answer = self._send(request.url, request.headers, request.body)
        except (httpx.HTTPError, OSError):
            answer = None
        return answer, (self.clock.now() - started).total_seconds()


def http_send(url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Post to this machine and wait 3 seconds at most.

    Raises:
        LabError: the URL leads elsewhere.
    """
    refuse_strangers(url)
    response = _client().post(url, headers=dict(headers), content=body)
    return Answer(response.status_code, dict(response.headers), response.content)


@cache
def _client() -> httpx.Client:
    # Making a client takes longer than many a request; its connections are not kept.
    return httpx.Client(timeout=3.0, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


def refuse_strangers(url: str) -> None:
    """Refuse a URL of another machine: made-up people are no reason to write to anybody."""
    address = httpx.URL(url)
    if address.scheme not in ("http", "https") or not _is_loopback(address.host):
        raise LabError(f"the lab pushes to the loopback interface only, not to {url!r}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Subscribable(Watched):
    """A workspace that pushes what happens in it; the vendor's `subscribe` connects a channel."""

    clock: LabClock
    pusher: Pusher | None = None

    def mutate_randomly(self, rng: random.Random | int, n: int) -> list[JsonObject]:
        raise NotImplementedError

    def hush(self) -> None:
        """Push nothing more in the background."""
        if self.pusher is not None:
            self.pusher.stop()

    def served_at(self, url: str) -> None:
        """Take note of where the vendor's API is served, for URLs that the vendor hands out."""

    def unsubscribe(self) -> None:
        """Push nothing any more; what was still on its way is dropped."""
        with self.lock:
            pusher, self.pusher = self.pusher, None
            self.journal.listen(None)
        if pusher is not None:
            pusher.stop()

    def storm(self, n: int, *, seed: int = 0, within_s: float = 60.0) -> JsonObject:
        """Let random things happen until they made n events, evenly over a minute of the lab's clock.

        Whatever is due meanwhile is pushed, here if nobody does it in the background.

        Raises:
            LabError: nobody subscribed, or nothing more can happen.
        """
        if (pusher := self.pusher) is None:
            raise LabError("nobody subscribed to events")
        rng, mutations = random.Random(f"{seed} storm"), 0
        first = made = pusher.counters["events"]
        while made < first + n and not pusher.stopped:
            if mutations >= 50 * n:
                raise LabError(f"only {made - first} of {n} events came about")
            self.mutate_randomly(rng, 1)
            mutations += 1
            before, made = made, pusher.counters["events"]
            self.clock.sleep(within_s / n * (made - before))
            if not pusher.running:
                pusher.push_due()
        return {"mutations": mutations, "events": made - first}

    def _connect(
        self,
        channel: Channel,
        compose: Callable[[Change], Sequence[Event]],
        *,
        sees: Callable[[object], bool],
        send: Send | None,
        trouble: Trouble | None,
    ) -> Pusher:
        """Check the URL, then push to it instead of the former one.

        Raises:
            LabError: the URL is not of this machine, or failed its check; then nothing changes.
        """
        if send is None:
            refuse_strangers(channel.url)
        pusher = Pusher(channel, clock=self.clock, send=send, trouble=trouble)
        pusher.check()

        def tell(change: Change) -> datetime | None:
            latest = pusher.enqueue(compose(change))
            lag_s = pusher.trouble.lag_s
            return latest + timedelta(seconds=lag_s) if lag_s else None

        self.unsubscribe()
        with self.lock:
            self.pusher = pusher
            self.journal.listen(tell, sees)
        return pusher
