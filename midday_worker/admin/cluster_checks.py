"""Checks of a cluster: its nodes, who of them is down, and whether all slots are held."""

from __future__ import annotations

from collections.abc import Sequence

from midday_worker.admin.finding import Finding
from midday_worker.engine.inspection.cluster_nodes import SLOTS, ClusterNode, list_nodes, silent_hosts
from midday_worker.engine.redis.connection import Connection
from midday_worker.engine.redis.nodes import place_of_keys


async def check_cluster(connection: Connection, there: Connection) -> list[Finding]:
    """Return what was found of the nodes of a connection's cluster.

    Args:
        connection: to the node of REDIS_PREFIX.
        there: to one that answers.
    """
    silent = [
        _doubt(f"REDIS_URL names {host}, which does not answer", "name nodes that are there")
        for host in await silent_hosts(connection)
    ]
    return [*judge_nodes(await list_nodes(there), await place_of_keys(connection.conn) or "no node"), *silent]


def judge_nodes(nodes: Sequence[ClusterNode], home: str) -> list[Finding]:
    """Return the findings about the nodes of a cluster, and which of them holds the keys of REDIS_PREFIX."""
    primaries = [node for node in nodes if node.slots]
    shown = "; ".join(_shown(primary, nodes) for primary in primaries)
    text = f"{len(primaries)} primaries: {shown}; the keys of REDIS_PREFIX are at {home}"
    found = [Finding(check="cluster", grade="ok", text=text)]
    held = sum(node.slots for node in primaries if not node.is_down)
    if held < SLOTS:
        text = f"{SLOTS - held:,} of {SLOTS:,} slots are held by no node that is there: jobs there can't be reached"
        found.append(Finding(check="cluster", grade="fail", text=text, fix="redis-cli --cluster check HOST:PORT"))
    for node in nodes:
        if node.is_down:
            what = "a replica" if node.follows else "a primary" if node.slots else "without slots"
            found.append(_doubt(f"node {node.address} is down ({what})", "start it, or have the others forget it"))
    for primary in primaries:
        if not _replicas(primary, nodes):
            text = f"{primary.address} has no replica that is there: if it dies, its jobs are out of reach"
            found.append(_doubt(text, "redis-cli --cluster add-node NEW:PORT HOST:PORT --cluster-slave"))
    return found


def _doubt(text: str, fix: str) -> Finding:
    return Finding(check="cluster", grade="warn", text=text, fix=fix)


def _shown(primary: ClusterNode, nodes: Sequence[ClusterNode]) -> str:
    replicas = ", ".join(node.address for node in _replicas(primary, nodes)) or "none"
    return f"{primary.address} ({primary.slots:,} slots, replicas: {replicas})"


def _replicas(primary: ClusterNode, nodes: Sequence[ClusterNode]) -> list[ClusterNode]:
    return [node for node in nodes if node.follows == primary.id and not node.is_down]
