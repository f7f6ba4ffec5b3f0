"""The spans of attempts at jobs."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from midday_worker.engine.job.job import Job
from midday_worker.engine.wire.options import traced_children
from midday_worker.engine.worker.running import Processor
from midday_worker.engine.worker.settlement import Park
from midday_worker.telemetry.tracing import active_tracing

if TYPE_CHECKING:
    from midday_worker.telemetry.tracing.spans import Tracing


class ConsumerSpans:
    """Makes each attempt in a span, below the one that added the job, if tracing is configured.

    Args:
        processor: makes the attempt.
    """

    def __init__(self, processor: Processor) -> None:
        self._processor = processor

    def __call__(self, job: Job) -> Awaitable[str]:
        """Make one attempt and return the result as JSON text. What it raises fails the attempt."""
        tracing = active_tracing()
        # No coroutine of its own without tracing: this is called for every job.
        return self._processor(job) if tracing is None else self._traced(tracing, job)

    async def _traced(self, tracing: Tracing, job: Job) -> str:
        span = tracing.process(
            job.queue.name,
            carrier=job.opts.get("tm"),
            children=traced_children(job.opts),
            job_id=job.id,
            job=job.name,
            attempt=job.attemptsMade + 1,
        )
        with span:
            try:
                return await self._processor(job)
            except Park as error:
                parking = error
                span.note(parked=True)
            except Exception as error:
                span.note(final=job.delay_before_next(error) is None)
                raise
            finally:
                # Only now: a job of Node's gets its attempts from its definition, as it is executed.
                span.note(attempts=job.attempts)
        raise parking  # which is no failure
