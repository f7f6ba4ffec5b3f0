"""`ProcessMetrics`: all that one process measures, put together when it is asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from loguru import logger

from midday_worker import __version__
from midday_worker.databases import Database
from midday_worker.definition.registry import JobRegistry
from midday_worker.engine.inspection.depth import QueueDepth, measure_depths
from midday_worker.engine.redis.connections import Connections
from midday_worker.settings.settings import Settings
from midday_worker.telemetry.metrics.snapshot import Snapshot
from midday_worker.telemetry.metrics.tally import QueueTally
from midday_worker.workers.plan import Plan
from midday_worker.workers.readiness import Readiness
from midday_worker.workers.watchdog import Watchdog

if TYPE_CHECKING:
    from midday_worker.outbox.relay import Relay

DEPTHS_KEPT_S: Final = 2.0
"""How old the sizes of the queues may be: several that scrape don't ask Redis several times."""

_ANSWER_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a running process looks at."""

    connections: Connections
    readiness: Readiness
    watchdog: Watchdog
    database: Database | None
    outbox: Relay | None = None


class ProcessMetrics:
    """Counts from the start on; the rest from `watch` on.

    Args:
        registry: the jobs.
        plan: the queues.
        settings: the environment's name.

    Attributes:
        tallies: what the workers count, by queue.
    """

    def __init__(self, registry: JobRegistry, plan: Plan, settings: Settings) -> None:
        names = [definition.id for definition in registry]
        self.tallies = {
            config.queue: QueueTally(
                config.queue, [each.id for each in registry.handled(config.queue)], elsewhere=names
            )
            for config in plan.queues
        }
        self._plan = plan
        self._environment = settings.environment
        self._measured: Measured | None = None
        self._depths: list[QueueDepth] = []
        self._depths_at = 0.0

    def watch(self, measured: Measured) -> None:
        """Measure these from now on."""
        self._measured = measured

    async def snapshot(self) -> Snapshot:
        """Return all metrics. It asks Redis for the sizes of the queues, and goes without them if it doesn't answer."""
        snapshot = Snapshot()
        snapshot.add("midday_worker_info", (__version__, self._environment), 1)
        snapshot.add("midday_worker_processes", (), 1)
        for tally in self.tallies.values():
            tally.write(snapshot)
        for config in self._plan.queues:
            snapshot.add("midday_worker_queue_concurrency", (config.queue,), config.concurrency)
        measured = self._measured
        snapshot.add("midday_worker_processes_ready", (), measured is not None and measured.readiness.report().ready)
        if measured is not None:
            _write_process(snapshot, measured)
            await _write_outbox(snapshot, measured.outbox)
            for depth in await self._measure(measured.connections):
                _write_depth(snapshot, depth)
        return snapshot

    async def _measure(self, connections: Connections) -> list[QueueDepth]:
        if time.monotonic() - self._depths_at > DEPTHS_KEPT_S:
            self._depths = await measure_all(connections, self._plan)
            self._depths_at = time.monotonic()
        return self._depths


async def measure_all(connections: Connections, plan: Plan) -> list[QueueDepth]:
    """Return the depths of a plan's queues, but for those of a prefix whose server doesn't answer now."""
    names: dict[str, list[str]] = {}
    for config in plan.queues:
        names.setdefault(config.prefix or connections.config.prefix, []).append(config.queue)
    found = await asyncio.gather(*(_depths_at(connections, prefix, of) for prefix, of in names.items()))
    return [depth for of_prefix in found for depth in of_prefix]


async def _depths_at(connections: Connections, prefix: str, queues: Sequence[str]) -> list[QueueDepth]:
    """Return the depths of a prefix's queues; none if they can't be measured now: what was once is not what is."""
    try:
        return await measure_depths(connections.of(prefix), prefix, queues, _ANSWER_S)
    except Exception as error:  # whatever it is, the counters are there, and other prefixes may be at other servers
        logger.debug("the queues under {prefix} could not be measured: {error}", prefix=prefix, error=error)
        return []


def _write_process(snapshot: Snapshot, measured: Measured) -> None:
    snapshot.add("midday_worker_event_loop_lag_seconds", (), *measured.watchdog.lags.values)
    latency_s = measured.readiness.redis_latency_s
    if latency_s is not None:
        snapshot.add("midday_worker_redis_latency_seconds", (), latency_s)
    use = None if measured.database is None else measured.database.pool_use()
    if use is not None:
        snapshot.add("midday_worker_database_connections", ("in_use",), use.in_use)
        snapshot.add("midday_worker_database_connections", ("idle",), use.idle)
        snapshot.add("midday_worker_database_connections_limit", (), use.limit)


async def _write_outbox(snapshot: Snapshot, outbox: Relay | None) -> None:
    found = None if outbox is None else await outbox.backlog(_ANSWER_S)
    if found is not None:
        snapshot.add("midday_worker_outbox_unsent", (), found.rows)
        snapshot.add("midday_worker_outbox_oldest_unsent_seconds", (), found.oldest_s)


def _write_depth(snapshot: Snapshot, depth: QueueDepth) -> None:
    for state, count in depth.jobs.items():
        snapshot.add("midday_worker_queue_jobs", (depth.queue, state), count)
    snapshot.add("midday_worker_queue_oldest_waiting_seconds", (depth.queue,), max(0.0, depth.oldest_waiting_s))
    snapshot.add("midday_worker_queue_paused", (depth.queue,), depth.paused)
