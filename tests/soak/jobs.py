"""The jobs that the soak's workers run: they note their starts and ends in the ledger."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Final

from midday_worker import AttemptCall, AttemptNext, Depends, JobContext, Payload, PerKey, every, job, queue
from tests.soak.heartbeat import start_heartbeat
from tests.soak.ledger import Ledger

PREFIX: Final = "{soak}"
QUEUE: Final = "soak"
TICKS: Final = "soak-ticks"
"""The schedules' own queue: their runs wait behind no others after an outage."""


queue(QUEUE, limits=[PerKey("team", concurrency=1)])


class Work(Payload):
    """How long a run takes, how many attempts fail, and whose it is."""

    milliseconds: int
    failures: int = 0
    team: str | None = None


class Deliberate(Exception):
    """An attempt that was to fail."""


async def held_ledger() -> AsyncIterator[Ledger]:
    """Hold a ledger as long as the worker lives."""
    ledger = Ledger(Path(os.environ["SOAK_LEDGER"]) / f"worker-{os.getpid()}-held.jsonl")
    yield ledger
    ledger.close()


@job("work", queue=QUEUE, attempts=5, backoff=50, remove_on_complete=False, version=2)
async def work(data: Work, ctx: JobContext, ledger: Annotated[Ledger, Depends(held_ledger, scope="worker")]) -> int:
    """Take the time that the payload says."""
    ledger.note("started", pid=os.getpid(), job=ctx.job.id, detail=data.team or "")
    await asyncio.sleep(data.milliseconds / 1000)
    return os.getpid()


@work.upcast(from_version=1)
def _(old: dict[str, object]) -> dict[str, object]:
    return {**old, "milliseconds": old["ms"], "team": old["team"] or None}


@work.middleware.around_attempt
async def noted(call: AttemptCall[Work], call_next: AttemptNext[Work, int]) -> int:
    """Note how an attempt ended, and let it fail if it is to."""
    result = await call_next(call)
    fails = call.job.attemptsMade < call.payload.failures
    _ledger().note("raised" if fails else "done", pid=os.getpid(), job=call.job.id)
    if fails:
        raise Deliberate
    return result


@job("tick", queue=TICKS, attempts=5, remove_on_complete=True)
async def tick(data: int, ctx: JobContext) -> None:
    """Be a run of a schedule."""
    await _fire(data, ctx)


@job("tock", queue=TICKS, attempts=5, remove_on_complete=True, schedule=every("1s", payload=20))
async def tock(data: int, ctx: JobContext) -> None:
    """Be a run of the schedule that is declared here."""
    await _fire(data, ctx)


async def _fire(data: int, ctx: JobContext) -> None:
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
