"""A proxy that puts TLS in front of a Redis, and can change its certificate while it runs."""

from __future__ import annotations

import ssl
from pathlib import Path

from midday_worker.testing import RedisServer
from tests.redis_proxy import Link, RedisProxy


class TlsProxy(RedisProxy):
    """Forwards what comes by TLS.

    Args:
        server: the Redis.
        certificate: the PEM files of the certificate and its key.

    Attributes:
        handshakes: how many were begun.
    """

    def __init__(self, server: RedisServer, certificate: tuple[Path, Path]) -> None:
        context = _context(certificate)
        context.sni_callback = self._greet
        super().__init__(server, context)
        self._shown = context
        self._links: set[Link] = set()
        self.handshakes = 0

    @property
    def url(self) -> str:
        """Where clients connect to, by the host's name."""
        return f"rediss://localhost:{self.port}"

    def show(self, certificate: tuple[Path, Path]) -> None:
        """Show this certificate from now on, and cut those who are connected."""
        self._shown = _context(certificate)
        for link in self._links:
            link.to_client.transport.abort()

    async def requests(self, link: Link) -> None:
        """Pass on what a client sends, which is connected meanwhile."""
        self._links.add(link)
        try:
            await super().requests(link)
        finally:
            self._links.discard(link)

    def _greet(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        self.handshakes += 1
        connection.context = self._shown


def _context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context
