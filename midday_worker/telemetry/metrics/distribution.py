"""`Distribution`: a histogram in plain numbers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection
from typing import TypeAlias

Bounds: TypeAlias = tuple[float, ...]
"""The upper bounds of the buckets, in seconds; what is above the last one has a bucket of its own."""


class Distribution:
    """How often values fell into each bucket, and their sum. Written by one thread.

    >>> taken = Distribution((1.0, 2.0))
    >>> for seconds in (0.5, 2.0, 9.0):
    ...     taken.observe(seconds)
    >>> taken.values
    [11.5, 1, 1, 1]
    """

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Take one value in."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def observe_all(self, values: Collection[float]) -> None:
        """Take many values in, none of them NaN, in a fraction of the time that it takes one by one."""
        ordered = sorted(values)
        below = 0
        for bucket, bound in enumerate(self._bounds):
            upto = bisect_right(ordered, bound, below)
            self._counts[bucket] += upto - below
            below = upto
        self._counts[-1] += len(ordered) - below
        self._sum += sum(ordered)

    @property
    def count(self) -> int:
        """How many values were taken in."""
        return sum(self._counts)

    @property
    def values(self) -> list[float]:
        """The sum, and how many values were in each bucket."""
        return [self._sum, *self._counts]
