"""The same over real sockets: encoding, keep-alive, stalls and resets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from chalicelib.connectors import Means, Registry
from chalicelib.connectors.dingtalk.chat import DingTalkChat
from chalicelib.connectors.dingtalk.robot import DingTalkRobot
from chalicelib.core.message import HttpRequest
from chalicelib.core.ports import Connector
from chalicelib.core.presence import Gone
from chalicelib.core.reply import Line, Reply
from chalicelib.core.secret import Secret
from infra.lab import faults
from infra.lab.clock import SystemLabClock
from infra.lab.dingtalk.api import DingTalkApi
from infra.lab.dingtalk.workspace import DingTalkWorkspace
from infra.lab.server import LabServer
from infra.lab.wire import Answer
from tests.connectors.dingtalk.tenancy import OneSecret, Tenancy, a_company, a_person, employees, working_threads


class OverHttp:
    def __init__(self, tenancy: Tenancy) -> None:
        self.tenancy = tenancy
        self.company: DingTalkWorkspace = tenancy.workspace
        self.api = DingTalkApi(self.company, clock=SystemLabClock(), limits=False)
        self.server = LabServer(self.api, self.company)

    def reader(self) -> Connector:
        """Open a reader for which both hosts are one."""
        registry = Registry(secrets=OneSecret(self.company.app_secret), clock=self.tenancy.clock, in_flight=8)
        return registry.open(self.tenancy.source(oapi_url=self.server.url, api_url=self.server.url))


@pytest.fixture
def line() -> Iterator[OverHttp]:
    line = OverHttp(a_company(260, 20, edition="dedicated"))
    with line.server:
        yield line


def test_a_whole_company_is_read_and_a_leaver_confirmed(line: OverHttp) -> None:
    reader = line.reader()
    parts = {part.name: part for part in reader.parts({})}
    assert set(employees(parts)) == set(line.company.users)
    leaver = line.company.some_person(4)
    line.company.leave(leaver)
    key = a_person(leaver)
    assert isinstance(reader.confirm([key])[key], Gone)
    assert dict(line.api.calls) == reader.calls
    assert line.api.suspicious == []
    reader.close()
    assert working_threads() == []


def test_broken_connections_are_survived(line: OverHttp) -> None:
    line.api.faults.add(faults.reset(endpoint="users.*", first=3, last=6))
    reader = line.reader()
    parts = {part.name: part for part in reader.parts({})}
    assert set(employees(parts)) == set(line.company.users)
    reader.close()


def test_a_question_is_answered_through_its_session(line: OverHttp) -> None:
    company, heard = line.company, []
    source = line.tenancy.source(oapi_url=line.server.url, api_url=line.server.url)
    secrets = {"app_secret": Secret(company.app_secret)}

    def receive(url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        lowered = {name.lower(): value for name, value in headers.items()}
        request = HttpRequest(method="POST", path="/", headers=lowered, query={}, body=body)
        heard.append(DingTalkRobot().open(request, source, secrets, line.tenancy.clock.now()).delivery)
        return Answer(200, {}, b'{"msgtype":"empty"}')

    company.clock = line.tenancy.clock
    company.connect_chat("https://rollcall.example/callbacks/branch/chat", send=receive)
    asker = company.some_person(3)
    company.say(asker, "状态 status")
    assert company.robot is not None
    company.robot.drain()
    (delivery,) = heard
    assert delivery is not None
    chat = DingTalkChat(source=source, secrets=secrets, means=Means(clock=line.tenancy.clock))
    message = chat.read(delivery)
    assert message is not None
    assert message.address.session.startswith(f"{line.server.url}/robot/sendBySession?")
    chat.post(Reply(blocks=(Line(text="好 ok"),), data=None), message.address, once="m#0")
    chat.close()
    said = [post.content for post in company.talk.posts.values() if not post.by]
    assert said == [{"title": "好 ok", "text": "好 ok"}]
    assert line.api.calls["robot.session"] == 1


def test_a_reader_who_stops_closes_its_connections(line: OverHttp) -> None:
    reader = line.reader()
    parts = reader.parts({})
    next(parts)
    next(parts)
    reader.close()
    assert working_threads() == []
