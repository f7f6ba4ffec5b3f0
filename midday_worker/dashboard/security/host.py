"""Which names the dashboard may be asked for by: a page of another site could else reach it by a name of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from starlette.requests import Request

from midday_worker.dashboard.error_response import FORBIDDEN, Problem
from midday_worker.settings.http_address import hostname

LOCAL: Final = ("localhost", "127.0.0.1", "::1")
ANY: Final = "*"


class Hosts:
    """The names of this machine, and those that were allowed besides."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = {*LOCAL, *(name.lower().strip("[]") for name in allowed)}

    def check(self, request: Request) -> None:
        """Raise Problem unless a request's Host header has one of the names."""
        given = request.headers.getlist("host")
        name = hostname(given[0]) if len(given) == 1 else None
        if name is not None and (ANY in self._allowed or name in self._allowed):
            return
        raise Problem(
            403,
            FORBIDDEN,
            "This dashboard doesn't answer to that Host header. Name the host in create_dashboard(allowed_hosts=...), "
            "with --allowed-host, or in BOARD_HOSTS.",
            code="HOST_NOT_ALLOWED",
        )
