"""One one-time page, from its code to what it saved: what is set up on it must not go through a chat.

Opening the link consumes nothing, so that a preview of it may look. The right code gives the page to the browser that
sent it; from then on it acts as the person who asked, as what they are by now. Secrets are asked for on the page that
saves them, so none is kept in between, and none ever goes back.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from chalicelib.core.catalogue import Lang, say
from chalicelib.core.code import fits
from chalicelib.core.diagnosis import told
from chalicelib.core.errors import (
    CallerError,
    ConflictError,
    DraftError,
    ForbiddenError,
    RollcallError,
    StoreConflictError,
    TransientError,
)
from chalicelib.core.finding import Finding, Grade
from chalicelib.core.message import HttpRequest, HttpResponse, Outgoing
from chalicelib.core.page import (
    MOST_TRIES,
    PAGE_LIFE,
    LinkKey,
    LogoChoice,
    Saved,
    Shown,
    Step,
    Visit,
    is_browser,
    is_for_a_new_one,
    is_over,
    new_id,
    seal_browser,
)
from chalicelib.core.ports import (
    Admins,
    Audit,
    AuditLine,
    Bell,
    Catalog,
    Chats,
    Clock,
    Connectors,
    Pages,
)
from chalicelib.core.principal import Principal, Role, permits
from chalicelib.core.reply import Button, Line, Reply, Tone, Weight
from chalicelib.core.source import Source
from chalicelib.notices.show import local
from chalicelib.pages.answers import begun, draft, dropped_secrets, given_secrets, typed
from chalicelib.pages.draw import words
from chalicelib.pages.posted import Posted, browser, is_from_here, is_https, is_loopback, posted
from chalicelib.pages.preview import titled
from chalicelib.pages.show import Showing, Turn, preferred, secret_names
from chalicelib.sources.draft import Draft, new_uid
from chalicelib.sources.links import Links
from chalicelib.sources.room import Created, Edited, Sources

log = logging.getLogger(__name__)

# The audit log's word for a code that was typed, right or wrong.
ENTER: Final = "page enter"
# Longer than a request may take; who has been saving for longer was killed.
SAVING: Final = timedelta(seconds=60)
_RACES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimePage:
    """The page behind one link; `link` is as in the URL, anything at all."""

    link: str
    pages: Pages
    links: Links
    sources: Sources
    admins: Admins
    catalog: Catalog
    connectors: Connectors
    showing: Showing
    chats: Chats
    chat_bell: Bell
    audit: Audit
    clock: Clock

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Show the page, or do what was pressed on it; what is refused is a page too."""
        try:
            return self._answer(request)
        except RollcallError as error:
            log.warning("page refused", extra={"code": error.code})
            status = (
                error.status if isinstance(error, CallerError) else 503 if isinstance(error, TransientError) else 500
            )
            return self.showing.refusal(request, preferred(request), error, status)

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if not is_https(request) and not is_loopback(request):
            raise ForbiddenError("page needs https")
        is_post = request.method == "POST"
        if is_post and not is_from_here(request):
            raise ForbiddenError("form is stale")
        key = self.links.key()
        visit = self._visit(key) if key else None
        if key is None or visit is None or is_over(visit, self.clock.now()):
            return self.showing.gone(request, visit)
        said = posted(request) if is_post else Posted()
        turn = Turn(request=request, visit=visit, key=key, browser=browser(request), said=said)
        if is_post and not (turn.browser and key.is_form_token(visit, turn.browser, said.get("token"))):
            # Of a page that another browser has, nothing is told.
            if visit.step is Step.CODE or is_browser(visit, turn.browser):
                raise ForbiddenError("form is stale")
            return self.showing.gone(request, visit)
        if visit.step is Step.CODE:
            return self._enter(turn) if is_post else self.showing.code(turn)
        if not is_browser(visit, turn.browser):
            return self.showing.gone(request, visit)
        if is_post:
            return self._do(turn)
        self._check_owner(visit)
        return self.showing.step(turn)

    def _visit(self, key: LinkKey) -> Visit | None:
        visit_id = key.visit_id(self.link)
        return None if visit_id is None else self.pages.visit(visit_id)

    # --- the code

    def _enter(self, turn: Turn) -> HttpResponse:
        """Take a code. Each wrong one counts before anything is said about it, however many come at once."""
        lang = _said_language(turn)
        if turn.said.get("do") == "lang":
            return self.showing.code(turn, lang=_other(lang))
        code = "".join(turn.said.get("code").split())
        if not code:
            return self.showing.code(turn, words(lang, "missing"), status=422, lang=lang)
        for _ in range(_RACES):
            visit, now = self._visit(turn.key), self.clock.now()
            if visit is None or visit.step is not Step.CODE or is_over(visit, now):
                return self.showing.gone(turn.request, visit)
            if fits(code, visit.code):
                held = new_id()
                after = self._opened(replace(visit, lang=lang), held)
                if self.pages.change(visit, after):
                    self._note(visit, "done")
                    log.info("page opened", extra={"edits": bool(visit.edits)})
                    return self.showing.again(turn.request, self.showing.cookie(turn, held, after))
            else:
                tries = visit.tries + 1
                step = Step.ENDED if tries >= MOST_TRIES else Step.CODE
                if self.pages.change(visit, replace(visit, tries=tries, step=step)):
                    self._note(visit, "wrong page code")
                    if step is Step.ENDED:
                        return self.showing.gone(turn.request, visit)
                    error = say("wrong page code", lang, {"left": MOST_TRIES - tries})
                    return self.showing.code(turn, error, status=403, lang=lang)
        raise StoreConflictError("store is busy", retry_after=1.0)

    def _opened(self, visit: Visit, held: str) -> Visit:
        """Give a page to one browser, at the first step that is not settled already."""
        opened = replace(
            visit, session=seal_browser(held), code="", expires_at=self.clock.now() + PAGE_LIFE, step=Step.KIND
        )
        source = self.showing.edited(visit)
        kind = source.kind if source else visit.answers.get("kind", "")
        if not kind and len(self.connectors.forms()) == 1:
            kind = self.connectors.forms()[0].kind
        if kind not in {each.kind for each in self.connectors.forms()}:
            return opened
        form = self.connectors.form(kind)
        answers, began = begun(form, source, visit.answers), begun(form, source, {}) if source else {}
        return replace(opened, step=Step.FORM, answers=answers, began=began)

    # --- what is pressed

    def _do(self, turn: Turn) -> HttpResponse:
        visit, said = turn.visit, turn.said
        do = said.get("do") or ("kind" if said.get("kind") else "")
        if do in ("save", "activate") and visit.step is Step.REVIEW:
            return self._save(turn, enabled=do == "activate")
        self._check_owner(visit)
        match visit.step, do:
            case _, "off" if visit.step is not Step.DONE:
                return self._called_off(turn)
            case Step.FORM, "check":
                return self._check(turn)
            case Step.FORM, "lang":
                form = self.showing.form_of(visit)
                answers = typed(form, said, visit.answers, is_new=not visit.edits)
                after = replace(visit, lang=_other(visit.lang), answers=answers)
            case _, "lang":
                after = replace(visit, lang=_other(visit.lang))
            case Step.KIND, "kind":
                form = self.connectors.form(said.get("kind"))
                after = replace(visit, step=Step.FORM, answers=begun(form, None, visit.answers))
            case Step.REVIEW, "back":
                after = replace(visit, step=Step.FORM)
            case Step.DONE, "again" if visit.saved is not None:
                after = self._again_at(visit, visit.saved)
            case _:
                after = visit
        if after is not visit:
            self.pages.change(visit, after)  # if somebody was faster, what they did is shown
        return self.showing.again(turn.request)

    def _called_off(self, turn: Turn) -> HttpResponse:
        visit = turn.visit
        self.pages.change(visit, replace(visit, step=Step.ENDED, answers={}))
        self.pages.keep_logo(visit, b"")
        return self.showing.called_off(turn)

    def _again_at(self, visit: Visit, saved: Saved) -> Visit:
        """Go on with what was saved, as an edit of it."""
        source = self.catalog.source(saved.source)
        form = self.connectors.form(source.kind)
        again = replace(visit, step=Step.FORM, edits=source.uid, makes="", saved=None)
        if not saved.changed:
            return again
        answers = begun(form, source, {})
        return replace(again, answers=answers, began=answers, logo=LogoChoice.KEPT)

    # --- the form

    def _check(self, turn: Turn) -> HttpResponse:
        """Look at what was typed. What is wrong is shown beside it, all at once; what was typed stays."""
        visit, form = turn.visit, self.showing.form_of(turn.visit)
        answers = typed(form, turn.said, visit.answers, is_new=not visit.edits)
        picture = turn.said.files.get("logo", b"")
        what = draft(form, answers, enabled=False, logo=picture or None, began=visit.began)
        found = self.showing.wrong(visit, what)
        found = {name: error for name, error in found.items() if name not in secret_names(form)}
        logo = visit.logo
        if picture and "logo" not in found:
            self.pages.keep_logo(visit, picture)
            logo = LogoChoice.GIVEN
        elif turn.said.get("logo_none"):
            logo = LogoChoice.NONE
        elif logo is LogoChoice.NONE:
            logo = LogoChoice.KEPT
        after = replace(visit, answers=answers, logo=logo, step=Step.FORM if found else Step.REVIEW)
        if not self.pages.change(visit, after) or not found:
            return self.showing.again(turn.request)
        return self.showing.form(replace(turn, visit=after), found, status=422)

    # --- saving

    def _save(self, turn: Turn, *, enabled: bool) -> HttpResponse:
        """Save once, however often it is pressed: whoever is first has the page until it is saved."""
        visit, form, now = self._gone_on(turn.visit), self.showing.form_of(turn.visit), self.clock.now()
        turn = replace(turn, visit=visit)
        source = self.showing.edited(visit)
        makes = visit.makes or ("" if source else new_uid())
        what = draft(
            form,
            visit.answers,
            enabled=enabled,
            secrets=given_secrets(form, turn.said),
            logo=self._logo(visit),
            dropped=dropped_secrets(form, turn.said) if source else (),
            began=visit.began,
            uid=makes,
        )
        found = self.showing.wrong(visit, what)
        if found:
            self._check_owner(visit)
            return self.showing.review(turn, found, status=422)
        claimed = replace(visit, saving_until=now + SAVING, makes=makes)
        if (visit.saving_until is not None and now < visit.saving_until) or not self.pages.change(visit, claimed):
            raise ConflictError("page is saving")
        claimed = replace(claimed, revision=visit.revision + 1)
        try:
            done = self._saved(self._who(visit), source, what)
        except RollcallError as error:
            free = replace(self._gone_on(claimed), saving_until=None)
            self.pages.change(claimed, free)
            if isinstance(error, ForbiddenError):
                raise
            log.warning("page not saved", extra={"code": error.code})
            several = error.wrong if isinstance(error, DraftError) else {"": error}
            return self.showing.review(
                replace(turn, visit=replace(free, revision=claimed.revision + 1)), several, status=422
            )
        saved = self._outcome(done, source, what, is_new=is_for_a_new_one(claimed))
        after = replace(claimed, step=Step.DONE, saved=saved, saving_until=None)
        if saved.changed:
            after = replace(after, answers={"kind": form.kind})
            self.pages.keep_logo(visit, b"")
        self.pages.change(claimed, after)
        log.info("page saved", extra={"enabled": saved.enabled, "edits": bool(visit.edits), "changed": saved.changed})
        self._tell(after, done)
        return self.showing.again(turn.request)

    def _gone_on(self, visit: Visit) -> Visit:
        """Go on with the source that a request has kept before it was killed or failed, as an edit of it."""
        made = [each for each in self.catalog.sources() if visit.makes and each.uid == visit.makes]
        if visit.edits or not made:
            return visit if visit.edits else replace(visit, makes="")
        return replace(visit, edits=made[0].uid, answers={**visit.answers, "handle": made[0].handle})

    def _saved(self, who: Principal, source: Source | None, what: Draft) -> Created | Edited:
        if source is None:
            return self.sources.create(who, what, activate_gate=True)
        return self.sources.edit(who, source.handle, what)

    def _outcome(self, done: Created | Edited, before: Source | None, what: Draft, *, is_new: bool) -> Saved:
        source = done.source
        failed = any(each.grade is Grade.FAILED for each in done.findings)
        # Where nothing else was to be saved, a test that failed has only kept it from being activated.
        tried = before is not None and (bool(what.secrets) or dict(what.settings) != dict(before.settings))
        return Saved(
            source=source.uid,
            enabled=source.enabled,
            changed=is_new or isinstance(done, Created) or done.changed or not failed or not tried,
            findings=tuple(self._shown(each, source) for each in done.findings),
        )

    def _shown(self, finding: Finding, source: Source) -> Shown:
        console = self.connectors.form(source.kind).console
        facts = {**local(finding.facts, source.schedule.zone), "handle": source.handle}
        en, zh = (told(finding, lang, console, facts) for lang in (Lang.EN, Lang.ZH))
        return Shown(
            grade=finding.grade,
            en=(en.tried, en.came, en.means, en.do),
            zh=(zh.tried, zh.came, zh.means, zh.do),
        )

    def _tell(self, visit: Visit, done: Created | Edited) -> None:
        """Say in the chat what came of it, in the words of the one who asked."""
        source, lang = done.source, visit.lang
        assert visit.saved is not None  # noqa: S101 - it was saved just now
        text = titled(visit.saved, source, lang, is_new=is_for_a_new_one(visit))
        failed = sum(each.grade is Grade.FAILED for each in done.findings)
        lines = [Line(text=text, tone=Tone.WARN if failed else Tone.GOOD)]
        if failed:
            lines.append(Line(text=say("page found failures", lang, {"count": failed, "handle": source.handle})))
        handle, zh = source.handle, lang is Lang.ZH
        preview = Button(label="预览同步" if zh else "Preview", command=f"sync preview {handle}", weight=Weight.PRIMARY)
        test = Button(label="检测" if zh else "Test", command=f"test {handle}", weight=Weight.PRIMARY)
        enable = Button(label="启用" if zh else "Enable", command=f"enable {handle}")
        show = Button(label="查看" if zh else "Show", command=f"source show {handle}")
        buttons = (preview, show) if source.enabled else (test, enable, show)
        reply = Reply(title=handle, blocks=tuple(lines), buttons=buttons, data=None, tone=lines[0].tone, lang=lang)
        outgoing_id = f"page:{visit.visit_id}:{visit.revision}"
        self.chats.put([Outgoing(outgoing_id=outgoing_id, to=visit.to, reply=reply, created_at=self.clock.now())])
        self.chat_bell.ring(visit.source)

    # --- who

    def _who(self, visit: Visit) -> Principal:
        """Name who asked, as what they are by now: rights that were taken away are gone here too."""
        admin = self.admins.admin(visit.source, visit.person)
        return Principal(
            key=visit.person,
            role=admin.role if admin else Role.VIEWER,
            door=visit.source,
            audits=admin.audits if admin else False,
            where=visit.to.chat,
        )

    def _check_owner(self, visit: Visit) -> None:
        """
        Raises:
            ForbiddenError: they are no owner any more.
        """
        if not permits(self._who(visit), Role.OWNER):
            raise ForbiddenError("forbidden", role=Role.OWNER.name.lower())

    def _note(self, visit: Visit, outcome: str) -> None:
        who, at, source = self._who(visit), self.clock.now(), visit.edits or None
        self.audit.note(AuditLine(at=at, principal=who, verb=ENTER, source=source, task=None, outcome=outcome))

    def _logo(self, visit: Visit) -> bytes | None:
        match visit.logo:
            case LogoChoice.GIVEN:
                return self.pages.logo(visit.visit_id)
            case LogoChoice.NONE:
                return b""
            case _:
                return None


def _other(lang: Lang) -> Lang:
    return Lang.EN if lang is Lang.ZH else Lang.ZH


def _said_language(turn: Turn) -> Lang:
    """Go on in the language that the code was asked for in."""
    said = turn.said.get("lang")
    return Lang(said) if said in tuple(Lang) else turn.visit.lang
