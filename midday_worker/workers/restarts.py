"""`RestartPolicy`: when a worker process that has ended is started again, and when no more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_MOST_DOUBLINGS: Final = 30


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """The rules, apart from processes and clocks. Times in seconds.

    Args:
        first_s: the longest wait after the first failure; it doubles with each further one in a row.
        longest_s: no wait is longer.
        healthy_s: a process that was ready for so long was well: the count begins anew.
        tries: how often in a row each process may fail before the service gives up.
    """

    first_s: float = 0.2
    longest_s: float = 30.0
    healthy_s: float = 60.0
    tries: int = 5

    def failures(self, before: int, ready_for_s: float) -> int:
        """Return the failures in a row of a process that has just ended, with this one.

        Args:
            before: how many there were when it was started.
            ready_for_s: how long it has been taking jobs, 0 if it never did.
        """
        return 1 if ready_for_s >= self.healthy_s else before + 1

    def delay_s(self, failures: int, chance: float) -> float:
        """Return how long to wait after so many failures in a row.

        Args:
            failures: 1 after the first.
            chance: from 0 to 1; spreads the processes that one cause has ended.
        """
        longest = min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, _MOST_DOUBLINGS))
        return longest * (0.5 + chance / 2)

    def hopeless(self, failures: Iterable[int]) -> bool:
        """Return whether none of the started processes stays up, from the failures in a row of each."""
        return all(count >= self.tries for count in failures)
