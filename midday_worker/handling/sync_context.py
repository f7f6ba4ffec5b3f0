"""`SyncJobContext`: what a plain function is given beside its payload, in a thread or in a process of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, NoReturn, Protocol, TypeVar

from midday_worker.errors import ConfigurationError
from midday_worker.handling.children import results_of
from midday_worker.handling.track import EncodedProgress, encode_progress, track_plain
from midday_worker.request import JobSource

if TYPE_CHECKING:
    from loguru import Logger
    from pydantic import BaseModel

R = TypeVar("R")
T = TypeVar("T")


class Children(NamedTuple):
    """A flow's children, by key `prefix:queue:id`: the names of their jobs, and the results of those that completed."""

    names: dict[str, str]
    results: dict[str, object]


class Channel(Protocol):
    """Where a handler's wishes go: to the event loop, or the process, that has the connection to Redis."""

    @property
    def cancelled(self) -> bool:
        """Whether the attempt has been told to stop."""
        ...

    def update_progress(self, progress: EncodedProgress) -> None:
        """Store how far the job is."""
        ...

    def log(self, row: str) -> None:
        """Add a row to the job's own log."""
        ...

    def children(self) -> Children:
        """Return the job's children."""
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
    """The job and the log of one attempt, for a plain function.

    Its calls block. While Redis is away they wait for it, and raise EngineError when the attempt is told to stop.

    Attributes:
        job: id, name, queue, data, attempt.
        logger: loguru's, bound with job id, job, queue and attempt; its lines come out where the worker's do.
    """

    job: SyncJob
    logger: Logger
    _channel: Channel = field(repr=False)

    def update_progress(self, progress: float | Mapping[str, object] | BaseModel) -> None:
        """Store how far the job is: a number, by custom a percentage, or an object.

        Raises:
            InvalidInputError: it can't be written as JSON.
        """
        self._channel.update_progress(encode_progress(progress))

    def track(self, rows: Iterable[T], total: int | None = None, *, per_second: float = 4) -> Iterator[T]:
        """Iterate over rows, and store as progress how many percent of them are done; see `JobContext.track`.

        Args:
            rows: what is iterated over.
            total: how many there are; not needed for a list, or whatever else has a length.
            per_second: how often progress is stored at most.

        >>> def import_rows(data: list[str], ctx: SyncJobContext) -> None:
        ...     for row in ctx.track(data):
        ...         print(row)
        """
        return track_plain(rows, total, self._channel.update_progress, per_second)

    def log(self, row: str) -> None:
        """Add a row to the job's own log in Redis, which Node and dashboards read.

        Its newest rows are kept, as many as the option `keep_logs` says.
        """
        self._channel.log(row)

    def children_values(self) -> dict[str, object]:
        """Return the results of the children that completed, by the child's key `prefix:queue:id`."""
        return self._channel.children().results

    def children_results(self, child: JobSource[R]) -> list[R]:
        """Return the typed results of those children that are jobs of this definition, in no order.

        Raises:
            NonRetryableError: a child that was added elsewhere, as by Node, has been removed, so its name isn't known.
        """
        children = self._channel.children()
        return results_of(child, children.names, children.results)

    @property
    def cancelled(self) -> bool:
        """Whether this attempt has been told to stop: a thread has to look, and a process is killed soon afterwards."""
        return self._channel.cancelled

    @property
    def db(self) -> NoReturn:
        """There is none."""
        raise ConfigurationError(
            "ctx.db is not available in a plain function: the session is one to be awaited. Ask for one whose calls "
            "block, `db: Annotated[Session, Depends(database())]`, or make the handler an async def."
        )
