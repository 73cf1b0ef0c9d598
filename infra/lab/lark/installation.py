"""The app in the tenant: its keys, its permissions, its custom fields, and the part of the company that it may see."""

from collections.abc import Iterable, Sequence

from infra.lab.lark import scopes
from infra.lab.lark.choices import Choices
from infra.lab.lark.events import LarkChannel, LarkEvents
from infra.lab.lark.records import ROOT, CustomField, CustomFieldsChange, CustomKind, Nodes, Option, RangeChange
from infra.lab.lark.roster import Roster
from infra.lab.push import Pusher, Send, Subscribable, Trouble
from infra.lab.wire import JsonObject, LabError

# What the app's owner can switch; see `configure`.
SWITCHES = frozenset(
    {
        "enabled",
        "installed",
        "ip_allowed",
        "custom_fields_open",
        "month_used_up",
        "recursion_refused",
        "recursion_threshold",
        "bot_on",
    }
)


class Installation(Roster, Subscribable):
    """A roster with one app that reads it."""

    def __init__(self, *, seed: int, app_id: str | None, root_name: str) -> None:
        self.app_id = app_id or f"cli_lab{seed % 10**13:013d}"
        super().__init__(seed=seed, app_id=self.app_id, root_name=root_name)
        self.app_secret = f"lab-{self.digest('app_secret', 0)[:28]}"
        self.tenant_key = self.digest("tenant_key", 0)[:16]
        self.scopes_granted: set[str] = set(scopes.MINIMUM | scopes.BOT)
        self.verification_token = ""
        self.enabled = True
        self.installed = True
        self.bot_on = True
        self.ip_allowed = True
        self.custom_fields_open = True
        self.month_used_up = False
        self.recursion_refused = False
        self.recursion_threshold = 100

    def subscribe(
        self,
        url: str,
        encrypt_key: str = "",
        verification_token: str = "",
        *,
        send: Send | None = None,
        trouble: Trouble | None = None,
        choices: Choices | None = None,
    ) -> Pusher:
        """Push what happens from now on to this URL, which must answer the challenge; there is one URL at a time.

        Raises:
            LabError: the challenge was not answered well and in time, or the app lacks the permission.
        """
        choices = choices or Choices()
        events = LarkEvents(self, verification_token, choices)
        events.check_permission()
        self.verification_token = verification_token
        channel = LarkChannel(url, encrypt_key, verification_token, choices, seed=self.digest("push", 0))
        return self._connect(channel, events.of, sees=events.sees, send=send, trouble=trouble)

    def hide(self, dept: str) -> str:
        """Take a department and all below it out of the contact range."""
        with self.change():
            department = self.department(dept).open_department_id
            visible = self.sees_department(department)
            self.hidden.add(department)
            self.changed()
            self._tell_range(Nodes(), Nodes((department,) if visible else ()))
            return department

    def show(self, dept: str) -> str:
        with self.change():
            department = self.department(dept).open_department_id
            visible = self.sees_department(department)
            self.hidden.discard(department)
            self.changed()
            appeared = self.sees_department(department) and not visible
            self._tell_range(Nodes((department,) if appeared else ()), Nodes())
            return department

    def set_range(self, departments: Iterable[str] = (), users: Iterable[str] = ()) -> JsonObject:
        """Narrow the contact range to these departments, with all below them, and these people."""
        with self.change():
            granted = dict.fromkeys(self.department(each).open_department_id for each in departments)
            lone = dict.fromkeys(self.user(each).open_id for each in users)
            self._set_range(False, granted, lone)
            return {"departments": list(granted), "users": list(lone)}

    def range_all(self) -> None:
        with self.change():
            self._set_range(True, {}, {})

    def grant(self, scope: str) -> str:
        with self.lock:
            self.scopes_granted.add(scope)
            return scope

    def revoke(self, scope: str) -> str:
        with self.lock:
            self.scopes_granted.discard(scope)
            return scope

    def configure(self, **switches: bool | int) -> JsonObject:
        """Switch what the app's owner can switch or buy; see `SWITCHES`."""
        if unknown := set(switches) - SWITCHES:
            raise LabError(f"unknown switches {sorted(unknown)}; there are {', '.join(sorted(SWITCHES))}")
        with self.change():
            before = CustomFieldsChange(field_ids=tuple(self.custom_fields), opened=self.custom_fields_open)
            for switch, value in switches.items():
                setattr(self, switch, value)
            if self.custom_fields_open != before.opened:
                self.journal.remark(before)
        return dict(switches)

    def add_custom_field(self, name: str, name_en: str, kind: CustomKind = "TEXT", options: Sequence[str] = ()) -> str:
        with self.change():
            digits = str(10**18 + int(self.next_ids("custom"), 16) % (8 * 10**18))
            made = tuple(Option(self.next_ids("option")[:12], value) for value in options)
            field = CustomField(field_id=f"C-{digits}", kind=kind, name=name, name_en=name_en, options=made)
            before = CustomFieldsChange(field_ids=tuple(self.custom_fields), opened=self.custom_fields_open)
            self.journal.remark(before)
            self.custom_fields[field.field_id] = field
            return field.field_id

    def _set_range(self, everything: bool, granted: dict[str, None], lone: dict[str, None]) -> None:
        before = self._range_nodes()
        self.range_is_all, self.range_departments, self.range_users = everything, granted, lone
        self.changed()
        after = self._range_nodes()
        self._tell_range(_without(after, before), _without(before, after))

    def _range_nodes(self) -> Nodes:
        """List what the range is made of, as reading it does: first-level nodes if it is everything."""
        if self.range_is_all:
            return Nodes(tuple(self.visible_children(ROOT)), tuple(self.members(ROOT)))
        return Nodes(tuple(key for key in self.range_departments if self.sees_department(key)), tuple(self.range_users))

    def _tell_range(self, added: Nodes, removed: Nodes) -> None:
        if any(added) or any(removed):
            self.journal.remark(RangeChange(added=added, removed=removed))


def _without(those: Nodes, these: Nodes) -> Nodes:
    departments, users = set(these.departments), set(these.users)
    return Nodes(
        tuple(key for key in those.departments if key not in departments),
        tuple(key for key in those.users if key not in users),
    )
