"""Takes what a vendor pushes: proven, stored once, rung for, acknowledged. The work is done by whoever the bell wakes.

A vendor waits a second or three, and counts what comes late against the app: no call goes out from here.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Final

from chalicelib.core.errors import SignatureError
from chalicelib.core.message import HttpRequest, HttpResponse
from chalicelib.core.ports import Bell, Catalog, Chats, Clock, Connectors, Doors, Inbox, Secrets
from chalicelib.core.rotation import opened_by
from chalicelib.log import bound

log = logging.getLogger(__name__)

LARGEST_BODY_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """One door of one source; `handle` and `door` are as in the URL, anything at all."""

    handle: str
    door: str
    catalog: Catalog
    connectors: Connectors
    secrets: Secrets
    inbox: Inbox
    chats: Chats
    doors: Doors
    bell: Bell
    chat_bell: Bell
    clock: Clock

    def receive(self, request: HttpRequest) -> HttpResponse:
        """Open a callback and answer it as its vendor wants.

        A disabled source is answered too, or its vendor would send again and again; its events are counted and dropped.
        What is said in its chat is kept all the same, or nobody could enable it from there. While secrets are being
        replaced the old ones open it, too; which of them can go is noted on what is kept, and done by whoever works it
        off.

        Raises:
            SignatureError: it is not proven to come from the vendor, whatever is wrong with it.
            NotFoundError: there is no such source, or it has no such door.
        """
        if len(request.body) > LARGEST_BODY_BYTES:
            raise SignatureError("callback refused")
        source = self.catalog.source(self.handle)
        now = self.clock.now()
        callback = self.connectors.callback(source.kind, self.door)
        try:
            opened, proves = opened_by(
                lambda secrets: callback.open(request, source, secrets, now), self.secrets.get(source.uid), now
            )
        except SignatureError:
            self.doors.refused(source.uid, self.door, now)
            raise
        delivery = opened.delivery
        if delivery is None:
            self.doors.checked(source.uid, self.door, now)
            log.info("url checked", extra={"source": source.handle})
            return opened.ack
        if proves:
            delivery = replace(delivery, proves=tuple(sorted(proves)))
        with bound(source=source.handle, delivery=delivery.delivery_id):
            if delivery.talk:
                is_new = self.chats.store(delivery)
                self.chat_bell.ring(source.uid)
                log.info("heard", extra={"type": delivery.type, "new": is_new})
            elif source.enabled:
                is_new = self.inbox.store(delivery)
                # Also for one that was seen: it comes again when whoever stored it died before it rang or answered.
                self.bell.ring(source.uid)
                log.info("received", extra={"type": delivery.type, "new": is_new})
            else:
                log.info("dropped", extra={"type": delivery.type, "so_far": self.inbox.drop(source.uid, now)})
        return opened.ack
