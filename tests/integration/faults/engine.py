"""`Engine`: what a test of a fault asks of an engine, so that the same test runs on ours and on the stock port."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeAlias

QUEUE: Final = "jobs"
"""The queue of every test that needs no other name."""

JOB: Final = "work"
"""The name of every job."""

STARTED: Final = b"the handler has started\n"
"""What a service prints then: a job is active a moment earlier, and may still be handed back."""

Handler: TypeAlias = Callable[[object], object]
"""What a job does with its data: a coroutine function or a plain one."""


class Refused(Exception):
    """The engine said no, with an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a worker works. Times in milliseconds; None is the engine's default."""

    queue: str = QUEUE
    concurrency: int = 1
    lock_ms: int | None = None
    """How long a lock lasts. Stalled jobs are then looked for three times as often."""
    limit: tuple[int, int] | None = None
    """At most so many jobs, per so many milliseconds."""


class Work(Protocol):
    """A worker at work."""

    async def stop(self, within_s: float = 30) -> None:
        """Stop as one stops a service: what runs may finish within this time."""
        ...

    async def force(self) -> None:
        """Stop at once."""
        ...

    def listen(self, event: str, listener: Callable[..., object]) -> None:
        """Call `listener` at this event of the worker."""
        ...


class Engine(Protocol):
    """A producer and a maker of workers on one Redis, under one prefix."""

    async def add(self, data: object, *, queue: str = QUEUE, **options: object) -> str:
        """Add a job and return its id. Options by their names in `CallOptions`. Raises Refused."""
        ...

    async def add_many(self, data: Sequence[object], **options: object) -> list[str]:
        """Add jobs at once and return their ids. Raises Refused."""
        ...

    async def add_flow(self, parent_id: str, children: Sequence[tuple[str, int]]) -> None:
        """Add a parent and its children, each an id and a delay in milliseconds. Raises Refused."""
        ...

    async def add_flows(self, flows: Sequence[tuple[str, Sequence[tuple[str, int]]]]) -> None:
        """Add several flows at once, each as `add_flow` takes it. Raises Refused."""
        ...

    async def remove_waiting(self) -> None:
        """Remove the jobs that wait."""
        ...

    def listen(self, event: str, listener: Callable[..., object]) -> None:
        """Call `listener` at this event of the queue."""
        ...

    def following(self, job_ids: Sequence[str], listener: Callable[[str], object]) -> AbstractAsyncContextManager[None]:
        """Within `async with`, call `listener`, a plain or a coroutine function, with the id of each that completes."""
        ...

    async def state(self, job_id: str) -> str:
        """Return the state of a job as BullMQ names it; "unknown" if it is gone."""
        ...

    async def waiting(self) -> list[str]:
        """Return the ids of the jobs that wait, by reading the jobs themselves."""
        ...

    async def schedule(self, schedule_id: str, **when: object) -> None:
        """Make a recurring job: `pattern` and `tz`, or `every` in milliseconds; `start` (a date) or `start_ms`.

        Raises Refused.
        """
        ...

    async def next_run(self, schedule_id: str) -> datetime | None:
        """Return when a schedule fires next; None if there is none."""
        ...

    def working(self, handler: Handler, terms: Terms = ...) -> AbstractAsyncContextManager[Work]:
        """Work a queue within `async with`."""
        ...

    async def close(self) -> None:
        """Close the producer. Safe to call twice."""
        ...
