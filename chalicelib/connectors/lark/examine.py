"""Testing a Lark source step by step, from the token to the bot: what was refused, what it means, what to do.

A field without its permission is not refused but absent, and an app without a bot is told so only when it speaks; both
are looked for here, before somebody wonders why.

Source: Feishu application v6 "list scopes", contact v3, bot v3 "bot info".
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from typing import Final

from chalicelib.connectors.lark.answers import RefusedError
from chalicelib.connectors.lark.client import ROOT, LarkClient, Row
from chalicelib.connectors.lark.lookup import OUT_OF_RANGE
from chalicelib.connectors.lark.permissions import Coverage, granted_scopes, lacking
from chalicelib.core.errors import Fact, RollcallError, SourceDeniedError, SourceProtocolError
from chalicelib.core.finding import Check, Finding, Grade
from chalicelib.core.mapping import FieldMapping
from chalicelib.core.model import Remark

# Each: any of these permissions; the first is the one to ask for. To say something, to be told what is said to the bot
# alone, and what is said to it in groups.
CHAT_SCOPES: Final = (
    ("im:message:send_as_bot", "im:message", "im:message:send"),
    ("im:message.p2p_msg:readonly", "im:message.p2p_msg"),
    ("im:message.group_at_msg:readonly", "im:message.group_at_msg", "im:message.group_msg"),
)
# What everybody has, wherever it may be read.
SHOWN_OF_EVERYBODY: Final = ("name", "status", "department_ids")
# Departments to look into for people.
MOST_LOOKED_INTO: Final = 3
BOT_ACTIVE: Final = 2


def examined(client: LarkClient, mapping: FieldMapping, keys: Collection[str]) -> Iterator[Finding]:
    """Test an app; `keys` are the names of the secrets that there are."""
    try:
        rows = client.granted().rows
    except SourceDeniedError as denied:
        if denied.code != "permission missing":
            # Nothing else will be answered either.
            yield _failed(Check.CREDENTIALS, denied)
            return
        rows, refusal = (), _code(denied)
    except SourceProtocolError as error:
        rows, refusal = (), _code(error)
    else:
        refusal = ""
    yield Finding(check=Check.CREDENTIALS, grade=Grade.OK)
    granted = None if refusal else granted_scopes(rows)
    yield from _permissions(granted, mapping, refusal)
    tops = yield from _range(client)
    if tops:
        yield from _sample(client, tops)
    yield from _bot(client, granted)
    yield _callback(keys)


def _permissions(granted: frozenset[str] | None, mapping: FieldMapping, refusal: str) -> Iterator[Finding]:
    if granted is None:
        remark = Remark(code="permissions unknown", facts={"code": refusal})
        yield Finding(check=Check.PERMISSIONS, grade=Grade.WARNING, remark=remark, vendor_code=refusal)
        return
    remarks = Coverage(granted=granted, mapping=mapping).remarks()
    for remark in remarks:
        yield Finding(check=Check.PERMISSIONS, grade=Grade.WARNING, remark=remark)
    if not remarks:
        yield Finding(check=Check.PERMISSIONS, grade=Grade.OK)


def _range(client: LarkClient) -> Generator[Finding, None, Sequence[str]]:
    """Look at what the app may see; tells the departments in which to look for people, none if nothing can be read."""
    try:
        departments, people = client.range()
    except (SourceDeniedError, SourceProtocolError) as error:
        yield _failed(Check.RANGE, error)
        return ()
    try:
        top = client.first_child(ROOT)
    except RefusedError as refused:
        if refused.number not in OUT_OF_RANGE:
            yield _failed(Check.COUNTS, refused)
            return ()
        facts: Mapping[str, Fact] = {"departments": len(departments), "people": len(people)}
        is_empty = not departments and not people
        yield Finding(
            check=Check.RANGE,
            grade=Grade.FAILED if is_empty else Grade.WARNING,
            remark=Remark(code="range is empty") if is_empty else Remark(code="range is partial", facts=facts),
            vendor_code=str(refused.number),
            request_id=str(refused.facts.get("logid", "")),
        )
        return departments[:MOST_LOOKED_INTO]
    except (SourceDeniedError, SourceProtocolError) as error:
        yield _failed(Check.COUNTS, error)
        return ()
    yield Finding(check=Check.RANGE, grade=Grade.OK)
    below = [str(row.get("open_department_id")) for row in top.rows if row.get("open_department_id")]
    return (*below, ROOT)[:MOST_LOOKED_INTO]


def _sample(client: LarkClient, tops: Sequence[str]) -> Iterator[Finding]:
    """Look at some people, and at what is shown of them."""
    rows: Sequence[Row] = ()
    try:
        for department in tops:
            rows = next(client.members(department)).rows
            if rows:
                break
    except (SourceDeniedError, SourceProtocolError) as error:
        yield _failed(Check.COUNTS, error)
        return
    absent = [name for name in SHOWN_OF_EVERYBODY if rows and not any(row.get(name) for row in rows)]
    if not absent:
        yield Finding(check=Check.COUNTS, grade=Grade.OK)
        return
    facts: Mapping[str, Fact] = {"fields": ", ".join(absent), "count": len(rows)}
    yield Finding(check=Check.COUNTS, grade=Grade.WARNING, remark=Remark(code="fields not shown", facts=facts))


def _bot(client: LarkClient, granted: frozenset[str] | None) -> Iterator[Finding]:
    try:
        status = client.bot().get("activate_status")
    except RefusedError as refused:
        yield _switched_off(str(refused.number), str(refused.facts.get("logid", "")))
        return
    except (SourceDeniedError, SourceProtocolError) as error:
        yield _failed(Check.CHAT, error)
        return
    if status != BOT_ACTIVE:
        yield _switched_off(str(status), "")
        return
    missing = lacking(granted, CHAT_SCOPES)
    if missing:
        remark = Remark(code="chat permissions missing", facts={"scopes": ", ".join(missing)})
        yield Finding(check=Check.CHAT, grade=Grade.WARNING, remark=remark)
        return
    yield Finding(check=Check.CHAT, grade=Grade.OK)


def _callback(keys: Collection[str]) -> Finding:
    """Look at the keys by which what is pushed is proven; whether anything is pushed cannot be asked for."""
    if "verification_token" not in keys:
        remark = Remark(code="callbacks have no key", facts={"field": "verification-token"})
        return Finding(check=Check.CALLBACK, grade=Grade.WARNING, remark=remark)
    if "encrypt_key" not in keys:
        remark = Remark(code="callbacks are not signed", facts={"field": "encrypt-key"})
        return Finding(check=Check.CALLBACK, grade=Grade.WARNING, remark=remark)
    return Finding(check=Check.CALLBACK, grade=Grade.OK)


def _switched_off(code: str, request_id: str) -> Finding:
    remark = Remark(code="bot is switched off", facts={"code": code})
    return Finding(check=Check.CHAT, grade=Grade.FAILED, remark=remark, vendor_code=code, request_id=request_id)


def _failed(check: Check, error: RollcallError) -> Finding:
    return Finding.failed(check, error, request_id=str(error.facts.get("logid", "")))


def _code(error: RollcallError) -> str:
    return str(error.facts.get("code") or error.facts.get("problem") or error.code)
