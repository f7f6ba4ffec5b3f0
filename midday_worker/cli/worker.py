"""One worker process: ``midday-worker run``, or one of its processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager

from midday_worker.cli.http import open_http, serving
from midday_worker.cli.loading import load_jobs
from midday_worker.settings.settings import Settings
from midday_worker.workers.event_loop import run_to_end
from midday_worker.workers.exit_deadline import ExitDeadline
from midday_worker.workers.member import Member
from midday_worker.workers.monitor import Monitor
from midday_worker.workers.plan import plan_from_settings
from midday_worker.workers.service import WorkerService
from midday_worker.workers.status_channel import answer


def run_one(imports: Sequence[str], member: Member | None, settings: Settings) -> bool:
    """Run on an event loop of its own, uvloop's where it can be had. Returns whether it has drained cleanly.

    Args:
        imports: packages that define jobs.
        member: its place, for one that a supervisor has started.
        settings: all others; a member has no HTTP side of its own.
    """
    side = open_http(settings) if member is None else None
    registry = load_jobs(imports, settings)
    plan = plan_from_settings(registry, settings)

    deadline = ExitDeadline()

    async def work() -> bool:
        if side is None and (member is None or member.status_fd is None):  # nobody would ask
            return await WorkerService(registry, plan, settings, member, exit_deadline=deadline).run()
        monitor = Monitor(registry, plan, settings, member.index if member else 1)
        async with serving(side, monitor, settings, lambda: registry), _answering(member, monitor):
            return await WorkerService(registry, plan, settings, member, monitor, deadline).run()

    return run_to_end(work(), _loop_factory(), deadline)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


@asynccontextmanager
async def _answering(member: Member | None, monitor: Monitor) -> AsyncGenerator[None]:
    """Answer the supervisor within the block, if it asks."""
    if member is None or member.status_fd is None:
        yield
        return
    answering = asyncio.create_task(answer(member.status_fd, monitor.reply))
    try:
        yield
    finally:
        answering.cancel()
        await asyncio.wait({answering})
