"""Somebody who asks the bot for a page, and a browser that opens it: the routes of the real app behind them."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode, urlsplit

from chalice.test import Client

import app
from chalicelib import wiring
from chalicelib.core.page import Visit
from tests.bot.chat import Chat, a_chat
from tests.bot.talk import words
from tests.scripted import House

ADDRESS = "http://127.0.0.1:8400"
CANARY = "canary-9f3c-secret"
BOUNDARY = "----a-boundary"


def a_house() -> House:
    """A company with one source, whose program knows its own address."""
    house = House()
    house.outside = replace(house.outside, served_at=ADDRESS)
    wiring.use(house.outside)
    return house


@dataclass
class Page:
    """What a browser got."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> str:
        """What there is to read, without the styles and scripts."""
        found = re.search(r"<main>.*</main>", self.text, re.DOTALL)
        return html.unescape(re.sub(r"<[^>]*>", " ", found[0])) if found else ""

    def value(self, name: str) -> str:
        found = re.search(rf'<input[^>]* name="{re.escape(name)}" value="([^"]*)"', self.text)
        assert found is not None, f"no field {name}"
        return html.unescape(found[1])

    def errors(self) -> Mapping[str, str]:
        """What is wrong, by the id of the field it stands at."""
        found = re.findall(r'<p class="error" id="([^"]+)-error"[^>]*>(.*?)</p>', self.text)
        return {name: html.unescape(re.sub(r"<[^>]*>", "", text)) for name, text in found}

    @property
    def token(self) -> str:
        found = re.search(r'name="token" value="([^"]+)"', self.text)
        return found[1] if found else ""


@dataclass
class Browser:
    """Keeps the cookie of the one page it looks at, and follows what it is sent on to."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    cookie: str = ""
    seen: list[Page] = field(default_factory=list)

    @property
    def page(self) -> Page:
        return self.seen[-1]

    def get(self) -> Page:
        return self._ask("GET", b"", "")

    def post(self, *, token: str | None = None, **fields: str) -> Page:
        """Send a form of texts; names with a dot are given as a mapping to `send`."""
        return self.send(fields, token=token)

    def send(self, fields: Mapping[str, str], *, token: str | None = None, logo: bytes = b"") -> Page:
        sent = {"token": self.page.token if token is None else token, **fields}
        if logo:
            return self._follow(self._ask("POST", _multipart(sent, logo), f"multipart/form-data; boundary={BOUNDARY}"))
        return self._follow(self._ask("POST", urlencode(sent).encode(), "application/x-www-form-urlencoded"))

    def _follow(self, page: Page) -> Page:
        if page.status != 303:
            return page
        assert page.headers["Location"] == urlsplit(self.url).path.rpartition("/")[2]
        return self.get()

    def _ask(self, method: str, body: bytes, kind: str) -> Page:
        parts = urlsplit(self.url)
        headers = {"Host": parts.netloc, **({"Cookie": self.cookie} if self.cookie else {}), **self.headers}
        if kind:
            headers["Content-Type"] = kind
        with Client(app.app) as client:
            response = client.http.request(method, parts.path, headers=headers, body=body)
        if "Set-Cookie" in response.headers:
            self.cookie = response.headers["Set-Cookie"].split(";")[0]
        self.seen.append(Page(response.status_code, response.headers, response.body.decode()))
        return self.page


@dataclass
class Visitor:
    """An owner in a chat, who was sent a link and a code."""

    chat: Chat
    url: str
    code: str
    browser: Browser

    @property
    def house(self) -> House:
        return self.chat.house

    @property
    def visit(self) -> Visit:
        """The row behind the link."""
        found = self.house.outside.pages.visit(self.url.rpartition("/")[2].split(".")[0])
        assert found is not None
        return found

    def opened(self) -> Page:
        """Open the link and type the code."""
        self.browser.get()
        return self.browser.post(do="enter", code=self.code, lang=self.visit.lang)

    def reviewed(self, **more: str) -> Page:
        """Answer the form, rightly unless told otherwise."""
        self.opened()
        return self.browser.send({**ANSWERS, **_dotted(more), "do": "check"})

    def saved(self, do: str = "save", secret: str = CANARY, **more: str) -> Page:
        self.reviewed(**more)
        return self.browser.send({"do": do, "x.app_secret": secret})


ANSWERS = {
    "handle": "new",
    "name": "新来源",
    "description": "A new one",
    "automatic": "on",
    "user_info": "on",
    "rhythm": "daily",
    "hour": "3",
    "cycle_hours": "24",
    "cron": "0 0 * * *",
    "zone": "Asia/Shanghai",
    "x.app_id": "cli_2",
}


def _dotted(fields: Mapping[str, str]) -> Mapping[str, str]:
    return {name.replace("x_", "x.", 1) if name.startswith("x_") else name: value for name, value in fields.items()}


def a_visitor(house: House | None = None, text: str = "source create", *, chat: Chat | None = None) -> Visitor:
    """Type a command in the group, and take the link from there and the code from the private chat."""
    chat = chat or a_chat(house or a_house())
    answer, told = chat.hear(chat.message(text))
    assert answer.reply.link is not None, words(answer.reply)
    code = str(chat.drawn - 1)
    assert code not in words(answer.reply)
    url = answer.reply.link.url
    assert code not in url
    assert url not in words(told.reply)
    return Visitor(chat=chat, url=url, code=code, browser=Browser(url))


def another(visitor: Visitor, **headers: str) -> Browser:
    """Another browser at the same link."""
    return Browser(visitor.url, headers=headers)


def _multipart(fields: Mapping[str, Any], logo: bytes) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="logo"; filename="l.png"\r\nContent-Type: image/png'
    return b"".join([*parts, head.encode(), b"\r\n\r\n", logo, f"\r\n--{BOUNDARY}--\r\n".encode()])
