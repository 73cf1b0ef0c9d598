"""Testing a DingTalk source step by step, from the token to the cards: what was refused, what it means, what to do.

No API lists what an app may do. So each step is one cheap call that changes nothing: a message to nobody, a card to
nowhere. That these are answered with "no such" proves that the rest is allowed. They count against the month's quota;
the contact calls do not. About ten calls for a company of any size.

Source: DingTalk "permission list", "get the contact range"; the notes on the calls themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from chalicelib.connectors.dingtalk.answers import UNTOLD, RefusedError
from chalicelib.connectors.dingtalk.client import (
    CHILDREN,
    MEMBERS,
    RANGE,
    ROOT,
    TOKEN,
    USER,
    DingTalkClient,
    Range,
    Row,
    is_real,
)
from chalicelib.connectors.dingtalk.form import MAPPING
from chalicelib.connectors.dingtalk.permissions import CODES, GATED, Coverage
from chalicelib.connectors.dingtalk.records import DEPARTMENT_DETAILS, DETAILS, Records
from chalicelib.connectors.dingtalk.sending import CARD, ONE, DingTalkSender
from chalicelib.connectors.sample import MANY, clocked, counted, shown
from chalicelib.connectors.session import Endpoint
from chalicelib.core.errors import Fact, NotFoundError, RollcallError, SourceDeniedError, SourceProtocolError
from chalicelib.core.finding import Check, Finding, Grade
from chalicelib.core.model import Kind, SourceRecord
from chalicelib.core.source import Source

# No userid of anybody's.
NOBODY: Final = "rollcall-test-nobody"
# Departments to look into for people.
MOST_LOOKED_INTO: Final = 5
# The keys of apps that a third party offers to many companies begin so.
THIRD_PARTY: Final = "suite"
GRANT: Final = "https://open-dev.dingtalk.com/appscope/apply"
# What a call wants, for answers that do not tell.
WANTED: Final[Mapping[str, str]] = {
    RANGE.name: "qyapi_base",
    CHILDREN.name: "qyapi_get_department_list",
    MEMBERS.name: "qyapi_get_department_member",
    USER.name: "qyapi_get_member",
    ONE.name: "qyapi_robot_sendmsg",
    CARD.name: "Card.Instance.Write",
}

_REFUSED = (SourceDeniedError, SourceProtocolError)
# What a refused robot's code says of it; else it is stopped, or not published.
_UNKNOWN_ROBOT: Final = "robotCode"


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """One test; `secrets` are the names of those there are."""

    client: DingTalkClient
    sender: DingTalkSender
    source: Source
    secrets: Collection[str]

    def findings(self) -> Iterator[Finding]:
        if self.source.settings["app_key"].startswith(THIRD_PARTY):
            yield Finding(check=Check.CREDENTIALS, grade=Grade.FAILED, cause="third-party app")
            return
        self.client.begin_test()
        self.sender.hurry()
        seen: Range | None = None
        refused: Finding | None = None
        try:
            seen = self.client.range()
        except SourceDeniedError as denied:
            if denied.code != "permission missing":
                # Nothing else will be answered either.
                yield _failed(Check.CREDENTIALS, denied, TOKEN)
                return
            refused = self._refused(Check.RANGE, denied, RANGE)
        except SourceProtocolError as error:
            yield _failed(Check.CREDENTIALS, error, RANGE)
            return
        yield Finding(check=Check.CREDENTIALS, grade=Grade.OK, tried=_name(TOKEN))
        yield Finding(check=Check.NETWORK, grade=Grade.OK)
        yield from clocked(self.client.ahead_s)
        if refused is not None:
            yield refused
        if seen is not None:
            yield _range(seen)
            if seen.everything or seen.departments or seen.people:
                yield from self._sample(seen)
        yield from self._chat()
        yield from self._cards()
        yield self._callback()
        yield counted(self.client.calls, self.sender.calls)

    def _sample(self, seen: Range) -> Iterator[Finding]:
        """Read some departments, the people in them, one of these by name; and look at what is shown of them."""
        coverage = Coverage(self.source.mapping)
        records = Records(self.source.uid, self.source.settings["corp_id"], coverage)
        departments: list[SourceRecord] = []
        people: list[SourceRecord] = []
        rows: list[Row] = []
        endpoint = CHILDREN
        try:
            for top in self._tops(seen, records, departments):
                endpoint = MEMBERS
                page = self.client.some_members(top)
                rows += page.rows
                people += records.members([(row, page.observed_at) for row in page.rows])
                if len(people) >= MANY:
                    break
                endpoint = CHILDREN
            endpoint = USER
            one = seen.people[0] if seen.people else next((each.key.external_id for each in people), None)
            if one is not None:
                row, observed_at = self.client.user(one)
                rows.append(row)
                people.append(records.user(row, observed_at))
        except _REFUSED as error:
            failed = self._refused(Check.SAMPLE, error, endpoint)
            is_detail = endpoint is USER and failed.cause == "permission missing"
            yield replace(failed, cause="details not allowed") if is_detail else failed
            if not is_detail:
                return
        if not people:
            yield Finding(check=Check.SAMPLE, grade=Grade.WARNING, cause="nobody is seen", tried=_name(MEMBERS))
            return
        if endpoint is USER and one is not None and people[-1].details:
            facts: Mapping[str, Fact] = {"departments": len(departments), "people": len(people) - 1}
            facts = facts if len(people) > 1 else {**facts, "people": 1}
            yield Finding(
                check=Check.SAMPLE, grade=Grade.OK, cause="a sample is seen", facts=facts, tried=_name(MEMBERS)
            )
        yield from self._fields(seen, coverage, [*departments, *people], rows)

    def _tops(self, seen: Range, records: Records, departments: list[SourceRecord]) -> Iterator[str]:
        """Name departments to look into, from the top down: in many companies nobody sits at the top."""
        waiting = [ROOT] if seen.everything else list(seen.departments)
        for _ in range(MOST_LOOKED_INTO):
            if not waiting:
                return
            top = waiting.pop(0)
            page = self.client.children(top)
            departments += [records.child(row, page.observed_at) for row in page.rows]
            below = [str(row.get("dept_id")) for row in page.rows]
            waiting += [each for each in below if each.isdecimal() and is_real(each)]
            yield top

    def _fields(
        self, seen: Range, coverage: Coverage, records: Sequence[SourceRecord], rows: Sequence[Row]
    ) -> Iterator[Finding]:
        """Look for mapped fields that the app may not read: by the vendor's own list, then by what was seen."""
        mapped = {name.partition(".")[0] for rule in self.source.mapping.rules(Kind.EMPLOYEE) for name in rule.reads}
        silent = [
            permission
            for permission, fields in GATED.items()
            if not mapped.isdisjoint(fields) and not any(row.get(field) for row in rows for field in fields)
        ]
        unlisted = [each for each in silent if each in coverage.missing(seen.fields)]
        for permission in unlisted:
            fields = sorted(mapped.intersection(GATED[permission]))
            facts: Mapping[str, Fact] = {"fields": ", ".join(fields), "scopes": permission}
            yield Finding(
                check=Check.PERMISSIONS,
                grade=Grade.WARNING,
                cause="fields not readable",
                facts=facts,
                tried=_name(RANGE),
                link=self._grant([CODES[permission]]),
            )
        if not unlisted:
            yield Finding(check=Check.PERMISSIONS, grade=Grade.OK)
        told = {field for permission in unlisted for field in GATED[permission]} | DETAILS | DEPARTMENT_DETAILS
        gated = {field for permission in silent for field in GATED[permission]} - told
        yield shown(records, self.source.mapping, MAPPING, told=told, gated=gated)

    def _chat(self) -> Iterator[Finding]:
        try:
            self.sender.to_one(NOBODY, "Rollcall", "Rollcall")
        except NotFoundError:
            # It would have been said, had there been anybody.
            pass
        except _REFUSED as error:
            failed = self._refused(Check.CHAT, error, ONE).softened()
            if failed.cause == "permission missing":
                failed = replace(failed, cause="chat permissions missing")
            if failed.cause == "robot not available":
                is_unknown = _UNKNOWN_ROBOT in failed.vendor_code
                failed = replace(failed, cause="robot unknown" if is_unknown else "robot stopped")
            yield _of_chat(failed)
            return
        yield Finding(check=Check.CHAT, grade=Grade.OK, tried=_name(ONE))

    def _cards(self) -> Iterator[Finding]:
        """Look whether cards may be posted; nothing to say where none are wanted."""
        template = self.source.settings.get("card_template")
        if not template:
            return
        if "card_api_secret" not in self.secrets:
            facts: Mapping[str, Fact] = {"field": "card-api-secret"}
            yield Finding(check=Check.CARDS, grade=Grade.WARNING, cause="cards have no key", facts=facts)
            return
        try:
            self.sender.try_card(template)
        except RefusedError as refused:
            failed = _failed(Check.CARDS, refused, CARD).softened()
            if "emplate" in failed.vendor_code:
                yield replace(failed, cause="card template unknown")
                return
            if "outeKey" in failed.vendor_code:
                yield replace(failed, cause="card callback unknown")
                return
        except _REFUSED as error:
            failed = self._refused(Check.CARDS, error, CARD).softened()
            if failed.cause == "permission missing":
                failed = replace(failed, cause="cards not allowed")
            yield _of_chat(failed)
            return
        yield Finding(check=Check.CARDS, grade=Grade.OK, tried=_name(CARD))

    def _callback(self) -> Finding:
        """Look at the keys by which events are proven; whether any are pushed cannot be asked for."""
        missing = [name.replace("_", "-") for name in ("aes_key", "token") if name not in self.secrets]
        if not missing:
            return Finding(check=Check.CALLBACK, grade=Grade.OK)
        facts: Mapping[str, Fact] = {"field": ", ".join(missing)}
        return Finding(check=Check.CALLBACK, grade=Grade.WARNING, cause="callbacks have no key", facts=facts)

    def _refused(self, check: Check, error: RollcallError, endpoint: Endpoint) -> Finding:
        failed = _failed(check, error, endpoint)
        if failed.cause != "permission missing":
            return failed
        told = str(failed.facts.get("scopes", UNTOLD))
        scopes = WANTED[endpoint.name] if told == UNTOLD else told
        return replace(failed, facts={**failed.facts, "scopes": scopes}, link=self._grant(scopes.split(", ")))

    def _grant(self, scopes: Sequence[str]) -> str:
        """Link to where permissions are added; made here of their codes, as the vendor's own errors do."""
        names = ",".join(scopes)
        return f"{GRANT}?content={self.source.settings['app_key']}%23{names}" if names else ""


def _range(seen: Range) -> Finding:
    tried = _name(RANGE)
    if seen.everything:
        return Finding(check=Check.RANGE, grade=Grade.OK, cause="everybody is in range", tried=tried)
    if not seen.departments and not seen.people:
        return Finding(check=Check.RANGE, grade=Grade.FAILED, cause="range is empty", tried=tried)
    facts: Mapping[str, Fact] = {"departments": len(seen.departments), "people": len(seen.people)}
    return Finding(check=Check.RANGE, grade=Grade.WARNING, cause="range is partial", facts=facts, tried=tried)


def _of_chat(failed: Finding) -> Finding:
    """The month's quota is that of robot and cards: contact calls are free of it, so syncs go on."""
    return replace(failed, cause="chat quota used up") if failed.cause == "quota used up" else failed


def _name(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path.replace('{}', ':corpId')}"


def _failed(check: Check, error: RollcallError, endpoint: Endpoint) -> Finding:
    return Finding.failed(check, error, tried=_name(endpoint))
