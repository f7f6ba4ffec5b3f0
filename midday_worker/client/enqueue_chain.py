"""What is around the adding of jobs: each passes its own middleware, and all of one call are then added together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from midday_worker.errors import MiddlewareError, middleware_name
from midday_worker.request import EnqueueCall, EnqueueMiddleware, EnqueueNext, JobRequest

AddMany: TypeAlias = Callable[[Sequence[JobRequest]], Awaitable[list[str]]]
AnyCall: TypeAlias = EnqueueCall[object]
AnyNext: TypeAlias = EnqueueNext[object]


async def pass_one(
    request: JobRequest, add: Callable[[JobRequest], Awaitable[str]], schedule_id: str | None = None
) -> str:
    """Let a job pass its middleware, then add it; return what that returns."""

    async def innermost(call: AnyCall) -> str:
        return await add(call.request)

    return await _chain(request, innermost)(EnqueueCall(request, schedule_id))


async def pass_many(requests: Sequence[JobRequest], add: AddMany) -> list[str]:
    """Let jobs pass their middleware, side by side, then add them in one call; return their ids in order."""
    meeting = _Meeting(len(requests), add)
    passing = [
        asyncio.ensure_future(_chain(request, meeting.arrival(place))(EnqueueCall(request)))
        for place, request in enumerate(requests)
    ]
    try:
        return await asyncio.gather(*passing)
    finally:
        for each in passing:
            each.cancel()
        await asyncio.wait(passing)


async def pass_flows(
    roots: Sequence[JobRequest], add: Callable[[Sequence[JobRequest]], Awaitable[list[list[str]]]]
) -> list[list[str]]:
    """Let each node pass its middleware, then add the trees; return the ids, parents first."""

    async def planted(nodes: Sequence[JobRequest]) -> list[str]:
        left = iter(nodes)
        return [job_id for ids in await add([_regrown(root, left) for root in roots]) for job_id in ids]

    added = iter(await pass_many([node for root in roots for node in root.tree()], planted))
    return [[next(added) for _ in root.tree()] for root in roots]


def _regrown(root: JobRequest, nodes: Iterator[JobRequest]) -> JobRequest:
    """Return a tree of other nodes; they come in the order of `tree()`."""
    mine = next(nodes)
    return replace(mine, children=tuple(_regrown(child, nodes) for child in root.children))


class _Meeting:
    """Where the jobs of one call wait until the last one has passed its middleware, and all are added."""

    def __init__(self, expected: int, add: AddMany) -> None:
        self._expected = expected
        self._add = add
        self._arrived: dict[int, JobRequest] = {}
        self.added: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()

    def arrival(self, place: int) -> AnyNext:
        async def arrive(call: AnyCall) -> str:
            self._arrived[place] = call.request
            if len(self._arrived) == self._expected:
                await self._add_all()
            return (await asyncio.shield(self.added))[place]

        return arrive

    async def _add_all(self) -> None:
        try:
            self.added.set_result(await self._add([self._arrived[place] for place in range(self._expected)]))
        except Exception as error:  # of all of them
            self.added.set_exception(error)


def _chain(request: JobRequest, innermost: AnyNext) -> AnyNext:
    chain = innermost
    for middleware in reversed(request.source.middleware.enqueue):
        chain = _around(middleware, chain)
    return chain


def _around(middleware: EnqueueMiddleware[object], call_next: AnyNext) -> AnyNext:
    async def called(call: AnyCall) -> str:
        calls = 0

        async def counted(passed: AnyCall) -> str:
            nonlocal calls
            calls += 1
            if calls > 1:
                raise MiddlewareError(f"Middleware {middleware_name(middleware)} awaited call_next twice for one job.")
            return await call_next(passed)

        answer = await middleware(call, counted)
        if calls and isinstance(answer, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            return answer
        raise MiddlewareError(
            f"Middleware {middleware_name(middleware)} "
            + (f"returned {answer!r}; the job was added" if calls else "didn't await call_next; nothing was added")
            + ": `return await call_next(call)`, or raise."
        )

    return called
