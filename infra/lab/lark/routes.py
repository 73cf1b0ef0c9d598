"""The endpoints of the simulated open platform: their paths, permissions, parameters and limits.

Source: Feishu "contact v3", "auth v3", "application v6", "bot v3", "im v1" and "frequency control".
"""

from dataclasses import dataclass
from urllib.parse import unquote

from infra.lab.lark import scopes
from infra.lab.limits import Window

PREFIX = "/open-apis/"
TIERED = (Window(1000, 60), Window(50, 1))
# "Special" tiers are unpublished; these stand for "rarely in the way".
SPECIAL = (Window(6000, 60), Window(200, 1))

_KINDS = frozenset({"user_id_type", "department_id_type"})
_PAGED = frozenset({"page_size", "page_token"})


@dataclass(frozen=True, slots=True)
class Route:
    """An empty `scopes` demands none; `repeated` parameters may come more than once."""

    endpoint: str
    method: str
    path: str
    scopes: frozenset[str] = scopes.NONE
    params: frozenset[str] = frozenset()
    repeated: frozenset[str] = frozenset()
    windows: tuple[Window, ...] = TIERED


_TOKENS = (
    Route("auth.tenant_access_token", "POST", "auth/v3/tenant_access_token/internal", windows=()),
    Route("auth.app_access_token", "POST", "auth/v3/app_access_token/internal", windows=()),
)
TOKEN_ENDPOINTS = frozenset(route.endpoint for route in _TOKENS)
# The first path that fits counts: fixed words stand before variables.
ROUTES = (
    *_TOKENS,
    Route("contact.scopes", "GET", "contact/v3/scopes", scopes.READ, _KINDS | _PAGED),
    Route(
        "departments.batch",
        "GET",
        "contact/v3/departments/batch",
        scopes.BATCH,
        _KINDS,
        frozenset({"department_ids"}),
    ),
    Route(
        "departments.parent",
        "GET",
        "contact/v3/departments/parent",
        scopes.LIST,
        _KINDS | _PAGED | {"department_id"},
        windows=SPECIAL,
    ),
    Route("departments.get", "GET", "contact/v3/departments/:department_id", scopes.READ, _KINDS, windows=SPECIAL),
    Route(
        "departments.children",
        "GET",
        "contact/v3/departments/:department_id/children",
        scopes.LIST,
        _KINDS | _PAGED | {"fetch_child"},
    ),
    Route(
        "users.find_by_department",
        "GET",
        "contact/v3/users/find_by_department",
        scopes.LIST,
        _KINDS | _PAGED | {"department_id"},
    ),
    Route("users.batch", "GET", "contact/v3/users/batch", scopes.BATCH, _KINDS, frozenset({"user_ids"})),
    Route(
        "users.batch_get_id", "POST", "contact/v3/users/batch_get_id", scopes.BY_CONTACT, frozenset({"user_id_type"})
    ),
    Route("users.get", "GET", "contact/v3/users/:user_id", scopes.READ, _KINDS),
    Route("contact.custom_attrs", "GET", "contact/v3/custom_attrs", scopes.READ, _PAGED),
    Route("contact.employee_type_enums", "GET", "contact/v3/employee_type_enums", scopes.READ, _PAGED, windows=SPECIAL),
    Route("application.scopes", "GET", "application/v6/scopes", windows=SPECIAL),
    Route("bot.info", "GET", "bot/v3/info", windows=SPECIAL),
    Route("messages.create", "POST", "im/v1/messages", scopes.SEND, frozenset({"receive_id_type"})),
    Route("messages.reply", "POST", "im/v1/messages/:message_id/reply", scopes.SEND),
    Route("messages.patch", "PATCH", "im/v1/messages/:message_id", scopes.SEND),
)


@dataclass(frozen=True, slots=True)
class Found:
    route: Route
    args: dict[str, str]


def find(method: str, path: str) -> Found | None:
    """Find the endpoint of a percent-encoded path; None when the path, or only its method, is unknown."""
    if not path.startswith(PREFIX):
        return None
    words = path.removeprefix(PREFIX).split("/")
    for route in ROUTES:
        if route.method == method and (args := _match(route.path.split("/"), words)) is not None:
            return Found(route, args)
    return None


def knows(path: str) -> bool:
    """Tell whether the path exists with another method."""
    return any(find(method, path) for method in ("GET", "POST", "PATCH"))


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
