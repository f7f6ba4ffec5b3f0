"""Acts on many runs of many queues: as many as were counted, in steps of 1,000 that can be interrupted."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from midday_worker.admin.queue_acts import BATCH
from midday_worker.admin.reason import names_cancelled
from midday_worker.admin.runs.choice import RunChoice
from midday_worker.admin.runs.cursor import Cursor
from midday_worker.admin.runs.run import Run, Show, as_stored
from midday_worker.admin.runs.scan import Scan, sizes_of
from midday_worker.admin.runs.scan_position import ScanPosition
from midday_worker.engine.acts.act import WAS_CANCELLED
from midday_worker.engine.acts.acts import Acts
from midday_worker.engine.producer.queue import Queue
from midday_worker.errors import JobNotFoundError, JobStateError, ScheduledRunError

BulkAct: TypeAlias = Literal["retry", "promote", "remove"]

ALLOWED: Final[Mapping[BulkAct, tuple[str, ...]]] = {
    "retry": ("failed", "completed"),
    "promote": ("delayed",),
    "remove": ("waiting", "prioritized", "delayed", "waiting-children", "paused", "failed", "completed"),
}
"""The states that allow each act."""

_AT_ONCE: Final = 100
_LONGEST_S: Final = 1.0

_GONE: Final = "it is gone"
_NO_JOB: Final = "what is stored in its place is no job"
_SCHEDULED: Final = "it is the next run of a schedule"
_CANCELLED: Final = "it was cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkStep:
    """What one step has done.

    Attributes:
        done: to how many runs the act was done.
        refused: how many it couldn't be done to, by why.
        scanned: how many were looked at, by all steps up to this one.
        total: how many there are now in the queues and states of the choice.
        cursor: where the next step goes on; None after the last one.
    """

    done: int
    refused: Mapping[str, int]
    scanned: int
    total: int
    cursor: Cursor | None


async def act_on_runs(
    queues: Callable[[str], Queue],
    choice: RunChoice,
    act: BulkAct,
    most: int,
    cursor: Cursor | None = None,
    show: Show = as_stored,
) -> BulkStep:
    """Do something to the next 1,000 runs that are meant, the oldest first; fewer if it takes long.

    Each is done to only if its state still allows it. One that was run again and has ended again since the count isn't
    meant any more, as its time is later. One that was cancelled is retried only if the choice's text begins with
    "cancelled".

    Args:
        queues: returns the queue of a name.
        choice: which runs; give the `until_ms` of the count.
        act: what is done.
        most: how many are left of those that were counted.
        cursor: where to go on; from the oldest if not given.
        show: what is shown of each, and thus can be found.
    """
    choice = within(choice, act)
    sizes = await sizes_of(queues, choice)
    scan = Scan(queues, choice, cursor or Cursor(), "oldest", sizes)
    step = _Step(queues, act, takes_cancelled=names_cancelled(choice.text))
    until = time.monotonic() + _LONGEST_S
    looked_at: list[tuple[ScanPosition, Run]] = []
    async for place, run in scan.read():
        looked_at.append((place, run))
        if choice.may_mean(run) and choice.finds(show(run)):
            step.meant.append(run)
        if len(step.meant) == min(_AT_ONCE, most - step.count):
            await step.take()
            if step.count >= min(most, BATCH) or time.monotonic() >= until:
                break
    await step.take()
    for place, run in looked_at:
        if (run.queue, run.state, run.id) not in step.moved:
            scan.keep(run, place)
    over = scan.ended or step.count >= most
    return BulkStep(
        done=len(step.moved),
        refused=step.refused,
        scanned=scan.cursor.scanned,
        total=sum(sizes.values()),
        cursor=None if over else scan.cursor,
    )


def within(choice: RunChoice, act: BulkAct) -> RunChoice:
    """Return those of a choice whose state allows the act."""
    return replace(choice, states=tuple(state for state in choice.states if state in ALLOWED[act]))


class _Step:
    """The runs that an act is done to, some at a time."""

    def __init__(self, queues: Callable[[str], Queue], act: BulkAct, *, takes_cancelled: bool) -> None:
        self.meant: list[Run] = []
        self.moved: set[tuple[str, str, str]] = set()
        self.refused: Counter[str] = Counter()
        self._queues = queues
        self._act: BulkAct = act
        self._takes_cancelled = takes_cancelled

    @property
    def count(self) -> int:
        """How many were acted on, or refused."""
        return len(self.moved) + self.refused.total()

    async def take(self) -> None:
        """Act on those that are meant by now."""
        runs, self.meant = self.meant, []
        for run, refusal in zip(runs, await asyncio.gather(*map(self._refusal, runs)), strict=True):
            if refusal is None:
                self.moved.add((run.queue, run.state, run.id))
            else:
                self.refused[refusal] += 1

    async def _refusal(self, run: Run) -> str | None:
        # The scripts take any key of the queue for a job's: without this, "meta" could be removed.
        if not run.added_ms:
            return _NO_JOB
        acts = Acts(self._queues(run.queue))
        try:
            if self._act == "retry":
                await acts.retry_from(run.id, run.state, cancelled=self._takes_cancelled)
            elif self._act == "promote":
                await acts.promote(run.id)
            else:
                await acts.remove(run.id, children=True)
        except JobNotFoundError:
            return _GONE
        except ScheduledRunError:
            return _SCHEDULED
        except JobStateError as error:
            if error.why == WAS_CANCELLED:
                return _CANCELLED
            return f"it is {error.state}. {error.why}".rstrip(". ")
        return None
