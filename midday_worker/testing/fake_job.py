"""`FakeJob`: a job of no queue, for handlers that are tested without Redis."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, cast
from uuid import uuid4

from midday_worker.definition.definition import JobDefinition
from midday_worker.engine.job.job import Dependencies, DependenciesCount
from midday_worker.schema.schema import JsonValue

P = TypeVar("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class FakeChild:
    """A child that has ended, as its parent sees it. Made by `child_result` and `child_failure`."""

    name: str
    key: str
    value: JsonValue = None
    failure: str | None = None


def child_result(child: JobDefinition[P, R], result: R) -> FakeChild:
    """Return a child that completed with this result, which must fit the child's type.

    Raises:
        ResultError: the result doesn't match its type or can't be written as JSON, so no child could have it.
    """
    return FakeChild(child.id, _key(child), child.runner.dump(child.runner.checked(result)))


def child_failure(child: JobDefinition[P, R], reason: str) -> FakeChild:
    """Return a child that failed for good, and whose failure its parent ignores (`on_failure="ignore"`)."""
    return FakeChild(child.id, _key(child), failure=reason)


@dataclass(slots=True)
class FakeJob:
    """What a handler finds as `ctx.job`: it keeps what the handler stores, and answers as BullMQ's job does.

    It is run with `await definition.execute(job, db)`.

    Attributes:
        data: the payload as stored, JSON values.
        id: the job's id.
        name: the job's name.
        attemptsMade: attempts before this one.
        opts: the job's options, in BullMQ's form.
        children: children that have ended.
        progress: all that was passed to `updateProgress`, in order.
        logs: all lines that were passed to `log`, in order.
        cancelled: what `ctx.cancelled` says.
        returnvalue: the result, of a job that has ended.
        failedReason: why it failed, of a job that has failed.
        stacktrace: the tracebacks of its attempts, of a job that has failed.

    >>> import asyncio
    >>> job = FakeJob({"userId": "u1"})
    >>> asyncio.run(job.updateProgress(50))
    >>> job.progress
    [50]
    """

    data: JsonValue
    id: str = "test-job"
    name: str = "test"
    attemptsMade: int = 0
    opts: dict[str, object] = field(default_factory=lambda: {})
    children: Sequence[FakeChild] = ()
    progress: list[object] = field(default_factory=lambda: [])
    logs: list[str] = field(default_factory=lambda: [])
    cancelled: bool = False
    returnvalue: object = None
    failedReason: str | None = None
    stacktrace: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        definition: JobDefinition[P, R],
        payload: P | Mapping[str, object],
        *,
        children: Sequence[FakeChild] = (),
        attempt: int = 1,
        job_id: str = "test-job",
    ) -> FakeJob:
        """Return a job whose data is what `trigger` would have stored for this payload.

        Raises:
            PayloadError: the payload doesn't match the schema, or doesn't survive JSON.
        """
        request = definition.node(payload)
        request.check_travels()
        data = cast("JsonValue", json.loads(json.dumps(request.data)))
        return cls(data, job_id, definition.id, attempt - 1, children=tuple(children))

    async def updateProgress(self, progress: object, /) -> None:
        """Keep how far the job is."""
        self.progress.append(progress)

    async def log(self, row: str) -> int:
        """Keep a line of the job's log; return how many there are."""
        self.logs.append(row)
        return len(self.logs)

    async def clearLogs(self, keepLogs: int = 0) -> None:
        """Drop the log but for its last `keepLogs` lines."""
        del self.logs[: len(self.logs) - keepLogs]

    async def updateData(self, data: JsonValue) -> None:
        """Replace the payload."""
        self.data = data

    async def getChildrenValues(self) -> dict[str, object]:
        """Return the results of the children that completed, by key."""
        return {child.key: child.value for child in self.children if child.failure is None}

    async def childrenNames(self) -> dict[str, str]:
        """Return the names of the children that completed, by key."""
        return {child.key: child.name for child in self.children if child.failure is None}

    async def getIgnoredChildrenFailures(self) -> dict[str, str]:
        """Return the reasons of the children that failed, by key."""
        return {child.key: child.failure for child in self.children if child.failure is not None}

    async def getFailedChildrenValues(self) -> dict[str, str]:
        """Return what `getIgnoredChildrenFailures` returns."""
        return await self.getIgnoredChildrenFailures()

    async def getDependencies(self) -> Dependencies:
        """Return the children by outcome."""
        return {
            "processed": await self.getChildrenValues(),
            "unprocessed": [],
            "failed": [],
            "ignored": await self.getIgnoredChildrenFailures(),
        }

    async def getDependenciesCount(self) -> DependenciesCount:
        """Return how many children are in each outcome."""
        ignored = len(await self.getIgnoredChildrenFailures())
        return {"processed": len(self.children) - ignored, "unprocessed": 0, "failed": 0, "ignored": ignored}


def _key(child: JobDefinition[P, R]) -> str:
    return f"{child.prefix or 'bull'}:{child.queue}:{uuid4()}"
