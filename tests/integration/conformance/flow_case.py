"""A tree of jobs in both languages' words, and one row of the flows' table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from midday_worker import FailurePolicy
from midday_worker.engine.wire.options import encode_on_failure
from tests.integration.conformance.actor import NAME

UPPER: Final = "upper level"
LOWER: Final = "lower-level"
"""The queue of the root and of the leaves, and that of the middle."""

GOOD_VALUE: Final = {"é": [1, None]}
MESSAGE: Final = "out of stock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One job of a flow; `on_failure` is what its failure does to its parent."""

    queue: str
    act: Mapping[str, object]
    on_failure: FailurePolicy = "fail"
    children: tuple[Node, ...] = ()

    def in_bullmq(self) -> dict[str, object]:
        """Return it as `FlowProducer.add` takes it."""
        return {
            "name": NAME,
            "queueName": self.queue,
            "data": self.act,
            "opts": encode_on_failure(self.on_failure),
            "children": [child.in_bullmq() for child in self.children],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the root and the middle end: their results, or None for a failure."""

    middle: object
    root: object


def tree(policy: FailurePolicy, bad: str) -> Node:
    """Return a flow of three levels, of which the second leaf or the middle fails."""
    good = Node(queue=UPPER, act={"tag": "good", "do": "value", "value": GOOD_VALUE}, on_failure=policy)
    fails = {"do": "fail", "message": MESSAGE}
    second = Node(queue=UPPER, act={"tag": "leaf", **(fails if bad == "leaf" else {"do": "value"})}, on_failure=policy)
    middle_act = {"tag": "middle", **(fails if bad == "middle" else {"do": "children"})}
    middle = Node(queue=LOWER, act=middle_act, on_failure=policy, children=(good, second))
    return Node(queue=UPPER, act={"tag": "root", "do": "children"}, children=(middle,))


def gathered(values: list[object], *ignored: str) -> dict[str, object]:
    """Return what the act `children` returns."""
    return {"values": values, "ignored": list(ignored)}


_WITHOUT_THE_LEAF: Final = gathered([GOOD_VALUE])
_WITH_ITS_FAILURE: Final = gathered([GOOD_VALUE], MESSAGE)
_ALL: Final = gathered([None, GOOD_VALUE])

OUTCOMES: Final[Mapping[tuple[FailurePolicy, str], Outcome]] = {
    ("fail", "none"): Outcome(middle=_ALL, root=gathered([_ALL])),
    ("fail", "leaf"): Outcome(middle=None, root=None),
    ("fail", "middle"): Outcome(middle=None, root=None),
    ("ignore", "leaf"): Outcome(middle=_WITH_ITS_FAILURE, root=gathered([_WITH_ITS_FAILURE])),
    ("ignore", "middle"): Outcome(middle=None, root=gathered([], MESSAGE)),
    ("remove", "leaf"): Outcome(middle=_WITHOUT_THE_LEAF, root=gathered([_WITHOUT_THE_LEAF])),
    ("remove", "middle"): Outcome(middle=None, root=gathered([])),
    ("continue", "leaf"): Outcome(middle=_WITH_ITS_FAILURE, root=gathered([_WITH_ITS_FAILURE])),
    ("continue", "middle"): Outcome(middle=None, root=gathered([], MESSAGE)),
}
"""By the policy of all children and by who fails. The good leaf is run before the bad one."""
