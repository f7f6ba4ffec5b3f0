"""What the soak's workers import: their jobs, and the watch over the process that runs it."""

from __future__ import annotations

from tests.soak.jobs import tick, tock, watch_this_worker, work

__all__ = ["tick", "tock", "work"]

watch_this_worker()
