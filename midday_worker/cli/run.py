"""``midday-worker run``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import typer

from midday_worker.cli.loading import load_jobs, settings_with
from midday_worker.logs import configure_logging
from midday_worker.registry import JobRegistry
from midday_worker.settings import Settings
from midday_worker.workers.plan import plan_from_settings
from midday_worker.workers.service import WorkerService


def run_worker(imports: Sequence[str], **options: object) -> None:
    """Run a worker until a signal. Exits with 0 after a clean drain, with 1 otherwise."""
    settings = settings_with(**options)
    configure_logging(settings)
    registry = load_jobs(imports, settings)
    if not run_service(registry, settings):
        raise typer.Exit(1)


def run_service(registry: JobRegistry, settings: Settings) -> bool:
    """Run the service on an event loop of its own, uvloop's where it can be had."""
    plan = plan_from_settings(registry, settings)

    async def work() -> bool:
        return await WorkerService(registry, plan, settings).run()

    try:
        import uvloop
    except ImportError:
        return asyncio.run(work())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work())
