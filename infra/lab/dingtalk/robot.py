"""What the robot sends: through a session, to people, to groups, and as interactive cards.

Source: DingTalk "robots: send one-to-one messages in batch", "send group messages", "create and deliver a card",
"update a card", "register a card callback", and the message types of webhooks.
"""

import json
import re
from collections.abc import Mapping

from infra.lab.dingtalk.chatting import Chatting, Route, param_map
from infra.lab.dingtalk.choices import Choices
from infra.lab.dingtalk.errors import RefusedError, bad_argument, missing
from infra.lab.dingtalk.params import Params
from infra.lab.talk import Chat, Post
from infra.lab.wire import JsonObject

MOST_PEOPLE = 20
MOST_PARAM_BYTES = 15_000
_LINKED = {
    f"sampleActionCard{count}": frozenset(
        {
            "title",
            "text",
            *(f"{name}{number}" for number in range(1, count + 1) for name in ("actionTitle", "actionURL")),
        }
    )
    for count in range(2, 6)
}
# msgKey -> the parameters it must have.
_KINDS: dict[str, frozenset[str]] = {
    "sampleText": frozenset({"content"}),
    "sampleMarkdown": frozenset({"title", "text"}),
    "sampleLink": frozenset({"title", "text", "picUrl", "messageUrl"}),
    "sampleActionCard": frozenset({"title", "text", "singleTitle", "singleURL"}),
    **_LINKED,
    "sampleActionCard6": frozenset({"title", "text", "buttonTitle1", "buttonUrl1", "buttonTitle2", "buttonUrl2"}),
    "sampleImageMsg": frozenset({"photoURL"}),
}
_WEBHOOK = {
    "text": frozenset({"content"}),
    "markdown": frozenset({"title", "text"}),
    "actionCard": frozenset({"title", "text"}),
    "link": frozenset({"title", "text", "messageUrl"}),
    "feedCard": frozenset({"links"}),
}
_GROUP, _PERSON = "IM_GROUP", "IM_ROBOT"
_SPACE = re.compile(r"dtv1\.card//(IM_GROUP|IM_ROBOT)\.(.+)")


class Robot:
    """The robot's side of the chats."""

    def __init__(self, workspace: Chatting, choices: Choices) -> None:
        self._workspace = workspace
        self._choices = choices

    def session(self, params: Params, granted: frozenset[str]) -> JsonObject:
        """`POST robot/sendBySession?session=`: an answer where the question was asked."""
        workspace = self._workspace
        key = dict(params.call.query).get("session", "")
        chat_id, ends = workspace.sessions.get(key, ("", workspace.clock.now()))
        chat = workspace.talk.chats.get(chat_id)
        if chat is None or ends <= workspace.clock.now():
            raise RefusedError(300001, "session 不存在")
        kind = params.text("msgtype")
        if kind == "empty":
            return {}
        if kind not in _WEBHOOK:
            raise bad_argument("msgtype")
        content = params.mapping(kind)
        if absent := sorted(_WEBHOOK[kind] - set(content)):
            raise missing(absent[0])
        at = params.mapping("at") if params.has("at") else {}
        if not set(at) <= {"atUserIds", "atMobiles", "isAtAll"}:
            raise bad_argument("at")
        listed = at.get("atUserIds")
        called = [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
        text = str(content.get("text", content.get("content", "")))
        mentions = tuple(each for each in called if f"@{each}" in text)
        self._post(chat, kind, content, mentions=mentions, everyone=at.get("isAtAll") is True)
        return {}

    def to_people(self, params: Params, granted: frozenset[str]) -> JsonObject:
        """`POST v1.0/robot/oToMessages/batchSend`: 200 though some got nothing."""
        workspace = self._workspace
        self._may_send(params)
        people = params.texts("userIds")
        if not people:
            raise missing("userIds")
        if len(people) > MOST_PEOPLE:
            raise _refused("invalidParameter.userIds.overMax", "userIds over max 100")
        kind, content = self._message(params)
        unknown = [each for each in people if workspace.employed(each) is None]
        if len(unknown) == len(people) and self._choices.unknown_staff == "refused":
            raise _refused("staffId.notExisted", "staffId not existed")
        slow = [each for each in people if each not in unknown and each in workspace.flow_controlled]
        for each in people:
            if each not in unknown and each not in slow:
                self._post(workspace.direct_chat(each), kind, content)
        return {
            "processQueryKey": self._query_key(),
            "invalidStaffIdList": unknown,
            "flowControlledStaffIdList": slow,
        }

    def to_group(self, params: Params, granted: frozenset[str]) -> JsonObject:
        """`POST v1.0/robot/groupMessages/send`"""
        workspace = self._workspace
        self._may_send(params)
        chat_id = params.optional_text("openConversationId")
        if chat_id is None:
            raise _refused("miss.openConversationId", "openConversationId is required")
        if chat_id in workspace.disbanded:
            raise _refused("group.disbanded", "the group was disbanded")
        chat = workspace.talk.chats.get(chat_id)
        if chat is None or chat.direct:
            raise _refused("invalid.openConversationId", "openConversationId is invalid")
        if not chat.has_bot:
            raise _refused("robot.oto.notExist", "the robot is not in the group")
        if chat_id in workspace.flow_controlled:
            raise _refused("send.too.fast", "messages are sent too fast")
        kind, content = self._message(params)
        self._post(chat, kind, content)
        return {"processQueryKey": self._query_key()}

    # Cards

    def deliver(self, params: Params, granted: frozenset[str]) -> JsonObject:
        """`POST v1.0/card/instances/createAndDeliver`: each delivery has a result of its own."""
        workspace = self._workspace
        template, track = params.text("cardTemplateId"), params.text("outTrackId")
        if template not in workspace.templates:
            raise _refused("param.cardTemplateNotExist", f"no such template: {template}")
        if any(post.content.get("outTrackId") == track for post in workspace.talk.posts.values()):
            raise _refused("param.cardAlreadyExist", "outTrackId was used before")
        public = _params(params.mapping("cardData"), "cardData")
        private = self._private(params)
        callback = params.one_of("callbackType", ("STREAM", "HTTP"))
        route = params.optional_text("callbackRouteKey") or ""
        if callback == "HTTP" and route not in workspace.routes:
            raise _refused("param.callbackRouteKeyNotExist", "callbackRouteKey is not registered")
        results: list[JsonObject] = []
        content: JsonObject = {
            "outTrackId": track,
            "cardTemplateId": template,
            "cardParamMap": dict(public),
            "callbackType": callback,
            "callbackRouteKey": route,
        }
        for space in params.text("openSpaceId").split(";"):
            found = _SPACE.fullmatch(space)
            if found is None:
                raise _refused("param.error", f"openSpaceId is malformed: {space}")
            problem, chat = self._space(params, found[1], found[2])
            carrier = ""
            if chat is not None:
                post = self._post(chat, "interactiveCard", content)
                post.private = {person: dict(values) for person, values in private.items()}
                carrier = post.post_id
            results.append(
                {
                    "spaceType": found[1],
                    "spaceId": found[2],
                    "success": chat is not None,
                    "carrierId": carrier,
                    "errorMsg": problem,
                }
            )
        return {"success": True, "result": {"outTrackId": track, "deliverResults": results}}

    def update(self, params: Params, granted: frozenset[str]) -> JsonObject:
        """`PUT v1.0/card/instances`: replaces all parameters, unless asked to change some."""
        workspace = self._workspace
        track = params.text("outTrackId")
        posts = [post for post in workspace.talk.posts.values() if post.content.get("outTrackId") == track]
        if not posts:
            raise _refused("param.cardNotExist", "no such card", status=404)
        public = _params(params.mapping("cardData"), "cardData") if params.has("cardData") else None
        private = self._private(params)
        options = params.mapping("cardUpdateOptions") if params.has("cardUpdateOptions") else {}
        if not set(options) <= {"updateCardDataByKey", "updatePrivateDataByKey"}:
            raise _refused("param.error", "cardUpdateOptions has unknown fields")
        for post in posts:
            workspace.change_card(
                post,
                public,
                private,
                public_by_key=options.get("updateCardDataByKey") is True,
                private_by_key=options.get("updatePrivateDataByKey") is True,
            )
        return {"success": True, "result": True}

    def register(self, params: Params, granted: frozenset[str]) -> JsonObject:
        """`POST v1.0/card/callbacks/register`: a key once taken is changed by force only."""
        workspace = self._workspace
        key, url = params.text("callbackRouteKey"), params.text("callbackUrl")
        if key in workspace.routes and not params.flag("forceUpdate", default=False):
            raise _refused("param.callbackRouteKeyExist", "callbackRouteKey exists", status=500)
        secret = params.optional_text("apiSecret") or ""
        workspace.routes[key] = Route(url, secret)
        return {"success": True, "result": {"callbackUrl": url, "apiSecret": secret}}

    # Inside

    def _post(
        self,
        chat: Chat,
        kind: str,
        content: Mapping[str, object],
        *,
        mentions: tuple[str, ...] = (),
        everyone: bool = False,
    ) -> Post:
        workspace = self._workspace
        return workspace.talk.add(
            Post(
                post_id=f"bot{workspace.next_ids('msg_id')[:20]}",
                chat_id=chat.chat_id,
                by="",
                kind=kind,
                content=dict(content),
                at=workspace.clock.now(),
                mentions=mentions,
                everyone=everyone,
            )
        )

    def _may_send(self, params: Params) -> None:
        if params.text("robotCode") != self._workspace.robot_code:
            raise _refused("invalidParameter.robotCode.notExsit", "robot not exist")
        if not self._workspace.robot_on:
            raise _refused("bot.stopped", "the robot was stopped")

    def _message(self, params: Params) -> tuple[str, JsonObject]:
        kind, raw = params.text("msgKey"), params.text("msgParam")
        if kind not in _KINDS:
            raise _refused("invalidParameter.msgKey.invalid", f"no such msgKey: {kind}")
        if len(raw.encode()) > MOST_PARAM_BYTES:
            raise _refused("invalidParameter.msgParam.tooLong", "msgParam is too long")
        try:
            content = json.loads(raw)
        except ValueError:
            content = None
        texts = isinstance(content, dict) and all(isinstance(value, str) for value in content.values())
        if not isinstance(content, dict) or not texts or not _KINDS[kind] <= set(content):
            raise _refused("invalidParameter.msgParam.invalid", "msgParam is invalid")
        return kind, content

    def _space(self, params: Params, kind: str, space_id: str) -> tuple[str, Chat | None]:
        """Find the chat that a card is for; or tell what is wrong with that."""
        workspace = self._workspace
        prefix = "imGroup" if kind == _GROUP else "imRobot"
        if not params.has(f"{prefix}OpenSpaceModel") or not params.has(f"{prefix}OpenDeliverModel"):
            return f"{prefix}OpenSpaceModel and {prefix}OpenDeliverModel are required", None
        model = params.mapping(f"{prefix}OpenDeliverModel")
        if kind == _PERSON:
            if model.get("spaceType") != _PERSON:
                return "imRobotOpenDeliverModel.spaceType must be IM_ROBOT", None
            if workspace.employed(space_id) is None:
                return "the user does not exist", None
        elif model.get("robotCode") != workspace.robot_code:
            return "imGroupOpenDeliverModel.robotCode is not of this app", None
        if not workspace.robot_on:
            return "the robot was stopped", None
        if space_id in workspace.flow_controlled:
            return "send too fast", None
        if kind == _PERSON:
            return "", workspace.direct_chat(space_id)
        chat = workspace.talk.chats.get(space_id)
        if chat is None or chat.direct or not chat.has_bot:
            return "the conversation does not exist, or the robot is not in it", None
        return "", chat

    def _private(self, params: Params) -> dict[str, dict[str, str]]:
        if not params.has("privateData"):
            return {}
        return {person: _params(value, "privateData") for person, value in params.mapping("privateData").items()}

    def _query_key(self) -> str:
        return f"lab{self._workspace.next_ids('query')[:24]}"


def _params(value: object, name: str) -> dict[str, str]:
    try:
        return param_map(value)
    except ValueError as error:
        raise _refused("param.error", f"{name}: {error} is not a text, or too long") from error


def _refused(code: str, msg: str, status: int = 400) -> RefusedError:
    return RefusedError(400002, msg, code, status=status)
