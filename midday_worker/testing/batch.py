"""`run_batch`: one batch, as a worker handles it, without Redis."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from midday_worker.databases import given_session
from midday_worker.definition.batch_definition import BatchDefinition
from midday_worker.testing.fake_job import FakeJob

if TYPE_CHECKING:
    from midday_worker.engine.job.job import Job

P = TypeVar("P")
R = TypeVar("R")


async def run_batch(
    definition: BatchDefinition[P, R],
    payloads: Sequence[P | Mapping[str, object]],
    *,
    db: object = None,
    attempt: int = 1,
) -> list[R | Exception]:
    """Call a batch handler once, and return for each payload what its job would end with.

    That is the validated result, back from JSON, or the exception that the job would fail with. The timeout is the
    definition's. The jobs' ids are `test-job-1` and so on.

    Args:
        definition: the job.
        payloads: its payloads, each as for `trigger`; more than the definition's `max_size` are handled at once too.
        db: what the handler finds as `ctx.db`; it is neither committed nor closed here.
        attempt: which attempt this is for each of the jobs; the first is 1.

    Raises:
        PayloadError: a payload doesn't match the schema.
        ResultError: the handler returned something else than a result or an exception for each payload.
        JobTimeoutError: the handler took longer than the job's timeout.
        Exception: what the handler raised, with which all jobs would fail.

    >>> import asyncio
    >>> from midday_worker import BatchContext, BatchOptions, JobRegistry, job
    >>> @job("double", batch=BatchOptions(max_size=10), registry=JobRegistry())
    ... async def double(data: list[int], ctx: BatchContext) -> list[int | Exception]:
    ...     return [item * 2 if item else ValueError("nothing to double") for item in data]
    >>> asyncio.run(run_batch(double, [21, 0]))
    [42, ValueError('nothing to double')]
    """
    fakes = [
        FakeJob.of(definition, payload, attempt=attempt, job_id=f"test-job-{number}")
        for number, payload in enumerate(payloads, 1)
    ]
    parsed = [definition.runner.parse(fake.data) for fake in fakes]
    jobs = cast("list[Job]", fakes)
    endings = await definition.batch_runner.run(jobs, parsed, given_session(db), definition.options.timeout)
    return [
        item if isinstance(item, Exception) else definition.parse_result(json.loads(item), definition.version)
        for item in endings
    ]
