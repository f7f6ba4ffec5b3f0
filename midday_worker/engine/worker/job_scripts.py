"""The moves of a job between a worker and Redis: fetch, complete, fail, delay, retry, hand back.

Each is one script of BullMQ's. Those that settle a job bring the next one in the same round trip, as Node's worker
does and the port's doesn't; what is the same for all jobs of a queue is computed once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Final, cast

import msgpack
from redis.typing import EncodableT

from midday_worker.engine.redis.connection import absent_key, run_script
from midday_worker.engine.redis.error_translation import ResponseError
from midday_worker.engine.wire.cancel_key import cancel_key
from midday_worker.engine.wire.fetched import NOTHING, Fetched
from midday_worker.engine.wire.options import keep_jobs
from midday_worker.engine.wire.stored_fields import RESULT_VERSION
from midday_worker.engine.worker.parent_search import ParentSearch

if TYPE_CHECKING:
    from midday_worker.engine.job.job import Job
    from midday_worker.engine.producer.backend import Backend

Fields = Mapping[str, str]

_FETCH: Final = (
    *("wait", "active", "prioritized", "events", "stalled"),
    *("limiter", "delayed", "paused", "meta", "pc", "marker"),
)
_FINISH: Final = (
    *("wait", "active", "prioritized", "events", "stalled"),
    *("limiter", "delayed", "paused", "meta", "pc"),
)
_HAND_BACK: Final = ("active", "wait", "stalled", "paused", "meta", "limiter", "prioritized", "marker", "events")


class Transitions:
    """The moves of one queue's jobs.

    Args:
        backend: the queue.
        lock_duration_ms: how long a fetched job's lock lasts.
        limiter: the queue's rate limit as BullMQ has it, `{"max": jobs, "duration": ms}`; None for none.
        metrics_points: how many minutes of throughput BullMQ keeps.
        worker_name: written into each job as `processedBy`.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        lock_duration_ms: int,
        limiter: Mapping[str, int] | None = None,
        metrics_points: int | None = None,
        worker_name: str | None = None,
    ) -> None:
        self._backend = backend
        self._commands = backend.connection.commands
        self._lock_ms = lock_duration_ms
        self._prefix = backend.keys[""]
        self._absent = absent_key(backend.conn, backend.prefix)
        self._parents = ParentSearch(backend)
        self._fetch_keys = self._keys(_FETCH)
        self._finish_keys = self._keys(_FINISH)
        self._finish_opts: dict[str, object] = {
            "lockDuration": lock_duration_ms,
            "limiter": limiter,
            "maxMetricsSize": metrics_points or "",
        }
        self._fetch_opts: dict[str, object] = {"lockDuration": lock_duration_ms, "limiter": limiter}
        if worker_name is not None:
            self._finish_opts["name"] = self._fetch_opts["name"] = worker_name

    async def fetch(self, token: str) -> Fetched:
        """Take the next job, under a lock that holds `token`."""
        args: list[EncodableT] = [self._prefix, now_ms(), _packed({**self._fetch_opts, "token": token})]
        return Fetched.parse(await self._run("moveToActive", self._fetch_keys, args))

    async def complete(self, job: Job, result: str, *, fetch_next: bool) -> Fetched:
        """Complete a job with its result, a JSON text; NOTHING unless the next one was asked for."""
        keep = job.opts.get("removeOnComplete", False)
        version = job.attempt.version
        # Of a job that is run again by an older worker, as after a rollback, the field says what no longer holds.
        fields = _flat({RESULT_VERSION: str(version)}) if version > 1 or job.result_version > 1 else b""
        return await self._finish(job, "completed", "returnvalue", result, keep, fetch_next, fields)

    async def fail(self, job: Job, reason: str, fields: Fields, *, fetch_next: bool) -> Fetched:
        """Fail a job for good; NOTHING unless the next one was asked for. Of one whose hash is gone nothing stays."""
        if job.is_gone:
            parent = await self._parents.stored_parent(job)
            known = {"parent": json.dumps(parent)} if parent else {}
            if job.deduplication_id:
                known["deid"] = str(job.deduplication_id)
            return await self._finish(
                job, "failed", "failedReason", reason, True, fetch_next, _flat(known), command="dropGone"
            )
        keep = job.opts.get("removeOnFail", False)
        return await self._finish(job, "failed", "failedReason", reason, keep, fetch_next, _flat(fields))

    async def delay(
        self, job: Job, delay_ms: int, fields: Fields, *, fetch_next: bool, use_attempt: bool = True
    ) -> Fetched | None:
        """Put a job off for `delay_ms` milliseconds; None if no next job was brought, for whatever reason."""
        token = job.token or ""
        options = {"skipAttempt": not use_attempt, "fieldsToUpdate": fields}
        keys, args = self._backend.scripts.moveToDelayedArgs(job.id, now_ms(), token, delay_ms, options)
        if fetch_next:  # with the worker's name, which the port doesn't send
            args[-1:] = ["1", _packed({**self._fetch_opts, "token": token})]
        answer = self._checked(job, "moveToDelayed", await self._run("moveToDelayed", keys, args))
        # The script keeps to itself why there is none: a limit, a pause, an empty queue.
        return None if isinstance(answer, int) else Fetched.parse(answer)

    async def retry(self, job: Job, fields: Fields) -> None:
        """Put a job back into its queue at once, an attempt used."""
        lifo = bool(job.opts.get("lifo"))
        keys, args = self._backend.scripts.retryJobArgs(job.id, lifo, job.token or "", {"fieldsToUpdate": fields})
        self._checked(job, "retryJob", await self._run("retryJob", keys, args))

    async def hand_back(self, job: Job) -> bool:
        """Put an active job back in front of its queue, as if it had not been fetched; False if it isn't ours."""
        args = [job.id, job.token or "0", self._prefix + job.id]
        return cast("int", await self._run("moveJobFromActiveToWait", self._keys(_HAND_BACK), args)) >= 0

    async def recover(self, token: str, known: Collection[str] = ()) -> Fetched:
        """Return the job that is active under `token`: one whose fetch was carried out, but its answer lost.

        Args:
            token: the token that the fetch named.
            known: the jobs that are known to run.
        """
        client = self._backend.conn
        active = cast("list[str]", await client.lrange(self._backend.keys["active"], 0, -1))
        unknown = [job_id for job_id in active if job_id not in known]
        if not unknown:
            return NOTHING
        locks = cast("list[str | None]", await client.mget([f"{self._prefix}{job_id}:lock" for job_id in unknown]))
        for job_id, lock in zip(unknown, locks, strict=True):
            if lock == token:
                return Fetched(job_id, await self._hash(job_id))
        return NOTHING

    async def still_holds(self, fetched: Fetched, token: str) -> bool:
        """Return whether a job that was fetched is still this worker's, and lengthen its lock if that was long ago.

        A process that was stopped, or not scheduled, may read an answer when the lock has long expired and another
        worker has run the job.
        """
        asked = (fetched.raw or {}).get("processedOn", "")  # as this worker's clock said when it asked
        if not asked.isdecimal() or now_ms() - int(asked) < self._lock_ms / 2:
            return True
        return await self._backend.scripts.extendLock(fetched.job_id or "", token, self._lock_ms) == 1

    async def forget_cancellation(self, job: Job) -> None:
        """Remove what is left of the cancellation of a job that has ended."""
        key = self._prefix + job.id
        async with self._backend.conn.pipeline(transaction=True) as pipe:
            pipe.delete(cancel_key(self._prefix, job.id))
            pipe.hdel(key, "defa")
            await pipe.execute()

    async def is_stuck(self, job: Job) -> bool:
        """Return whether a job is still active, or in no state at all, as a script that broke off leaves it."""
        state = await self._backend.getState(job.id)
        return state == "active" or (
            state == "unknown" and bool(await self._backend.conn.exists(self._prefix + job.id))
        )

    async def drop_broken(self, job: Job, reason: str) -> None:
        """Fail an active job that BullMQ's scripts can't settle, as its own fields are broken; drop one that is gone.

        Without it the job would be run again and again, and would keep others from being found stalled. Its parent,
        if it has one, is told nothing: what names it can't be read.
        """
        now, key, keys = now_ms(), self._prefix + job.id, self._backend.keys
        is_gone = job.is_gone and await self._backend.conn.type(key) in ("none", "hash")
        async with self._backend.conn.pipeline(transaction=True) as pipe:
            pipe.lrem(keys["active"], 0, job.id)
            pipe.srem(keys["stalled"], job.id)
            pipe.delete(f"{key}:lock")
            if is_gone:
                pipe.delete(key)
            else:
                pipe.zadd(keys["failed"], {job.id: now})  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
                pipe.hset(key, mapping={"failedReason": reason, "finishedOn": now})
            event: dict[str, str] = {"event": "failed", "jobId": job.id, "failedReason": reason, "prev": "active"}
            pipe.xadd(keys["events"], cast("dict[EncodableT, EncodableT]", event))
            await pipe.execute(raise_on_error=False)  # the key may be no hash

    async def publish_limits(self) -> None:
        """Tell other programs what is limited here; nothing without limits per key."""

    async def sweep(self) -> None:
        """Free the places of jobs that have lost their worker; there are none without limits per key."""

    async def _hash(self, job_id: str) -> dict[str, str]:
        try:
            return cast("dict[str, str]", await self._backend.conn.hgetall(self._prefix + job_id))
        except ResponseError:  # the key is no hash: a job that can't be read
            return {}

    async def _finish(
        self,
        job: Job,
        target: str,
        field: str,
        value: str,
        keep: object,
        fetch_next: bool,
        fields: bytes,
        command: str = "moveToFinished",
    ) -> Fetched:
        prefix = self._prefix
        keys = [*self._finish_keys, prefix + target, prefix + job.id, f"{prefix}metrics:{target}", prefix + "marker"]
        opts = {
            **self._finish_opts,
            "token": job.token or "",
            "keepJobs": keep_jobs(keep),
            "attempts": job.attempts,
        }
        args: list[EncodableT] = [
            job.id,
            now_ms(),
            field,
            value,
            target,
            "1" if fetch_next else "",
            prefix,
            _packed(opts),
            fields,
        ]
        return Fetched.parse(self._checked(job, command, await self._run(command, keys, args)))

    def _checked(self, job: Job, command: str, answer: object) -> object:
        if isinstance(answer, int) and answer < 0:
            raise self._backend.scripts.finishedErrors(
                {"code": answer, "jobId": job.id, "command": command, "state": "active"}
            )
        return answer

    def _run(self, command: str, keys: Sequence[str], args: Sequence[EncodableT]) -> Awaitable[object]:
        return run_script(self._backend.conn, self._commands[command], [*keys, *self._absent], args)

    def _keys(self, names: Sequence[str]) -> list[str]:
        return [self._backend.keys[name] for name in names]


def now_ms() -> int:
    """Return the present in epoch milliseconds."""
    return round(time.time() * 1000)


def _packed(value: object) -> bytes:
    return msgpack.packb(value, use_bin_type=True)


def _flat(fields: Fields) -> bytes:
    return _packed([part for pair in fields.items() for part in pair]) if fields else b""
