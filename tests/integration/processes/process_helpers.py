"""What defines jobs of processes for other modules, and handlers that other modules define jobs of."""

from __future__ import annotations

from collections.abc import Callable

from midday_worker import JobDefinition, JobRegistry, SyncJobContext, job

Handler = Callable[[int, SyncJobContext], int]


def in_process(name: str, registry: JobRegistry, handler: Handler) -> JobDefinition[int, int]:
    """Define a job that runs in a process."""
    return job(name, int, handler, executor="process", queue="sums", registry=registry)


def deferred(name: str, registry: JobRegistry) -> Callable[[Handler], JobDefinition[int, int]]:
    """Return a decorator that does."""
    return job(name, executor="process", queue="sums", registry=registry)


def double(data: int, ctx: SyncJobContext) -> int:
    """Return twice the payload."""
    return 2 * data
