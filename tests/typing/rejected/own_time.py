"""What both type checkers refuse of a test's own time: each line that is marked."""

from __future__ import annotations

from midday_worker.testing import running_worker, time_travel


async def mistakes() -> None:
    async with time_travel(start="2026-03-01") as world:  # error: a datetime
        await world.advance()  # error: how long
        await world.advance(1.5)  # error: not a float
        world.assert_ran("welcome")  # error: the job, not its name
    async with running_worker(settings={}) as worker:  # error: Settings
        await worker.advance("1d")  # error: its clock is the real one
