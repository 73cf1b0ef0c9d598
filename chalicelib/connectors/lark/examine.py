"""Testing a Lark source step by step, from the token to the bot: what was refused, what it means, what to do.

A field without its permission is not refused but absent, and an app without a bot is told so only when it speaks; both
are looked for here, before somebody wonders why. All are reads; eight or nine calls for a company of any size.

Source: Feishu application v6 "list scopes", contact v3, bot v3 "bot info".
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from chalicelib.connectors.lark.answers import UNTOLD, RefusedError
from chalicelib.connectors.lark.client import BOT, CHILDREN, GRANTED, MEMBERS, RANGE, ROOT, TOKEN, LarkClient, Page
from chalicelib.connectors.lark.form import FEISHU, INTERNATIONAL, MAPPING
from chalicelib.connectors.lark.lookup import OUT_OF_RANGE
from chalicelib.connectors.lark.permissions import USER_FIELDS, Coverage, granted_scopes, lacking
from chalicelib.connectors.lark.records import Records
from chalicelib.connectors.sample import MANY, clocked, counted, shown
from chalicelib.connectors.session import Endpoint
from chalicelib.core.errors import Fact, RollcallError, SourceDeniedError, SourceProtocolError
from chalicelib.core.finding import Check, Finding, Grade
from chalicelib.core.model import REQUIRED_FIELDS, SourceRecord
from chalicelib.core.source import Source

# Each: any of these permissions; the first is the one to ask for. To say something, to be told what is said to the bot
# alone, and what is said to it in groups.
CHAT_SCOPES: Final = (
    ("im:message:send_as_bot", "im:message", "im:message:send"),
    ("im:message.p2p_msg:readonly", "im:message.p2p_msg"),
    ("im:message.group_at_msg:readonly", "im:message.group_at_msg", "im:message.group_msg"),
)
# To read many by name at once, and to be told of changes.
BASE_SCOPES: Final = (("contact:contact.base:readonly",),)
OTHER_CLOUD: Final = {FEISHU: INTERNATIONAL, INTERNATIONAL: FEISHU}
# Departments to look into for people.
MOST_LOOKED_INTO: Final = 3
BOT_ACTIVE: Final = 2
TOO_BIG: Final = 43010
# What a call wants, for answers that do not tell.
WANTED: Final[Mapping[str, str]] = {
    RANGE.name: "contact:contact.base:readonly",
    CHILDREN.name: "contact:department.organize:readonly",
    MEMBERS.name: "contact:department.organize:readonly",
    BOT.name: "im:message:send_as_bot",
}

_REFUSED = (SourceDeniedError, SourceProtocolError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """One test; `secrets` are the names of those there are."""

    client: LarkClient
    source: Source
    secrets: Collection[str]

    def findings(self) -> Iterator[Finding]:
        self.client.begin_test()
        granted: frozenset[str] | None = None
        unknown: Finding | None = None
        try:
            rows = self.client.granted().rows
        except SourceDeniedError as denied:
            if denied.code != "permission missing":
                # Nothing else will be answered either.
                yield self._not_let_in(denied)
                return
            unknown = _failed(Check.PERMISSIONS, denied, GRANTED)
        except SourceProtocolError as error:
            failed = _failed(Check.PERMISSIONS, error, GRANTED)
            if failed.check is Check.NETWORK:
                yield failed
                return
            unknown = failed
        else:
            granted = granted_scopes(rows)
        yield Finding(check=Check.CREDENTIALS, grade=Grade.OK, tried=_name(TOKEN))
        yield Finding(check=Check.NETWORK, grade=Grade.OK)
        yield from clocked(self.client.ahead_s)
        if unknown is not None:
            yield replace(unknown, grade=Grade.WARNING, cause="permissions unknown")
        yield from self._permissions(granted)
        tops = yield from self._range()
        if tops is not None:
            yield from self._sample(granted, *tops)
        yield from self._bot(granted)
        yield from self._callback()
        yield counted(self.client.calls)

    def _not_let_in(self, denied: SourceDeniedError) -> Finding:
        """Tell who is unknown: where the app is known to the other cloud, the address is wrong and not the id."""
        failed = _failed(Check.CREDENTIALS, denied, TOKEN)
        host = (self.source.settings.get("base_url") or FEISHU).rstrip("/")
        other = OTHER_CLOUD.get(host)
        if denied.code == "unknown app" and other is not None and self.client.is_known_at(other):
            return replace(failed, cause="wrong region", facts={**denied.facts, "host": host, "other": other})
        return failed

    def _permissions(self, granted: frozenset[str] | None) -> Iterator[Finding]:
        if granted is None:
            return
        coverage = Coverage(granted=granted, mapping=self.source.mapping)
        found = [*self._hidden(coverage), *self._base(granted)]
        yield from found
        if not found:
            yield Finding(check=Check.PERMISSIONS, grade=Grade.OK, tried=_name(GRANTED))

    def _hidden(self, coverage: Coverage) -> Iterator[Finding]:
        """Tell which mapped fields cannot be read; without some nobody can be created."""
        needed, others = coverage.hidden(REQUIRED_FIELDS)
        for hidden, grade, cause in (
            (needed, Grade.FAILED, "needed fields not readable"),
            (others, Grade.WARNING, "fields not readable"),
        ):
            if hidden:
                scopes = tuple(dict.fromkeys(hidden.values()))
                facts: Mapping[str, Fact] = {"fields": ", ".join(hidden), "scopes": ", ".join(scopes)}
                yield Finding(
                    check=Check.PERMISSIONS,
                    grade=grade,
                    cause=cause,
                    facts=facts,
                    tried=_name(GRANTED),
                    link=self._grant(scopes),
                )

    def _base(self, granted: frozenset[str]) -> Iterator[Finding]:
        missing = lacking(granted, BASE_SCOPES)
        if missing:
            yield Finding(
                check=Check.PERMISSIONS,
                grade=Grade.WARNING,
                cause="reads by name not allowed",
                facts={"scopes": ", ".join(missing)},
                tried=_name(GRANTED),
                link=self._grant(missing),
            )

    def _range(self) -> Generator[Finding, None, tuple[Page, Sequence[str]] | None]:
        """Look at what the app may see; tells some departments, and in which of them to look for people.

        Only an app that may see everybody may read the root, so the range itself is asked for only where that is
        refused.
        """
        try:
            seen = self._below(ROOT)
        except RefusedError as refused:
            if refused.number in OUT_OF_RANGE:
                return (yield from self._part(refused))
            yield _failed(Check.RANGE, refused, CHILDREN)
            return None
        except _REFUSED as error:
            yield self._refused(Check.RANGE, error, CHILDREN)
            return None
        yield Finding(check=Check.RANGE, grade=Grade.OK, cause="everybody is in range", tried=_name(CHILDREN))
        return seen, (*_with_people(seen), ROOT)

    def _part(self, outside: RefusedError) -> Generator[Finding, None, tuple[Page, Sequence[str]] | None]:
        try:
            departments, people = self.client.range()
        except _REFUSED as error:
            yield self._refused(Check.RANGE, error, RANGE)
            return None
        facts: Mapping[str, Fact] = {"departments": len(departments), "people": len(people)}
        is_empty = not departments and not people
        cause, grade = ("range is empty", Grade.FAILED) if is_empty else ("range is partial", Grade.WARNING)
        yield replace(_failed(Check.RANGE, outside, CHILDREN), grade=grade, cause=cause, facts=facts)
        if not departments:
            return None
        try:
            seen = self._below(departments[0])
        except _REFUSED as error:
            yield self._refused(Check.SAMPLE, error, CHILDREN)
            return None
        return seen, tuple(dict.fromkeys((departments[0], *_with_people(seen), *departments)))

    def _below(self, department: str) -> Page:
        """Read some departments; of the whole tree, for in most companies nobody sits at its top."""
        try:
            return self.client.some_below(department, recursive=True)
        except RefusedError as refused:
            if refused.number != TOO_BIG:
                raise
            return self.client.some_below(department, recursive=False)

    def _sample(
        self, granted: frozenset[str] | None, departments: Page, looked_into: Sequence[str]
    ) -> Iterator[Finding]:
        """Look at some departments and people, and at what is shown of them."""
        coverage = Coverage(granted=granted, mapping=self.source.mapping)
        records = Records(self.source.uid, coverage)
        found: list[SourceRecord] = [records.department(row, departments.observed_at) for row in departments.rows]
        people = 0
        try:
            for department in looked_into[:MOST_LOOKED_INTO]:
                page = self.client.some_members(department)
                found += [records.user(row, page.observed_at) for row in page.rows]
                people += len(page.rows)
                if people >= MANY:
                    break
        except _REFUSED as error:
            yield self._refused(Check.SAMPLE, error, MEMBERS)
            return
        tried = _name(MEMBERS)
        if not people:
            yield Finding(check=Check.SAMPLE, grade=Grade.WARNING, cause="nobody is seen", tried=tried)
            return
        facts: Mapping[str, Fact] = {"departments": len(found) - people, "people": people}
        yield Finding(check=Check.SAMPLE, grade=Grade.OK, cause="a sample is seen", facts=facts, tried=tried)
        hidden = [name for group in coverage.hidden(()) for name in group]
        gated = USER_FIELDS if granted is None else ()
        yield shown(found, self.source.mapping, MAPPING, told=hidden, gated=gated)

    def _bot(self, granted: frozenset[str] | None) -> Iterator[Finding]:
        try:
            status = self.client.bot().get("activate_status")
        except RefusedError as refused:
            off = _failed(Check.CHAT, refused, BOT)
            yield replace(off, grade=Grade.WARNING, cause="bot is switched off")
            return
        except _REFUSED as error:
            yield self._refused(Check.CHAT, error, BOT).softened()
            return
        if status != BOT_ACTIVE:
            yield Finding(
                check=Check.CHAT,
                grade=Grade.WARNING,
                cause="bot is switched off",
                tried=_name(BOT),
                vendor_code=str(status),
            )
            return
        missing = lacking(granted, CHAT_SCOPES)
        if missing:
            facts: Mapping[str, Fact] = {"scopes": ", ".join(missing)}
            yield Finding(
                check=Check.CHAT,
                grade=Grade.WARNING,
                cause="chat permissions missing",
                facts=facts,
                tried=_name(GRANTED),
                link=self._grant(missing),
            )
            return
        yield Finding(check=Check.CHAT, grade=Grade.OK, tried=_name(BOT))

    def _callback(self) -> Iterator[Finding]:
        """Look at the keys by which what is pushed is proven; whether anything is pushed cannot be asked for."""
        if "verification_token" not in self.secrets:
            cause, field = "callbacks have no key", "verification-token"
        elif "encrypt_key" not in self.secrets:
            cause, field = "callbacks are not signed", "encrypt-key"
        else:
            yield Finding(check=Check.CALLBACK, grade=Grade.OK)
            return
        yield Finding(check=Check.CALLBACK, grade=Grade.WARNING, cause=cause, facts={"field": field})

    def _refused(self, check: Check, error: RollcallError, endpoint: Endpoint) -> Finding:
        failed = _failed(check, error, endpoint)
        if failed.cause != "permission missing":
            return failed
        told = str(failed.facts.get("scopes", UNTOLD))
        scopes = WANTED[endpoint.name] if told == UNTOLD else told
        return replace(failed, facts={**failed.facts, "scopes": scopes}, link=self._grant(scopes.split(", ")))

    def _grant(self, scopes: Iterable[str]) -> str:
        """Link to where permissions are added, with these filled in; the vendor's own errors give the same link."""
        host = (self.source.settings.get("base_url") or FEISHU).rstrip("/")
        names = ",".join(scopes)
        if host not in OTHER_CLOUD or not names:
            return ""
        return f"{host}/app/{self.source.settings['app_id']}/auth?q={names}&token_type=tenant"


def _with_people(seen: Page) -> tuple[str, ...]:
    """Name departments in which there are people, as far as their counts are shown."""
    rows = sorted(seen.rows, key=lambda row: row.get("primary_member_count", row.get("member_count")) in (None, 0, "0"))
    return tuple(str(row.get("open_department_id")) for row in rows if row.get("open_department_id"))[:MOST_LOOKED_INTO]


def _name(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path.removeprefix('/open-apis').replace('{}', ':id')}"


def _failed(check: Check, error: RollcallError, endpoint: Endpoint) -> Finding:
    return Finding.failed(check, error, request_id=str(error.facts.get("logid", "")), tried=_name(endpoint))
