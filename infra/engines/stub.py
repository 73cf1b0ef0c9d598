"""AWS that answers at once and keeps nothing: what a client costs is then all that is left to measure."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

from chalicelib.core.ports import Attribute, Item, Table

Answer = Callable[[str, bytes], bytes]
_JSON: Final = "application/x-amz-json-1.0"


class AwsStub:
    """A server on the loopback interface; `answer` is given the name of an operation and its body."""

    def __init__(self, answer: Answer, *, latency_s: float = 0.0) -> None:
        self.asked: list[str] = []
        self._server = _Server(("127.0.0.1", 0), _handler(self, answer, latency_s))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


def of_table(table: Table, secret: Mapping[str, str]) -> Answer:
    """Answer reads from a table, and for a secret; take every write, and every ring, and forget it."""

    def answer(operation: str, body: bytes) -> bytes:
        asked: dict[str, Any] = json.loads(body)
        match operation:
            case "Query":
                values = asked["ExpressionAttributeValues"]
                page = table.query(values[":p"]["S"], prefix=values.get(":s", {"S": ""})["S"])
                return _encoded({"Items": [wire(item) for item in page.items]})
            case "GetItem":
                item = table.get(asked["Key"]["pk"]["S"], asked["Key"]["sk"]["S"])
                return _encoded({"Item": wire(item)} if item else {})
            case "BatchGetItem":
                ((name, batch),) = asked["RequestItems"].items()
                found = table.get_many([(key["pk"]["S"], key["sk"]["S"]) for key in batch["Keys"]])
                return _encoded({"Responses": {name: [wire(item) for item in found.values()]}})
            case "GetSecretValue":
                return _encoded({"SecretString": json.dumps(secret)})
            case _:
                return b"{}"

    return answer


def wire(item: Item) -> Mapping[str, Mapping[str, str]]:
    """Word an item as DynamoDB's protocol does."""
    kept: dict[str, Mapping[str, str]] = {"pk": {"S": item.partition}, "sk": {"S": item.sort}}
    kept |= {name: _value(value) for name, value in item.attributes.items()}
    return kept | ({} if item.expires is None else {"expires": {"N": str(item.expires)}})


def _value(value: Attribute) -> Mapping[str, str]:
    match value:
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": b64encode(value).decode()}


def _encoded(answer: object) -> bytes:
    return json.dumps(answer).encode()


def _handler(stub: AwsStub, answer: Answer, latency_s: float) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # In one packet: an answer in two waits for the first to be acknowledged.
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            operation = self.headers["X-Amz-Target"].rpartition(".")[2]
            stub.asked.append(operation)
            answered = answer(operation, body)
            if latency_s:
                time.sleep(latency_s)
            self.send_response(200)
            self.send_header("Content-Type", _JSON)
            self.send_header("Content-Length", str(len(answered)))
            self.end_headers()
            self.wfile.write(answered)
            self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
