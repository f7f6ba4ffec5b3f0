"""`recording_client()`: a client that keeps what is triggered instead of adding it to Redis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import EllipsisType
from typing import NoReturn, TypeVar, cast, overload
from uuid import uuid4

from typing_extensions import Unpack

from midday_worker.client.client import JobClient
from midday_worker.definition.definition import JobDefinition
from midday_worker.engine.following.ending import Ending
from midday_worker.engine.following.waiter import Waiter, ended
from midday_worker.engine.job.job import Job
from midday_worker.engine.producer.flow import check_flows
from midday_worker.engine.producer.queue import Progress
from midday_worker.engine.producer.schedule import Recurrence, Schedule
from midday_worker.engine.redis.connection import Connection
from midday_worker.engine.wire.guarded import MISSING
from midday_worker.errors import MiddayWorkerError
from midday_worker.handles.handle import JobHandle
from midday_worker.options import CallOptions, check_options
from midday_worker.queues import QueueLike, name_of
from midday_worker.request import JobRequest, refuse_same_ids
from midday_worker.settings.durations import Duration, to_milliseconds
from midday_worker.settings.settings import Settings
from midday_worker.testing.complaint import as_asked, how_often, listed
from midday_worker.testing.recorded import Recorded, RecordedSchedule
from midday_worker.testing.recorded_acts import RecordedActs, RecordedLives

P = TypeVar("P")
R = TypeVar("R")


def recording_client() -> RecordingClient:
    """Return a client whose jobs never reach Redis; within `async with` it takes every `trigger` on this event loop.

    >>> import asyncio
    >>> from midday_worker import JobContext, JobRegistry, job
    >>> @job("greet", registry=JobRegistry())
    ... async def greet(data: str, ctx: JobContext) -> None: ...
    >>> async def test_signing_up_greets() -> None:
    ...     async with recording_client() as client:
    ...         await greet.trigger("Ada", delay="5s")
    ...         client.assert_triggered(greet, "Ada", delay="5s", times=1)
    >>> asyncio.run(test_signing_up_greets())
    """
    return RecordingClient()


class RecordingClient(JobClient):
    """Records jobs, flows and schedules. What is triggered is checked as ever; nothing runs.

    Every call is recorded: an id that is given twice, or deduplication, doesn't drop one.
    """

    is_recording = True

    def __init__(self) -> None:
        # Not load_settings: a test's result doesn't depend on the machine's environment.
        super().__init__(Settings.model_construct())
        self._jobs: list[Recorded[object]] = []
        self._schedules: dict[tuple[str, str], RecordedSchedule[object]] = {}
        self._results: dict[str, object] = {}
        self._lives = RecordedLives(self._first_state)

    @property
    def recorded(self) -> tuple[Recorded[object], ...]:
        """All jobs in the order of their triggers; of a flow, parents before children."""
        return tuple(self._jobs)

    @property
    def recorded_schedules(self) -> tuple[RecordedSchedule[object], ...]:
        """All schedules that were not removed."""
        return tuple(self._schedules.values())

    def triggered(self, definition: JobDefinition[P, R]) -> list[Recorded[P]]:
        """Return the job's triggers, as children of flows too."""
        return [cast("Recorded[P]", record) for record in self._jobs if record.request.source is definition]

    def scheduled(self, definition: JobDefinition[P, R]) -> list[RecordedSchedule[P]]:
        """Return the job's schedules."""
        known = self._schedules.values()
        return [cast("RecordedSchedule[P]", record) for record in known if record.request.source is definition]

    def will_return(self, definition: JobDefinition[P, R], result: R) -> None:
        """Set what `handle.result()` of this job returns: nothing runs that could. Raises ResultError."""
        self._results[definition.id] = definition.runner.dump(definition.runner.checked(result))

    @overload
    def assert_triggered(
        self, definition: JobDefinition[P, R], *, times: int | None = None, **options: Unpack[CallOptions]
    ) -> list[Recorded[P]]: ...
    @overload
    def assert_triggered(
        self,
        definition: JobDefinition[P, R],
        payload: P | Mapping[str, object],
        *,
        times: int | None = None,
        **options: Unpack[CallOptions],
    ) -> list[Recorded[P]]: ...
    def assert_triggered(
        self,
        definition: JobDefinition[P, R],
        payload: P | Mapping[str, object] | EllipsisType = ...,
        *,
        times: int | None = None,
        **options: Unpack[CallOptions],
    ) -> list[Recorded[P]]:
        """Fail unless the job was triggered like this; return the triggers that match.

        Args:
            definition: the job.
            payload: with just this payload; any, if not given.
            times: just so often; at least once, if not given.
            **options: with these options, whether set by the call, the job or its queue.
        """
        __tracebackhide__ = True
        expected = _value(definition, payload)
        checked = check_options(cast("Mapping[str, object]", options), call=True)
        found = [record for record in self.triggered(definition) if record.matches(expected, checked)]
        if len(found) != times if times is not None else not found:
            asked = as_asked(payload, options)
            if times is None:
                self._fail(f"{definition.id!r} was not triggered{asked}.")
            self._fail(f"{definition.id!r} was triggered {how_often(len(found))}{asked}; expected {how_often(times)}.")
        return found

    @overload
    def assert_scheduled(
        self,
        definition: JobDefinition[P, R],
        *,
        pattern: str | None = None,
        every: Duration | None = None,
        tz: str | None = None,
    ) -> list[RecordedSchedule[P]]: ...
    @overload
    def assert_scheduled(
        self,
        definition: JobDefinition[P, R],
        payload: P | Mapping[str, object],
        *,
        pattern: str | None = None,
        every: Duration | None = None,
        tz: str | None = None,
    ) -> list[RecordedSchedule[P]]: ...
    def assert_scheduled(
        self,
        definition: JobDefinition[P, R],
        payload: P | Mapping[str, object] | EllipsisType = ...,
        *,
        pattern: str | None = None,
        every: Duration | None = None,
        tz: str | None = None,
    ) -> list[RecordedSchedule[P]]:
        """Fail unless the job has a schedule like this; return those that match. What isn't given may be anything."""
        __tracebackhide__ = True
        given = {"pattern": pattern, "every": None if every is None else to_milliseconds(every, "every"), "tz": tz}
        when = {name: value for name, value in given.items() if value is not None}
        expected = _value(definition, payload)
        found = [record for record in self.scheduled(definition) if record.matches(expected, when)]
        if not found:
            self._fail(f"{definition.id!r} was not scheduled{as_asked(payload, when)}.")
        return found

    def assert_not_triggered(self, definition: JobDefinition[P, R]) -> None:
        """Fail if the job was triggered or scheduled, in whatever way."""
        __tracebackhide__ = True
        count = len(self.triggered(definition)) + len(self.scheduled(definition))
        if count:
            self._fail(f"{definition.id!r} was triggered {how_often(count)}; expected not at all.")

    def assert_nothing_triggered(self) -> None:
        """Fail if any job was triggered or scheduled."""
        __tracebackhide__ = True
        if self._jobs or self._schedules:
            self._fail("Expected no triggers.")

    def _fail(self, what: str) -> NoReturn:
        __tracebackhide__ = True
        raise AssertionError(f"{what}\n{listed([*self._jobs, *self._schedules.values()])}")

    async def _add(self, request: JobRequest) -> str:
        self.check(request)
        return self._record(request).id

    async def _add_many(self, requests: Sequence[JobRequest], on_progress: Progress | None) -> list[str]:
        for request in requests:
            self.check(request)
        refuse_same_ids(requests)
        ids = [self._record(request).id for request in requests]
        if on_progress is not None and ids:
            on_progress(len(ids), len(ids))
        return ids

    async def _add_flows(self, roots: Sequence[JobRequest], on_progress: Progress | None) -> list[list[str]]:
        for root in roots:
            self.check(root)
        check_flows(roots)
        return [self._record_tree(root) for root in roots]

    def _record_tree(self, root: JobRequest) -> list[str]:
        first = len(self._jobs)
        self._record(root)
        return [record.id for record in self._jobs[first:]]

    async def _write_schedule(self, schedule_id: str, when: Recurrence, request: JobRequest) -> None:
        self.check(request)
        self._schedules[request.queue, schedule_id] = RecordedSchedule(
            schedule_id, request.name, request.queue, request.value, request.options, when, request
        )

    async def find_schedule(self, queue: QueueLike, schedule_id: str) -> Schedule | None:
        """Return a recorded schedule, or None."""
        found = self._schedules.get((name_of(queue), schedule_id))
        return None if found is None else found.stored()

    async def schedules(self, queue: QueueLike) -> list[Schedule]:
        """Return the queue's recorded schedules, the next to fire first."""
        found = [record.stored() for record in self._schedules.values() if record.queue == name_of(queue)]
        return sorted(found, key=lambda schedule: schedule.next_run_ms or 0)

    async def remove_schedule(self, queue: QueueLike, schedule_id: str) -> bool:
        """Forget a recorded schedule; False if there was none."""
        return self._schedules.pop((name_of(queue), schedule_id), None) is not None

    async def state(self, queue: QueueLike, job_id: str) -> str:
        """Return the state that the job would have; "unknown" if it wasn't recorded, or was removed."""
        state = self._lives.state(name_of(queue), job_id)
        return "unknown" if state == MISSING else state

    def _first_state(self, queue: str, job_id: str) -> str:
        return next((record.state for record in self._jobs if (record.queue, record.id) == (queue, job_id)), MISSING)

    def acts(self, queue: QueueLike) -> RecordedActs:
        """Return the acts on this queue's recorded jobs; they change what `state()` says."""
        return RecordedActs(name_of(queue), self._lives)

    def done_to(self, handle: JobHandle[R]) -> tuple[str, ...]:
        """Return what was done to a job after its trigger, in order: "promoted", "rescheduled", "removed" ..."""
        return tuple(self._lives.done.get((handle.queue, handle.id), ()))

    def wait_for(self, queue: QueueLike, job_id: str, on_progress: Callable[[str], None] | None = None) -> Waiter:
        """Return a waiter for a job that was cancelled, or one that has ended with what `will_return` was told."""
        place = (name_of(queue), job_id)
        reason = self._lives.reasons.get(place)
        if reason is not None and self._lives.state(*place) == "failed":
            return ended(job_id, Ending("failed", reason=reason))
        for record in self._jobs:
            if (record.queue, record.id) == place and record.job in self._results:
                return ended(job_id, Ending("completed", self._results[record.job]))
        raise self._nothing_runs(f"job {job_id} has no result; name one with will_return(definition, result)")

    async def attempts(self, queue: QueueLike, job_id: str) -> int | None:
        """Return 0 for a job that was recorded: nothing runs."""
        return None if await self.state(queue, job_id) == "unknown" else 0

    async def logs(self, queue: QueueLike, job_id: str, start: int = 0, end: int = -1) -> list[str]:
        """Return no rows: nothing runs."""
        return []

    async def newest_log(self, queue: QueueLike, job_id: str, most: int) -> tuple[list[str], int]:
        """Return no rows, as `logs`."""
        return [], 0

    async def find(self, queue: QueueLike, job_id: str) -> Job | None:
        """Refuse: there is no such job in Redis."""
        raise self._nothing_runs(f"job {job_id} of queue {name_of(queue)} can't be fetched")

    def connection_of(self, prefix: str | None) -> Connection:
        """Refuse: there is none."""
        raise self._nothing_runs("there is no connection to Redis")

    def _nothing_runs(self, what: str) -> MiddayWorkerError:
        return MiddayWorkerError(f"A recording client keeps what is triggered, and nothing runs: {what}.")

    def _record(self, request: JobRequest, parent_id: str | None = None) -> Recorded[object]:
        job_id = request.options.job_id or str(uuid4())
        place = len(self._jobs)
        children = tuple(self._record(child, job_id) for child in request.children)
        record: Recorded[object] = Recorded(
            job_id,
            request.name,
            request.queue,
            request.value,
            request.options,
            request,
            parent_id,
            request.on_failure,
            children,
        )
        self._jobs.insert(place, record)  # parents first, as JobRequest.tree() has them
        return record


def _value(definition: JobDefinition[P, R], payload: P | Mapping[str, object] | EllipsisType) -> object:
    return ... if isinstance(payload, EllipsisType) else definition.node(payload).value
