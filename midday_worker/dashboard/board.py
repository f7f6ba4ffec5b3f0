"""What the routes work on: the queues that are shown, and how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from midday_worker.admin import (
    QueueOverview,
    WorkerClient,
    list_all_workers,
    overview_of_absent,
    reachable,
    read_overviews,
)
from midday_worker.client.client import JobClient
from midday_worker.dashboard.recent import Recent
from midday_worker.dashboard.runs.event_stream import Streams
from midday_worker.dashboard.shown.redaction import Redaction
from midday_worker.definition.definition import JobDefinition
from midday_worker.definition.registry import JobRegistry
from midday_worker.engine.producer.queue import Queue
from midday_worker.errors import RedisUnavailableError
from midday_worker.queues import QueueDefinition, QueueLike, name_of


class Board:
    """The queues of one dashboard.

    Args:
        client: their Redis.
        registry: the jobs whose payloads are checked.
        names: the queues; those of the registry if None.
        redaction: what is shown of payloads.
        read_only: whether nothing can be changed.
        ui_config: the page's settings.
    """

    def __init__(
        self,
        client: JobClient,
        registry: JobRegistry,
        names: Iterable[str] | None,
        redaction: Redaction,
        *,
        read_only: bool,
        ui_config: Mapping[str, object],
    ) -> None:
        self.client = client
        self.registry = registry
        self.redaction = redaction
        self.read_only = read_only
        self.ui_config = ui_config
        self._names = None if names is None else tuple(dict.fromkeys(names))
        self._overviews = Recent(self._read_overviews)
        self._workers = Recent(self._read_workers)
        self.streams = Streams()

    @property
    def names(self) -> tuple[str, ...]:
        """The queues' names. Of a registry, they may become more."""
        if self._names is not None:
            return self._names
        of_jobs = {definition.queue for definition in self.registry}
        return tuple(sorted(of_jobs | {queue.name for queue in self.registry.queues}))

    def place(self, name: str) -> QueueDefinition:
        """Return the queue of this name as it is configured."""
        return self.registry.queues.get(name)

    def engine_queue(self, name: str) -> Queue:
        """Return the engine's queue of this name."""
        return self.client.queue(self.place(name))

    def queue(self, queue: QueueLike) -> Queue | None:
        """Return a queue, if it is shown; none under another prefix than the one that is shown."""
        if (name := name_of(queue)) not in self.names:
            return None
        found = self.engine_queue(name)
        return found if isinstance(queue, str) or queue.prefix == found.prefix else None

    def definitions(self, queue: str) -> list[JobDefinition[object, object]]:
        """Return the jobs that live on a queue."""
        return [definition for definition in self.registry if definition.queue == queue]

    async def overviews(self) -> dict[str, QueueOverview]:
        """Return the queues at a glance, by name; at most a second old."""
        return await self._overviews.get()

    async def workers(self) -> dict[str, list[WorkerClient]] | None:
        """Return the queues' workers, by queue; None if Redis doesn't let us ask. At most a second old."""
        return await self._workers.get()

    def forget(self) -> None:
        """Read everything anew: something was changed."""
        self._overviews.forget()
        self._workers.forget()

    async def reachable(self, names: Iterable[str]) -> tuple[list[Queue], dict[Queue, RedisUnavailableError]]:
        """Return queues whose node of a cluster answers, and why the others can't be reached; see `admin.reachable`.

        Raises RedisUnavailableError if none can.
        """
        there, away = await reachable([self.engine_queue(name) for name in names])
        if away and not there:
            raise next(iter(away.values()))
        return there, away

    async def _read_overviews(self) -> dict[str, QueueOverview]:
        there, away = await self.reachable(self.names)
        found = {overview.name: overview for overview in await read_overviews(there)}
        found |= {queue.name: overview_of_absent(queue, str(error)) for queue, error in away.items()}
        return {name: found[name] for name in self.names if name in found}

    async def _read_workers(self) -> dict[str, list[WorkerClient]] | None:
        there, _ = await self.reachable(self.names)
        return await list_all_workers(there)
