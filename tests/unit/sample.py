"""A few jobs that the unit tests trigger and run."""

from __future__ import annotations

from typing import Final

from midday_worker import JobContext, JobRegistry, Payload, QueueRegistry, job


class Parcel(Payload):
    """What is packed."""

    order_id: str
    weight: int = 1


class Label(Payload):
    """What packing gives."""

    tracking_id: str


REGISTRY: Final = JobRegistry(QueueRegistry())
"""Apart from the default one, which other tests fill."""


@job("pack", queue="warehouse", attempts=5, registry=REGISTRY)
async def pack(data: Parcel, ctx: JobContext) -> Label:
    """Pack a parcel."""
    await ctx.update_progress(50)
    await ctx.log(f"weighs {data.weight}")
    return Label(tracking_id=f"t-{data.order_id}")


@job("weigh", queue="warehouse", registry=REGISTRY)
async def weigh(data: Parcel, ctx: JobContext) -> int:
    """Weigh a parcel."""
    return data.weight


@job("ship", queue="harbour", registry=REGISTRY)
async def ship(data: Parcel, ctx: JobContext) -> list[str]:
    """Ship what its children have packed."""
    return [label.tracking_id for label in await ctx.children_results(pack)]
