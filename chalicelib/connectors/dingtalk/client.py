"""DingTalk's contact API as calls: token, parameters, paging. What the rows mean is left to `records`."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeVar

import httpx

from chalicelib.connectors import Means
from chalicelib.connectors.dingtalk.answers import as_flag, as_number, broken, classify
from chalicelib.connectors.limiter import Limiters, Window, keep
from chalicelib.connectors.session import Call, Credentials, Endpoint, Renew, Session, Verdict
from chalicelib.core.ports import Clock
from chalicelib.core.secret import Secret

A = TypeVar("A")
R = TypeVar("R")

Row = Mapping[str, object]

ROOT: Final = "1"
PAGE_SIZE: Final = 100
# DingTalk takes no cursor beyond 100,000.
MOST_PAGES: Final = 1001

# Twenty in each second of the vendor's clock; whatever slides over any second keeps that too, on any clock.
PACE: Final = (Window(20, 1.0),)


def _post(name: str, path: str) -> Endpoint:
    return Endpoint(name=name, method="POST", path=f"/topapi/{path}", windows=PACE)


TOKEN: Final = Endpoint(name="auth.corp_token", method="POST", path="/v1.0/oauth2/{}/token", windows=PACE, open=True)
OLD_TOKEN: Final = Endpoint(name="auth.gettoken", method="GET", path="/gettoken", windows=PACE, open=True)
RANGE: Final = Endpoint(name="auth.scopes", method="GET", path="/auth/scopes", windows=PACE)
CHILDREN: Final = _post("departments.listsub", "v2/department/listsub")
DEPARTMENT: Final = _post("departments.get", "v2/department/get")
MEMBERS: Final = _post("users.list", "v2/user/list")
USER: Final = _post("users.get", "v2/user/get")

# Asking again before the end gives the same token, and renews its time.
RENEWAL: Final = timedelta(minutes=5)
LONGEST_LIFE_S: Final = 7200
_TOKEN = re.compile(r"[!-~]{1,4096}")


@dataclass(slots=True, eq=False)
class Tenant:
    """What outlives a reader for one app on one host: its token and how much of the limits is used.

    That a token of the new host is good for the old one is common practice, but nowhere promised. `proven` says that
    the present one was; `old` that tokens come from the old host, because one from the new host was not.
    """

    limiters: Limiters = field(default_factory=Limiters)
    lock: threading.Lock = field(default_factory=threading.Lock)
    credentials: Credentials | None = None
    renew_at: datetime | None = None
    # The secret that they were given for: another one must prove itself.
    secret: Secret | None = None
    proven: bool = False
    old: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """Who asks, and where: the new host gives the token, the old one has the contacts."""

    oapi_url: str
    api_url: str
    corp_id: str
    app_key: str
    app_secret: Secret


class AppDialect:
    """Speaks for one app: renews its token, judges its answers."""

    def __init__(self, *, session: Session, tenant: Tenant, app: App, clock: Clock) -> None:
        self._session = session
        self._tenant = tenant
        self._app = app
        self._clock = clock

    def classify(self, call: Call, response: httpx.Response) -> Verdict:
        verdict = classify(call, response, self._clock.now())
        if not call.endpoint.open and not _doubts_token(verdict):
            self._tenant.proven = True
        return verdict

    def credentials(self) -> Credentials:
        tenant = self._tenant
        with tenant.lock:
            is_ours = self._app.app_secret.is_same(tenant.secret)
            if not is_ours or tenant.credentials is None or not tenant.renew_at or self._clock.now() >= tenant.renew_at:
                tenant.credentials, tenant.renew_at = self._fetch()
                tenant.secret = self._app.app_secret
            return tenant.credentials

    def drop(self, credentials: Credentials) -> bool:
        tenant = self._tenant
        with tenant.lock:
            if tenant.credentials is not credentials:
                return False
            tenant.credentials = None
            tenant.old, tenant.proven = tenant.old or not tenant.proven, False
            return True

    def _fetch(self) -> tuple[Credentials, datetime]:
        call = self._old_token() if self._tenant.old else self._new_token()
        answer = self._session.call(self, call)
        token, expire_s = answer.document.get("access_token"), as_number(answer.document.get("expires_in"))
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise broken(call, "no token in the answer")
        if expire_s is None or expire_s <= 0:
            raise broken(call, "no expiry of the token")
        life = timedelta(seconds=min(expire_s, LONGEST_LIFE_S))
        renew_at = answer.observed_at + max(life - RENEWAL, life / 2)
        return Credentials(headers={}, query=(("access_token", token),)), renew_at

    def _new_token(self) -> Call:
        """Ask for the company by its id: a source that is set to another company than its app's goes no further."""
        app = self._app
        path = app.api_url + TOKEN.path.format(app.corp_id)
        secret = app.app_secret.reveal()
        body = {"client_id": app.app_key, "client_secret": secret, "grant_type": "client_credentials"}
        return Call(endpoint=TOKEN, path=path, body=body)

    def _old_token(self) -> Call:
        app = self._app
        query = (("appkey", app.app_key), ("appsecret", app.app_secret.reveal()))
        return Call(endpoint=OLD_TOKEN, path=OLD_TOKEN.path, query=query)


def _doubts_token(verdict: Verdict) -> bool:
    return isinstance(verdict, Renew) and verdict.otherwise is None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one answer, and when it was asked for."""

    rows: Sequence[Row]
    observed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What the app may see: everything, or these departments and single people.

    `fields` are the names of the fields that it may read, in the spelling of an older API; empty where not told.
    """

    everything: bool
    departments: tuple[str, ...]
    people: tuple[str, ...]
    fields: frozenset[str]


class DingTalkClient:
    """The contact reads of one app; safe to call from many threads.

    Every read raises `RefusedError` where DingTalk refuses it, `SourceProtocolError` where the answer is misshapen,
    and whatever `Session.call` raises.
    """

    def __init__(self, *, app: App, means: Means) -> None:
        tenant = keep(means.kept, f"dingtalk {app.oapi_url} {app.corp_id} {app.app_key}", Tenant)
        self._session = Session(
            base_url=app.oapi_url,
            clock=means.clock,
            limiters=tenant.limiters,
            transport=means.transport,
            limit_scale=means.limit_scale,
            in_flight=means.in_flight,
        )
        self._tenant = tenant
        self._dialect = AppDialect(session=self._session, tenant=tenant, app=app, clock=means.clock)

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

    def each(self, work: Callable[[A], R], items: Iterable[A]) -> Generator[R, None, None]:
        """Do many things at a time; see `Session.each`."""
        return self._session.each(work, items)

    def work_off(self, work: Callable[[A], R], take: Callable[[int], Iterable[A]]) -> Generator[R, None, None]:
        """Do many things at a time that bring more; see `Session.work_off`."""
        return self._session.work_off(work, take)

    def range(self) -> Range:
        """Read the contact range: ids of the departments and of the single people that were granted."""
        call = Call(endpoint=RANGE, path=RANGE.path)
        document = self._session.call(self._dialect, call).document
        granted = document.get("auth_org_scopes")
        if not isinstance(granted, dict):
            raise broken(call, "auth_org_scopes is not an object")
        departments = [_id(call, each) for each in _list(call, granted, "authed_dept")]
        people = [str(each) for each in _list(call, granted, "authed_user") if each]
        fields = document.get("auth_user_field")
        return Range(
            everything=ROOT in departments,
            departments=tuple(dict.fromkeys(each for each in departments if is_real(each))),
            people=tuple(dict.fromkeys(people)),
            fields=frozenset(each for each in fields if isinstance(each, str))
            if isinstance(fields, list)
            else frozenset(),
        )

    def children(self, department: str) -> Page:
        """Read direct children, all in one answer."""
        call = Call(endpoint=CHILDREN, path=CHILDREN.path, body={"dept_id": int(department)})
        document, observed_at = self._result(call)
        return Page(_rows(call, {"result": document}, "result"), observed_at)

    def members(self, department: str) -> Iterator[Page]:
        """Read direct members, those under access limits too.

        Cursors are places in a list: by entry, whoever joins during the read comes last and moves nobody.
        """
        cursor = 0
        for _ in range(MOST_PAGES):
            body: dict[str, str | int | bool] = {"dept_id": int(department), "cursor": cursor, "size": PAGE_SIZE}
            body |= {"order_field": "entry_asc", "contain_access_limit": True}
            call = Call(endpoint=MEMBERS, path=MEMBERS.path, body=body)
            document, observed_at = self._object(call)
            yield Page(_rows(call, document, "list"), observed_at)
            following = _next_cursor(call, document, cursor)
            if following is None:
                return
            cursor = following
        raise broken(call, "pages without end")

    def some_members(self, department: str) -> Page:
        """Read some direct members."""
        return next(self.members(department))

    def department(self, department: str) -> tuple[Row, datetime]:
        return self._object(Call(endpoint=DEPARTMENT, path=DEPARTMENT.path, body={"dept_id": int(department)}))

    def user(self, user: str) -> tuple[Row, datetime]:
        return self._object(Call(endpoint=USER, path=USER.path, body={"userid": user}))

    def _object(self, call: Call) -> tuple[Row, datetime]:
        result, observed_at = self._result(call)
        if not isinstance(result, dict):
            raise broken(call, "result is not an object")
        return result, observed_at

    def _result(self, call: Call) -> tuple[object, datetime]:
        answer = self._session.call(self._dialect, call)
        return answer.document.get("result"), answer.observed_at


def is_real(department: str) -> bool:
    """Tell departments of the company from others: pupils and their parents stand below one of -7."""
    return int(department) > 0


def _id(call: Call, value: object) -> str:
    """Read the id of a department; they have up to 64 bits, which a floating-point number would not hold."""
    number = as_number(value)
    if number is None:
        raise broken(call, "a department's id is not a whole number")
    return str(number)


def _next_cursor(call: Call, document: Row, cursor: int) -> int | None:
    """Read where the next page begins; None when there is none. `has_more` decides, not the number of rows."""
    told, following = document.get("has_more"), document.get("next_cursor")
    more = as_flag(told)
    if more is None and (told is not None or following is not None):
        raise broken(call, "has_more is not a flag")
    if not more:
        return None
    number = as_number(following)
    if number is None:
        raise broken(call, "more pages without a cursor")
    if number <= cursor:
        raise broken(call, "cursor does not move on")
    return number


def _rows(call: Call, document: Row, name: str) -> Sequence[Row]:
    """Read a list of objects; absent, null and empty are alike."""
    values = _list(call, document, name)
    rows = [value for value in values if isinstance(value, dict)]
    if len(rows) < len(values):
        raise broken(call, f"{name} is not a list of objects")
    return rows


def _list(call: Call, document: Row, name: str) -> Sequence[object]:
    values = document.get(name)
    if values is None:
        return ()
    if not isinstance(values, list):
        raise broken(call, f"{name} is not a list")
    return values
