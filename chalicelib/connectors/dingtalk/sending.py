"""DingTalk's robot and card APIs as calls, for `chat`: where a message goes, and what a refusal of it means.

What was sent and not answered may have been said. So nothing here is sent twice but what was surely not taken: whoever
asked hears of the trouble, and decides. Cards are the exception, for DingTalk knows a card by our name for it.

Source: DingTalk, "Robot: send one-to-one messages", "Robot: send group messages", "Create and deliver a card",
"Update a card".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import httpx

from chalicelib.connectors import Means
from chalicelib.connectors.dingtalk.answers import RefusedError, as_flag, broken, classify
from chalicelib.connectors.dingtalk.client import PACE, App, AppDialect, Tenant
from chalicelib.connectors.dingtalk.markdown import param
from chalicelib.connectors.limiter import keep
from chalicelib.connectors.session import (
    Answer,
    Call,
    Credentials,
    Endpoint,
    Retry,
    Session,
    Verdict,
    fault,
    json_object,
    throttling,
)
from chalicelib.core.errors import NotFoundError, RollcallError, SourceDeniedError, SourceUnavailableError
from chalicelib.core.ports import Clock
from chalicelib.core.reply import Json

TOKEN_HEADER: Final = "x-acs-dingtalk-access-token"  # noqa: S105 - the name of a header


def _new(name: str, method: str, path: str, *, repeats: bool) -> Endpoint:
    return Endpoint(name=name, method=method, path=f"/v1.0/{path}", windows=PACE, repeats=repeats)


# Told by the message that is answered: it needs no token, for it is one.
SESSION: Final = Endpoint(
    name="robot.session", method="POST", path="/robot/sendBySession", windows=PACE, open=True, repeats=False
)
ONE: Final = _new("robot.one", "POST", "robot/oToMessages/batchSend", repeats=False)
GROUP: Final = _new("robot.group", "POST", "robot/groupMessages/send", repeats=False)
CARD: Final = _new("cards.create", "POST", "card/instances/createAndDeliver", repeats=False)
EDIT: Final = _new("cards.update", "PUT", "card/instances", repeats=True)

CARD_EXISTS: Final = "param.cardAlreadyExist"
# A limit that lasts longer is waited for by the row of the answer, not by a thread.
LONGEST_WAIT_S: Final = 3.0
TOO_FAST_S: Final = 30.0
AGAIN_AFTER_S: Final = 10.0

_TOO_FAST: Final = frozenset({"send.too.fast"})
_NO_ROBOT: Final = frozenset(
    {"robotCode.notExsit", "robotCode.notExist", "robotCode.auth", "robot.oto.notExist", "bot.stopped"}
)
_NOBODY: Final = frozenset(
    {"staffId.notExisted", "invalid.openConversationId", "miss.openConversationId", "group.disbanded"}
)

# No kind of place that there is.
NOWHERE: Final = "dtv1.card//IM_NOWHERE.rollcall"

Row = Mapping[str, object]


def route_of(app: App) -> str:
    """Name the route under which the callback of this app's cards is registered."""
    return f"rollcall-{app.app_key}"


class SendingDialect:
    """Speaks for one app to the new host, which takes the token in a header only."""

    def __init__(self, *, app_dialect: AppDialect, tenant: Tenant, clock: Clock) -> None:
        self._app = app_dialect
        self._tenant = tenant
        self._clock = clock
        self._issued: tuple[Credentials, Credentials] | None = None

    def classify(self, call: Call, response: httpx.Response) -> Verdict:
        document = json_object(response)
        word = document.get("code") or document.get("Code") if document is not None else None
        if response.status_code >= 400 and isinstance(word, str) and (error := _meant(call, word)) is not None:
            raise error
        verdict = classify(call, response, self._clock.now())
        if isinstance(verdict, Retry) and verdict.throttled and (verdict.after_s or TOO_FAST_S) > LONGEST_WAIT_S:
            raise throttling(call, verdict.after_s or TOO_FAST_S)
        return verdict

    def credentials(self) -> Credentials:
        known = self._app.credentials()
        issued = self._issued
        if issued is None or issued[0] is not known:
            self._issued = issued = known, Credentials(headers={TOKEN_HEADER: dict(known.query)["access_token"]})
        return issued[1]

    def drop(self, credentials: Credentials) -> bool:
        """Forget a token; that this host refused it says nothing of the other host's."""
        issued, tenant = self._issued, self._tenant
        with tenant.lock:
            if issued is None or issued[1] is not credentials or tenant.credentials is not issued[0]:
                return False
            tenant.credentials = None
            return True


def _meant(call: Call, word: str) -> RollcallError | None:
    """Put what only these APIs say into our families; None for what all of DingTalk's say."""
    what = word.removeprefix("invalidParameter.")
    if what in _TOO_FAST:
        return throttling(call, TOO_FAST_S)
    if what in _NO_ROBOT:
        return fault(SourceDeniedError, "robot not available", endpoint=call.endpoint.name, code=word)
    if what in _NOBODY:
        return fault(NotFoundError, "chat not found", endpoint=call.endpoint.name, code=word)
    if word.startswith("param."):
        # Some of these come with status 500, which else means trouble that passes.
        return RefusedError(0, {"endpoint": call.endpoint.name, "code": word})
    return None


class DingTalkSender:
    """The robot of one app. Every call raises what `Session.call` raises, and `RefusedError` where it is refused."""

    def __init__(self, *, app: App, robot_code: str, means: Means) -> None:
        # What the reader of the same app uses: one token, one record of the limits.
        tenant = keep(means.kept, f"dingtalk {app.oapi_url} {app.corp_id} {app.app_key}", Tenant)
        self._session = Session(
            base_url=app.oapi_url,
            clock=means.clock,
            limiters=tenant.limiters,
            transport=means.transport,
            limit_scale=means.limit_scale,
            in_flight=means.in_flight,
        )
        app_dialect = AppDialect(session=self._session, tenant=tenant, app=app, clock=means.clock)
        self._dialect = SendingDialect(app_dialect=app_dialect, tenant=tenant, clock=means.clock)
        self._api_url = app.api_url
        self._robot_code = robot_code
        self._route = route_of(app)

    @property
    def calls(self) -> Mapping[str, int]:
        return self._session.calls

    def close(self) -> None:
        self._session.close()

    def hurry(self) -> None:
        """See `Session.hurry`."""
        self._session.hurry()

    def by_session(self, url: str, title: str, text: str) -> None:
        """Answer where a message came from; nobody is mentioned.

        Raises:
            RefusedError, SourceDeniedError: the session is over, or takes no more.
        """
        body = {"msgtype": "markdown", "markdown": {"title": title, "text": text}}
        self._call(Call(endpoint=SESSION, path=url, body=body))

    def to_one(self, person: str, title: str, text: str) -> None:
        """
        Raises:
            NotFoundError: DingTalk took the message, but not for this person.
            ThrottledError: this person has had too many of late.
        """
        call = self._robot_call(ONE, title, text, userIds=[person])
        answer = self._call(call).document
        if person in _names(call, answer, "invalidStaffIdList"):
            raise fault(NotFoundError, "chat not found", endpoint=ONE.name, code="invalidStaffIdList")
        if person in _names(call, answer, "flowControlledStaffIdList"):
            raise throttling(call, TOO_FAST_S)

    def to_group(self, group: str, title: str, text: str) -> None:
        self._call(self._robot_call(GROUP, title, text, openConversationId=group))

    def create_card(
        self, card: str, template: str, params: Mapping[str, str], *, group: str, person: str, route: str
    ) -> bool:
        """Post a card to a group, or else to a person; False when it was made but did not arrive.

        Raises:
            RefusedError: with the code `CARD_EXISTS` it was made before.
        """
        where: dict[str, Json] = {
            "openSpaceId": f"dtv1.card//IM_GROUP.{group}",
            "imGroupOpenSpaceModel": {"supportForward": False},
            "imGroupOpenDeliverModel": {"robotCode": self._robot_code},
        }
        if not group:
            where = {
                "openSpaceId": f"dtv1.card//IM_ROBOT.{person}",
                "imRobotOpenSpaceModel": {"supportForward": False},
                "imRobotOpenDeliverModel": {"spaceType": "IM_ROBOT", "robotCode": self._robot_code},
            }
        body: dict[str, Json] = {
            "cardTemplateId": template,
            "outTrackId": card,
            "cardData": {"cardParamMap": params},
            "callbackType": "HTTP",
            "callbackRouteKey": route,
            "userIdType": 1,
            **where,
        }
        call = self._api_call(CARD, body)
        answer = self._call(call).document
        result = answer.get("result")
        told = result.get("deliverResults") if isinstance(result, dict) else None
        if as_flag(answer.get("success")) is False:
            return False
        if not isinstance(told, list):
            raise broken(call, "no deliverResults in the answer")
        return bool(told) and all(isinstance(each, dict) and as_flag(each.get("success")) for each in told)

    def try_card(self, template: str) -> None:
        """Have a card refused for the place it is to go to, so that none is made; what else is wrong is refused first.

        Raises:
            RefusedError: always, as far as is known.
        """
        body: dict[str, Json] = {
            "cardTemplateId": template,
            "outTrackId": "rollcall-test-no-card",
            "cardData": {"cardParamMap": {}},
            "callbackType": "HTTP",
            "callbackRouteKey": self._route,
            "userIdType": 1,
            "openSpaceId": NOWHERE,
        }
        self._call(self._api_call(CARD, body))

    def update_card(self, card: str, params: Mapping[str, str], *, private: Mapping[str, Mapping[str, str]]) -> bool:
        """Change parameters of a card; those that are not given stay. `private` are those of single people."""
        body: dict[str, Json] = {
            "outTrackId": card,
            "cardData": {"cardParamMap": params},
            "cardUpdateOptions": {"updateCardDataByKey": True, "updatePrivateDataByKey": True},
        }
        if private:
            body["privateData"] = {person: {"cardParamMap": values} for person, values in private.items()}
        answer = self._call(self._api_call(EDIT, body)).document
        return as_flag(answer.get("success")) is not False and as_flag(answer.get("result")) is not False

    def _robot_call(self, endpoint: Endpoint, title: str, text: str, **to: Json) -> Call:
        told: dict[str, Json] = {"robotCode": self._robot_code, "msgKey": "sampleMarkdown"}
        return self._api_call(endpoint, told | {"msgParam": param(title, text)} | to)

    def _api_call(self, endpoint: Endpoint, body: Mapping[str, Json]) -> Call:
        return Call(endpoint=endpoint, path=self._api_url + endpoint.path, body=body)

    def _call(self, call: Call) -> Answer:
        try:
            return self._session.call(self._dialect, call)
        except SourceUnavailableError as error:
            error.retry_after = AGAIN_AFTER_S
            raise


def _names(call: Call, document: Row, name: str) -> list[object]:
    values = document.get(name)
    if values is not None and not isinstance(values, list):
        raise broken(call, f"{name} is not a list")
    return values or []
