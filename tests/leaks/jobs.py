"""A job that does nothing."""

from __future__ import annotations

from typing import Final

from midday_worker import JobContext, Payload, job

QUEUE: Final = "leaks"


class Nothing(Payload):
    """A payload of some size."""

    number: int
    text: str = "x" * 100


@job("nothing", queue=QUEUE, remove_on_complete=True)
async def nothing(data: Nothing, ctx: JobContext) -> int:
    """Return what was given."""
    return data.number
