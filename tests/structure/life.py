"""``python -m tests.structure.life``: a producer's life, and what a worker does meanwhile in its own.

Jobs that complete, that fail and are tried again, that wait for their time, of a schedule, and of a flow.
"""

from __future__ import annotations

from contextlib import suppress

import uvloop

from midday_worker import JobClient, JobFailedError, Settings
from tests.structure.jobs import Item, failing, nothing, parent


async def main() -> None:
    """Trigger each kind of job and wait for its end."""
    async with JobClient(Settings(env_file=None)) as client:
        for number in range(20):
            await (await nothing.trigger(Item(number=number), client=client)).result("60s")
        await (await nothing.trigger(Item(number=1), priority=1, client=client)).result("60s")
        await (await nothing.trigger_delayed(Item(number=1), 100, client=client)).result("60s")
        with suppress(JobFailedError):
            await (await failing.trigger(Item(number=1), client=client)).result("60s")
        children = [nothing.node(Item(number=number)) for number in range(2)]
        await (await parent.trigger_flow(Item(number=1), children, client=client)).result("60s")
        schedule = await nothing.trigger_recurring(Item(number=1), every=200, client=client)
        await (await nothing.trigger_delayed(Item(number=1), 500, client=client)).result("60s")
        await schedule.remove()


if __name__ == "__main__":
    uvloop.run(main())
