"""The app in the organisation: its keys, its permissions, and the part of the company that it may see."""

from collections.abc import Iterable

from infra.lab.dingtalk import scopes
from infra.lab.dingtalk.choices import Choices
from infra.lab.dingtalk.events import DingTalkChannel, DingTalkEvents, Envelope
from infra.lab.dingtalk.roster import Roster
from infra.lab.push import Pusher, Send, Subscribable, Trouble
from infra.lab.wire import JsonObject, LabError

# What the app's owner can switch or buy; see `configure`.
SWITCHES = frozenset(
    {
        "ip_allowed",
        "month_used_up",
        "calls_per_second",
        "robot_on",
        "robot_published",
        "robot_quota_used_up",
        "session_minutes",
    }
)


class Installation(Roster, Subscribable):
    """A roster with one app that reads it."""

    def __init__(self, *, seed: int, root_name: str, corp_id: str | None) -> None:
        super().__init__(seed=seed, root_name=root_name)
        self.corp_id = corp_id or f"ding{self.digest('corp_id', 0)}"
        self.app_key = f"dinglab{self.digest('app_key', 0)[:13]}"
        self.app_secret = f"lab-{self.digest('app_secret', 0)}{self.digest('app_secret', 1)[:28]}"
        self.agent_id = 10**9 + int(self.digest("agent_id", 0), 16) % 10**9
        self.scopes_granted: set[str] = set(scopes.MINIMUM | scopes.ROBOT)
        self.robot_on = True
        self.robot_published = True
        self.robot_quota_used_up = False
        self.session_minutes = 90
        self.ip_allowed = True
        self.month_used_up = False
        self.calls_per_second = 20

    def subscribe(
        self,
        url: str,
        aes_key: str,
        token: str,
        *,
        send: Send | None = None,
        trouble: Trouble | None = None,
        choices: Choices | None = None,
    ) -> Pusher:
        """Push what happens from now on to this URL, which must pass its check; there is one URL at a time.

        Raises:
            LabError: key or token are malformed, or the check was not answered well and in time.
        """
        choices = choices or Choices()
        owner = self.corp_id if choices.event_owner == "corp_id" else self.app_key
        seed = self.digest("push", 0)
        channel = DingTalkChannel(url, Envelope(aes_key, token, owner), choices, seed=seed)
        events = DingTalkEvents(self, choices, seed=seed)
        return self._connect(channel, events.of, sees=lambda record: True, send=send, trouble=trouble)

    def hide(self, dept: int | str) -> str:
        """Take a department and all below it out of the contact range, without `/auth/scopes` telling."""
        with self.lock:
            self.hidden.add(self.department(dept).dept_id)
            return str(dept)

    def show(self, dept: int | str) -> str:
        with self.lock:
            self.hidden.discard(self.department(dept).dept_id)
            return str(dept)

    def set_range(self, departments: Iterable[int | str] = (), users: Iterable[str] = ()) -> JsonObject:
        """Narrow the contact range to these departments, with all below them, and these people."""
        with self.lock:
            granted = dict.fromkeys(self.place(each) for each in departments)
            lone = dict.fromkeys(self.at_work(each).userid for each in users)
            self.range_is_all, self.range_departments, self.range_users = False, granted, lone
            return {"departments": [str(each) for each in granted], "users": list(lone)}

    def range_all(self) -> None:
        with self.lock:
            self.range_is_all, self.range_departments, self.range_users = True, {}, {}

    def grant(self, scope: str) -> str:
        with self.lock:
            self.scopes_granted.add(scope)
            return scope

    def revoke(self, scope: str) -> str:
        with self.lock:
            self.scopes_granted.discard(scope)
            return scope

    def configure(self, **switches: bool | int) -> JsonObject:
        """Switch what the app's owner can switch; see `SWITCHES`.

        `month_used_up` refuses every call; the vendor says that contact calls are free of that quota. With
        `robot_quota_used_up` the robot is told that something was said, not what; a session takes answers for
        `session_minutes`.
        """
        if unknown := set(switches) - SWITCHES:
            raise LabError(f"unknown switches {sorted(unknown)}; there are {', '.join(sorted(SWITCHES))}")
        with self.lock:
            for switch, value in switches.items():
                setattr(self, switch, value)
        return dict(switches)
