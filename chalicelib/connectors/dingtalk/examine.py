"""Testing a DingTalk source step by step, from the token to the cards: what was refused, what it means, what to do.

No API lists what an app may do. So each step is one cheap call that changes nothing: a message to nobody, an edit of no
card. That these are answered with "no such" proves that the rest is allowed. They count against the month's quota; the
contact calls do not.

Source: DingTalk "permission list", "get the contact range"; the notes on the calls themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from typing import Final

from chalicelib.connectors.dingtalk.answers import RefusedError
from chalicelib.connectors.dingtalk.client import ROOT, DingTalkClient, Range, Row, is_real
from chalicelib.connectors.dingtalk.permissions import GATED, OLD_NAMES, Coverage
from chalicelib.connectors.dingtalk.sending import DingTalkSender
from chalicelib.core.errors import Fact, NotFoundError, RollcallError, SourceDeniedError, SourceProtocolError
from chalicelib.core.finding import Check, Finding, Grade
from chalicelib.core.model import Kind, Remark
from chalicelib.core.source import Source

# No userid and no card of anybody's.
NOBODY: Final = "rollcall-test-nobody"
NO_CARD: Final = "rollcall-test-no-card"
SHOWN_OF_EVERYBODY: Final = ("name", "active", "dept_id_list")
# Departments to look into for people; and of how many people somebody should have a mobile.
MOST_LOOKED_INTO: Final = 3
MANY: Final = 10
QUOTA_USED_UP: Final = "quota used up"

_REFUSED = (SourceDeniedError, SourceProtocolError)


def examined(
    client: DingTalkClient, sender: DingTalkSender, source: Source, secrets: Collection[str]
) -> Iterator[Finding]:
    """Test an app; `secrets` are the names of those there are."""
    try:
        seen = client.range()
    except SourceDeniedError as denied:
        if denied.code != "permission missing":
            # Nothing else will be answered either.
            yield _failed(Check.CREDENTIALS, denied)
            return
        yield Finding(check=Check.CREDENTIALS, grade=Grade.OK)
        yield _failed(Check.RANGE, denied)
    except SourceProtocolError as error:
        yield _failed(Check.CREDENTIALS, error)
        return
    else:
        yield Finding(check=Check.CREDENTIALS, grade=Grade.OK)
        yield _range(seen)
        rows = yield from _sample(client, seen)
        yield from _permissions(source, seen, rows)
    yield from _chat(sender)
    yield from _cards(sender, source, secrets)
    yield _callback(secrets)


def _range(seen: Range) -> Finding:
    if seen.everything:
        return Finding(check=Check.RANGE, grade=Grade.OK)
    if not seen.departments and not seen.people:
        return Finding(check=Check.RANGE, grade=Grade.FAILED, remark=Remark(code="range is empty"))
    facts: Mapping[str, Fact] = {"departments": len(seen.departments), "people": len(seen.people)}
    return Finding(check=Check.RANGE, grade=Grade.WARNING, remark=Remark(code="range is partial", facts=facts))


def _sample(client: DingTalkClient, seen: Range) -> Generator[Finding, None, Sequence[Row]]:
    """Read some departments and the people in them; tells the people."""
    tops = (ROOT,) if seen.everything else seen.departments[:MOST_LOOKED_INTO]
    rows: list[Row] = []
    try:
        if tops:
            below = [str(row.get("dept_id")) for row in client.children(tops[0]).rows]
            tops = (*tops, *(each for each in below if each.isdecimal() and is_real(each)))[:MOST_LOOKED_INTO]
        for department in tops:
            rows += next(client.members(department)).rows
        if not tops and seen.people:
            rows.append(client.user(seen.people[0])[0])
    except _REFUSED as error:
        yield _failed(Check.COUNTS, error)
        return ()
    absent = [name for name in SHOWN_OF_EVERYBODY if rows and all(row.get(name) is None for row in rows)]
    yield _not_shown(Check.COUNTS, absent, len(rows)) if absent else Finding(check=Check.COUNTS, grade=Grade.OK)
    return rows


def _permissions(source: Source, seen: Range, rows: Sequence[Row]) -> Iterator[Finding]:
    """Look for fields that the mapping wants and the app may not read: the vendor's own list, then what was seen."""
    remarks = Coverage(source.mapping).remarks(seen.fields)
    for remark in remarks:
        yield Finding(check=Check.PERMISSIONS, grade=Grade.WARNING, remark=remark)
    mapped = {name for rule in source.mapping.rules(Kind.EMPLOYEE) for name in rule.first_of}
    unseen = [
        name
        for permission, name in OLD_NAMES.items()
        if len(rows) >= MANY
        and name in mapped
        and not any(row.get(field) for row in rows for field in GATED[permission])
    ]
    if not remarks:
        yield (
            _not_shown(Check.PERMISSIONS, unseen, len(rows))
            if unseen
            else Finding(check=Check.PERMISSIONS, grade=Grade.OK)
        )


def _chat(sender: DingTalkSender) -> Iterator[Finding]:
    try:
        sender.to_one(NOBODY, "Rollcall", "Rollcall")
    except NotFoundError:
        # It would have been said, had there been anybody.
        pass
    except _REFUSED as error:
        if error.code == QUOTA_USED_UP:
            yield _failed(Check.QUOTA, error)
            return
        yield _failed(Check.CHAT, error)
        return
    yield Finding(check=Check.CHAT, grade=Grade.OK)


def _cards(sender: DingTalkSender, source: Source, secrets: Collection[str]) -> Iterator[Finding]:
    """Look whether cards may be written; nothing to say where none are wanted."""
    if not source.settings.get("card_template"):
        return
    if "card_api_secret" not in secrets:
        yield _without_key(Check.CARDS, "card-api-secret")
        return
    try:
        sender.update_card(NO_CARD, {}, private={})
    except RefusedError:
        pass
    except SourceDeniedError as denied:
        yield _failed(Check.QUOTA if denied.code == QUOTA_USED_UP else Check.CARDS, denied)
        return
    yield Finding(check=Check.CARDS, grade=Grade.OK)


def _callback(secrets: Collection[str]) -> Finding:
    """Look at the keys by which events are proven; whether any are pushed cannot be asked for."""
    missing = [name.replace("_", "-") for name in ("aes_key", "token") if name not in secrets]
    return _without_key(Check.CALLBACK, missing[0]) if missing else Finding(check=Check.CALLBACK, grade=Grade.OK)


def _without_key(check: Check, field: str) -> Finding:
    remark = Remark(code="callbacks have no key", facts={"field": field})
    return Finding(check=check, grade=Grade.WARNING, remark=remark)


def _not_shown(check: Check, names: Sequence[str], count: int) -> Finding:
    facts: Mapping[str, Fact] = {"fields": ", ".join(names), "count": count}
    return Finding(check=check, grade=Grade.WARNING, remark=Remark(code="fields not shown", facts=facts))


def _failed(check: Check, error: RollcallError) -> Finding:
    return Finding.failed(check, error, request_id=str(error.facts.get("request_id", "")))
