"""What the tests of the dashboard share: queues with a job in each state, and somebody who looks at them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobContext, JobDefinition, JobHandle, JobRegistry, Payload, Settings, job
from midday_worker.dashboard import create_dashboard
from midday_worker.errors import JobFailedError
from midday_worker.testing import RedisServer
from tests.integration.crew import Crew
from tests.integration.dashboard.visitor import Visitor


class Mail(Payload):
    user_id: str
    action: str = "email"


class Report(Payload):
    month: str


async def send(data: Mail, ctx: JobContext) -> dict[str, str]:
    await ctx.update_progress({"sent": 1})
    await ctx.log(f"sending to {data.user_id}")
    if data.user_id == "nobody":
        raise LookupError("no such user")
    return {"sent": data.user_id}


async def build(data: Report, ctx: JobContext) -> str:
    return f"report of {data.month}"


@dataclass(frozen=True, slots=True)
class Jobs:
    """The jobs of the queues emails and reports."""

    mail: JobDefinition[Mail, dict[str, str]]
    report: JobDefinition[Report, str]


@pytest.fixture
def settings(redis_server: RedisServer, redis_prefix: str) -> Settings:
    """Without a login: `test_security.py` and `test_token.py` have theirs."""
    return Settings(env_file=None, redis_url=redis_server.url, redis_prefix=redis_prefix, board_login="none")


@pytest.fixture
def jobs(registry: JobRegistry) -> Jobs:
    return Jobs(
        job("send-mail", Mail, send, queue="emails", attempts=1, registry=registry),
        job("build-report", Report, build, queue="reports", registry=registry),
    )


@pytest.fixture
async def visitor(jobs: Jobs, registry: JobRegistry, client: JobClient) -> AsyncIterator[Visitor]:
    async with Visitor(create_dashboard(registry, client=client)) as visitor:
        yield visitor


@pytest.fixture
async def ended(jobs: Jobs, client: JobClient, registry: JobRegistry, settings: Settings) -> dict[str, str]:
    """The ids of one job in each state that is left once a worker has gone, and of a flow and a schedule."""
    mail = jobs.mail
    handles: dict[str, JobHandle[dict[str, str]]] = {
        user: await mail.trigger(Mail(user_id=user), client=client) for user in ("ada", "nobody")
    }
    async with Crew(registry, settings):
        await handles["ada"].result("10s")
        with pytest.raises(JobFailedError):
            await handles["nobody"].result("10s")
    handles["later"] = await mail.trigger(Mail(user_id="later"), client=client, delay="1h")
    handles["vip"] = await mail.trigger(Mail(user_id="vip"), client=client, priority=3)
    handles["next"] = await mail.trigger(Mail(user_id="next"), client=client)
    children = [mail.node(Mail(user_id="child")), mail.node(Mail(user_id="other"), on_failure="ignore")]
    flow = await jobs.report.trigger_flow(Report(month="May"), children, client=client)
    schedule = await mail.trigger_recurring(Mail(user_id="ada"), "0 9 * * *", tz="Europe/Stockholm", client=client)
    await mail.trigger_recurring(Mail(user_id="ada"), every="1h", client=client, schedule_id="hourly")
    ids = {name: handle.id for name, handle in handles.items()}
    return {**ids, "flow": flow.id, "child": flow.children[0].id, "schedule": schedule.id}


@pytest.fixture
async def hostile(redis: Redis, client: JobClient) -> str:
    """The id of a job that holds what a page could stumble over."""
    queue = client.queue("emails")
    job_id = "a/b%2F:c d?é\n"
    fields = {"name": "<script>alert(1)</script>", "data": "not JSON", "opts": "{", "timestamp": "1", "progress": "7"}
    for field, value in fields.items():
        await redis.hset(queue.toKey(job_id), field, value)
    await redis.lpush(queue.toKey("wait"), job_id)
    return job_id
