"""What a reader of the tables has to know, some of it measured at the end of a run."""

from __future__ import annotations

from scripts.benchmark.items.latency import ROUND_TRIPS_MS
from scripts.benchmark.stage import Stage


def notes(stage: Stage) -> list[str]:
    """Return the notes."""
    direct = stage.line(0)
    found = [
        "In brackets: how many times better midday_worker's median is than this one, whatever the unit.",
        "Each job's number is written down by its handler; a measurement counts only if each ran exactly once, and if "
        "Redis, where the queue is BullMQ's, holds each as completed.",
        "A slow contender gets as many jobs as take it about a second, another library about half of one.",
        f"The proxy of W6, adding nothing, passes {direct.commands_per_second():,.0f} commands per second.",
    ]
    for added in ROUND_TRIPS_MS:
        measured = stage.line(added).round_trip_ms()
        found.append(f"W6's {added} ms are added to a round trip; a ping through the proxy took {measured:.2f} ms.")
    return found
