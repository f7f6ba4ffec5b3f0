"""The job that a service runs as it is told to stop: `midday-worker run --import` this, or this on the port."""

from __future__ import annotations

import asyncio
import os
import sys

import bullmq

from midday_worker import JobContext, job
from tests.integration.faults.engine import JOB, QUEUE, STARTED


@job(JOB, queue=QUEUE)
async def take_a_second(data: object, ctx: JobContext) -> None:
    os.write(sys.stdout.fileno(), STARTED)
    await asyncio.sleep(1)


async def main(url: str, prefix: str) -> None:
    """Work the queue with a stock worker, until the process ends."""

    async def process(job: bullmq.Job, token: str) -> None:
        os.write(sys.stdout.fileno(), STARTED)
        await asyncio.sleep(1)

    bullmq.Worker(QUEUE, process, {"connection": url, "prefix": prefix})
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
