"""How uvicorn serves what this package answers over HTTP."""

from __future__ import annotations

from typing import Final, Literal

import uvicorn
from starlette.types import ASGIApp

from midday_worker.workers.http.connections import MOST_CONNECTIONS, HttpConnection

__all__ = ["END_S", "server_config"]

END_S: Final = 1
"""How long requests under way may take at the end."""


def server_config(app: ASGIApp, *, lifespan: Literal["auto", "off"]) -> uvicorn.Config:
    """Return the configuration that serves an application.

    Args:
        app: what answers.
        lifespan: whether it is told of the server's start and end.
    """
    return uvicorn.Config(
        app,
        http=HttpConnection,
        ws="none",
        lifespan=lifespan,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        # One more than may be answered: the next one comes beside them, and is told so.
        limit_concurrency=MOST_CONNECTIONS + 1,
        timeout_graceful_shutdown=END_S,
    )
