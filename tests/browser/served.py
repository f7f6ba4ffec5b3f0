"""`Served`: an application on a free port of this machine, as a browser reaches it."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Protocol, Self

import uvicorn
from starlette.types import ASGIApp

STOP_S = 10


class Served:
    """Serves an application within `with`, in a thread with an event loop of its own.

    Args:
        app: the application.
        host: the name that the browser asks by; each is another origin.
        prefix: where the application is below the host.
    """

    def __init__(self, app: ASGIApp, host: str = "127.0.0.1", prefix: str = "") -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://{host}:{self._listener.getsockname()[1]}"
        self.url = f"{self.origin}{prefix}/"
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                log_config=None,
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(STOP_S)
        self._listener.close()
        assert not self._thread.is_alive(), f"the server on {self.url} doesn't stop"


class Serve(Protocol):
    """Serves an application until the test's end."""

    def __call__(self, app: ASGIApp, *, host: str = "127.0.0.1", prefix: str = "") -> Served: ...
