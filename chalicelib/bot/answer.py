"""Answer what was typed or pressed: who it is, what they may, the command, and every expected error put into words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from chalicelib.bot import commands as _commands  # noqa: F401 - importing them declares them
from chalicelib.bot.command import Ask, Command, Effect, Errand, Given, Parsed, Rooms
from chalicelib.bot.commands.menu import menu_card
from chalicelib.bot.confirm import Came, Confirming, to_type
from chalicelib.bot.parse import SOURCE, named, parse, spelled_options
from chalicelib.bot.words import is_chinese, joined, split
from chalicelib.core.catalogue import Lang, say
from chalicelib.core.code import six_digits
from chalicelib.core.confirm import LIFE, Confirmation, Standing
from chalicelib.core.errors import (
    CallerError,
    ConflictError,
    DraftError,
    ForbiddenError,
    RollcallError,
    TransientError,
    UsageError,
)
from chalicelib.core.message import Address, Message, Outgoing, Said
from chalicelib.core.ports import AuditLine
from chalicelib.core.principal import Admin, Principal, Role, permits
from chalicelib.core.reply import Block, Button, Json, Line, Link, Pairs, Reply, Tone, Weight
from chalicelib.notices.show import clean, handle, instant, local, zone_of

# What the audit log calls what was no command; it keeps nothing else of it.
UNKNOWN: Final = "unknown"
# Whoever writes from outside the company has no id.
OUTSIDER: Final = "outsider"
# How a dangerous command ended that waits for its confirmation, and one for which a source must be chosen first.
ASKED: Final = "asked to confirm"
OPEN: Final = "asked which source"
_CONFIRM: Final = ("confirm",)
# What commands whose verbs write the audit line refuse before they come to the verb.
_BEFORE_VERBS: Final = frozenset(
    {"unknown role", "cycle is misread", "budget is misread", "kind is misread", "where is misread", "only in a chat"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a message came to. `in_place`: it takes the place of the pressed card. `code` is for the sender alone.

    `personal`: the reply is too, if it was asked for in private.
    """

    reply: Reply
    in_place: bool = False
    code: Reply | None = None
    personal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    rooms: Rooms
    draw: Callable[[], str] = field(default=six_digits)

    # --- in the terminal

    def answer(
        self,
        who: Principal,
        lang: Lang,
        parsed: Parsed,
        *,
        documents: bool = True,
        tell: Callable[[Block], None] | None = None,
    ) -> Reply:
        """Run a command that needs no confirming, or was confirmed.

        Raises:
            RollcallError: any expected failure; `refusal` puts it into words.
        """
        return self._run(replace(self._ask(who, lang, documents=documents), tell=tell), parsed)

    def effect(self, who: Principal, lang: Lang, parsed: Parsed) -> Effect | None:
        """Tell what a dangerous command would do; None for one that needs no confirming.

        Raises:
            RollcallError: it would be refused.
        """
        return self._effect(self._ask(who, lang), parsed)

    def _ask(self, who: Principal, lang: Lang, *, documents: bool = True) -> Ask:
        rooms = self.rooms
        return Ask(
            who=who, lang=lang, rooms=rooms, catalog=rooms.catalog, directory=rooms.directory, documents=documents
        )

    # --- in a chat

    def hear(self, message: Message) -> Sequence[Outgoing]:
        """Do what a message says, once, and give what is to be said about it.

        Raises:
            TransientError: the store or a vendor is busy; the same message is to be heard again.
        """
        admin = self.rooms.admins.admins.admin(message.source, message.sender) if message.sender else None
        words = split(message.text)
        lang = _language(message, words, admin)
        if admin is None:
            heard = Heard(reply=self._stranger(message, words, lang))
        else:
            who = Principal(
                key=admin.person,
                role=admin.role,
                door=admin.source,
                audits=admin.audits,
                where=message.address.chat,
                message=message.message_id,
            )
            heard = self._hear(self._ask_in(message, who, lang), message, words)
        return self._outgoing(message, heard, lang)

    def give_up(self, message: Message) -> None:
        """Note that a message could not be answered, unless its command was run."""
        admin = self.rooms.admins.admins.admin(message.source, message.sender) if message.sender else None
        role, audits = (admin.role, admin.audits) if admin else (Role.VIEWER, False)
        who = Principal(
            key=clean(message.sender, _LONGEST_ID) or OUTSIDER,
            role=role,
            door=message.source,
            audits=audits,
            where=message.address.chat,
            message=message.message_id,
        )
        command = named(split(message.text))
        self._note(who, (command.verb or command.name) if command else UNKNOWN, "not answered")

    def _ask_in(self, message: Message, who: Principal, lang: Lang) -> Ask:
        private = message.address.direct
        return replace(self._ask(who, lang, documents=False), private=private, heard=message)

    def _hear(self, ask: Ask, message: Message, words: Sequence[str]) -> Heard:
        if message.said is Said.ENTERED or not words:
            return Heard(reply=menu_card(ask))
        try:
            parsed = self._parsed(message, words, ask)
        except UsageError as error:
            self._note(ask.who, _name(words), error.code)
            return Heard(reply=_misunderstood(ask, error, words))
        try:
            if parsed.command.words == _CONFIRM:
                code = parsed.given["code"]
                words = " ".join(code) if isinstance(code, tuple) else ""
                return self._confirm(ask, message, str(parsed.given["number"]), words)
            if parsed.choices:
                self._check(ask, parsed)
                self._note(ask.who, parsed.command.name, OPEN)
                return Heard(reply=_which(ask, parsed))
            if parsed.command.errand is not None:
                return self._hand_out(ask, message, parsed, parsed.command.errand)
            effect = self._effect(ask, parsed)
            if effect is not None:
                return self._ask_to_confirm(ask, message, parsed, effect)
            turns = parsed.command.pages and ("page" not in parsed.given or parsed.given["page"] is not None)
            return Heard(reply=self._run(ask, parsed), in_place=turns, personal=parsed.command.personal)
        except TransientError:
            raise
        except RollcallError as error:
            return Heard(reply=refusal(error, ask.lang, zone_of(ask, message.source)))

    def _parsed(self, message: Message, words: Sequence[str], ask: Ask) -> Parsed:
        """Understand what was typed; after a mention, a name of several words may come before the command."""
        sources = [each.handle for each in self.rooms.catalog.sources()]
        try:
            return parse(words, ask.lang, sources=sources)
        except UsageError as error:
            if error.code == "unknown command" and message.text.lstrip().startswith("@"):
                for start in range(1, min(len(words), _LONGEST_NAME)):
                    with suppress(UsageError):
                        rest = (words[start].lstrip("/"), *words[start + 1 :])
                        return parse(rest, ask.lang, sources=sources)
            raise

    # --- what every door goes through

    def _check(self, ask: Ask, parsed: Parsed) -> None:
        """Refuse who may not, and note that."""
        command, who = parsed.command, ask.who
        error: RollcallError | None = None
        if not permits(who, command.role):
            error = ForbiddenError("forbidden", role=command.role.name.lower())
        elif command.audits and not who.audits:
            error = ForbiddenError("audit right wanted")
        elif ask.heard and not command.in_chat:
            error = ConflictError("only in the terminal")
        if error is not None:
            self._note(who, command.name, error.code)
            raise error

    def _run(self, ask: Ask, parsed: Parsed) -> Reply:
        """Run a command whose role is checked and whose audit line is written, by its verb or here."""
        self._check(ask, parsed)
        command, given = parsed.command, self._given(parsed)
        if command.noted:
            try:
                return command.do(ask, **given)
            except CallerError as error:
                if error.code in _BEFORE_VERBS:
                    self._note(ask.who, command.name, error.code, given)
                raise
        try:
            reply = command.do(ask, **given)
        except RollcallError as error:
            self._note_error(ask.who, command.name, error, given)
            raise
        self._note(ask.who, command.name, "done", given)
        return reply

    def _effect(self, ask: Ask, parsed: Parsed) -> Effect | None:
        command = parsed.command
        proof = command.proof if ask.heard is not None and not ask.heard.proven else None
        if command.danger is None and proof is None:
            return None
        self._check(ask, parsed)
        given = self._given(parsed)
        try:
            effect = command.danger(ask, **given) if command.danger is not None else None
            return proof(ask, **given) if effect is None and proof is not None else effect
        except RollcallError as error:
            self._note_error(ask.who, command.name, error, given)
            raise

    def _given(self, parsed: Parsed) -> dict[str, Given]:
        """Take a source by its handle in any case, or by its name."""
        given = dict(parsed.given)
        typed = given.get(SOURCE)
        if isinstance(typed, str):
            for each in self.rooms.catalog.sources():
                if typed.casefold() == each.handle or typed == each.name:
                    given[SOURCE] = each.handle
        return given

    def _note_error(self, who: Principal, verb: str, error: RollcallError, given: dict[str, Given]) -> None:
        """Note how it ended, unless the message is to be heard again."""
        if not (who.message and isinstance(error, TransientError)):
            self._note(who, verb, error.code, given)

    def _note(self, who: Principal, verb: str, outcome: str, given: dict[str, Given] | None = None) -> None:
        named = {name: value for name, value in (given or {}).items() if isinstance(value, str)}
        source, task = named.get(SOURCE), named.get("task")
        uid = next((each.uid for each in self.rooms.catalog.sources() if each.handle == source), None)
        line = AuditLine(
            at=self.rooms.clock.now(),
            principal=who,
            verb=verb,
            source=uid,
            task=task if task and task.isdecimal() and len(task) <= _LONGEST_NUMBER else None,
            outcome=outcome,
        )
        self.rooms.audit.note(line)

    # --- who is nobody's admin

    def _stranger(self, message: Message, words: Sequence[str], lang: Lang) -> Reply:
        """Refuse politely, with what an owner must type to let them in."""
        view = self._ask(Principal(key="", role=Role.VIEWER, door=message.source), lang)
        source = handle(view, message.source)
        person = clean(message.sender, _LONGEST_ID)
        error: RollcallError
        if not person:
            error = ForbiddenError("not of the company")
        elif any(each.role is Role.OWNER for each in self.rooms.admins.admins.admins()):
            error = ForbiddenError("not an admin", handle=source, id=person)
        else:
            error = ForbiddenError("no owner yet", handle=source, id=person)
        who = Principal(key=person or OUTSIDER, role=Role.VIEWER, door=message.source, where=message.address.chat)
        who = replace(who, message=message.message_id)
        self._note(who, _name(words), error.code)
        return refusal(error, lang)

    # --- what must be confirmed

    def _confirming(self) -> Confirming:
        return Confirming(chats=self.rooms.chats, clock=self.rooms.clock, draw=self.draw)

    def _ask_to_confirm(self, ask: Ask, message: Message, parsed: Parsed, effect: Effect) -> Heard:
        if not message.proven and self._asked_lately(ask.who) >= _MOST_ASKED:
            error = ConflictError("too many to confirm", minutes=int(LIFE.total_seconds() // 60))
            self._note(ask.who, parsed.command.name, error.code, self._given(parsed))
            raise error
        above = ask.catalog.source(effect.source).guard.second_person
        typed = spelled(parsed, self._given(parsed))
        needs_second = effect.employees > above
        asked, code = self._confirming().ask(message, typed, effect.employees, needs_second, to_type(effect.name))
        self._note(ask.who, parsed.command.name, ASKED, self._given(parsed))
        until = instant(asked.expires_at, zone_of(ask, effect.source))
        lines = [Line(text=losing(ask, effect.employees), tone=Tone.WARN)] if effect.blocks else []
        if asked.needs_second:
            lines.append(Line(text=say("a second person must confirm", ask.lang, {"limit": above})))
        lines.append(Line(text=_how(ask, message, asked, until)))
        reply = Reply(
            title=ask.pick(f"Confirm: {typed}", f"请确认：{typed}"),
            tone=Tone.WARN,
            blocks=(*effect.blocks, *lines),
            buttons=_confirm_buttons(ask, message, asked),
            data=None,
        )
        return Heard(reply=reply, code=_code_reply(ask, asked, code, until) if code else None)

    def _asked_lately(self, who: Principal) -> int:
        since = self.rooms.clock.now() - LIFE
        lines = self.rooms.audit.search(by=who.key, outcome=ASKED, since=since, limit=_MANY_LINES)
        return sum(line.principal.door == who.door for line in lines)

    def _confirm(self, ask: Ask, message: Message, number: str, code: str) -> Heard:
        number = number.removeprefix("#")
        confirming = self._confirming()
        try:
            found = confirming.find(message, number)
            parsed = parse(split(found.command), ask.lang, sources=None)
            if not permits(ask.who, parsed.command.role):
                raise ForbiddenError("forbidden", role=parsed.command.role.name.lower())
            taken = confirming.answer(message, number, code)
        except RollcallError as error:
            self._note_error(ask.who, "confirm", error, {})
            raise
        self._note(ask.who, "confirm", "done")
        after = taken.after
        until = instant(after.expires_at, zone_of(ask, after.source))
        match taken.came:
            case Came.RUNS:
                return self._confirmed(ask, message, after)
            case Came.SENT:
                reply = Reply(blocks=(Line(text=_how(ask, message, after, until)),), data=None)
                return Heard(reply=reply, code=_code_reply(ask, after, taken.code, until))
            case Came.SECOND:
                facts = {"number": after.number, "at": until, "by": after.asked_by}
                waits = say("confirmed by the first", ask.lang, facts)
                if after.wants:
                    waits = say("confirmed by the first with a name", ask.lang, {**facts, "name": after.wants})
                reply = Reply(
                    title=ask.pick(f"Confirm: {after.command}", f"请确认：{after.command}"),
                    tone=Tone.WARN,
                    blocks=(
                        Line(text=losing(ask, after.employees)),
                        Line(text=waits, tone=Tone.WARN),
                    ),
                    buttons=_confirm_buttons(ask, message, after),
                    data=None,
                )
                return Heard(reply=reply, in_place=True)
            case _:
                text = ask.pick(f"`{after.command}` is called off.", f"已取消 `{after.command}`。")
                return Heard(reply=Reply(blocks=(Line(text=text),), data=None), in_place=True)

    def _confirmed(self, ask: Ask, message: Message, confirmation: Confirmation) -> Heard:
        """Run a confirmed command for whoever asked for it, as what they are by now."""
        task: str | None = None
        try:
            asker = self.rooms.admins.admins.admin(confirmation.source, confirmation.asked_by)
            if asker is None:
                raise ForbiddenError("asker is no admin any more", number=confirmation.number)
            who = Principal(
                key=asker.person,
                role=asker.role,
                door=asker.source,
                audits=asker.audits,
                where=ask.who.where,
                message=ask.who.message,
            )
            theirs = self._ask_in(message, who, ask.lang)
            parsed = parse(split(confirmation.command), ask.lang)
            self._check_still(theirs, parsed, confirmation)
            reply = self._run(theirs, parsed)
            task = reply.task
        except TransientError:
            raise
        except RollcallError as error:
            reply = refusal(error, ask.lang, zone_of(ask, message.source))
        self._confirming().ended(confirmation, task)
        return Heard(reply=reply, in_place=True)

    def _check_still(self, ask: Ask, parsed: Parsed, confirmation: Confirmation) -> None:
        """Refuse what has grown over the limit since it was shown, unless two persons looked at it."""
        effect = self._effect(ask, parsed)
        if effect is None or confirmation.second_by:
            return
        above = ask.catalog.source(effect.source).guard.second_person
        if effect.employees > max(above, confirmation.employees):
            raise ConflictError("more than was shown", command=confirmation.command, count=effect.employees)

    # --- what is done on a page

    def _hand_out(self, ask: Ask, message: Message, parsed: Parsed, errand: Callable[..., Errand]) -> Heard:
        """Answer with a link, and tell the sender alone the code that goes with it."""
        self._check(ask, parsed)
        given = self._given(parsed)
        try:
            what = errand(ask, **given)
        except RollcallError as error:
            self._note_error(ask.who, parsed.command.name, error, given)
            raise
        handed = replace(self.rooms.links, draw=self.draw).hand_out(
            ask.who,
            parsed.command.verb or parsed.command.name,
            to=message.address,
            lang=ask.lang,
            edits=what.edits,
            answers=what.answers,
        )
        name = handle(ask, handed.visit.edits) if handed.visit.edits else ""
        until = instant(handed.visit.expires_at, zone_of(ask, message.source))
        title = ask.pick(f"Edit {name}", f"编辑 {name}") if name else ask.pick("New source", "新建来源")
        reply = Reply(
            title=title,
            blocks=(Line(text=say("page handed out", ask.lang, {"at": until})),),
            link=Link(label=ask.pick("Open the page", "打开页面"), url=handed.url),
            data=None,
        )
        told = say("your page code", ask.lang, {"code": handed.code, "at": until})
        code = Reply(title=ask.pick(f"Code: {title}", f"验证码：{title}"), blocks=(Line(text=told),), data=None)
        return Heard(reply=reply, code=code)

    # --- what goes out

    def _outgoing(self, message: Message, heard: Heard, lang: Lang) -> Sequence[Outgoing]:
        now = self.rooms.clock.now()
        reply = replace(heard.reply, data=None, lang=lang)
        edits = message.card if heard.in_place and message.said is Said.PRESSED else ""
        to = message.address
        if heard.personal and to.direct and not message.proven:
            # Who spoke is not proven, and so is where: it goes to that person, not to a place that the message names.
            # Only a card that needs no chat is known to be theirs.
            to, edits = replace(_alone(message), thread="" if to.chat else to.thread), "" if to.chat else edits
        replies = [
            Outgoing(
                outgoing_id=f"{message.message_id}#0",
                to=to,
                reply=reply,
                created_at=now,
                edits=edits,
                task=reply.task,
            )
        ]
        if heard.code is not None:
            # Not to the address that the message gives: the code goes to that person, whatever was signed.
            told = replace(heard.code, lang=lang)
            to = _alone(message)
            replies.append(Outgoing(outgoing_id=f"{message.message_id}#1", to=to, reply=told, created_at=now))
        return replies


# How many words the bot's name may have after the first.
_LONGEST_NAME: Final = 4
_LONGEST_ID: Final = 64
# Whoever can speak in another's name may guess at so many codes, and no more, while one lives.
_MOST_ASKED: Final = 5
_MANY_LINES: Final = 200
_LONGEST_NUMBER: Final = 12


def refusal(error: RollcallError, lang: Lang, zone: str = "UTC") -> Reply:
    """Say what went wrong and what to do."""
    text = say(error.code, lang, local(error.facts, zone))
    blocks: tuple[Block, ...] = (Line(text=text, tone=Tone.BAD),)
    known: dict[str, Json] = {"code": error.code, "message": text, "facts": dict(error.facts)}
    if isinstance(error, DraftError):
        wrong = {name.replace("_", "-"): say(each.code, lang, each.facts) for name, each in error.wrong.items()}
        blocks = (*blocks, Pairs(pairs=tuple(wrong.items())))
        known["wrong"] = wrong
    return Reply(
        blocks=blocks,
        data={"error": known},
        tone=Tone.BAD,
        lang=lang,
    )


def spelled(parsed: Parsed, given: dict[str, Given]) -> str:
    """Spell a command so that it can be typed again, options and all."""
    words = [*parsed.command.words]
    for name, _, _ in parsed.command.params:
        value = given.get(name)
        words += [value] if isinstance(value, str) else value if isinstance(value, tuple) else ()
    names = {name.replace("-", "_") for name in parsed.command.options}
    words += spelled_options({name: value for name, value in given.items() if name in names})
    return joined(words)


def _name(words: Sequence[str]) -> str:
    """Name for the log what was typed: the command, and nothing else of it."""
    command: Command | None = named(words)
    return command.name if command else UNKNOWN


def _alone(message: Message) -> Address:
    return Address(source=message.source, person=message.sender, direct=True)


def _language(message: Message, words: Sequence[str], admin: Admin | None) -> Lang:
    """Answer in the language of the command; a name that is looked for may be of another."""
    if message.lang is not None:
        return message.lang
    if words and is_chinese(words[0]):
        return Lang.ZH
    return admin.lang if admin else Lang.EN


def _misunderstood(ask: Ask, error: UsageError, words: Sequence[str]) -> Reply:
    """Give the menu for what is no command, with what was probably meant on top; else the usage."""
    if error.code != "unknown command":
        help_ = Button(label=ask.pick("Help", "帮助"), command=ask.pick("help", "帮助"))
        return replace(refusal(error, ask.lang), buttons=(help_,))
    text = say(error.code, ask.lang, {**error.facts, "text": clean(str(error.facts["text"]), 60)})
    guess = str(error.facts.get("guess") or "")
    rest = joined(words[len(guess.split()) :])[:_LONGEST_REST]
    meant = (Button(label=guess, command=f"{guess} {rest}".strip(), weight=Weight.PRIMARY),) if guess else ()
    return menu_card(ask, Line(text=text, tone=Tone.WARN), meant)


_LONGEST_REST: Final = 100


def _which(ask: Ask, parsed: Parsed) -> Reply:
    """Offer a button for each source that may be meant."""
    text = ask.pick("Which source?", "哪个来源？")
    buttons = tuple(Button(label=each, command=typed) for each, typed in parsed.choices.items())
    return Reply(title=text, blocks=(Line(text=text),), buttons=buttons, data=None)


def losing(ask: Ask, employees: int) -> str:
    """Say how many lose access."""
    return say("employees lose access" if employees else "nobody loses access", ask.lang, {"count": employees})


def _how(ask: Ask, message: Message, asked: Confirmation, until: str) -> str:
    facts = {"number": asked.number, "at": until}
    if asked.wants:
        code = "confirm with a name" if message.proven else "confirm with a code and a name"
        return say(code, ask.lang, {**facts, "name": asked.wants})
    return say("confirm with a number" if message.proven else "confirm with a code", ask.lang, facts)


def _confirm_buttons(ask: Ask, message: Message, asked: Confirmation) -> tuple[Button, ...]:
    no = Button(label=ask.pick("Call off", "取消"), command=f"confirm {asked.number} no")
    if not message.proven or asked.wants:  # a press proves nothing there: the code must be typed, or the name
        return (no,)
    label = ask.pick("Confirm", "确认")
    if asked.standing is Standing.SECOND:
        label = ask.pick("Confirm as the second", "第二人确认")
    return Button(label=label, command=f"confirm {asked.number}", weight=Weight.DANGER), no


def _code_reply(ask: Ask, asked: Confirmation, code: str, until: str) -> Reply:
    facts = {"number": asked.number, "code": code, "command": asked.command, "at": until}
    told = say("your code", ask.lang, facts)
    if asked.wants:
        told = say("your code for a name", ask.lang, {**facts, "name": asked.wants})
    blocks: tuple[Block, ...] = (Line(text=told),)
    return Reply(blocks=blocks, data=None)
