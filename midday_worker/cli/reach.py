"""Redis within reach of a command: its queues and jobs by name, with near names where there is none."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from typing import Annotated, Final

import typer

from midday_worker.admin import (
    FINISHED,
    PENDING,
    JobSnapshot,
    find_job,
    get_job,
    held_queues,
    list_ids,
    list_queues,
    queue_exists,
    reachable,
)
from midday_worker.cli.loading import load_jobs, settings_with
from midday_worker.cli.output import remark
from midday_worker.cli.values import key_prefix
from midday_worker.client.client import JobClient
from midday_worker.definition.registry import default_registry
from midday_worker.engine.producer.queue import Queue
from midday_worker.errors import ImportFailedError, InvalidInputError, JobNotFoundError, QueueNotFoundError
from midday_worker.queues import QueueDefinition
from midday_worker.settings.printable import one_line
from midday_worker.settings.settings import Settings

INTERRUPTED: Final = 130
"""The exit code after Ctrl-C, as shells have it."""

_LOOKED_AT: Final = 500
"""How many ids of each state are compared with one that is nowhere."""


def complete_queue(incomplete: str) -> list[str]:
    """Return the queues whose names begin so, for a shell; none if Redis can't be asked, as no error can be shown."""

    async def asked() -> list[str]:
        async with JobClient(settings) as client:
            return [queue.name for queue in await Reach(client).queues()]

    try:
        settings = settings_with()
        load_jobs((), settings)
        with redirect_stderr(StringIO()):
            names = asyncio.run(asked())
        return [name for name in names if name.startswith(incomplete)]
    except Exception:
        return []


QueueName = Annotated[
    str, typer.Argument(metavar="QUEUE", help="The queue's name.", autocompletion=complete_queue, show_default=False)
]
OnlyQueue = Annotated[
    str | None,
    typer.Option("--queue", "-q", metavar="QUEUE", help="Look only in this queue.", autocompletion=complete_queue),
]
KeyPrefix = Annotated[
    str | None,
    typer.Option(
        "--prefix",
        parser=key_prefix,
        metavar="PREFIX",
        help="Look for queues under this prefix, whatever REDIS_PREFIX and the jobs of WORKER_IMPORTS say.",
    ),
]
JobId = Annotated[str, typer.Argument(metavar="ID", help="The job's id.", show_default=False)]


@dataclass(frozen=True, slots=True)
class Reach:
    """A Redis, as the settings name it.

    Attributes:
        client: of it.
        only: the prefix under which queues are looked for; None is where each is declared to be, else REDIS_PREFIX.
    """

    client: JobClient
    only: str | None = None

    @property
    def settings(self) -> Settings:
        """Where it is."""
        return self.client.settings

    @property
    def prefix(self) -> str:
        """The prefix of the queues that have none of their own."""
        return self.only or self.settings.redis_prefix

    @property
    def own(self) -> list[QueueDefinition]:
        """The queues that are declared with a prefix of their own."""
        return [] if self.only else [queue for queue in default_registry.queues if queue.prefix]

    def place(self, name: str) -> QueueDefinition:
        """Return where the queue of this name is."""
        known = default_registry.queues.get(name)
        return QueueDefinition(name, prefix=self.only or known.prefix or self.prefix)

    async def queue(self, name: str) -> Queue:
        """Return the queue of this name. Raises QueueNotFoundError."""
        found = self.client.queue(self.place(name))
        if await queue_exists(found):
            return found
        known = [queue.name for queue in await self.queues()]
        if name not in known:
            raise QueueNotFoundError(name, prefix=found.prefix, known=known, near=nearest(name, known))
        return found

    async def queues(self, name: str | None = None) -> list[Queue]:
        """Return the queue of this name, else all; without those at a node of a cluster that is away, as it says then.

        Raises QueueNotFoundError.
        """
        if name is not None:
            return [await self.queue(name)]
        home = self.client.queue(QueueDefinition("default", prefix=self.prefix))
        own = {queue.name: self.client.queue(queue) for queue in self.own}
        there, away = await reachable([home, *own.values()])
        if not there:
            raise next(iter(away.values()))
        for queue, error in away.items():
            what = f"the queues under {self.prefix}" if queue is home else f"queue {queue.name}"
            remark(one_line(f"Without {what}: {error}"))
        names, held = await asyncio.gather(
            self._listed(home in there), held_queues([queue for queue in own.values() if queue in there])
        )
        found = [self.client.queue(self.place(known)) for known in names if known not in own]
        return sorted([*found, *held], key=lambda queue: queue.name)

    async def _listed(self, is_there: bool) -> list[str]:
        return await list_queues(self.client.connection_of(self.prefix), self.prefix) if is_there else []

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


def know_prefixes(settings: Settings) -> None:
    """Import the jobs of WORKER_IMPORTS, for the queues that have a prefix of their own; say so if that can't be."""
    try:
        load_jobs((), settings)
    except ImportFailedError as error:
        remark(f"{one_line(str(error))} Queues with a prefix of their own are not known; --prefix names one.")


def reach(
    act: Callable[[Reach], Awaitable[None]],
    prefix: str | None = None,
    interrupted: Callable[[], str] = lambda: "",
    imports: Sequence[str] | None = None,
) -> None:
    """Act on the Redis of the settings.

    Args:
        act: what to do.
        prefix: see `KeyPrefix`.
        interrupted: returns what to say after Ctrl-C.
        imports: packages whose jobs it is about, which then have to be imported; else WORKER_IMPORTS.
    """
    settings = settings_with()
    if imports is not None:
        load_jobs(imports, settings)
    elif prefix is None:
        know_prefixes(settings)

    async def within() -> None:
        async with JobClient(settings) as client:
            await act(Reach(client, prefix))

    try:
        asyncio.run(within())
    except KeyboardInterrupt:
        said = interrupted()
        if said:
            remark("")  # past the ^C
            remark(said)
        raise typer.Exit(INTERRUPTED) from None
