"""CloudFormation stacks: changed by change sets, followed until they rest, with the reasons when they fail."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from infra.aws.cloud import Cloud, DeployError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.literals import CapabilityType, ChangeSetTypeType
    from mypy_boto3_cloudformation.type_defs import (
        ChangeTypeDef,
        CreateChangeSetInputTypeDef,
        DescribeChangeSetOutputTypeDef,
        ParameterTypeDef,
        ResourceToImportTypeDef,
        StackEventTypeDef,
        StackTypeDef,
    )

CAPABILITIES: Final[Sequence[CapabilityType]] = ("CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND")
PAUSE_S: Final = 3.0
# A NAT gateway, or the network interfaces of functions that go, take AWS up to half an hour.
LONGEST_S: Final = 3600.0
# A stack that was never made: nothing can be done with it but delete it.
STILLBORN: Final = frozenset({"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"})
_NOTHING_NEW = re.compile(r"didn't contain changes|no updates are to be performed", re.IGNORECASE)
_HINTS: Final = (
    (r"already exists", "something else has that name: another installation of this stage in this account and region?"),
    (
        r"not authorized|AccessDenied|access denied",
        "your AWS user may not do that; docs/security.md has what is needed",
    ),
    (r"certificate", "the certificate must be issued, for that very domain, in this region (AWS Certificate Manager)"),
    (r"limit|quota|maximum number", "a quota of this account is used up: Service Quotas in the AWS console raises it"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A stack as it stands."""

    status: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of a change set. `replaced` is also said of what AWS is not sure about yet."""

    action: str
    name: str
    kind: str
    replaced: bool

    def __str__(self) -> str:
        done = {"Add": "+", "Modify": "~", "Remove": "-", "Import": "^"}.get(self.action, "?")
        return f"  {done} {self.name} ({self.kind}){', made anew' if self.replaced else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stacks:
    cloud: Cloud

    def find(self, name: str) -> Stack | None:
        try:
            stacks = self.cloud.cloudformation.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":  # "does not exist"
                return None
            raise
        return _stack(stacks[0]) if stacks[0]["StackStatus"] != "DELETE_COMPLETE" else None

    def put(
        self,
        name: str,
        template: str,
        parameters: Mapping[str, str],
        *,
        keep: Sequence[str] = (),
        imports: Sequence[ResourceToImportTypeDef] = (),
        only_look: bool = False,
    ) -> Stack | None:
        """Make a stack what a template says, and return it; parameters that are not given stay what they were.

        `keep` names resources that must not be replaced or removed. `imports` are taken into a new stack. With
        `only_look` the changes are shown and nothing is done.

        Raises:
            DeployError: it is being changed already, AWS failed and rolled back, or what is to be kept would go.
        """
        before = self.ready(name)
        kind: ChangeSetTypeType = "IMPORT" if imports else "UPDATE" if before else "CREATE"
        change_set = f"rollcall-{uuid.uuid4().hex}"
        request: CreateChangeSetInputTypeDef = {
            "StackName": name,
            "ChangeSetName": change_set,
            "ChangeSetType": kind,
            "TemplateBody": template,
            "Parameters": _parameters(template, parameters, before),
            "Capabilities": CAPABILITIES,
        }
        if imports:
            request["ResourcesToImport"] = imports
        self.cloud.cloudformation.create_change_set(**request)
        drawn = self._drawn(name, change_set)
        if drawn is None:
            self.cloud.cloudformation.delete_change_set(StackName=name, ChangeSetName=change_set)
            self.cloud.say(f"{name}: nothing to change")
            return self.find(name)
        self.cloud.say(f"{name}: {'new' if kind == 'CREATE' else 'changes'}")
        for each in drawn:
            self.cloud.say(str(each))
        lost = [each.name for each in drawn if each.name in keep and (each.replaced or each.action == "Remove")]
        if lost or only_look:
            self.cloud.cloudformation.delete_change_set(StackName=name, ChangeSetName=change_set)
            if before is None:
                self.cloud.cloudformation.delete_stack(StackName=name)
        if lost:
            raise DeployError(
                f"{name}: this would take away {', '.join(lost)} and what is in it. Nothing was changed. "
                "Deploy the version that is there, and read the CHANGELOG before another one."
            )
        if only_look:
            return before
        seen = {each["EventId"] for each in self._events(name)}
        self.cloud.cloudformation.execute_change_set(StackName=name, ChangeSetName=change_set)
        self._follow(name, seen)
        return self.find(name)

    def delete(self, name: str) -> bool:
        """Delete a stack, and wait until it is gone; False when there is none.

        Raises:
            DeployError: AWS could not delete all of it.
        """
        if self.find(name) is None:
            return False
        stack_id = self.cloud.cloudformation.describe_stacks(StackName=name)["Stacks"][0].get("StackId", name)
        seen = {each["EventId"] for each in self._events(name)}
        self.cloud.cloudformation.delete_stack(StackName=name)
        # By its id, for it has no name any more when it is gone.
        self._follow(stack_id, seen)
        return True

    def ready(self, name: str) -> Stack | None:
        """Return a stack that may be changed now, None where a new one may be made.

        Raises:
            DeployError: neither may be.
        """
        stack = self.find(name)
        if stack is None:
            return None
        if stack.status in STILLBORN:
            self.cloud.say(f"{name}: the remains of an earlier try ({stack.status}) are cleared away")
            self.delete(name)
            return None
        if stack.status == "UPDATE_ROLLBACK_FAILED":
            raise DeployError(
                f"{name} could not go back to what it was. Look at its events in the CloudFormation console, repair "
                f"what they name, then: aws cloudformation continue-update-rollback --stack-name {name}"
            )
        if stack.status.endswith("_IN_PROGRESS"):
            raise DeployError(f"{name} is being changed by somebody else ({stack.status}): wait, then try again")
        return stack

    def _drawn(self, name: str, change_set: str) -> Sequence[Change] | None:
        """Wait for a change set; None when it changes nothing."""
        for _ in self._pauses(name):
            first = self.cloud.cloudformation.describe_change_set(StackName=name, ChangeSetName=change_set)
            match first["Status"]:
                case "CREATE_COMPLETE":
                    return [_change(each) for each in self._changes(first, name, change_set)]
                case "FAILED":
                    reason = first.get("StatusReason", "")
                    if _NOTHING_NEW.search(reason):
                        return None
                    raise DeployError(f"{name}: CloudFormation refused the template: {reason}{_hint([reason])}")
        raise AssertionError("pauses end with an error")

    def _changes(self, page: DescribeChangeSetOutputTypeDef, name: str, change_set: str) -> Iterator[ChangeTypeDef]:
        while True:
            yield from page.get("Changes", ())
            token = page.get("NextToken")
            if not token:
                return
            client = self.cloud.cloudformation
            page = client.describe_change_set(StackName=name, ChangeSetName=change_set, NextToken=token)

    def _follow(self, name: str, seen: set[str]) -> None:
        """Tell what happens to a stack's resources until it rests."""
        failures: list[str] = []
        for _ in self._pauses(name):
            # The state first: what happened before it was so is among the events that are read after it.
            stack = self.find(name)
            events = [each for each in self._events(name) if each["EventId"] not in seen]
            for event in reversed(events):
                seen.add(event["EventId"])
                self._tell(event, failures)
            if stack is None:
                return
            if not stack.status.endswith("_IN_PROGRESS"):
                if "ROLLBACK" in stack.status or stack.status.endswith("_FAILED"):
                    raise DeployError(_failure(name, stack.status, failures))
                return

    def _tell(self, event: StackEventTypeDef, failures: list[str]) -> None:
        name, status = event.get("LogicalResourceId", ""), event.get("ResourceStatus", "")
        if event.get("PhysicalResourceId") == event.get("StackId"):  # the stack itself
            return
        reason = event.get("ResourceStatusReason", "")
        if status.endswith("_FAILED"):
            self.cloud.say(f"    {name}: {status.lower().replace('_', ' ')}: {reason}")
            if "cancelled" not in reason.lower():  # those that were stopped because of the one that failed
                failures.append(f"{name}: {reason}")
        elif status.endswith("_COMPLETE"):
            self.cloud.say(f"    {name}: {status.lower().removesuffix('_complete').replace('_', ' ')}d")

    def _events(self, name: str) -> Sequence[StackEventTypeDef]:
        """List what happened to a stack, newest first."""
        try:
            pages = self.cloud.cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
            return [event for page in pages for event in page["StackEvents"]]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                return []
            raise

    def _pauses(self, name: str) -> Iterator[None]:
        waited = 0.0
        while waited < LONGEST_S:
            yield
            self.cloud.sleep(PAUSE_S)
            waited += PAUSE_S
        raise DeployError(f"{name}: CloudFormation is still at it after an hour; its console shows what it waits for")


def _stack(given: StackTypeDef) -> Stack:
    return Stack(
        status=given["StackStatus"],
        parameters={each["ParameterKey"]: each.get("ParameterValue", "") for each in given.get("Parameters", ())},
        outputs={each["OutputKey"]: each["OutputValue"] for each in given.get("Outputs", ())},
    )


def _change(given: ChangeTypeDef) -> Change:
    change = given.get("ResourceChange", {})
    return Change(
        action=change.get("Action", "?"),
        name=change.get("LogicalResourceId", "?"),
        kind=change.get("ResourceType", "?"),
        replaced=change.get("Action") == "Modify" and change.get("Replacement") in ("True", "Conditional"),
    )


def _parameters(template: str, given: Mapping[str, str], before: Stack | None) -> list[ParameterTypeDef]:
    known = json.loads(template).get("Parameters", {})
    kept = set(before.parameters) - set(given) if before else set()
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise DeployError(f"there is no option {', '.join(unknown)}: there are {', '.join(sorted(known))}")
    values: list[ParameterTypeDef] = [
        {"ParameterKey": name, "ParameterValue": value} for name, value in sorted(given.items())
    ]
    return values + [{"ParameterKey": name, "UsePreviousValue": True} for name in sorted(kept & set(known))]


def _failure(name: str, status: str, failures: Sequence[str]) -> str:
    reasons = "\n".join(f"  {each}" for each in failures) or "  its events in the CloudFormation console say why"
    went_back = "what was there before is there again" if status.startswith("UPDATE") else "nothing of it is in use"
    return f"{name} failed ({status}); {went_back}:\n{reasons}{_hint(failures)}"


def _hint(reasons: Sequence[str]) -> str:
    for pattern, hint in _HINTS:
        if any(re.search(pattern, reason, re.IGNORECASE) for reason in reasons):
            return f"\n{hint}"
    return ""
