"""The options of `job()`, with a handler and without."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from midday_worker.definition.declared_schedule import DeclaredSchedule
from midday_worker.definition.registry import JobRegistry
from midday_worker.options import Backoff, JobOptions, TravellingOptions
from midday_worker.queues import QueueDefinition
from midday_worker.settings.durations import Duration


class DefinitionOptions(JobOptions, total=False):
    """The options of `job()`: a job's, its queue, the registry it goes to, and where a plain function runs.

    Attributes:
        version: the number of the payload's and the result's schema, from 1; see `JobDefinition.upcast`.
        executor: "thread", or "process" for a plain function that keeps a processor busy; see `SyncJobContext`.
        schedule: when its jobs are made without a trigger: `every(...)`, `cron(...)`, or a list of them.
        max_tasks_per_child: how many jobs a process runs before it is replaced; 1,000 if not given.
    """

    queue: str | QueueDefinition
    registry: JobRegistry
    version: int
    schedule: DeclaredSchedule | Sequence[DeclaredSchedule]
    executor: Literal["thread", "process"]
    max_tasks_per_child: int


class DeclarationOptions(TravellingOptions, total=False):
    """The options of `job()` without a handler: those that are written with each job, its queue, and the registry."""

    version: int

    schedule: DeclaredSchedule | Sequence[DeclaredSchedule]
    delay: Duration
    backoff: Duration | Backoff | None
    queue: str | QueueDefinition
    registry: JobRegistry
