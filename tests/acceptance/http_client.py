"""Asking a worker's HTTP side."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from typing import cast
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.acceptance.command import Running
from tests.deadline import eventually

ANSWER_S = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    text: str
    kind: str

    @property
    def json(self) -> dict[str, object]:
        """The body."""
        return cast("dict[str, object]", json.loads(self.text))

    @property
    def processes(self) -> dict[int, dict[str, object]]:
        """The service's processes, by their ids."""
        found = cast("list[dict[str, object]]", self.json["processes"])
        return {cast("int", each["pid"]): each for each in found}

    @property
    def reasons(self) -> list[str]:
        """Why the service isn't ready."""
        return cast("list[str]", self.json["reasons"])


class HttpClient:
    """Asks one HTTP side; blocking calls, each in a thread."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.headers: dict[str, str] = {}

    @classmethod
    async def of(cls, running: Running) -> HttpClient:
        """Return one for a worker that was started with port 0."""
        found = re.search(r"HTTP on (http://[\w.:\[\]]+)", await running.until("HTTP on http://"))
        assert found
        return cls(found[1])

    async def get(self, path: str, method: str = "GET", host: str | None = None) -> Answer:
        """Return the answer, whatever its status."""
        return await asyncio.to_thread(
            self._get, path, method, {**self.headers, "Host": host} if host else self.headers
        )

    def _get(self, path: str, method: str, headers: dict[str, str]) -> Answer:
        request = Request(self.base + path, method=method, headers=headers)  # noqa: S310 - http:// and loopback
        try:
            with urlopen(request, timeout=ANSWER_S) as response:  # noqa: S310 - as above
                return Answer(response.status, response.read().decode(), response.headers["Content-Type"])
        except HTTPError as error:
            return Answer(error.code, error.read().decode(), error.headers["Content-Type"])

    async def until_ready(self) -> None:
        """Wait until the service says that it is ready."""

        async def ready() -> bool:
            return (await self.get("/health/ready")).status == 200

        await eventually(ready, "it is ready", 30)

    async def until_unready(self, reason: str) -> None:
        """Wait until it says that it isn't, for this reason."""

        async def unready() -> bool:
            answer = await self.get("/health/ready")
            return answer.status == 503 and any(reason in each for each in answer.reasons)

        await eventually(unready, f"it is not ready: {reason}", 30)
