"""Jobs brought into every state that an act can meet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from midday_worker import JobClient, JobContext, JobDefinition, JobHandle, JobRegistry, Settings, job
from midday_worker.engine.worker.config import WorkerConfig
from tests.deadline import eventually
from tests.integration.crew import Crew

STATES: Final = (
    *("waiting", "prioritized", "delayed", "waiting-children"),
    *("active", "completed", "failed", "missing"),
)
HOUR_MS: Final = 3_600_000
QUEUE: Final = "stage"
CHILDREN: Final = "nursery"


class Stage:
    """A job `play`, which holds, fails or returns, as its payload says; and a way to get it into each state."""

    def __init__(self, client: JobClient, settings: Settings) -> None:
        self.client = client
        self.settings = settings
        self.registry = JobRegistry()
        self.release = asyncio.Event()
        self.ran: list[str] = []
        self.play: JobDefinition[str, str] = job(
            "play", str, self.handle, queue=QUEUE, attempts=2, backoff=0, registry=self.registry
        )
        self.child: JobDefinition[str, str] = job("child", str, self.handle, queue=CHILDREN, registry=JobRegistry())

    async def handle(self, data: str, ctx: JobContext) -> str:
        self.ran.append(data)
        if data == "fail":
            raise ValueError("as it was told")
        if data == "hold":
            await self.release.wait()
        return data

    @asynccontextmanager
    async def job_in(self, state: str) -> AsyncGenerator[JobHandle[str]]:
        """Yield a job that is in this state and stays there, unless it is acted on."""
        if state in ("active", "completed", "failed", "missing"):
            data = {"active": "hold", "failed": "fail"}.get(state, "return")
            handle = await self.play.trigger(data, client=self.client, remove_on_complete=state == "missing")
            async with self.working():
                await self.until(handle, "unknown" if state == "missing" else state)
                if state == "active":
                    yield handle
                    self.release.set()
                    return
            yield handle
        elif state == "waiting-children":
            yield await self.play.trigger_flow("return", [self.child.node("return")], client=self.client)
        elif state == "delayed":
            yield await self.play.trigger("return", client=self.client, delay=HOUR_MS)
        else:
            yield await self.play.trigger("return", client=self.client, priority=3 if state == "prioritized" else 0)

    def working(self) -> Crew:
        """Return a crew for the queue of `play`; within it the jobs run."""
        return Crew(self.registry, self.settings, configs=(WorkerConfig(queue=QUEUE, concurrency=1),))

    async def until(self, handle: JobHandle[str], state: str) -> None:
        """Wait until a job is in a state."""

        async def reached() -> bool:
            return await handle.state() == state

        await eventually(reached, f"the job is {state}")
