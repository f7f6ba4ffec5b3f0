"""A proxy before Redis that makes the way longer: what passes is held back, never slowed down.

Everything that arrives is sent on a fixed time later, in order, however much is on its way. The event loop waits with
select(), whose time limit is in microseconds; epoll's is in whole milliseconds, as is uvloop's.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
from collections import deque
from typing import Final

READ_BYTES: Final = 1 << 18


class Pipe(asyncio.Protocol):
    """One side of a connection: sends on to the other side what it receives, `delay_s` later."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.other: Pipe | None = None
        self.transport: asyncio.Transport | None = None
        self._held: deque[tuple[float, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        transport.max_size = READ_BYTES  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue] - asyncio's selector transports have it
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Hold it back, then send it on."""
        loop = asyncio.get_running_loop()
        self._held.append((loop.time() + self.delay_s, data))
        if self._timer is None:
            self._timer = loop.call_at(self._held[0][0], self._send_due)

    def _send_due(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        due: list[bytes] = []
        while self._held and self._held[0][0] <= now:
            due.append(self._held.popleft()[1])
        if due and self.other is not None and self.other.transport is not None:
            self.other.transport.write(b"".join(due))
        self._timer = loop.call_at(self._held[0][0], self._send_due) if self._held else None

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other side too."""
        if self._timer is not None:
            self._timer.cancel()
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


class Entrance(Pipe):
    """The client's side, which opens the side towards Redis."""

    def __init__(self, delay_s: float, port: int) -> None:
        super().__init__(delay_s)
        self._port = port
        self._opening: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect to Redis before anything is read."""
        super().connection_made(transport)
        assert self.transport is not None
        self.transport.pause_reading()
        self._opening = asyncio.create_task(self._open(self.transport))

    async def _open(self, transport: asyncio.Transport) -> None:
        exit_ = Pipe(self.delay_s)
        exit_.other, self.other = self, exit_
        await asyncio.get_running_loop().create_connection(lambda: exit_, "127.0.0.1", self._port)
        transport.resume_reading()


async def main(redis_port: int, round_trip_ms: float) -> None:
    """Listen on a free port, say which, and forward until this process is stopped."""
    one_way_s = round_trip_ms / 2000
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Entrance(one_way_s, redis_port), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(main(int(sys.argv[1]), float(sys.argv[2])))
