"""`OwnName`: who asks for this machine by another name is a page of another site, in a browser here."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from midday_worker.settings.http_address import hostname
from midday_worker.workers.http.refusal import refuse_host

_LOCAL: Final = "localhost"


class OwnName:
    """Answers only to localhost and to IP addresses, which no other site can have for its name (DNS rebinding).

    Args:
        app: what is asked.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        host = request.headers.get("host")  # HTTP/1.0 has none, and no browser speaks that
        answer = self._app if host is None or _is_own(hostname(host)) else refuse_host(request)
        await answer(scope, receive, send)


def is_loopback(host: str) -> bool:
    """Return whether an IP address is this machine's own, that no other one reaches."""
    return ip_address(host.partition("%")[0]).is_loopback


def _is_own(name: str | None) -> bool:
    if name is None:
        return False
    if name == _LOCAL or name.endswith(f".{_LOCAL}"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
