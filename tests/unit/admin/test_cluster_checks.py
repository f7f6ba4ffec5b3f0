"""What the doctor says of a cluster's nodes."""

from __future__ import annotations

from midday_worker.admin.cluster_checks import judge_nodes
from midday_worker.engine.inspection.cluster_nodes import ClusterNode

HALF = 8_192


def node(name: str, *, follows: str | None = None, slots: int = 0, is_down: bool = False) -> ClusterNode:
    return ClusterNode(name, f"10.0.0.1:{name}", follows, is_down, slots)


def said(*nodes: ClusterNode) -> list[tuple[str, str]]:
    return [(finding.grade, finding.text) for finding in judge_nodes(nodes, nodes[0].address)]


def test_a_cluster_that_is_well_is_described() -> None:
    nodes = (
        node("1", slots=HALF),
        node("2", slots=HALF),
        node("3", follows="1"),
        node("4", follows="2"),
    )
    assert said(*nodes) == [
        (
            "ok",
            "2 primaries: 10.0.0.1:1 (8,192 slots, replicas: 10.0.0.1:3); 10.0.0.1:2 (8,192 slots, replicas: "
            "10.0.0.1:4); the keys of REDIS_PREFIX are at 10.0.0.1:1",
        )
    ]


def test_who_is_down_or_alone_is_named_and_slots_that_nobody_holds() -> None:
    nodes = (node("1", slots=HALF), node("2", slots=HALF, is_down=True), node("3", follows="1", is_down=True))
    assert said(*nodes)[1:] == [
        ("fail", "8,192 of 16,384 slots are held by no node that is there: jobs there can't be reached"),
        ("warn", "node 10.0.0.1:2 is down (a primary)"),
        ("warn", "node 10.0.0.1:3 is down (a replica)"),
        ("warn", "10.0.0.1:1 has no replica that is there: if it dies, its jobs are out of reach"),
        ("warn", "10.0.0.1:2 has no replica that is there: if it dies, its jobs are out of reach"),
    ]
