"""Somebody who uses the dashboard's routes, as its page does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Self, cast
from urllib.parse import quote

import httpx
from starlette.types import ASGIApp

from midday_worker.dashboard.security.forgery import COOKIE, HEADER

BASE = "http://localhost"

BLANKS = {
    "ERRORS.INVALID_REQUEST_BODY": "field",
    "ERRORS.INVALID_QUERY_PARAM": "field",
    "ERRORS.INVALID_PRIORITY": "max",
    "ERRORS.JOB_NOT_DELAYED": "status",
    "ERRORS.JOB_NOT_RETRIABLE": "state",
    "ERRORS.STATUS_NOT_RETRIABLE": "status",
}
"""What the page's texts have a place for: without a value it would show the place."""


class Answer:
    """What came back."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.status = response.status_code
        self.headers = response.headers
        self.text = response.text
        if response.is_error and response.content:
            error = cast("dict[str, object]", self.json["error"])
            blank = BLANKS.get(str(error["key"]))
            assert blank is None or blank in cast("dict[str, object]", error.get("options", {})), self.text

    @property
    def json(self) -> dict[str, object]:
        """The body."""
        return cast("dict[str, object]", json.loads(self.text))

    @property
    def rows(self) -> list[object]:
        """The body, where it is a list."""
        return cast("list[object]", json.loads(self.text))

    @property
    def key(self) -> str:
        """The page's own text for what was wrong."""
        return str(cast("dict[str, object]", self.json["error"])["key"])


class Visitor:
    """Asks an application, within `async with`; keeps its cookies and repeats its token.

    Args:
        app: the dashboard, or what it is mounted in.
        base: where it is.
        client: the address that the requests come from.
        login: a user name and a password.
    """

    def __init__(
        self,
        app: ASGIApp,
        base: str = BASE,
        *,
        client: tuple[str, int] = ("127.0.0.1", 5000),
        login: tuple[str, str] | None = None,
    ) -> None:
        transport = httpx.ASGITransport(app, client=client)
        self.http = httpx.AsyncClient(transport=transport, base_url=base, auth=login)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.aclose()

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        """Read something."""
        return Answer(await self.http.get(path, params=query))

    async def act(self, method: str, path: str, body: object = None) -> Answer:
        """Change something."""
        if COOKIE not in self.http.cookies:
            await self.http.get("/api/queues")
        headers = {HEADER: self.http.cookies.get(COOKIE) or ""}
        if body is None:
            return Answer(await self.http.request(method, path, headers=headers))
        headers["Content-Type"] = "application/json"
        return Answer(await self.http.request(method, path, headers=headers, content=json.dumps(body)))

    async def put(self, path: str, body: object = None) -> Answer:
        """Put something."""
        return await self.act("PUT", path, body)

    async def patch(self, path: str, body: object = None) -> Answer:
        """Change a part of something."""
        return await self.act("PATCH", path, body)


def at(*parts: str) -> str:
    """Return the path of parts below a queue, each encoded as the page does."""
    return "/api/queues/" + "/".join(quote(part, safe="") for part in parts)
