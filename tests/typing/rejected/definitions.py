"""Definitions that a type checker must refuse: each marked line, and no other. Never run."""

from __future__ import annotations

from midday_worker import JobContext, JobDeclaration, JobDefinition, Payload, PerKey, cron, every, job, queue


class Order(Payload):
    order_id: str


class Other(Payload):
    other_id: str


async def handle(data: Order, ctx: JobContext) -> int:
    return 1


async def handle_without_context(data: Order) -> int:
    return 1


async def handle_with_too_much(data: Order, ctx: JobContext, more: int) -> int:
    return more


async def handle_with_text_for_context(data: Order, ctx: str) -> int:
    return 1


job("right", Order, handle, attempts=3)
job("other-model", Other, handle)  # error: the handler takes another model
job("no-context", Order, handle_without_context)  # error: a handler takes two arguments
# No type says that further parameters are dependencies: what else they are is refused as the job is defined.
job("too-much", Order, handle_with_too_much)
job("wrong-context", Order, handle_with_text_for_context)  # error: the second is the context
job("misspelt", Order, handle, attemps=3)  # error: misspelt option
job("one-call", Order, handle, job_id="j1")  # error: an option of a call
PerKey(5, concurrency=2)  # error: a path is a text
PerKey("teamId", concurrency="2")  # error: a concurrency is a number
PerKey("teamId", rate=(60, "1m"))  # error: a rate is a RateLimit
queue("limited", limits=["teamId"])  # error: limits are PerKey
job(5, Order, handle)  # error: an id is a text
job("no-duration", Order, handle, timeout=[1])  # error: no duration
queue("misspelt", concurency=3)  # error: misspelt option
queue("wrong", concurrency="3")  # error: text for a number
text_job: JobDefinition[Order, str] = job("annotated", Order, handle)  # error: another result

declared = job("declared", Order, result=Other, queue="sms")
other_result: JobDeclaration[Order, Order] = job("declared-other", Order, result=Other)  # error: another result
job("declared-timeout", Order, timeout="5s")  # error: only who runs a job knows of its timeout
job("declared-retries", Order, retry_on=OSError)  # error: as above
job("declared-backoff", Order, backoff=lambda attempt, error: "5s")  # error: as above
job("declared-executor", Order, result=Other, executor="process")  # error: as above
job("declared-misspelt", Order, attemps=3)  # error: misspelt option
job("result-of-handler", Order, handle, result=int)  # error: a handler's annotation says it
job("result-alone", result=int)  # error: a decorator has no result


@job("schema-of-decorator", Order)  # error: a decorator takes the schema from the annotation
async def with_schema(data: Order, ctx: JobContext) -> None: ...


async def trigger_declared() -> Order:
    await declared.trigger(Other(other_id="o1"))  # error: another model
    return await (await declared.trigger(Order(order_id="o1"))).result()  # error: another result


@job("misspelt-decorator", queu="mail")  # error: misspelt option
async def misspelt(data: Order, ctx: JobContext) -> None: ...


@job("decorator-without-context")  # error: a handler takes two arguments
async def without_context(data: Order) -> None: ...


@job("schedule-as-text", schedule="10m")  # error: a text for a schedule
async def scheduled_by_text(data: None, ctx: JobContext) -> None: ...


every("10m", only="live")  # error: no such environment
cron(5)  # error: no pattern
every(1.5)  # error: no duration
