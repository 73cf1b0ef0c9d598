"""Routes, queue pump and clock tick in one process: a deployment on one machine."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from chalicelib.core.errors import RollcallError
from chalicelib.local.front import Context, Front

log = logging.getLogger(__name__)

TICK_S = 5.0
# How long a stop waits for work to reach its next step; what takes longer is left as a kill would leave it.
PATIENCE_S = 5.0
Handler = Callable[[Mapping[str, Any], Any], Any]


class WaitingBell(Protocol):
    def wait(self, timeout_s: float) -> str | None: ...


class Served:
    """A front, a pump and a clock, started together and stopped together."""

    def __init__(self, *, front: Front, queues: Sequence[tuple[WaitingBell, Handler]], on_tick: Handler) -> None:
        self.front = front
        self._on_tick = on_tick
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=front.serve_forever, name="front", daemon=True),
            *(threading.Thread(target=self._pump, args=queue, name="pump", daemon=True) for queue in queues),
            threading.Thread(target=self._clock, name="clock", daemon=True),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> bool:
        """End quietly: the work that is under way stops at its next step, and goes on at the next start.

        Returns False when some work did not come to a step in time, as it waits for a vendor.
        """
        self._stop.set()
        for thread in self._threads:
            if thread.name == "pump":
                thread.join(PATIENCE_S)
        self.front.shutdown()
        self.front.server_close()
        return not any(thread.is_alive() for thread in self._threads if thread.name == "pump")

    def _pump(self, bell: WaitingBell, on_message: Handler) -> None:
        while not self._stop.is_set():
            source = bell.wait(1.0)
            if source is not None:
                message = {"messageId": source, "body": source, "attributes": {}, "messageAttributes": {}}
                self._safely(on_message, {"Records": [message]})

    def _clock(self) -> None:
        while True:
            self._safely(self._on_tick, _TICK)
            if self._stop.wait(TICK_S):
                return

    def _safely(self, handler: Handler, event: Mapping[str, Any]) -> None:
        """Outlive a failing handler, as Lambda does; the next tick tries again."""
        try:
            handler(event, Context(self._stop))
        except RollcallError as error:
            log.warning("handler failed", extra={"code": error.code})
        except Exception as error:
            log.exception("handler broke", extra={"kind": type(error).__name__})


_TICK: Mapping[str, Any] = {
    "version": "0",
    "account": "local",
    "region": "local",
    "detail": {},
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "time": "1970-01-01T00:00:00Z",
    "id": "local",
    "resources": [],
}
