"""`SyncTriggers`: a job's triggers for programs without an event loop; `definition.sync` is this."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, cast, overload

from typing_extensions import Unpack

from midday_worker.client.client import JobClient, SyncJobClient
from midday_worker.definition.bulk import BulkItem, FlowItem, Progress
from midday_worker.definition.flow import FlowChild
from midday_worker.definition.other_names import missing_trigger
from midday_worker.definition.spread import Spread
from midday_worker.handles.handle import JobHandle, ScheduleHandle
from midday_worker.handles.sync_handle import SyncJobHandle, SyncScheduleHandle, run_blocking
from midday_worker.options import CallOptions, DelayedSyncTriggerOptions, SyncTriggerOptions, TriggerOptions
from midday_worker.outbox import session_here
from midday_worker.request import JobRequest
from midday_worker.settings.durations import Duration

if TYPE_CHECKING:
    from midday_worker.options.declared import AwaitedSession, BlockingSession

P = TypeVar("P")
R = TypeVar("R")


class AwaitedTriggers(Protocol[P, R]):
    """A `JobDefinition`, seen from below."""

    def handle(self, job_id: str, *, client: JobClient | None) -> JobHandle[R]: ...
    def trigger(
        self, payload: P | Mapping[str, object], *, client: JobClient | None, **options: Unpack[TriggerOptions]
    ) -> Awaitable[JobHandle[R]]: ...
    def trigger_recurring(
        self,
        payload: P | Mapping[str, object],
        pattern: str | None,
        *,
        every: Duration | None,
        tz: str | None,
        start: datetime | None,
        end: datetime | None,
        limit: int | None,
        schedule_id: str | None,
        client: JobClient | None,
        **options: Unpack[CallOptions],
    ) -> Awaitable[ScheduleHandle]: ...
    def schedule_for(
        self,
        payload: P | Mapping[str, object],
        *,
        id: str,
        cron: str | Spread | None,
        every: Duration | None,
        tz: str | None,
        client: JobClient | None,
        **options: Unpack[CallOptions],
    ) -> Awaitable[ScheduleHandle]: ...
    def schedules(self, *, client: JobClient | None) -> Awaitable[list[ScheduleHandle]]: ...
    def trigger_flow(
        self,
        payload: P | Mapping[str, object],
        children: Sequence[JobRequest | FlowChild],
        *,
        client: JobClient | None,
        **options: Unpack[TriggerOptions],
    ) -> Awaitable[JobHandle[R]]: ...
    def batch_trigger(
        self,
        items: Iterable[BulkItem[P]],
        *,
        client: JobClient | None,
        session: AwaitedSession | None,
        on_progress: Progress | None,
    ) -> Awaitable[list[JobHandle[R]]]: ...
    def batch_trigger_flow(
        self,
        items: Iterable[FlowItem[P]],
        *,
        client: JobClient | None,
        session: AwaitedSession | None,
        on_progress: Progress | None,
    ) -> Awaitable[list[JobHandle[R]]]: ...


class SyncTriggers(Generic[P, R]):
    """The ways to trigger a job that block instead of being awaited; see the job's own for what each does.

    `client` is what `JobClient.sync()` returned; by default the one entered with `with`, else one from the environment.

    Raises:
        RunningLoopError: this thread runs an event loop; `await` the job's own trigger there.
    """

    def __init__(self, job: AwaitedTriggers[P, R]) -> None:
        self._job = job

    if not TYPE_CHECKING:  # for type checkers these are mistakes

        def __getattr__(self, name: str) -> object:
            raise missing_trigger(self, name)

    def handle(self, job_id: str, *, client: SyncJobClient | None = None) -> SyncJobHandle[R]:
        """Return the handle of a job from before, by its id; it reads nothing."""

        async def made(on: JobClient) -> JobHandle[R]:
            return self._job.handle(job_id, client=on)

        return SyncJobHandle(run_blocking(client, made), client)

    @overload
    def trigger(
        self: SyncTriggers[None, R],
        payload: None = None,
        *,
        client: SyncJobClient | None = None,
        **options: Unpack[SyncTriggerOptions],
    ) -> SyncJobHandle[R]: ...
    @overload
    def trigger(
        self,
        payload: P | Mapping[str, object],
        *,
        client: SyncJobClient | None = None,
        **options: Unpack[SyncTriggerOptions],
    ) -> SyncJobHandle[R]: ...
    def trigger(
        self, payload: object = None, *, client: SyncJobClient | None = None, **options: Unpack[SyncTriggerOptions]
    ) -> SyncJobHandle[R]:
        """Add one job."""
        given = _awaited(options)
        handle = run_blocking(client, lambda on: self._job.trigger(cast("P", payload), client=on, **given))
        return SyncJobHandle(handle, client)

    def trigger_delayed(
        self,
        payload: P | Mapping[str, object],
        delay: Duration,
        *,
        client: SyncJobClient | None = None,
        **options: Unpack[DelayedSyncTriggerOptions],
    ) -> SyncJobHandle[R]:
        """Add one job that becomes due after `delay`: milliseconds, "3d", or a timedelta."""
        return self.trigger(payload, client=client, delay=delay, **options)

    def trigger_recurring(
        self,
        payload: P | Mapping[str, object],
        pattern: str | None = None,
        *,
        every: Duration | None = None,
        tz: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int | None = None,
        schedule_id: str | None = None,
        client: SyncJobClient | None = None,
        **options: Unpack[CallOptions],
    ) -> SyncScheduleHandle:
        """Add a job again and again, by BullMQ's job schedulers."""
        handle = run_blocking(
            client,
            lambda on: self._job.trigger_recurring(
                payload,
                pattern,
                every=every,
                tz=tz,
                start=start,
                end=end,
                limit=limit,
                schedule_id=schedule_id,
                client=on,
                **options,
            ),
        )
        return SyncScheduleHandle(handle, client)

    def schedule_for(
        self,
        payload: P | Mapping[str, object],
        *,
        id: str,
        cron: str | Spread | None = None,
        every: Duration | None = None,
        tz: str | None = None,
        client: SyncJobClient | None = None,
        **options: Unpack[CallOptions],
    ) -> SyncScheduleHandle:
        """Make or change the schedule that somebody has of this job."""
        handle = run_blocking(
            client,
            lambda on: self._job.schedule_for(payload, id=id, cron=cron, every=every, tz=tz, client=on, **options),
        )
        return SyncScheduleHandle(handle, client)

    def schedules(self, *, client: SyncJobClient | None = None) -> list[SyncScheduleHandle]:
        """Return this job's schedules, the next to fire first."""
        found = run_blocking(client, lambda on: self._job.schedules(client=on))
        return [SyncScheduleHandle(handle, client) for handle in found]

    def trigger_flow(
        self,
        payload: P | Mapping[str, object],
        children: Sequence[JobRequest | FlowChild],
        *,
        client: SyncJobClient | None = None,
        **options: Unpack[SyncTriggerOptions],
    ) -> SyncJobHandle[R]:
        """Add this job and its children, which run first, in one transaction."""
        given = _awaited(options)
        handle = run_blocking(client, lambda on: self._job.trigger_flow(payload, children, client=on, **given))
        return SyncJobHandle(handle, client)

    def batch_trigger(
        self,
        items: Iterable[BulkItem[P]],
        *,
        client: SyncJobClient | None = None,
        session: BlockingSession | None = None,
        on_progress: Progress | None = None,
    ) -> list[SyncJobHandle[R]]:
        """Add many jobs. `on_progress` is called in the thread of the background loop."""
        known = list(items)  # here, and not on the loop: a generator may block, or use the database of this thread
        within = session_here(session)
        handles = run_blocking(
            client,
            lambda on: self._job.batch_trigger(known, client=on, session=within, on_progress=on_progress),
        )
        return [SyncJobHandle(handle, client) for handle in handles]

    def batch_trigger_flow(
        self,
        items: Iterable[FlowItem[P]],
        *,
        client: SyncJobClient | None = None,
        session: BlockingSession | None = None,
        on_progress: Progress | None = None,
    ) -> list[SyncJobHandle[R]]:
        """Add many flows with this job as their root. `on_progress` is called in the thread of the background loop."""
        known = list(items)
        within = session_here(session)
        handles = run_blocking(
            client,
            lambda on: self._job.batch_trigger_flow(known, client=on, session=within, on_progress=on_progress),
        )
        return [SyncJobHandle(handle, client) for handle in handles]


def _awaited(options: SyncTriggerOptions) -> TriggerOptions:
    given = cast("TriggerOptions", options)
    if (session := options.get("session")) is not None:
        given["session"] = session_here(session)
    return given
