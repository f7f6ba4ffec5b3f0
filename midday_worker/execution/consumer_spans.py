"""The spans of attempts at jobs."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from midday_worker.engine.wire.options import traced_children
from midday_worker.engine.worker.settlement import Park
from midday_worker.execution.attempt_chain import AnyCall, AnyNext
from midday_worker.telemetry.tracing import active_tracing

if TYPE_CHECKING:
    from midday_worker.telemetry.tracing.spans import Tracing


def consumer_span(call: AnyCall, call_next: AnyNext) -> Awaitable[object]:
    """Make the attempt in a span, below the one that added the job, if tracing is configured."""
    tracing = active_tracing()
    # No coroutine of its own without tracing: this is called for every job.
    return call_next(call) if tracing is None else _traced(tracing, call, call_next)


async def _traced(tracing: Tracing, call: AnyCall, call_next: AnyNext) -> object:
    job = call.job
    span = tracing.process(
        job.queue.name,
        carrier=job.opts.get("tm"),
        children=traced_children(job.opts),
        job_id=job.id,
        job=job.name,
        attempt=call.attempt,
    )
    with span:
        try:
            return await call_next(call)
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
