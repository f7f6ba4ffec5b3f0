"""`HttpConnection`: one of a bounded number, of which the one that was silent for longest gives way to a new one."""

from __future__ import annotations

import asyncio
from typing import Final, cast

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

__all__ = ["MOST_CONNECTIONS", "HttpConnection"]

MOST_CONNECTIONS: Final = 200


class HttpConnection(H11Protocol):
    """Takes the place of the one that was silent for longest when there are too many.

    uvicorn waits without end for a first request, and its `limit_concurrency` counts each connection and closes
    none: with it alone, whoever opens that many and says nothing has every prober answered with a 503, and takes
    as many descriptors as there are.
    """

    silent_since: float = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in H11Protocol
        """Begin, in the place of another one where all are taken."""
        super().connection_made(transport)
        self.silent_since = self.loop.time()
        if len(self.connections) > MOST_CONNECTIONS:
            self._make_room()

    def on_response_complete(self) -> None:
        """Count its silence from here."""
        self.silent_since = self.loop.time()
        super().on_response_complete()

    def _make_room(self) -> None:
        others: list[HttpConnection] = [each for each in self.connections if isinstance(each, HttpConnection)]
        silent = [each for each in others if each is not self and each.is_silent]
        if silent:
            oldest = min(silent, key=lambda each: each.silent_since)
            self.connections.discard(oldest)  # now: the next one may come before it hears of its end
            oldest.transport.abort()

    @property
    def is_silent(self) -> bool:
        """Whether it is the other side's turn: to send a request or the rest of its body, or to read the answer."""
        # uvicorn declares it without the None that it is before the first request.
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is None or cycle.response_complete or cycle.more_body or self.flow.write_paused
