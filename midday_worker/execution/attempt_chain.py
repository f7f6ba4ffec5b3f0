"""What is around an attempt, put together: this library's own middleware, and that of users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from midday_worker.errors import MiddlewareError, middleware_name
from midday_worker.handling.attempt_call import AttemptCall, AttemptMiddleware, AttemptNext
from midday_worker.handling.job_runner import JobRunner

AnyCall: TypeAlias = AttemptCall[object]
AnyNext: TypeAlias = AttemptNext[object, object]


def compose(middlewares: Sequence[AttemptMiddleware[object, object]], innermost: AnyNext) -> AnyNext:
    """Return what calls the first one, with a `call_next` that calls the second, and so on."""
    chain = innermost
    for middleware in reversed(middlewares):
        chain = _around(middleware, chain)
    return chain


def _around(middleware: AttemptMiddleware[object, object], call_next: AnyNext) -> AnyNext:
    return lambda call: middleware(call, call_next)


def guarded(
    runner: JobRunner[object, object], users: Sequence[AttemptMiddleware[object, object]]
) -> list[AttemptMiddleware[object, object]]:
    """Return users' middleware, held to its contract, within what stores the result that it returns."""
    if not users:
        return []

    async def stored_again(call: AnyCall, call_next: AnyNext) -> object:
        # Also if it is the handler's own: somebody may have changed it in place.
        result = runner.checked(await call_next(call))
        call.job.attempt.result_text = runner.dump_text(result)
        return result

    return [stored_again, *map(_guarded, users), _once]


def _guarded(middleware: AttemptMiddleware[object, object]) -> AttemptMiddleware[object, object]:
    async def returns(call: AnyCall, call_next: AnyNext) -> object:
        awaited: list[object] = []

        async def noted(passed: AnyCall) -> object:
            result = await call_next(passed)
            awaited.append(result)
            return result

        result = await middleware(call, noted)
        if result is None and awaited != [None]:
            # None in place of a result is nearly always a return that was forgotten.
            raise MiddlewareError(
                f"Middleware {middleware_name(middleware)} returned nothing "
                + ("in place of the job's result" if awaited else "and didn't await call_next")
                + ": `return await call_next(call)`, return another result, or raise."
            )
        return result

    return returns


async def _once(call: AnyCall, call_next: AnyNext) -> object:
    if call.job.attempt.has_left_handler:
        raise MiddlewareError(
            f"A middleware of job {call.job.name!r} awaited call_next twice: an attempt calls its handler once. For "
            "another attempt raise the error, or RetryAfter."
        )
    return await call_next(call)
