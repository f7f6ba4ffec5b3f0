"""The jobs that the soak's workers run: they note their starts and ends in the ledger."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

from midday_worker import JobContext, Payload, job
from tests.soak.heartbeat import start_heartbeat
from tests.soak.ledger import Ledger

PREFIX: Final = "{soak}"
QUEUE: Final = "soak"
TICKS: Final = "soak-ticks"
"""The schedules' own queue: their runs wait behind no others after an outage."""


class Work(Payload):
    """How long a run takes, and how many attempts fail."""

    milliseconds: int
    failures: int = 0


class Deliberate(Exception):
    """An attempt that was to fail."""


@job("work", queue=QUEUE, attempts=5, backoff=50, remove_on_complete=False)
async def work(data: Work, ctx: JobContext) -> int:
    """Take the time that the payload says."""
    ledger, pid, job_id = _ledger(), os.getpid(), ctx.job.id
    ledger.note("started", pid=pid, job=job_id)
    await asyncio.sleep(data.milliseconds / 1000)
    if ctx.job.attemptsMade < data.failures:
        ledger.note("raised", pid=pid, job=job_id)
        raise Deliberate
    ledger.note("done", pid=pid, job=job_id)
    return pid


@job("tick", queue=TICKS, attempts=5, remove_on_complete=True)
async def tick(data: int, ctx: JobContext) -> None:
    """Be a run of a schedule."""
    ledger, pid, job_id = _ledger(), os.getpid(), ctx.job.id
    ledger.note("started", pid=pid, job=job_id)
    await asyncio.sleep(data / 1000)
    ledger.note("done", pid=pid, job=job_id)


_opened: Final[list[Ledger]] = []


def _ledger() -> Ledger:
    if not _opened:
        _opened.append(Ledger(Path(os.environ["SOAK_LEDGER"]) / f"worker-{os.getpid()}.jsonl"))
    return _opened[0]


def watch_this_worker() -> None:
    """Note that this worker has loaded its jobs, and from now on when it isn't scheduled."""
    _ledger().note("up", pid=os.getpid())
    start_heartbeat(_ledger(), os.getpid())
