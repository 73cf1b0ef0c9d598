"""The lab without a network: an httpx transport that hands requests straight to an api."""

from collections.abc import Mapping
from email.utils import format_datetime
from urllib.parse import parse_qsl

import httpx

from infra.lab.wire import Api


class LabTransport(httpx.BaseTransport):
    """Serves every host from one api, or each host from its own; an unknown host cannot be connected to."""

    def __init__(self, api: Api | Mapping[str, Api]) -> None:
        self._api = api

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        api = self._api.get(request.url.host) if isinstance(self._api, Mapping) else self._api
        if api is None:
            raise httpx.ConnectError(f"no such host in the lab: {request.url.host}", request=request)
        raw_path, _, raw_query = request.url.raw_path.decode("ascii").partition("?")
        try:
            answer = api.handle(
                request.method,
                raw_path,
                parse_qsl(raw_query, keep_blank_values=True),
                dict(request.headers),
                request.read(),
            )
        except httpx.TransportError as error:
            error.request = request
            raise
        headers = {"Date": format_datetime(api.clock.now(), usegmt=True)} | answer.headers
        return httpx.Response(answer.status, headers=headers, content=answer.body, request=request)
