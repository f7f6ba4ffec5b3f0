"""`RedisProxy`: a TCP proxy in front of Redis, and those that lose, hold back, swallow, cut, or change certificates."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from midday_worker.testing import RedisServer

_AT_ONCE: Final = 1 << 20
"""How much is read at once, in bytes."""


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """One client's connection and the one to Redis."""

    from_client: asyncio.StreamReader
    to_client: asyncio.StreamWriter
    from_redis: asyncio.StreamReader
    to_redis: asyncio.StreamWriter


class RedisProxy:
    """Forwards to a Redis within `async with`, whether or not the Redis is there just now.

    Args:
        server: the Redis.
        tls: what clients are greeted with; they come without TLS if it is None.

    Attributes:
        links: the connections.
    """

    def __init__(self, server: RedisServer, tls: ssl.SSLContext | None = None) -> None:
        self._server = server
        self._tls = tls
        self.links: set[Link] = set()
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._listener is not None
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return f"redis://127.0.0.1:{self.port}"

    async def request(self, link: Link, data: bytes) -> bytes | None:
        """Return what to pass on of what a client has sent; None ends the connection."""
        return data

    async def reply(self, link: Link, data: bytes) -> bytes | None:
        """Return what to pass on of what Redis has sent; None ends the connection."""
        return data

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._listener is not None
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        writers = [writer]
        try:
            from_redis, to_redis = await asyncio.open_connection(self._server.host, self._server.port)
            writers.append(to_redis)
            await self._forward(Link(reader, writer, from_redis, to_redis))
        except (OSError, asyncio.CancelledError):
            return  # Redis isn't there, or it is the end: asyncio would write that down as the connection's error
        finally:
            for each in writers:
                each.close()
            self._tasks.discard(task)

    async def _forward(self, link: Link) -> None:
        both = {
            asyncio.create_task(_copy(link, link.from_client, link.to_redis, self.request)),
            asyncio.create_task(_copy(link, link.from_redis, link.to_client, self.reply)),
        }
        self.links.add(link)
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.links.discard(link)
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)


async def _copy(
    link: Link,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    passed_on: Callable[[Link, bytes], Awaitable[bytes | None]],
) -> None:
    while data := await reader.read(_AT_ONCE):
        passed = await passed_on(link, data)
        if passed is None:
            return
        writer.write(passed)
        await writer.drain()


class LossyProxy(RedisProxy):
    """Loses replies: what was sent arrives, and the connection breaks.

    Args:
        server: the Redis.
        victim: a request that holds these bytes reaches Redis, and its reply is lost.
        losses: how many replies are lost.
    """

    def __init__(self, server: RedisServer, victim: bytes, losses: int = 1) -> None:
        super().__init__(server)
        self._victim = victim
        self._losing: set[Link] = set()
        self.losses = losses

    async def request(self, link: Link, data: bytes) -> bytes | None:
        """Look for the victim."""
        if self._victim in data and self.losses > 0:
            self.losses -= 1
            self._losing.add(link)
        return data

    async def reply(self, link: Link, data: bytes) -> bytes | None:
        """Lose the victim's: Redis has done it by then."""
        return None if link in self._losing else data


class SlowProxy(RedisProxy):
    """Holds replies back.

    Args:
        server: the Redis.
        victim: from the first request on that holds these bytes, its connection hears nothing until `release` is set.
    """

    def __init__(self, server: RedisServer, victim: bytes) -> None:
        super().__init__(server)
        self._victim = victim
        self._held: set[Link] = set()
        self.release = asyncio.Event()

    async def request(self, link: Link, data: bytes) -> bytes | None:
        """Look for the victim."""
        if self._victim in data:
            self._held.add(link)
        return data

    async def reply(self, link: Link, data: bytes) -> bytes | None:
        """Wait until it may be heard."""
        if link in self._held:
            await self.release.wait()
        return data


class BlackHole(RedisProxy):
    """Forwards until `swallow`, and again after `forward`: connections stay, and nothing gets through meanwhile."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__(server)
        self.slow_s = 0.0
        """How long each piece of data is held up."""
        self._open = True

    def swallow(self) -> None:
        """Pass nothing on from now on; what comes is lost."""
        self._open = False

    def forward(self) -> None:
        """Pass everything on again."""
        self._open = True

    async def request(self, link: Link, data: bytes) -> bytes | None:
        """Pass on what isn't swallowed."""
        if self.slow_s:
            await asyncio.sleep(self.slow_s)
        return data if self._open else b""

    async def reply(self, link: Link, data: bytes) -> bytes | None:
        """Pass on what isn't swallowed."""
        return await self.request(link, data)


class CuttingProxy(RedisProxy):
    """Cuts connections in the middle of a reply, when it is asked to.

    Attributes:
        cuts: how many connections have been cut.
    """

    def __init__(self, server: RedisServer) -> None:
        super().__init__(server)
        self._to_cut = 0
        self.cuts = 0

    def cut(self, replies: int) -> None:
        """Pass on only the first half of so many of the next replies, and end their connections."""
        self._to_cut += replies

    async def reply(self, link: Link, data: bytes) -> bytes | None:
        """Pass it on, or half of it."""
        if not self._to_cut or len(data) < 2:
            return data
        self._to_cut -= 1
        self.cuts += 1
        link.to_client.write(data[: len(data) // 2])
        return None


class TlsProxy(RedisProxy):
    """Forwards what comes by TLS, and can change its certificate while it runs.

    Args:
        server: the Redis.
        certificate: the PEM files of the certificate and its key.
        clients: the PEM file of those who may sign clients' certificates; without it, none is asked for.

    Attributes:
        handshakes: how many were begun.
    """

    def __init__(self, server: RedisServer, certificate: tuple[Path, Path], clients: Path | None = None) -> None:
        context = _context(certificate)
        if clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(clients)
        context.sni_callback = self._greet
        super().__init__(server, context)
        self._shown = context
        self.handshakes = 0

    @property
    def url(self) -> str:
        """Where clients connect to, by the host's name."""
        return f"rediss://localhost:{self.port}"

    def show(self, certificate: tuple[Path, Path]) -> None:
        """Show this certificate from now on, and cut those who are connected."""
        self._shown = _context(certificate)
        for link in self.links:
            link.to_client.transport.abort()

    def _greet(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        self.handshakes += 1
        connection.context = self._shown


def _context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context
