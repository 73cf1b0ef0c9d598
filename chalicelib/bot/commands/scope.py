"""Which departments of a source are synced, and whether the values of its people are."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.bot.command import Ask, Effect, command, of_source
from chalicelib.bot.commands.page import cut, more, page_buttons, titled
from chalicelib.bot.commands.sources import source_document
from chalicelib.bot.scoped import scope_document
from chalicelib.bot.words import joined
from chalicelib.core.principal import Role
from chalicelib.core.reply import Block, Button, Json, Line, Reply, Table, Tone, Weight
from chalicelib.core.scope import Chosen
from chalicelib.core.source import Source
from chalicelib.notices.show import LONGEST_CELL, clean
from chalicelib.sources.scope import Browsed, Loss, Rescoped, Unsure

# A phone has no room for more.
_LABEL = 40


@command(
    "scope <source>",
    zh="范围 <source>",
    role=Role.VIEWER,
    help=("Show which departments of a source are synced", "查看来源的同步范围"),
    aliases=("scope show", "同步范围", "查看范围"),
)
def scope(ask: Ask, source: str) -> Reply:
    found = ask.catalog.source(source)
    browse = Button(label=ask.pick("Browse departments", "浏览部门"), command=f"scope browse {found.handle} --page 1")
    everything = Button(label=ask.pick("Sync everything", "同步全部"), command=f"scope all {found.handle}")
    return Reply(
        title=ask.pick(f"Scope of {found.handle}", f"{found.handle} 的同步范围"),
        blocks=_scope_blocks(ask, found),
        buttons=(browse, *(() if found.scope.is_everything else (everything,))),
        data=scope_document(found),
    )


def _effect_of_setting(ask: Ask, path: tuple[str, ...], source: str) -> Effect | None:
    return _effect(ask, source, ask.rooms.scoping.loss_by_choosing(source, _paths(path)))


def _effect_of_removing(ask: Ask, path: tuple[str, ...], source: str) -> Effect | None:
    return _effect(ask, source, ask.rooms.scoping.loss_by_removing(source, _paths(path)))


@command(
    "scope set <path...> <source>",
    zh="设置范围 <path...> <source>",
    role=Role.OWNER,
    help=(
        "Sync only these departments with all below them: `scope set R&D/Platform Sales hq`",
        "只同步指定部门及其下级：`设置范围 研发/平台 销售 hq`",
    ),
    aliases=("scope only", "范围设为", "只同步"),
    danger=_effect_of_setting,
    proof=of_source,
    noted=True,
)
def scope_set(ask: Ask, path: tuple[str, ...], source: str) -> Reply:
    paths = _paths(path)
    return _rescoped(ask, ask.rooms.scoping.choose(ask.who, source, paths), "scope set", paths, source)


@command(
    "scope add <path...> <source>",
    zh="增加范围 <path...> <source>",
    role=Role.OWNER,
    help=("Sync these departments, too", "增加要同步的部门"),
    aliases=("scope also", "范围增加", "添加范围"),
    proof=of_source,
    noted=True,
)
def scope_add(ask: Ask, path: tuple[str, ...], source: str) -> Reply:
    paths = _paths(path)
    return _rescoped(ask, ask.rooms.scoping.add(ask.who, source, paths), "scope add", paths, source)


@command(
    "scope remove <path...> <source>",
    zh="移除范围 <path...> <source>",
    role=Role.OWNER,
    help=("Sync these departments no more", "不再同步这些部门"),
    aliases=("scope drop", "范围移除", "删除范围"),
    danger=_effect_of_removing,
    noted=True,
)
def scope_remove(ask: Ask, path: tuple[str, ...], source: str) -> Reply:
    paths = _paths(path)
    return _rescoped(ask, ask.rooms.scoping.remove(ask.who, source, paths), "scope remove", paths, source)


@command(
    "scope all <source>",
    zh="全部范围 <source>",
    role=Role.OWNER,
    help=("Sync every department of a source", "同步来源的全部部门"),
    aliases=("scope everything", "范围全部", "同步全部部门"),
    proof=of_source,
    noted=True,
)
def scope_all(ask: Ask, source: str) -> Reply:
    return _rescoped(ask, ask.rooms.scoping.everything(ask.who, source), "scope all", (), source)


@command(
    "scope browse [path...] <source> [--page <page>]",
    zh="浏览范围 [path...] <source> [--page <page>]",
    role=Role.OPERATOR,
    help=("List the departments below one, as the vendor has them now", "列出厂商侧某部门下的部门"),
    aliases=("browse", "范围浏览", "浏览部门"),
    pages=True,
    noted=True,
)
def scope_browse(ask: Ask, path: tuple[str, ...], source: str, page: str | None) -> Reply:
    found = ask.rooms.scoping.browse(ask.who, source, " ".join(path))
    if isinstance(found, Unsure):
        return _unsure(ask, found, "scope browse", (found.typed,), source)
    return _browsed(ask, found, ask.catalog.source(source), page)


@command(
    "user info on <source>",
    zh="开启信息同步 <source>",
    role=Role.OWNER,
    help=("Let automatic syncs take over the values of existing employees", "自动同步时更新现有员工的信息"),
    aliases=("values on", "信息同步 开", "开启用户信息同步"),
    noted=True,
)
def user_info_on(ask: Ask, source: str) -> Reply:
    return _informed(ask, ask.rooms.scoping.user_info(ask.who, source, True))


@command(
    "user info off <source>",
    zh="关闭信息同步 <source>",
    role=Role.OWNER,
    help=("Let automatic syncs leave the values of existing employees as they are", "自动同步时不更新现有员工的信息"),
    aliases=("values off", "信息同步 关", "关闭用户信息同步"),
    proof=of_source,
    noted=True,
)
def user_info_off(ask: Ask, source: str) -> Reply:
    return _informed(ask, ask.rooms.scoping.user_info(ask.who, source, False))


def _informed(ask: Ask, edited: Rescoped) -> Reply:
    source = edited.source
    if source.user_info:
        text = ask.pick(
            f"{source.handle}: syncs by themselves take over the values of existing employees.",
            f"{source.handle}：自动同步时更新现有员工的信息。",
        )
    else:
        text = ask.pick(
            f"{source.handle}: syncs by themselves leave the values of existing employees as they are; hires, leavers "
            f"and departments go on. `sync now {source.handle}` takes the values over, too.",
            f"{source.handle}：自动同步时不更新现有员工的信息，入职、离职和部门照常处理。"
            f"`立即同步 {source.handle}` 仍会更新信息。",
        )
    if not edited.changed:
        text = ask.pick("It was so already. ", "设置未变。") + text
    lines = [Line(text=text, tone=Tone.GOOD)]
    if not source.schedule.automatic:
        off = ask.pick(
            f"No effect while automatic sync is off: `auto on {source.handle}` turns it on.",
            f"自动同步已关闭，此设置暂不生效。输入 `开启自动同步 {source.handle}` 开启。",
        )
        lines.append(Line(text=off, tone=Tone.WARN))
    return Reply(blocks=tuple(lines), data=source_document(ask, source), tone=Tone.GOOD)


# --- what a change comes to


def _effect(ask: Ask, source: str, loss: Loss | None) -> Effect | None:
    if loss is None:
        return None
    found = ask.catalog.source(source)
    return Effect(source=found.uid, employees=loss.employees, blocks=(Line(text=_loses(ask, found, loss)),))


def _loses(ask: Ask, source: Source, loss: Loss) -> str:
    if loss == Loss():
        return ask.pick(
            f"Less of {source.handle} would be synced. As far as the directory knows, nobody would be removed.",
            f"{source.handle} 的同步范围将缩小。按现有通讯录，不会移除任何人。",
        )
    return ask.pick(
        f"Less of {source.handle} would be synced: its next sync would remove {loss.employees} employee(s) and "
        f"{loss.departments} department(s) from the directory. What is beyond the guard's limits waits for approval.",
        f"{source.handle} 的同步范围将缩小：下次同步将从通讯录移除 {loss.employees} 名员工、{loss.departments} 个部门，"
        "超出保护上限的须经审批。",
    )


def _rescoped(ask: Ask, found: Rescoped | Unsure, words: str, paths: Sequence[str], typed: str) -> Reply:
    if isinstance(found, Unsure):
        return _unsure(ask, found, words, paths, typed)
    source, loss = found.source, found.loss
    blocks = list(_scope_blocks(ask, source))
    if not found.changed:
        blocks.insert(0, Line(text=ask.pick("It was so already.", "设置未变。")))
    preview = f"sync preview {source.handle}"
    if loss != Loss():
        text = ask.pick(
            f"Nobody is removed yet. The next sync would remove {loss.employees} employee(s) and {loss.departments} "
            f"department(s); `{preview}` shows them by name.",
            f"尚未移除任何人。下次同步将移除 {loss.employees} 名员工、{loss.departments} 个部门，"
            f"输入 `预览同步 {source.handle}` 查看名单。",
        )
        blocks.append(Line(text=text, tone=Tone.WARN))
    elif found.changed:
        text = ask.pick(
            f"It takes effect at the next sync; `{preview}` shows what that would do.",
            f"下次同步时生效，输入 `预览同步 {source.handle}` 查看将有的变更。",
        )
        blocks.append(Line(text=text))
    return Reply(
        title=ask.pick(f"Scope of {source.handle}", f"{source.handle} 的同步范围"),
        blocks=tuple(blocks),
        buttons=(
            Button(label=ask.pick("Preview", "预览"), command=preview, weight=Weight.PRIMARY),
            Button(label=ask.pick("Sync now", "立即同步"), command=f"sync now {source.handle}"),
        ),
        data={**scope_document(source), "changed": found.changed, "loses": _loss_document(loss)},
        tone=Tone.GOOD,
    )


def _loss_document(loss: Loss) -> dict[str, Json]:
    return {"employees": loss.employees, "departments": loss.departments}


def _scope_blocks(ask: Ask, source: Source) -> tuple[Block, ...]:
    if source.scope.is_everything:
        text = ask.pick(
            f"{source.handle}: everything is synced. `scope set` restricts it, `scope browse` lists departments.",
            f"{source.handle}：同步全部部门。用 `设置范围` 限定部门，用 `浏览范围` 查看部门。",
        )
        return (Line(text=text),)
    text = ask.pick(
        f"{source.handle}: only these departments are synced, with all below them.",
        f"{source.handle}：只同步以下部门及其下级。",
    )
    chosen = source.scope.departments
    if ask.heard:
        return Line(text=text), *(Line(text=f"· {clean(each.path, LONGEST_CELL)}") for each in chosen)
    columns = (ask.pick("department", "部门"), "id")
    rows = tuple((clean(each.path, LONGEST_CELL), clean(each.external_id)) for each in chosen)
    return Line(text=text), Table(columns=columns, rows=rows)


# --- looking for departments


def _unsure(ask: Ask, found: Unsure, words: str, paths: Sequence[str], source: str) -> Reply:
    """Offer each department that may be meant: as a button that says it by its id, in a terminal as a line to copy."""

    def instead(name: str) -> str:
        return joined([*words.split(), *paths[: found.number], name, *paths[found.number + 1 :], source])

    text = ask.pick(
        f"“{clean(found.typed, _LABEL)}” does not name one department in full. Did you mean:",
        f"“{clean(found.typed, _LABEL)}”不能确定一个部门。您是不是想选：",
    )
    candidates = found.candidates[: ask.page_rows]
    known = [each.path for each in found.candidates]
    spelled = [
        (clean(each.path, LONGEST_CELL), instead(each.path if known.count(each.path) == 1 else each.external_id))
        for each in candidates
    ]
    table = Table(columns=(ask.pick("department", "部门"), ask.pick("to type", "输入")), rows=tuple(spelled))
    return Reply(
        title=ask.pick("Which department?", "哪个部门？"),
        blocks=(Line(text=text, tone=Tone.WARN), *(() if ask.heard else (table,))),
        buttons=tuple(
            Button(label=_short(each, found.candidates), command=instead(each.external_id)) for each in candidates
        )
        if ask.heard
        else (),
        data={
            "typed": found.typed,
            "candidates": [{"id": each.external_id, "path": each.path} for each in found.candidates],
        },
        tone=Tone.WARN,
    )


def _short(each: Chosen, others: Sequence[Chosen]) -> str:
    """Name a department as shortly as a button wants it: by its end; by its id where another is called alike."""
    path = clean(each.path, LONGEST_CELL)
    text = path if len(path) <= _LABEL else f"…{path[1 - _LABEL :]}"
    return text if [other.path for other in others].count(each.path) == 1 else f"{text} ({clean(each.external_id)})"


def _browsed(ask: Ask, found: Browsed, source: Source, page: str | None) -> Reply:
    at, handle = found.at, source.handle
    here = joined(["scope", "browse", *([at.external_id] if at else []), handle])
    shown = cut(ask, found.below, page)
    named = clean(at.path, LONGEST_CELL) if at else ask.pick(f"Departments of {handle}", f"{handle} 的部门")
    lines: list[Block] = []
    if not found.below:
        lines.append(Line(text=ask.pick("No department lies below.", "没有下级部门。")))
    if at is not None and at.external_id in source.scope.ids:
        lines.append(Line(text=ask.pick("Chosen, with all below it.", "已选，包含其下级。"), tone=Tone.GOOD))
    if not ask.heard and shown.rows:
        rows = tuple((clean(each.path, LONGEST_CELL), clean(each.external_id)) for each in shown.rows)
        lines.append(Table(columns=(ask.pick("department", "部门"), "id"), rows=rows))
        hint = joined(["scope", "set", found.below[0].path, handle])
        lines.append(Line(text=ask.pick(f"To choose one: `{hint}`", f"选择部门：`{hint}`")))
    if text := more(ask, shown, here):
        lines.append(Line(text=text))
    if ask.heard and shown.rows:
        lines.append(Line(text=ask.pick("Press a department to see what is below it.", "点按部门查看其下级。")))
    return Reply(
        title=titled(ask, named, shown),
        blocks=tuple(lines),
        buttons=_browse_buttons(ask, found, source, shown.rows) + page_buttons(ask, shown, here) if ask.heard else (),
        data={
            "source": handle,
            "at": {"id": at.external_id, "path": at.path} if at else None,
            "departments": [{"id": each.external_id, "path": each.path} for each in found.below],
        },
    )


def _browse_buttons(ask: Ask, found: Browsed, source: Source, rows: Sequence[Chosen]) -> tuple[Button, ...]:
    """Choose the department that is looked at, go up, or down."""
    at, handle = found.at, source.handle
    buttons: list[Button] = []
    if at is not None:
        if at.external_id in source.scope.ids:
            off = joined(["scope", "remove", at.external_id, handle])
            buttons.append(Button(label=ask.pick("Take it out", "移出范围"), command=off))
        else:
            only = joined(["scope", "set", at.external_id, handle])
            buttons.append(
                Button(label=ask.pick("Sync only this", "只同步此部门"), command=only, weight=Weight.PRIMARY)
            )
            if not source.scope.is_everything:
                add = joined(["scope", "add", at.external_id, handle])
                buttons.append(Button(label=ask.pick("Sync this, too", "加入范围"), command=add))
        up = joined(["scope", "browse", *([found.above.external_id] if found.above else []), handle, "--page", "1"])
        buttons.append(Button(label=ask.pick("Up", "返回上级"), command=up))
    for each in rows:
        down = joined(["scope", "browse", each.external_id, handle, "--page", "1"])
        name = clean(each.path.removeprefix(f"{at.path} / " if at else ""), _LABEL)
        buttons.append(Button(label=f"▸ {name}", command=down))
    return tuple(buttons)


def _paths(typed: Sequence[str]) -> tuple[str, ...]:
    """Put paths together again that were typed with spaces around their slashes, and no quotes."""
    paths: list[str] = []
    for word in typed:
        if paths and (word.startswith("/") or paths[-1].endswith("/")):
            paths[-1] = f"{paths[-1]}{word}" if word == "/" else f"{paths[-1]} {word}"
        else:
            paths.append(word)
    return tuple(paths)
