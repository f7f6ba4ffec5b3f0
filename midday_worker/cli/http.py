"""The HTTP side, when it is asked for: its extra is imported, and its port bound, before anything else starts."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING

from midday_worker.errors import ConfigurationError
from midday_worker.http_address import HttpAddress
from midday_worker.settings import Settings
from midday_worker.workers.status import StatusSource

if TYPE_CHECKING:
    from midday_worker.workers.http.server import HttpSide


def open_http(settings: Settings) -> HttpSide | None:
    """Return the HTTP side, which listens already; None unless the settings ask for one.

    Raises:
        ConfigurationError: its extra isn't installed, or it can't listen there.
    """
    if settings.http is None:
        return None
    try:
        from midday_worker.workers.http.listener import listen
        from midday_worker.workers.http.server import HttpSide
    except ImportError as error:
        raise ConfigurationError(
            f"The HTTP side (--http or WORKER_HTTP) needs packages that aren't installed ({error}): "
            "pip install 'midday-worker[http]'"
        ) from error
    return HttpSide(listen(HttpAddress.parse(settings.http)))


def serving(side: HttpSide | None, source: StatusSource) -> AbstractAsyncContextManager[None]:
    """Return a block within which the HTTP side, if there is one, answers from `source`."""
    return nullcontext() if side is None else side.serving(source)
