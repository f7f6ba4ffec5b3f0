"""Middleware that a type checker must refuse: each marked line, and no other. Never run."""

from __future__ import annotations

from midday_worker import AttemptCall, AttemptNext, EnqueueCall, EnqueueNext, JobContext, Payload, default_registry, job


class Order(Payload):
    order_id: str


class Other(Payload):
    other_id: str


@job("bill", attempts=3)
async def bill(data: Order, ctx: JobContext) -> int:
    return 1


@bill.middleware.around_attempt
async def right(call: AttemptCall[Order], call_next: AttemptNext[Order, int]) -> int:
    return await call_next(call)


@bill.middleware.around_attempt  # error: the call of another job
async def other_payload(call: AttemptCall[Other], call_next: AttemptNext[Other, int]) -> int:
    return await call_next(call)


@bill.middleware.around_attempt  # error: another result
async def other_result(call: AttemptCall[Order], call_next: AttemptNext[Order, int]) -> str:
    return str(await call_next(call))


@bill.middleware.around_attempt  # error: it isn't awaited
def plain(call: AttemptCall[Order], call_next: AttemptNext[Order, int]) -> int:
    return 1


@bill.middleware.around_attempt
async def forgetful(call: AttemptCall[Order], call_next: AttemptNext[Order, int]) -> int:  # error: returns nothing
    await call_next(call)


@bill.middleware.around_enqueue
async def replaced(call: EnqueueCall[Order], call_next: EnqueueNext[Order]) -> str:
    await call_next(call.replace(Other(other_id="o")))  # error: another payload
    await call_next(call.replace(delays="5s"))  # error: a misspelt option
    return await call_next(call.replace(delay="5s"))


@bill.middleware.around_enqueue  # error: an id is returned
async def no_id(call: EnqueueCall[Order], call_next: EnqueueNext[Order]) -> None:
    await call_next(call)


@default_registry.middleware.around_attempt  # error: any job's
async def one_job(call: AttemptCall[Order], call_next: AttemptNext[Order, int]) -> int:
    return await call_next(call)
