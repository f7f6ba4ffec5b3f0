"""What the tests of acts on queues share: a job on a queue of its own."""

from __future__ import annotations

import pytest

from midday_worker import JobClient, JobContext, JobDefinition, JobRegistry, job
from midday_worker.engine.producer.queue import Queue


async def send(data: str, ctx: JobContext) -> str:
    await ctx.log(f"sending to {data}")
    if data == "nobody":
        raise LookupError("no such user")
    return data.upper()


@pytest.fixture
def mail(registry: JobRegistry) -> JobDefinition[str, str]:
    return job("send-mail", str, send, queue="emails", attempts=1, registry=registry)


@pytest.fixture
def queue(client: JobClient) -> Queue:
    return client.queue("emails")
