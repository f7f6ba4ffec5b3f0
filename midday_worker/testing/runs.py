"""What has run in a test's worker, and the assertions on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from midday_worker.testing.complaint import how_often

if TYPE_CHECKING:
    from collections.abc import Sequence

    from midday_worker.engine.job.job import Job
    from midday_worker.engine.worker.running import Processor


class Named(Protocol):
    """A job, whatever its payload and result are."""

    @property
    def id(self) -> str:
        """Its name."""
        ...

    @property
    def queue(self) -> str:
        """The queue on which it lives."""
        ...


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt that has ended.

    Attributes:
        job: the job's name.
        queue: its queue.
        job_id: its id.
        data: the payload as stored, JSON values.
        attempt: which attempt it was; the first is 1.
        at: when it began, by the world's clock.
        error: what it raised; None if it completed.
    """

    job: str
    queue: str
    job_id: str
    data: object
    attempt: int
    at: datetime
    error: BaseException | None = None

    def __str__(self) -> str:
        how = "completed" if self.error is None else f"failed: {type(self.error).__name__}: {self.error}"
        which = f"{self.job} (queue {self.queue}, id {self.job_id}, attempt {self.attempt})"
        return f"{self.at:%Y-%m-%d %H:%M:%S} {which} {how}"


@dataclass(slots=True)
class Runs:
    """The attempts that have ended, in the order in which they did."""

    clock: Callable[[], float]
    ended: list[Run] = field(default_factory=lambda: [])
    under_way: list[str] = field(default_factory=lambda: [])
    """What runs now, a line each."""

    def around(self, process: Processor) -> Processor:
        """Return a processor that keeps how each attempt ended."""

        async def keep(job: Job) -> str:
            at, error = datetime.fromtimestamp(self.clock(), UTC), None
            attempt, queue = job.attemptsMade + 1, job.queue.name
            line = f"{at:%Y-%m-%d %H:%M:%S} {job.name} (queue {queue}, id {job.id}, attempt {attempt}) has not ended"
            self.under_way.append(line)
            try:
                return await process(job)
            except BaseException as raised:
                error = raised
                raise
            finally:
                self.under_way.remove(line)
                self.ended.append(Run(job.name, queue, job.id, job.data, attempt, at, error))

        return keep

    def of(self, definition: Named) -> list[Run]:
        """Return the attempts of one job."""
        return [run for run in self.ended if (run.job, run.queue) == (definition.id, definition.queue)]

    def assert_ran(self, definitions: Sequence[Named], times: int | None) -> None:
        """Raise AssertionError unless an attempt of each has completed, or just so many."""
        wrong: list[str] = []
        for definition in definitions:
            count = sum(run.error is None for run in self.of(definition))
            if not count if times is None else count != times:
                expected = "" if times is None else f", not {how_often(times)}"
                wrong.append(f"{definition.id} completed {how_often(count) if count else 'never'}{expected}.")
        if wrong:
            raise AssertionError("\n".join([*wrong, self.listed()]))

    def listed(self) -> str:
        """Return what has run, a line each."""
        lines = [*self.ended, *self.under_way]
        return "\n".join(["Ran:", *(f"  {line}" for line in lines)]) if lines else "Nothing ran."
