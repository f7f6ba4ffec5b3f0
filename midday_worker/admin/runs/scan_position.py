"""`ScanPosition`: how far a state of a queue was looked through."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Self


@dataclass(frozen=True, slots=True)
class ScanPosition:
    """The last job that was looked at, and is still there as far as we know; later ones follow it.

    Attributes:
        id: its id; empty before the first.
        score: its score, as Redis writes it; that of a list is empty.
        index: how many stand before it.
    """

    id: str = ""
    score: str = ""
    index: int = 0

    @classmethod
    def of(cls, stored: object) -> Self:
        """Return the place that `stored` names. Raises ValueError."""
        match stored:
            case [str(job_id), str(score), int(index)] if 0 <= index < 2**53:
                job_id.encode()  # half a surrogate pair can't be sent to Redis
                if not score or math.isfinite(float(score)):
                    return cls(job_id, score, index)
            case _:
                pass
        raise ValueError("this is no place")

    @property
    def stored(self) -> list[object]:
        """The place as JSON."""
        return [self.id, self.score, self.index]


START: Final = ScanPosition()
