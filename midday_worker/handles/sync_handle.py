"""`SyncJobHandle`: what a blocking trigger returns; `JobHandle`'s calls, blocking."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, TypeVar

from midday_worker.client.background_loop import process_loop
from midday_worker.client.client import JobClient, SyncJobClient, current_client
from midday_worker.engine.acts.cancellation import CancelOutcome
from midday_worker.engine.job.job import Job
from midday_worker.engine.producer.schedule import Schedule
from midday_worker.handles.handle import JobHandle, ScheduleHandle
from midday_worker.schema.schema import JsonValue
from midday_worker.settings.durations import Duration

T = TypeVar("T")
ResultT_co = TypeVar("ResultT_co", covariant=True)


def run_blocking(client: SyncJobClient | None, call: Callable[[JobClient], Awaitable[T]]) -> T:
    """Make a call with the given client, else with the one that is entered, else with one made on first use."""
    if client is not None:
        return client.run(call)

    async def made() -> T:
        return await call(current_client())

    return process_loop.get().run(made)


@dataclass(frozen=True, slots=True)
class SyncJobHandle(Generic[ResultT_co]):
    """One triggered job, for blocking calls; see `JobHandle` for what each does."""

    handle: JobHandle[ResultT_co]
    client: SyncJobClient | None = field(default=None, repr=False, compare=False)

    @property
    def id(self) -> str:
        """The job's id; that of the job that stands for it, if this one was a duplicate."""
        return self.handle.id

    @property
    def job(self) -> str:
        """The job's name."""
        return self.handle.job

    @property
    def queue(self) -> str:
        """The queue's name."""
        return self.handle.queue

    @property
    def added(self) -> bool | None:
        """Whether the call made the job; see `JobHandle.added`."""
        return self.handle.added

    @property
    def children(self) -> tuple[SyncJobHandle[object], ...]:
        """Of a flow, the children's handles by position."""
        return tuple(SyncJobHandle(child, self.client) for child in self.handle.children)

    def state(self) -> str:
        """Return the state as BullMQ names it."""
        return self._run(lambda handle: handle.state())

    def attempts_made(self) -> int:
        """Return how often it has been tried, a running attempt not counted. Raises JobNotFoundError."""
        return self._run(lambda handle: handle.attempts_made())

    def fetch(self) -> Job:
        """Return BullMQ's job as it is now. Raises JobNotFoundError."""
        return self._run(lambda handle: handle.fetch())

    def result(self, timeout: Duration | None = None) -> ResultT_co:
        """Wait for the job's end and return its validated result; see `JobHandle.result`."""
        return self._run(lambda handle: handle.result(timeout))

    def logs(self) -> list[str]:
        """Return the job's own log; see `JobHandle.logs`."""
        return self._run(lambda handle: handle.logs())

    def progress(self) -> Iterator[JsonValue]:
        """Yield how far the job is, until it ends; see `JobHandle.progress`."""
        return self._each(lambda handle: handle.progress())

    def tail(self) -> Iterator[str]:
        """Yield the lines of the job's own log, until it ends; see `JobHandle.tail`."""
        return self._each(lambda handle: handle.tail())

    def cancel(self, reason: str = "", *, children: bool = False) -> CancelOutcome:
        """Stop the job, whether it runs or not; see `JobHandle.cancel`."""
        return self._run(lambda handle: handle.cancel(reason, children=children))

    def retry(self, *, reset_attempts: bool = False) -> None:
        """Run a failed or completed job once more."""
        self._run(lambda handle: handle.retry(reset_attempts=reset_attempts))

    def promote(self) -> None:
        """Make a delayed job due now."""
        self._run(lambda handle: handle.promote())

    def remove(self, *, children: bool = False) -> None:
        """Remove a job that isn't running, and its children if asked to."""
        self._run(lambda handle: handle.remove(children=children))

    def reschedule(self, delay: Duration) -> None:
        """Make a delayed job due after `delay` from now on."""
        self._run(lambda handle: handle.reschedule(delay))

    def change_priority(self, priority: int) -> None:
        """Change the priority of a job that waits, is delayed, or waits for its children."""
        self._run(lambda handle: handle.change_priority(priority))

    def update_data(self, payload: object) -> None:
        """Replace the payload of a job that isn't running and hasn't completed."""
        self._run(lambda handle: handle.update_data(payload))

    def _each(self, start: Callable[[JobHandle[ResultT_co]], AsyncGenerator[T]]) -> Iterator[T]:
        async def started(handle: JobHandle[ResultT_co]) -> AsyncGenerator[T]:
            return start(handle)

        yield from process_loop.get().iterate(self._run(started))

    def _run(self, call: Callable[[JobHandle[ResultT_co]], Awaitable[T]]) -> T:
        # With the client of this process, which may have been forked since.
        return run_blocking(self.client, lambda client: call(replace(self.handle, client=client)))


@dataclass(frozen=True, slots=True)
class SyncScheduleHandle:
    """One recurring job, for blocking calls; see `ScheduleHandle` for what each does."""

    handle: ScheduleHandle
    client: SyncJobClient | None = field(default=None, repr=False, compare=False)

    @property
    def id(self) -> str:
        """The schedule's id."""
        return self.handle.id

    def fetch(self) -> Schedule | None:
        """Return the schedule as it is stored, or None when it is gone."""
        return self._run(lambda handle: handle.fetch())

    def next_run(self) -> datetime | None:
        """Return when it fires next (UTC), or None when it is gone or has reached its limit."""
        return self._run(lambda handle: handle.next_run())

    def remove(self) -> bool:
        """Remove the schedule and its next run; False if it was gone already."""
        return self._run(lambda handle: handle.remove())

    def _run(self, call: Callable[[ScheduleHandle], Awaitable[T]]) -> T:
        return run_blocking(self.client, lambda client: call(replace(self.handle, client=client)))
