"""`SyncJobContext`: what a handler in a process of its own is given beside its payload."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, Protocol

from midday_worker.errors import ConfigurationError

if TYPE_CHECKING:
    from loguru import Logger


class Channel(Protocol):
    """Where a handler's wishes go: to the process that has the connection to Redis."""

    @property
    def cancelled(self) -> bool:
        """Whether the attempt has been told to stop."""
        ...

    def update_progress(self, progress: float | dict[str, object]) -> None:
        """Store how far the job is."""
        ...

    def log(self, row: str) -> None:
        """Add a line to the job's own log."""
        ...


@dataclass(frozen=True, slots=True)
class SyncJob:
    """The job, as far as a handler without a connection to Redis knows it.

    Attributes:
        id: the job's id.
        name: the job's name.
        queue: its queue's name.
        data: the payload as stored: JSON values.
        attempt: which attempt this is, from 1.
        attempts: how many there may be.
    """

    id: str
    name: str
    queue: str
    data: object
    attempt: int
    attempts: int


@dataclass(frozen=True, slots=True)
class SyncJobContext:
    """The job and the log of one attempt, for a plain function with `executor="process"`.

    Attributes:
        job: id, name, queue, data, attempt.
        logger: loguru's, bound with job id, job, queue and attempt; its lines come out where the worker's do.
    """

    job: SyncJob
    logger: Logger
    _channel: Channel = field(repr=False)

    def update_progress(self, progress: float | dict[str, object]) -> None:
        """Store how far the job is: a number, by custom a percentage, or an object."""
        self._channel.update_progress(progress)

    def log(self, row: str) -> None:
        """Add a line to the job's own log in Redis, which Node and dashboards read."""
        self._channel.log(row)

    @property
    def cancelled(self) -> bool:
        """Whether this attempt has been told to stop; soon afterwards its process is killed."""
        return self._channel.cancelled

    @property
    def db(self) -> NoReturn:
        """There is none."""
        raise ConfigurationError(
            'ctx.db is not available with executor="process": the session is the worker\'s. Connect to the database in '
            "the handler, or hand the result to a job that has ctx.db."
        )
