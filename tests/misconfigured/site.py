"""One installation with one source, healthy in every respect until somebody plants something."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import httpx

from chalicelib import wiring
from chalicelib.bot.answer import Bot
from chalicelib.bot.parse import parse
from chalicelib.connectors import Registry
from chalicelib.core.catalogue import Lang
from chalicelib.core.errors import SignatureError
from chalicelib.core.message import HttpRequest
from chalicelib.core.ports import PRESSES, Put
from chalicelib.core.principal import TERMINAL
from chalicelib.core.reply import Reply
from chalicelib.core.secret import Secret
from chalicelib.core.source import Source
from chalicelib.local.clock import ManualClock
from chalicelib.local.table import SqliteTable
from chalicelib.settings import Settings
from chalicelib.sources.draft import Draft
from chalicelib.store.codec import source_item
from infra.lab import dingtalk, lark
from infra.lab.clock import LabClock
from infra.lab.dingtalk.workspace import Edition
from infra.lab.lark.workspace import Cloud
from infra.lab.push import Pusher
from infra.lab.transport import LabTransport
from infra.lab.wire import Answer, LabError
from tests.builders import NOON
from tests.scripted import HeardBell, NoSecrets

PUBLIC: Final = "https://rollcall.example.com"
URL: Final = "http://127.0.0.1/callbacks/hq/"
KEY: Final = "k" * 43
TOKEN: Final = "site0token"
TEMPLATE: Final = "0b9a2f9e-9d1c-4d57-8c0e-4c5f2f8b9a10.schema"
FEISHU, INTERNATIONAL = "open.feishu.cn", "open.larksuite.com"

Found = Mapping[str, Any]


@dataclass(slots=True)
class SkewedClock:
    """The vendor's clock, which need not be ours."""

    clock: ManualClock
    by: timedelta = timedelta()

    def now(self) -> Any:
        return self.clock.now() + self.by

    def sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds)


class Wire(httpx.BaseTransport):
    """The network between us and the hosts; `broken` are the errors that a host is met with."""

    def __init__(self, hosts: Mapping[str, Any]) -> None:
        self.hosts = dict(hosts)
        self.broken: dict[str, Exception] = {}
        self.sent: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        if request.url.host in self.broken:
            raise httpx.ConnectError("no way", request=request) from self.broken[request.url.host]
        return LabTransport(self.hosts).handle_request(request)


class Page:
    """A web server that is no vendor."""

    def __init__(self, clock: LabClock) -> None:
        self.clock = clock

    def handle(self, *request: object) -> Answer:
        return Answer(200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><html><body>Welcome</body></html>")


@dataclass
class Site:
    """Plant before `settle` what was wrong from the beginning, after it what became so."""

    vendor: str
    people: int = 60
    departments: int = 8
    seed: int = 3
    public_url: str = PUBLIC
    subscribed: bool = True
    cards_checked: bool = True
    cloud: Cloud = "feishu"
    edition: Edition = "standard"
    settings: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = ManualClock(NOON)
        self.vendor_clock = SkewedClock(self.clock)
        self.company: Any
        self.api: Any
        if self.vendor == "lark":
            self.company = lark.LarkWorkspace.generate(
                self.seed, self.people, self.departments, clock=self.vendor_clock, cloud=self.cloud
            )
            here = lark.LarkApi(self.company, clock=self.vendor_clock, cloud="feishu")
            there = lark.LarkApi(self.company, clock=self.vendor_clock, cloud="lark")
            self.api = here if self.cloud == "feishu" else there
            self.wire = Wire({FEISHU: here, INTERNATIONAL: there})
            base = FEISHU if self.cloud == "feishu" else INTERNATIONAL
            self.settings = {"app_id": self.company.app_id, "base_url": f"https://{base}", **self.settings}
            keys = {"encrypt_key": KEY, "verification_token": TOKEN}
        else:
            self.company = dingtalk.DingTalkWorkspace.generate(
                self.seed, self.people, self.departments, clock=self.vendor_clock, edition=self.edition
            )
            self.api = dingtalk.DingTalkApi(self.company, clock=self.vendor_clock)
            self.company.install_card(TEMPLATE, "title", [], [])
            self.company.route_card(f"rollcall-{self.company.app_key}", f"{URL}cards", "card-secret")
            self.wire = Wire({"oapi.dingtalk.com": self.api, "api.dingtalk.com": self.api})
            app = {"app_key": self.company.app_key, "corp_id": self.company.corp_id, "daily_details": "0"}
            self.settings = {**app, "card_template": TEMPLATE, **self.settings}
            keys = {"aes_key": KEY, "token": TOKEN, "card_api_secret": "card-secret"}
        self.secrets = {"app_secret": self.company.app_secret, **keys, **self.secrets}
        self.table, self.kept, bell = SqliteTable(":memory:"), NoSecrets(), HeardBell()
        registry = Registry(secrets=self.kept, clock=self.clock, transport=self.wire)
        settings = Settings(home=Path("unused"), public_url=self.public_url)
        self.outside = wiring.around(settings, self.table, self.kept, bell, self.clock, registry)
        wiring.use(self.outside)
        draft = Draft(
            handle="hq",
            kind=self.vendor,
            name="总部",
            settings=self.settings,
            secrets={name: Secret(text) for name, text in self.secrets.items()},
        )
        self.source: Source = wiring.rooms().sources.create(TERMINAL, draft, activate_gate=False).source
        self.pusher: Pusher | None = None

    def close(self) -> None:
        wiring.use(None)
        self.table.close()

    def settle(self) -> None:
        """Subscribe, read everything once, and see an event arrive."""
        if self.subscribed:
            self.subscribe()
        if self.vendor == "lark" and self.cards_checked:
            self.company.connect_chat(f"{URL}cards", KEY, TOKEN, send=self.send)
        self.sync()
        self.clock.sleep(60)
        if self.pusher is not None:
            self.happen()

    def subscribe(self, key: str = KEY, token: str = TOKEN) -> None:
        self.pusher = self.company.subscribe(f"{URL}events", key, token, send=self.send)

    def happen(self) -> None:
        """Let something happen there, and arrive here."""
        self.company.rename(self.company.some_person(1), "改名")
        self.clock.sleep(30)
        if self.pusher is not None:
            self.pusher.push_due()
        wiring.deliverer().deliver(self.source.uid, lambda: math.inf)

    def sync(self) -> None:
        asked = wiring.requests().sync_now(TERMINAL, "hq").task
        for _ in range(50):
            if self.outside.tasks.get(asked.task_id).status.is_over:
                return
            self.clock.sleep(1)
            wiring.runner().wake(self.source.uid, lambda: math.inf)

    def pressed(self) -> None:
        self.outside.doors.seen(self.source.uid, PRESSES, self.clock.now())

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Hand a push to the room behind its door."""
        parts = urlsplit(url)
        lower = {name.lower(): value for name, value in headers.items()}
        request = HttpRequest(
            method="POST", path=parts.path, headers=lower, query=dict(parse_qsl(parts.query)), body=body
        )
        try:
            answer = wiring.receiver("hq", parts.path.rpartition("/")[2]).receive(request)
        except SignatureError:
            return Answer(401, {}, b"{}")
        return Answer(answer.status, dict(answer.headers), answer.body.encode())

    # --- what can be set wrongly here

    def rewrite(self, **changes: Any) -> None:
        self.source = replace(self.source, **changes)
        self.table.write([Put(item=source_item(self.source))])

    def set(self, **settings: str) -> None:
        self.rewrite(settings={**self.source.settings, **settings})

    def keep(self, **secrets: str) -> None:
        """Keep these secrets instead; an empty one is none."""
        together = {**self.secrets, **secrets}
        self.kept.put(self.source.uid, {name: Secret(text) for name, text in together.items() if text})

    def subscribe_wrongly(self, key: str, token: str) -> None:
        """Save the URL in the console with keys that are not ours: its check fails."""
        try:
            self.subscribe(key, token)
        except LabError:
            return
        raise AssertionError("the check of the URL passed")

    # --- the test, as a person asks for it

    def reply(self, lang: Lang = Lang.EN) -> Reply:
        return Bot(rooms=wiring.rooms()).answer(TERMINAL, lang, parse(("test", "hq"), lang))

    def test(self, lang: Lang = Lang.EN) -> Sequence[Found]:
        found = json.loads(json.dumps(self.reply(lang).data))
        assert isinstance(found, list)
        return found
