"""The chats of the simulated DingTalk: what the robot may send, and what it is told; one test a rule."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.lab.clock import ManualLabClock
from infra.lab.dingtalk import DingTalkWorkspace
from infra.lab.dingtalk.chatting import sign_card, sign_robot
from infra.lab.wire import Answer, LabError
from tests.infra.lab.dingtalk_client import Lab, Shown, a_lab

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/dingtalk.json").read_text(encoding="utf-8"))
URL, CARDS = "https://rollcall.example/callbacks/1/chat", "https://rollcall.example/callbacks/1/cards"
OTO, GROUP = "/v1.0/robot/oToMessages/batchSend", "/v1.0/robot/groupMessages/send"
DELIVER, UPDATE = "/v1.0/card/instances/createAndDeliver", "/v1.0/card/instances"
REGISTER = "/v1.0/card/callbacks/register"
SECRET = "card secret"
Json = dict[str, Any]


@dataclass
class App:
    """Takes whatever comes, and answers with its moods."""

    clock: ManualLabClock
    moods: list[Answer | Exception] = field(default_factory=list)
    slow_s: float = 0.0
    sent: list[tuple[str, Mapping[str, str], Any]] = field(default_factory=list)

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self.sent.append((url, headers, json.loads(body)))
        self.clock.sleep(self.slow_s)
        mood = self.moods.pop(0) if self.moods else Answer(200, {}, b"{}")
        if isinstance(mood, Exception):
            raise mood
        return mood


@dataclass
class Office:
    """Two people, a group with the robot, a card template, and an app that is told."""

    lab: Lab = field(default_factory=a_lab)
    ann: str = ""
    ben: str = ""
    group: str = ""
    app: App = field(init=False)

    def __post_init__(self) -> None:
        workspace = self.workspace
        self.ann, self.ben = workspace.add_user("安"), workspace.add_user("李本")
        self.group = workspace.add_chat("IT", [self.ann, self.ben])
        self.app = App(self.lab.clock)
        workspace.connect_chat(URL, send=self.app)
        buttons = [
            {"action": "one", "label": "b1_label", "shown": "b1_shown", "sends": {"command": "b1_command"}},
            {"action": "two", "label": "b2_label", "shown": "b2_shown", "sends": {"command": "b2_command"}},
        ]
        workspace.install_card("tpl", "title", ["text"], buttons, note="note")

    @property
    def workspace(self) -> DingTalkWorkspace:
        return self.lab.workspace

    def told(self) -> list[Json]:
        assert self.workspace.robot is not None
        self.workspace.robot.push_due()
        return [body for url, _, body in self.app.sent if url == URL]

    def to_people(self, *people: str, **more: Any) -> Shown:
        return self.lab.call("POST", OTO, **{**self.message(), "userIds": list(people), **more})

    def to_group(self, **more: Any) -> Shown:
        return self.lab.call("POST", GROUP, **{**self.message(), "openConversationId": self.group, **more})

    def message(self) -> Json:
        param = json.dumps({"title": "t", "text": "hello"})
        return {"robotCode": self.workspace.robot_code, "msgKey": "sampleMarkdown", "msgParam": param}

    def session(self, chat: str = "") -> str:
        self.workspace.say(self.ann, "@Rollcall help", chat)
        return str(self.told()[-1]["sessionWebhook"])

    def answer(self, url: str, **body: Any) -> Shown:
        body = body or {"msgtype": "markdown", "markdown": {"title": "t", "text": "hello"}}
        response = self.lab.http.post(url, json=body)
        return Shown(response.status_code, response.json())

    def register(self, **more: Any) -> Shown:
        body = {"callbackRouteKey": "route", "callbackUrl": CARDS, "apiSecret": SECRET, **more}
        return self.lab.call("POST", REGISTER, **body)

    def deliver(self, track: str = "t1", **more: Any) -> Shown:
        values = {"title": "Held", "text": "60 people", "b1_shown": "true", "b1_label": "Approve", "b1_command": "go"}
        body: Json = {
            "cardTemplateId": "tpl",
            "outTrackId": track,
            "cardData": {"cardParamMap": values},
            "callbackType": "HTTP",
            "callbackRouteKey": "route",
            "openSpaceId": f"dtv1.card//IM_ROBOT.{self.ann}",
            "imRobotOpenSpaceModel": {"supportForward": False},
            "imRobotOpenDeliverModel": {"spaceType": "IM_ROBOT"},
            **more,
        }
        return self.lab.call("POST", DELIVER, **body)

    def card(self) -> str:
        self.register()
        return str(self.deliver().body["result"]["deliverResults"][0]["carrierId"])

    def values(self, message: str, person: str = "") -> dict[str, str]:
        return self.workspace.values(self.workspace.talk.post(message), person)


@pytest.fixture
def office() -> Office:
    return Office()


def texts(office: Office, chat: str = "") -> list[str]:
    return [each["content"]["text"] for each in office.workspace.messages(chat) if not each["by"]]  # type: ignore[index]


# --- what the robot is told


@pytest.mark.parametrize("vector", VECTORS["robot_sign"], ids=lambda vector: str(vector["name"]))
def test_messages_are_signed_as_the_vectors_are(vector: Any) -> None:
    assert sign_robot(vector["app_secret"], vector["headers"]["timestamp"]) == vector["headers"]["sign"]


def test_presses_are_signed_as_the_vector_is() -> None:
    [vector] = VECTORS["card_sign"] if isinstance(VECTORS["card_sign"], list) else [VECTORS["card_sign"]]
    headers = vector["headers"]
    signature = sign_card(vector["api_secret"], headers["x-ddpaas-signature-timestamp"])
    assert signature == headers["x-ddpaas-signature"]


def test_what_a_person_types_alone_is_posted_and_signed(office: Office) -> None:
    message = office.workspace.say(office.ann, "sync now")
    [said] = office.told()
    assert said["msgtype"] == "text"
    assert said["text"] == {"content": "sync now"}
    assert (said["msgId"], said["conversationType"], said["senderStaffId"]) == (message, "1", office.ann)
    assert said["robotCode"] == office.workspace.app_key
    assert said["chatbotCorpId"] == office.workspace.corp_id
    _, headers, _ = office.app.sent[0]
    text = f"{headers['timestamp']}\n{office.workspace.app_secret}"
    mac = hmac.new(office.workspace.app_secret.encode(), text.encode(), hashlib.sha256).digest()
    assert headers["sign"] == base64.b64encode(mac).decode()


def test_each_message_has_a_signature_of_its_own(office: Office) -> None:
    for text in ("one", "two", "three"):
        office.workspace.say(office.ann, text)
    office.told()
    assert len({headers["sign"] for _, headers, _ in office.app.sent}) == 3


def test_in_a_group_the_name_is_cut_off_and_the_space_stays(office: Office) -> None:
    office.workspace.say(office.ann, "@Rollcall who @李本", office.group)
    [said] = office.told()
    assert said["text"] == {"content": " who @李本"}
    assert (said["conversationType"], said["conversationId"], said["conversationTitle"]) == ("2", office.group, "IT")
    assert [each.get("staffId") for each in said["atUsers"]] == [None, office.ben]


def test_in_a_group_only_what_calls_the_robot_is_posted(office: Office) -> None:
    office.workspace.say(office.ann, "lunch?", office.group)
    assert office.told() == []


def test_of_outsiders_and_by_an_unpublished_robot_the_userid_is_not_told(office: Office) -> None:
    office.workspace.say(office.ann, "help", outsider=True)
    office.workspace.configure(robot_published=False)
    office.workspace.say(office.ann, "help")
    assert not any({"senderStaffId", "isAdmin"} & set(each) for each in office.told())


def test_out_of_quota_the_words_are_left_out(office: Office) -> None:
    office.workspace.configure(robot_quota_used_up=True)
    office.workspace.say(office.ann, "help")
    [said] = office.told()
    assert not {"text", "content"} & set(said)
    assert said["errMsg"]


def test_a_message_comes_once_unless_asked_for_again(office: Office) -> None:
    office.app.moods.append(Answer(500, {}, b""))
    message = office.workspace.say(office.ann, "help")
    office.told()
    office.lab.clock.sleep(100_000)
    assert len(office.told()) == 1
    office.workspace.redeliver(message)
    assert [each["msgId"] for each in office.told()] == [message, message]


def test_ids_of_chats_want_to_be_encoded(office: Office) -> None:
    assert set("+/") & set(office.group)


# --- answers through the session


def test_a_session_takes_answers_without_a_token(office: Office) -> None:
    office.lab.token = ""
    assert office.answer(office.session(office.group)).code == 0
    assert texts(office, office.group) == ["hello"]
    assert office.answer(office.session()).code == 0


def test_a_session_ends_when_it_said(office: Office) -> None:
    office.workspace.configure(session_minutes=5)
    url = office.session()
    ends = office.told()[-1]["sessionWebhookExpiredTime"]
    assert ends == int(office.lab.clock.now().timestamp() * 1000) + 5 * 60_000
    office.lab.clock.sleep(299)
    assert office.answer(url).code == 0
    office.lab.clock.sleep(1)
    shown = office.answer(url)
    assert (shown.status, shown.code, shown.body["errmsg"]) == (200, 300001, "session 不存在")


def test_nobody_guesses_a_session(office: Office) -> None:
    assert office.answer("https://oapi.dingtalk.com/robot/sendBySession?session=x").code == 300001


@pytest.mark.parametrize(
    "body",
    [
        {"msgtype": "card"},
        {"msgtype": "markdown"},
        {"msgtype": "markdown", "markdown": {"title": "t"}},
        {"msgtype": "text", "text": {"content": "x"}, "at": {"everybody": True}},
    ],
)
def test_an_answer_is_of_a_known_type_and_whole(office: Office, body: Json) -> None:
    assert office.answer(office.session(), **body).code != 0


def test_an_answer_calls_people_by_at_and_text(office: Office) -> None:
    url = office.session(office.group)
    office.answer(
        url, msgtype="text", text={"content": f"@{office.ann} look"}, at={"atUserIds": [office.ann, office.ben]}
    )
    office.answer(url, msgtype="text", text={"content": "all"}, at={"isAtAll": True})
    office.answer(url, msgtype="text", text={"content": "@all @所有人"})
    told = [(each["mentions"], each["everyone"]) for each in office.workspace.messages(office.group) if not each["by"]]
    assert told == [([office.ann], False), ([], True), ([], False)]


# --- the robot's API


def test_people_get_messages_one_by_one(office: Office) -> None:
    shown = office.to_people(office.ann, office.ben)
    assert shown.status == 200
    assert (shown.body["invalidStaffIdList"], shown.body["flowControlledStaffIdList"]) == ([], [])
    assert texts(office) == ["hello", "hello"]


def test_some_may_get_nothing_though_the_answer_is_200(office: Office) -> None:
    office.workspace.control_flow(office.ben)
    office.workspace.leave(left := office.workspace.add_user("走"))
    shown = office.to_people(office.ann, office.ben, left, "nobody")
    assert shown.status == 200
    assert shown.body["invalidStaffIdList"] == [left, "nobody"]
    assert shown.body["flowControlledStaffIdList"] == [office.ben]
    assert texts(office) == ["hello"]


def test_when_nobody_exists_the_vendor_may_refuse(office: Office) -> None:
    assert office.to_people("nobody").body["invalidStaffIdList"] == ["nobody"]
    office.lab.api.choices.unknown_staff = "refused"
    assert refusal(office.to_people("nobody")) == "staffId.notExisted"


def test_twenty_people_at_once_at_most(office: Office) -> None:
    assert office.to_people(*["x"] * 20).status == 200
    assert refusal(office.to_people(*["x"] * 21)) == "invalidParameter.userIds.overMax"


def test_the_robot_is_named_by_its_code(office: Office) -> None:
    assert refusal(office.to_people(office.ann, robotCode="other")) == "invalidParameter.robotCode.notExsit"
    office.workspace.configure(robot_on=False)
    assert refusal(office.to_people(office.ann)) == "bot.stopped"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"msgKey": "sampleTable"}, "invalidParameter.msgKey.invalid"),
        ({"msgParam": "hello"}, "invalidParameter.msgParam.invalid"),
        ({"msgParam": '{"title": "t"}'}, "invalidParameter.msgParam.invalid"),
        ({"msgParam": '{"title": "t", "text": 1}'}, "invalidParameter.msgParam.invalid"),
        ({"msgParam": {"title": "t", "text": "x"}}, "invalidParameter.msgParam"),
        ({"msgParam": json.dumps({"title": "t", "text": "x" * 15_000})}, "invalidParameter.msgParam.tooLong"),
    ],
)
def test_a_message_is_json_of_its_kind_in_a_string(office: Office, changed: Json, code: str) -> None:
    assert refusal(office.to_people(office.ann, **changed)) == code
    assert refusal(office.to_group(**changed)) == code


def test_a_group_gets_messages(office: Office) -> None:
    assert office.to_group().status == 200
    assert texts(office, office.group) == ["hello"]


def test_a_group_that_is_none_is_refused(office: Office) -> None:
    direct = office.workspace.direct_chat(office.ann).chat_id
    assert refusal(office.to_group(openConversationId="")) == "miss.openConversationId"
    assert refusal(office.to_group(openConversationId="cidx")) == "invalid.openConversationId"
    assert refusal(office.to_group(openConversationId=direct)) == "invalid.openConversationId"
    office.workspace.control_flow(office.group)
    assert refusal(office.to_group()) == "send.too.fast"
    office.workspace.edit_chat(office.group, bot=False)
    assert refusal(office.to_group()) == "robot.oto.notExist"
    office.workspace.disband(office.group)
    assert refusal(office.to_group()) == "group.disbanded"


@pytest.mark.parametrize(("scope", "path"), [("qyapi_robot_sendmsg", OTO), ("Card.Instance.Write", DELIVER)])
def test_sending_needs_its_permission(office: Office, scope: str, path: str) -> None:
    office.workspace.revoke(scope)
    office.lab.sign_in()
    shown = office.lab.call("POST", path)
    assert shown.status == 403
    assert shown.body["accessdenieddetail"]["requiredScopes"] == [scope]


# --- interactive cards


def test_a_card_goes_to_a_person_and_to_a_group(office: Office) -> None:
    office.register()
    space = f"dtv1.card//IM_ROBOT.{office.ann};dtv1.card//IM_GROUP.{office.group}"
    model = {"robotCode": office.workspace.robot_code}
    shown = office.deliver(
        openSpaceId=space, imGroupOpenSpaceModel={"supportForward": True}, imGroupOpenDeliverModel=model
    )
    assert shown.body["success"] is True
    assert [each["success"] for each in shown.body["result"]["deliverResults"]] == [True, True]


def test_each_delivery_has_a_result_of_its_own(office: Office) -> None:
    office.register()
    space = f"dtv1.card//IM_ROBOT.{office.ann};dtv1.card//IM_ROBOT.nobody;dtv1.card//IM_GROUP.{office.group}"
    shown = office.deliver(openSpaceId=space)
    assert shown.status == 200
    results = shown.body["result"]["deliverResults"]
    assert [each["success"] for each in results] == [True, False, False]
    assert all(each["errorMsg"] for each in results[1:])


def test_a_card_is_named_once_for_ever(office: Office) -> None:
    office.card()
    assert refusal(office.deliver()) == "param.cardAlreadyExist"


@pytest.mark.parametrize("value", [1, True, "x" * 1025, {"a": "b"}])
def test_values_are_texts_of_1_kb(office: Office, value: Any) -> None:
    office.register()
    assert refusal(office.deliver(cardData={"cardParamMap": {"title": value}})) == "param.error"
    assert refusal(office.deliver(cardData={"cardParamMap": {"k" * 101: "x"}})) == "param.error"


def test_a_card_needs_its_template_and_its_route(office: Office) -> None:
    assert refusal(office.deliver()) == "param.callbackRouteKeyNotExist"
    office.register()
    assert refusal(office.deliver(cardTemplateId="other")) == "param.cardTemplateNotExist"
    assert refusal(office.deliver(openSpaceId="group")) == "param.error"


def test_an_update_replaces_all_unless_asked_by_key(office: Office) -> None:
    message = office.card()
    by_key = {"updateCardDataByKey": True}
    done = office.lab.call(
        "PUT", UPDATE, outTrackId="t1", cardData={"cardParamMap": {"text": "done"}}, cardUpdateOptions=by_key
    )
    assert done.body == {"success": True, "result": True}
    assert office.values(message)["title"] == "Held"
    office.lab.call("PUT", UPDATE, outTrackId="t1", cardData={"cardParamMap": {"text": "gone"}})
    assert office.values(message) == {"text": "gone"}
    assert refusal(office.lab.call("PUT", UPDATE, outTrackId="none")) == "param.cardNotExist"


def test_a_route_is_changed_by_force_only(office: Office) -> None:
    assert office.register().body["result"] == {"callbackUrl": CARDS, "apiSecret": SECRET}
    shown = office.register(callbackUrl="https://elsewhere.example")
    assert (shown.status, refusal(shown)) == (500, "param.callbackRouteKeyExist")
    assert office.register(forceUpdate=True).status == 200


def test_a_press_carries_the_buttons_parameters_and_is_signed(office: Office) -> None:
    message = office.card()
    office.workspace.press(office.ann, message, "Approve")
    url, headers, body = office.app.sent[-1]
    assert url == CARDS
    content = json.loads(body.pop("content"))
    assert content == {"cardPrivateData": {"actionIds": ["one"], "params": {"command": "go"}}}
    corp = office.workspace.corp_id
    assert body == {"type": "actionCallback", "outTrackId": "t1", "corpId": corp, "userId": office.ann}
    stamp = headers["x-ddpaas-signature-timestamp"]
    assert headers["x-ddpaas-signature"] == sign_card(SECRET, stamp)


def test_without_a_secret_a_press_is_not_signed(office: Office) -> None:
    office.register(apiSecret="")
    message = str(office.deliver().body["result"]["deliverResults"][0]["carrierId"])
    office.workspace.press(office.ann, message, "0")
    assert not any(name.startswith("x-ddpaas") for name in office.app.sent[-1][1])


def test_the_answer_to_a_press_changes_the_card_for_all_or_for_one(office: Office) -> None:
    message = office.card()
    answer = {
        "cardData": {"cardParamMap": {"text": "approved"}},
        "userPrivateData": {"cardParamMap": {"note": "thank you"}},
        "cardUpdateOptions": {"updateCardDataByKey": True, "updatePrivateDataByKey": True},
    }
    office.app.moods.append(Answer(200, {}, json.dumps(answer).encode()))
    assert office.workspace.press(office.ann, message, "Approve")["private"] == {"note": "thank you"}
    assert office.values(message, office.ann)["note"] == "thank you"
    assert office.values(message, office.ben)["text"] == "approved"
    assert "note" not in office.values(message, office.ben)


@pytest.mark.parametrize("body", [b"ok", b"[]", b'{"toast": "x"}', b'{"cardData": {"cardParamMap": {"a": 1}}}'])
def test_a_wrong_answer_to_a_press_fails(office: Office, body: bytes) -> None:
    message = office.card()
    office.app.moods.append(Answer(200, {}, body))
    assert office.workspace.press(office.ann, message, "Approve")["code"] == "failed"


def test_a_press_is_answered_within_two_seconds(office: Office) -> None:
    message = office.card()
    office.app.moods.append(httpx.ReadTimeout("too slow"))
    assert office.workspace.press(office.ann, message, "Approve")["code"] == "failed"
    office.app.slow_s = 2.1
    assert office.workspace.press(office.ann, message, "Approve")["code"] == "failed"


def test_only_a_button_that_is_shown_is_pressed(office: Office) -> None:
    message = office.card()
    for person, button in ((office.ann, "1"), (office.ann, ""), (office.ben, "Approve")):
        with pytest.raises(LabError):
            office.workspace.press(person, message, button)


def refusal(shown: Shown) -> str:
    assert shown.status >= 400
    return str(shown.body["code"])
