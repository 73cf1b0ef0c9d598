"""The open platform's front: hosts, tokens, limits, permissions, envelopes; `contact` reads, `robot` speaks."""

import hmac
import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeAlias, get_args

from infra.lab.clock import LabClock
from infra.lab.dingtalk import errors, routes
from infra.lab.dingtalk.choices import Choices
from infra.lab.dingtalk.contact import Contact
from infra.lab.dingtalk.errors import Later, RefusedError
from infra.lab.dingtalk.params import Params, fields, is_form
from infra.lab.dingtalk.robot import Robot
from infra.lab.dingtalk.tokens import TokenDesk
from infra.lab.dingtalk.workspace import DingTalkWorkspace
from infra.lab.injection import Faults, PageShape
from infra.lab.limits import Ban, StandingWindow, Window
from infra.lab.wire import Answer, Call, JsonObject, LabError

Read: TypeAlias = Callable[[Params, frozenset[str]], object]

TOKEN_HEADER = "x-acs-dingtalk-access-token"  # noqa: S105  # the name of a header
# Per public IP over all APIs: 10,000 calls in 20 seconds, or out for five minutes.
_IP_WINDOW, _IP_BAN_S = Window(10_000, 20), 300.0
_PLATFORM_COUNT = 1200
_BAN_PAGE = (
    "<!DOCTYPE html><html><head><title>亲，访问受限了</title></head><body>访问过于频繁，请5分钟后再试</body></html>"
)
_BAN_JSON = {"status": 1111, "wait": 5, "source": "x5", "punish": "deny", "uuid": "0000000000000000000000000000lab1"}


class DingTalkApi:
    """Both hosts of the vendor with one organisation behind them; safe to call from many threads.

    A host whose name starts with "oapi." or "api." knows only its own paths, any other host knows both. `rate_scale`
    shortens the windows of the limits, `limits=False` lifts them. Requests that a real client would not send but the
    vendor lets pass (unknown or repeated parameters, a body without its content type) are noted in `suspicious`.
    """

    def __init__(
        self,
        workspace: DingTalkWorkspace,
        *,
        clock: LabClock | None = None,
        choices: Choices | None = None,
        rate_scale: float = 1.0,
        limits: bool = True,
        latency_s: float = 0.0,
    ) -> None:
        self.workspace = workspace
        self.clock: LabClock = clock or workspace.clock
        self.choices = choices or Choices()
        self.latency_s = latency_s
        self.limits = limits
        self.faults = Faults()
        self.calls: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()
        self.suspicious: list[str] = []
        self._rate_scale = rate_scale
        self._windows = {route.endpoint: StandingWindow(1 / rate_scale) for route in routes.ROUTES}
        self._ban = Ban(_IP_WINDOW.scaled(rate_scale), _IP_BAN_S / rate_scale)
        self._tokens = TokenDesk(workspace.app_key, self.choices)
        self._request_ids = 0
        self._lock = threading.Lock()
        contact = Contact(workspace, self.choices)
        robot = Robot(workspace, self.choices)
        self._reads: dict[str, Read] = {
            "auth.gettoken": lambda params, granted: self._issue("access_token", "expires_in"),
            "auth.access_token": lambda params, granted: self._issue("accessToken", "expireIn"),
            "auth.corp_token": lambda params, granted: self._issue("access_token", "expires_in"),
            "auth.scopes": contact.range,
            "departments.listsub": contact.children,
            "departments.listsubid": contact.child_ids,
            "departments.get": contact.department,
            "departments.listparentbydept": contact.line_of_department,
            "departments.listparentbyuser": contact.lines_of_user,
            "users.list": contact.members,
            "users.listsimple": contact.simple_members,
            "users.listid": contact.member_ids,
            "users.get": contact.user,
            "users.getbymobile": contact.user_by_mobile,
            "users.getbyunionid": contact.user_by_unionid,
            "users.count": contact.count,
            "users.listadmin": contact.admins,
            "roles.list": contact.roles,
            "roles.simplelist": contact.role_members,
            "leavers.list": contact.leavers,
            "robot.session": robot.session,
            "robot.oto": robot.to_people,
            "robot.group": robot.to_group,
            "cards.deliver": robot.deliver,
            "cards.update": robot.update,
            "cards.register": robot.register,
        }

    def handle(
        self, method: str, path: str, query: Sequence[tuple[str, str]], headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Answer one request as the vendor would.

        Raises:
            httpx.TransportError: a fault says that the network failed.
        """
        lowered = {name.lower(): value for name, value in headers.items()}
        host = lowered.get("host", "").partition(".")[0]
        found = routes.find(path)
        if found is None or (host in ("oapi", "api") and host != found.route.style):
            return self._ban_page() if self._banned() else self._nowhere(path, host)
        call = Call(
            endpoint=found.route.endpoint,
            method=method,
            path=path,
            args=found.args,
            query=tuple(query),
            headers=lowered,
            body=body,
        )
        with self._lock:
            self.calls[call.endpoint] += 1
            self.suspicious.extend(_oddities(call, found.route))
        if self.latency_s:
            self.clock.sleep(self.latency_s)
        if self._banned():
            with self._lock:
                self.throttled[call.endpoint] += 1
            return self._ban_page()
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
        return routes.route_of(call.endpoint).shape

    def throttle(self, call: Call, *, status: int, headers: bool, wait_s: float, kind: str = "") -> Answer:
        """Say "later" in one of the vendor's ways (`errors.Later`); it tells the time in its text, never in headers."""
        if kind and kind not in get_args(Later):
            raise LabError(f"unknown kind of throttle {kind!r}; there are {', '.join(get_args(Later))}")
        now = self.clock.now()
        if kind in ("ip", "ip_json"):
            with self._lock:
                self.throttled[call.endpoint] += 1
            return self._ban_page("json" if kind == "ip_json" else "html")
        if kind in ("month", "busy"):
            return self._later(call, errors.month_used_up() if kind == "month" else errors.busy())
        limit: Later = "platform" if kind == "platform" else "minute" if kind == "minute" else "app"
        return self._later(call, self._too_often(call, limit, now, now + timedelta(seconds=wait_s)))

    def _serve(self, call: Call, route: routes.Route) -> Answer:
        workspace = self.workspace
        try:
            if call.method != route.method:
                if route.style == "api":
                    return self._nowhere(call.path, "api")
                raise errors.wrong_method(route.method)
            if route.style == "api" and is_form(call):
                raise errors.bad_argument("body")
            params = Params(call, self.choices)
            with workspace.lock:
                granted = self._admit(call, params)
            if (refusal := self._limit(call)) is not None:
                return self._later(call, refusal)
            with workspace.as_shown(self.clock.now()):
                if route.scopes and not route.scopes & granted:
                    named = self.choices.names_missing_permission
                    raise errors.scope_missing(route.scopes, workspace.app_key, named=named)
                return self._succeed(route, self._reads[call.endpoint](params, granted))
        except RefusedError as refusal:
            return self._refuse(refusal, route.style)

    def _admit(self, call: Call, params: Params) -> frozenset[str]:
        """Check the app's keys or its token, and tell the permissions the token stands for."""
        workspace = self.workspace
        if call.endpoint in routes.TOKEN_ENDPOINTS:
            self._check_keys(call, params)
        if call.endpoint in routes.WITHOUT_TOKEN:
            return frozenset()
        granted = self._tokens.check(_token(call), self.clock.now(), frozenset(workspace.scopes_granted))
        if not workspace.ip_allowed:
            raise errors.ip_refused(workspace.app_key)
        return granted

    def _check_keys(self, call: Call, params: Params) -> None:
        workspace = self.workspace
        match call.endpoint:
            case "auth.gettoken":
                key, secret = params.text("appkey"), params.text("appsecret")
            case "auth.access_token":
                key, secret = params.text("appKey"), params.text("appSecret")
            case _:
                key, secret = params.text("client_id"), params.text("client_secret")
                if params.text("grant_type") != "client_credentials":
                    raise errors.bad_argument("grant_type")
                if params.text("corpId") != workspace.corp_id:
                    raise errors.bad_argument("corpId")
        known = hmac.compare_digest(key.encode(), workspace.app_key.encode())
        if not hmac.compare_digest(secret.encode(), workspace.app_secret.encode()) or not known:
            raise errors.keys_wrong()

    def _issue(self, token_name: str, seconds_name: str) -> JsonObject:
        token, seconds = self._tokens.issue(self.clock.now(), frozenset(self.workspace.scopes_granted))
        return {token_name: token, seconds_name: seconds}

    def _limit(self, call: Call) -> RefusedError | None:
        """Tell whether one of the limits stands in the way; a refused call uses nothing up."""
        now = self.clock.now()
        second = now.replace(microsecond=0)
        if self.choices.busy_hours and now.minute == 0 and now.second % 2 == 0:
            return self._too_often(call, "platform", second, second + timedelta(seconds=1))
        if self.workspace.month_used_up and call.endpoint not in routes.WITHOUT_TOKEN:
            return errors.month_used_up()
        if not self.limits:
            return None
        excess = self._windows[call.endpoint].admit(now.timestamp(), self.workspace.calls_per_second)
        if excess is None:
            return None
        ends = now + timedelta(seconds=excess.wait_s)
        return self._too_often(call, "app", ends - timedelta(seconds=excess.window.seconds), ends)

    def _too_often(self, call: Call, kind: Later, starts: datetime, ends: datetime) -> RefusedError:
        fine = self._rate_scale != 1.0
        if not fine and ends.microsecond:
            ends = ends.replace(microsecond=0) + timedelta(seconds=1)
        return errors.too_often(
            kind,
            path=routes.route_of(call.endpoint).api_path,
            app_key=self.workspace.app_key,
            count=_PLATFORM_COUNT if kind == "platform" else self.workspace.calls_per_second,
            starts=starts,
            ends=ends,
            fine=fine,
        )

    def _later(self, call: Call, refusal: RefusedError) -> Answer:
        with self._lock:
            self.throttled[call.endpoint] += 1
        return self._refuse(refusal, routes.style(call.path))

    def _banned(self) -> bool:
        return self.limits and self._ban.wait_s(self.clock.now().timestamp()) > 0

    def _ban_page(self, form: str | None = None) -> Answer:
        if (form or self.choices.ban_page) == "json":
            return _json(200, dict(_BAN_JSON))
        return Answer(200, {"Content-Type": "text/html; charset=utf-8"}, _BAN_PAGE.encode())

    def _nowhere(self, path: str, host: str) -> Answer:
        if host == "api" or (host != "oapi" and routes.style(path) == "api"):
            msg = "Specified api is not found, please check your url and method."
            return _json(404, {"code": "InvalidAction.NotFound", "message": msg, "requestid": self._request_id()})
        if path.startswith("/topapi/"):
            msg = "不合法ApiName"
            return _json(200, {"errcode": 22, "errmsg": msg, "sub_msg": msg, "request_id": self._request_id()})
        return _json(200, {"errcode": 404, "errmsg": "请求的URI地址不存在"})

    def _succeed(self, route: routes.Route, result: object) -> Answer:
        if self.choices.quoted_values:
            result = _quoted(result)
        if route.style == "api":
            return _json(200, result)
        whole: JsonObject = {"errcode": 0, "errmsg": "ok"}
        if route.bare and isinstance(result, dict):
            return _json(200, whole | result)
        return _json(200, whole | {"request_id": self._request_id(), "result": result})

    def _refuse(self, refusal: RefusedError, style: routes.Style) -> Answer:
        request_id = self._request_id()
        if style == "api":
            answer: JsonObject = {"code": refusal.api_code, "message": refusal.msg, "requestid": request_id}
            if refusal.scopes:
                answer["accessdenieddetail"] = {"requiredScopes": list(refusal.scopes)}
            return _json(refusal.status, answer)
        if not refusal.gateway:
            return _json(200, {"errcode": refusal.code, "errmsg": refusal.msg, "request_id": request_id})
        answer = {
            "errcode": 88,
            "errmsg": f"ding talk error[subcode={refusal.code},submsg={refusal.msg}]",
            "request_id": request_id,
        }
        if self.choices.sub_code:
            answer |= {"sub_code": str(refusal.code), "sub_msg": refusal.msg}
        return _json(200, answer)

    def _request_id(self) -> str:
        with self._lock:
            self._request_ids += 1
            return f"15r{self._request_ids:09x}"


def _token(call: Call) -> str | None:
    """Find the token where each host looks for it: nowhere else does it count."""
    if routes.style(call.path) == "api":
        return call.headers.get(TOKEN_HEADER)
    found = next((value for name, value in call.query if name == "access_token"), None)
    if found is None and is_form(call):
        in_form = fields(call).get("access_token")
        found = in_form if isinstance(in_form, str) else None
    return found


def _json(status: int, document: object) -> Answer:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    return Answer(status, headers, json.dumps(document, ensure_ascii=False).encode())


def _quoted(value: object) -> object:
    """Say numbers and booleans as text, as some samples of the vendor do."""
    match value:
        case dict():
            return {name: _quoted(inner) for name, inner in value.items()}
        case list():
            return [_quoted(inner) for inner in value]
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case _:
            return value


def _oddities(call: Call, route: routes.Route) -> list[str]:
    in_query = Counter(name for name, _ in call.query)
    try:
        in_body = set() if call.method == "GET" else set(fields(call))
    except RefusedError:
        in_body = set()
    token = {"access_token"} if route.style == "oapi" else set()
    known_in_query = (route.params if route.method == "GET" else route.in_query) | token
    known_in_body = route.params | (token if is_form(call) else set())
    strange = sorted((set(in_query) - known_in_query) | (in_body - known_in_body))
    odd = [f"{call.endpoint}: unknown parameter {name}" for name in strange]
    odd += [f"{call.endpoint}: repeated parameter {name}" for name, times in in_query.items() if times > 1]
    if call.body and not is_form(call) and not call.headers.get("content-type", "").startswith("application/json"):
        odd.append(f"{call.endpoint}: body without a content type")
    return odd
