"""The endpoints of the simulated open platform, on both hosts: paths, permissions, parameters, where lists stand.

Source: DingTalk "contacts" (old API), "access token", "obtain leave records", "robots", "cards".
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import unquote

from infra.lab.dingtalk import scopes
from infra.lab.injection import PageShape

# The two API generations: "oapi" always answers 200 with an errcode, "api" by HTTP status.
Style: TypeAlias = Literal["oapi", "api"]

_NOWHERE = PageShape(rows=("",), has_more=("",), cursor=("",), asked_cursor="", payload="result")
_PAGES = PageShape(
    rows=("result", "list"),
    has_more=("result", "has_more"),
    cursor=("result", "next_cursor"),
    asked_cursor="cursor",
    payload="result",
)
_OFFSETS = PageShape(
    rows=("result", "list"), has_more=("result", "hasMore"), cursor=("",), asked_cursor="offset", payload="result"
)
# The new API says "there is more" by the token alone.
_RECORDS = PageShape(
    rows=("records",), has_more=("nextToken",), cursor=("nextToken",), asked_cursor="nextToken", payload="records"
)


def _whole(*rows: str) -> PageShape:
    return PageShape(rows=("result", *rows), has_more=("",), cursor=("",), asked_cursor="", payload="result")


@dataclass(frozen=True, slots=True)
class Route:
    """An empty `scopes` demands none; `bare` answers stand beside errcode, not under `result`.

    `in_query` are what a call with a body has in its query besides.
    """

    endpoint: str
    method: str
    path: str
    scopes: frozenset[str] = scopes.NONE
    params: frozenset[str] = frozenset()
    shape: PageShape = _NOWHERE
    bare: bool = False
    in_query: frozenset[str] = frozenset()

    @property
    def style(self) -> Style:
        return style(self.path)

    @property
    def api_path(self) -> str:
        """The name by which the vendor's limits call it."""
        return "dingtalk.oapi." + self.path.removeprefix("/topapi").strip("/").replace("/", ".")


def style(path: str) -> Style:
    return "api" if path.startswith("/v1.0/") else "oapi"


_TOKENS = (
    Route("auth.gettoken", "GET", "/gettoken", params=frozenset({"appkey", "appsecret"}), bare=True),
    Route("auth.access_token", "POST", "/v1.0/oauth2/accessToken", params=frozenset({"appKey", "appSecret"})),
    Route(
        "auth.corp_token",
        "POST",
        "/v1.0/oauth2/:corpId/token",
        params=frozenset({"client_id", "client_secret", "grant_type"}),
    ),
)
TOKEN_ENDPOINTS = frozenset(route.endpoint for route in _TOKENS)

# Whoever has the URL of a session may answer there.
SESSION = Route(
    "robot.session",
    "POST",
    "/robot/sendBySession",
    params=frozenset({"msgtype", "text", "markdown", "actionCard", "link", "feedCard", "at"}),
    bare=True,
    in_query=frozenset({"session"}),
)
WITHOUT_TOKEN = TOKEN_ENDPOINTS | {SESSION.endpoint}

_SEND = frozenset({scopes.SEND})
_CARDS = frozenset({scopes.CARDS})
_MESSAGE = frozenset({"robotCode", "msgKey", "msgParam"})
_CARD = frozenset({"outTrackId", "cardData", "privateData", "userIdType"})
_DEPARTMENTS = frozenset({scopes.DEPARTMENT_LIST})
_MEMBERS = frozenset({scopes.DEPARTMENT_MEMBER})
_MEMBER = frozenset({scopes.MEMBER})
_DEPT = frozenset({"dept_id"})
_PAGED = _DEPT | {"cursor", "size", "order_field", "contain_access_limit", "language"}

ROUTES = (
    *_TOKENS,
    Route("auth.scopes", "GET", "/auth/scopes", frozenset({scopes.BASE}), bare=True),
    Route(
        "departments.listsub",
        "POST",
        "/topapi/v2/department/listsub",
        _DEPARTMENTS,
        _DEPT | {"language"},
        _whole(),
    ),
    Route(
        "departments.listsubid",
        "POST",
        "/topapi/v2/department/listsubid",
        _DEPARTMENTS,
        _DEPT,
        _whole("dept_id_list"),
    ),
    Route("departments.get", "POST", "/topapi/v2/department/get", _DEPARTMENTS, _DEPT | {"language"}),
    Route(
        "departments.listparentbydept",
        "POST",
        "/topapi/v2/department/listparentbydept",
        _DEPARTMENTS,
        _DEPT,
        _whole("parent_id_list"),
    ),
    Route(
        "departments.listparentbyuser",
        "POST",
        "/topapi/v2/department/listparentbyuser",
        _DEPARTMENTS,
        frozenset({"userid"}),
        _whole("parent_list"),
    ),
    Route("users.list", "POST", "/topapi/v2/user/list", _MEMBERS, _PAGED, _PAGES),
    Route("users.listsimple", "POST", "/topapi/user/listsimple", _MEMBERS, _PAGED, _PAGES),
    Route("users.listid", "POST", "/topapi/user/listid", _MEMBER, _DEPT, _whole("userid_list")),
    Route("users.get", "POST", "/topapi/v2/user/get", _MEMBER, frozenset({"userid", "login_id", "language"})),
    Route(
        "users.getbymobile",
        "POST",
        "/topapi/v2/user/getbymobile",
        frozenset({scopes.MEMBER_BY_MOBILE}),
        frozenset({"mobile", "support_exclusive_account_search"}),
    ),
    Route("users.getbyunionid", "POST", "/topapi/user/getbyunionid", _MEMBER, frozenset({"unionid"})),
    Route("users.count", "POST", "/topapi/user/count", _MEMBER, frozenset({"only_active"})),
    Route("users.listadmin", "POST", "/topapi/user/listadmin", _MEMBER, shape=_whole()),
    Route("roles.list", "POST", "/topapi/role/list", _DEPARTMENTS, frozenset({"offset", "size"}), _OFFSETS),
    Route(
        "roles.simplelist",
        "POST",
        "/topapi/role/simplelist",
        _MEMBERS,
        frozenset({"role_id", "offset", "size"}),
        _OFFSETS,
    ),
    Route(
        "leavers.list",
        "GET",
        "/v1.0/contact/empLeaveRecords",
        frozenset({scopes.CONTACT_COMMON}),
        frozenset({"startTime", "endTime", "maxResults", "nextToken"}),
        _RECORDS,
    ),
    SESSION,
    Route("robot.oto", "POST", "/v1.0/robot/oToMessages/batchSend", _SEND, _MESSAGE | {"userIds"}),
    Route(
        "robot.group",
        "POST",
        "/v1.0/robot/groupMessages/send",
        _SEND,
        _MESSAGE | {"openConversationId", "coolAppCode"},
    ),
    Route(
        "cards.deliver",
        "POST",
        "/v1.0/card/instances/createAndDeliver",
        _CARDS,
        _CARD
        | {"cardTemplateId", "callbackType", "callbackRouteKey", "openSpaceId", "userId"}
        | {f"{space}Open{model}Model" for space in ("imGroup", "imRobot") for model in ("Space", "Deliver")},
    ),
    Route("cards.update", "PUT", "/v1.0/card/instances", _CARDS, _CARD | {"cardUpdateOptions"}),
    Route(
        "cards.register",
        "POST",
        "/v1.0/card/callbacks/register",
        _CARDS,
        frozenset({"callbackRouteKey", "callbackUrl", "apiSecret", "forceUpdate"}),
    ),
)


@dataclass(frozen=True, slots=True)
class Found:
    route: Route
    args: dict[str, str]


def find(path: str) -> Found | None:
    """Find the endpoint of a percent-encoded path, whatever the method."""
    words = path.split("/")
    for route in ROUTES:
        if (args := _match(route.path.split("/"), words)) is not None:
            return Found(route, args)
    return None


def route_of(endpoint: str) -> Route:
    return _BY_ENDPOINT[endpoint]


_BY_ENDPOINT = {route.endpoint: route for route in ROUTES}


def _match(pattern: list[str], words: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(words):
        return None
    args: dict[str, str] = {}
    for expected, word in zip(pattern, words, strict=True):
        if expected.startswith(":") and word:
            args[expected[1:]] = unquote(word)
        elif expected != word:
            return None
    return args
