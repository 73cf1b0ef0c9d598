"""The field mapping of a source: look at it, change a rule, add a field, and try it before anything changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from chalicelib.bot.command import Ask, command, of_source
from chalicelib.bot.commands.page import cut, more, page_buttons, titled
from chalicelib.bot.words import as_typed, joined, split
from chalicelib.core.diff import Action
from chalicelib.core.errors import NotFoundError
from chalicelib.core.mapping import ExtendedField, FieldMapping, Rule
from chalicelib.core.model import FieldType, Kind, Remark
from chalicelib.core.principal import Role
from chalicelib.core.reply import Block, Button, Json, Line, Pairs, Reply, Table, Tone
from chalicelib.core.source import Source
from chalicelib.core.task import RowStatus, SyncRecord
from chalicelib.notices.show import (
    FIELD_WORDS,
    SHOWN_ROWS,
    clean,
    field_word,
    instant,
    named,
    record_document,
    row_changes,
    row_name,
    told,
    word,
)
from chalicelib.sources.mapping import Proposal, Remapped
from chalicelib.sources.trial import Trial

KINDS: Final[Mapping[str, Kind]] = {
    "department": Kind.DEPARTMENT,
    "部门": Kind.DEPARTMENT,
    "employee": Kind.EMPLOYEE,
    "员工": Kind.EMPLOYEE,
}
TYPE_WORDS: Final[Mapping[FieldType, tuple[str, str]]] = {
    FieldType.TEXT: ("text", "文本"),
    FieldType.INTEGER: ("integer", "整数"),
    FieldType.BOOLEAN: ("boolean", "是否"),
    FieldType.DATE: ("date", "日期"),
    FieldType.EMAIL: ("email", "邮箱"),
    FieldType.MOBILE: ("mobile", "手机"),
    FieldType.URL: ("url", "链接"),
    FieldType.STATE: ("state", "状态"),
    FieldType.DEPARTMENT: ("department", "部门"),
    FieldType.DEPARTMENTS: ("departments", "部门（多个）"),
    FieldType.EMPLOYEE: ("employee", "员工"),
    FieldType.EMPLOYEES: ("employees", "员工（多个）"),
}
RESET: Final = frozenset({"reset", "恢复"})
SHOWN_IN_CHAT: Final = 5
_LONGEST_PAGE: Final = 6
_NONE: Final = "–"


@command(
    "mapping <source>",
    zh="字段映射 <source>",
    role=Role.VIEWER,
    help=("Show where each directory field takes its value from", "查看各通讯录字段的取值规则"),
    aliases=("mapping show", "field mapping", "映射", "查看映射"),
)
def mapping(ask: Ask, source: str) -> Reply:
    found = ask.rooms.catalog.source(source)
    vocabulary, default = ask.rooms.mappings.vocabulary(found), ask.rooms.mappings.default(found)
    blocks: list[Block] = []
    for kind in (Kind.EMPLOYEE, Kind.DEPARTMENT):
        blocks.append(_rules(ask, found, kind, default))
        reads = {name for rule in found.mapping.rules(kind) for name in rule.reads}
        unused = [name for name in vocabulary.fields(kind) if name not in reads]
        if unused and not ask.heard:
            text = ask.pick("Source fields that no rule uses: ", "规则未使用的来源字段：") + ", ".join(unused)
            blocks.append(Line(text=text))
    if vocabulary.custom and not ask.heard:
        hint = f"{vocabulary.custom}..."
        blocks.append(Line(text=ask.pick(f"The company's own fields: `{hint}`", f"企业自定义字段：`{hint}`")))
    if found.mapping.retired:
        names = ", ".join(found.mapping.retired)
        text = ask.pick(f"Removed fields, emptied by each full sync: {names}", f"已删除的字段，全量同步时清空：{names}")
        blocks.append(Line(text=text))
    example = f'mapping set title "{{job_title}}" {found.handle}'
    if not ask.heard:
        blocks.append(Line(text=ask.pick(f"To change one: `{example}`", f"修改：`{example}`")))
    return Reply(
        title=f"{found.handle} · {ask.pick('field mapping', '字段映射')}",
        blocks=tuple(blocks),
        buttons=_buttons(ask, found) if ask.heard else (),
        data=mapping_document(ask, found),
    )


def _rules(ask: Ask, source: Source, kind: Kind, default: FieldMapping) -> Table:
    mapping = source.mapping
    types = mapping.types(kind)
    order = [rule.field for rule in mapping.rules(kind)]
    rows: list[tuple[str, ...]] = []
    for name in (*order, *(name for name in types if name not in order)):
        rule = mapping.rule(kind, name)
        takes = clean(rule.text, _LONGEST_RULE) if rule else _NONE
        is_own = rule != default.rule(kind, name)
        label = _label(ask, mapping, kind, name)
        if ask.heard:
            if rule is not None:
                rows.append((f"{label} ({name})" if label != name else name, takes))
            continue
        own = ask.pick("set here", "已修改") if is_own else ""
        rows.append((_typed_name(kind, name), label, ask.pick(*TYPE_WORDS[types[name]]), takes, own))
    columns = (
        ask.pick("directory field", "通讯录字段"),
        ask.pick("label", "名称"),
        ask.pick("type", "类型"),
        ask.pick("takes", "取值"),
        "",
    )
    return Table(columns=("", "") if ask.heard else columns, rows=tuple(rows), caption=word(ask, f"{kind}s"))


_LONGEST_RULE: Final = 400


def _label(ask: Ask, mapping: FieldMapping, kind: Kind, name: str) -> str:
    extended = next((each for each in mapping.extended if each.name == name and kind is Kind.EMPLOYEE), None)
    return clean(extended.label) if extended else field_word(ask, name, kind)


def _typed_name(kind: Kind, name: str) -> str:
    return f"{kind}.{name}" if kind is Kind.DEPARTMENT else name


def mapping_document(ask: Ask, source: Source) -> dict[str, Json]:
    vocabulary, default = ask.rooms.mappings.vocabulary(source), ask.rooms.mappings.default(source)
    document: dict[str, Json] = {"source": source.handle}
    for kind in (Kind.DEPARTMENT, Kind.EMPLOYEE):
        document[f"{kind}s"] = [
            {
                "field": name,
                "type": type_,
                "takes": rule.text if (rule := source.mapping.rule(kind, name)) else None,
                "reads": list(rule.reads) if rule else [],
                "default": before.text if (before := default.rule(kind, name)) else None,
            }
            for name, type_ in source.mapping.types(kind).items()
        ]
    document["extended"] = [
        {"name": each.name, "type": each.type, "label": each.label} for each in source.mapping.extended
    ]
    document["retired"] = list(source.mapping.retired)
    document["source_fields"] = {
        "departments": list(vocabulary.departments),
        "employees": list(vocabulary.employees),
        "custom": vocabulary.custom or None,
    }
    return document


def _buttons(ask: Ask, source: Source) -> tuple[Button, ...]:
    attempt = Button(label=ask.pick("Try", "试算"), command=f"mapping try {source.handle}")
    preview = Button(label=ask.pick("Preview", "预览"), command=f"sync preview {source.handle}")
    return attempt, preview


def _found(ask: Ask, source: str, typed: str) -> tuple[Kind, str]:
    """Find the directory field that was typed; where there is no such source, the verb says so."""
    try:
        return at(ask.rooms.catalog.source(source).mapping, typed)
    except NotFoundError:
        return Kind.EMPLOYEE, typed


def at(mapping: FieldMapping, typed: str) -> tuple[Kind, str]:
    """Find a directory field by its name, its word in either language, or its label."""
    head, dot, rest = typed.partition(".")
    kind = KINDS.get(head.casefold()) if dot else None
    name = typed if kind is None else rest
    kind = kind or Kind.EMPLOYEE
    word_ = "name" if name == "姓名" else name.casefold()
    labels = {each.name: each.label.casefold() for each in mapping.extended} if kind is Kind.EMPLOYEE else {}
    types = mapping.types(kind)
    for field in types:
        if word_ == field:
            return kind, field
    for field in types:
        if word_ in (each.casefold() for each in FIELD_WORDS.get(field, ())) or word_ == labels.get(field):
            return kind, field
    return kind, name


# --- rules


@command(
    "mapping set <field> <expression...> <source>",
    zh="设置映射 <field> <expression...> <source>",
    role=Role.OWNER,
    help=(
        "Let a directory field take its value from an expression, such as `name | nickname` or lower(email)",
        "设置通讯录字段的取值，如 `name | nickname` 或 lower(email)",
    ),
    aliases=("map", "修改映射"),
    proof=of_source,
    noted=True,
)
def mapping_set(ask: Ask, field: str, expression: tuple[str, ...], source: str) -> Reply:
    kind, name = _found(ask, source, field)
    proposal = Proposal(kind=kind, field=name, text=as_typed(expression))
    return _remapped(ask, kind, name, ask.rooms.mappings.set(ask.who, source, proposal))


@command(
    "mapping reset <field> <source>",
    zh="恢复映射 <field> <source>",
    role=Role.OWNER,
    help=("Let a directory field take its value as the kind of source starts with", "将字段恢复为默认取值"),
    aliases=("map reset", "重置映射"),
    proof=of_source,
    noted=True,
)
def mapping_reset(ask: Ask, field: str, source: str) -> Reply:
    kind, name = _found(ask, source, field)
    remapped = ask.rooms.mappings.set(ask.who, source, Proposal(kind=kind, field=name))
    return _remapped(ask, kind, name, remapped)


def _remapped(ask: Ask, kind: Kind, name: str, remapped: Remapped) -> Reply:
    source, field = remapped.source, _typed_name(kind, name)
    before, after = (_takes(ask, each) for each in (remapped.before, remapped.after))
    if not remapped.changed:
        text = ask.pick(f"{source.handle}: {field} was so already.", f"{source.handle}：{field} 本已如此。")
        return _done(ask, source, [Line(text=text)], remapped)
    text = ask.pick(f"{source.handle}: {field} is set.", f"{source.handle}：{field} 已设置。")
    pairs = ((ask.pick("before", "原取值"), before), (ask.pick("now", "现取值"), after))
    return _done(ask, source, [Line(text=text, tone=Tone.GOOD), Pairs(pairs=pairs)], remapped)


def _takes(ask: Ask, rule: Rule | None) -> str:
    if rule is None:
        return ask.pick("no rule: stays as it is", "无规则，保持不变")
    return clean(rule.text, _LONGEST_RULE)


def _done(ask: Ask, source: Source, blocks: Sequence[Block], remapped: Remapped) -> Reply:
    """Say also when it takes effect, and what cannot be known before."""
    lines: list[Block] = [Line(text=told(ask, each), tone=Tone.WARN) for each in remapped.warnings]
    if remapped.changed:
        text = ask.pick(
            f"It takes effect at the next sync. `mapping try {source.handle}` shows what would change, without asking "
            f"the vendor; `sync preview {source.handle}` asks.",
            f"下次同步时生效。`试算映射 {source.handle}` 查看会变更什么（不调用厂商）；"
            f"`预览同步 {source.handle}` 重新读取后预览。",
        )
        lines.append(Line(text=text))
        if not source.user_info:
            text = ask.pick(
                "This source leaves people's values alone when it is synced by itself: only a sync that somebody asks "
                "for brings them.",
                "此来源自动同步时不更新人员信息，只有手动同步才会带来变更。",
            )
            lines.append(Line(text=text, tone=Tone.WARN))
    return Reply(
        blocks=(*blocks, *lines),
        buttons=_buttons(ask, source) if remapped.changed else (),
        data=mapping_document(ask, source) if ask.documents else None,
        tone=Tone.GOOD,
    )


# --- extended fields


@command(
    "field add <name> <source> --type <type> [--label <label>]",
    zh="新增字段 <name> <source> --type <type> [--label <label>]",
    role=Role.OWNER,
    help=("Add a field of employees beyond the built-in ones", "为员工新增扩展字段"),
    aliases=("add field", "添加字段"),
    proof=of_source,
    noted=True,
)
def field_add(ask: Ask, name: str, source: str, type: str, label: str | None) -> Reply:
    remapped = ask.rooms.mappings.add_field(ask.who, source, name, type=type, label=label)
    new = _extended(remapped.source, name)
    text = ask.pick(
        f"{source}: field {name} ({ask.pick(*TYPE_WORDS[new.type])}) is added.",
        f"{source}：已新增字段 {name}（{ask.pick(*TYPE_WORDS[new.type])}）。",
    )
    blocks: list[Block] = [Line(text=text, tone=Tone.GOOD)]
    if remapped.after is None:
        hint = f"mapping set {name} ... {source}"
        text = ask.pick(f"It takes nothing yet: `{hint}` says what.", f"尚无取值规则，请输入 `{hint}` 设置。")
        blocks.append(Line(text=text, tone=Tone.WARN))
        document = mapping_document(ask, remapped.source) if ask.documents else None
        return Reply(blocks=tuple(blocks), data=document, tone=Tone.GOOD)
    blocks.append(Pairs(pairs=((ask.pick("takes", "取值"), _takes(ask, remapped.after)),)))
    return _done(ask, remapped.source, blocks, remapped)


@command(
    "field edit <name> <source> [--type <type>] [--label <label>]",
    zh="修改字段 <name> <source> [--type <type>] [--label <label>]",
    role=Role.OWNER,
    help=("Give an extended field another label or type", "修改扩展字段的名称或类型"),
    aliases=("edit field", "编辑字段"),
    proof=of_source,
    noted=True,
)
def field_edit(ask: Ask, name: str, source: str, type: str | None, label: str | None) -> Reply:
    remapped = ask.rooms.mappings.edit_field(ask.who, source, name, type=type, label=label)
    new = _extended(remapped.source, name)
    if remapped.changed:
        text = ask.pick(
            f"{source}: {name} is “{clean(new.label)}” now, of the type {ask.pick(*TYPE_WORDS[new.type])}.",
            f"{source}：{name} 现为“{clean(new.label)}”，类型：{ask.pick(*TYPE_WORDS[new.type])}。",
        )
    else:
        text = ask.pick(f"{source}: {name} was so already.", f"{source}：{name} 本已如此。")
    return _done(ask, remapped.source, [Line(text=text, tone=Tone.GOOD)], remapped)


@command(
    "field remove <name> <source>",
    zh="删除字段 <name> <source>",
    role=Role.OWNER,
    help=(
        "Remove an extended field; a full sync then empties it, past the guard",
        "删除扩展字段，其内容在全量同步时清空（受保护上限约束）",
    ),
    aliases=("field delete", "remove field", "移除字段"),
    proof=of_source,
    noted=True,
)
def field_remove(ask: Ask, name: str, source: str) -> Reply:
    remapped = ask.rooms.mappings.remove_field(ask.who, source, name)
    text = ask.pick(
        f"{source}: field {name} and its rule are removed. What people have in it is emptied at the next full sync; "
        "where that touches many, it waits for approval like any plan. Whoever adds the field again before then keeps "
        "it.",
        f"{source}：字段 {name} 及其规则已删除。人员在该字段的内容将在下次全量同步时清空，影响人数较多时须审批。"
        "在此之前重新新增同名字段可保留。",
    )
    return _done(ask, remapped.source, [Line(text=text, tone=Tone.GOOD)], remapped)


def _extended(source: Source, name: str) -> ExtendedField:
    return next(each for each in source.mapping.extended if each.name == name)


# --- a trial


@command(
    "mapping try [change...] <source> [--page <page>]",
    zh="试算映射 [change...] <source> [--page <page>]",
    role=Role.OPERATOR,
    help=(
        "Show what the mapping, or an unsaved change of it, would change; asks no vendor",
        "试算映射或未保存的修改会变更什么，不调用厂商",
    ),
    aliases=("map try", "试映射"),
    noted=True,
    personal=True,
    pages=True,
)
def mapping_try(ask: Ask, change: tuple[str, ...], source: str, page: str | None) -> Reply:
    ask = ask.listing()
    if len(change) == 1:  # all of it in one pair of quotes, as for a shell
        change = split(change[0])
    size = SHOWN_IN_CHAT if ask.heard else SHOWN_ROWS
    # A page that is none is refused when the verb has noted that it was asked for.
    number = int(page) if page and page.isascii() and page.isdecimal() and len(page) < _LONGEST_PAGE else 1
    most = None if ask.documents else number * size + 1
    tried = ask.rooms.mappings.attempt(ask.who, source, _proposal(ask, change, source), most=most)
    again = joined(["mapping", "try", *change, source])
    shown = cut(ask, tried.rows, page if tried.rows else None, size)
    blocks: list[Block] = []
    if shown.number == 1:
        blocks += _summary(ask, tried)
    if shown.rows:
        names = named(ask, shown.rows)
        blocks.append(
            Table(
                columns=("",) * 3
                if ask.heard
                else (ask.pick("name", "名称"), ask.pick("change", "变更"), ask.pick("what", "结果")),
                rows=tuple(_row(ask, row, names) for row in shown.rows),
                caption=ask.pick("One by one", "逐项"),
            )
        )
    if follows := more(ask, shown, again):
        blocks.append(Line(text=follows))
    return Reply(
        title=titled(ask, ask.pick(f"Trial of {source}'s mapping", f"{source} 映射试算"), shown),
        blocks=tuple(blocks),
        buttons=(*page_buttons(ask, shown, again), *_after_trial(ask, change, source)) if ask.heard else (),
        data=_trial_document(ask, tried) if ask.documents else None,
    )


def _proposal(ask: Ask, change: tuple[str, ...], source: str) -> Proposal | None:
    """Read the unsaved change as `mapping set` or `mapping reset` would."""
    if not change:
        return None
    if change[0].casefold() in RESET and len(change) == 2:
        kind, name = _found(ask, source, change[1])
        return Proposal(kind=kind, field=name)
    kind, name = _found(ask, source, change[0])
    return Proposal(kind=kind, field=name, text=as_typed(change[1:]))


def _after_trial(ask: Ask, change: tuple[str, ...], source: str) -> tuple[Button, ...]:
    preview = Button(label=ask.pick("Preview", "预览"), command=f"sync preview {source}")
    if not change:
        return (preview,)
    is_reset = change[0].casefold() in RESET and len(change) == 2
    words = ["mapping", "reset", change[1]] if is_reset else ["mapping", "set", *change]
    return (Button(label=ask.pick("Save it", "保存"), command=joined([*words, source])),)


def _summary(ask: Ask, tried: Trial) -> list[Block]:
    zone, snapshot = tried.source.schedule.zone, tried.snapshot
    read = instant(snapshot.read_at, zone)
    blocks: list[Block] = [
        Line(
            text=ask.pick(
                f"Tried on what task {snapshot.task} read at {read}. Nothing is changed, no vendor was asked.",
                f"基于任务 {snapshot.task} 于 {read} 的读取结果试算，未作任何变更，也未调用厂商。",
            )
        )
    ]
    if not tried.total:
        text = ask.pick("Nobody would change.", "没有人员或部门会变更。")
        blocks.append(Line(text=text, tone=Tone.GOOD))
    actions = [action for action in Action if any(tried.counts[kind].get(action) for kind in Kind)]
    if actions:
        rows = tuple(
            (word(ask, f"{kind}s"), *(str(tried.counts[kind].get(action, 0) or "·") for action in actions))
            for kind in Kind
        )
        blocks.append(Table(columns=("", *(word(ask, action) for action in actions)), rows=rows))
    if tried.fields:
        columns = (ask.pick("field", "字段"), ask.pick("changes", "变更数"), ask.pick("of them emptied", "其中清空"))
        lines = tuple(
            (_field(ask, kind, name), str(each.changed), str(each.emptied or "·"))
            for (kind, name), each in sorted(tried.fields.items(), key=lambda item: -item[1].changed)
        )
        blocks.append(Table(columns=columns, rows=lines, caption=ask.pick("By field", "按字段")))
    blocks += [Line(text=text, tone=Tone.WARN) for text in _remarks(ask, tried)]
    return blocks


def _remarks(ask: Ask, tried: Trial) -> list[str]:
    texts = []
    for name, count in sorted(tried.refused.items()):
        text = ask.pick(
            f"{count} could not be taken over and would stay as they are, because of: {name}",
            f"{count} 条无法写入而保持不变，原因字段：{name}",
        )
        texts.append(text)
    if tried.held:
        text = ask.pick(
            f"{tried.held} of these would wait for approval: the guard holds what touches many.",
            f"其中 {tried.held} 条影响范围较大，须审批。",
        )
        texts.append(text)
    if tried.conflicts:
        text = ask.pick(
            f"{tried.conflicts} match more than one, or one that others match too: a person must say who is who.",
            f"{tried.conflicts} 条匹配不唯一，须由管理员指定对应关系。",
        )
        texts.append(text)
    if tried.newer:
        text = ask.pick(
            f"{tried.newer} changed since then and are left out.", f"{tried.newer} 条此后已有变更，未纳入试算。"
        )
        texts.append(text)
    if tried.unshown:
        remark = Remark(code="source field is shown by nobody", facts={"fields": ", ".join(tried.unshown)[:200]})
        texts.append(told(ask, remark))
    return texts


def _field(ask: Ask, kind: Kind, name: str) -> str:
    label = field_word(ask, name, kind)
    return f"{word(ask, kind)} · {label}" if kind is Kind.DEPARTMENT else label


def _row(ask: Ask, row: SyncRecord, names: Mapping[str, str]) -> tuple[str, ...]:
    if row.status in (RowStatus.REJECTED, RowStatus.CONFLICT):
        return row_name(ask, row) or row.key.external_id, told(ask, row.reason), word(ask, row.status)
    status = word(ask, RowStatus.HELD) if row.status is RowStatus.HELD else word(ask, row.action)
    return row_name(ask, row), row_changes(ask, row, names), status


def _trial_document(ask: Ask, tried: Trial) -> dict[str, Json]:
    return {
        "source": tried.source.handle,
        "snapshot": {"task": tried.snapshot.task, "read_at": tried.snapshot.read_at.isoformat()},
        "counts": {
            f"{kind}s": {
                **{action: tried.counts[kind].get(action, 0) for action in Action},
                "unchanged": tried.unchanged.get(kind, 0),
            }
            for kind in (Kind.DEPARTMENT, Kind.EMPLOYEE)
        },
        "fields": {
            _typed_name(kind, name): {"changed": each.changed, "emptied": each.emptied}
            for (kind, name), each in tried.fields.items()
        },
        "refused": dict(tried.refused),
        "held": tried.held,
        "conflicts": tried.conflicts,
        "newer": tried.newer,
        "unshown": list(tried.unshown),
        "records": [record_document(ask, row) for row in tried.rows],
    }
