"""Hooks and retries that a type checker must refuse: each marked line, and no other. Never run."""

from __future__ import annotations

from midday_worker import JobContext, JobEvent, Payload, RetryAfter, default_registry, job, queue


class Order(Payload):
    order_id: str


class Other(Payload):
    other_id: str


@job("bill", attempts=3)
async def bill(data: Order, ctx: JobContext) -> int:
    return 1


@bill.hooks.on_success
async def right(event: JobEvent[Order, int]) -> None: ...


@bill.hooks.on_success  # error: the event of another job
async def other_payload(event: JobEvent[Other, int]) -> None: ...


@bill.hooks.on_failure  # error: the event of another result
async def other_result(event: JobEvent[Order, str]) -> None: ...


@bill.hooks.on_start  # error: a hook takes the event
async def nothing() -> None: ...


@default_registry.hooks.on_end  # error: any job's event
async def one_job(event: JobEvent[Order, int]) -> None: ...


@bill.hooks.on_exhausted  # error: the event of another job
def other_payload_too(event: JobEvent[Other, int]) -> None: ...


def refusals() -> Exception:
    return RetryAfter(1.5) if bill.id else RetryAfter()  # error: no duration, and none at all


def seconds(attempt: int, error: Exception) -> float:
    return 1.5


def of_an_attempt(attempt: int) -> int:
    return attempt


async def calls(event: JobEvent[Order, int]) -> None:
    event.will_retry = True  # error: an event is frozen
    await bill.trigger(Order(order_id="o1"), retry_on=ValueError)  # error: not of a call
    await bill.trigger(Order(order_id="o1"), backoff=lambda attempt, error: 5)  # error: not of a call


queue("instance", fail_on=ValueError("no"))  # error: no class
queue("jitter", backoff={"type": "fixed", "delay": 5, "jitter": "some"})  # error: unknown jitter
queue("seconds", backoff=seconds)  # error: no duration
queue("one-argument", backoff=of_an_attempt)  # error: the attempt and its error
