"""Sync now, preview, approve, reject."""

from __future__ import annotations

from chalicelib.bot.command import Ask, command
from chalicelib.core.catalogue import say
from chalicelib.core.principal import Role
from chalicelib.core.reply import Line, Reply, Tone
from chalicelib.core.task import SyncTask
from chalicelib.notices.show import task_blocks, task_document
from chalicelib.sync.request import Asked


@command(
    "sync now <source> [--wait]",
    zh="立即同步 <source> [--wait]",
    role=Role.OPERATOR,
    help=("Run the full sync of a source now", "立即全量同步一个来源"),
)
def sync_now(ask: Ask, source: str, wait: bool) -> Reply:
    return _asked(ask, ask.rooms.requests.sync_now(ask.who, source), source)


@command(
    "sync preview <source>",
    zh="预览同步 <source>",
    role=Role.OPERATOR,
    help=("Show what a full sync would change, and change nothing", "预览全量同步会作的变更，不执行"),
    waits=True,
)
def sync_preview(ask: Ask, source: str) -> Reply:
    return _asked(ask, ask.rooms.requests.preview(ask.who, source), source)


@command(
    "sync approve <task> [entry...]",
    zh="批准 <task> [entry...]",
    role=Role.OPERATOR,
    help=("Apply what waits in a task, all or some of it", "批准任务中待审批的变更（全部或部分）"),
    waits=True,
)
def sync_approve(ask: Ask, task: str, entry: tuple[str, ...]) -> Reply:
    asked = ask.rooms.requests.approve(ask.who, task, entry)
    return _asked(ask, asked, ask.rooms.catalog.source(asked.task.source).handle)


@command(
    "sync reject <task> [entry...]",
    zh="拒绝 <task> [entry...]",
    role=Role.OPERATOR,
    help=("Refuse what waits in a task, all or some of it", "拒绝任务中待审批的变更（全部或部分）"),
)
def sync_reject(ask: Ask, task: str, entry: tuple[str, ...]) -> Reply:
    ended = ask.rooms.requests.reject(ask.who, task, entry)
    text = ask.pick(f"Refused. Task {task} is {ended.status}.", f"已拒绝。任务 {task} 状态：{ended.status}。")
    return Reply(blocks=(Line(text=text), *task_blocks(ask, ended)), data=task_document(ask, ended))


def finished(ask: Ask, task: SyncTask) -> Reply:
    """Say how a task that was waited for ended."""
    return Reply(blocks=task_blocks(ask, task), data=task_document(ask, task), task=task.task_id)


def _asked(ask: Ask, asked: Asked, handle: str) -> Reply:
    task = asked.task
    if asked.new:
        text = ask.pick(f"{handle}: queued as task {task.task_id}.", f"{handle}：已排队，任务 {task.task_id}。")
        return Reply(blocks=(Line(text=text),), data=task_document(ask, task), task=task.task_id)
    text = say("already running", ask.lang, {"task": task.task_id, "handle": handle})
    return Reply(blocks=(Line(text=text, tone=Tone.WARN),), data=task_document(ask, task), task=task.task_id)
