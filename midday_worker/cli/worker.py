"""One worker process: ``midday-worker run``, or one of its processes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from midday_worker.cli.loading import load_jobs
from midday_worker.settings import Settings
from midday_worker.workers.member import Member
from midday_worker.workers.plan import plan_from_settings
from midday_worker.workers.service import WorkerService


def run_one(imports: Sequence[str], place: tuple[int, int] | None, settings: Settings) -> bool:
    """Run on an event loop of its own, uvloop's where it can be had. Returns whether it has drained cleanly."""
    member = None if place is None else Member(index=place[0], count=settings.processes, ready_fd=place[1])
    registry = load_jobs(imports, settings)
    plan = plan_from_settings(registry, settings)

    async def work() -> bool:
        return await WorkerService(registry, plan, settings, member).run()

    try:
        import uvloop
    except ImportError:
        return asyncio.run(work())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work())
