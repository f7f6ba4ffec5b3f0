"""The same queue on a real Redis with the real worker, whose handler does what the test says, when it says it."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

from midday_worker import JobClient, JobContext, JobDefinition, JobRegistry, NonRetryableError, Settings, job
from midday_worker.admin import count_jobs
from midday_worker.engine.job.job import Job
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.errors import MiddayWorkerError
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.integration.life.model import Model

QUEUE = "life"
STALLED_CHECK_MS = 100


class PlannedFailure(MiddayWorkerError):
    """What the handler raises when it shall fail."""


class Reality:
    """A queue, its client, and the worker of the moment."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._registry = JobRegistry()
        self._verdicts: dict[str, asyncio.Future[str]] = {}
        self._abandoned: list[asyncio.Future[str]] = []
        self.client = JobClient(settings)
        self.definition: JobDefinition[str, str] = job("life", str, self._handle, queue=QUEUE, registry=self._registry)
        self._crews = AsyncExitStack()
        self._crew: Crew | None = None

    async def start(self) -> None:
        """Start a worker."""
        config = WorkerConfig(queue=QUEUE, concurrency=1, stalled_interval_ms=STALLED_CHECK_MS)
        self._crew = Crew(self._registry, self._settings, configs=(config,))
        await self._crews.enter_async_context(self._crew)

    async def decide(self, job_id: str, verdict: str) -> None:
        """Let the running job end: "complete", "fail" or "give up"."""

        async def runs() -> bool:
            return job_id in self._verdicts

        await eventually(runs, f"job {job_id} runs")
        self._verdicts.pop(job_id).set_result(verdict)

    async def crash(self, job_id: str) -> None:
        """Let the worker lose the running job as if its process had died, and start another one."""
        assert self._crew is not None
        worker = self._crew.worker
        worker.stop_fetching()
        await worker.locks.close()
        if (verdict := self._verdicts.pop(job_id, None)) is not None:
            self._abandoned.append(verdict)
        await self.client.connection.conn.delete(f"{self.client.queue(QUEUE).toKey(job_id)}:lock")

        async def waits_again() -> bool:
            return await self.client.state(QUEUE, job_id) == "waiting"

        # The lost worker goes on looking for stalled jobs. Before there is a new one, which would take another job.
        await eventually(waits_again, f"job {job_id} waits again")
        await self.start()

    async def redeploy(self, job_id: str) -> None:
        """Stop the worker, which hands the running job back, and start another one."""
        assert self._crew is not None
        await self._crew.worker.drain(0)
        self._verdicts.pop(job_id, None)
        await self.start()

    async def find(self, job_id: str) -> Job:
        """Return a job that is there."""
        found = await self.client.find(QUEUE, job_id)
        assert found is not None, f"job {job_id} is gone"
        return found

    async def agrees_with(self, model: Model) -> None:
        """Wait until Redis says what the model says, of each job and of their numbers."""
        seen: object = None

        async def agrees() -> bool:
            nonlocal seen
            seen = await self._look(model)
            return seen == _expected(model)

        try:
            await eventually(agrees, "Redis says what the model says")
        except AssertionError:
            raise AssertionError(f"the model says {_expected(model)}, Redis says {seen}") from None

    async def close(self) -> None:
        """Stop all workers, whatever runs."""
        for verdict in [*self._verdicts.values(), *self._abandoned]:
            verdict.set_result("complete")
        await self._crews.aclose()
        await self.client.close()

    async def _look(self, model: Model) -> object:
        jobs = {job_id: await self._look_at(job_id) for job_id in model.jobs}
        counts = await count_jobs(self.client.queue(QUEUE))
        return jobs, Counter({state: number for state, number in counts.items() if number})

    async def _look_at(self, job_id: str) -> tuple[str, int]:
        found = await self.client.find(QUEUE, job_id)
        return await self.client.state(QUEUE, job_id), -1 if found is None else found.attemptsMade

    async def _handle(self, data: str, ctx: JobContext) -> str:
        verdict = self._verdicts[ctx.job.id] = asyncio.get_running_loop().create_future()
        match await verdict:
            case "fail":
                raise PlannedFailure(data)
            case "give up":
                raise NonRetryableError(data)
            case _:
                return data


def _expected(model: Model) -> object:
    return {job_id: (job.state, job.made) for job_id, job in model.jobs.items()}, model.counts()
