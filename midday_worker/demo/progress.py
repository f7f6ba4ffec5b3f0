"""Watching the queues until nothing is left to do: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from midday_worker.admin import FINISHED, count_jobs
from midday_worker.demo.stage import Stage
from midday_worker.errors import MiddayWorkerError

Counts = dict[str, dict[str, int]]

_POLL_S: Final = 0.2
_SAY_EVERY_S: Final = 2


class DemoStuckError(MiddayWorkerError):
    """The queues did not come to rest in time."""


class Watch:
    """Shows how far the queues are.

    Args:
        console: where.
        totals: how many jobs each queue will have had.
    """

    def __init__(self, console: Console, totals: Mapping[str, int]) -> None:
        self._console = console
        self._totals = totals
        self._progress = Progress(
            TextColumn("{task.description:<12}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pending]}", style="dim", markup=False),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._bars = {queue: self._progress.add_task(queue, total=total, pending="") for queue, total in totals.items()}
        self._started = self._said = time.monotonic()

    async def until_idle(self, stage: Stage, fed: Callable[[], bool], timeout_s: float) -> None:
        """Return when all is `fed` and nothing waits or runs any more.

        Raises:
            DemoStuckError: that took longer than `timeout_s`; it says what is left.
            WorkerEndedError: the worker is gone.
        """
        before: Counts = {}
        with self._progress:
            while True:
                stage.check_worker()
                all_fed = fed()
                counts = {queue: await count_jobs(stage.client.queue(queue)) for queue in self._totals}
                self._show(counts)
                # Queues are read one after the other, and a job may add to one that has been read: look twice.
                if all_fed and counts == before and not any(map(_pending, counts.values())):
                    return
                if time.monotonic() - self._started > timeout_s:
                    left = {queue: _pending(each) for queue, each in counts.items() if _pending(each)}
                    raise DemoStuckError(f"After {timeout_s:g} s the queues still hold unfinished jobs: {left}.")
                before = counts
                await asyncio.sleep(_POLL_S)

    def _show(self, counts: Counts) -> None:
        for queue, bar in self._bars.items():
            shown = {state: n for state, n in counts[queue].items() if n and state not in FINISHED}
            pending = ", ".join(f"{n} {state}" for state, n in shown.items())
            self._progress.update(bar, completed=_finished(counts[queue]), pending=pending)
        now = time.monotonic()
        if self._progress.disable and now - self._said >= _SAY_EVERY_S:
            self._said = now
            done, total = sum(map(_finished, counts.values())), sum(self._totals.values())
            self._console.print(f"  {now - self._started:.0f} s: {done} of {total} jobs have ended")


def queue_totals(jobs: Mapping[tuple[str, str], int], queues: Mapping[str, str]) -> Counter[str]:
    """Return how many jobs each queue will have, from those of each name."""
    totals: Counter[str] = Counter()
    for (name, _), count in jobs.items():
        totals[queues[name]] += count
    return totals


def _finished(counts: Mapping[str, int]) -> int:
    return sum(counts[state] for state in FINISHED)


def _pending(counts: Mapping[str, int]) -> int:
    return sum(n for state, n in counts.items() if state not in FINISHED)
