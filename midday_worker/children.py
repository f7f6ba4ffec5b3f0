"""The typed results of a flow's children, as their parent's handler has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from midday_worker.errors import NonRetryableError
from midday_worker.schema import ResultSource

R = TypeVar("R")


def results_of(child: ResultSource[R], names: Mapping[str, str], values: Mapping[str, object]) -> list[R]:
    """Return the results of those children that are jobs of one definition.

    Args:
        child: the definition.
        names: the children's job names, by the child's key.
        values: the results of those that completed, by the child's key.

    Raises:
        NonRetryableError: a completed child has been removed, so its name isn't known any more.
    """
    gone = sorted(values.keys() - names.keys())
    if gone:
        raise NonRetryableError(
            f"Whose result {gone[0]} holds can't be told: that child was removed when it completed. "
            "Keep children until their parent has run (remove_on_complete), or use ctx.children_values()."
        )
    return [child.parse_result(value) for key, value in values.items() if names[key] == child.id]
