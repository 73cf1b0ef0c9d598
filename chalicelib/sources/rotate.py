"""Let go of the old values of secrets, once something came that only the new ones open."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from chalicelib.core.message import Delivery
from chalicelib.core.ports import Clock, Secrets
from chalicelib.core.rotation import settled

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """Called by whoever works deliveries off: the door that takes them has no time to write secrets."""

    secrets: Secrets
    clock: Clock

    def settle(self, source: str, deliveries: Iterable[Delivery]) -> None:
        """Drop what these deliveries show to be needed no more. Done in vain it is done again by the next of them.

        Whatever goes wrong with that, what waits is worked off: no event and no message waits for a secret to go.
        """
        needless = {name for each in deliveries for name in each.proves}
        if not needless:
            return
        try:
            before = self.secrets.get(source)
            after = settled(before, needless, self.clock.now())
            gone = before.keys() - after.keys()
            if gone and self.secrets.put(source, after, instead_of=before):
                log.info("secrets replaced", extra={"names": ", ".join(sorted(gone))})
        except Exception as error:
            log.warning("secrets not settled", extra={"kind": type(error).__name__})
