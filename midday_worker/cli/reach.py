"""Redis within reach of a command: its queues and jobs by name, with near names where there is none."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from midday_worker.admin import (
    FINISHED,
    PENDING,
    JobSnapshot,
    find_job,
    get_job,
    list_ids,
    list_queues,
    queue_exists,
)
from midday_worker.cli.loading import settings_with
from midday_worker.cli.output import remark
from midday_worker.client.client import JobClient
from midday_worker.engine.producer.queue import Queue
from midday_worker.errors import InvalidInputError, JobNotFoundError, QueueNotFoundError
from midday_worker.settings.settings import Settings

INTERRUPTED: Final = 130
"""The exit code after Ctrl-C, as shells have it."""

_LOOKED_AT: Final = 500
"""How many ids of each state are compared with one that is nowhere."""


def complete_queue(incomplete: str) -> list[str]:
    """Return the queues whose names begin so, for a shell; none if Redis can't be asked, as no error can be shown."""

    async def asked() -> list[str]:
        async with JobClient(settings_with()) as client:
            return await list_queues(client.connection, client.settings.redis_prefix)

    try:
        return [name for name in asyncio.run(asked()) if name.startswith(incomplete)]
    except Exception:
        return []


QueueName = Annotated[
    str, typer.Argument(metavar="QUEUE", help="The queue's name.", autocompletion=complete_queue, show_default=False)
]
OnlyQueue = Annotated[
    str | None,
    typer.Option("--queue", "-q", metavar="QUEUE", help="Look only in this queue.", autocompletion=complete_queue),
]
JobId = Annotated[str, typer.Argument(metavar="ID", help="The job's id.", show_default=False)]


@dataclass(frozen=True, slots=True)
class Reach:
    """A Redis, as the settings name it."""

    client: JobClient

    @property
    def settings(self) -> Settings:
        """Where it is."""
        return self.client.settings

    async def queue(self, name: str) -> Queue:
        """Return the queue of this name. Raises QueueNotFoundError."""
        prefix = self.settings.redis_prefix
        if not await queue_exists(self.client.connection, prefix, name):
            known = await list_queues(self.client.connection, prefix)
            if name not in known:
                raise QueueNotFoundError(name, prefix=prefix, known=known, near=nearest(name, known))
        return self.client.queue(name)

    async def queues(self, name: str | None = None) -> list[Queue]:
        """Return the queue of this name, else all. Raises QueueNotFoundError."""
        if name is not None:
            return [await self.queue(name)]
        names = await list_queues(self.client.connection, self.settings.redis_prefix)
        return [self.client.queue(known) for known in names]

    async def holder(self, job_id: str, queue: str | None = None) -> Queue:
        """Return the queue that holds a job: the named one, else whichever does.

        Raises:
            QueueNotFoundError: there is no such queue.
            JobNotFoundError: none holds it; it names ids that are like this one.
            InvalidInputError: several do.
        """
        queues = await self.queues(queue)
        looked = await asyncio.gather(*(find_job(one, job_id, longest=0) for one in queues))
        holder = only_one(f"Job {job_id}", [one for one, job in zip(queues, looked, strict=True) if job is not None])
        if holder is None:
            near = await _near(job_id, queues)
            raise JobNotFoundError(
                job_id=job_id, queue=queue, why=f"did you mean {' or '.join(near)}?" if near else None
            )
        return holder

    async def job(self, job_id: str, queue: str | None) -> tuple[Queue, JobSnapshot]:
        """Return a job and its queue. Raises as `holder`."""
        holder = await self.holder(job_id, queue)
        return holder, await get_job(holder, job_id)


def only_one(what: str, holders: Sequence[Queue]) -> Queue | None:
    """Return the queue that holds something; None if none does. Raises InvalidInputError if several do."""
    if len(holders) > 1:
        named = ", ".join(holder.name for holder in holders)
        raise InvalidInputError(f"{what} is in more than one queue: {named}. Name one with --queue.")
    return holders[0] if holders else None


async def _near(job_id: str, queues: Sequence[Queue]) -> list[str]:
    wanted = [(queue, state) for queue in queues for state in (*FINISHED, *PENDING)]
    pages = await asyncio.gather(*(list_ids(queue, state, 0, _LOOKED_AT - 1) for queue, state in wanted))
    return nearest(job_id, {known for page in pages for known in page})


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Return up to three names that are like one: those that begin with it, and those that differ by little.

    >>> nearest("mial", ["mail", "images"]), nearest("ima", ["mail", "images"])
    (['mail'], ['images'])
    """
    names = sorted(known)
    begun = [one for one in names if name and one.startswith(name)]
    return list(dict.fromkeys([*begun, *difflib.get_close_matches(name, names, n=3)]))[:3]


def reach(act: Callable[[Reach], Awaitable[None]], interrupted: Callable[[], str] = lambda: "") -> None:
    """Act on the Redis of the settings.

    Args:
        act: what to do.
        interrupted: returns what to say after Ctrl-C.
    """
    settings = settings_with()

    async def within() -> None:
        async with JobClient(settings) as client:
            await act(Reach(client))

    try:
        asyncio.run(within())
    except KeyboardInterrupt:
        said = interrupted()
        if said:
            remark("")  # past the ^C
            remark(said)
        raise typer.Exit(INTERRUPTED) from None
