"""A Redis Cluster on loopback: three primaries with a replica each, whose slots move and whose nodes die."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self, cast

import redis
from redis.crc import key_slot

from midday_worker.embedded import ServerStartError
from midday_worker.testing import RedisServer

PRIMARIES: Final = 3
NODE_TIMEOUT_MS: Final = 2_000
_SLOTS: Final = 16_384
_BUS: Final = 10_000
# The bus' ports, above them, are below the range from which Linux takes ports for outgoing connections, too.
_PORTS: Final = range(20_000, 22_700)
_SETTINGS: Final = {
    "cluster-enabled": "yes",
    "cluster-config-file": "nodes.conf",
    "cluster-node-timeout": str(NODE_TIMEOUT_MS),
    "cluster-replica-validity-factor": "0",
    "cluster-migration-barrier": "10",
    "repl-diskless-sync-delay": "0",
}
_WITHIN_S: Final = 60.0


class ClusterNode(RedisServer):
    """One of its servers."""

    def __init__(self) -> None:
        super().__init__(port=_free_port())

    def _arguments(self, directory: Path, port: int) -> list[str]:
        more = [part for name, value in _SETTINGS.items() for part in (f"--{name}", value)]
        return [*super()._arguments(directory, port), *more]

    def ask(self, *words: str | int) -> object:
        """Send it one command."""
        with redis.Redis(host=self.host, port=self.port, decode_responses=True, socket_timeout=30) as client:
            return cast("Callable[..., object]", client.execute_command)(*words)  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py

    @property
    def id(self) -> str:
        """Its name in the cluster."""
        return str(self.ask("CLUSTER", "MYID"))

    @property
    def is_primary(self) -> bool:
        """Whether it runs, and holds slots."""
        with suppress(redis.RedisError, ServerStartError):
            return self.process.running and cast("list[str]", self.ask("ROLE"))[0] == "master"
        return False


class RedisCluster:
    """Three primaries, each with a replica; `with` starts and stops it."""

    def __init__(self) -> None:
        self.nodes: list[ClusterNode] = []
        self._stack = ExitStack()

    @property
    def url(self) -> str:
        """For REDIS_URL: two of its nodes."""
        return f"redis+cluster://{','.join(f'{node.host}:{node.port}' for node in self.nodes[:2])}"

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.nodes = [stack.enter_context(ClusterNode()) for _ in range(2 * PRIMARIES)]
            self._join()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _join(self) -> None:
        primaries, replicas = self.nodes[:PRIMARIES], self.nodes[PRIMARIES:]
        for index, node in enumerate(primaries):
            first, last = index * _SLOTS // PRIMARIES, (index + 1) * _SLOTS // PRIMARIES - 1
            node.ask("CLUSTER", "ADDSLOTS", *range(first, last + 1))
        for index, node in enumerate(self.nodes):
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", index + 1)
            if index:
                node.ask("CLUSTER", "MEET", self.nodes[0].host, self.nodes[0].port)
        ids = [node.id for node in primaries]
        for replica, primary in zip(replicas, ids, strict=True):
            until(partial(_knows, replica, ids), "all nodes have met")
            replica.ask("CLUSTER", "REPLICATE", primary)
        self.wait_until_well()

    def wait_until_well(self) -> None:
        """Wait until every node knows that all is well, and replicas have copied their primaries."""
        for node in self.nodes:
            until(partial(_is_well, node), "all is well")

    def node_of(self, prefix: str) -> ClusterNode:
        """Return the primary that holds the keys of a prefix."""
        return self.holder(key_slot(prefix.encode()))

    def holder(self, slot: int) -> ClusterNode:
        """Return the primary that holds a slot."""
        for node in self.nodes:
            if node.is_primary and _holds(node, slot):
                return node
        raise LookupError(f"nobody holds slot {slot}")

    def replica_of(self, node: ClusterNode) -> ClusterNode:
        """Return a primary's replica."""
        until(lambda: _replica_ports(node), "it has a replica")
        (port,) = _replica_ports(node)
        return next(each for each in self.nodes if each.port == port)

    def other_than(self, node: ClusterNode) -> ClusterNode:
        """Return another primary."""
        return next(each for each in self.nodes if each is not node and each.is_primary)

    def move(self, slot: int, target: ClusterNode, between: Callable[[], object] = lambda: None) -> None:
        """Move a slot and its keys to another primary, as `redis-cli --cluster reshard` does.

        Args:
            slot: the slot.
            target: who shall hold it.
            between: called while it is in neither place whole.
        """
        source = self.holder(slot)
        self.begin_move(slot, source, target)
        moved = 0
        while keys := cast("list[str]", source.ask("CLUSTER", "GETKEYSINSLOT", slot, 10)):
            source.ask("MIGRATE", target.host, target.port, "", 0, 5_000, "KEYS", *keys)
            moved += 1
            if moved == 1:
                between()
        self.end_move(slot, source, target)

    def move_whole(self, slot: int, target: ClusterNode) -> bool:
        """Move a slot and its keys as one, as Valkey 9 can; return False, with nothing done, where servers can't."""
        source = self.holder(slot)
        try:
            source.ask("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", target.id)
        except redis.ResponseError:
            return False
        until(lambda: _holds(target, slot), "the slot has moved")
        return True

    def begin_move(self, slot: int, source: ClusterNode, target: ClusterNode) -> None:
        """Begin: from here on what isn't at the source is asked for at the target."""
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)

    def end_move(self, slot: int, source: ClusterNode, target: ClusterNode) -> None:
        """End: tell the target first, as redis-cli does, then all others."""
        name = target.id
        for node in (target, source, *(each for each in self.nodes if each.is_primary)):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", name)

    def fail_over(self, node: ClusterNode) -> ClusterNode:
        """Let a primary's replica take over from it in order, the old one staying as a replica; return the new one."""
        replica = self.replica_of(node)
        until(lambda: _is_linked(replica), "the replica has copied")
        replica.ask("CLUSTER", "FAILOVER")
        until(lambda: replica.is_primary, "the replica has taken over")
        return replica

    def restore(self) -> None:
        """Start again what has died, and wait until all is well."""
        for node in self.nodes:
            if not node.process.running:
                node.restart()
        self.wait_until_well()


def until(is_so: Callable[[], object], what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + _WITHIN_S
    while True:
        with suppress(redis.RedisError):
            if is_so():
                return
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {_WITHIN_S:g} s: {what}")
        time.sleep(0.02)


def _replica_ports(node: ClusterNode) -> list[int]:
    name = node.id
    lines = [line.split() for line in str(node.ask("CLUSTER", "NODES")).splitlines()]
    places = [words[1].partition("@")[0] for words in lines if words[3] == name and "fail" not in words[2]]
    return [int(place.rpartition(":")[2]) for place in places]


def _knows(node: ClusterNode, others: Sequence[str]) -> bool:
    known = str(node.ask("CLUSTER", "NODES"))
    return all(other in known for other in others)


def _is_well(node: ClusterNode) -> bool:
    return "cluster_state:ok" in str(node.ask("CLUSTER", "INFO")) and _is_linked(node)


def _holds(node: ClusterNode, slot: int) -> bool:
    own = next(line for line in str(node.ask("CLUSTER", "NODES")).splitlines() if "myself" in line)
    ranges: Sequence[str] = [part for part in own.split()[8:] if not part.startswith("[")]
    return any(int(each.split("-")[0]) <= slot <= int(each.split("-")[-1]) for each in ranges)


def _is_linked(node: ClusterNode) -> bool:
    role = cast("list[object]", node.ask("ROLE"))
    return role[0] == "master" or role[3] == "connected"


def _free_port() -> int:
    for port in random.sample(_PORTS, 50):
        with socket.socket() as probe, socket.socket() as bus, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            bus.bind(("127.0.0.1", port + _BUS))
            return port
    raise ServerStartError("no free port for a cluster's node")
