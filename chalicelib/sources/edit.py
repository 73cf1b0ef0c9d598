"""Change what a person said of a source, and replace secrets: new ones are tried before the old ones go.

What is saved is used from the next sync on. A draft whose new credentials the vendor refuses changes nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.core.audited import Noted
from chalicelib.core.errors import ConflictError, NotFoundError, RollcallError, StoreConflictError
from chalicelib.core.finding import Check, Finding, Grade
from chalicelib.core.rotation import current, rotated
from chalicelib.core.secret import Secret
from chalicelib.core.source import Form, Source
from chalicelib.sources.create import activated
from chalicelib.sources.draft import Draft, redrafted, refused, tidy, wrong

if TYPE_CHECKING:
    from chalicelib.sources.room import Sources

_TRIES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """A source as it is now; `changed` is False when it was so already, or when a test came in the way.

    `findings` are of the test that new credentials, or activating, wanted.
    """

    source: Source
    changed: bool
    findings: Sequence[Finding] = ()

    @property
    def failed(self) -> Sequence[Finding]:
        return [each for each in self.findings if each.grade is Grade.FAILED]


def edited(room: Sources, handle: str, draft: Draft, noted: Noted) -> Edited:
    """Make a source what a draft says.

    Raises:
        CallerError: what is wrong with the draft, all of it.
    """
    source = room.catalog.source(handle)
    noted.source = source.uid
    _check_stays(room, source.uid)
    form = room.connectors.form(source.kind)
    draft = tidy(draft)
    found = wrong(draft, form, room.catalog.sources(), room.clock.now(), edits=source)
    if found:
        raise refused(found)
    wanted = redrafted(draft, form, source)
    secrets = {**{name: Secret("") for name in draft.dropped}, **draft.secrets}
    findings: Sequence[Finding] = ()
    if _wants_test(form, source, wanted, secrets):
        findings = tuple(_tried(room, wanted, secrets))
        if not _is_let_in(findings):
            return Edited(source=source, changed=False, findings=findings)
    is_new = _replace_secrets(room, form, source.uid, secrets)
    is_new |= _replace_logo(room, source.uid, draft.logo)
    if is_new:
        _leave_nothing_of_what_is_gone(room, source.uid)
    after = room.edited(handle, Noted(), lambda before: _redrafted(room, draft, form, before))
    if draft.enabled and not source.enabled:
        findings = activated(room, source.uid)
    now = room.catalog.source(source.uid)
    return Edited(source=now, changed=is_new or after.changed or now.enabled != source.enabled, findings=findings)


def _redrafted(room: Sources, draft: Draft, form: Form, before: Source) -> Source:
    after = redrafted(draft, form, before)
    return after if after.schedule == before.schedule else room.armed(after)


def _wants_test(form: Form, before: Source, after: Source, secrets: Mapping[str, Secret]) -> bool:
    """Tell whether other credentials are to be used.

    What proves callbacks cannot be tried, so the old and the new are both good for a while.
    """
    fields = {each.name: each for each in form.fields}
    if any(not fields[name].callback for name in secrets):
        return True
    return any(before.settings.get(name) != after.settings.get(name) for name, each in fields.items() if each.required)


def _tried(room: Sources, wanted: Source, secrets: Mapping[str, Secret]) -> Iterator[Finding]:
    """Test with credentials that nobody has kept yet."""
    together = {**current(room.secrets.get(wanted.uid)), **secrets}
    together = {name: each for name, each in together.items() if each.reveal()}
    last = Check.CREDENTIALS
    try:
        with closing(room.connectors.open(wanted, together)) as connector:
            for finding in connector.examine():
                last = finding.check
                yield finding
    except RollcallError as error:
        yield Finding.failed(last, error)


def _is_let_in(findings: Sequence[Finding]) -> bool:
    """Tell whether the vendor took the credentials; what else is wrong was so before, and is only shown."""
    return any(each.grade is not Grade.FAILED for each in findings if each.check is Check.CREDENTIALS) and not any(
        each.grade is Grade.FAILED for each in findings if each.check is Check.CREDENTIALS
    )


def _replace_secrets(room: Sources, form: Form, uid: str, secrets: Mapping[str, Secret]) -> bool:
    if not secrets:
        return False
    overlapping = {each.name for each in form.fields if each.callback}
    for _ in range(_TRIES):
        before = room.secrets.get(uid)
        if all(before.get(name, Secret("")).reveal() == each.reveal() for name, each in secrets.items()):
            return False
        if not before:  # they may have been dropped with the source meanwhile
            _check_stays(room, uid)
        after = rotated(before, secrets, overlapping, room.clock.now())
        if room.secrets.put(uid, after, instead_of=before):
            return True
    raise StoreConflictError("store is busy", retry_after=1.0)


def _leave_nothing_of_what_is_gone(room: Sources, uid: str) -> None:
    """Drop what was kept for a source after its deletion had dropped all there was."""
    try:
        _check_stays(room, uid)
    except (NotFoundError, ConflictError):
        room.secrets.drop(uid)
        room.logos.drop(uid)
        raise


def _check_stays(room: Sources, uid: str) -> None:
    source = room.catalog.source(uid)
    if source.deleting is not None:
        raise ConflictError("source is being deleted", handle=source.handle)


def _replace_logo(room: Sources, uid: str, logo: bytes | None) -> bool:
    if logo is None or (logo or None) == room.logos.get(uid):
        return False
    if logo:
        room.logos.put(uid, logo)
    else:
        room.logos.drop(uid)
    return True
