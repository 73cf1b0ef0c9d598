"""Answer what was typed: parse it, run the command, put every expected error into words."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.bot.command import Ask, Parsed, Rooms
from chalicelib.core.catalogue import Lang, say
from chalicelib.core.errors import ForbiddenError, RollcallError
from chalicelib.core.principal import Principal, permits
from chalicelib.core.reply import Line, Reply, Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    rooms: Rooms

    def answer(self, who: Principal, lang: Lang, parsed: Parsed) -> Reply:
        """Run a command.

        Raises:
            RollcallError: any expected failure; `refusal` puts it into words.
        """
        if not permits(who, parsed.command.role):
            raise ForbiddenError("forbidden", role=parsed.command.role.name.lower())
        ask = Ask(who=who, lang=lang, rooms=self.rooms, catalog=self.rooms.catalog, directory=self.rooms.directory)
        return parsed.command.do(ask, **parsed.given)


def refusal(error: RollcallError, lang: Lang) -> Reply:
    """Say what went wrong and what to do."""
    text = say(error.code, lang, error.facts)
    return Reply(
        blocks=(Line(text=text, tone=Tone.BAD),),
        data={"error": {"code": error.code, "message": text, "facts": dict(error.facts)}},
        tone=Tone.BAD,
    )
