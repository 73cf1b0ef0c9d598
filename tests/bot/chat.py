"""A chat with the bot: people of a made-up workspace say and press things, and read what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from chalicelib import wiring
from chalicelib.bot.answer import Bot
from chalicelib.core.catalogue import Lang
from chalicelib.core.message import Address, Message, Outgoing, Said
from chalicelib.core.ports import AuditLine
from chalicelib.core.principal import Admin, Role
from chalicelib.core.reply import Reply
from tests.bot.talk import words
from tests.scripted import House

GROUP = "oc_group"


@dataclass
class Chat:
    """One workspace's chat. `proven`: the vendor's signature covers who spoke. Codes are 100000, 100001, ..."""

    house: House
    proven: bool = True
    said: int = 0
    drawn: int = 100_000
    codes: dict[str, str] = field(default_factory=dict)

    @property
    def bot(self) -> Bot:
        """Made anew each time, as after a restart."""
        return Bot(rooms=wiring.rooms(), draw=self._draw)

    def _draw(self) -> str:
        self.drawn += 1
        return str(self.drawn - 1)

    def admit(self, person: str, role: Role, *, audits: bool = False, lang: Lang = Lang.EN) -> str:
        """Make somebody an admin, past the verbs."""
        admin = Admin(
            source=self.house.source.uid,
            person=person,
            role=role,
            audits=audits,
            lang=lang,
            added_by="test",
            added_at=self.house.clock.now(),
        )
        self.house.outside.admins.put(admin)
        return person

    def message(
        self,
        text: str,
        by: str = "ou_owner",
        *,
        direct: bool = False,
        pressed: str = "",
        lang: Lang | None = None,
        said: Said | None = None,
    ) -> Message:
        self.said += 1
        self.house.pass_time(seconds=1)
        chat = f"p2p_{by}" if direct else GROUP
        return Message(
            message_id=f"om_{self.said}",
            source=self.house.source.uid,
            sender=by,
            text=text,
            said=said or (Said.PRESSED if pressed else Said.TYPED),
            address=Address(source=self.house.source.uid, chat=chat, person=by, direct=direct, session="https://x/s"),
            at=self.house.clock.now(),
            proven=self.proven,
            card=pressed,
            lang=lang,
        )

    def hear(self, message: Message) -> Sequence[Outgoing]:
        """Hear a message, and remember the code that goes to the one who sent it."""
        found = self.bot.hear(message)
        assert [each.outgoing_id for each in found] == [f"{message.message_id}#{n}" for n in range(len(found))]
        assert all(each.reply.data is None for each in found)
        for each in found[1:]:
            assert each.to == Address(source=message.source, person=message.sender, direct=True)
            self.codes[message.sender] = str(self.drawn - 1)
            assert self.codes[message.sender] in words(each.reply)
        return found

    def say(self, text: str, by: str = "ou_owner", *, direct: bool = False) -> Reply:
        return self.hear(self.message(text, by, direct=direct))[0].reply

    def press(self, command: str, by: str = "ou_owner", *, card: str = "card", lang: Lang = Lang.EN) -> Outgoing:
        return self.hear(self.message(command, by, pressed=card, lang=lang))[0]

    def read(self, text: str, by: str = "ou_owner", *, direct: bool = False) -> str:
        """Say something; everything that comes back to read, buttons and all."""
        return everything(self.say(text, by, direct=direct))

    def audit(self) -> Sequence[AuditLine]:
        return self.house.outside.audit.recent(200)

    def last(self) -> AuditLine:
        return self.audit()[0]


def everything(reply: Reply) -> str:
    buttons = [text for button in reply.buttons for text in (button.label, button.command)]
    return "\n".join([reply.title, words(reply), *buttons])


def commands(reply: Reply) -> list[str]:
    return [button.command for button in reply.buttons]


def a_chat(house: House | None = None, *, proven: bool = True) -> Chat:
    """A chat with an owner, an operator and a viewer in it, and somebody who is nobody's admin."""
    chat = Chat(house or House(), proven=proven)
    chat.admit("ou_owner", Role.OWNER, audits=True)
    chat.admit("ou_op", Role.OPERATOR)
    chat.admit("ou_viewer", Role.VIEWER)
    return chat


def a_second_source(house: House, handle: str = "branch", name: str = "分部") -> None:
    """Put a copy of the one source beside it."""
    source = house.outside.catalog.source("hq")
    house.outside.catalog.add(
        replace(source, uid=f"src-{handle}", handle=handle, name=name, next_due_at=None, revision=0)
    )
