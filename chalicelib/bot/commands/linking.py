"""By what accounts are taken for one another, and what a person says instead."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from chalicelib.bot.command import Ask, Effect, command, of_source
from chalicelib.bot.commands.people import looks_like_an_id, one_of
from chalicelib.bot.words import joined
from chalicelib.core.errors import ConflictError, MalformedError, NotFoundError
from chalicelib.core.matching import DEPARTMENTS_BY, PEOPLE_BY, fold, paths
from chalicelib.core.model import Entry, Kind
from chalicelib.core.principal import Role
from chalicelib.core.reply import Block, Button, Json, Line, Pairs, Reply, Tone
from chalicelib.core.source import Source
from chalicelib.notices.show import field_word, handle, said, tree
from chalicelib.sources.linking import Linked, Unlinked

_KINDS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("employees", "employee", "people", "员工", "人员"), Kind.EMPLOYEE),
    **dict.fromkeys(("departments", "department", "depts", "部门"), Kind.DEPARTMENT),
}
_FIELDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("employee_no", "employee_number", "number", "工号"), "employee_no"),
    **dict.fromkeys(("mobile", "phone", "手机", "手机号"), "mobile"),
    **dict.fromkeys(("email", "e-mail", "mail", "邮箱", "邮件"), "email"),
    **dict.fromkeys(("path", "路径", "部门路径"), "path"),
}
_NONE: Final = ("none", "off", "nothing", "无", "关", "不匹配")
_NEW: Final = ("new", "新建")
_BETWEEN: Final = re.compile(r"[,，、+\s]+")


@command(
    "matching <source>",
    zh="匹配 <source>",
    role=Role.VIEWER,
    help=(
        "Show by what a source's people and departments are taken for entries that are there already",
        "查看来源按什么认领已有的员工和部门",
    ),
    aliases=("matching show", "匹配规则", "查看匹配"),
)
def matching(ask: Ask, source: str) -> Reply:
    return _rules(ask, ask.catalog.source(source))


@command(
    "matching set <kind> <fields...> <source> [--trust-email]",
    zh="设置匹配 <kind> <fields...> <source> [--trust-email]",
    role=Role.OWNER,
    help=(
        "Match employees by employee_number, mobile, email; departments by path: "
        "`matching set employees employee_number,mobile hq`",
        "设置匹配：员工可按工号、手机、邮箱，部门按路径，例如 `设置匹配 员工 工号,手机 hq`；“无”表示不匹配",
    ),
    aliases=("match by", "匹配设置"),
    proof=of_source,
    noted=True,
)
def matching_set(ask: Ask, kind: str, fields: tuple[str, ...], source: str, trust_email: bool) -> Reply:
    wanted = _KINDS.get(kind.casefold())
    if wanted is None:
        raise MalformedError("kind is misread", kind=kind[:40])
    typed = [each for each in _BETWEEN.split(" ".join(fields)) if each]
    names = [] if [each.casefold() for each in typed] in ([each] for each in _NONE) else typed
    by = [_FIELDS.get(each.casefold(), each) for each in names]
    return _rules(ask, ask.rooms.linking.set_matching(ask.who, source, wanted, by, trusts_email=trust_email))


@command(
    "link <key> <entry...> <source>",
    zh="关联 <key> <entry...> <source>",
    role=Role.OWNER,
    help=(
        "Say which entry a vendor's id is, by entry id or name: `link ou_7 ann hq`; `link ou_7 new hq`: one of its own",
        "指定厂商 ID 对应的条目（条目 ID 或姓名）：`关联 ou_7 张三 hq`；`关联 ou_7 new hq` 表示新建",
    ),
    aliases=("bind", "绑定"),
    proof=of_source,
    noted=True,
    personal=True,
)
def link(ask: Ask, key: str, entry: tuple[str, ...], source: str) -> Reply:
    kind, external_id = _key(key)
    text = " ".join(entry)
    if text.casefold() in _NEW:
        linked = ask.rooms.linking.link_to_new(ask.who, source, external_id, kind or Kind.EMPLOYEE)
        return _linked(ask, linked)
    sought = _Sought(ask, text, ("link", key), source, kind)
    try:
        return _linked(ask, ask.rooms.linking.link(ask.who, source, external_id, sought))
    except ConflictError:
        if sought.choices is None:
            raise
        return sought.choices


def _effect_of_unlinking(ask: Ask, entry: tuple[str, ...], source: str) -> Effect | None:
    found = _meant(ask, " ".join(entry), ("unlink",), source)
    if isinstance(found, Reply):
        return None
    gone = ask.rooms.linking.effect_of_unlinking(source, found)
    if not gone.employees:
        return None
    return Effect(source=gone.key.source, employees=gone.employees, blocks=_would(ask, gone))


@command(
    "unlink <entry...> <source>",
    zh="解除关联 <entry...> <source>",
    role=Role.OWNER,
    help=(
        "Say that an entry is not the one that a source means; its next sync makes another: `unlink ann hq`",
        "条目与来源所指并非同一人时解除关联，下次同步将另建条目：`解除关联 张三 hq`",
    ),
    aliases=("unbind", "解绑", "取消关联"),
    danger=_effect_of_unlinking,
    proof=of_source,
    noted=True,
    personal=True,
)
def unlink(ask: Ask, entry: tuple[str, ...], source: str) -> Reply:
    sought = _Sought(ask, " ".join(entry), ("unlink",), source)
    try:
        gone = ask.rooms.linking.unlink(ask.who, source, sought)
    except ConflictError:
        if sought.choices is None:
            raise
        return sought.choices
    name, of = _name(ask, gone.entry), handle(ask, gone.key.source)
    text = ask.pick(
        f"{name} ({gone.entry.entry_id}) is not linked to {gone.key.external_id} of {of} any more. "
        f"The next sync of {of} makes another entry for {gone.key.external_id}, or finds the one it had.",
        f"{name}（{gone.entry.entry_id}）已与 {of} 的 {gone.key.external_id} 解除关联。"
        f"{of} 下次同步时将为 {gone.key.external_id} 另建条目，或恢复其原有条目。",
    )
    blocks = [Line(text=text, tone=Tone.GOOD), *([Line(text=_left_to(ask, gone))] if gone.owned else [])]
    document: dict[str, Json] = {
        "source": of,
        "key": gone.key.external_id,
        "entry": gone.entry.entry_id,
        "owned": gone.owned,
        "heirs": [handle(ask, each.key.source) for each in gone.heirs],
    }
    return Reply(blocks=tuple(blocks), buttons=_sync(ask, of), data=document)


def _rules(ask: Ask, source: Source) -> Reply:
    rules, name = source.matching, source.handle
    people = [field_word(ask, each) for each in rules.employees]
    if "email" in rules.employees and not rules.trusts_email:
        beside = ask.pick(" (beside the same name, mobile or number only)", "（须姓名、手机或工号也相同）")
        people = [each + beside if each == field_word(ask, "email") else each for each in people]
    never = ask.pick("not matched: always created", "不匹配，一律新建")
    path = ask.pick("path of names", "部门路径") if rules.departments else never
    pairs = (
        (ask.pick("employees", "员工"), ", ".join(people) or never),
        (ask.pick("departments", "部门"), path),
    )
    blocks: list[Block] = [Pairs(pairs=pairs)]
    if rules.employees or rules.departments:
        text = ask.pick(
            "Whoever the source shows for the first time gets the entry that matches; two that match are a conflict, "
            "for `link` to resolve; none creates. An entry that another source writes stays its own.",
            "来源首次显示的人员或部门会认领匹配的条目；匹配到多个为冲突，请用 `关联` 指定；没有匹配则新建。"
            "由其他来源维护的条目仍归其所有。",
        )
    else:
        text = ask.pick(
            "So whoever is in two sources is in the directory twice; two companies may number their people alike. "
            f"`matching set employees {','.join(PEOPLE_BY[:2])} {name}` takes those with the same number for one, "
            f"`matching set departments {DEPARTMENTS_BY[0]} {name}` departments with the same path.",
            "因此同时在两个来源中的人会有两个条目：两家公司的工号可能偶然相同。"
            f"输入 `设置匹配 员工 工号,手机 {name}` 可将号码相同的视为同一人，"
            f"`设置匹配 部门 路径 {name}` 将路径相同的视为同一部门。",
        )
    blocks.append(Line(text=text))
    document: dict[str, Json] = {
        "source": name,
        "departments": list(rules.departments),
        "employees": list(rules.employees),
        "trusts_email": rules.trusts_email,
    }
    preview = Button(label=ask.pick("Preview", "预览"), command=f"sync preview {name}")
    return Reply(
        title=ask.pick(f"Matching of {name}", f"{name} 的匹配规则"),
        blocks=tuple(blocks),
        buttons=(preview,),
        data=document,
    )


def _linked(ask: Ask, linked: Linked) -> Reply:
    of, key = handle(ask, linked.key.source), linked.key.external_id
    document: dict[str, Json] = {
        "source": of,
        "key": key,
        "kind": linked.key.kind,
        "entry": linked.entry.entry_id if linked.entry else None,
        "owns": linked.owns,
        "former": linked.former.entry_id if linked.former else None,
        "changed": linked.changed,
    }
    if linked.entry is None:
        text = ask.pick(
            f"The next sync of {of} creates an entry for {key}, whatever it matches.",
            f"{of} 下次同步时将为 {key} 新建条目，不再匹配。",
        )
        return Reply(blocks=(Line(text=text, tone=Tone.GOOD),), buttons=_sync(ask, of), data=document)
    name, entry_id = _name(ask, linked.entry), linked.entry.entry_id
    text = ask.pick(f"{key} of {of} is {name} ({entry_id}).", f"{of} 的 {key} 对应 {name}（{entry_id}）。")
    if not linked.changed:
        text = ask.pick(f"It is so already: {text}", f"已是如此：{text}")
        return Reply(blocks=(Line(text=text),), data=document)
    owner = handle(ask, linked.entry.key.source)
    whose = (
        ask.pick(f"{of} writes its values from its next sync on.", f"自下次同步起由 {of} 维护其信息。")
        if linked.owns
        else ask.pick(f"{owner} goes on writing its values.", f"其信息仍由 {owner} 维护。")
    )
    blocks: list[Block] = [Line(text=text, tone=Tone.GOOD), Line(text=whose)]
    if linked.former is not None and linked.left_alone:
        was = linked.former.entry_id
        stays = ask.pick(
            f"The entry {was} that it had stays as it is, and no source writes it any more; `unlink {entry_id} {of}` "
            "gives it back.",
            f"其原有条目 {was} 保持不变，不再由任何来源维护；输入 `解除关联 {entry_id} {of}` 可恢复。",
        )
        blocks.append(Line(text=stays, tone=Tone.WARN))
    return Reply(blocks=tuple(blocks), buttons=_sync(ask, of), data=document)


def _would(ask: Ask, gone: Unlinked) -> tuple[Block, ...]:
    of = handle(ask, gone.key.source)
    text = ask.pick(
        f"{_name(ask, gone.entry)} has access by what {of} says. The next sync of {of} makes another entry.",
        f"{_name(ask, gone.entry)} 的访问权限来自 {of}。{of} 下次同步时将另建条目。",
    )
    return Line(text=text, tone=Tone.WARN), Line(text=_left_to(ask, gone))


def _left_to(ask: Ask, gone: Unlinked) -> str:
    entry_id = gone.entry.entry_id
    if not gone.heirs:
        return ask.pick(
            f"{entry_id} stays as it is, and no source writes it any more, until one is linked to it.",
            f"{entry_id} 保持不变，在重新关联之前不再由任何来源维护。",
        )
    heirs = ", ".join(sorted({handle(ask, each.key.source) for each in gone.heirs}))
    return ask.pick(
        f"{entry_id} is taken over, with its state, by the next sync of a source that is linked to it too: {heirs}.",
        f"{entry_id} 由也关联它的来源在下次同步时接管，其状态也随之：{heirs}。",
    )


def _meant(ask: Ask, text: str, words: Sequence[str], source: str, kind: Kind | None = None) -> Entry | Reply:
    """Find the entry that is meant: an entry id, a person as `who` finds them, or a department's path.

    Raises:
        NotFoundError: there is none.
    """
    entry = ask.rooms.directory.entries([text]).get(text) if looks_like_an_id(text) else None
    if entry is not None and kind in (None, entry.kind):
        return entry
    departments = tree(ask).departments
    named = paths({entry_id: each.values for entry_id, each in departments.items()})
    wanted = [departments[entry_id] for entry_id, path in named.items() if path == fold(text)]
    if len(wanted) == 1 and kind is not Kind.EMPLOYEE:
        return wanted[0]
    if kind is Kind.DEPARTMENT:
        raise NotFoundError("no such entry", entry=text[:40])
    found = one_of(ask, text, joined(words))
    if isinstance(found, Entry):
        return found
    buttons = tuple(replace(each, command=f"{each.command} {source}") for each in found.buttons)
    return replace(found, buttons=buttons)


class _Sought:
    """Finds the one who is meant; where that may be several, `choices` shows them."""

    def __init__(self, ask: Ask, text: str, words: Sequence[str], source: str, kind: Kind | None = None) -> None:
        self._ask, self._text, self._words, self._source, self._kind = ask, text, words, source, kind
        self.choices: Reply | None = None

    def __call__(self) -> Entry:
        """
        Raises:
            NotFoundError: there is none such.
            ConflictError: there are several.
        """
        found = _meant(self._ask, self._text, self._words, self._source, self._kind)
        if isinstance(found, Entry):
            return found
        self.choices = found
        raise ConflictError("several may be meant", text=self._text[:40])


def _key(typed: str) -> tuple[Kind | None, str]:
    """Read a vendor's id, or a key with its kind as `department:od_7`."""
    kind, colon, external_id = typed.partition(":")
    return (_KINDS[kind], external_id) if colon and kind in _KINDS and external_id else (None, typed)


def _name(ask: Ask, entry: Entry) -> str:
    return said(ask, entry.kind, "name", entry.name)


def _sync(ask: Ask, source: str) -> tuple[Button, ...]:
    return (Button(label=ask.pick("Preview", "预览"), command=f"sync preview {source}"),)
