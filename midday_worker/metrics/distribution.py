"""`Distribution`: a histogram in plain numbers."""

from __future__ import annotations

from bisect import bisect_left
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

    @property
    def values(self) -> list[float]:
        """The sum, and how many values were in each bucket."""
        return [self._sum, *self._counts]
