"""`FleetMetrics`: the metrics of a service of several processes, which outlive each of them."""

from __future__ import annotations

from midday_worker.metrics.snapshot import Snapshot


class FleetMetrics:
    """Keeps the last that each process said: no counter goes down when one is stuck, ends, or is replaced."""

    def __init__(self) -> None:
        self._ended = Snapshot()
        self._last: dict[int, Snapshot] = {}

    def note(self, process: int, snapshot: Snapshot) -> None:
        """Take in what a process said."""
        self._last[process] = snapshot

    def retire(self, process: int) -> None:
        """Keep what a process that has ended counted. Safe to call again."""
        last = self._last.pop(process, None)
        if last is not None:
            self._ended.include(last.counted())

    def restarted(self) -> None:
        """Take note that a process was started again."""
        self._ended.add("midday_worker_process_restarts_total", (), 1)

    def total(self) -> Snapshot:
        """Return all together."""
        total = Snapshot()
        total.add("midday_worker_process_restarts_total", (), 0)
        for snapshot in (self._ended, *self._last.values()):
            total.include(snapshot)
        return total
