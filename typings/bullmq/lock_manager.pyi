from asyncio import Future
from typing import TypedDict

from bullmq.abort_controller import AbortController
from bullmq.worker import Worker

class _TrackedJob(TypedDict):
    token: str
    ts: int
    abort_controller: AbortController | None

class LockManager:
    worker: Worker
    lock_renew_time: int
    lock_duration: int
    worker_id: str
    worker_name: str | None
    tracked_jobs: dict[str, _TrackedJob]
    closed: bool
    _renewal_task: Future[None] | None
    def __init__(
        self,
        worker: Worker,
        lock_renew_time: int,
        lock_duration: int,
        worker_id: str,
        worker_name: str | None = None,
    ) -> None: ...
    def start(self) -> None: ...
    def track_job(
        self, job_id: str, token: str, ts: int, should_create_controller: bool = False
    ) -> AbortController | None: ...
    def untrack_job(self, job_id: str) -> None: ...
    def cancel_job(self, job_id: str, reason: str | None = None) -> bool: ...
    def cancel_all_jobs(self, reason: str | None = None) -> None: ...
    def get_active_job_count(self) -> int: ...
    def get_tracked_job_ids(self) -> list[str]: ...
    def is_running(self) -> bool: ...
    async def close(self) -> None: ...
    async def _renewal_loop(self) -> None: ...
    async def _extend_locks(self, job_ids: list[str]) -> None: ...
