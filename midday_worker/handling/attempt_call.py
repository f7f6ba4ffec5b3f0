"""`AttemptCall`: one attempt at a job, as the middleware around it sees it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import EllipsisType
from typing import Generic, Protocol, TypeAlias, TypeVar

from midday_worker.engine.job.job import Job
from midday_worker.engine.wire.options import version_of

P = TypeVar("P")
R = TypeVar("R")
P_co = TypeVar("P_co", covariant=True)


class PayloadReader(Protocol[P_co]):
    """What knows the payloads of a job: a `JobRunner`, seen from here."""

    def parse(self, data: object, version: int | None = None) -> P_co:
        """Return a stored payload, validated. Raises PayloadError."""
        ...

    def validate(self, payload: object) -> P_co:
        """Return a payload of this program's, validated. Raises PayloadError."""
        ...


class AttemptCall(Generic[P]):
    """One attempt.

    Attributes:
        job: the BullMQ job: `id`, `name`, `data`, `attemptsMade` (attempts before this one).
    """

    __slots__ = ("_is_replaced", "_payload", "_reader", "job")

    def __init__(self, job: Job, reader: PayloadReader[P]) -> None:
        self.job = job
        self._reader = reader
        self._payload: P | EllipsisType = ...
        self._is_replaced = False

    @property
    def payload(self) -> P:
        """What the handler is given, validated when it is first asked for.

        Raises:
            PayloadError: the stored payload doesn't match the schema; the attempt fails by it.
        """
        if isinstance(self._payload, EllipsisType):
            self._payload = self._reader.parse(self.job.data, version_of(self.job.opts))
        return self._payload

    @property
    def is_replaced(self) -> bool:
        """Whether the payload is another one than is stored."""
        return self._is_replaced

    @property
    def attempt(self) -> int:
        """Which attempt this is; the first is 1."""
        return self.job.attemptsMade + 1

    def replace(self, payload: P | Mapping[str, object]) -> AttemptCall[P]:
        """Return it with another payload for the handler; Redis keeps the stored one. Raises PayloadError."""
        other: AttemptCall[P] = AttemptCall(self.job, self._reader)
        other._payload, other._is_replaced = self._reader.validate(payload), True
        return other


AttemptNext: TypeAlias = Callable[[AttemptCall[P]], Awaitable[R]]
"""What makes the attempt, within the middleware that is further in; it returns the handler's result."""

AttemptMiddleware: TypeAlias = Callable[[AttemptCall[P], AttemptNext[P, R]], Awaitable[R]]
