"""A small caller of the simulated Lark, with no opinions: it sends what a test says and shows what came back."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from infra.lab.clock import ManualLabClock
from infra.lab.lark import Choices, LarkApi, LarkWorkspace
from infra.lab.transport import LabTransport

CONTACT = "/open-apis/contact/v3/"
Query = Mapping[str, str | int | Sequence[str]]


@dataclass(frozen=True)
class Shown:
    """One answer; `body` is the JSON document."""

    status: int
    headers: httpx.Headers
    body: Any

    @property
    def code(self) -> int:
        return int(self.body["code"])

    @property
    def data(self) -> Any:
        assert self.code == 0, self.body
        return self.body["data"]


@dataclass
class Lab:
    """A workspace, its api on a hand-moved clock, and an app that calls it."""

    workspace: LarkWorkspace
    clock: ManualLabClock
    api: LarkApi
    token: str = ""
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(transport=LabTransport(self.api), base_url="https://open.feishu.cn")

    def ask_token(self, app_id: str | None = None, app_secret: str | None = None) -> Shown:
        body = {"app_id": app_id or self.workspace.app_id, "app_secret": app_secret or self.workspace.app_secret}
        return self.post("/open-apis/auth/v3/tenant_access_token/internal", body)

    def sign_in(self) -> "Lab":
        self.token = self.ask_token().body["tenant_access_token"]
        return self

    def get(self, path: str, query: Query | None = None, **params: str | int | Sequence[str]) -> Shown:
        """Call with the current token; contact v3 paths may be given short, parameters either way."""
        url = path if path.startswith("/") else CONTACT + path
        return _shown(self.http.get(url, params={**(query or {}), **params}, headers=self.headers()))

    def post(self, path: str, body: object, **params: str) -> Shown:
        url = path if path.startswith("/") else CONTACT + path
        return _shown(self.http.post(url, json=body, params=params, headers=self.headers()))

    def patch(self, path: str, body: object) -> Shown:
        return _shown(self.http.patch(path, json=body, headers=self.headers()))

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def pages(self, path: str, **params: str | int) -> Iterator[Any]:
        token: dict[str, str] = {}
        while True:
            data = self.get(path, {**params, **token}).data
            yield data
            if not data["has_more"]:
                assert "page_token" not in data
                return
            token = {"page_token": data["page_token"]}

    def items(self, path: str, **params: str | int) -> list[Any]:
        return [item for page in self.pages(path, **params) for item in page.get("items") or ()]

    def departments(self, **params: str | int) -> list[Any]:
        return self.items("departments/0/children", fetch_child="true", page_size=50, **params)

    def members(self, department: str, **params: str | int) -> list[Any]:
        return self.items("users/find_by_department", department_id=department, page_size=50, **params)

    def walk(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Read the whole company by the official recipe: departments by open id, people by union id."""
        departments = {each["open_department_id"]: each for each in self.departments()}
        people = {each["union_id"]: each for key in ("0", *departments) for each in self.members(key)}
        return departments, people


def a_lab(
    workspace: LarkWorkspace | None = None,
    *,
    clock: ManualLabClock | None = None,
    choices: Choices | None = None,
    rate_scale: float = 1.0,
    limits: bool = False,
) -> Lab:
    """Build a lab, signed in and without limits, round the company given or an empty one."""
    clock = clock or ManualLabClock()
    company = workspace or LarkWorkspace(clock=clock)
    api = LarkApi(company, clock=clock, choices=choices, rate_scale=rate_scale, limits=limits)
    return Lab(company, clock, api).sign_in()


def a_company(people: int = 120, departments: int = 24, seed: int = 1) -> LarkWorkspace:
    return LarkWorkspace.generate(seed, people, departments, clock=ManualLabClock())


def _shown(response: httpx.Response) -> Shown:
    return Shown(response.status_code, response.headers, response.json())
