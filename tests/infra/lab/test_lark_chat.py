"""The chats of the simulated Lark: what the bot may send, and what it is told; one test a rule of the contract."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from infra.lab.lark import LarkWorkspace
from infra.lab.wire import Answer, LabError
from tests.infra.lab.lab_client import Lab, Shown, a_lab
from tests.infra.lab.push_receiver import LARK_KEY, LARK_TOKEN, REFUSED, TIMED_OUT, URL, LarkReceiver
from tests.infra.lab.test_lark_cards import a_button, a_card

MESSAGES = "/open-apis/im/v1/messages"
Json = dict[str, Any]


@dataclass
class Office:
    """Two people, a group with the bot, and an app that is told."""

    lab: Lab = field(default_factory=a_lab)
    ann: str = ""
    ben: str = ""
    group: str = ""
    events: LarkReceiver = field(init=False)
    cards: LarkReceiver = field(init=False)

    def __post_init__(self) -> None:
        workspace = self.workspace
        self.ann, self.ben = workspace.add_user("安"), workspace.add_user("Ben Li")
        self.group = workspace.add_chat("IT", [self.ann, self.ben])
        self.events, self.cards = LarkReceiver(self.lab.clock), LarkReceiver(self.lab.clock)
        workspace.subscribe(URL, LARK_KEY, LARK_TOKEN, send=self.events)
        workspace.connect_chat(URL, LARK_KEY, LARK_TOKEN, send=self.cards)

    @property
    def workspace(self) -> LarkWorkspace:
        return self.lab.workspace

    def told(self) -> list[Json]:
        assert self.workspace.pusher is not None
        self.workspace.pusher.push_due()
        return self.events.events

    def send(
        self, to: str = "", kind: str = "open_id", msg_type: str = "text", content: Any = None, **more: Any
    ) -> Shown:
        body = {"receive_id": to or self.ann, "msg_type": msg_type, "content": written(content), **more}
        return self.lab.post(MESSAGES, body, receive_id_type=kind)

    def card(self, *elements: Json, to: str = "", kind: str = "open_id") -> str:
        return str(self.send(to, kind, "interactive", a_card(*elements)).data["message_id"])

    def patch(self, message: str, content: Any) -> Shown:
        return self.lab.patch(f"{MESSAGES}/{message}", {"content": written(content)})

    def answer(self, document: Any, status: int = 200) -> None:
        self.cards.moods.append(Answer(status, {}, json.dumps(document).encode()))


def written(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content if content is not None else {"text": "hello"})


@pytest.fixture
def office() -> Office:
    return Office()


# --- sending


def test_a_message_goes_to_a_person_by_any_id(office: Office) -> None:
    user = office.workspace.users[office.ann]
    user.email = "ann@example.com"
    ids = {"open_id": user.open_id, "union_id": user.union_id, "user_id": user.user_id, "email": user.email}
    chats = {office.send(value, kind).data["chat_id"] for kind, value in ids.items()}
    assert len(chats) == 1
    assert [each["content"] for each in office.workspace.messages()] == [{"text": "hello"}] * 4


def test_a_message_goes_to_a_group(office: Office) -> None:
    data = office.send(office.group, "chat_id").data
    assert data["chat_id"] == office.group
    assert json.loads(data["body"]["content"]) == {"text": "hello"}
    assert data["sender"]["sender_type"] == "app"


def test_the_kind_of_receiver_must_be_told(office: Office) -> None:
    assert office.lab.post(MESSAGES, {}).code == 99992402
    assert office.send(office.ann, "phone").code == 99992402


@pytest.mark.parametrize("left_out", ["receive_id", "msg_type", "content"])
def test_what_a_message_must_have_is_missed(office: Office, left_out: str) -> None:
    body = {"receive_id": office.ann, "msg_type": "text", "content": written(None)}
    del body[left_out]
    assert office.lab.post(MESSAGES, body, receive_id_type="open_id").code == 99992402


def test_content_is_json_in_a_string(office: Office) -> None:
    assert office.send(content="hello").code == 230001
    body = {"receive_id": office.ann, "msg_type": "text", "content": {"text": "hello"}}
    assert office.lab.post(MESSAGES, body, receive_id_type="open_id").code == 99992402


@pytest.mark.parametrize("kind", ["markdown", "", "TEXT"])
def test_a_message_is_of_a_known_type(office: Office, kind: str) -> None:
    assert office.send(msg_type=kind).code in (230001, 99992402)


@pytest.mark.parametrize("content", [{}, {"text": ""}, {"text": 1}, {"text": "x", "at": []}])
def test_a_text_is_a_text(office: Office, content: Json) -> None:
    assert office.send(content=content).code == 230001


def test_a_rich_text_is_lines_of_runs_by_language(office: Office) -> None:
    good = {"zh_cn": {"title": "标题", "content": [[{"tag": "text", "text": "行"}]]}}
    assert office.send(msg_type="post", content=good).code == 0
    for bad in ({}, {"title": "x", "content": []}, {"zh_cn": {"title": "x", "content": [[{"tag": "table"}]]}}):
        assert office.send(msg_type="post", content=bad).code == 230001


def test_nobody_is_there_by_a_wrong_id(office: Office) -> None:
    assert office.send("ou_nobody").code == 230034
    assert office.send("oc_nowhere", "chat_id").code == 230034


def test_who_left_or_may_not_use_the_app_gets_nothing(office: Office) -> None:
    office.workspace.set_available(office.ben, available=False)
    assert office.send(office.ben).code == 230013
    office.workspace.resign(office.ann)
    assert office.send(office.ann).code == 230013


def test_the_bot_speaks_only_where_it_is(office: Office) -> None:
    office.workspace.edit_chat(office.group, bot=False)
    assert office.send(office.group, "chat_id").code == 230002


def test_without_the_bot_ability_nothing_is_sent(office: Office) -> None:
    office.workspace.configure(bot_on=False)
    assert office.send().code == 230006


def test_sending_needs_one_of_its_permissions(office: Office) -> None:
    office.workspace.revoke("im:message:send_as_bot")
    shown = office.send()
    assert shown.code == 99991672
    assert "im:message:send_as_bot" in shown.body["msg"]
    office.workspace.grant("im:message")
    assert office.send().code == 0


def test_texts_have_150_kb_and_cards_30(office: Office) -> None:
    assert office.send(content={"text": "x" * (150 * 1024 - 20)}).code == 0
    assert office.send(content={"text": "x" * 150 * 1024}).code == 230025
    assert (
        office.send(msg_type="interactive", content=a_card({"tag": "markdown", "content": "x" * 31_000})).code == 230025
    )


def test_a_card_that_breaks_a_rule_is_refused_with_its_sub_code(office: Office) -> None:
    shown = office.send(msg_type="interactive", content=a_card({"tag": "action", "actions": []}))
    assert shown.code == 230099
    assert "ErrCode: 200861" in shown.body["msg"]


def test_the_same_uuid_within_an_hour_is_one_message(office: Office) -> None:
    first = office.send(uuid="u1").data["message_id"]
    office.lab.clock.sleep(3599)
    assert office.send(uuid="u1").data["message_id"] == first
    office.lab.clock.sleep(2)
    assert office.send(uuid="u1").data["message_id"] != first
    assert office.send(uuid="x" * 51).code == 99992402


def test_one_person_gets_five_messages_a_second() -> None:
    office = Office(lab=a_lab(limits=True))
    assert [office.send().code for _ in range(6)] == [0] * 5 + [230020]
    assert office.send(office.ben).code == 0
    office.lab.clock.sleep(1)
    assert office.send().code == 0


def test_one_group_gets_five_messages_a_second() -> None:
    office = Office(lab=a_lab(limits=True))
    assert [office.send(office.group, "chat_id").code for _ in range(6)] == [0] * 5 + [230020]


def test_an_answer_stands_in_its_chat_and_may_open_a_thread(office: Office) -> None:
    asked = office.workspace.say(office.ann, "@Rollcall help", office.group)
    body = {"msg_type": "text", "content": written(None), "reply_in_thread": True}
    data = office.lab.post(f"{MESSAGES}/{asked}/reply", body).data
    assert (data["parent_id"], data["root_id"], data["chat_id"]) == (asked, asked, office.group)
    assert data["thread_id"].startswith("omt_")
    assert office.lab.post(f"{MESSAGES}/om_none/reply", body).code == 230001


def test_whom_a_message_calls_is_seen(office: Office) -> None:
    office.send(office.group, "chat_id", content={"text": '<at user_id="all">x</at>'})
    office.send(office.group, "chat_id", content={"text": f'<at user_id="{office.ann}"></at>'})
    office.card({"tag": "markdown", "content": "<at id=all></at>"}, to=office.group, kind="chat_id")
    office.card(
        {"tag": "div", "text": {"tag": "plain_text", "content": "<at id=all></at>"}}, to=office.group, kind="chat_id"
    )
    told = [(each["everyone"], each["mentions"]) for each in office.workspace.messages(office.group)]
    assert told == [(True, []), (False, [office.ann]), (True, []), (False, [])]


def test_the_bot_tells_who_it_is(office: Office) -> None:
    bot = office.lab.get("/open-apis/bot/v3/info").body["bot"]
    assert bot["activate_status"] == 2
    assert bot["open_id"].startswith("ou_")


# --- editing


def test_a_card_is_edited_in_place(office: Office) -> None:
    message = office.card()
    assert office.patch(message, a_card({"tag": "markdown", "content": "after"})).data == {}
    [told] = office.workspace.messages()
    assert told["content"]["body"]["elements"][0]["content"] == "after"  # type: ignore[index]  # JSON
    assert told["edits"] == 1


def test_a_card_may_be_edited_for_14_days(office: Office) -> None:
    message = office.card()
    office.lab.clock.sleep(14 * 86400)
    office.lab.sign_in()
    assert office.patch(message, a_card()).code == 0
    office.lab.clock.sleep(1)
    assert office.patch(message, a_card()).code == 230031


def test_only_cards_of_the_app_are_edited(office: Office) -> None:
    text, asked = office.send().data["message_id"], office.workspace.say(office.ann, "help")
    assert office.patch(text, a_card()).code == 230001
    assert office.patch(asked, a_card()).code == 230001
    assert office.patch("om_none", a_card()).code == 230001


def test_one_card_is_edited_five_times_a_second() -> None:
    office = Office(lab=a_lab(limits=True))
    message = office.card()
    assert [office.patch(message, a_card()).code for _ in range(6)] == [0] * 5 + [230020]


def test_a_card_does_not_go_back_to_the_old_schema(office: Office) -> None:
    shown = office.patch(office.card(), {"elements": []})
    assert shown.code == 230099
    assert "200830" in shown.body["msg"]


def test_an_edit_says_nothing_but_the_content(office: Office) -> None:
    message = office.card()
    body = {"content": written(a_card()), "msg_type": "interactive"}
    assert office.lab.patch(f"{MESSAGES}/{message}", body).code == 99992402


# --- what the app is told


def test_what_a_person_types_alone_is_pushed(office: Office) -> None:
    message = office.workspace.say(office.ann, "sync now")
    [told] = office.told()
    assert told["header"]["event_type"] == "im.message.receive_v1"
    sender, said = told["event"]["sender"], told["event"]["message"]
    assert sender["sender_id"]["open_id"] == office.ann
    assert sender["sender_id"]["user_id"]
    assert (said["message_id"], said["chat_type"], said["message_type"]) == (message, "p2p", "text")
    assert json.loads(said["content"]) == {"text": "sync now"}
    assert "mentions" not in said


def test_without_its_permission_the_user_id_is_not_told(office: Office) -> None:
    office.workspace.revoke("contact:user.employee_id:readonly")
    office.workspace.say(office.ann, "help")
    assert "user_id" not in office.told()[0]["event"]["sender"]["sender_id"]


def test_in_a_group_names_come_as_keys(office: Office) -> None:
    office.workspace.say(office.ann, "@Rollcall who @Ben Li", office.group)
    said = office.told()[0]["event"]["message"]
    assert json.loads(said["content"]) == {"text": "@_user_1 who @_user_2"}
    assert [(each["key"], each["mentioned_type"], each["name"]) for each in said["mentions"]] == [
        ("@_user_1", "bot", "Rollcall"),
        ("@_user_2", "user", "Ben Li"),
    ]
    assert said["mentions"][0]["id"]["open_id"] == office.workspace.bot_id
    assert said["mentions"][1]["id"]["open_id"] == office.ben


def test_in_a_group_only_what_calls_the_bot_is_pushed(office: Office) -> None:
    office.workspace.say(office.ann, "lunch?", office.group)
    assert office.told() == []
    office.workspace.grant("im:message.group_msg")
    office.workspace.say(office.ann, "lunch? @all", office.group)
    assert json.loads(office.told()[0]["event"]["message"]["content"]) == {"text": "lunch? @_all"}


@pytest.mark.parametrize(
    ("scope", "group"), [("im:message.p2p_msg:readonly", False), ("im:message.group_at_msg:readonly", True)]
)
def test_without_its_permission_nothing_is_pushed(office: Office, scope: str, group: bool) -> None:
    office.workspace.revoke(scope)
    office.workspace.say(office.ann, "@Rollcall help", office.group if group else "")
    assert office.told() == []


def test_who_may_not_use_the_app_is_not_heard(office: Office) -> None:
    office.workspace.set_available(office.ann, available=False)
    office.workspace.say(office.ann, "help")
    assert office.told() == []


def test_what_was_not_acknowledged_is_pushed_again(office: Office) -> None:
    office.events.moods.append(REFUSED)
    office.workspace.say(office.ann, "help")
    assert len(office.told()) == 1
    office.lab.clock.sleep(15)
    first, second = office.told()
    assert first == second


def test_a_message_can_come_twice(office: Office) -> None:
    message = office.workspace.say(office.ann, "help")
    office.told()
    office.workspace.redeliver(message)
    first, second = office.told()
    assert first["header"]["event_id"] == second["header"]["event_id"]


def test_the_menu_and_the_opened_chat_are_told(office: Office) -> None:
    office.workspace.menu(office.ann, "sync_now")
    office.workspace.enter(office.ann)
    menu, entered = office.told()
    assert menu["header"]["event_type"] == "application.bot.menu_v6"
    assert menu["event"]["event_key"] == "sync_now"
    assert menu["event"]["operator"]["operator_id"]["open_id"] == office.ann
    assert entered["header"]["event_type"] == "im.chat.access_event.bot_p2p_chat_entered_v1"
    assert entered["event"]["chat_id"] == office.workspace.direct_chat(office.ann).chat_id


# --- presses


def test_a_press_is_told_once_with_its_value_and_time_in_microseconds(office: Office) -> None:
    message = office.card(a_button("Approve"))
    office.answer({"toast": {"type": "success", "content": "Approved"}})
    shown = office.workspace.press(office.ann, message, "Approve")
    assert (shown["text"], shown["mood"], shown["code"]) == ("Approved", "success", "")
    [told] = office.cards.events
    assert told["header"]["event_type"] == "card.action.trigger"
    assert told["header"]["create_time"] == str(int(office.lab.clock.now().timestamp() * 1_000_000))
    event = told["event"]
    assert event["operator"]["open_id"] == office.ann
    assert event["action"]["value"] == {"command": "help"}
    assert event["context"] == {
        "open_message_id": message,
        "open_chat_id": office.workspace.direct_chat(office.ann).chat_id,
    }


def test_the_answer_to_a_press_may_change_the_card(office: Office) -> None:
    message = office.card(a_button())
    after = a_card({"tag": "markdown", "content": "approved"})
    office.answer({"card": {"type": "raw", "data": after}})
    assert office.workspace.press(office.ann, message, "0")["text"] == ""
    assert office.workspace.messages()[0]["content"] == after


@pytest.mark.parametrize(
    ("document", "status", "code"),
    [
        ({}, 500, "200671"),
        ([], 200, "200672"),
        ({"toast": {"type": "loud", "content": "x"}}, 200, "200672"),
        ({"msg": "ok"}, 200, "200672"),
        ({"card": {"type": "raw", "data": {"schema": "2.0"}}}, 200, "200673"),
        ({"card": a_card()}, 200, "200673"),
    ],
)
def test_a_wrong_answer_to_a_press_is_the_clients_error(office: Office, document: Any, status: int, code: str) -> None:
    message = office.card(a_button())
    office.answer(document, status)
    assert office.workspace.press(office.ann, message, "0")["code"] == code


def test_a_press_that_is_answered_late_or_not_at_all_is_not_repeated(office: Office) -> None:
    message = office.card(a_button())
    office.cards.moods.append(TIMED_OUT)
    assert office.workspace.press(office.ann, message, "0")["code"] == "200341"
    office.cards.slow_s = 3.1
    office.answer({})
    assert office.workspace.press(office.ann, message, "0")["code"] == "200341"
    office.lab.clock.sleep(100_000)
    assert len(office.cards.events) == 2


def test_without_a_url_for_callbacks_a_press_says_so() -> None:
    lab = a_lab()
    ann = lab.workspace.add_user("安")
    body = {"receive_id": ann, "msg_type": "interactive", "content": written(a_card(a_button()))}
    message = lab.post(MESSAGES, body, receive_id_type="open_id").data["message_id"]
    assert lab.workspace.press(ann, message, "0")["code"] == "200340"


def test_only_a_button_that_is_there_is_pressed(office: Office) -> None:
    message = office.card(a_button("Go"), a_button("No", disabled=True))
    for person, button in ((office.ann, "Stop"), (office.ann, "No"), (office.ben, "Go")):
        with pytest.raises(LabError):
            office.workspace.press(person, message, button)
    office.lab.clock.sleep(14 * 86400 + 1)
    with pytest.raises(LabError, match="too old"):
        office.workspace.press(office.ann, message, "Go")


def test_the_url_of_callbacks_must_answer_the_challenge(office: Office) -> None:
    deaf = LarkReceiver(office.lab.clock, echo=lambda challenge: "wrong")
    with pytest.raises(LabError, match="wrongly"):
        office.workspace.connect_chat(URL, LARK_KEY, LARK_TOKEN, send=deaf)
    with pytest.raises(LabError, match="loopback"):
        office.workspace.connect_chat("https://example.com/cards")
