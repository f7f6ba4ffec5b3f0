"""As `ours`, but with metrics for every other few hundred jobs: what counting costs, in one and the same process."""

# Only from within can it be switched while it runs.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import inspect
import time

from midday_worker import JobContext
from midday_worker.engine.worker.running import RunningJobs
from scripts.benchmark.contenders.item import LEDGER, ORDERS, Item, define
from scripts.benchmark.contenders.program import TURN


class Switch:
    """Takes away what the worker counts with, and gives it back."""

    def __init__(self) -> None:
        self._handled = 0

    def note(self, running: RunningJobs) -> None:
        """Note a job that is being handled."""
        if self._handled == 0:
            self._tally, running._tally = running._tally, None
            if self._tally is None:
                raise RuntimeError("this worker counts nothing that could be switched on")
        elif self._handled % TURN == 0:
            running._tally = self._tally if running._tally is None else None
        self._handled += 1


SWITCH = Switch()


def running_of(ctx: JobContext) -> RunningJobs:
    """Return the running jobs of the worker, one of whose methods gives an attempt up."""
    abandon = ctx.job.attempt.abandon
    running: object = abandon.__self__ if inspect.ismethod(abandon) else None
    if not isinstance(running, RunningJobs):
        raise TypeError(f"an attempt is given up by {abandon!r}, and not by the worker's running jobs")
    return running


async def handle(data: Item, ctx: JobContext) -> None:
    """Note the number."""
    started = time.monotonic_ns()
    SWITCH.note(running_of(ctx))
    LEDGER.add(data.n, started)


item = define(handle)

ORDERS.wait_for_go()
