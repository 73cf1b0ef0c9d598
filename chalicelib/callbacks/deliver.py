"""Turn what was pushed into work, and do it: a burst of deliveries is one task, a storm of them one full sync.

Everything here happens under the source's hints lease, so that it never waits for a full sync.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from chalicelib.core.message import Delivery
from chalicelib.core.model import Key
from chalicelib.core.ports import Bell, Catalog, Clock, Connectors, Inbox, Tasks
from chalicelib.core.source import Source
from chalicelib.core.task import Claim, Everything, Lane, Only, next_due
from chalicelib.sync.pulse import Deadline
from chalicelib.sync.request import Requests
from chalicelib.sync.run import Runner

log = logging.getLogger(__name__)

# Above so many keys one full sync costs less than reading each by name.
STORM_KEYS = 300
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
        self.runner.wake(source_uid, deadline, lane=Lane.HINTS, feed=lambda: self.collect(source))
        now = self.clock.now()
        dues = [due for due, _ in self.tasks.looks(source_uid)]
        if self.inbox.waiting(source_uid):  # for a full sync that began before them
            dues.append(now + LOOK_AGAIN)
        if dues:
            self.bell.ring(source_uid, delay_s=max(0.0, (min(dues) - now).total_seconds()))

    def collect(self, source: Source) -> None:
        """Join the waiting deliveries and the looks that are due into at most one task of each kind."""
        now = self.clock.now()
        waiting = self.inbox.waiting(source.uid)
        looks = [claim for due, claim in self.tasks.looks(source.uid) if due <= now]
        if not source.enabled:
            self.inbox.done(waiting)
            return
        keys: dict[Key, Delivery] = {}
        claims: dict[Key, Claim] = {claim.key: claim for claim in looks}
        whole: list[Delivery] = []
        taken: list[Delivery] = []
        for delivery in waiting:
            if len(claims) >= MOST_CLAIMS:
                break
            taken.append(delivery)
            for hint in self.connectors.hints(source, delivery):
                match hint:
                    case Claim(key=key, at=at):
                        if key not in claims or claims[key].at < at:
                            claims[key] = hint
                    case Key():
                        keys.setdefault(hint, delivery)
                    case Everything():
                        whole.append(delivery)
        if len(keys) > STORM_KEYS:
            whole += keys.values()
            keys = {}
        if keys or claims:
            extent = Only(keys=tuple(key for key in keys if key not in claims), claims=tuple(claims.values()))
            self.requests.reported(source, extent, _ids(taken))
        left = [] if not whole or self.requests.reported_whole(source, _ids(whole)) else whole
        kept = {delivery.delivery_id for delivery in left}
        self.inbox.done([delivery for delivery in taken if delivery.delivery_id not in kept])
        self.tasks.drop_looks(source.uid, [claim.key for claim in looks])
        if taken:
            log.info("collected", extra={"deliveries": len(taken), "keys": len(keys), "claims": len(claims)})

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
