"""Who may command from the chats."""

from __future__ import annotations

from chalicelib.bot.command import Ask, Effect, command, of_source
from chalicelib.core.catalogue import Lang
from chalicelib.core.errors import MalformedError
from chalicelib.core.principal import Admin, Role
from chalicelib.core.reply import Json, Line, Reply, Table, Tone
from chalicelib.notices.show import clean, handle, instant, zone_of

ROLES = {
    "viewer": Role.VIEWER,
    "operator": Role.OPERATOR,
    "owner": Role.OWNER,
    "查看者": Role.VIEWER,
    "操作员": Role.OPERATOR,
    "所有者": Role.OWNER,
}


@command(
    "admins [source]",
    zh="管理员 [source]",
    role=Role.OWNER,
    help=("List who may command from the chats", "列出可以在聊天中使用的人员"),
    aliases=("admin list", "who may", "管理员列表"),
    noted=True,
    personal=True,
)
def admins(ask: Ask, source: str | None) -> Reply:
    ask = ask.listing()
    found = ask.rooms.admins.list(ask.who, source)
    columns: tuple[str, ...] = (
        ask.pick("source", "来源"),
        ask.pick("person", "人员"),
        ask.pick("role", "角色"),
        ask.pick("rights", "其他"),
        ask.pick("since", "授权时间"),
    )
    rows = tuple(
        (
            handle(ask, each.source),
            clean(each.person),
            _role(ask, each.role),
            ", ".join(_rights(ask, each)),
            instant(each.added_at, zone_of(ask, each.source)),
        )
        for each in found
    )
    if ask.heard:
        # Lines for a phone: who, what, where, and what else; the day is enough.
        rows = tuple((person, role, place, rights, since[:10]) for place, person, role, rights, since in rows)
        columns = ("",) * 5
    hint = ask.pick(
        "Nobody yet: `admin add <source> <person> --role owner`.", "暂无：`admin add <source> <person> --role owner`。"
    )
    return Reply(
        title=ask.pick("Admins", "管理员"),
        blocks=(Table(columns=columns, rows=rows) if rows else Line(text=hint),),
        data=[_document(ask, each) for each in found],
    )


def _known_role(ask: Ask, source: str, role: str, **_: object) -> Effect:
    if role.casefold() not in ROLES:
        raise MalformedError("unknown role", role=role[:40])
    return of_source(ask, source=source)


@command(
    "admin add <source> <person> --role <role> [--audits] [--told] [--lang <lang>]",
    zh="添加管理员 <source> <person> --role <role> [--audits] [--told] [--lang <lang>]",
    role=Role.OWNER,
    help=(
        "Let a person command: viewer, operator or owner; --audits: read the audit log",
        "授权一个人：viewer、operator 或 owner；--audits 可查看审计日志",
    ),
    aliases=("admin set", "授权"),
    proof=_known_role,
    noted=True,
)
def admin_add(ask: Ask, source: str, person: str, role: str, audits: bool, told: bool, lang: str | None) -> Reply:
    if role.casefold() not in ROLES:
        raise MalformedError("unknown role", role=role[:40])
    spoken = Lang(lang) if lang in tuple(Lang) else ask.lang
    added = ask.rooms.admins.add(ask.who, source, person, ROLES[role.casefold()], audits=audits, told=told, lang=spoken)
    words = ", ".join([_role(ask, added.role), *_rights(ask, added)])
    text = ask.pick(
        f"{clean(person)} may command from {source}: {words}.", f"{clean(person)} 已获授权（{source}）：{words}。"
    )
    return Reply(blocks=(Line(text=text, tone=Tone.GOOD),), data=_document(ask, added), tone=Tone.GOOD)


@command(
    "admin remove <source> <person>",
    zh="移除管理员 <source> <person>",
    role=Role.OWNER,
    help=("Take every right from a person", "取消一个人的授权"),
    aliases=("admin drop", "取消授权"),
    proof=of_source,
    noted=True,
)
def admin_remove(ask: Ask, source: str, person: str) -> Reply:
    removed = ask.rooms.admins.remove(ask.who, source, person)
    text = ask.pick(
        f"{clean(person)} may not command from {source} any more.", f"已取消 {clean(person)} 在 {source} 的授权。"
    )
    return Reply(blocks=(Line(text=text, tone=Tone.GOOD),), data=_document(ask, removed), tone=Tone.GOOD)


def _role(ask: Ask, role: Role) -> str:
    return ask.pick(role.name.lower(), {Role.VIEWER: "查看者", Role.OPERATOR: "操作员", Role.OWNER: "所有者"}[role])


def _rights(ask: Ask, admin: Admin) -> list[str]:
    audits = [ask.pick("reads the audit log", "可看审计日志")] if admin.audits else []
    return audits + ([ask.pick("gets notices", "接收通知")] if admin.told else [])


def _document(ask: Ask, admin: Admin) -> dict[str, Json]:
    return {
        "source": handle(ask, admin.source),
        "person": admin.person,
        "role": admin.role.name.lower(),
        "audits": admin.audits,
        "told": admin.told,
        "lang": admin.lang,
        "added_by": admin.added_by,
        "added_at": admin.added_at.isoformat(),
    }
