"""A job in a process of its own, whose payload has had another version; a child process imports this."""

from __future__ import annotations

from midday_worker import JobRegistry, Payload, SyncJobContext, job

registry = JobRegistry()


class Count(Payload):
    amount: int


@job("count", queue="counts", executor="process", version=2, registry=registry)
def count(data: Count, ctx: SyncJobContext) -> int:
    return data.amount


@count.upcast(from_version=1)
def _(old: dict[str, object]) -> dict[str, object]:
    return {"amount": old["number"]}
