"""The jobs of a made-up shop, and queues with one of them in each state."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from midday_worker import JobClient, JobContext, JobDefinition, JobRegistry, Payload, Settings, job
from midday_worker.errors import JobFailedError
from tests.integration.crew import Crew

NOBODY = "nobody"


class Mail(Payload):
    user_id: str
    team_id: str = "team_a"
    action: Literal["email", "notification"] = "email"


class Report(Payload):
    month: str
    team_id: str = "team_a"


async def send(data: Mail, ctx: JobContext) -> dict[str, str]:
    await ctx.update_progress(50)
    await ctx.log(f"sending to {data.user_id}")
    if data.user_id == NOBODY:
        raise LookupError("no such user")
    return {"sent": data.user_id}


async def build(data: Report, ctx: JobContext) -> str:
    return f"report of {data.month}"


@dataclass(frozen=True, slots=True)
class Shop:
    """The jobs of the queues emails and reports."""

    registry: JobRegistry
    mail: JobDefinition[Mail, dict[str, str]]
    report: JobDefinition[Report, str]


@dataclass(frozen=True, slots=True)
class Stock:
    """The ids of what is in the queues; no worker is left.

    Attributes:
        done: a mail that was sent.
        failed: one that was not.
        later: a delayed one.
        urgent: one with a priority.
        waiting: one that waits.
        flow: a report that waits for its children.
        child: one of them.
        schedule: a schedule of mails.
    """

    done: str
    failed: str
    later: str
    urgent: str
    waiting: str
    flow: str
    child: str
    schedule: str


def open_shop() -> Shop:
    """Return the jobs, in a registry of their own."""
    registry = JobRegistry()
    mail = job("send-mail", Mail, send, queue="emails", attempts=1, registry=registry)
    return Shop(registry, mail, job("build-report", Report, build, queue="reports", registry=registry))


async def stock_up(shop: Shop, client: JobClient, settings: Settings) -> Stock:
    """Bring a job into each state that is left once a worker has gone."""
    mail = shop.mail
    done = await mail.trigger(Mail(user_id="ada"), client=client)
    failed = await mail.trigger(Mail(user_id=NOBODY), client=client)
    async with Crew(shop.registry, settings):
        await done.result("20s")
        with suppress(JobFailedError):
            await failed.result("20s")
    later = await mail.trigger(Mail(user_id="later"), client=client, delay="1h")
    urgent = await mail.trigger(Mail(user_id="vip"), client=client, priority=3)
    waiting = await mail.trigger(Mail(user_id="next", team_id="team_b"), client=client)
    children = [mail.node(Mail(user_id="child")), mail.node(Mail(user_id="other"), on_failure="ignore")]
    flow = await shop.report.trigger_flow(Report(month="May"), children, client=client)
    schedule = await mail.trigger_recurring(
        Mail(user_id="ada"), "0 9 * * *", tz="Europe/Stockholm", schedule_id="morning", client=client
    )
    return Stock(done.id, failed.id, later.id, urgent.id, waiting.id, flow.id, flow.children[0].id, schedule.id)
