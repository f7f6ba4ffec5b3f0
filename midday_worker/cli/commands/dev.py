"""``midday-worker dev``."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

import typer

from midday_worker.cli.failure import one_line_errors
from midday_worker.cli.loading import Imports, settings_with
from midday_worker.cli.output import remark
from midday_worker.cli.source_files import watch
from midday_worker.cli.values import whole_number
from midday_worker.embedded import EmbeddedRedis, make_private
from midday_worker.errors import ConfigurationError
from midday_worker.processes.worker_child import WorkerChild
from midday_worker.settings.http_address import HttpAddress
from midday_worker.settings.platform import refuse_windows
from midday_worker.settings.settings import Settings, redact_url

app: Final = typer.Typer(add_completion=False)

DATA: Final = Path(".midday")


@app.command()
@one_line_errors
def dev(
    imports: Imports = None,
    reload: Annotated[bool, typer.Option(help="Start again when a source file changes.")] = True,
    port: Annotated[
        int | None,
        typer.Option(
            parser=whole_number("--port", 1, 65_535),
            metavar="N",
            help="Where its Redis listens, on 127.0.0.1. [default: where it did last]",
        ),
    ] = None,
) -> None:
    """Run jobs on an embedded Redis and SQLite, and start again when a source file changes."""
    run_dev(imports or [], reload=reload, port=port)


def run_dev(imports: Sequence[str], *, reload: bool, port: int | None = None) -> None:
    """Run a worker on embedded servers until Ctrl-C. Exits with 1 unless its running jobs could finish."""
    refuse_windows("A worker")
    settings = settings_with()
    if not imports and not settings.worker_imports:
        raise ConfigurationError(
            "There is nothing to run. Name the package that defines your jobs, for example "
            "--import my_service.jobs, or set WORKER_IMPORTS."
        )
    here = Path.cwd().resolve()
    with ExitStack() as servers:
        variables = _redis(settings, here, port, servers) | _database(settings, here) | _dashboard(settings)
        root = here if reload and _can_watch() else None
        arguments = [part for module in imports for part in ("--import", module)]
        if not asyncio.run(DevSession(arguments, variables, root).run()):
            raise typer.Exit(1)


def _redis(settings: Settings, here: Path, port: int | None, servers: ExitStack) -> dict[str, str]:
    if "redis_url" in settings.model_fields_set:
        if port is not None:
            raise ConfigurationError("--port is for the embedded Redis, and REDIS_URL names another one: unset one.")
        _say(f"Redis: {redact_url(settings.redis_url.get_secret_value())}, as REDIS_URL says; nothing is embedded")
        return {}
    make_private(here / DATA)
    redis = servers.enter_context(EmbeddedRedis(here / DATA / "redis", appendonly=True, port=port))
    if port is None and redis.last_port not in (None, redis.port):
        _say(f"Redis: port {redis.last_port}, its last one, is taken now; where its URL is noted, write the new one")
    _say(f"Redis: embedded, its data in {DATA / 'redis'}. To trigger jobs from another terminal:")
    _say(f"  export REDIS_URL={redis.url}")
    return {"REDIS_URL": redis.url}


def _database(settings: Settings, here: Path) -> dict[str, str]:
    if settings.database_primary_url is not None:
        url = redact_url(settings.database_primary_url.get_secret_value())
        _say(f"Database: {url}, as DATABASE_PRIMARY_URL says")
        return {}
    make_private(here / DATA)
    url = f"sqlite:///{here / DATA / 'dev.db'}"
    _say(f"Database: SQLite, {DATA / 'dev.db'}. To look at it, or ask for health, from another terminal:")
    _say(f"  export DATABASE_PRIMARY_URL={url}")
    return {"DATABASE_PRIMARY_URL": url}


def _dashboard(settings: Settings) -> dict[str, str]:
    """Fix the token of the worker's dashboard, if it has one: a browser stays in when the worker starts again."""
    if not settings.admin or settings.http is None or find_spec("starlette") is None:
        return {}  # where something is missing, the worker says so
    from midday_worker.dashboard.security.access import refuse_strangers
    from midday_worker.dashboard.security.token import with_token

    refuse_strangers(HttpAddress.parse(settings.http).host, settings)
    settings, query = with_token(settings)
    if not query or settings.board_token is None:
        return {}
    _say(f"Dashboard: http://{settings.http}/admin/{query}")
    return {"BOARD_TOKEN": settings.board_token.get_secret_value()}


def _can_watch() -> bool:
    if find_spec("watchfiles") is not None:
        return True
    _say("Reload: off, because watchfiles isn't installed; pip install 'midday-worker[reload]'")
    return False


class DevSession:
    """A worker that is started again whenever a source file changes, until SIGINT or SIGTERM.

    Args:
        arguments: those of ``midday-worker run``.
        variables: the worker's environment beside this process's.
        root: where the source is, resolved; None to watch nothing.
    """

    def __init__(self, arguments: Sequence[str], variables: Mapping[str, str], root: Path | None) -> None:
        self._arguments = arguments
        self._variables = variables
        self._root = root
        self._stop = asyncio.Event()
        self._changed = asyncio.Event()
        self._child: WorkerChild | None = None

    async def run(self) -> bool:
        """Work until told to stop. Returns whether the last worker ended well."""
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal)
        watching = None if self._root is None else asyncio.create_task(self._watch(self._root))
        try:
            return await self._work()
        finally:
            if watching is not None:
                watching.cancel()
                await asyncio.wait([watching])

    async def _work(self) -> bool:
        while True:
            self._changed.clear()
            code = await self._run_worker()
            if self._stop.is_set():
                # SIGTERM ends a worker that was still starting.
                return code in (0, -signal.SIGTERM)
            if not self._changed.is_set():
                if self._root is None:
                    return code == 0
                _say("The worker has ended; it starts again when a source file changes.")
                await self._event()
                if self._stop.is_set():
                    return True

    async def _run_worker(self) -> int:
        self._child = WorkerChild(self._arguments, self._variables)
        await self._child.start()
        ended = asyncio.create_task(self._child.wait())
        event = asyncio.create_task(self._event())
        await asyncio.wait([ended, event], return_when=asyncio.FIRST_COMPLETED)
        event.cancel()
        if not ended.done():
            self._child.ask_to_stop()
        return await ended

    async def _event(self) -> None:
        """Return at a signal or a change."""
        events = [asyncio.create_task(event.wait()) for event in (self._stop, self._changed)]
        try:
            await asyncio.wait(events, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in events:
                task.cancel()

    async def _watch(self, root: Path) -> None:
        try:
            await watch(root, self._on_change)
        except OSError as error:  # too many files to watch, for one
            _say(f"Reload: off; the source files can't be watched: {error}")

    def _on_signal(self) -> None:
        if not self._stop.is_set():
            self._stop.set()
            _say("Stopping; running jobs may finish. Once more to not wait for them.")
        elif self._child is not None:
            self._child.ask_to_stop()

    def _on_change(self, path: Path) -> None:
        if not self._stop.is_set():
            self._changed.set()
            _say(f"Reload: {path.relative_to(self._root or path.anchor)} has changed")


def _say(text: str) -> None:
    remark(text, typer.colors.CYAN)
