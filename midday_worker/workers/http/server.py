"""`HttpSide`: serves the HTTP side on the event loop of the worker, or of the supervisor."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from loguru import logger
from starlette.types import ASGIApp

from midday_worker.settings.http_address import HttpAddress
from midday_worker.workers.http.app import create_app
from midday_worker.workers.http.configuration import END_S, server_config
from midday_worker.workers.http.listener import listening_on
from midday_worker.workers.http.own_name import OwnName, is_loopback
from midday_worker.workers.status import StatusSource


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves signals to the worker."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield


class HttpSide:
    """The HTTP side on a socket that listens already.

    Args:
        listener: the socket; closed at the end.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener

    @property
    def address(self) -> HttpAddress:
        """Where it listens."""
        return listening_on(self._listener)

    @asynccontextmanager
    async def serving(
        self, source: StatusSource, around: Callable[[ASGIApp], ASGIApp] | None = None
    ) -> AsyncGenerator[None]:
        """Answer requests within the block.

        Args:
            source: who knows how the service is.
            around: returns what answers instead of its application, such as that with a dashboard beside it.
        """
        app: ASGIApp = create_app(source)
        if is_loopback(self.address.host):
            app = OwnName(app)
        server = _Server(server_config(app if around is None else around(app), lifespan="off"))
        logger.info("HTTP on http://{address}", address=self.address)
        running = asyncio.create_task(server.serve([self._listener]), name="http")
        running.add_done_callback(_say_if_broken)
        try:
            yield
        finally:
            server.should_exit = True
            await asyncio.wait({running}, timeout=2 * END_S)
            running.cancel()


def _say_if_broken(task: asyncio.Task[None]) -> None:
    # The jobs go on without it; a liveness check that gets no answer has this process replaced.
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.opt(exception=error).critical("the HTTP side broke")
