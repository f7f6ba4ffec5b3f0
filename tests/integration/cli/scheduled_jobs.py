"""A service that declares schedules."""

from __future__ import annotations

from midday_worker import JobContext, cron, every, job


@job("sync", queue="syncs", schedule=[every("10m"), cron("0 9 * * *", tz="Europe/Stockholm", only="production")])
async def sync(data: None, ctx: JobContext) -> None: ...
