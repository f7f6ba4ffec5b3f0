"""The worker: fetches the jobs of a queue, runs them side by side and settles them."""

from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.engine.worker.worker import Worker

__all__ = ["Worker", "WorkerConfig"]
