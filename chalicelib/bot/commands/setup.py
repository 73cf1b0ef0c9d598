"""A new source, and what is said of one: all at once here; in a chat on a page, in a terminal by questions."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from chalicelib.bot.command import Ask, Given, command
from chalicelib.bot.commands.errands import creating, editing
from chalicelib.bot.commands.examine import document, in_full
from chalicelib.bot.commands.sources import source_document
from chalicelib.core.errors import MalformedError, UsageError
from chalicelib.core.finding import Finding, Grade
from chalicelib.core.logo import as_logo
from chalicelib.core.principal import Role
from chalicelib.core.reply import Block, Line, Pairs, Reply, Tone
from chalicelib.core.secret import Secret
from chalicelib.core.source import Source
from chalicelib.sources.create import Created
from chalicelib.sources.draft import Draft, draft_of, rebased, refused, wrong
from chalicelib.sources.edit import Edited

# The terminal's questions end in a draft too, and reach it through here.
__all__ = [
    "LOGO",
    "Draft",
    "begun",
    "created_reply",
    "draft_of",
    "edited_reply",
    "named_fields",
    "preview",
    "rebased",
    "refused",
    "wrong",
]

# What takes a value away again, where nothing cannot be typed.
NOTHING = "-"
LOGO = "logo"

Further = Mapping[str, str | Secret]
# Options of `source create` that have another name than the field they are for.
_FIELDS: Final = {"every": "cycle_hours", "manual": "automatic", "no_user_info": "user_info", "closed": "enabled"}


@command(
    "source create [handle] [--kind <kind>] [--name <name>] [--description <text>] [--every <hours>] [--cron <cron>] "
    "[--zone <zone>] [--manual] [--no-user-info] [--closed] [--activate] [--...]",
    zh="新建来源 [handle] [--kind <kind>] [--name <name>] [--description <text>] [--every <hours>] [--cron <cron>] "
    "[--zone <zone>] [--manual] [--no-user-info] [--closed] [--activate] [--...]",
    role=Role.OWNER,
    help=(
        "Create a source; asks on a terminal, else secrets come from files: --app-secret-file F",
        "新建来源；在终端中逐项询问，否则机密用文件给出：--app-secret-file F",
    ),
    aliases=("source add", "添加来源"),
    noted=True,
    errand=creating,
)
def source_create(
    ask: Ask,
    handle: str | None,
    kind: str | None,
    name: str | None,
    description: str | None,
    every: str | None,
    cron: str | None,
    zone: str | None,
    manual: bool,
    no_user_info: bool,
    closed: bool,
    activate: bool,
    further: Further,
) -> Reply:
    if not handle or not kind or not name:
        raise UsageError("command is incomplete", usage="source create <handle> --kind <kind> --name <name>")
    draft = begun(
        handle=handle,
        kind=kind,
        name=name,
        description=description,
        every=every,
        cron=cron,
        zone=zone,
        manual=manual,
        no_user_info=no_user_info,
        closed=closed,
        further=further,
    )
    return created_reply(ask, ask.rooms.sources.create(ask.who, draft, activate_gate=activate))


@command(
    "source edit <source> [--name <name>] [--description <text>] [--activate] [--...]",
    zh="编辑来源 <source> [--name <name>] [--description <text>] [--activate] [--...]",
    role=Role.OWNER,
    help=(
        "Change what a source is set to, from the next sync on; `-` empties a value. Asks on a terminal",
        "修改来源的设置，下次同步生效；`-` 表示清空。在终端中逐项询问",
    ),
    aliases=("edit source", "修改来源"),
    noted=True,
    errand=editing,
)
def source_edit(
    ask: Ask, source: str, name: str | None, description: str | None, activate: bool, further: Further
) -> Reply:
    found = ask.catalog.source(source)
    if not (name or description or activate or further):
        raise UsageError("command is incomplete", usage="source edit <source> [--name <name>] [--...]")
    before = draft_of(found)
    hidden = {each.name for each in ask.rooms.connectors.form(found.kind).fields if each.secret}
    gone = [name for name, value in further.items() if name in hidden and value == NOTHING]
    draft = replace(
        before,
        name=name or before.name,
        description=before.description if description is None else _emptied(description),
        enabled=activate,
        settings={**before.settings, **{name: value for name, value in _settings(further).items() if name not in gone}},
        secrets=_secrets(further),
        dropped=gone,
        logo=_logo(further),
    )
    return edited_reply(ask, ask.rooms.sources.edit(ask.who, source, draft))


def begun(
    *,
    handle: str | None = None,
    kind: str | None = None,
    name: str | None = None,
    description: str | None = None,
    every: str | None = None,
    cron: str | None = None,
    zone: str | None = None,
    manual: bool = False,
    no_user_info: bool = False,
    closed: bool = False,
    further: Further,
) -> Draft:
    """Make a draft of what the command says; what it leaves out is as in a new one."""
    draft = Draft(
        handle=handle or "",
        kind=kind or "",
        name=name or "",
        description=description or "",
        enabled=not closed,
        automatic=not manual,
        user_info=not no_user_info,
        settings=_settings(further),
        secrets=_secrets(further),
        logo=_logo(further),
    )
    return _scheduled(draft, every, cron, zone)


def named_fields(given: Mapping[str, Given]) -> Collection[str]:
    """Name the fields of a draft that the command speaks of: nobody need be asked for them."""
    further = given.get("further")
    named = {_FIELDS.get(name, name) for name, value in given.items() if value and name != "further"}
    return named | set(further if isinstance(further, Mapping) else ())


def created_reply(ask: Ask, created: Created) -> Reply:
    """Say that a source is there, and what a test found that holds it back."""
    source = created.source
    handle = source.handle
    text = ask.pick(
        f"Source {handle} ({source.name}) is created. `sync preview {handle}` shows what a sync would do.",
        f"来源 {handle}（{source.name}）已创建。输入 `sync preview {handle}` 预览同步结果。",
    )
    if not source.enabled:
        text = ask.pick(
            f"Source {handle} ({source.name}) is saved, and not active. `enable {handle}` activates it.",
            f"来源 {handle}（{source.name}）已保存，尚未启用。输入 `启用 {handle}` 启用。",
        )
    failed = any(each.grade is Grade.FAILED for each in created.findings)
    return _said(ask, source, text, created.findings, failed=failed)


def edited_reply(ask: Ask, edited: Edited) -> Reply:
    """Say what is so now, or what a test found that came in the way."""
    source, handle = edited.source, edited.source.handle
    failed = bool(edited.failed)
    if failed and not edited.changed:
        text = ask.pick(
            f"{handle} was not changed: a test failed with what you gave. What it had before stays in use.",
            f"{handle} 未修改：用新内容检测失败，继续使用原有设置。",
        )
    elif not edited.changed:
        text = ask.pick(f"{handle} was so already.", f"{handle} 的设置没有变化。")
    elif not source.enabled:
        text = ask.pick(
            f"{handle} is saved, and not active. `enable {handle}` activates it.",
            f"{handle} 已保存，尚未启用。输入 `启用 {handle}` 启用。",
        )
        text += _rotating(ask, source)
    else:
        text = ask.pick(f"{handle} is saved. It counts from the next sync on.", f"{handle} 已保存，下次同步生效。")
        if failed:
            text = ask.pick(
                f"{handle} is saved, though a test failed. It counts from the next sync on.",
                f"{handle} 已保存，但有检测未通过。下次同步生效。",
            )
        text += _rotating(ask, source)
    return _said(ask, source, text, edited.findings, failed=failed)


def preview(ask: Ask, draft: Draft, *, edits: Source | None) -> tuple[Block, ...]:
    """Show all of a draft before it is saved, and what to copy into the vendor's console."""
    form = ask.rooms.connectors.form(draft.kind)
    rhythm = f"{draft.cycle_hours} h" if draft.cycle_hours is not None else f"`{draft.cron}`"
    on, off = ask.pick("on", "开启"), ask.pick("off", "关闭")
    rows = [
        (ask.pick("handle", "代号"), draft.handle),
        (ask.pick("kind", "类型"), form.label[ask.zh]),
        (ask.pick("name", "名称"), draft.name),
        (ask.pick("description", "描述"), draft.description or "–"),
    ]
    for each in form.fields:
        value = draft.settings.get(each.name) or each.default or "–"
        if each.secret:
            new, old = ask.pick("given, not shown", "已填写，不显示"), ask.pick("as it is", "保持不变")
            gone = each.name in draft.dropped and each.name not in draft.secrets
            value = new if each.name in draft.secrets else old if edits and not gone else "–"
        rows.append((each.label[ask.zh], value))
    info = on if draft.user_info else off
    if not draft.automatic:
        info += ask.pick(" (no effect while automatic sync is off)", "（自动同步已关闭，此设置不生效）")
    rows += [
        (ask.pick("automatic sync", "自动同步"), on if draft.automatic else off),
        (ask.pick("schedule", "同步计划"), f"{rhythm} · {draft.zone or form.zone}"),
        (ask.pick("user information", "用户信息同步"), info),
        (ask.pick("logo", "徽标"), _shown_logo(ask, draft, edits)),
    ]
    return Pairs(pairs=tuple(rows), caption=ask.pick("preview", "预览")), copied_block(ask, draft)


def _shown_logo(ask: Ask, draft: Draft, edits: Source | None) -> str:
    if draft.logo is not None:
        return str(as_logo(draft.logo)) if draft.logo else "–"
    return (edits and ask.rooms.sources.logo(edits)) or "–"


def copied_block(ask: Ask, what: Draft | Source) -> Block:
    """List what to copy into the vendor's console."""
    pairs = tuple((chinese if ask.zh else english, value) for english, chinese, value in ask.rooms.sources.copied(what))
    return Pairs(pairs=pairs, caption=ask.pick("to copy into the vendor's console", "复制到厂商后台"))


def _said(ask: Ask, source: Source, text: str, findings: Sequence[Finding], *, failed: bool) -> Reply:
    found = tuple(block for each in findings if each.grade is not Grade.OK for block in in_full(ask, each, source))
    tone = Tone.BAD if failed else Tone.GOOD
    data = dict(source_document(ask, source))
    if findings:
        data["findings"] = [document(ask, each, source) for each in findings]
    return Reply(blocks=(*found, Line(text=text, tone=tone)), data=data, tone=tone, failed=failed)


def _rotating(ask: Ask, source: Source) -> str:
    names = ask.rooms.sources.replaced(source)
    if not names:
        return ""
    return ask.pick(
        f" Of {', '.join(names)} the old value is taken too, until the vendor uses the new one, a week at most: change "
        "it in the vendor's console in five minutes, not sooner.",
        f"{'、'.join(names)} 的旧值仍然有效，直到厂商使用新值，最长一周：请在五分钟后到厂商后台修改。",
    )


def _scheduled(draft: Draft, every: str | None, cron: str | None, zone: str | None) -> Draft:
    if every is not None and cron is not None:
        raise MalformedError("cycle or cron")
    if every is not None:
        hours = every.removesuffix("h")
        if not hours.isascii() or not hours.isdecimal():
            raise MalformedError("cycle is misread", cycle=every[:20], handle=draft.handle[:40])
        draft = replace(draft, cycle_hours=int(hours[:4]))
    return replace(draft, cron=cron or draft.cron, zone=zone or draft.zone)


def _settings(further: Further) -> Mapping[str, str]:
    return {name: _emptied(value) for name, value in further.items() if isinstance(value, str) and name != LOGO}


def _secrets(further: Further) -> Mapping[str, Secret]:
    return {name: value for name, value in further.items() if isinstance(value, Secret) and name != LOGO}


def _logo(further: Further) -> bytes | None:
    """Take a picture, which comes the way of secrets, as text; `-` takes away the one there is."""
    given = further.get(LOGO)
    if given is None:
        return None
    if not isinstance(given, Secret):
        if given != NOTHING:
            raise MalformedError("logo comes from a file")
        return b""
    try:
        return base64.b64decode(given.reveal(), validate=True)
    except binascii.Error as error:
        raise MalformedError("logo is no picture") from error


def _emptied(value: str) -> str:
    return "" if value == NOTHING else value
