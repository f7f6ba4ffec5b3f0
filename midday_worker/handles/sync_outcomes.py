"""Waiting for many jobs without an event loop: `results` and `as_completed`, blocking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from midday_worker.client.background_loop import process_loop
from midday_worker.client.client import JobClient, SyncJobClient
from midday_worker.handles.handle import JobHandle
from midday_worker.handles.outcomes import as_completed, results
from midday_worker.handles.sync_handle import SyncJobHandle, run_blocking
from midday_worker.settings.durations import Duration

R = TypeVar("R")


def sync_results(handles: Iterable[SyncJobHandle[R]], timeout: Duration | None = None) -> list[R]:
    """Wait for jobs and return their results in the order of the handles; `results`, blocking.

    The first job that fails ends the wait with its error; the other jobs go on.

    Args:
        handles: of any jobs, queues and clients.
        timeout: how long to wait for all of them.

    Raises:
        JobFailedError: a job failed for good.
        JobResultTimeoutError: not all had ended in time; it names the first one that hadn't.
        JobNotFoundError: Redis doesn't hold one of them.
        RunningLoopError: this thread runs an event loop; await `results` there.

    >>> def add_up(parts: list[SyncJobHandle[int]]) -> int:
    ...     return sum(sync_results(parts, timeout="30s"))
    """
    wanted = list(handles)
    clients = _clients(wanted)
    return process_loop.get().run(lambda: results(_with(clients, wanted), timeout))


def sync_as_completed(
    handles: Iterable[SyncJobHandle[R]], timeout: Duration | None = None
) -> Iterator[SyncJobHandle[R]]:
    """Yield the handles of jobs as they end, whether they completed, failed or are gone; `as_completed`, blocking.

    The yielded handle equals the given one and knows how its job ended: `handle.result()` answers at once, even if the
    job has been removed meanwhile.

    Args:
        handles: of any jobs, queues and clients.
        timeout: how long to wait for all of them.

    Raises:
        JobResultTimeoutError: not all had ended in time; it names the first one that hadn't.
        RunningLoopError: this thread runs an event loop; iterate over `as_completed` there.

    >>> def report(parts: list[SyncJobHandle[int]]) -> None:
    ...     for part in sync_as_completed(parts):
    ...         print(part.id, part.result())
    """
    wanted = list(handles)
    clients = _clients(wanted)
    given_by = {client: by for by, client in clients.items()}
    for ended in process_loop.get().iterate(as_completed(_with(clients, wanted), timeout)):
        yield SyncJobHandle(ended, given_by[ended.client])


def _clients(handles: Sequence[SyncJobHandle[R]]) -> dict[SyncJobClient | None, JobClient]:
    """Return what each handle's client is on the loop of this process, which may have been forked since."""
    return {client: run_blocking(client, _itself) for client in {handle.client for handle in handles}}


def _with(clients: dict[SyncJobClient | None, JobClient], handles: Sequence[SyncJobHandle[R]]) -> list[JobHandle[R]]:
    return [replace(handle.handle, client=clients[handle.client]) for handle in handles]


async def _itself(client: JobClient) -> JobClient:
    return client
