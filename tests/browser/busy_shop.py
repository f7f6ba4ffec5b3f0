"""A shop that has been busy for a while, for pictures: jobs in each state, and one that is running."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis

from midday_worker import JobClient, JobContext, JobRegistry, Payload, Settings, job
from midday_worker.errors import JobFailedError
from tests.browser.shop import Mail, Report, build, open_shop
from tests.deadline import eventually
from tests.integration.crew import Crew

TEAMS = ("acme", "globex", "initech")
STACK = """Traceback (most recent call last):
  File "/srv/shop/payments.py", line 41, in charge
    receipt = await gateway.charge(data.order_id, data.amount)
  File "/srv/shop/gateway.py", line 88, in charge
    raise CardDeclinedError(answer.reason)
shop.gateway.CardDeclinedError: insufficient funds"""


class Charge(Payload):
    order_id: str
    team_id: str
    amount: float


class Export(Payload):
    team_id: str
    format: str = "csv"


class CardDeclinedError(Exception):
    """A card has not enough."""


async def charge(data: Charge, ctx: JobContext) -> dict[str, str]:
    await ctx.log(f"charging {data.amount:.2f} for order {data.order_id}")
    await asyncio.sleep(0.01 + data.amount / 5_000)
    if data.amount > 90:
        await ctx.log("the bank answered: insufficient funds")
        raise CardDeclinedError("insufficient funds")
    return {"receipt": f"R-{data.order_id}"}


class Exports:
    """Exports that are at 60 % until `release` is set."""

    def __init__(self) -> None:
        self.release = asyncio.Event()

    async def export(self, data: Export, ctx: JobContext) -> None:
        for number, table in enumerate(("users", "orders", "invoices"), 1):
            await ctx.log(f"wrote table {table}")
            await ctx.update_progress(number * 20)
        await self.release.wait()


@dataclass(frozen=True, slots=True)
class Busy:
    """The jobs, and the ids of those that the pictures are of."""

    registry: JobRegistry
    failed: str
    flow: str
    running: str


class BusyShop:
    """Adds the jobs, and lets them run.

    Args:
        client: where they are added.
        redis: the same Redis, for what no client does.
    """

    def __init__(self, client: JobClient, redis: Redis) -> None:
        self._client = client
        self._redis = redis
        self._shop = open_shop()
        self._exports = Exports()
        registry = self.registry = self._shop.registry
        self._charge = job("charge-card", Charge, charge, queue="payments", attempts=1, registry=registry)
        self._export = job("export-data", Export, self._exports.export, queue="exports", registry=registry)
        self._part = job("build-part", Report, build, queue="parts", registry=registry)

    @asynccontextmanager
    async def busy(self, settings: Settings) -> AsyncGenerator[Busy]:
        """Keep it busy."""
        async with Crew(self.registry, settings):
            try:
                failed = await self._finished()
                running = await self._running()
                yield Busy(self.registry, failed, await self._planned(), running)
            finally:
                self._exports.release.set()

    async def _finished(self) -> str:
        """Let many jobs end; return one that failed."""
        charges = [
            await self._charge.trigger(
                Charge(order_id=f"{1000 + n}", team_id=TEAMS[n % 3], amount=(n * 37) % 97 + 0.5), client=self._client
            )
            for n in range(60)
        ]
        mails = [
            await self._shop.mail.trigger(Mail(user_id=f"user_{n}", team_id=TEAMS[n % 3]), client=self._client)
            for n in range(40)
        ]
        await asyncio.gather(*(mail.result("30s") for mail in mails))
        ends = await asyncio.gather(*(each.result("30s") for each in charges), return_exceptions=True)
        failed = next(each.id for each, end in zip(charges, ends, strict=True) if isinstance(end, JobFailedError))
        # The real one holds the paths of whoever makes the pictures.
        await self._redis.hset(self._client.queue("payments").toKey(failed), "stacktrace", json.dumps([STACK]))
        return failed

    async def _running(self) -> str:
        running = await self._export.trigger(Export(team_id="acme"), client=self._client)

        async def written() -> bool:
            return await self._redis.hget(self._client.queue("exports").toKey(running.id), "progress") == "60"

        await eventually(written, "the export is at 60 %", 20)
        return running.id

    async def _planned(self) -> str:
        """Plan jobs for later; return a flow."""
        client, mail, export = self._client, self._shop.mail, self._export
        for n in range(3):
            await export.trigger(Export(team_id=TEAMS[n]), client=client, delay=f"{n + 1}h")
        parts = [self._part.node(Report(month=month), delay="2h") for month in ("April", "May", "June")]
        flow = await self._shop.report.trigger_flow(Report(month="second quarter"), parts, client=client)
        await mail.trigger_recurring(Mail(user_id="all"), "0 9 * * 1-5", tz="Europe/Stockholm", client=client)
        await export.trigger_recurring(Export(team_id="globex"), every="6h", schedule_id="backup", client=client)
        return flow.id
