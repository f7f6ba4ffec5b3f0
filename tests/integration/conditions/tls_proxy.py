"""A TCP proxy that puts TLS in front of a Redis, and can change its certificate while it runs."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from midday_worker.testing import RedisServer


class TlsProxy:
    """Forwards to a Redis within `async with`.

    Args:
        server: the Redis.
        certificate: the PEM files of the certificate and its key.

    Attributes:
        handshakes: how many were begun.
    """

    def __init__(self, server: RedisServer, certificate: tuple[Path, Path]) -> None:
        self._server = server
        self._context = _context(certificate)
        self._context.sni_callback = self._greet
        self._shown = self._context
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.handshakes = 0

    @property
    def url(self) -> str:
        """Where clients connect to, by the host's name."""
        assert self._listener is not None
        port: int = self._listener.sockets[0].getsockname()[1]
        return f"rediss://localhost:{port}"

    def show(self, certificate: tuple[Path, Path]) -> None:
        """Show this certificate from now on, and cut those who are connected."""
        self._shown = _context(certificate)
        for writer in self._writers:
            writer.transport.abort()

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._listener is not None
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _greet(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        self.handshakes += 1
        connection.context = self._shown

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        from_redis, to_redis = await asyncio.open_connection(self._server.host, self._server.port)
        try:
            await asyncio.gather(_copy(reader, to_redis), _copy(from_redis, writer))
        finally:
            self._writers.discard(writer)
            to_redis.close()
            writer.close()


def _context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()
