"""`run_job`: one attempt at a job, as a worker makes it, without Redis."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeVar

from midday_worker.definition.definition import JobDefinition
from midday_worker.errors import FieldProblem, PayloadError
from midday_worker.testing.fake_job import FakeChild, FakeJob

P = TypeVar("P")
R = TypeVar("R")


async def run_job(
    definition: JobDefinition[P, R],
    payload: P | Mapping[str, object],
    *,
    db: object = None,
    children: Sequence[FakeChild] = (),
    attempt: int = 1,
    job_id: str = "test-job",
) -> R:
    """Make one attempt at a job and return what `handle.result()` would: the validated result, back from JSON.

    Payload and result take the way through JSON that they take in Redis. The timeout is the definition's. To look at
    the progress and the log that a handler stored, make the job yourself: `job = FakeJob.of(definition, payload)`,
    `await definition.execute(job, db)`, `job.progress`.

    Args:
        definition: the job.
        payload: its payload, as for `trigger`.
        db: what the handler finds as `ctx.db`; it is neither committed nor closed here. Without it, using `ctx.db`
            raises DatabaseNotConfiguredError.
        children: the ended children of a flow's parent: `child_result(child, result)`, `child_failure(child, reason)`.
        attempt: which attempt this is; the first is 1.
        job_id: the job's id.

    Raises:
        PayloadError: the payload doesn't match the schema.
        ResultError: the result doesn't match its type, or can't be written as JSON.
        JobTimeoutError: the handler took longer than the job's timeout.
        Exception: what the handler raised.

    >>> import asyncio
    >>> from midday_worker import JobContext, JobRegistry, job
    >>> @job("double", registry=JobRegistry())
    ... async def double(data: int, ctx: JobContext) -> int:
    ...     return data * 2
    >>> asyncio.run(run_job(double, 21))
    42
    """
    if isinstance(payload, FakeJob):
        how = "this is a FakeJob, which is run with: await definition.execute(job, db)"
        raise PayloadError(definition.id, [FieldProblem("", how)])
    job = FakeJob.of(definition, payload, children=children, attempt=attempt, job_id=job_id)
    result = await definition.execute(job, db)
    return definition.parse_result(json.loads(json.dumps(definition.runner.dump(result))), definition.version)
