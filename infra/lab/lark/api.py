"""The open platform's front: token, limits, permissions, envelope; reads are in `contact`, messages in `im`."""

import hmac
import json
import math
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from infra.lab.clock import LabClock
from infra.lab.injection import Faults, PageShape
from infra.lab.lark import routes, scopes
from infra.lab.lark.choices import Choices
from infra.lab.lark.contact import Contact
from infra.lab.lark.errors import RefusedError, scope_missing
from infra.lab.lark.im import Messages
from infra.lab.lark.params import Params
from infra.lab.lark.tokens import TokenDesk
from infra.lab.lark.workspace import Cloud, LarkWorkspace
from infra.lab.limits import Windows
from infra.lab.wire import Answer, Call, JsonObject, LabError

PAGE_SHAPE = PageShape(
    rows=("data", "items"),
    has_more=("data", "has_more"),
    cursor=("data", "page_token"),
    asked_cursor="page_token",
    payload="data",
)
_APP_ID = re.compile(r"cli_[0-9a-z]{16}")


class LarkApi:
    """One host of the vendor with one tenant behind it; safe to call from many threads.

    `cloud` is the host's; a workspace of the other cloud is unknown here. `rate_scale` shortens the windows of the
    limits, `limits=False` lifts them. Requests that a real client would not send but the vendor lets pass (unknown
    or repeated parameters, a body without its content type) are noted in `suspicious`.
    """

    def __init__(
        self,
        workspace: LarkWorkspace,
        *,
        clock: LabClock | None = None,
        cloud: Cloud | None = None,
        choices: Choices | None = None,
        rate_scale: float = 1.0,
        limits: bool = True,
        latency_s: float = 0.0,
    ) -> None:
        self.workspace = workspace
        self.clock: LabClock = clock or workspace.clock
        self.cloud = cloud or workspace.cloud
        self.choices = choices or Choices()
        self.latency_s = latency_s
        self.limits = limits
        self.faults = Faults()
        self.calls: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()
        self.suspicious: list[str] = []
        self._rate_scale = rate_scale
        self._windows = {
            route.endpoint: Windows([window.scaled(rate_scale) for window in route.windows]) for route in routes.ROUTES
        }
        self._tokens = TokenDesk(workspace.app_id)
        self._log_ids = 0
        self._lock = threading.Lock()
        contact = Contact(workspace, self.choices)
        messages = Messages(workspace, lambda: self.limits, rate_scale)
        self._reads: dict[str, Callable[[Params], JsonObject]] = {
            "contact.scopes": contact.range,
            "departments.batch": contact.departments,
            "departments.parent": contact.ancestors,
            "departments.get": contact.department,
            "departments.children": contact.children,
            "users.find_by_department": contact.members,
            "users.batch": contact.users,
            "users.batch_get_id": contact.user_ids,
            "users.get": contact.user,
            "contact.custom_attrs": contact.custom_attrs,
            "contact.employee_type_enums": contact.employee_types,
            "application.scopes": self._app_scopes,
            "messages.create": messages.create,
            "messages.reply": messages.reply,
            "messages.patch": messages.patch,
        }

    def handle(
        self, method: str, path: str, query: Sequence[tuple[str, str]], headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Answer one request as the vendor would.

        Raises:
            httpx.TransportError: a fault says that the network failed.
        """
        found = routes.find(method, path)
        if found is None:
            if routes.knows(path):
                return self._refuse(RefusedError(99991301, "method not allowed"))
            return self._refuse(RefusedError(99991201, "not found", status=404))
        call = Call(
            endpoint=found.route.endpoint,
            method=method,
            path=path,
            args=found.args,
            query=tuple(query),
            headers={name.lower(): value for name, value in headers.items()},
            body=body,
        )
        with self._lock:
            self.calls[call.endpoint] += 1
            self.suspicious.extend(_oddities(call, found.route))
        if self.latency_s:
            self.clock.sleep(self.latency_s)
        return self.faults.around(call, self, lambda call: self._serve(call, found.route))

    def reset_calls(self) -> None:
        with self._lock:
            self.calls.clear()
            self.throttled.clear()
            self.suspicious.clear()

    def revoke_tokens(self) -> None:
        """Kill every token, as resetting the app secret does."""
        with self.workspace.lock:
            self._tokens.revoke_all()

    def page_shape(self, call: Call) -> PageShape:
        return PAGE_SHAPE

    def throttle(
        self, call: Call, *, status: int, headers: bool, wait_s: float, kind: str = "", cap: int = 50
    ) -> Answer:
        if kind:
            raise LabError(f"Lark has one kind of throttle, not {kind!r}")
        with self._lock:
            self.throttled[call.endpoint] += 1
        answer = self._refuse(RefusedError(99991400, "request trigger frequency limit", status=status))
        if headers:
            # The vendor tells whole seconds; in a scaled lab those would undo the scaling.
            reset = f"{wait_s:.3f}" if self._rate_scale != 1.0 else str(math.ceil(wait_s))
            answer.headers.update({"x-ogw-ratelimit-limit": str(cap), "x-ogw-ratelimit-reset": reset})
        return answer

    def _serve(self, call: Call, route: routes.Route) -> Answer:
        try:
            with self.workspace.lock:
                if call.endpoint in routes.TOKEN_ENDPOINTS:
                    return self._succeed(self._issue_token(call))
                self._admit(call)
            excess = self._windows[call.endpoint].admit(self.clock.now().timestamp()) if self.limits else None
            if excess is not None:
                status = self.choices.throttle_status
                return self.throttle(call, status=status, headers=True, wait_s=excess.wait_s, cap=excess.window.count)
            with self.workspace.as_shown(self.clock.now()):
                if route.scopes and not route.scopes & self.workspace.scopes_granted:
                    raise scope_missing(route.scopes)
                if call.endpoint == "bot.info":
                    return self._succeed({"bot": self._bot()}, msg="ok")
                return self._succeed({"data": self._reads[call.endpoint](Params(call, self.choices))})
        except RefusedError as refusal:
            return self._refuse(refusal)

    def _admit(self, call: Call) -> None:
        workspace = self.workspace
        if self.cloud != workspace.cloud:
            raise RefusedError(99991663, "Invalid access token for authorization: tenant access token invalid")
        self._tokens.check(call.headers.get("authorization"), self.clock.now())
        if not workspace.enabled:
            raise RefusedError(99991662, "app is disabled")
        if not workspace.installed:
            code = 212100 if call.endpoint == "application.scopes" else 99991673
            raise RefusedError(code, "app not available in this tenant")
        if not workspace.ip_allowed:
            raise RefusedError(99991401, "ip is denied by app setting")
        if workspace.month_used_up:
            raise RefusedError(99991403, "the quota of calls of this month is used up")

    def _issue_token(self, call: Call) -> JsonObject:
        # Refusals here come with HTTP 200, unlike everywhere else.
        try:
            body = json.loads(call.body)
        except ValueError:
            body = None
        asked = (body.get("app_id"), body.get("app_secret")) if isinstance(body, dict) else (None, None)
        app_id, app_secret = asked
        if not isinstance(app_id, str) or not isinstance(app_secret, str) or not _APP_ID.fullmatch(app_id):
            raise RefusedError(10003, "invalid param", status=200)
        workspace = self.workspace
        if app_id != workspace.app_id or self.cloud != workspace.cloud or not workspace.enabled:
            raise RefusedError(10014, "app id not exists", status=200)
        if not hmac.compare_digest(app_secret.encode(), workspace.app_secret.encode()):
            raise RefusedError(self.choices.wrong_secret_code, "app secret invalid", status=200)
        token, expire = self._tokens.issue(self.clock.now())
        answer: JsonObject = {"tenant_access_token": token, "expire": expire}
        return answer | {"app_access_token": token} if call.endpoint == "auth.app_access_token" else answer

    def _app_scopes(self, params: Params) -> JsonObject:
        """`GET application/v6/scopes`: all permissions with whether they are granted; needs none itself."""
        granted = self.workspace.scopes_granted
        rows: list[JsonObject] = [
            {
                "scope_name": name if self.choices.scope_prefix else name.removeprefix("contact:"),
                "grant_status": 1 if name in granted else 2,
                "scope_type": "tenant",
            }
            for name in sorted(scopes.KNOWN | granted)
        ]
        return {"scopes": rows}

    def _bot(self) -> JsonObject:
        return {
            "activate_status": 2 if self.workspace.bot_on else 1,
            "app_name": "Rollcall",
            "avatar_url": "https://avatars.example.com/bot.png",
            "ip_white_list": [],
            "open_id": self.workspace.bot_id,
        }

    def _succeed(self, answer: JsonObject, *, msg: str | None = None) -> Answer:
        msg = msg or ("success" if "data" in answer else "ok")
        return self._answer(200, {"code": 0, "msg": msg, **answer}, self._log_id())

    def _refuse(self, refusal: RefusedError) -> Answer:
        log_id = self._log_id()
        error: JsonObject = {
            "log_id": log_id,
            "troubleshooter": f"https://open.feishu.cn/search?log_id={log_id}",
        }
        if refusal.permissions:
            error["permission_violations"] = [
                {"type": "action_scope_required", "subject": name} for name in refusal.permissions
            ]
        if refusal.violations:
            error["field_violations"] = list(refusal.violations)
        return self._answer(refusal.status, {"code": refusal.code, "msg": refusal.msg, "error": error}, log_id)

    def _log_id(self) -> str:
        with self._lock:
            self._log_ids += 1
            return f"{self.clock.now():%Y%m%d%H%M%S}{self._log_ids:018X}"

    @staticmethod
    def _answer(status: int, document: JsonObject, log_id: str) -> Answer:
        headers = {"Content-Type": "application/json; charset=utf-8", "X-Tt-Logid": log_id}
        return Answer(status, headers, json.dumps(document, ensure_ascii=False).encode())


def _oddities(call: Call, route: routes.Route) -> list[str]:
    names = Counter(name for name, _ in call.query)
    odd = [f"{call.endpoint}: unknown parameter {name}" for name in names if name not in route.params | route.repeated]
    odd += [
        f"{call.endpoint}: repeated parameter {name}"
        for name, times in names.items()
        if times > 1 and name in route.params
    ]
    if call.method in ("POST", "PATCH") and not call.headers.get("content-type", "").startswith("application/json"):
        odd.append(f"{call.endpoint}: body without content type application/json")
    return odd
