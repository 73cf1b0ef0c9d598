"""The lab's back door: look at the truth, change the company, arm faults; JSON under `/_lab/`."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from infra.lab import faults
from infra.lab.injection import Fault
from infra.lab.wire import Answer, Api, JsonObject, LabError, Workspace

PREFIX = "/_lab/"


class _UnknownControlError(LabError):
    pass


@dataclass(frozen=True, slots=True)
class Control:
    """Serves the control interface of one api and its workspace; mistakes are answered with 400 and a reason."""

    api: Api
    workspace: Workspace

    def handle(self, method: str, path: str, body: bytes) -> Answer:
        try:
            return _answer(200, self._serve(method, path.removeprefix(PREFIX), _document(body)))
        except _UnknownControlError as error:
            return _answer(404, {"error": f"no such control: {error}"})
        # Arguments come as they please: what a verb trips over is the asker's mistake.
        except (LabError, TypeError, ValueError, AttributeError, LookupError) as error:
            return _answer(400, {"error": str(error)})

    def _serve(self, method: str, name: str, asked: JsonObject) -> object:
        match method, name:
            case "GET", "truth":
                return self.workspace.truth()
            case "GET", "calls":
                return {
                    "calls": dict(self.api.calls),
                    "throttled": dict(self.api.throttled),
                    "suspicious": list(self.api.suspicious),
                }
            case "POST", "reset-calls":
                self.api.reset_calls()
                return {}
            case "POST", "do":
                verb, args = asked.get("verb"), asked.get("args", {})
                if not isinstance(verb, str) or not isinstance(args, dict):
                    raise LabError('wanted {"verb": "...", "args": {...}}')
                return {"result": self.workspace.do(verb, args)}
            case "GET", "faults":
                return {"faults": self.api.faults.listing()}
            case "POST", "faults":
                return self._arm(asked)
            case _:
                raise _UnknownControlError(f"{method} {PREFIX}{name}")

    def _arm(self, asked: JsonObject) -> JsonObject:
        if asked.get("clear"):
            self.api.faults.clear()
            if set(asked) == {"clear"}:
                return {"numbers": []}
        if isinstance(remove := asked.get("remove"), int):
            self.api.faults.remove(remove)
            return {"numbers": []}
        return {"numbers": self.api.faults.add(self._fault({k: v for k, v in asked.items() if k != "clear"}))}

    def _fault(self, asked: JsonObject) -> Fault:
        settings = dict(asked)
        name = settings.pop("fault", None)
        if isinstance(body := settings.get("body"), str):
            settings["body"] = body.encode()
        if "where" in settings:
            raise LabError("a condition on the call cannot be sent; use endpoint, nth, first, last or chance")
        if name == "on_call":
            return self._on_call(settings)
        if not isinstance(name, str) or name not in faults.BY_NAME:
            raise LabError(f"unknown fault {name!r}; there are on_call, {', '.join(sorted(faults.BY_NAME))}")
        return faults.BY_NAME[name](**settings)

    def _on_call(self, settings: JsonObject) -> Fault:
        """`on_call` from afar: `{"fault": "on_call", "verb": "move", "args": {...}, "nth": 3}`."""
        verb, args = settings.pop("verb", None), settings.pop("args", {})
        if not isinstance(verb, str) or not isinstance(args, dict):
            raise LabError("on_call wants a verb and its args")
        build: Callable[..., Fault] = faults.on_call
        return build(lambda call: self.workspace.do(verb, args), **settings)


def _document(body: bytes) -> JsonObject:
    document = json.loads(body or b"{}")
    if not isinstance(document, Mapping):
        raise LabError("wanted a JSON object")
    return dict(document)


def _answer(status: int, document: object) -> Answer:
    return Answer(
        status,
        {"Content-Type": "application/json; charset=utf-8"},
        json.dumps(document, ensure_ascii=False, sort_keys=True).encode(),
    )
