"""Put tasks, plan rows and entries into words and tables, and into the JSON documents of `--json`.

What people are called and what sources say about them comes from outside: it is shown cleaned and cut short here, and
made harmless for its own markup by whoever renders it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final, Protocol, Self
from zoneinfo import ZoneInfo

from chalicelib.core.catalogue import Lang, say
from chalicelib.core.diff import Action, changed
from chalicelib.core.errors import Fact, NotFoundError
from chalicelib.core.model import FIELDS, Entry, FieldType, Kind, Remark, State, Value, Values
from chalicelib.core.ports import Directory
from chalicelib.core.reply import Block, Json, Line, Pairs, Table, Tone
from chalicelib.core.source import Source, which
from chalicelib.core.task import Evidence, Purpose, RowStatus, SyncRecord, SyncTask, Tally, TaskStatus, Trigger


class Sources(Protocol):
    """The part of the catalog that words need."""

    def sources(self) -> Sequence[Source]: ...

    def source(self, handle_or_uid: str) -> Source: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The sources as they were a moment ago: whoever lists a hundred things reads them once."""

    known: Sequence[Source]

    def sources(self) -> Sequence[Source]:
        return self.known

    def source(self, handle_or_uid: str) -> Source:
        return which(self.known, handle_or_uid)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """For whom something is put into words. `private`: nobody else reads along, so personal data may be shown."""

    lang: Lang
    catalog: Sources
    directory: Directory
    private: bool = True

    @property
    def zh(self) -> bool:
        return self.lang is Lang.ZH

    def pick(self, english: str, chinese: str) -> str:
        return chinese if self.zh else english

    def listing(self) -> Self:
        """Look the sources up now, and not again for each line of a list."""
        return replace(self, catalog=Known(known=self.catalog.sources()))


WORDS: Mapping[str, tuple[str, str]] = {
    TaskStatus.QUEUED: ("queued", "排队中"),
    TaskStatus.RUNNING: ("running", "进行中"),
    TaskStatus.DONE: ("done", "完成"),
    TaskStatus.HELD: ("held", "待审批"),
    TaskStatus.PREVIEWED: ("preview", "预览"),
    TaskStatus.FAILED: ("failed", "失败"),
    TaskStatus.CANCELLED: ("cancelled", "已取消"),
    Trigger.MANUAL: ("manual", "手动"),
    Trigger.SCHEDULE: ("schedule", "定时"),
    Trigger.EVENT: ("event", "事件"),
    Trigger.APPROVAL: ("approval", "审批"),
    Trigger.DELETION: ("deletion", "删除来源"),
    Action.CREATE: ("create", "新建"),
    Action.ADOPT: ("adopt", "认领"),
    Action.UPDATE: ("update", "更新"),
    Action.DEACTIVATE: ("deactivate", "停用"),
    Action.REACTIVATE: ("reactivate", "恢复"),
    Tally.CREATED: ("created", "新建"),
    Tally.ADOPTED: ("adopted", "认领"),
    Tally.UPDATED: ("updated", "更新"),
    Tally.DEACTIVATED: ("deactivated", "停用"),
    Tally.REACTIVATED: ("reactivated", "恢复"),
    Tally.UNCHANGED: ("unchanged", "未变"),
    Tally.REJECTED: ("rejected", "拒绝"),
    Tally.CONFLICT: ("conflict", "冲突"),
    Tally.SUPERSEDED: ("superseded", "作废"),
    RowStatus.PLANNED: ("planned", "计划"),
    RowStatus.APPLIED: ("applied", "已执行"),
    RowStatus.CONTRADICTED: ("contradicted", "与来源不符"),
    State.ACTIVE: ("active", "在职"),
    State.INVITED: ("invited", "已邀请"),
    State.SUSPENDED: ("suspended", "已暂停"),
    State.LEFT: ("left", "已离开"),
    "departments": ("departments", "部门"),
    "employees": ("employees", "员工"),
    Kind.DEPARTMENT: ("department", "部门"),
    Kind.EMPLOYEE: ("employee", "员工"),
}
# What fields are called where people read; a field that is not here goes by its own name.
FIELD_WORDS: Mapping[str, tuple[str, str]] = {
    "name": ("name", "名称"),
    "en_name": ("English name", "英文名"),
    "email": ("email", "邮箱"),
    "mobile": ("mobile", "手机"),
    "employee_no": ("employee number", "工号"),
    "title": ("title", "职务"),
    "departments": ("departments", "部门"),
    "manager": ("manager", "上级"),
    "state": ("state", "状态"),
    "parent": ("parent", "上级部门"),
    "leaders": ("leaders", "负责人"),
    "order": ("order", "排序"),
}
TONES = {
    TaskStatus.DONE: Tone.GOOD,
    TaskStatus.HELD: Tone.WARN,
    TaskStatus.PREVIEWED: Tone.WARN,
    TaskStatus.FAILED: Tone.BAD,
    TaskStatus.CANCELLED: Tone.WARN,
}
SHOWN_ROWS = 100


def word(view: View, what: str) -> str:
    english, chinese = WORDS[what]
    return view.pick(english, chinese)


def field_word(view: View, field: str, kind: Kind = Kind.EMPLOYEE) -> str:
    """Name a field."""
    if field == "name" and kind is Kind.EMPLOYEE:
        return view.pick("name", "姓名")
    return view.pick(*FIELD_WORDS[field]) if field in FIELD_WORDS else clean(field)


def told(view: View, remark: Remark | None, zone: str = "UTC") -> str:
    return say(remark.code, view.lang, local(remark.facts, zone)) if remark else ""


def local(facts: Mapping[str, Fact], zone: str) -> Mapping[str, Fact]:
    """Tell the instant that a message is about (its fact `at`) as the clocks of a zone show it."""
    at = facts.get("at")
    try:
        moment = datetime.fromisoformat(str(at)) if at else None
    except ValueError:
        return facts
    return {**facts, "at": instant(moment, zone)} if moment and moment.tzinfo else facts


def instant(moment: datetime | None, zone: str = "UTC") -> str:
    """Name an instant as the clocks of a zone show it; the zone is said."""
    if moment is None:
        return ""
    if zone == "UTC":
        return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S} {zone}"


def brief(moment: datetime, zone: str) -> str:
    """Name an instant as shortly as a phone wants it; the zone must be said elsewhere."""
    return f"{moment.astimezone(ZoneInfo(zone)):%m-%d %H:%M}"


def zone_of(view: View, uid: str | None) -> str:
    """Name the zone in which the times of a source are told."""
    try:
        return view.catalog.source(uid).schedule.zone if uid else "UTC"
    except NotFoundError:
        return "UTC"


# --- tasks


def task_document(view: View, task: SyncTask) -> dict[str, Json]:
    return {
        "task": task.task_id,
        "source": handle(view, task.source),
        "trigger": task.trigger,
        "status": task.status,
        "started_at": task.started_at.isoformat() if task.started_at else None,
        "finished_at": task.finished_at.isoformat() if task.finished_at else None,
        "reason": told(view, task.reason) or None,
        "remarks": [told(view, remark) for remark in task.remarks],
        "counts": {
            f"{kind}s": {tally: task.counts[kind][tally] for tally in Tally}
            for kind in (Kind.DEPARTMENT, Kind.EMPLOYEE)
        },
        "calls": dict(sorted(task.calls.items())),
        "entry_writes": task.entry_writes,
        "deliveries": list(task.deliveries),
    }


def task_blocks(view: View, task: SyncTask) -> tuple[Block, ...]:
    """Say how a task ended: a status word, why, what changed, what it cost."""
    name = handle(view, task.source)
    head = f"{name} · {view.pick('task', '任务')} {task.task_id} · {word(view, task.status)}"
    zone = zone_of(view, task.source)
    blocks: list[Block] = [Line(text=head, tone=TONES.get(task.status, Tone.PLAIN))]
    if task.reason:
        blocks.append(Line(text=told(view, task.reason, zone), tone=TONES.get(task.status, Tone.PLAIN)))
    blocks += [Line(text=told(view, remark, zone), tone=Tone.WARN) for remark in task.remarks]
    if not task.status.is_over:
        return tuple(blocks)
    shown = [tally for tally in Tally if any(task.counts[kind][tally] for kind in Kind)]
    if shown:
        blocks.append(
            Table(
                columns=("", *(word(view, tally) for tally in shown)),
                rows=tuple(
                    (word(view, f"{kind}s"), *(str(task.counts[kind][tally] or "·") for tally in shown))
                    for kind in Kind
                ),
            )
        )
    blocks.append(Line(text=_cost(view, task)))
    return tuple(blocks)


def _cost(view: View, task: SyncTask) -> str:
    calls = sum(task.calls.values())
    took = (task.finished_at - task.started_at).total_seconds() if task.finished_at and task.started_at else 0.0
    preview = task.purpose is Purpose.PREVIEW
    writes = (
        view.pick("nothing written", "未写入") if preview else f"{task.entry_writes} {view.pick('written', '条写入')}"
    )
    return view.pick(
        f"{calls} vendor calls, {writes}, {took:.1f} s", f"调用厂商 {calls} 次，{writes}，用时 {took:.1f} 秒"
    )


# --- plan rows


def record_document(view: View, row: SyncRecord) -> dict[str, Json]:
    return {
        "key": row.key.external_id,
        "kind": row.key.kind,
        "entry": row.entry_id,
        "action": row.action,
        "status": row.status,
        "reason": told(view, row.reason) or None,
        "evidence": row.evidence,
        "source": plain(row.source),
        "before": plain(row.before),
        "after": plain(row.after),
        "observed_at": row.observed_at.isoformat(),
    }


def record_table(view: View, rows: Sequence[SyncRecord]) -> Table:
    """List rows: what happens to whom, and which fields change from what to what."""
    names = named(view, rows)
    return Table(
        columns=(
            view.pick("entry", "条目"),
            view.pick("what", "操作"),
            view.pick("name", "名称"),
            view.pick("change", "变更"),
            view.pick("status", "状态"),
        ),
        rows=tuple(
            (
                row.entry_id,
                f"{word(view, row.action)} {word(view, row.key.kind)}",
                row_name(view, row),
                row_changes(view, row, names),
                word(view, row.status),
            )
            for row in rows
        ),
    )


def compared(view: View, row: SyncRecord, *, small: bool = False) -> tuple[Block, ...]:
    """Show the directory's fields, before and after, beside the source's fields that they are taken from.

    `small`, for a phone: fewer columns, and nothing of fields that are empty before and after.
    """
    head = (word(view, row.action), word(view, row.key.kind), row_name(view, row), row.entry_id, word(view, row.status))
    blocks: list[Block] = [Line(text=" · ".join(head))]
    if row.evidence is Evidence.OUTSIDE:
        text = "found at the vendor, but not in the chosen departments"
        blocks.append(Line(text=view.pick(text, "厂商侧仍存在，但不在已选部门内"), tone=Tone.WARN))
    if row.reason:
        blocks.append(Line(text=told(view, row.reason), tone=Tone.WARN))
    if row.evidence is Evidence.DELETED:
        text = view.pick("left because their source was deleted", "因来源被删除而离开")
        blocks.append(Line(text=text, tone=Tone.WARN))
    kept = next((each for each in view.catalog.sources() if each.uid == row.key.source), None)
    rules = kept.mapping.rules(row.key.kind) if kept else ()
    taken = {rule.field: rule.reads for rule in rules}
    fields = [name for name in {**taken, **row.before, **row.after} if name in row.before or name in row.after]
    different = set(changed(row.before, row.after))
    names = named(view, [row])
    columns: tuple[str, ...] = (
        "",
        view.pick("directory field", "通讯录字段"),
        view.pick("before", "变更前"),
        view.pick("after", "变更后"),
        view.pick("what the source said", "来源数据"),
    )
    lines: tuple[tuple[str, ...], ...] = tuple(
        (
            "▸" if field in different else "",
            field,
            said(view, row.key.kind, field, row.before.get(field), names),
            said(view, row.key.kind, field, row.after.get(field), names),
            "\n".join(
                f"{each}: {said(view, row.key.kind, field, row.source[each])}"
                for each in taken.get(field, ())
                if each in row.source
            ),
        )
        for field in fields
    )
    if small:
        full = [line for line in lines if any(line[2:])]
        lines = tuple(
            (f"{mark} {field_word(view, field, row.key.kind)}".strip(), _turns(was, will), said_)
            for mark, field, was, will, said_ in full
        )
        columns = (columns[1], f"{columns[2]} → {columns[3]}", columns[4])
    blocks.append(Table(columns=columns, rows=lines))
    used = {field for fields in taken.values() for field in fields}
    rest = tuple(
        (clean(name), said(view, row.key.kind, name, value))
        for name, value in sorted(row.source.items())
        if name not in used
    )
    if rest:
        blocks.append(Pairs(caption=view.pick("further source fields", "其他来源字段"), pairs=rest))
    return tuple(blocks)


def named(view: View, rows: Sequence[SyncRecord]) -> Mapping[str, str]:
    """Name the entries that these rows refer to: departments, parents, managers, leaders."""
    return _named(view, [(row.key.kind, values) for row in rows for values in (row.before, row.after)])


def named_values(view: View, entries: Sequence[Entry]) -> Mapping[str, str]:
    """Name the entries that these entries refer to."""
    return _named(view, [(entry.kind, entry.values) for entry in entries])


def _named(view: View, every: Sequence[tuple[Kind, Values]]) -> Mapping[str, str]:
    wanted: set[str] = set()
    for kind, values in every:
        for field, type_ in FIELDS[kind].items():
            if type_.refers_to:
                value = values.get(field)
                wanted |= set(value) if isinstance(value, tuple) else {str(value)} if value else set()
    entries = view.directory.entries(sorted(wanted))
    return {entry_id: clean(entry.name) for entry_id, entry in entries.items() if entry.name}


def _turns(was: str, will: str) -> str:
    return will if was == will else f"{was or '–'} → {will or '–'}"


def row_name(view: View, row: SyncRecord) -> str:
    return said(view, row.key.kind, "name", row.name)


def row_changes(view: View, row: SyncRecord, names: Mapping[str, str] | None = None) -> str:
    """Say which fields change from what to what, one a line."""
    if row.action is Action.CREATE:
        return ""
    names = named(view, [row]) if names is None else names
    parts = [view.pick("out of scope", "不在同步范围内")] if row.evidence is Evidence.OUTSIDE else []
    for field in changed(row.before, row.after):
        was, will = (said(view, row.key.kind, field, each.get(field), names) for each in (row.before, row.after))
        parts.append(f"{field_word(view, field, row.key.kind)}: {_short(was)} → {_short(will)}")
    return "\n".join(parts)


def _short(text: str) -> str:
    return "–" if not text else text if len(text) <= 32 else text[:31] + "…"


def cell(value: Value, names: Mapping[str, str] = MappingProxyType({})) -> str:
    """Put a value into words; an entry id that `names` knows is said by its name."""
    match value:
        case None:
            return ""
        case bool():
            return "✓" if value else "✗"
        case tuple():
            return clean(", ".join(names.get(each, each) for each in value), LONGEST_CELL)
        case str():
            return clean(names.get(value, value), LONGEST_CELL)
        case _:
            return str(value)


def said(view: View, kind: Kind, field: str, value: Value, names: Mapping[str, str] = MappingProxyType({})) -> str:
    """Put a field's value into words; where others read along, mobiles and e-mail addresses are masked."""
    text = cell(value, names)
    if field == "state" and text in WORDS:
        return word(view, text)
    if view.private or not text:
        return text
    match FIELDS[kind].get(field):
        case FieldType.MOBILE:
            return masked_mobile(text)
        case FieldType.EMAIL:
            return masked_email(text)
        case FieldType.TEXT if field == "employee_no":
            return text
        case FieldType.TEXT | None:  # a field of the source, or an extended one, may hold either
            is_number = isinstance(value, int) and not isinstance(value, bool)
            text = _MAIL.sub(lambda found: masked_email(found[0]), text)
            return text if is_number and not _TELLS.search(field) else _MOBILE.sub(lambda f: masked_mobile(f[0]), text)
        case _:
            return text


def masked_mobile(text: str) -> str:
    """Keep of a number what its owner knows it by: `139****1234`."""
    digits = re.sub(r"\D", "", text)[-11:]
    if len(digits) < 7:
        return "****"
    return f"{digits[:3]}****{digits[-4:]}" if len(digits) >= 10 else f"{digits[:1]}****{digits[-2:]}"


def masked_email(text: str) -> str:
    name, _, domain = text.rpartition("@")
    return f"{name[:1]}***@{domain}" if name and domain else "***"


# Longer ones are the vendor's mistake or somebody's joke; `--json` has them whole.
LONGEST_TEXT: Final = 120
LONGEST_CELL: Final = 500
_MAIL: Final = re.compile(r"[^\s@<>()\[\],;:\"'，；：]+@[^\s@<>()\[\],;:\"'，；：]+")
# Beside a Chinese character a number is one; within an id of letters it is not.
_MOBILE: Final = re.compile(r"(?<![A-Za-z0-9_])\+?\(?\d(?:[ ().\u00a0-]{0,2}\d){6,17}(?![A-Za-z0-9_])")
_TELLS: Final = re.compile(r"mobile|phone|tel", re.IGNORECASE)
_JOINERS: Final = "\u200c\u200d"


def clean(text: str, longest: int = LONGEST_TEXT) -> str:
    """Take out of a text from outside what drives a screen or turns its direction, and cut it short."""
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    if text.isprintable():
        return text
    return "".join(_harmless(each) for each in text)


def _harmless(letter: str) -> str:
    if letter.isprintable() or letter in _JOINERS:
        return letter
    return " " if letter.isspace() or unicodedata.category(letter) == "Zs" else ""


def plain(values: Values) -> dict[str, Json]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


# --- entries


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The departments of the directory, for saying where somebody is."""

    departments: Mapping[str, Entry]

    def path(self, entry_id: str) -> str:
        """Name a department from the top, as `Company / Part / Team`; "?" stands for one that is not known."""
        return clean(" / ".join(reversed([*self._upwards(entry_id)])), LONGEST_CELL)

    def _upwards(self, entry_id: str) -> Iterator[str]:
        seen: set[str] = set()
        at: Value = entry_id
        while isinstance(at, str) and at and at not in seen:
            seen.add(at)
            entry = self.departments.get(at)
            yield entry.name if entry else "?"
            at = entry.values.get("parent") if entry else None


def tree(view: View) -> Tree:
    return Tree(departments={entry.entry_id: entry for entry in view.directory.listing(Kind.DEPARTMENT)})


def employee_document(view: View, entry: Entry, where: Tree, managers: Mapping[str, Entry]) -> dict[str, Json]:
    values = entry.values
    departments = values.get("departments") or ()
    manager = values.get("manager")
    known = managers.get(str(manager)) if manager else None
    return {
        "id": entry.entry_id,
        "key": entry.key.external_id,
        "source": handle(view, entry.key.source),
        **{name: plain(values).get(name) for name in ("name", "en_name", "email", "mobile", "employee_no", "title")},
        "departments": [
            {"id": each, "path": where.path(each)} for each in (departments if isinstance(departments, tuple) else ())
        ],
        "manager": {"id": str(manager), "name": known.name if known else None} if manager else None,
        "state": entry.state,
        "extended": plain(entry.extended()),
        "revision": entry.revision,
        "observed_at": entry.observed_at.isoformat(),
    }


def department_document(view: View, entry: Entry, where: Tree) -> dict[str, Json]:
    values = plain(entry.values)
    return {
        "id": entry.entry_id,
        "key": entry.key.external_id,
        "source": handle(view, entry.key.source),
        "path": where.path(entry.entry_id),
        **{name: values.get(name) for name in ("name", "en_name", "parent", "leaders", "order")},
        "state": entry.state,
        "revision": entry.revision,
        "observed_at": entry.observed_at.isoformat(),
    }


def handle(view: View, uid: str) -> str:
    """Name a source by its handle; a deleted one by its uid."""
    return next((source.handle for source in view.catalog.sources() if source.uid == uid), uid)
