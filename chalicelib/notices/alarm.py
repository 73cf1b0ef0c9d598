"""Tells people in their chats of an alarm that AWS raised about the deployment, and of its end.

Told are the owners, the admins who want to be told, and the chats that notices go to.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from chalicelib.core.catalogue import Lang, say
from chalicelib.core.message import Address, Outgoing
from chalicelib.core.ports import Admins, Board, Catalog, Chats, Clock
from chalicelib.core.principal import Role
from chalicelib.core.reply import Line, Reply, Tone

log = logging.getLogger(__name__)

# Alarms that mean the same to a person.
_MEANS: Final = {
    "syncs-missed": "syncs missed",
    "held-too-long": "held too long",
    "deliveries-late": "deliveries late",
    "callbacks-refused": "callbacks refused",
    "callbacks-broken": "callbacks broken",
    "dead-syncs": "dead letters",
    "dead-deliveries": "dead letters",
    "dead-chats": "dead letters",
    "calls-throttled": "throttled",
    "reads-throttled": "throttled",
    "writes-throttled": "throttled",
    "clock-stopped": "clock",
    "clock-broken": "clock",
}
_RAISED, _ENDED = "ALARM", "OK"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    """`stage` is the deployment's; its alarms are named after it."""

    stage: str
    catalog: Catalog
    board: Board
    admins: Admins
    chats: Chats
    clock: Clock

    def tell(self, body: str) -> Sequence[str]:
        """Put out what a message of an alarm means; return the uids of the sources in whose workspaces people wait."""
        try:
            facts = json.loads(body)
            name, state, changed = (str(facts[each]) for each in ("AlarmName", "NewStateValue", "StateChangeTime"))
            was = str(facts.get("OldStateValue", ""))
        except (ValueError, KeyError, TypeError, AttributeError):
            log.warning("not an alarm")  # a subscription's first words, or a hand in the queue
            return ()
        if state not in (_RAISED, _ENDED) or (state == _ENDED and was != _RAISED):  # it has just been made
            return ()
        told: dict[str, None] = {}
        for to, lang in self._listeners():
            whom = hashlib.blake2b(f"{to.source}#{to.chat}#{to.person}".encode(), digest_size=8).hexdigest()
            reply = self._reply(name, lang, raised=state == _RAISED)
            outgoing_id = f"alarm:{name}:{state}:{changed}:{whom}"
            told[to.source] = None
            self.chats.put([Outgoing(outgoing_id=outgoing_id, to=to, reply=reply, created_at=self.clock.now())])
        log.warning("alarm", extra={"alarm": name, "state": state, "workspaces": len(told)})
        return list(told)

    def _reply(self, name: str, lang: Lang, *, raised: bool) -> Reply:
        means = _MEANS.get(name.removeprefix(f"rollcall-{self.stage}-"), "other")
        text = say(f"alarm {means}", lang, {"alarm": name})
        if not raised:
            text, tone = say("alarm over", lang, {"alarm": name}), Tone.GOOD
        else:
            tone = Tone.BAD
        return Reply(blocks=(Line(text=text, tone=tone),), data=None, tone=tone, lang=lang)

    def _listeners(self) -> Iterator[tuple[Address, Lang]]:
        seen = set()
        for to, lang in self._reach():
            if (to.source, to.chat, to.person) not in seen:
                seen.add((to.source, to.chat, to.person))
                yield to, lang

    def _reach(self) -> Iterator[tuple[Address, Lang]]:
        for source in self.catalog.sources():
            settings = self.board.notices(source.uid)
            if settings.to is not None:
                yield settings.to, settings.lang
        for admin in self.admins.admins():
            if admin.told or admin.role is Role.OWNER:
                yield Address(source=admin.source, person=admin.person, direct=True), admin.lang
