"""The end of a source, and of what is known of somebody who has left."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.bot.command import Ask, Effect, command
from chalicelib.core.catalogue import say
from chalicelib.core.errors import MalformedError, NotFoundError
from chalicelib.core.model import Entry, Kind, State
from chalicelib.core.principal import Role
from chalicelib.core.reply import Button, Json, Line, Pairs, Reply, Table, Tone
from chalicelib.core.source import Source
from chalicelib.notices.show import clean, said
from chalicelib.sources.delete import Losses

_STAY, _LEAVE = "stay", "leave"


def _effect_of_deleting(ask: Ask, source: str, name: str | None, people: str | None) -> Effect:
    found = ask.catalog.source(source)
    losses = ask.rooms.deletions.losses(source)
    lines = tuple(_effects(ask, found, losses, leave=_leave(people)))
    return Effect(source=found.uid, employees=losses.people, blocks=lines, name=found.name)


def _effects(ask: Ask, source: Source, losses: Losses, *, leave: bool) -> Iterator[Line | Pairs]:
    yield Line(text=say("deleting cannot be undone", ask.lang, {"name": source.name}), tone=Tone.BAD)
    facts = {"people": losses.people, "departments": losses.departments}
    code = "its people leave with it" if leave else "its people stay without it"
    yield Line(text=say(code, ask.lang, facts), tone=Tone.WARN)
    gone = [
        ask.pick("its settings, schedule, scope and field mapping", "其设置、同步计划、范围和字段映射"),
        ask.pick("its secrets", "其机密"),
        ask.pick("its chat, with notices and {} admins", "其聊天、通知和 {} 位管理员").format(losses.admins),
        ask.pick("what links its people to the vendor", "人员与厂商账号的关联"),
    ]
    if losses.waiting:
        gone.append(ask.pick("{} held tasks, undecided", "{} 个待审批任务").format(losses.waiting))
    yield Pairs(
        pairs=(
            (ask.pick("gone", "将删除"), "\n".join(gone)),
            (
                ask.pick("kept", "将保留"),
                ask.pick(
                    "entries with their values; tasks and records for 90 days", "通讯录条目；任务和记录保留 90 天"
                ),
            ),
        )
    )
    if losses.is_last_owner:
        yield Line(text=say("no owner is left", ask.lang, {}), tone=Tone.WARN)


@command(
    "source delete <source> [--name <name>] [--people <people>]",
    zh="删除来源 <source> [--name <name>] [--people <people>]",
    role=Role.OWNER,
    help=(
        "Delete a source for good; its people stay, or leave with it: `--people leave`",
        "永久删除来源；其人员保留，或随之离开：`--people leave`",
    ),
    aliases=("delete source", "移除来源"),
    danger=_effect_of_deleting,
    noted=True,
    waits=True,
)
def source_delete(ask: Ask, source: str, name: str | None, people: str | None) -> Reply:
    found = ask.catalog.source(source)
    deleted = ask.rooms.deletions.delete(ask.who, source, people_leave=_leave(people))
    data: dict[str, Json] = {"source": found.handle, "uid": found.uid, "deleted": deleted.is_gone}
    if deleted.is_gone:
        text = ask.pick(
            f"{found.handle} is deleted. A new source under that handle is another one.",
            f"{found.handle} 已删除。以后使用同一代号新建的是另一个来源。",
        )
        return Reply(blocks=(Line(text=text, tone=Tone.GOOD),), data=data, tone=Tone.GOOD)
    if deleted.task is not None:
        text = ask.pick(
            f"{found.handle} is being deleted: first its people leave, in task {deleted.task.task_id}. "
            f"`record {deleted.task.task_id}` shows them.",
            f"正在删除 {found.handle}：先由任务 {deleted.task.task_id} 停用其人员，"
            f"输入 `详情 {deleted.task.task_id}` 查看。",
        )
    else:
        text = ask.pick(
            f"{found.handle} is being deleted; it is gone in a minute or two, as soon as nothing works on it any more.",
            f"正在删除 {found.handle}，待其任务结束后一两分钟内完成。",
        )
    task = deleted.task.task_id if deleted.task else None
    return Reply(blocks=(Line(text=text, tone=Tone.GOOD),), data=data, task=task, tone=Tone.GOOD)


def _leave(people: str | None) -> bool:
    if people not in (None, _STAY, _LEAVE):
        raise MalformedError("where is misread", where=str(people)[:20], usage="--people stay | --people leave")
    return people == _LEAVE


def _effect_of_forgetting(ask: Ask, person: tuple[str, ...]) -> Effect | None:
    found = _meant(ask, person)
    if isinstance(found, Reply):
        return None  # which of them is asked first
    entry = ask.rooms.forgetting.check(found.entry_id)
    name = said(ask, entry.kind, "name", entry.name)
    text = ask.pick(
        f"{name or '–'} · {entry.entry_id}: all values are wiped, also from the records of tasks. This cannot be "
        "undone; should they come back, the source shows them anew. It stays known that they have left. "
        "While the source itself still lists them, each full sync reads them again, and what it read is kept for 7 "
        "days at most: remove them there, too.",
        f"{name or '–'} · {entry.entry_id}：将清除其全部信息，包括任务记录中的内容，且无法恢复；"
        "若其重新入职，来源会重新提供信息。仅保留其已离职的事实。"
        "若来源中仍列有此人，每次全量同步仍会读取其信息，读取结果最多保留 7 天，请在来源中一并删除。",
    )
    known = {each.uid for each in ask.catalog.sources()}
    # Where its source is deleted, the rule on second persons is that of the chat it is asked in.
    here = ask.heard.source if ask.heard else ""
    source = entry.key.source if entry.key.source in known else here
    return Effect(source=source, employees=0, blocks=(Line(text=text, tone=Tone.WARN),))


@command(
    "forget <person...>",
    zh="清除信息 <person...>",
    role=Role.OWNER,
    help=("Wipe the values of a person who has left; their key stays", "清除已离职人员的全部信息，仅保留标识"),
    aliases=("wipe", "遗忘"),
    danger=_effect_of_forgetting,
    noted=True,
    personal=True,
)
def forget(ask: Ask, person: tuple[str, ...]) -> Reply:
    found = _meant(ask, person)
    if isinstance(found, Reply):
        return found
    forgotten = ask.rooms.forgetting.forget(ask.who, found.entry_id)
    entry = forgotten.entry
    text = ask.pick(
        f"{entry.entry_id} is forgotten; values were wiped from {forgotten.rows} records.",
        f"已清除 {entry.entry_id} 的信息，涉及 {forgotten.rows} 条任务记录。",
    )
    if not forgotten.changed:
        text = ask.pick("It was so already. ", "此前已清除。") + text
    data: dict[str, Json] = {"id": entry.entry_id, "key": entry.key.external_id, "records": forgotten.rows}
    return Reply(blocks=(Line(text=text, tone=Tone.GOOD),), data=data, tone=Tone.GOOD)


def _meant(ask: Ask, person: tuple[str, ...]) -> Entry | Reply:
    """Take an id, and for a name give the ids to choose from: what is typed is kept for a while, and names somebody."""
    text = " ".join(person)
    entry = ask.directory.entries([text]).get(text) if len(text) <= _LONGEST_ID else None
    if entry is not None and entry.kind is Kind.EMPLOYEE:
        return entry
    left = [each for each in ask.directory.search(text, _MOST_FOUND) if each.state is State.LEFT]
    if not left:
        raise NotFoundError("nobody found", text=clean(text, 40))
    rows = tuple((each.entry_id, said(ask, each.kind, "name", each.name)) for each in left[: ask.page_rows])
    columns = (ask.pick("id", "编号"), ask.pick("name", "姓名"))
    hint = ask.pick("Who is meant? Type `forget <id>`.", "请确认是哪一位：输入 `清除信息 <编号>`。")
    buttons = tuple(Button(label=name[:20] or each, command=f"forget {each}") for each, name in rows[:_MOST_BUTTONS])
    return Reply(
        blocks=(Table(columns=columns, rows=rows), Line(text=hint)),
        buttons=buttons if ask.heard else (),
        data=[{"id": each.entry_id, "name": each.name} for each in left],
    )


_LONGEST_ID, _MOST_FOUND, _MOST_BUTTONS = 64, 50, 6
