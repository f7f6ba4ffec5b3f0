"""Several worker processes as one service: ``midday-worker run --processes N``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from midday_worker.cli.http import open_http, serving
from midday_worker.cli.loading import load_jobs
from midday_worker.settings.settings import Settings
from midday_worker.workers.fleet import Fleet
from midday_worker.workers.member_process import MemberProcess
from midday_worker.workers.supervisor import Supervisor

_OPTIONS: Final = {
    "worker_queues": "--queues",
    "concurrency": "--concurrency",
    "drain_timeout": "--drain-timeout",
    "startup_timeout": "--startup-timeout",
}


def run_processes(imports: Sequence[str], options: Mapping[str, object], settings: Settings) -> bool:
    """Supervise the processes until a signal. Returns whether all have drained cleanly.

    Args:
        imports: packages that define jobs.
        options: those of the command line, by the names of settings; what the environment says the processes see.
        settings: the number of processes, the drain timeout, and the HTTP side, which is one for all.
    """
    side = open_http(settings)
    arguments = _arguments(imports, options, settings)

    async def work() -> bool:
        def make(index: int) -> MemberProcess:
            return MemberProcess(arguments, index, None if side is None else fleet.line(index))

        supervisor = Supervisor(settings.processes, make, drain_s=settings.drain_timeout / 1000)
        fleet = Fleet(settings.processes, settings.environment, lambda: supervisor.draining)
        if side is None:
            return await supervisor.run()
        async with fleet.watching(), serving(side, fleet, settings, lambda: load_jobs(imports, settings)):
            return await supervisor.run()

    return asyncio.run(work())


def _arguments(imports: Sequence[str], options: Mapping[str, object], settings: Settings) -> list[str]:
    arguments = [part for module in imports for part in ("--import", module)]
    arguments += ["--processes", str(settings.processes)]
    for name, option in _OPTIONS.items():
        if options.get(name) is not None:
            arguments += [option, str(options[name])]
    return [*arguments, "--no-schedules"] if options.get("schedules") is False else arguments
