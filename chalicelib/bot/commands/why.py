"""Why somebody's values are what they are: which task made each, because of what, and when."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.bot.command import Ask, command
from chalicelib.bot.commands.people import one_of
from chalicelib.core.errors import NotFoundError
from chalicelib.core.model import FIELDS, Entry, Kind
from chalicelib.core.principal import Role
from chalicelib.core.reply import Button, Json, Line, Pairs, Reply, Table
from chalicelib.core.task import SyncTask, Trigger
from chalicelib.notices.show import clean, field_word, handle, instant, named_values, said, word, zone_of


@command(
    "why <person...>",
    zh="为什么 <person...>",
    role=Role.VIEWER,
    help=("Tell which task made each of a person's values what it is", "查看一个人的各项信息由哪个任务写入"),
    aliases=("because", "来历", "为啥"),
    personal=True,
)
def why(ask: Ask, person: tuple[str, ...]) -> Reply:
    found = one_of(ask, " ".join(person), "why")
    if isinstance(found, Reply):
        return found
    tasks = _tasks(ask, found)
    names, named_ = named_values(ask, [found]), said(ask, Kind.EMPLOYEE, "name", found.name)
    rows = []
    for field, value in found.values.items():
        if value in (None, ()) and field not in found.origins:
            continue
        task = tasks.get(found.origins.get(field, ""))
        shown = said(ask, Kind.EMPLOYEE, field, value, names) or "–"
        rows.append((field_word(ask, field), shown, _because(ask, task) if task else _unknown(ask, found, field)))
    columns = (ask.pick("field", "字段"), ask.pick("value", "当前值"), ask.pick("because of", "由来"))
    latest = max(tasks.values(), key=lambda task: int(task.task_id), default=None)
    look = f"record {latest.task_id} --entry {found.entry_id}" if latest else ""
    return Reply(
        title=named_,
        blocks=(
            *(
                _by_origin(rows)
                if ask.heard
                else (Table(columns=columns, rows=tuple(rows), caption=f"{named_} · {found.entry_id}"),)
            ),
            *(
                (Line(text=ask.pick(f"The last change in full: `{look}`", f"最近一次变更：`{look}`")),)
                if look and not ask.heard
                else ()
            ),
        ),
        buttons=(Button(label=ask.pick("Last change", "最近变更"), command=look),) if look and ask.heard else (),
        data=_document(ask, found, tasks) if ask.documents else None,
    )


def _by_origin(rows: Sequence[tuple[str, str, str]]) -> tuple[Pairs, ...]:
    """Gather the values that came of the same task: a phone has no room to say it of each."""
    gathered: dict[str, list[tuple[str, str]]] = {}
    for field, value, because in rows:
        gathered.setdefault(because, []).append((field, value))
    return tuple(Pairs(caption=because, pairs=tuple(pairs)) for because, pairs in gathered.items())


def _tasks(ask: Ask, entry: Entry) -> dict[str, SyncTask]:
    tasks: dict[str, SyncTask] = {}
    for each in sorted(set(entry.origins.values())):
        try:
            tasks[each] = ask.rooms.tasks.get(each)
        except NotFoundError:  # it lived 90 days
            continue
    return tasks


def _because(ask: Ask, task: SyncTask) -> str:
    at = instant(task.finished_at or task.started_at or task.asked_at, zone_of(ask, task.source))
    text = f"{ask.pick('task', '任务')} {task.task_id} · {word(ask, task.trigger)} · {at}"
    if task.trigger in (Trigger.MANUAL, Trigger.APPROVAL, Trigger.DELETION):
        text += f" · {clean(task.asked_by.partition(':')[2] or task.asked_by)}"
    return text


def _unknown(ask: Ask, entry: Entry, field: str) -> str:
    task = entry.origins.get(field)
    if task:
        return ask.pick(f"task {task}, too long ago to be kept", f"任务 {task}，记录已过期")
    return ask.pick("from before origins were kept", "早于来历记录")


def _document(ask: Ask, entry: Entry, tasks: dict[str, SyncTask]) -> dict[str, Json]:
    origins: dict[str, Json] = {}
    for field in (*FIELDS[Kind.EMPLOYEE], *entry.extended()):
        if field not in entry.values:
            continue
        number = entry.origins.get(field)
        task = tasks.get(number or "")
        origins[field] = {
            "task": number,
            "trigger": task.trigger if task else None,
            "by": task.asked_by if task else None,
            "at": (task.finished_at or task.asked_at).isoformat() if task else None,
            "deliveries": list(task.deliveries) if task else [],
        }
    return {"id": entry.entry_id, "source": handle(ask, entry.key.source), "origins": origins}
