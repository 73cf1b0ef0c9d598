"""The lab's back door: look at the truth, change the company, arm faults, push events; JSON under `/_lab/`."""

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass

from infra.lab import faults
from infra.lab.injection import Fault
from infra.lab.push import Pusher, Trouble
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
            case "POST", "subscribe":
                return self._subscribe(asked)
            case "POST", "unsubscribe":
                self.workspace.unsubscribe()
                return {}
            case "GET", "pushes":
                return self._pusher().report()
            case "POST", "push-due":
                return {"pushed": self._pusher().push_due()}
            case "POST", "trouble":
                _set(self._pusher().trouble, asked)
                return asdict(self._pusher().trouble)
            case "POST", "storm":
                return self._storm(**asked)
            case "GET", "faults":
                return {"faults": self.api.faults.listing()}
            case "POST", "faults":
                return self._arm(asked)
            case _:
                raise _UnknownControlError(f"{method} {PREFIX}{name}")

    def _subscribe(self, asked: JsonObject) -> JsonObject:
        """`{"url", <the vendor's names of key and token>, "trouble": {...}, "choices": {...}, "background": true}`."""
        settings = dict(asked)
        trouble, choices = settings.pop("trouble", {}), settings.pop("choices", {})
        background = settings.pop("background", True)
        if not isinstance(trouble, dict) or not isinstance(choices, dict) or "send" in settings:
            raise LabError("trouble and choices are objects; send cannot be sent")
        _set(self.api.choices, choices)
        pusher = self.workspace.subscribe(**settings, trouble=Trouble(**trouble), choices=self.api.choices)
        if background:
            pusher.start()
        return pusher.report()

    def _pusher(self) -> Pusher:
        if self.workspace.pusher is None:
            raise LabError("nobody subscribed to events")
        return self.workspace.pusher

    def _storm(self, n: object = 100, seed: object = 0, within_s: object = 60.0) -> JsonObject:
        """Let a storm break loose, and answer at once."""
        if not isinstance(n, int) or not isinstance(seed, int) or not isinstance(within_s, int | float):
            raise LabError("n, seed and within_s are numbers")
        self._pusher()

        def blow() -> None:
            # When too little can happen in a company, what did happen is still a storm.
            with suppress(LabError):
                self.workspace.storm(n, seed=seed, within_s=within_s)

        threading.Thread(target=blow, name="storm", daemon=True).start()
        return {"n": n, "within_s": within_s}

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


def _set(settings: object, values: JsonObject) -> None:
    if unknown := [name for name in values if not hasattr(settings, name)]:
        raise LabError(f"unknown settings {unknown}")
    for name, value in values.items():
        setattr(settings, name, value)


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
