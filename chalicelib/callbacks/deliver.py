"""Turn what was pushed into work, and do it: a burst of deliveries is one task, a storm of them one full sync.

Everything here happens under the source's hints lease, so that it never waits for a full sync.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.core.message import Delivery
from chalicelib.core.model import Key
from chalicelib.core.ports import Bell, Catalog, Clock, Connectors, Inbox, Tasks
from chalicelib.core.source import Source
from chalicelib.core.task import Claim, Everything, Extent, Lane, Only, Trigger, next_due
from chalicelib.sync.pulse import Deadline
from chalicelib.sync.request import Requests
from chalicelib.sync.run import Runner

log = logging.getLogger(__name__)

# Above so many keys within a minute one full sync costs less than reading each by name.
STORM_KEYS = 300
STORM_SPAN = timedelta(minutes=1)
# How many tasks are looked at to know what was asked for within that minute.
STORM_TASKS = 200
# What one task takes at once; the rest is taken by the next.
MOST_CLAIMS = 500
LOOK_AGAIN = timedelta(seconds=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliverer:
    catalog: Catalog
    connectors: Connectors
    inbox: Inbox
    tasks: Tasks
    requests: Requests
    runner: Runner
    bell: Bell
    clock: Clock

    def deliver(self, source_uid: str, deadline: Deadline) -> None:
        """Work off what was pushed for a source, and ring for what must be looked at later."""
        source = self.catalog.source(source_uid)
        left: set[str] | None = None

        def feed() -> None:
            nonlocal left
            left = set(_ids(self.collect(source)))

        self.runner.wake(source_uid, deadline, lane=Lane.HINTS, feed=feed)
        now = self.clock.now()
        dues = [due for due, _ in self.tasks.looks(source_uid)]
        waiting = set(_ids(self.inbox.waiting(source_uid)))
        if left is not None and waiting - left:  # pushed after the last look, by somebody who found the lease taken
            dues.append(now)
        elif waiting:  # for a full sync that began before them, or for whoever holds the lease
            dues.append(now + LOOK_AGAIN)
        if dues:
            self.bell.ring(source_uid, delay_s=max(0.0, (min(dues) - now).total_seconds()))

    def collect(self, source: Source) -> Sequence[Delivery]:
        """Join the waiting deliveries and the looks that are due into at most one task of each kind.

        Departures have a task of their own: they are facts even if the source does not answer, and must not fail with
        what has to be read. Returns the deliveries that go on waiting, for a full sync that is at work to end.
        """
        now = self.clock.now()
        waiting = self.inbox.waiting(source.uid)
        looks = [claim for due, claim in self.tasks.looks(source.uid) if due <= now]
        if not source.enabled:
            self._drop(source, waiting)
            return ()
        keys: dict[Key, Delivery] = {}
        claims: dict[Key, Claim] = {claim.key: claim for claim in looks}
        whole: list[Delivery] = []
        taken: list[Delivery] = []
        reporting: list[Delivery] = []
        changing: list[Delivery] = []
        for delivery in waiting:
            if len(claims) >= MOST_CLAIMS:
                break
            taken.append(delivery)
            for hint in self.connectors.hints(source, delivery):
                match hint:
                    case Claim(key=key, at=at):
                        reporting.append(delivery)
                        if key not in claims or claims[key].at < at:
                            claims[key] = hint
                    case Key():
                        changing.append(delivery)
                        keys.setdefault(hint, delivery)
                    case Everything():
                        whole.append(delivery)
        lately = self._lately(source, now)
        storm: list[Delivery] = []
        if keys and len(keys) + sum(len(each.keys) for each in lately if isinstance(each, Only)) > STORM_KEYS:
            storm, keys = changing, {}
            if Everything() not in lately:  # one full sync a minute is enough, however long the storm lasts
                whole += storm
        if claims:
            self.requests.reported(source, Only(keys=(), claims=tuple(claims.values())), _ids(reporting))
        if wanted := tuple(key for key in keys if key not in claims):
            self.requests.reported(source, Only(keys=wanted), _ids(changing))
        left = storm if Everything() in lately else []
        if whole and not self.requests.reported_whole(source, _ids(whole)):
            left = [*left, *whole]
        kept = {delivery.delivery_id for delivery in left}
        self.inbox.done([delivery for delivery in taken if delivery.delivery_id not in kept])
        self.tasks.drop_looks(source.uid, [claim.key for claim in looks])
        if taken:
            log.info("collected", extra={"deliveries": len(taken), "keys": len(keys), "claims": len(claims)})
        return left

    def _lately(self, source: Source, now: datetime) -> Sequence[Extent]:
        """List what events asked for within the last minute."""
        tasks = self.tasks.recent(source.uid, STORM_TASKS)
        return [task.extent for task in tasks if task.trigger is Trigger.EVENT and task.asked_at > now - STORM_SPAN]

    def _drop(self, source: Source, waiting: Sequence[Delivery]) -> None:
        """Take off what was pushed before the source was disabled, and what was to be looked at again."""
        self.inbox.done(waiting)
        self.tasks.drop_looks(source.uid, [claim.key for _, claim in self.tasks.looks(source.uid)])
        if waiting:
            so_far = [self.inbox.drop(source.uid, self.clock.now()) for _ in waiting]
            log.info("dropped", extra={"deliveries": len(waiting), "so_far": so_far[-1]})

    def tick(self) -> None:
        """Ring for what was pushed and for looks that are due where nobody is at work."""
        for source in self.catalog.sources():
            now = self.clock.now()
            lease = self.tasks.lease(source.uid, Lane.HINTS)
            if lease is not None and lease[0] > now:
                continue
            looks = any(due <= now for due, _ in self.tasks.looks(source.uid))
            tasks = [task for task in self.tasks.waiting(source.uid) if task.lane is Lane.HINTS]
            if looks or next_due(tasks, now) or self.inbox.waiting(source.uid):
                self.bell.ring(source.uid)


def _ids(deliveries: Sequence[Delivery]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(delivery.delivery_id for delivery in deliveries))
