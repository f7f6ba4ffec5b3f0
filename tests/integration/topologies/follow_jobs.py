"""Jobs that a failover comes across. Handlers in processes import this module."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from midday_worker import JobContext, JobRegistry, SyncJobContext, job

registry = JobRegistry()


@dataclass(slots=True)
class Held:
    """What `hold` waits for, and how often it ran with which payload."""

    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    runs: list[int] = field(default_factory=lambda: list[int]())

    def begin(self) -> None:
        """Forget the test before, whose event loop has ended."""
        self.may_end, self.runs = asyncio.Event(), []


held = Held()


@job("hold", queue="held", attempts=1, registry=registry)
async def hold(data: int, ctx: JobContext) -> int:
    """Run until it may end."""
    held.runs.append(data)
    await held.may_end.wait()
    return data * 2


@job("double", queue="doubled", registry=registry)
async def double(data: int, ctx: JobContext) -> int:
    """Return twice the payload."""
    return data * 2


@job("square", queue="squared", executor="process", registry=registry)
def square(data: int, ctx: SyncJobContext) -> int:
    """Return the payload's square, from a process."""
    return data * data
