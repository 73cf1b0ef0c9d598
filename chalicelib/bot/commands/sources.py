"""Sources: which there are, what one is set to, a new one, on, off, and whether one works."""

from __future__ import annotations

from chalicelib.bot.command import Ask, Effect, command, of_source
from chalicelib.bot.scoped import scope_document, scope_words, user_info_words
from chalicelib.core.errors import MalformedError
from chalicelib.core.principal import Role
from chalicelib.core.reply import Block, Button, Json, Line, Pairs, Reply, Table, Tone, Weight
from chalicelib.core.source import LONGEST_DESCRIPTION, Source, due_at
from chalicelib.core.task import SyncTask
from chalicelib.notices.budget import budget_lines, spent_document, spent_pairs
from chalicelib.notices.show import cell, clean, instant, told, word
from chalicelib.sources.calendar import minutes_later
from chalicelib.sources.console import request_url


@command(
    "sources",
    zh="来源",
    role=Role.VIEWER,
    help=("List the sources", "列出全部来源"),
    aliases=("src", "source list", "全部来源"),
)
def sources(ask: Ask) -> Reply:
    found = ask.rooms.catalog.sources()
    if not found:
        hint = ask.pick("There is no source yet. `source create` makes one.", "还没有来源。用 `source create` 新建。")
        return Reply(blocks=(Line(text=hint),), data=[])
    rows = []
    for source in found:
        last = next(iter(ask.rooms.tasks.recent(source.uid, 1)), None)
        state = state_word(ask, source)
        zone = source.schedule.zone
        ended = f"{word(ask, last.status)} {instant(last.finished_at or last.asked_at, zone)}" if last else "–"
        if ask.heard:
            label = ask.rooms.connectors.form(source.kind).label[ask.zh]
            ended = ask.pick("last task:", "最近任务：") + f" {ended}" if last else ask.pick("never synced", "尚未同步")
            name = "" if source.name == source.handle else source.name
            rows.append((source.handle, name, label, state, ended))
        else:
            rows.append((source.handle, source.name, source.kind, state, ended))
    columns = (
        ask.pick("source", "来源"),
        ask.pick("name", "名称"),
        ask.pick("kind", "类型"),
        ask.pick("state", "状态"),
        ask.pick("last task", "最近任务"),
    )
    table = Table(columns=("",) * len(columns) if ask.heard else columns, rows=tuple(rows))
    buttons = tuple(Button(label=each.handle, command=f"source show {each.handle}") for each in found)
    return Reply(
        title=ask.pick("Sources", "来源"),
        blocks=(table,),
        buttons=buttons if ask.heard else (),
        data=[source_document(ask, each) for each in found],
    )


@command(
    "source show <source>",
    zh="查看来源 <source>",
    role=Role.VIEWER,
    help=("Show one source", "查看来源详情"),
    aliases=("show source", "来源详情"),
)
def source_show(ask: Ask, source: str) -> Reply:
    found = ask.rooms.catalog.source(source)
    form = ask.rooms.connectors.form(found.kind)
    last = next(iter(ask.rooms.tasks.recent(found.uid, 1)), None)
    spent = ask.rooms.budgets.forecast(found)
    guard = found.guard
    most = (guard.accounts, guard.departments, f"{guard.share:.0%}", guard.floor)
    limits = ask.pick(
        "{} accounts, {} departments, {} of the active (at least {})".format(*most),
        "{} 个账号、{} 个部门、在职人数的 {}（至少 {}）".format(*most),
    )
    set_up = ((name, clean(value)) for name, value in found.settings.items() if value)
    pairs = (
        (ask.pick("name", "名称"), found.name),
        (ask.pick("kind", "类型"), form.label[ask.zh]),
        (ask.pick("description", "描述"), clean(found.description, LONGEST_DESCRIPTION) or "–"),
        (ask.pick("state", "状态"), state_word(ask, found)),
        (ask.pick("logo", "徽标"), ask.rooms.sources.logo(found) or "–"),
        *(() if ask.heard else set_up),
        (ask.pick("automatic sync", "自动同步"), rhythm(ask, found)),
        (ask.pick("user information", "用户信息同步"), user_info_words(ask, found)),
        (ask.pick("scope", "同步范围"), scope_words(ask, found)),
        (ask.pick("next sync", "下次同步"), instant(due_at(found), found.schedule.zone) or "–"),
        (ask.pick("guard", "保护上限"), limits),
        (
            ask.pick("second person", "双人确认"),
            ask.pick(f"above {guard.second_person} employees", f"超过 {guard.second_person} 名员工"),
        ),
        *spent_pairs(ask, spent, form.tariff),
        (
            ask.pick("last task", "最近任务"),
            _last(ask, last, found.schedule.zone) if last else "–",
        ),
    )
    pasted = tuple((zh if ask.zh else en, value) for en, zh, value in ask.rooms.sources.copied(found))
    rules = tuple(
        (f"{kind}.{rule.field}", rule.text)
        for kind, rules in (("department", found.mapping.departments), ("employee", found.mapping.employees))
        for rule in rules
    )
    mapping = Table(
        caption=ask.pick("field mapping", "字段映射"),
        columns=(
            ask.pick("directory", "通讯录字段"),
            ask.pick("takes", "取值"),
        ),
        rows=rules,
    )
    about = Pairs(pairs=pairs, caption=found.handle)
    console = Pairs(pairs=pasted, caption=ask.pick("to copy into the vendor's console", "复制到厂商后台"))
    if ask.heard:  # what is only for setting up has its place in the terminal, where that is done
        hint = f"rollcall source show {found.handle}"
        text = ask.pick(
            f"Settings, URLs for the console and the field mapping: `{hint}` in the terminal.",
            f"应用设置、回调地址和字段映射：请在终端输入 `{hint}`。",
        )
        blocks: tuple[Block, ...] = (Pairs(pairs=pairs), *budget_lines(ask, found, spent), Line(text=text))
    else:
        blocks = (about, *budget_lines(ask, found, spent), console, mapping)
    return Reply(
        title=f"{found.handle} · {found.name}",
        blocks=blocks,
        buttons=_buttons(ask, found) if ask.heard else (),
        data={**source_document(ask, found), "calls": spent_document(spent)},
    )


def state_word(ask: Ask, source: Source) -> str:
    if source.deleting:
        return ask.pick("being deleted", "正在删除")
    return ask.pick("enabled", "启用") if source.enabled else ask.pick("disabled", "停用")


def _last(ask: Ask, task: SyncTask, zone: str) -> str:
    ended = f"{task.task_id} {word(ask, task.status)} {instant(task.finished_at or task.asked_at, zone)}"
    return ended if ask.heard else f"{ended} {told(ask, task.reason, zone)}".strip()


def _buttons(ask: Ask, source: Source) -> tuple[Button, ...]:
    now = Button(label=ask.pick("Sync now", "立即同步"), command=f"sync now {source.handle}", weight=Weight.PRIMARY)
    test_ = Button(label=ask.pick("Test", "检测"), command=f"test {source.handle}")
    seen = Button(label=ask.pick("Records", "记录"), command=f"records {source.handle}")
    on = Button(label=ask.pick("Enable", "启用"), command=f"enable {source.handle}")
    return (now, test_, seen) if source.enabled else (on, test_, seen)


@command(
    "enable <source>",
    zh="启用 <source>",
    role=Role.OWNER,
    help=("Let a source be synced", "启用一个来源"),
    aliases=("source enable", "启用来源"),
    proof=of_source,
    noted=True,
    verb="source enable",
)
def enable(ask: Ask, source: str) -> Reply:
    edited = ask.rooms.sources.enable(ask.who, source)
    at = instant(due_at(edited.source), edited.source.schedule.zone)
    if edited.changed:
        text = ask.pick(f"{source} is enabled.", f"{source} 已启用。")
    else:
        text = ask.pick(f"{source} was enabled already.", f"{source} 之前已启用。")
    if at:
        text += ask.pick(f" Its next sync is at {at}.", f"下次同步：{at}。")
    now = Button(label=ask.pick("Sync now", "立即同步"), command=f"sync now {source}", weight=Weight.PRIMARY)
    return Reply(
        blocks=(Line(text=text, tone=Tone.GOOD),),
        buttons=(now,),
        data=source_document(ask, edited.source),
        tone=Tone.GOOD,
    )


def _effect_of_disabling(ask: Ask, source: str) -> Effect | None:
    found = ask.catalog.source(source)
    if not found.enabled:
        return None  # nothing is left to take away
    count = ask.rooms.sources.effect_of_disabling(source)
    text = ask.pick(
        f"{found.handle} would not be synced any more: no hires, no leavers. Its people stay in the directory as they "
        "are, but cannot sign in by it.",
        f"{found.handle} 将不再同步：不再处理入职和离职。通讯录中的人员保持不变，但不能再通过它登录。",
    )
    return Effect(source=found.uid, employees=count, blocks=(Line(text=text),))


@command(
    "disable <source>",
    zh="停用 <source>",
    role=Role.OWNER,
    help=("End the syncs of a source; its people stay", "停用一个来源，人员保持不变"),
    aliases=("source disable", "停用来源"),
    danger=_effect_of_disabling,
    noted=True,
    verb="source disable",
)
def disable(ask: Ask, source: str) -> Reply:
    edited = ask.rooms.sources.disable(ask.who, source)
    if edited.changed:
        text = ask.pick(f"{source} is disabled.", f"{source} 已停用。")
    else:
        text = ask.pick(f"{source} was disabled already.", f"{source} 之前已停用。")
    back = Button(label=ask.pick("Enable", "启用"), command=f"enable {source}")
    return Reply(
        blocks=(Line(text=text, tone=Tone.GOOD),),
        buttons=(back,),
        data=source_document(ask, edited.source),
        tone=Tone.GOOD,
    )


@command(
    "second person <limit> <source>",
    zh="双人确认 <limit> <source>",
    role=Role.OWNER,
    help=(
        "Let a second person confirm what takes access from more employees than that",
        "影响的员工超过该人数时，须由第二人确认",
    ),
    aliases=("second", "第二人"),
    proof=of_source,
    noted=True,
)
def second_person(ask: Ask, limit: str, source: str) -> Reply:
    if not limit.isascii() or not limit.isdecimal() or len(limit) > _LONGEST_LIMIT:
        raise MalformedError("where is misread", where=limit[:20], usage="`second person 50 <source>`")
    edited = ask.rooms.sources.second_person(ask.who, source, int(limit))
    text = ask.pick(
        f"{source}: what takes access from more than {limit} employees must be confirmed by a second person.",
        f"{source}：影响超过 {limit} 名员工的操作须由第二人确认。",
    )
    return Reply(blocks=(Line(text=text, tone=Tone.GOOD),), data=source_document(ask, edited.source), tone=Tone.GOOD)


_LONGEST_LIMIT = 9


def rhythm(ask: Ask, source: Source) -> str:
    """Say when a source is synced by itself."""
    schedule = source.schedule
    if schedule.cron:
        text = ask.pick(f"at `{schedule.cron}` in {schedule.zone}", f"按 `{schedule.cron}`（{schedule.zone}）")
        if later := minutes_later(source):
            text += ask.pick(f", {later} min after the full hour", f"，整点后 {later} 分钟")
    else:
        hours = f"{schedule.cycle.total_seconds() / 3600:g}"
        text = ask.pick("every hour" if hours == "1" else f"every {hours} hours", f"每 {hours} 小时")
    if not schedule.automatic:
        return ask.pick(f"off; its schedule is kept: {text}", f"已关闭，保留设置：{text}")
    return text


def source_document(ask: Ask, source: Source) -> dict[str, Json]:
    schedule, at = source.schedule, due_at(source)
    form = ask.rooms.connectors.form(source.kind)
    return {
        "source": source.handle,
        "uid": source.uid,
        "name": source.name,
        "kind": source.kind,
        "description": source.description,
        "enabled": source.enabled,
        "deleting": source.deleting is not None,
        "logo": ask.rooms.sources.logo(source) or None,
        "settings": dict(source.settings),
        "cycle_hours": schedule.cycle.total_seconds() / 3600 if schedule.automatic and not schedule.cron else None,
        "cron": schedule.cron or None,
        "zone": schedule.zone,
        "automatic": schedule.automatic,
        "user_info": source.user_info,
        "scope": scope_document(source)["departments"],
        "next_due_at": at.isoformat() if at else None,
        "second_person": source.guard.second_person,
        "budget": source.budget or None,
        "request_url": request_url(ask.rooms.public_url, source.handle, "events") if form.events else None,
        "copied": {english: value for english, _, value in ask.rooms.sources.copied(source)},
        "events": list(form.events),
        "created_at": source.created_at.isoformat(),
        "mapping": {
            "departments": {rule.field: rule.text for rule in source.mapping.departments},
            "employees": {rule.field: rule.text for rule in source.mapping.employees},
            "extended": {field.name: cell(field.type) for field in source.mapping.extended},
        },
    }
