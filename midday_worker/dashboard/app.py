"""`create_dashboard`: the dashboard as an application of its own, or to mount in another one."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

from loguru import logger
from starlette.applications import Starlette

from midday_worker.client.client import JobClient
from midday_worker.dashboard.board import Board
from midday_worker.dashboard.index import page_config
from midday_worker.dashboard.request_handler import RequestHandler
from midday_worker.dashboard.security.access import Authenticate, Login, only_from_here
from midday_worker.dashboard.security.gate import Gate
from midday_worker.dashboard.security.host import Hosts
from midday_worker.dashboard.security.token import TokenLogin, with_token
from midday_worker.dashboard.shown.redaction import Redact, Redaction
from midday_worker.definition.registry import JobRegistry, default_registry
from midday_worker.settings.settings import Settings

_AROUND_A_PAYLOAD: Final = 65_536
"""How much longer than a payload a request's body may be, in bytes: names and options."""


def create_dashboard(
    source: JobRegistry | Iterable[str] = default_registry,
    *,
    queues: Iterable[str] | None = None,
    auth: Authenticate | None = None,
    read_only: bool = False,
    redact: Redact | None = None,
    ui_config: Mapping[str, object] | None = None,
    allowed_hosts: Iterable[str] = (),
    client: JobClient | None = None,
    settings: Settings | None = None,
) -> Starlette:
    """Return the dashboard, a Starlette application.

    Without a login (`auth`, BOARD_USERNAME and BOARD_PASSWORD, or BOARD_TOKEN) it makes a token and writes it to
    standard error: who adds `?token=...` to its address gets in, and programs send it as `Authorization: Bearer`.

    Args:
        source: the jobs, whose queues are shown and whose payloads are checked; or just the queues' names.
        queues: the names of the queues that are shown, instead of all those of the jobs.
        auth: says who makes a request: "deny", "viewer", "admin", or an `Access` with a name for the log. It may be
            async. By default what the settings have as a login.
        read_only: whether nobody may change anything.
        redact: what is shown instead of a payload, a result, a progress, a failure, a line of a log; see `Shown`.
        ui_config: settings of bull-board's page: `boardTitle`, `miscLinks`, `theme`, `environment` ...
        allowed_hosts: the names that it is asked for by, besides localhost and BOARD_HOSTS: "admin.example.com". "*" is
            any.
        client: where the queues are. It stays open; one that is made here is closed when the application's own
            lifespan ends, which a mounted application has only if its host passes it on.
        settings: for the client that is made here, and the login; read from the environment if not given.

    Raises:
        ConfigurationError: of BOARD_USERNAME and BOARD_PASSWORD only one is set, or more than one login is.

    >>> app = create_dashboard(["emails"], auth=lambda request: "viewer", allowed_hosts=["admin.example.com"])
    """
    used = client or JobClient(settings)
    registry, names = (
        (source, queues) if isinstance(source, JobRegistry) else (JobRegistry(), [*source, *(queues or ())])
    )
    board = Board(used, registry, names, Redaction(redact), read_only=read_only, ui_config=page_config(ui_config or {}))
    gate = Gate(
        auth or _login(settings or used.settings),
        Hosts([*allowed_hosts, *(settings or used.settings).board_hosts]),
        read_only=read_only,
        largest=used.settings.max_payload_bytes + _AROUND_A_PAYLOAD,
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        yield
        if client is None:
            await used.close()

    app = Starlette(lifespan=lifespan)
    # Starlette's own routes see decoded paths only, and answer in plain text, which the page takes for success.
    app.router.redirect_slashes = False
    app.router.default = RequestHandler(board, gate)
    return app


def _login(settings: Settings) -> Authenticate:
    settings, query = with_token(settings)
    if query:
        # Written, not logged: logs are kept. Lost where standard error is closed, or nobody reads it any more.
        with suppress(OSError, AttributeError):
            sys.stderr.write(
                f"No login is configured for the dashboard: add {query} to its address. BOARD_TOKEN fixes the token, "
                "for several processes and over restarts.\n"
            )
    if settings.board_username is not None and settings.board_password is not None:
        return Login(settings.board_username, settings.board_password.get_secret_value())
    if settings.board_token is not None:
        return TokenLogin(settings.board_token.get_secret_value())
    logger.warning(
        "the dashboard has no login, as BOARD_LOGIN=none or --no-login asks for: whoever reaches it may act, every "
        "program and user of this machine, and whoever asks through a proxy on it that doesn't say so"
    )
    return only_from_here
