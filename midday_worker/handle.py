"""`JobHandle`: what a trigger returns, to look at the job and wait for its result."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Generic, TypeVar

from midday_worker.acts import JobActs
from midday_worker.client import JobClient
from midday_worker.durations import Duration, to_milliseconds
from midday_worker.engine.job import Job
from midday_worker.engine.schedule import Schedule
from midday_worker.errors import JobFailedError, JobNotFoundError, JobResultTimeout

ResultT_co = TypeVar("ResultT_co", covariant=True)


@dataclass(frozen=True, slots=True)
class JobHandle(JobActs[ResultT_co], Generic[ResultT_co]):
    """One triggered job.

    Attributes:
        id: the job's id; that of the job that stands for it, if this one was a duplicate.
        job: the job's name.
        queue: the queue's name.
        children: of a flow, the children's handles by position.
    """

    children: tuple[JobHandle[object], ...] = ()

    async def state(self) -> str:
        """Return the state as BullMQ names it: waiting, active, completed, failed, delayed ...; "unknown" if gone."""
        return await self.client.state(self.queue, self.id)

    async def fetch(self) -> Job:
        """Return BullMQ's job as it is now. Raises JobNotFoundError."""
        job = await self.client.find(self.queue, self.id)
        if job is None:
            raise JobNotFoundError(job_id=self.id, queue=self.queue)
        return job

    async def result(self, timeout: Duration | None = None) -> ResultT_co:  # noqa: ASYNC109 - waits by the stream
        """Wait for the job's end and return its validated result.

        Args:
            timeout: how long to wait; None waits until the job ends.

        Raises:
            JobFailedError: the job failed for good.
            JobResultTimeout: it hadn't ended in time.
            JobNotFoundError: Redis doesn't hold it: trimmed, removed, or never written.
        """
        timeout_ms = None if timeout is None else to_milliseconds(timeout, "result's timeout")
        try:
            job = await self.client.wait_until_finished(self.queue, self.id, timeout_ms)
        except TimeoutError as error:
            raise JobResultTimeout(
                job_id=self.id, queue=self.queue, timeout_ms=timeout_ms or 0, state=await self.state()
            ) from error
        if job is None:
            raise JobNotFoundError(job_id=self.id, queue=self.queue)
        if job.failedReason is not None:
            raise JobFailedError(
                job=self.job,
                job_id=self.id,
                queue=self.queue,
                reason=job.failedReason,
                attempts=job.attemptsMade,
                stacktrace=job.stacktrace,
            )
        return self.source.parse_result(job.returnvalue)


@dataclass(frozen=True, slots=True)
class ScheduleHandle:
    """One recurring job."""

    id: str
    job: str
    queue: str
    client: JobClient = field(repr=False, compare=False)

    async def fetch(self) -> Schedule | None:
        """Return the schedule as it is stored, or None when it is gone."""
        return await self.client.find_schedule(self.queue, self.id)

    async def next_run(self) -> datetime | None:
        """Return when it fires next (UTC), or None when it is gone or has reached its limit."""
        schedule = await self.fetch()
        if schedule is None or schedule.next_run_ms is None or schedule.over:
            return None
        return datetime.fromtimestamp(schedule.next_run_ms / 1000, UTC)

    async def remove(self) -> bool:
        """Remove the schedule and its next run; False if it was gone already."""
        return await self.client.remove_schedule(self.queue, self.id)
