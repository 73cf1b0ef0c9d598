"""Sources: which there are, what one is set to, and a new one."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.bot.command import Ask, command
from chalicelib.core.principal import Role
from chalicelib.core.reply import Json, Line, Pairs, Reply, Table, Tone
from chalicelib.core.secret import Secret
from chalicelib.core.source import Source
from chalicelib.notices.show import cell, instant, told, word


@command(
    "source create <handle> --kind <kind> --name <name> [--...]",
    zh="新建来源 <handle> --kind <kind> --name <name> [--...]",
    role=Role.OWNER,
    help=(
        "Create a source; secrets come from files: --app-secret-file F",
        "新建来源；机密用文件给出：--app-secret-file F",
    ),
)
def source_create(ask: Ask, handle: str, kind: str, name: str, further: Mapping[str, str | Secret]) -> Reply:
    source = ask.rooms.sources.create(
        ask.who,
        handle,
        kind=kind,
        name=name,
        settings={field: value for field, value in further.items() if isinstance(value, str)},
        secrets={field: value for field, value in further.items() if isinstance(value, Secret)},
    )
    text = ask.pick(
        f"Source {handle} ({name}) is created. `sync preview {handle}` shows what a sync would do.",
        f"来源 {handle}（{name}）已创建。输入 `sync preview {handle}` 预览同步结果。",
    )
    return Reply(blocks=(Line(text=text, tone=Tone.GOOD),), data=_document(ask, source), tone=Tone.GOOD)


@command("sources", zh="来源", role=Role.VIEWER, help=("List the sources", "列出全部来源"))
def sources(ask: Ask) -> Reply:
    found = ask.rooms.catalog.sources()
    if not found:
        hint = ask.pick("There is no source yet. `source create` makes one.", "还没有来源。用 `source create` 新建。")
        return Reply(blocks=(Line(text=hint),), data=[])
    rows = []
    for source in found:
        last = next(iter(ask.rooms.tasks.recent(source.uid, 1)), None)
        state = ask.pick("enabled", "启用") if source.enabled else ask.pick("disabled", "停用")
        ended = f"{word(ask, last.status)} {instant(last.finished_at or last.asked_at)}" if last else "–"
        rows.append((source.handle, source.name, source.kind, state, ended))
    columns = (
        ask.pick("source", "来源"),
        ask.pick("name", "名称"),
        ask.pick("kind", "类型"),
        ask.pick("state", "状态"),
        ask.pick("last task", "最近任务"),
    )
    table = Table(columns=columns, rows=tuple(rows))
    return Reply(blocks=(table,), data=[_document(ask, each) for each in found])


@command("source show <source>", zh="查看来源 <source>", role=Role.VIEWER, help=("Show one source", "查看来源详情"))
def source_show(ask: Ask, source: str) -> Reply:
    found = ask.rooms.catalog.source(source)
    form = ask.rooms.connectors.form(found.kind)
    last = next(iter(ask.rooms.tasks.recent(found.uid, 1)), None)
    cycle = found.schedule.cycle
    hours = f"{cycle.total_seconds() / 3600:g}" if cycle else ""
    every = ask.pick(f"every {hours} hours", f"每 {hours} 小时") if cycle else ask.pick("off", "关闭")
    guard = found.guard
    most = (guard.accounts, guard.departments, f"{guard.share:.0%}", guard.floor)
    limits = ask.pick(
        "{} accounts, {} departments, {} of the active (at least {})".format(*most),
        "{} 个账号、{} 个部门、在职人数的 {}（至少 {}）".format(*most),
    )
    pairs = (
        (ask.pick("name", "名称"), found.name),
        (ask.pick("kind", "类型"), form.label[ask.zh]),
        (ask.pick("state", "状态"), ask.pick("enabled", "启用") if found.enabled else ask.pick("disabled", "停用")),
        *((name, value) for name, value in found.settings.items() if value),
        (ask.pick("automatic sync", "自动同步"), every),
        (ask.pick("guard", "保护上限"), limits),
        (
            ask.pick("last task", "最近任务"),
            f"{last.task_id} {word(ask, last.status)} {told(ask, last.reason)}" if last else "–",
        ),
    )
    pushed = (
        (
            (ask.pick("Request URL", "请求网址"), _request_url(ask, found)),
            (ask.pick("events to subscribe", "需订阅的事件"), "\n".join(form.events)),
        )
        if form.events
        else ()
    )
    rules = tuple(
        (f"{kind}.{rule.field}", " | ".join(rule.first_of))
        for kind, rules in (("department", found.mapping.departments), ("employee", found.mapping.employees))
        for rule in rules
    )
    mapping = Table(
        caption=ask.pick("field mapping", "字段映射"),
        columns=(
            ask.pick("directory", "通讯录字段"),
            ask.pick("first of these source fields", "来源字段（取第一个有值的）"),
        ),
        rows=rules,
    )
    return Reply(blocks=(Pairs(pairs=(*pairs, *pushed), caption=found.handle), mapping), data=_document(ask, found))


def _request_url(ask: Ask, source: Source) -> str:
    """Say what to paste into the vendor's console."""
    return f"{ask.rooms.public_url or 'https://...'}/callbacks/{source.handle}/events"


def _document(ask: Ask, source: Source) -> dict[str, Json]:
    cycle = source.schedule.cycle
    form = ask.rooms.connectors.form(source.kind)
    return {
        "source": source.handle,
        "uid": source.uid,
        "name": source.name,
        "kind": source.kind,
        "enabled": source.enabled,
        "settings": dict(source.settings),
        "cycle_hours": cycle.total_seconds() / 3600 if cycle else None,
        "request_url": _request_url(ask, source) if form.events else None,
        "events": list(form.events),
        "created_at": source.created_at.isoformat(),
        "mapping": {
            "departments": {rule.field: list(rule.first_of) for rule in source.mapping.departments},
            "employees": {rule.field: list(rule.first_of) for rule in source.mapping.employees},
            "extended": {field.name: cell(field.type) for field in source.mapping.extended},
        },
    }
