"""The spans of what adds jobs, and the trace that the jobs carry on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from midday_worker.request import JobRequest
from midday_worker.telemetry.tracing import active_tracing
from midday_worker.telemetry.tracing.trace_context import TraceContext

if TYPE_CHECKING:
    from midday_worker.telemetry.tracing.spans import JobSpan, Tracing

T = TypeVar("T")
Add: TypeAlias = Callable[[JobRequest], Awaitable[T]]
AddMany: TypeAlias = Callable[[Sequence[JobRequest]], Awaitable[T]]


def add_traced(request: JobRequest, add: Add[str]) -> Awaitable[str]:
    """Add one job, in a span that its attempts are below."""
    tracing = active_tracing()
    # No coroutine of its own without tracing: this is called for every job.
    return add(request) if tracing is None else _add(tracing, request, add)


async def _add(tracing: Tracing, request: JobRequest, add: Add[str]) -> str:
    with tracing.add("add", request.queue, job=request.name) as span:
        job_id = await add(_carrying(request, span.carried()))
        span.note(job_id=job_id)
        return job_id


async def add_many_traced(requests: Sequence[JobRequest], add: AddMany[list[str]]) -> list[str]:
    """Add jobs of one queue, in one span that the attempts at all of them are below."""
    tracing = active_tracing()
    if tracing is None:
        return await add(requests)
    with tracing.add("addBulk", requests[0].queue, count=len(requests)) as span:
        trace = span.carried()  # the same for all: what they carry is then packed once
        return await add([_carrying(request, trace) for request in requests])


async def schedule_traced(schedule_id: str, request: JobRequest, write: Add[None]) -> None:
    """Write a schedule, in a span that the attempts at all its runs are below."""
    tracing = active_tracing()
    if tracing is None:
        return await write(request)
    with tracing.add("upsertJobScheduler", request.queue, job=request.name, schedule=schedule_id) as span:
        return await write(_carrying(request, span.carried()))


async def add_flows_traced(roots: Sequence[JobRequest], add: AddMany[list[list[str]]]) -> list[list[str]]:
    """Add trees of jobs: a span for the call, and below it one for each node, within that of its parent."""
    tracing = active_tracing()
    if tracing is None or not roots:
        return await add(roots)
    operation = "addFlow" if len(roots) == 1 else "addBulkFlows"
    count = sum(1 for root in roots for _ in root.tree())
    with tracing.add(operation, roots[0].queue, count=count):
        nodes: list[JobSpan] = []
        try:
            ids = await add([_traced_node(tracing, root, nodes) for root in roots])
            for node, job_id in zip(nodes, (job_id for tree in ids for job_id in tree), strict=True):
                node.note(job_id=job_id)
            return ids
        finally:
            for node in nodes:
                node.span.end()


def _traced_node(tracing: Tracing, request: JobRequest, nodes: list[JobSpan]) -> JobRequest:
    """Return a flow's node with the context of a span of its own; note the spans in `nodes`, parents first."""
    node = tracing.add("addNode", request.queue, job=request.name)
    nodes.append(node)
    links: list[str] = []
    children: list[JobRequest] = []
    with node.as_current():
        for child in request.children:
            place = len(nodes)
            children.append(_traced_node(tracing, child, nodes))
            links.append(nodes[place].traceparent)
    return replace(_carrying(request, node.carried(links)), children=tuple(children))


def _carrying(request: JobRequest, trace: TraceContext | None) -> JobRequest:
    return request if request.options.omit_trace_context else replace(request, trace=trace)
