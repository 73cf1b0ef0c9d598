"""What a page shows at each of its steps, and what it answers when there is nothing to show."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from chalicelib.core.catalogue import Lang, say
from chalicelib.core.errors import RollcallError
from chalicelib.core.finding import Grade
from chalicelib.core.message import HttpRequest, HttpResponse
from chalicelib.core.page import LinkKey, LogoChoice, Step, Visit, is_for_a_new_one, is_over, new_id
from chalicelib.core.ports import Catalog, Clock, Connectors, Logos, Pages, Secrets
from chalicelib.core.source import Form, Source
from chalicelib.notices.show import local
from chalicelib.pages.answers import begun, carried, draft
from chalicelib.pages.draw import moved, page, sentence, words
from chalicelib.pages.fields import Fields
from chalicelib.pages.posted import COOKIE, Posted, is_https, is_loopback
from chalicelib.pages.preview import clock_time, is_unknown, previewed, titled, what_next
from chalicelib.sources.draft import Draft, wrong
from chalicelib.sources.room import Sources

_PREFIX: Final = re.compile(r"[A-Za-z0-9/_-]{0,200}")
_PNG: Final = b"\x89PNG"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One request behind a good link: the page, and what its browser holds and says."""

    request: HttpRequest
    visit: Visit
    key: LinkKey
    browser: str
    said: Posted


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """Draws the page behind one link; it changes nothing."""

    link: str
    pages: Pages
    sources: Sources
    catalog: Catalog
    connectors: Connectors
    secrets: Secrets
    logos: Logos
    clock: Clock

    def code(self, turn: Turn, error: str = "", status: int = 200, lang: Lang | None = None) -> HttpResponse:
        """Ask for the code. Whoever has no cookie gets one, which proves nothing but that the form is theirs."""
        held = turn.browser or new_id()
        facts = {
            **self._common(replace(turn, browser=held), words(lang or turn.visit.lang, "code title")),
            "error": error,
        }
        cookie = "" if turn.browser else self.cookie(turn, held, turn.visit)
        return self._page("code.html", turn.request, lang or turn.visit.lang, facts, status=status, cookie=cookie)

    def step(self, turn: Turn) -> HttpResponse:
        match turn.visit.step:
            case Step.KIND:
                kinds = [(each.kind, each.label[turn.visit.lang is Lang.ZH]) for each in self.connectors.forms()]
                facts = {**self._common(turn, self._name(turn.visit)), "steps": _steps(turn.visit), "kinds": kinds}
                return self._page("kind.html", turn.request, turn.visit.lang, facts)
            case Step.FORM:
                return self.form(turn, {})
            case Step.REVIEW:
                return self.review(turn, {})
            case _:
                return self._done_page(turn)

    def form(self, turn: Turn, found: Mapping[str, RollcallError], status: int = 200) -> HttpResponse:
        visit, form = turn.visit, self.form_of(turn.visit)
        fields = Fields(form=form, lang=visit.lang, answers=visit.answers, wrong=found)
        main, more = fields.app()
        facts = {
            **self._common(turn, self._name(visit)),
            **fields.sync(),
            "steps": _steps(visit),
            "kind": form.label[visit.lang is Lang.ZH],
            "wrong_count": len(found),
            "about": fields.about(is_new=not visit.edits),
            "logo": fields.logo(),
            "logo_none": fields.logo_none(ticked=visit.logo is LogoChoice.NONE),
            "picture": self._picture(visit),
            "chosen": visit.logo is LogoChoice.GIVEN,
            "main": main,
            "more": more,
            "more_open": any(each.error for each in more),
        }
        return self._page("form.html", turn.request, visit.lang, facts, status=status)

    def review(self, turn: Turn, found: Mapping[str, RollcallError], status: int = 200) -> HttpResponse:
        visit, form = turn.visit, self.form_of(turn.visit)
        source, lang = self.edited(visit), visit.lang
        what = draft(form, visit.answers, enabled=True)
        full = self.wrong(visit, what).get("enabled")
        fields = Fields(
            form=form, lang=lang, answers=visit.answers, wrong={**({"enabled": full} if full else {}), **found}
        )
        beside = {*secret_names(form), "enabled"}
        kept = list(self.secrets.get(source.uid)) if source else None
        shown = carried(visit.answers, visit.began, begun(form, source, {})) if visit.began else visit.answers
        notices = [self._notice(fields, form, name) for name in found if name not in beside]
        if found:
            notices.append(words(lang, "secret again"))
        facts = {
            **self._common(turn, self._name(visit)),
            **self._to_copy(turn.request, what, form, lang),
            "steps": _steps(visit),
            "notices": notices,
            "preview": previewed(form, shown, lang, source, self.clock.now()),
            "picture": self._picture(visit) if visit.logo is not LogoChoice.NONE else "",
            "secrets": fields.secrets(kept),
            "needless": fields.needless(kept),
            "blocked": fields.error("enabled") if not (source and source.enabled) else "",
            "is_enabled": source is not None and source.enabled,
            "is_edit": source is not None,
        }
        return self._page("review.html", turn.request, lang, facts, status=status)

    def _done_page(self, turn: Turn) -> HttpResponse:
        visit, lang, saved = turn.visit, turn.visit.lang, turn.visit.saved
        if saved is None:
            return self.gone(turn.request, visit)
        source = self.catalog.source(saved.source)
        form = self.connectors.form(source.kind)
        failed = any(each.grade == Grade.FAILED for each in saved.findings)
        zh = lang is Lang.ZH
        problem = ""
        if failed:
            key = "not activated" if saved.changed else "refused credentials"
            problem = words(lang, key, handle=source.handle) if saved.changed else words(lang, key)
            problem = "" if saved.changed and saved.enabled else problem
        facts = {
            **self._common(turn, titled(saved, source, lang, is_new=is_for_a_new_one(visit))),
            **self._to_copy(turn.request, source, form, lang),
            "steps": _steps(visit),
            "problem": problem,
            "findings": [(each.grade, *map(sentence, each.zh if zh else each.en)) for each in saved.findings],
            "next": what_next(form, source, lang, saved, self.sources.replaced(source)),
        }
        return self._page("done.html", turn.request, lang, facts)

    def gone(self, request: HttpRequest, visit: Visit | None) -> HttpResponse:
        """Say one thing of whatever is no good: a link that was spent, is over, was forged, or never was."""
        lang = preferred(request)
        is_open = (
            visit is not None and visit.step not in (Step.CODE, Step.ENDED) and not is_over(visit, self.clock.now())
        )
        facts = {
            "title": words(lang, "gone title"),
            "tone": "",
            "text": words(lang, "gone text"),
            "commands": ("新建来源", "编辑来源 hq") if lang is Lang.ZH else ("source create", "source edit hq"),
            # The cookie of a page is not sent when another site leads here; from here it is.
            "again": words(lang, "gone here") if is_open and request.method == "GET" else "",
        }
        return self._page("said.html", request, lang, facts, status=404)

    def called_off(self, turn: Turn) -> HttpResponse:
        lang = turn.visit.lang
        facts = {
            "title": words(lang, "called off title"),
            "tone": "",
            "text": words(lang, "called off text"),
            "commands": (),
            "again": "",
        }
        return self._page("said.html", turn.request, lang, facts)

    def refusal(self, request: HttpRequest, lang: Lang, error: RollcallError, status: int) -> HttpResponse:
        facts = {
            "title": words(lang, "refused title"),
            "tone": "bad",
            "text": say(error.code, lang, local(error.facts, "UTC")),
            "commands": (),
            "again": words(lang, "reload"),
        }
        return self._page("said.html", request, lang, facts, status=status)

    def again(self, request: HttpRequest, cookie: str = "") -> HttpResponse:
        """Send the browser to the page anew, so that reloading it sends nothing twice."""
        return moved(self.link, https=is_https(request), cookie=cookie)

    def cookie(self, turn: Turn, held: str, visit: Visit) -> str:
        left_s = max(0, int((visit.expires_at - self.clock.now()).total_seconds()))
        path = f"{self._prefix(turn.request)}/pages/{self.link}"
        secure = "" if not is_https(turn.request) and is_loopback(turn.request) else "; Secure"
        return f"{COOKIE}={held}; Path={path}; Max-Age={left_s}; HttpOnly; SameSite=Strict{secure}"

    def edited(self, visit: Visit) -> Source | None:
        return self.catalog.source(visit.edits) if visit.edits else None

    def form_of(self, visit: Visit) -> Form:
        return self.connectors.form(visit.answers.get("kind", ""))

    def wrong(self, visit: Visit, what: Draft) -> Mapping[str, RollcallError]:
        form = self.connectors.form(what.kind)
        return wrong(what, form, self.catalog.sources(), self.clock.now(), edits=self.edited(visit))

    def _notice(self, fields: Fields, form: Form, name: str) -> str:
        """Say what is wrong with an answer of the page before."""
        text = fields.error(name)
        asked = next((each.label[fields.lang is Lang.ZH] for each in form.fields if each.name == name), "")
        return f"{asked}: {text}" if asked else text

    def _to_copy(self, request: HttpRequest, what: Source | Draft, form: Form, lang: Lang) -> Mapping[str, object]:
        """Name what to copy; behind an address of https nobody need tell us that address."""
        sources = self.sources
        if not sources.public_url and is_https(request):
            address = f"https://{request.headers.get('host', '')}{self._prefix(request)}"
            sources = replace(sources, public_url=address)
        rows = sources.copied(what)
        zh = lang is Lang.ZH
        return {
            "copied": [(chinese if zh else sentence(english), value) for english, chinese, value in rows],
            "is_unknown": any(is_unknown(value) for _, _, value in rows),
            "kind": form.label[zh],
            "handle": what.handle,
        }

    def _common(self, turn: Turn, title: str) -> dict[str, object]:
        visit, now = turn.visit, self.clock.now()
        zone = self._zone(visit)
        return {
            "title": title,
            "token": turn.key.form_token(visit, turn.browser),
            "until": clock_time(visit.expires_at, zone),
            "left_s": max(0, int((visit.expires_at - now).total_seconds())),
        }

    def _name(self, visit: Visit) -> str:
        source = self.edited(visit)
        return words(visit.lang, "edit title", name=source.name) if source else words(visit.lang, "create title")

    def _zone(self, visit: Visit) -> str:
        """Name the zone in which the asker's chat tells the time."""
        return next((each.schedule.zone for each in self.catalog.sources() if each.uid == visit.source), "UTC")

    def _picture(self, visit: Visit) -> str:
        """Draw the logo into the page itself: the page loads nothing."""
        raw = self.pages.logo(visit.visit_id) if visit.logo is LogoChoice.GIVEN else b""
        if not raw and visit.edits:
            raw = self.logos.get(visit.edits) or b""
        if not raw:
            return ""
        kind = "png" if raw.startswith(_PNG) else "jpeg"
        return f"data:image/{kind};base64,{base64.b64encode(raw).decode()}"

    def _page(
        self,
        template: str,
        request: HttpRequest,
        lang: Lang,
        facts: Mapping[str, object],
        *,
        status: int = 200,
        cookie: str = "",
    ) -> HttpResponse:
        return page(template, lang, facts, status=status, https=is_https(request), cookie=cookie)

    def _prefix(self, request: HttpRequest) -> str:
        """Name what stands before our paths where the browser sees them: a stage, or nothing."""
        prefix, found, _ = request.url_path.rpartition(f"/pages/{self.link}")
        return prefix if found and _PREFIX.fullmatch(prefix) else ""


def secret_names(form: Form) -> Sequence[str]:
    return [each.name for each in form.fields if each.secret]


def preferred(request: HttpRequest) -> Lang:
    """Guess the language of a browser that we know nothing of."""
    return Lang.ZH if request.headers.get("accept-language", "").lower().startswith("zh") else Lang.EN


def _steps(visit: Visit) -> Sequence[str]:
    """Name the steps of a page; the kind of a source that is edited is settled."""
    return [*([Step.KIND.value] if not visit.edits else []), Step.FORM.value, Step.REVIEW.value, Step.DONE.value]
