"""A Redis Cluster, and what is done to it: the jobs' slot moves, and replicas take over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from redis.crc import key_slot

from tests.redis_cluster import RedisCluster
from tests.soak.disturber import Deed
from tests.soak.jobs import PREFIX
from tests.soak.ledger import Ledger
from tests.soak.schedule import Card, Disturbance, Kind

CLUSTER_DECK: Final[Sequence[Card]] = (
    ("move", 0, 0),
    ("take over", 0, 0),
    ("take over", 0, 0),
    ("client kill", 0, 0),
)


class Cluster:
    """As `SingleRedis`, for three primaries with replicas. None is killed: what isn't copied yet would be lost."""

    def __init__(self, cluster: RedisCluster, ledger: Ledger) -> None:
        self._cluster = cluster
        self._ledger = ledger
        self.url = self.direct_url = cluster.url
        self.deck = CLUSTER_DECK
        self.deeds: Mapping[Kind, Deed] = {
            "move": self._move,
            "take over": self._take_over,
            "client kill": self._kill_clients,
        }

    def direct(self) -> None:
        """Return None: which of the nodes stands still is not looked at."""

    @classmethod
    @asynccontextmanager
    async def running(cls, ledger: Ledger) -> AsyncGenerator[Cluster]:
        """Start it, and stop it."""
        with RedisCluster() as cluster:
            yield cls(cluster, ledger)

    async def _move(self, disturbance: Disturbance) -> None:
        started = asyncio.get_running_loop().time()
        target = self._cluster.other_than(self._cluster.node_of(PREFIX))
        await asyncio.to_thread(self._cluster.move, key_slot(PREFIX.encode()), target)
        # As far as scripts go, whose keys are in two places.
        self._ledger.note("redis away", started, until=asyncio.get_running_loop().time(), detail="moved")

    async def _take_over(self, disturbance: Disturbance) -> None:
        started = asyncio.get_running_loop().time()
        await asyncio.to_thread(self._cluster.fail_over, self._cluster.node_of(PREFIX))
        self._ledger.note("redis away", started, until=asyncio.get_running_loop().time(), detail="replaced")

    async def _kill_clients(self, disturbance: Disturbance) -> None:
        self._ledger.note("cut", detail="clients killed")
        self._cluster.node_of(PREFIX).ask("CLIENT", "KILL", "TYPE", "normal")
