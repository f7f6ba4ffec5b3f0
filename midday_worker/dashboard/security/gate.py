"""The gate that every request passes, in this order: host, login, origin, token, role, body."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from midday_worker.dashboard.error_response import FORBIDDEN, INVALID_BODY, Problem
from midday_worker.dashboard.security.access import Access, Authenticate, ask
from midday_worker.dashboard.security.forgery import SAFE, check_origin, check_token
from midday_worker.dashboard.security.host import Hosts
from midday_worker.dashboard.security.token import TokenLogin

BODY_S: Final = 20.0
"""How long a request's body may take."""

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self' data:; frame-ancestors 'none'; base-uri 'self'; form-action 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of every answer."""


class Gate:
    """Admits requests.

    Args:
        authenticate: says who asks.
        hosts: the names that the dashboard answers to.
        read_only: whether nobody may change anything.
        largest: how large a body may be, in bytes.
    """

    def __init__(self, authenticate: Authenticate, hosts: Hosts, *, read_only: bool, largest: int) -> None:
        self._authenticate = authenticate
        self._token_login = authenticate if isinstance(authenticate, TokenLogin) else None
        self._hosts = hosts
        self._read_only = read_only
        self._largest = largest

    async def admit(self, request: Request) -> Access:
        """Return who asks. Raises Problem."""
        self._hosts.check(request)
        access = await ask(self._authenticate, request)
        if request.method not in SAFE:
            check_origin(request)
            if self._token_login is None or not self._token_login.is_in_header(request):
                check_token(request)
            if self._read_only:
                raise Problem(405, "ERRORS.QUEUE_READ_ONLY", "This dashboard is for looking only.", code="READ_ONLY")
            if access.role != "admin":
                raise Problem(403, FORBIDDEN, "You may look at this dashboard, not act.", code="VIEWER")
        return access

    def enter(self, request: Request) -> Response | None:
        """Return what an admitted request is answered with if it brought a token in its address; None if it didn't."""
        return None if self._token_login is None else self._token_login.enter(request)

    async def body(self, request: Request) -> bytes:
        """Return what came with a request. Raises Problem if it is too large or slow, or says that it isn't JSON."""
        if request.method in SAFE:
            return b""
        if _declared(request) > self._largest:
            raise self._too_large()
        try:
            async with asyncio.timeout(BODY_S):
                raw = await self._read(request)
        except TimeoutError:
            message = f"A body may take {BODY_S:g} seconds."
            raise Problem(408, INVALID_BODY, message, code="SLOW_BODY", headers={"Connection": "close"}) from None
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if raw and kind != "application/json":
            raise Problem(415, INVALID_BODY, "A body must be application/json.", code="NOT_JSON")
        return bytes(raw)

    async def _read(self, request: Request) -> bytearray:
        raw = bytearray()
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > self._largest:
                raise self._too_large()
        return raw

    def _too_large(self) -> Problem:
        return Problem(413, INVALID_BODY, f"A body may have {self._largest:,} bytes.", code="TOO_LARGE")


def _declared(request: Request) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdecimal() and len(length) < 20 else 0
