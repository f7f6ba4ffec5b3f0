"""The typed results of a flow's children, as their parent's handler has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from midday_worker.errors import NonRetryableError
from midday_worker.request import JobSource

R = TypeVar("R")


def results_of(child: JobSource[R], names: Mapping[str, str], values: Mapping[str, object]) -> list[R]:
    """Return the results of those children that are jobs of one definition.

    Args:
        child: the definition.
        names: the children's job names, by the child's key, as far as they are known.
        values: the results of those that completed, by the child's key.

    Raises:
        NonRetryableError: a child on the definition's queue that was added elsewhere has been removed, so its name
            isn't known.
    """
    gone = sorted(key for key in values.keys() - names.keys() if queue_of(key) == child.queue)
    if gone:
        raise NonRetryableError(
            f"Whose result {gone[0]} holds can't be told: that child was removed, and what added it didn't say its "
            "name. Keep children until their parent has run (remove_on_complete), or use ctx.children_values()."
        )
    return [child.parse_result(value) for key, value in values.items() if names.get(key) == child.id]


def queue_of(key: str) -> str:
    """Return the queue of a job's key `prefix:queue:id`.

    >>> queue_of("bull:emails:order-7")
    'emails'
    """
    return key.rpartition(":")[0].rpartition(":")[2]
