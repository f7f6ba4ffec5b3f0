"""``midday-worker dashboard``: the web dashboard on an address of its own."""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import typer

from midday_worker.cli.loading import load_jobs, settings_with
from midday_worker.cli.output import OutputError, say
from midday_worker.definition.registry import JobRegistry
from midday_worker.errors import ConfigurationError
from midday_worker.settings.http_address import HttpAddress
from midday_worker.settings.logs import configure_logging
from midday_worker.settings.settings import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp
from midday_worker.cli.failure import one_line_errors
from midday_worker.cli.loading import Imports, NoLogin
from midday_worker.cli.values import path_prefix, whole_number

app: Final = typer.Typer(add_completion=False)


@app.command()
@one_line_errors
def dashboard(
    imports: Imports = None,
    host: Annotated[str, typer.Option(help="Where it listens. Beyond this machine it needs a login.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(parser=whole_number("--port", 0, 65_535), metavar="N", help="0 is any free one.")
    ] = 3000,
    prefix: Annotated[str, typer.Option(parser=path_prefix, metavar="PATH", help="The path that it is below.")] = "",
    queues: Annotated[
        str | None, typer.Option("--queues", "-q", help="Show only these queues, separated by commas.")
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Let nobody change anything.")] = False,
    no_login: NoLogin = False,
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    allowed_hosts: Annotated[
        list[str] | None,
        typer.Option(
            "--allowed-host", metavar="NAME", help="A name it is asked for by, such as a proxy's. Repeatable."
        ),
    ] = None,
) -> None:
    """Serve the web dashboard."""
    options = DashboardOptions(
        host=host,
        port=port,
        prefix=prefix,
        queues=queues,
        read_only=read_only,
        no_login=no_login,
        open_browser=open_,
        allowed_hosts=allowed_hosts or [],
    )
    serve_dashboard(imports or [], options)


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardOptions:
    """What the command line says about the dashboard."""

    host: str
    port: int
    prefix: str
    queues: str | None
    read_only: bool
    no_login: bool
    open_browser: bool
    allowed_hosts: Sequence[str]


def serve_dashboard(imports: Sequence[str], options: DashboardOptions) -> None:
    """Serve the dashboard until a signal.

    Raises:
        ConfigurationError: the extra or the page's files are missing, there is no queue, it can't listen there, or
            other machines would reach it without a login.
    """
    settings = settings_with(board_login="none" if options.no_login else None)
    configure_logging(settings)
    try:
        import uvicorn

        from midday_worker.dashboard.assets_folder import load_assets
        from midday_worker.dashboard.security.access import refuse_strangers
        from midday_worker.dashboard.security.token import with_token
        from midday_worker.workers.http.configuration import server_config
        from midday_worker.workers.http.listener import listen, listening_on
    except ImportError as error:
        raise ConfigurationError(
            f"The dashboard needs packages that aren't installed ({error}): pip install 'midday-worker[dashboard]'"
        ) from error
    load_assets()
    refuse_strangers(options.host, settings)
    settings, query = with_token(settings)
    app = _app(load_jobs(imports, settings), settings, options)
    listener = listen(HttpAddress(options.host, options.port), who="The dashboard", origin="--host and --port")
    url = f"http://{listening_on(listener)}{options.prefix}/{query}"
    with suppress(OutputError):  # it serves all the same
        say(f"The dashboard is on {url}")
    if options.open_browser:
        # Aside: one in a terminal lasts until it is closed, and the page isn't served before what follows.
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    config = server_config(app, lifespan="auto")
    uvicorn.Server(config).run(sockets=[listener])


def _app(registry: JobRegistry, settings: Settings, options: DashboardOptions) -> ASGIApp:
    from midday_worker.dashboard import create_dashboard
    from midday_worker.dashboard.prefixed_app import PrefixedApp

    names = [name.strip() for name in (options.queues or "").split(",") if name.strip()]
    if not names and not len(registry):
        raise ConfigurationError(
            "There is no queue to show. Name the package that defines your jobs (--import, or WORKER_IMPORTS), "
            "or the queues: --queues emails,reports."
        )
    dashboard = create_dashboard(
        registry,
        queues=names or None,
        read_only=options.read_only,
        allowed_hosts=[*options.allowed_hosts, options.host],
        settings=settings,
    )
    return PrefixedApp(options.prefix, dashboard) if options.prefix else dashboard
