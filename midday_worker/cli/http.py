"""The HTTP side, when it is asked for: its extra is imported, and its port bound, before anything else starts."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from midday_worker.definition.registry import JobRegistry
from midday_worker.errors import ConfigurationError
from midday_worker.settings.http_address import HttpAddress
from midday_worker.settings.settings import Settings
from midday_worker.workers.status import StatusSource

if TYPE_CHECKING:
    from midday_worker.workers.http.server import HttpSide


def open_http(settings: Settings) -> HttpSide | None:
    """Return the HTTP side, which listens already; None unless the settings ask for one.

    Raises:
        ConfigurationError: an extra isn't installed, it can't listen there, or the dashboard that it shall have can't
            be served there.
    """
    if settings.http is None:
        if settings.admin:
            raise ConfigurationError(
                "--admin (or WORKER_ADMIN) puts the dashboard on the HTTP side, which isn't asked for: "
                "add --http 127.0.0.1:8080, or set WORKER_HTTP."
            )
        return None
    address = HttpAddress.parse(settings.http)
    try:
        from midday_worker.workers.http.listener import listen
        from midday_worker.workers.http.server import HttpSide
    except ImportError as error:
        raise ConfigurationError(
            f"The HTTP side (--http or WORKER_HTTP) needs packages that aren't installed ({error}): "
            "pip install 'midday-worker[http]'"
        ) from error
    if settings.admin:
        from midday_worker.cli.mounted_dashboard import check_dashboard

        check_dashboard(settings, address.host)
    return HttpSide(listen(address))


@asynccontextmanager
async def serving(
    side: HttpSide | None, source: StatusSource, settings: Settings, jobs: Callable[[], JobRegistry]
) -> AsyncGenerator[None]:
    """Answer within the block, if there is an HTTP side.

    Args:
        side: what `open_http` returned.
        source: who knows how the service is.
        settings: whether it has the dashboard too.
        jobs: returns the jobs that the dashboard shows.
    """
    if side is None:
        yield
    elif not settings.admin:
        async with side.serving(source):
            yield
    else:
        from midday_worker.cli.mounted_dashboard import mounted_dashboard

        async with mounted_dashboard(jobs(), settings, side.address) as around, side.serving(source, around):
            yield
