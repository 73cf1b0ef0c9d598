"""Lark's contact API as calls: token, parameters, paging. What the rows mean is left to `records`."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar
from urllib.parse import quote

import httpx

from chalicelib.connectors import Means
from chalicelib.connectors.lark.answers import broken, classify
from chalicelib.connectors.limiter import Limiters, Window, keep
from chalicelib.connectors.session import Call, Credentials, Endpoint, Session, Verdict
from chalicelib.core.errors import RollcallError, SourceDeniedError
from chalicelib.core.ports import Clock
from chalicelib.core.secret import Secret

A = TypeVar("A")
R = TypeVar("R")

Row = Mapping[str, object]
Query = tuple[tuple[str, str], ...]

ROOT: Final = "0"
MOST_IDS: Final = 50
PAGE_SIZE: Final = 50
SCOPES_PAGE_SIZE: Final = 100
# 200,000 rows of one listing: a vendor that goes on beyond that goes round in circles.
MOST_PAGES: Final = 4000

TIER: Final = (Window(50, 1.0), Window(1000, 60.0))
KINDS: Final[Query] = (("user_id_type", "union_id"), ("department_id_type", "open_department_id"))


def _get(name: str, path: str) -> Endpoint:
    # The limits of some are unpublished ("special"); the common tier is the best guess.
    return Endpoint(name=name, method="GET", path=f"/open-apis/{path}", windows=TIER)


TOKEN: Final = Endpoint(
    name="auth.tenant_access_token",
    method="POST",
    path="/open-apis/auth/v3/tenant_access_token/internal",
    open=True,
)
GRANTED: Final = _get("application.scopes", "application/v6/scopes")
RANGE: Final = _get("contact.scopes", "contact/v3/scopes")
CHILDREN: Final = _get("departments.children", "contact/v3/departments/{}/children")
DEPARTMENT: Final = _get("departments.get", "contact/v3/departments/{}")
DEPARTMENTS: Final = _get("departments.batch", "contact/v3/departments/batch")
MEMBERS: Final = _get("users.find_by_department", "contact/v3/users/find_by_department")
USER: Final = _get("users.get", "contact/v3/users/{}")
USERS: Final = _get("users.batch", "contact/v3/users/batch")
# Asked on the way to something else, which goes on without an answer.
BOT: Final = replace(_get("bot.info", "bot/v3/info"), repeats=False)

# A fresh token comes once less than 30 minutes of the old one remain; the old one lives on to its end.
RENEWAL: Final = timedelta(minutes=30)
LATEST_RENEWAL: Final = timedelta(minutes=5)
_TOKEN = re.compile(r"[!-~]{1,4096}")


@dataclass(slots=True, eq=False)
class Tenant:
    """What outlives a reader for one app on one host: its token and how much of the limits is used."""

    limiters: Limiters = field(default_factory=Limiters)
    lock: threading.Lock = field(default_factory=threading.Lock)
    credentials: Credentials | None = None
    renew_at: datetime | None = None
    # The secret that they were given for: another one must prove itself.
    secret: Secret | None = None


class AppDialect:
    """Speaks for one app: renews its token, judges its answers."""

    def __init__(self, *, session: Session, tenant: Tenant, app_id: str, app_secret: Secret, clock: Clock) -> None:
        self._session = session
        self._tenant = tenant
        self._app_id = app_id
        self._app_secret = app_secret
        self._clock = clock

    def classify(self, call: Call, response: httpx.Response) -> Verdict:
        return classify(call, response)

    def credentials(self) -> Credentials:
        tenant = self._tenant
        with tenant.lock:
            is_ours = self._app_secret.is_same(tenant.secret)
            if not is_ours or tenant.credentials is None or not tenant.renew_at or self._clock.now() >= tenant.renew_at:
                tenant.credentials, tenant.renew_at = self._fetch()
                tenant.secret = self._app_secret
            return tenant.credentials

    def drop(self, credentials: Credentials) -> bool:
        with self._tenant.lock:
            if self._tenant.credentials is not credentials:
                return False
            self._tenant.credentials = None
            return True

    def _fetch(self) -> tuple[Credentials, datetime]:
        body = {"app_id": self._app_id, "app_secret": self._app_secret.reveal()}
        call = Call(endpoint=TOKEN, path=TOKEN.path, body=body)
        answer = self._session.call(self, call)
        token, expire_s = answer.document.get("tenant_access_token"), answer.document.get("expire")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise broken(call, "no token in the answer")
        if not isinstance(expire_s, int) or expire_s <= 0:
            raise broken(call, "no expiry of the token")
        renew_at = answer.observed_at + _use_for(timedelta(seconds=min(expire_s, 7200)))
        return Credentials(headers={"Authorization": f"Bearer {token}"}), renew_at


def _use_for(lifetime: timedelta) -> timedelta:
    """Tell how long to use a token; one that ends soon was handed out again, or lives shorter than documented."""
    if lifetime > RENEWAL + LATEST_RENEWAL:
        return lifetime - RENEWAL
    return max(lifetime - LATEST_RENEWAL, lifetime / 2)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one answer, and when it was asked for."""

    rows: Sequence[Row]
    observed_at: datetime


class LarkClient:
    """The contact reads of one app; safe to call from many threads.

    Every read raises `RefusedError` where Lark refuses it, `SourceProtocolError` where the answer is misshapen,
    and whatever `Session.call` raises.
    """

    def __init__(self, *, base_url: str, app_id: str, app_secret: Secret, means: Means) -> None:
        host = base_url.rstrip("/")
        tenant = keep(means.kept, f"lark {host} {app_id}", Tenant)
        self._app_id, self._means, self._tenant = app_id, means, tenant
        self._session = Session(
            base_url=host,
            clock=means.clock,
            limiters=tenant.limiters,
            transport=means.transport,
            limit_scale=means.limit_scale,
            in_flight=means.in_flight,
        )
        self._dialect = AppDialect(
            session=self._session, tenant=tenant, app_id=app_id, app_secret=app_secret, clock=means.clock
        )

    @property
    def calls(self) -> Mapping[str, int]:
        return self._session.calls

    @property
    def ahead_s(self) -> float | None:
        """See `Session.ahead_s`."""
        return self._session.ahead_s

    def close(self) -> None:
        self._session.close()

    def begin_test(self) -> None:
        """Ask for a token anew, for an old one proves nothing of the secret; and wait for nothing long."""
        self._session.hurry()
        with self._tenant.lock:
            self._tenant.credentials = None

    def is_known_at(self, host: str) -> bool:
        """Tell whether another host of the vendor knows the app. Our secret does not go there: a wrong one will do."""
        session = Session(
            base_url=host, clock=self._means.clock, limiters=Limiters(), transport=self._means.transport, in_flight=1
        )
        session.hurry()
        body = {"app_id": self._app_id, "app_secret": "not-the-secret"}
        try:
            session.call(self._dialect, Call(endpoint=TOKEN, path=TOKEN.path, body=body))
        except SourceDeniedError as denied:
            return denied.code == "credentials refused"
        except RollcallError:
            return False
        finally:
            session.close()
        return True

    def each(self, work: Callable[[A], R], items: Iterable[A]) -> Generator[R, None, None]:
        """Do many things at a time; see `Session.each`."""
        return self._session.each(work, items)

    def granted(self) -> Page:
        """Read which permissions the app has; needs none itself."""
        return self._rows(Call(endpoint=GRANTED, path=GRANTED.path), "scopes")

    def range(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Read the contact range: ids of the departments and of the single people that were granted."""
        departments: dict[str, None] = {}
        people: dict[str, None] = {}
        size = ("page_size", str(SCOPES_PAGE_SIZE))
        for call, data, _ in self._pages(Call(endpoint=RANGE, path=RANGE.path, query=(*KINDS, size))):
            departments |= dict.fromkeys(_texts(call, data, "department_ids"))
            people |= dict.fromkeys(_texts(call, data, "user_ids"))
        return tuple(departments), tuple(people)

    def children(self, department: str, *, recursive: bool) -> Iterator[Page]:
        flag = ("fetch_child", "true" if recursive else "false")
        return self._listing(_call(CHILDREN, department, flag, ("page_size", str(PAGE_SIZE))))

    def some_below(self, department: str, *, recursive: bool) -> Page:
        """Read some departments below."""
        flag = ("fetch_child", "true" if recursive else "false")
        return self._rows(_call(CHILDREN, department, flag, ("page_size", str(PAGE_SIZE))), "items")

    def some_members(self, department: str) -> Page:
        """Read some direct members."""
        asked = (("department_id", department), ("page_size", str(PAGE_SIZE)))
        return self._rows(Call(endpoint=MEMBERS, path=MEMBERS.path, query=(*KINDS, *asked)), "items")

    def bot(self) -> Row:
        """Read who the app's bot is; its answer has no `data`."""
        call = Call(endpoint=BOT, path=BOT.path)
        row = self._session.call(self._dialect, call).document.get("bot")
        if not isinstance(row, dict):
            raise broken(call, "no bot in the answer")
        return row

    def members(self, department: str) -> Iterator[Page]:
        """Read direct members."""
        asked = (("department_id", department), ("page_size", str(PAGE_SIZE)))
        return self._listing(Call(endpoint=MEMBERS, path=MEMBERS.path, query=(*KINDS, *asked)))

    def departments(self, ids: Sequence[str]) -> Page:
        """Read at most 50 departments by id; some may be missing from the answer."""
        asked = tuple(("department_ids", each) for each in ids)
        return self._rows(Call(endpoint=DEPARTMENTS, path=DEPARTMENTS.path, query=(*KINDS, *asked)), "items")

    def users(self, ids: Sequence[str]) -> Page:
        """Read at most 50 people by id; some may be missing from the answer."""
        asked = tuple(("user_ids", each) for each in ids)
        return self._rows(Call(endpoint=USERS, path=USERS.path, query=(*KINDS, *asked)), "items")

    def department(self, department: str) -> tuple[Row, datetime]:
        return self._one(_call(DEPARTMENT, department), "department")

    def user(self, user: str) -> tuple[Row, datetime]:
        return self._one(_call(USER, user), "user")

    def _listing(self, call: Call) -> Iterator[Page]:
        for each, data, observed_at in self._pages(call):
            yield Page(_list(each, data, "items"), observed_at)

    def _pages(self, call: Call) -> Iterator[tuple[Call, Row, datetime]]:
        seen: set[str] = set()
        page = call
        for _ in range(MOST_PAGES):
            data, observed_at = self._data(page)
            yield page, data, observed_at
            token = _next_page(page, data)
            if token is None:
                return
            if token in seen:
                raise broken(page, "page token repeated")
            seen.add(token)
            page = Call(endpoint=call.endpoint, path=call.path, query=(*call.query, ("page_token", token)))
        raise broken(call, "pages without end")

    def _rows(self, call: Call, name: str) -> Page:
        data, observed_at = self._data(call, may_lack=True)
        return Page(_list(call, data, name), observed_at)

    def _one(self, call: Call, name: str) -> tuple[Row, datetime]:
        data, observed_at = self._data(call)
        row = data.get(name)
        if not isinstance(row, dict):
            raise broken(call, f"no {name} in the answer")
        return row, observed_at

    def _data(self, call: Call, *, may_lack: bool = False) -> tuple[Row, datetime]:
        answer = self._session.call(self._dialect, call)
        data = answer.document.get("data")
        if data is None and may_lack:
            return {}, answer.observed_at
        if not isinstance(data, dict):
            raise broken(call, "data is not an object")
        return data, answer.observed_at


def _call(endpoint: Endpoint, id_: str, *query: tuple[str, str]) -> Call:
    return Call(endpoint=endpoint, path=endpoint.path.format(quote(id_, safe="")), query=(*KINDS, *query))


def _next_page(call: Call, data: Row) -> str | None:
    """Read the token of the next page; None when there is none. `has_more` decides, not the number of rows."""
    more, token = data.get("has_more"), data.get("page_token")
    if more is None and not token:
        return None
    if not isinstance(more, bool):
        raise broken(call, "has_more is not a flag")
    if not more:
        return None
    if not isinstance(token, str) or not token:
        raise broken(call, "more pages without a token")
    return token


def _list(call: Call, data: Row, name: str) -> Sequence[Row]:
    """Read a list of objects; absent, null and empty are alike."""
    rows = data.get(name)
    if rows is None:
        return ()
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise broken(call, f"{name} is not a list of objects")
    return rows


def _texts(call: Call, data: Row, name: str) -> Sequence[str]:
    values = data.get(name)
    if values is None:
        return ()
    if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
        raise broken(call, f"{name} is not a list of ids")
    return values
