"""What the soak's workers import: their job, and the watch over the process that runs it."""

from __future__ import annotations

from tests.soak.jobs import watch_this_worker, work

__all__ = ["work"]

watch_this_worker()
