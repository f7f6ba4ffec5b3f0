"""Jobs of a service that lacks the handler of a job on its queue."""

from __future__ import annotations

from midday_worker import JobContext, job


@job("send-mails", queue="emails")
async def send_mails(data: str, ctx: JobContext) -> None:
    ctx.logger.info("sending to {user}", user=data)
