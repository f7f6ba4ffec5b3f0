"""The dashboard at ``/admin`` of the worker's HTTP side."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final

from starlette.types import ASGIApp

from midday_worker.cli.output import remark
from midday_worker.client.client import JobClient
from midday_worker.dashboard import create_dashboard
from midday_worker.dashboard.assets_folder import load_assets
from midday_worker.dashboard.prefixed_app import PrefixedApp
from midday_worker.dashboard.security.access import refuse_strangers
from midday_worker.dashboard.security.token import with_token
from midday_worker.definition.registry import JobRegistry
from midday_worker.settings.http_address import HttpAddress
from midday_worker.settings.settings import Settings

PREFIX: Final = "/admin"


def check_dashboard(settings: Settings, host: str) -> None:
    """Refuse what can't be served, before anything starts.

    Raises:
        ConfigurationError: the page's files are missing, other machines would reach it at `host` without a login, or
            what is configured of one contradicts itself.
    """
    load_assets()
    refuse_strangers(host, settings)


@asynccontextmanager
async def mounted_dashboard(
    registry: JobRegistry, settings: Settings, address: HttpAddress
) -> AsyncGenerator[Callable[[ASGIApp], ASGIApp]]:
    """Yield what puts the dashboard of a registry's queues beside an application, which listens there."""
    settings, query = with_token(settings)
    if query:
        # Written, not logged: logs are kept.
        remark(f"The dashboard is on http://{address}{PREFIX}/{query}")
    # Not entered with `async with`: on this loop the worker's own client is the one that jobs use.
    client = JobClient(settings)
    try:
        dashboard = create_dashboard(registry, client=client, settings=settings)
        yield lambda app: PrefixedApp(PREFIX, dashboard, otherwise=app)
    finally:
        await client.close()
