"""Somebody who follows a run by server-sent events, as a browser does, and may leave."""

from __future__ import annotations

import asyncio
import json
from types import TracebackType
from typing import Self, cast
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Scope

Event = tuple[str, dict[str, object]]


class Listener:
    """Listens to the tail of a run within `async with`, and leaves at its end.

    Args:
        app: the dashboard.
        queue: the run's queue.
        job_id: its id.
    """

    def __init__(self, app: ASGIApp, queue: str, job_id: str) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.text = ""
        self.events: list[Event] = []
        self._app = app
        self._path = f"/api/runs/{quote(queue, safe='')}/{quote(job_id, safe='')}/tail"
        self._left = asyncio.Event()
        self._news = asyncio.Condition()
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()
        await self.over()

    async def over(self) -> None:
        """Wait for the answer's end."""
        assert self._running is not None
        async with asyncio.timeout(10):
            await self._running

    async def until(self, kind: str, holding: str = "", within_s: float = 15) -> dict[str, object]:
        """Wait for an event of this kind, whose data hold a text; return its data."""

        def found() -> list[dict[str, object]]:
            return [data for name, data in self.events if name == kind and holding in json.dumps(data)]

        async with asyncio.timeout(within_s), self._news:
            await self._news.wait_for(found)
        return found()[0]

    @property
    def lines(self) -> list[str]:
        """The lines of the log that came."""
        return [line for kind, data in self.events if kind == "log" for line in cast("list[str]", data["lines"])]

    async def _run(self) -> None:
        scope: Scope = {
            **{"type": "http", "method": "GET", "path": self._path, "raw_path": self._path.encode(), "scheme": "http"},
            **{"query_string": b"", "headers": [(b"host", b"localhost")], "http_version": "1.1", "root_path": ""},
            **{"client": ("127.0.0.1", 5000), "server": ("127.0.0.1", 80)},
        }
        await self._app(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        async with self._news:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                self.text += message.get("body", b"").decode()
                self.events = [event for part in self.text.split("\n\n")[:-1] for event in _events(part)]
            self._news.notify_all()


def _events(part: str) -> list[Event]:
    fields = dict(line.split(": ", 1) for line in part.splitlines() if ": " in line and not line.startswith(":"))
    return [(fields["event"], json.loads(fields["data"]))] if "event" in fields else []
