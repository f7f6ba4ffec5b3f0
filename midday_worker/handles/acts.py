"""`JobActs`: what can be done to one job after it was triggered, from any process."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from midday_worker.client.client import JobClient
from midday_worker.engine.acts.cancellation import CancelOutcome
from midday_worker.options import check_options
from midday_worker.request import JobSource
from midday_worker.settings.durations import Duration, to_milliseconds

ResultT_co = TypeVar("ResultT_co", covariant=True)


@dataclass(frozen=True, slots=True)
class JobActs(Generic[ResultT_co]):
    """One job, and the acts on it; a `JobHandle` is one.

    The state is looked at and changed in one step, so an act that succeeds found the job in a state that allows it.
    Each act raises JobNotFoundError when Redis doesn't hold the job, JobStateError, with the state that was found, when
    the state doesn't allow the act, and RedisUnavailableError when Redis can't be reached.
    """

    id: str
    job: str
    queue: str
    client: JobClient = field(repr=False, compare=False)
    source: JobSource[ResultT_co] = field(repr=False, compare=False)

    async def retry(self, *, reset_attempts: bool = False) -> None:
        """Run a failed or completed job once more. A cancellation or a failure that was decided for it is forgotten.

        A parent waits for those of its children that haven't ended; one with a failed child, without which it can't
        complete, is refused: retry that first, or remove it.

        Args:
            reset_attempts: begin to count the attempts anew; else it gets one more.
        """
        await self.client.acts(self.queue).retry(self.id, reset_attempts=reset_attempts)

    async def cancel(self, reason: str = "", *, children: bool = False) -> CancelOutcome:
        """Cancel the job, from any process: it ends failed, its reason `cancelled: ...`, and isn't tried again.

        A job that doesn't run never starts. One that runs is told to stop, in whatever process that is: an async
        handler by CancelledError, a plain function by `ctx.cancelled`. It may clean up for five seconds; its session is
        rolled back. If it ends before it is told, it ends as it would have.

        Args:
            reason: why, for whoever reads the failure.
            children: of a flow's parent that hasn't started, cancel those below it that haven't, too.

        Returns:
            "cancelled" if the job has ended so, now or before; "requested" if it runs and was told to stop.
        """
        return await self.client.acts(self.queue).cancel(self.id, reason, children=children)

    async def promote(self) -> None:
        """Let a delayed job be due now."""
        await self.client.acts(self.queue).promote(self.id)

    async def remove(self, *, children: bool = False) -> None:
        """Remove a job that isn't running. Its parent, if it has one, goes on as if it had not been.

        Args:
            children: remove its children too; refused while one of them runs.
        """
        await self.client.acts(self.queue).remove(self.id, children=children)

    async def reschedule(self, delay: Duration) -> None:
        """Let a delayed job be due after `delay` from now on: milliseconds, "3d", or a timedelta. 0 is now."""
        delay_ms = to_milliseconds(delay, "reschedule's delay")
        await self.client.acts(self.queue).reschedule(self.id, delay_ms)

    async def change_priority(self, priority: int) -> None:
        """Change the priority of a job that waits, is delayed, or waits for its children.

        Args:
            priority: 1 (first) to 2,097,151; 0 is none, and goes before all that have one.

        Raises:
            OptionError: the priority is out of range.
        """
        check_options({"priority": priority})
        await self.client.acts(self.queue).change_priority(self.id, priority)

    async def update_data(self, payload: object) -> None:
        """Replace the payload of a job that waits, is delayed, waits for its children, or has failed.

        Args:
            payload: as for `trigger`; it is checked before anything is written.

        Raises:
            PayloadError: the payload doesn't match the job's schema.
        """
        request = self.source.checked(payload)
        self.client.check(request)
        await self.client.acts(self.queue).update_data(self.id, request.text)
