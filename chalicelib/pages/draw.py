"""From a template to a response: everything that is shown is escaped, and the browser is told to load nothing else."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chalicelib.core.catalogue import Lang
from chalicelib.core.message import HttpResponse
from chalicelib.pages.words import WORDS

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

HERE: Final = Path(__file__).parent / "templates"
_STRICT: Final = "max-age=31536000"


def page(
    template: str,
    lang: Lang,
    facts: Mapping[str, object],
    *,
    status: int = 200,
    https: bool = True,
    cookie: str = "",
) -> HttpResponse:
    """Render a page. `cookie` is a whole Set-Cookie, "" for none."""
    nonce = secrets.token_urlsafe(16)
    text = _templates().get_template(template).render(facts, nonce=nonce, lang=lang, t=functools.partial(words, lang))
    headers = {**_headers(nonce), **({"Set-Cookie": cookie} if cookie else {})}
    if https:
        headers["Strict-Transport-Security"] = _STRICT
    return HttpResponse(status=status, body=text, headers=headers)


def moved(to: str, *, https: bool, cookie: str = "") -> HttpResponse:
    """Send a browser on, by a GET; `to` is relative to where it is."""
    headers = {**_headers(""), "Location": to, **({"Set-Cookie": cookie} if cookie else {})}
    if https:
        headers["Strict-Transport-Security"] = _STRICT
    return HttpResponse(status=303, body="", headers=headers)


def words(lang: Lang, name: str, /, **facts: object) -> str:
    """Name what a page says."""
    text = WORDS[name][lang is Lang.ZH]
    return text.format_map(facts) if facts else text


def _headers(nonce: str) -> Mapping[str, str]:
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src data:; "
            "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        ),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cache-Control": "no-store",
        "X-Robots-Tag": "noindex, nofollow",
    }


def sentence(text: str) -> str:
    """Begin a text as a sentence, if it begins with a word."""
    first = text.split(" ", 1)[0].rstrip(",;:")
    return text[:1].upper() + text[1:] if first.isascii() and first.isalpha() and first.islower() else text


def _coded(text: str) -> Markup:
    """Show what stands between backticks as what is typed; everything is escaped."""
    from markupsafe import Markup

    pieces = text.split("`")
    parts = (
        Markup("<code>{}</code>").format(each) if at % 2 else Markup("{}").format(each)
        for at, each in enumerate(pieces)
    )
    return Markup("").join(parts)


@functools.cache
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["coded"] = _coded
    for name in ("page.css", "page.js"):
        made.globals[name.replace(".", "_")] = (HERE / name).read_text(encoding="utf-8")
    return made
