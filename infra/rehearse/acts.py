"""What a rehearsal proves: one function a fact, which makes it happen, looks at it from outside, and tells what it saw.

They stand in the order in which they are played, and each builds on those before it.
"""

from __future__ import annotations

import dataclasses
import io
import json
import re
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, TypeVar

import httpx
from botocore.exceptions import ClientError

from infra.lab.lark.events import LarkChannel
from infra.lab.push import Event
from infra.lab.wire import LabError
from infra.rehearse import probe
from infra.rehearse.alarms import Metric, blind, raises, told, watched
from infra.rehearse.emulator import UnprovenError, kill, until
from infra.rehearse.scene import (
    FUNCTIONS,
    STAGE,
    Json,
    Killed,
    Scene,
    aws,
    metrics_of,
    need,
    people,
    personal,
    same,
)

DEAD_AFTER: Final = 5
QUEUES: Final = ("sync", "deliver", "chat")
# A tick comes every minute; the first one a minute after the rule was made.
TICKS_WITHIN_S: Final = 150.0
SYNCS_WITHIN_S: Final = 60.0
READ_CALLS: Final = 12
# A minute that has not begun when the source is there. Nothing comes of it before the first tick.
SOON_S: Final = 3
_RIGHT_TAKEN: Final = "RehearsalTakesTheTableAway"


Where = TypeVar("Where")


@dataclass(frozen=True, slots=True)
class Act(Generic[Where]):
    asked: str
    play: Callable[[Where], str]


# --- going up


def goes_up(scene: Scene) -> str:
    scene.deploy()
    functions = {each["FunctionName"] for each in aws("lambda").list_functions()["Functions"]}
    need(functions == {f"rollcall-{STAGE}-{each}" for each in FUNCTIONS}, f"the functions are {sorted(functions)}")
    stacks = aws("cloudformation").describe_stacks()["Stacks"]
    states = {each["StackName"]: each["StackStatus"] for each in stacks}
    wanted = {f"rollcall-{STAGE}": "CREATE_COMPLETE", f"rollcall-{STAGE}-data": "CREATE_COMPLETE"}
    need(states == wanted, f"the stacks are {states}")
    names = {each.rpartition("/")[2] for each in aws("sqs").list_queues()["QueueUrls"]}
    need(names == {f"rollcall-{each}{dead}-{STAGE}" for each in QUEUES for dead in ("", "-dead")}, f"queues: {names}")
    return f"2 stacks, {len(functions)} functions, {len(names)} queues, {len(scene.alarms())} alarms"


def is_healthy(scene: Scene) -> str:
    began = time.monotonic()
    answer = scene.get("/health")
    need(answer.status_code == 200 and answer.json()["ok"] is True, f"{answer.status_code}: {answer.text[:200]}")
    return f"200, version {answer.json()['version']}; {time.monotonic() - began:.1f} s with the function's start"


def keeps_secrets(scene: Scene) -> str:
    company, keys = scene.company, scene.keys
    scene.rollcall(
        *("source", "create", "hq", "--kind", "lark", "--name", "总部", "--app-id", company.app_id),
        *("--app-secret-file", scene.kept("app-secret", company.app_secret), "--base-url", scene.lab.url),
        *("--encrypt-key-file", scene.kept("encrypt-key", keys.encrypt_key)),
        *("--verification-token-file", scene.kept("token", keys.verification_token)),
        *("--cron", hourly_from(datetime.now(UTC)), "--zone", "UTC"),
    )
    stored = [each["Name"] for each in aws("secretsmanager").list_secrets()["SecretList"]]
    need(len(stored) == 1 and stored[0].startswith(f"rollcall/{STAGE}/"), f"secrets: {stored}")
    held = aws("secretsmanager").get_secret_value(SecretId=stored[0])["SecretString"]
    lost = [name for name, value in scene.secrets_of_hq().items() if value not in held]
    need(not lost, f"not in Secrets Manager: {lost}")
    elsewhere = json.dumps(
        [
            *(aws("lambda").get_function_configuration(FunctionName=f"rollcall-{STAGE}-{each}") for each in FUNCTIONS),
            *(
                aws("cloudformation").get_template(StackName=each)
                for each in (f"rollcall-{STAGE}", f"rollcall-{STAGE}-data")
            ),
            *aws("cloudformation").describe_stacks()["Stacks"],
        ],
        default=str,
    )
    need("ROLLCALL_TABLE" in elsewhere, "the functions' environment could not be read")
    leaked = [name for name, value in scene.secrets_of_hq().items() if value in elsewhere]
    need(not leaked, f"in environments, templates or outputs: {leaked}")
    return f"{len(scene.secrets_of_hq())} values in one secret, and in none of 5 environments and 2 templates"


# --- working


def syncs(scene: Scene) -> str:
    scene.rollcall("sync", "now", "hq", "--wait")
    found = scene.directory("hq")
    same(people(scene.company, "0"), found, "the directory")
    task = scene.records("hq")[0]
    need(any(line.startswith("START ") for line in scene.logged("run_sync")), "run_sync was not called")
    return f"task {task['task']} done by run_sync; {len(found)} people are those of the company, departments too"


def hears_events(scene: Scene) -> str:
    company, tries = scene.company, _subscribed(scene)
    leaver = company.some_person(21)
    key = company.users[leaver].union_id
    need(key in scene.directory("hq"), "whoever is to leave is not there")
    company.resign(leaver)
    seconds = until(lambda: key not in scene.directory("hq"), 30, "the resignation in the directory")
    same(people(company, "0"), scene.directory("hq"), "the directory")
    events = scene.records("hq", "--trigger", "event")
    need(len(events) == 1 and events[0]["status"] == "done", f"tasks of events: {events}")
    task = events[0]["task"]
    return (
        f"challenge answered{tries}; a signed, encrypted resignation: no access after {seconds:.1f} s, by task {task}"
    )


def refuses_forgery(scene: Scene) -> str:
    company, url = scene.company, f"{scene.gateway}/callbacks/hq/events"
    victim = company.users[company.some_person(22)]
    before = scene.directory("hq")
    text = json.dumps(
        {
            "schema": "2.0",
            "header": {
                "event_id": "forged",
                "event_type": "contact.user.deleted_v3",
                "create_time": str(int(time.time() * 1000)),
                "token": scene.keys.verification_token,
                "app_id": company.app_id,
            },
            "event": {"object": {"union_id": victim.union_id, "open_id": victim.open_id}},
        }
    )
    now, event = datetime.now(UTC), Event("forged", "contact.user.deleted_v3", text)
    stranger = LarkChannel(url, "0" * 32, scene.keys.verification_token, scene.company_api.choices, seed="stranger")
    knower = LarkChannel(
        url, scene.keys.encrypt_key, scene.keys.verification_token, scene.company_api.choices, seed="knower"
    )
    genuine = knower.request(event, now)
    stale = knower.request(event, now - timedelta(days=1))
    unsigned = {name: value for name, value in genuine.headers.items() if not name.startswith("X-Lark-")}
    forgeries = {
        "another key": (stranger.request(event, now).headers, stranger.request(event, now).body),
        "another body": (genuine.headers, genuine.body[:-12] + genuine.body[-12:].swapcase()),
        "no signature": (unsigned, genuine.body),
        "a day old": (stale.headers, stale.body),
        "plain text": ({"Content-Type": "application/json"}, text.encode()),
    }
    statuses = {
        name: httpx.post(url, headers=dict(headers), content=body, timeout=30, trust_env=False).status_code
        for name, (headers, body) in forgeries.items()
    }
    need(set(statuses.values()) == {401}, f"answered with {statuses}")
    need(scene.directory("hq") == before, "the directory changed")
    need(len(scene.records("hq", "--trigger", "event")) == 1, "a forged event made a task")
    scene.refused = float(len(forgeries))
    return f"{', '.join(forgeries)}: 401 each; directory as before, no task"


def answers_in_chat(scene: Scene) -> str:
    company = scene.company
    scene.owner = company.some_person(31)
    scene.rollcall("admin", "add", "hq", scene.owner, "--role", "owner")
    group = company.add_chat("IT", [scene.owner])
    began = time.monotonic()
    asked = company.say(scene.owner, "@Rollcall sync now hq", group)

    def card() -> str:
        posts = [each for each in company.messages(group) if not each["by"]]
        return json.dumps(posts[-1]["content"], ensure_ascii=False) if posts else ""

    until(lambda: bool(card()), 30, "the bot's answer in the chat")
    first = time.monotonic() - began
    until(lambda: "done" in card(), SYNCS_WITHIN_S, "the card that says that the sync is done")
    replies = [each for each in company.messages(group) if not each["by"]]
    need(replies[0]["answers"] == asked or bool(replies[0]["edits"]), "the answer answers something else")
    done = time.monotonic() - began
    return f"`sync now hq` typed in a group: a card after {first:.1f} s, `done` on it after {done:.1f} s"


# --- breaking


def is_killed(scene: Scene) -> str:
    office = scene.office
    scene.rollcall(
        *("source", "create", "branch", "--kind", "dingtalk", "--name", "Branch", "--corp-id", office.corp_id),
        *("--app-key", office.app_key, "--app-secret-file", scene.kept("branch", office.app_secret)),
        *("--oapi-url", scene.office_lab.url, "--api-url", scene.office_lab.url, "--daily-details", "60"),
    )
    calls = scene.calls()
    scene.rollcall("sync", "now", "branch")
    until(lambda: scene.calls() >= calls + READ_CALLS, SYNCS_WITHIN_S, "the sync to be in the middle of reading")
    pids = scene.emulator.workers("run_sync")
    for pid in pids:
        kill(pid)
    scene.office_api.latency_s = 0.0  # what goes on need not take so long
    need(bool(pids), "no process of run_sync was found")
    made = scene.calls() - calls
    until(lambda: not set(pids) & set(scene.emulator.workers("run_sync")), 10, "its process to end")
    task = scene.records("branch")[0]
    need(task["status"] not in ("done", "failed"), f"its task was over already: {task['status']}")
    need(not scene.directory("branch"), "somebody is there already")
    scene.killed = Killed(task=str(task["task"]), asked_before=calls, asked=made)
    return f"SIGKILL to run_sync after {made} vendor calls of task {task['task']}, which stays {task['status']}"


def holds_dead_letters(scene: Scene) -> str:
    company, sqs, iam = scene.company, aws("sqs"), aws("iam")
    queue, dead = (
        sqs.get_queue_url(QueueName=f"rollcall-{each}-{STAGE}")["QueueUrl"] for each in ("deliver", "deliver-dead")
    )
    production = _attributes(queue)["VisibilityTimeout"]
    arn = aws("lambda").get_function_configuration(FunctionName=f"rollcall-{STAGE}-deliver")["Role"]
    role = arn.rpartition("/")[2]
    denied = {"Effect": "Deny", "Action": "dynamodb:*", "Resource": "*"}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "1"})
    iam.put_role_policy(
        RoleName=role,
        PolicyName=_RIGHT_TAKEN,
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [denied]}),
    )
    try:
        company.rename(company.some_person(23), "欧阳明远")
        until(lambda: _waiting(dead) > 0, 60, "the message in the dead-letter queue")
        letter = sqs.receive_message(
            QueueUrl=dead, MessageSystemAttributeNames=["All"], AttributeNames=["All"], VisibilityTimeout=0
        )["Messages"][0]
        need(len(scene.records("hq", "--trigger", "event")) == 1, "deliver worked without its rights")
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName=_RIGHT_TAKEN)
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": production})
    # That we looked at it counts, too.
    received = int(letter["Attributes"]["ApproximateReceiveCount"]) - 1
    need(received == DEAD_AFTER, f"it was received {received} times")
    failed = [line for line in scene.emulator.told() if f"rollcall-{STAGE}-deliver failed" in line]
    # Of an error of AWS the log has the kind alone. That it was this right, its return shows (`tick_comes`).
    need(all("ClientError" in line for line in failed), "deliver failed for another reason")
    need(letter["Attributes"]["DeadLetterQueueSourceArn"] == _attributes(queue)["QueueArn"], "it came from elsewhere")
    return (
        f"its role loses the table: deliver fails {received} times, then the ring is in "
        f"rollcall-deliver-dead-{STAGE} (for this, hidden for 1 s between tries instead of {production} s)"
    )


def raises_alarm(scene: Scene) -> str:
    """CloudWatch is played here: the emulator counts no queues. Who is told, and how, is real."""
    company = scene.company
    alarm = next(each for each in scene.alarms() if each["AlarmName"] == f"rollcall-{STAGE}-dead-deliveries")
    queue = dict(watched(alarm).dimensions)["QueueName"]
    url = aws("sqs").get_queue_url(QueueName=queue)["QueueUrl"]
    depth = _waiting(url)
    need(depth > 0 and raises(alarm, depth), f"{queue} has {depth} messages, and the alarm wants {alarm['Threshold']}")
    quiet = next(each for each in scene.alarms() if each["AlarmName"].endswith("-dead-syncs"))
    other = aws("sqs").get_queue_url(QueueName=dict(watched(quiet).dimensions)["QueueName"])["QueueUrl"]
    need(not raises(quiet, _waiting(other)), "an alarm would come of a queue that is empty")
    chat = company.direct_chat(scene.owner).chat_id
    _tell_state(alarm, "ALARM", f"{depth} messages")
    until(lambda: alarm["AlarmName"] in _heard(scene, chat), 30, "the alarm in the owner's chat")
    aws("sqs").purge_queue(QueueUrl=url)
    until(lambda: not raises(alarm, _waiting(url)), 10, "the dead-letter queue to be empty")
    before = len(company.messages(chat))
    _tell_state(alarm, "OK", "0 messages")
    until(lambda: len(company.messages(chat)) > before, 30, "the end of the alarm in the owner's chat")
    return f"{queue} has {depth}: {alarm['AlarmName']} goes by SNS and the chat's queue to the owner; so does its end"


def tick_comes(scene: Scene) -> str:
    until(
        lambda: any(each["status"] == "done" for each in scene.records("hq", "--trigger", "schedule")),
        TICKS_WITHIN_S,
        "a sync that the tick asked for",
    )
    ticks = sum(line.startswith("START ") for line in scene.logged("tick"))
    need(ticks > 0, "tick has not run")
    until(lambda: len(scene.records("hq", "--trigger", "event")) > 1, TICKS_WITHIN_S, "the event that had to wait")
    task = scene.records("hq", "--trigger", "schedule")[0]
    same(people(scene.company, "0"), scene.directory("hq"), "the directory")
    return (
        f"EventBridge woke tick by itself, so far {ticks}x; task {task['task']} was due, and is done; "
        "what deliver could not do without its rights is done, too"
    )


def goes_on(scene: Scene) -> str:
    killed = scene.killed
    if killed is None:
        raise UnprovenError("nothing was killed")
    task = killed.task

    def over() -> Json:
        return next(each for each in scene.records("branch") if str(each["task"]) == task)

    until(lambda: over()["status"] == "done", TICKS_WITHIN_S, f"task {task} to go on")
    found = scene.directory("branch")
    same(people(scene.office, "1"), found, "the directory of the branch")
    need(any("Worker process died" in line for line in scene.emulator.told()), "nobody died")
    asked = scene.calls() - killed.asked_before
    return (
        f"the tick rang once more: task {task} is done, {len(found)} people are those of the company; "
        f"{asked} calls, {killed.asked} of them before the kill"
    )


# --- watching


def tells_metrics(scene: Scene) -> str:
    refused = Metric.of("Rollcall", "CallbacksRefused", {"Stage": STAGE})

    def counted() -> bool:
        scene.get("/health")  # the emulator takes a line that comes late with the next call
        return told(scene.logged("api_handler")).get(refused) == scene.refused

    until(counted, 15, f"{refused} to be {scene.refused:.0f} in the log")
    metrics, alarms = told(scene.logged()), scene.alarms()
    own = {each for each in map(watched, alarms) if each.namespace == "Rollcall"}
    unseen = sorted(each.name for each in own - metrics.keys())
    places = {(each.namespace, each.dimensions) for each in metrics}
    wrong = [str(each) for each in own if (each.namespace, each.dimensions) not in places]
    need(not wrong, f"told with other dimensions: {wrong}")
    code = scene.packed("chalicelib/callbacks/watch.py")
    nowhere = [each for each in unseen if f'"{each}"' not in code]
    need(not nowhere, f"{nowhere} are in no line of the log and in no line of the code that was deployed")
    problems = [*blind(alarms, {*_things(scene), *own})]
    need(not problems, "; ".join(problems))
    return (
        f"{refused} = {scene.refused:.0f}, read from the log; all {len(alarms)} alarms look at what is there. "
        f"In these minutes nobody tells {', '.join(unseen)}: they are in the code that was deployed"
    )


def counts_ticks(scene: Scene) -> str:
    alarm = next(each for each in scene.alarms() if each["AlarmName"] == f"rollcall-{STAGE}-clock-stopped")
    dimensions = dict(watched(alarm).dimensions)
    now = datetime.now(UTC)
    aws("lambda").invoke(FunctionName=dimensions["FunctionName"], Payload=json.dumps(_scheduled(now)))
    values = metrics_of("Invocations", "Sum", dimensions, now - timedelta(minutes=5), now + timedelta(minutes=5))
    errors = metrics_of("Errors", "Sum", dimensions, now - timedelta(minutes=5), now + timedelta(minutes=5))
    need(sum(values) == 1 and sum(errors) == 0, f"invocations {list(values)}, errors {list(errors)}")
    need(not raises(alarm, sum(values)) and raises(alarm, 0), "the alarm takes ticks for silence, or silence for ticks")
    return f"one call by hand is counted as {watched(alarm)} = 1; at 0 the alarm comes, at 1 it does not"


def may_no_more(scene: Scene) -> str:
    wrong, outputs = [], scene.outputs()
    for each in FUNCTIONS:
        role = aws("lambda").get_function_configuration(FunctionName=f"rollcall-{STAGE}-{each}")["Role"]
        needed = probe.wanted(outputs[f"{probe.RINGS.get(each, probe.RINGS_SYNCS)}QueueURL"])
        refused = probe.unwanted(each)
        wrong += [f"{each}: {problem}" for problem in probe.wrong(_tried(each, role, [*needed, *refused]), needed)]
    need(not wrong, "; ".join(wrong))
    names = ", ".join(each.name for each in refused)
    may = " and ".join(each.name for each in needed)
    return f"in each of {len(FUNCTIONS)} roles {may} are allowed; {names} are refused"


def says_nothing_private(scene: Scene) -> str:
    lines = scene.logged()
    text = "\n".join(lines)
    secret = [name for name, value in scene.secrets_of_hq().items() if value in text]
    secret += [f"the branch's {name}" for name in ("app_secret",) if getattr(scene.office, name) in text]
    need(not secret, f"in the logs: {secret}")
    private = personal(scene.company) | personal(scene.office)
    quoted = sum(value in text for value in private)
    need(not quoted, f"{quoted} names, numbers or addresses are in the logs")
    return f"{len(lines)} lines of 5 functions: no secret, and none of {len(private)} names, numbers and addresses"


# --- again, and down


def changes_nothing(scene: Scene) -> str:
    said = scene.deploy()
    wanted = [f"rollcall-{STAGE}{each}: nothing to change" for each in ("-data", "")]
    missing = [each for each in wanted if each not in said]
    need(not missing, f"it said: {said}")
    need(not any(each.startswith("uploading") for each in said), "it uploaded something")
    return "both stacks: nothing to change; nothing uploaded"


def comes_down(scene: Scene) -> str:
    scene.before = {**scene.directory("hq"), **scene.directory("branch")}
    items, url = _items(), scene.gateway
    scene.destroy(with_data=False)
    left = aws("lambda").list_functions()["Functions"]
    need(not left, f"functions are left: {[each['FunctionName'] for each in left]}")
    need(not aws("sqs").list_queues().get("QueueUrls"), "queues are left")
    need(not scene.alarms(), "alarms are left")
    status = httpx.get(f"{url}/health", timeout=30, trust_env=False).status_code
    need(status >= 400, "the API still answers")
    need(_items() == items, f"the table had {items} items, and has {_items()}")
    kept = len(aws("secretsmanager").list_secrets()["SecretList"])
    need(kept == 2, f"{kept} secrets are kept")
    return f"functions, queues, alarms and API are gone ({status}); {items} items stay in the table, and {kept} secrets"


def finds_it_again(scene: Scene) -> str:
    scene.deploy()
    found = {**scene.directory("hq"), **scene.directory("branch")}
    same(scene.before, found, "the directory")
    tries = _subscribed(scene)
    scene.rollcall("sync", "now", "hq", "--wait")
    same(people(scene.company, "0"), scene.directory("hq"), "the directory")
    return f"{len(found)} people as before; the new address answers with the old keys{tries}, and a sync is done"


def goes_for_good(scene: Scene) -> str:
    scene.destroy(with_data=True)
    left = {
        "stacks": [each["StackName"] for each in aws("cloudformation").describe_stacks()["Stacks"]],
        "tables": aws("dynamodb").list_tables()["TableNames"],
        "buckets": [each["Name"] for each in aws("s3").list_buckets()["Buckets"]],
        "secrets": [each["Name"] for each in aws("secretsmanager").list_secrets()["SecretList"]],
        "functions": [each["FunctionName"] for each in aws("lambda").list_functions()["Functions"]],
        "roles": [each["RoleName"] for each in aws("iam").list_roles()["Roles"] if "rollcall" in each["RoleName"]],
        "queues": aws("sqs").list_queues().get("QueueUrls", []),
        "rules": [each["Name"] for each in aws("events").list_rules()["Rules"]],
        "APIs": [each["name"] for each in aws("apigateway").get_rest_apis()["items"]],
    }
    still = {name: found for name, found in left.items() if found}
    need(not still, f"left: {still}")
    return f"no {', '.join(left)} are left"


ACTS: Final[Sequence[Act[Scene]]] = (
    Act("The package goes up by change sets", goes_up),
    Act("The API answers through the gateway", is_healthy),
    Act("A source's secrets are in Secrets Manager and nowhere else", keeps_secrets),
    Act("A sync asked for in the terminal is done by a function that a queue woke", syncs),
    Act("Lark checks the address and pushes an event", hears_events),
    Act("What is forged is refused", refuses_forgery),
    Act("A command in the chat is answered there", answers_in_chat),
    Act("A function is killed in the middle of a sync", is_killed),
    Act("What cannot be done goes to the dead letters", holds_dead_letters),
    Act("An alarm reaches the chat", raises_alarm),
    Act("A function may do no more than it must", may_no_more),
    Act("The sync that was killed goes on", goes_on),
    Act("The clock ticks, and asks for what is due", tick_comes),
    Act("Each alarm looks at something that is there", tells_metrics),
    Act("The clock's alarm looks at what Lambda counts", counts_ticks),
    Act("The logs have nothing secret or personal", says_nothing_private),
    Act("Deploying again changes nothing", changes_nothing),
    Act("Destroying keeps the data", comes_down),
    Act("Deploying once more finds it", finds_it_again),
    Act("Destroying with the data leaves nothing", goes_for_good),
)


# --- what acts have in common


def hourly_from(now: datetime) -> str:
    """Word a cron that comes round soon, though not at once, and not at a full hour, which is put off by minutes."""
    soon = now + timedelta(seconds=SOON_S)
    minute = (soon.minute + (1 if soon.second or soon.microsecond else 0)) % 60
    return f"{minute or 1} * * * *"


def _subscribed(scene: Scene) -> str:
    """Save the address in Lark's console, which checks it; there, too, one would try again."""
    tries, problem = 0, ""

    def saved() -> bool:
        nonlocal tries, problem
        tries += 1
        try:
            url, keys = scene.gateway, scene.keys
            pusher = scene.company.subscribe(
                f"{url}/callbacks/hq/events",
                keys.encrypt_key,
                keys.verification_token,
                choices=scene.company_api.choices,
            )
            scene.company.connect_chat(f"{url}/callbacks/hq/cards", keys.encrypt_key, keys.verification_token)
        except LabError as error:
            problem = str(error)
            return False
        pusher.start()
        return True

    try:
        until(saved, 30, "the address to be taken")
    except UnprovenError as error:
        raise UnprovenError(f"{error}: {problem}") from error
    return f" at the {tries}. try" if tries > 1 else ""


def _attributes(queue: str) -> Mapping[str, str]:
    found: Mapping[str, str] = aws("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    return found


def _waiting(queue: str) -> int:
    return int(_attributes(queue)["ApproximateNumberOfMessages"])


def _tell_state(alarm: Mapping[str, Any], state: str, reason: str) -> None:
    aws("cloudwatch").set_alarm_state(AlarmName=alarm["AlarmName"], StateValue=state, StateReason=reason)


def _heard(scene: Scene, chat: str) -> str:
    posts = [each["content"] for each in scene.company.messages(chat) if not each["by"]]
    # What would be formatting is written as numbers of characters there.
    text = re.sub(r"&#(\d+);", lambda found: chr(int(found[1])), json.dumps(posts, ensure_ascii=False))
    return text


def _things(scene: Scene) -> set[Metric]:
    """List what AWS would count: functions, dead-letter queues that queues really name, the table, the API."""
    dead = {
        json.loads(_attributes(each)["RedrivePolicy"])["deadLetterTargetArn"].rpartition(":")[2]
        for each in aws("sqs").list_queues()["QueueUrls"]
        if "RedrivePolicy" in _attributes(each)
    }
    functions = [each["FunctionName"] for each in aws("lambda").list_functions()["Functions"]]
    found = {Metric.of("AWS/SQS", "", {"QueueName": each}) for each in dead}
    found |= {Metric.of("AWS/Lambda", "", {"FunctionName": each}) for each in functions}
    found |= {
        Metric.of("AWS/DynamoDB", "", {"TableName": each}) for each in aws("dynamodb").list_tables()["TableNames"]
    }
    for api in aws("apigateway").get_rest_apis()["items"]:
        for stage in aws("apigateway").get_stages(restApiId=api["id"])["item"]:
            found.add(Metric.of("AWS/ApiGateway", "", {"ApiName": api["name"], "Stage": stage["stageName"]}))
    return found


def _scheduled(now: datetime) -> Json:
    return {
        "version": "0",
        "id": "by-hand",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": now.isoformat(),
        "region": "us-east-1",
        "resources": [],
        "detail": {},
    }


def _tried(function: str, role: str, calls: Sequence[probe.Call]) -> Mapping[str, str]:
    """Let a function with another one's role try things; tell of each what came of it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("probe.py", probe.CODE)
    client, name = aws("lambda"), f"probe-{function}"
    client.create_function(
        FunctionName=name,
        Runtime=client.get_function_configuration(FunctionName=f"rollcall-{STAGE}-{function}")["Runtime"],
        Role=role,
        Handler="probe.answer",
        Timeout=60,
        Code={"ZipFile": packed.getvalue()},
    )
    try:
        answer = client.invoke(FunctionName=name, Payload=json.dumps([dataclasses.asdict(each) for each in calls]))
        said: Mapping[str, str] = json.loads(answer["Payload"].read())
    finally:
        client.delete_function(FunctionName=name)
    need(len(said) == len(calls), f"{function} has told {said}")
    return said


def _items() -> int:
    pages = aws("dynamodb").get_paginator("scan").paginate(TableName=f"rollcall-{STAGE}", Select="COUNT")
    try:
        return sum(page["Count"] for page in pages)
    except ClientError as error:
        raise UnprovenError(f"the table cannot be read: {error}") from error
