"""A small caller of the simulated DingTalk, with no opinions: it sends what a test says and shows what came back."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from infra.lab.clock import ManualLabClock
from infra.lab.dingtalk import Choices, DingTalkApi, DingTalkWorkspace
from infra.lab.dingtalk.workspace import Edition
from infra.lab.transport import LabTransport

OAPI, API = "https://oapi.dingtalk.com", "https://api.dingtalk.com"
LISTSUB, USER_LIST, USER_GET = "v2/department/listsub", "v2/user/list", "v2/user/get"


@dataclass(frozen=True)
class Shown:
    """One answer; `body` is the JSON document."""

    status: int
    body: Any

    @property
    def code(self) -> int:
        """The errcode, or the sub_code behind the gateway's 88."""
        code = self.body["errcode"]
        return int(self.body["sub_code"]) if code == 88 else int(code)

    @property
    def result(self) -> Any:
        assert self.body["errcode"] == 0, self.body
        return self.body["result"]


@dataclass
class Lab:
    """A workspace, its api on a hand-moved clock, and an app that calls it on both hosts."""

    workspace: DingTalkWorkspace
    clock: ManualLabClock
    api: DingTalkApi
    token: str = ""
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        hosts = {"oapi.dingtalk.com": self.api, "api.dingtalk.com": self.api}
        self.http = httpx.Client(transport=LabTransport(hosts), base_url=OAPI)

    def ask_token(self, app_key: str | None = None, app_secret: str | None = None) -> Shown:
        keys = {"appkey": app_key or self.workspace.app_key, "appsecret": app_secret or self.workspace.app_secret}
        return shown(self.http.get("/gettoken", params=keys))

    def sign_in(self) -> "Lab":
        self.token = self.ask_token().body["access_token"]
        return self

    def post(self, path: str, **body: object) -> Shown:
        """Call the old API with the current token; `/topapi/` is left out, the body is JSON."""
        return shown(self.http.post(f"/topapi/{path}", json=body, params=self.query()))

    def get(self, path: str) -> Shown:
        return shown(self.http.get(path, params=self.query()))

    def new_get(self, path: str, **query: str | int) -> Shown:
        """Call the new API with the current token in its header."""
        headers = {"x-acs-dingtalk-access-token": self.token} if self.token else {}
        return shown(self.http.get(f"{API}{path}", params=query, headers=headers))

    def new_post(self, path: str, body: object) -> Shown:
        return shown(self.http.post(f"{API}{path}", json=body))

    def call(self, method: str, path: str, **body: object) -> Shown:
        """Call the new API with a body and the current token."""
        headers = {"x-acs-dingtalk-access-token": self.token} if self.token else {}
        return shown(self.http.request(method, f"{API}{path}", json=body, headers=headers))

    def query(self) -> dict[str, str]:
        return {"access_token": self.token} if self.token else {}

    def pages(self, dept_id: int | str, size: int = 100, **asked: object) -> Iterator[Any]:
        cursor = 0
        while True:
            result = self.post(USER_LIST, dept_id=dept_id, cursor=cursor, size=size, **asked).result
            yield result
            if not result["has_more"]:
                assert "next_cursor" not in result
                return
            cursor = result["next_cursor"]

    def members(self, dept_id: int | str, **asked: Any) -> list[Any]:
        return [each for page in self.pages(dept_id, **asked) for each in page["list"]]

    def walk(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Read the whole company by the contract: departments by dept_id as text, people by userid.

        People of several departments are merged; `leads` gathers where they lead.
        """
        departments: dict[str, Any] = {}
        people: dict[str, Any] = {}
        waiting = ["1"]
        while waiting:
            here = waiting.pop()
            for each in self.post(LISTSUB, dept_id=int(here)).result:
                departments[str(each["dept_id"])] = each
                waiting.append(str(each["dept_id"]))
            for each in self.members(int(here), contain_access_limit=True):
                person = people.setdefault(each["userid"], {**each, "leads": set()})
                person["leads"] |= {here} if each["leader"] else set()
        return departments, people


def a_lab(
    workspace: DingTalkWorkspace | None = None,
    *,
    clock: ManualLabClock | None = None,
    choices: Choices | None = None,
    rate_scale: float = 1.0,
    limits: bool = False,
) -> Lab:
    """Build a lab, signed in and without limits, round the company given or an empty one."""
    clock = clock or ManualLabClock()
    company = workspace or DingTalkWorkspace(clock=clock)
    api = DingTalkApi(company, clock=clock, choices=choices, rate_scale=rate_scale, limits=limits)
    return Lab(company, clock, api).sign_in()


def a_company(
    people: int = 120, departments: int = 24, seed: int = 1, edition: Edition = "standard"
) -> DingTalkWorkspace:
    return DingTalkWorkspace.generate(seed, people, departments, clock=ManualLabClock(), edition=edition)


def shown(response: httpx.Response) -> Shown:
    return Shown(response.status_code, response.json())
