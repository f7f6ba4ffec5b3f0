"""Both languages on one Redis: add, work and read by the name of the language."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final, cast

from redis.asyncio import Redis

from midday_worker import JobClient, JobDefinition, JobRegistry, Settings
from midday_worker.admin import PENDING, count_jobs
from midday_worker.engine.worker.config import WorkerConfig
from tests.deadline import eventually
from tests.integration.conformance.actor import NAME, Actor
from tests.integration.conformance.case import Add, Language
from tests.integration.conformance.node_peer import NodePeer, View
from tests.integration.crew import Crew

QUEUE: Final = "two words"
SETTLED_WITHIN_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job, as its handler noted it. `at` in epoch milliseconds."""

    tag: str | None
    job: str
    attempt: int
    by: Language
    at: int


class Bridge:
    """Python and Node, each with the same job `act`, on one test's prefix."""

    def __init__(self, client: JobClient, peer: NodePeer, redis: Redis, settings: Settings) -> None:
        self.client = client
        self.peer = peer
        self.redis = redis
        self.settings = settings
        self.registry = JobRegistry()
        self._actor = Actor(redis, settings.redis_prefix)
        self._defined: dict[str, JobDefinition[object, object]] = {}

    def definition(self, queue: str = QUEUE) -> JobDefinition[object, object]:
        """Return this queue's `act`; each queue has a registry of its own."""
        if queue not in self._defined:
            self._defined[queue] = self._actor.define(JobRegistry(), queue)
        return self._defined[queue]

    async def add(self, by: Language, add: Add, queue: str = QUEUE) -> str:
        """Add a job; return its id."""
        data = {"tag": add.tag, **add.act}
        if by == "node":
            return await self.peer.add(queue, NAME, data, add.theirs)
        handle = await self.definition(queue).trigger(data, client=self.client, **add.ours)
        return handle.id

    @asynccontextmanager
    async def working(
        self, by: Language, queue: str = QUEUE, *, concurrency: int = 1, config: WorkerConfig | None = None
    ) -> AsyncGenerator[None]:
        """Work the queue in one language."""
        if by == "node":
            await self.peer.work(queue, concurrency=concurrency)
            yield
            return
        registry = JobRegistry()
        self._actor.define(registry, queue)
        config = replace(config or WorkerConfig(queue=queue, concurrency=concurrency), queue=queue)
        async with Crew(registry, self.settings, configs=(config,)):
            yield

    async def settled(self, *queues: str) -> None:
        """Wait until every job has ended."""
        for queue in queues or (QUEUE,):

            async def pending(queue: str = queue) -> bool:
                counts = await count_jobs(self.client.queue(queue))
                return not any(counts[state] for state in PENDING)

            await eventually(pending, f"all jobs of {queue} have ended", SETTLED_WITHIN_S)

    async def runs(self, book: str = "ledger") -> list[Run]:
        """Return the runs so far, in their order; of the book `ended` those that came to their end."""
        rows = cast("list[str]", await self.redis.lrange(f"{self.settings.redis_prefix}:{book}", 0, -1))
        return [Run(**cast("dict[str, object]", json.loads(row))) for row in rows]  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - both actors write these fields

    async def open_gate(self) -> None:
        """Let the jobs that hold go on, now and later."""
        await self.redis.rpush(f"{self.settings.redis_prefix}:gate", "open")

    async def views(self, by: Language, job_ids: Iterable[str], queue: str = QUEUE) -> list[View]:
        """Return the jobs as one language reads them."""
        ids = list(job_ids)
        return await self.peer.views(queue, ids) if by == "node" else await self._own_views(queue, ids)

    async def _own_views(self, queue: str, job_ids: Sequence[str]) -> list[View]:
        return [await self._own_view(queue, job_id) for job_id in job_ids]

    async def _own_view(self, queue: str, job_id: str) -> View:
        state = await self.client.state(queue, job_id)
        job = await self.client.find(queue, job_id)
        if job is None:
            return {"state": state}
        logs = await self.client.queue(queue).getJobLogs(job_id)
        return {
            "state": state,
            "name": job.name,
            "data": job.data,
            "opts": job.opts,
            "delay": job.delay,
            "priority": job.priority,
            "attempts": job.attemptsMade,
            "reason": job.failedReason,
            "stacks": job.stacktrace,
            "value": job.returnvalue,
            "progress": job.progress,
            "deduplication": job.deduplication_id,
            "logs": logs["logs"],
        }
