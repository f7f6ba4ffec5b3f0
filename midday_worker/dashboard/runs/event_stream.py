"""`EventStream`: an answer of server-sent events, which ends with whoever reads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from midday_worker.dashboard.error_response import Problem
from midday_worker.engine.job.interruption import end_all

MOST: Final = 50
"""How many runs of a dashboard may be followed at once."""


class Streams:
    """Counts the streams that are open."""

    def __init__(self) -> None:
        self.open = 0

    def check(self) -> None:
        """Raise Problem if no further one may be opened."""
        if self.open >= MOST:
            message = f"{MOST} runs are being followed already; close one of the pages that do, or reload later."
            raise Problem(503, "ERRORS.INTERNAL_SERVER_ERROR", message, code="TOO_MANY_STREAMS")


class EventStream(Response):
    """Sends texts as they come.

    Args:
        streams: what counts it, and refuses it if there are too many.
        texts: the events, as they are sent; closed with the answer.
    """

    media_type = "text/event-stream"

    def __init__(self, streams: Streams, texts: AsyncGenerator[str]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        # It isn't known how long it will be.
        del self.headers["content-length"]
        self._streams = streams
        self._texts = texts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        self._streams.open += 1
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._streams.open -= 1
            has_broken = sending.done() and sending.exception() is not None
            await end_all((sending, leaving))
            await self._texts.aclose()
        if has_broken:
            await sending  # its error is for the server's log

    async def _send(self, send: Send) -> None:
        async for text in self._texts:
            await send({"type": "http.response.body", "body": text.encode(errors="replace"), "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
