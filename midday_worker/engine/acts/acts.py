"""What can be done to one job from outside: each act is one script, and refuses by the state that it found."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias, cast

import bullmq
from bullmq.scripts import Scripts

from midday_worker.engine.acts.act import (
    CHANGE_PRIORITY,
    CHILD_RUNS,
    FAILED_CHILDREN,
    LOCKED,
    PROMOTE,
    REMOVE,
    RESCHEDULE,
    RETRY,
    SCHEDULED,
    UPDATE_DATA,
    WAS_CANCELLED,
    Act,
    refusal,
)
from midday_worker.engine.acts.cancellation import Cancelling, CancelOutcome
from midday_worker.engine.redis.connection import absent_key
from midday_worker.engine.redis.error_translation import Writing
from midday_worker.engine.wire.options import WireOptions, stamped, version_of
from midday_worker.errors import ScheduledRunError

if TYPE_CHECKING:
    from midday_worker.engine.producer.queue import Queue

Call: TypeAlias = Callable[[Scripts], Awaitable[object]]

_HELD: Final = {LOCKED: "A worker holds its lock.", CHILD_RUNS: "A child of it is running."}


class Acts:
    """The acts on the jobs of one queue.

    Each raises JobNotFoundError for a job that Redis doesn't hold, and JobStateError, with the state found, for one
    whose state doesn't allow it.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    async def retry(self, job_id: str, *, reset_attempts: bool = False) -> None:
        """Put a job that has ended back into its queue, as Node's `Job.retry`; it isn't cancelled any more."""
        await self._retry(job_id, RETRY, reset=reset_attempts)

    async def retry_from(self, job_id: str, state: str, *, cancelled: bool) -> None:
        """As `retry`, for a job that has ended so and not otherwise: by now it may have been retried, and completed.

        Args:
            job_id: the job.
            state: how it has ended.
            cancelled: whether also if somebody cancelled it; else it is refused, with WAS_CANCELLED as why.
        """
        which = "any" if cancelled else "uncancelled"
        await self._retry(job_id, replace(RETRY, allowed=(state,)), which=which)

    async def _retry(self, job_id: str, act: Act, *, reset: bool = False, which: str = "any") -> None:
        job = bullmq.Job(self._queue, "", None, {"lifo": await self._is_lifo(job_id)}, job_id)
        options = {"resetAttemptsMade": reset, "resetAttemptsStarted": reset}
        found = act.allowed[0]
        for _ in range(3):  # at most: it may be retried by another and end differently in between
            state = found if found in act.allowed else act.allowed[0]
            call = partial(_reprocess, job=job, state=state, options=options)
            found, answer = await self._run(act, job_id, call, (state,), (which,))
            if answer == FAILED_CHILDREN:
                why = "A child of it has failed: retry that first, or remove it, as this job can't complete with it."
                raise refusal(act, self._queue.name, job_id, found, why)
            if answer == WAS_CANCELLED:
                raise refusal(act, self._queue.name, job_id, found, WAS_CANCELLED)
            if answer is not None:
                return
            if found not in act.allowed:
                break
        raise refusal(act, self._queue.name, job_id, found)

    async def promote(self, job_id: str) -> None:
        """Make a delayed job due now, as Node's `Job.promote`."""
        await self._act(PROMOTE, job_id, lambda scripts: scripts.promote(job_id))

    async def remove(self, job_id: str, *, children: bool = False) -> None:
        """Remove a job that isn't running, as Node's `Job.remove`; with its children, if none of them runs.

        Raises ScheduledRunError too, for the next run of a schedule.
        """
        await self._remove(job_id, "act", children=children)

    async def check_remove(self, job_id: str, *, children: bool = False) -> None:
        """Raise what `remove` would raise; change nothing."""
        await self._remove(job_id, "look", children=children)

    async def _remove(self, job_id: str, how: str, *, children: bool) -> None:
        found, answer = await self._run(
            REMOVE, job_id, lambda scripts: scripts.remove(job_id, children), REMOVE.allowed, (how,)
        )
        if isinstance(answer, str) and answer.startswith(SCHEDULED):
            schedule_id = answer.removeprefix(SCHEDULED)
            raise ScheduledRunError(job_id=job_id, queue=self._queue.name, state=found, schedule_id=schedule_id)
        if answer != 1:
            raise refusal(REMOVE, self._queue.name, job_id, found, _HELD.get(str(answer), ""))

    async def reschedule(self, job_id: str, delay_ms: int) -> None:
        """Make a delayed job due in `delay_ms` milliseconds from now, as Node's `Job.changeDelay`."""
        args: list[str | int] = [delay_ms, round(time.time() * 1000), job_id, self._queue.toKey(job_id)]
        keys = [self._queue.keys[name] for name in ("delayed", "meta", "marker", "events")]
        await self._act(RESCHEDULE, job_id, lambda scripts: scripts.commands["changeDelay"](keys=keys, args=args))

    async def change_priority(self, job_id: str, priority: int, *, lifo: bool = False) -> None:
        """Change the priority of a job that waits, as Node's `Job.changePriority`."""
        await self._act(CHANGE_PRIORITY, job_id, lambda scripts: scripts.changePriority(job_id, priority, lifo))

    async def update_data(self, job_id: str, text: str, version: int | None = None) -> None:
        """Replace the payload, a JSON text, of a job that isn't running, as Node's `Job.updateData`.

        Args:
            job_id: the job.
            text: the payload.
            version: its version; None if that isn't known, and what the job says of it stays.
        """
        keys = [self._queue.toKey(job_id)]  # the port takes a value, and makes its JSON once more
        options = "" if version is None else await self._with_version(job_id, version)
        found, answer = await self._run(
            UPDATE_DATA,
            job_id,
            lambda scripts: scripts.commands["updateData"](keys=keys, args=[text]),
            UPDATE_DATA.allowed,
            (options,),
        )
        if answer is None:
            raise refusal(UPDATE_DATA, self._queue.name, job_id, found)

    async def _with_version(self, job_id: str, version: int) -> str:
        """Return the job's options as JSON text with this version; "" if they have it. No other act changes them."""
        options = await self._options(job_id)
        if options is None or version_of(options) == version:
            return ""
        return json.dumps(stamped(options, version), separators=(",", ":"))

    async def _is_lifo(self, job_id: str) -> bool:
        """Return whether the job goes in front of those that wait."""
        return bool((await self._options(job_id) or {}).get("lifo"))

    async def _options(self, job_id: str) -> WireOptions | None:
        """Return the job's options; None if they can't be read. Its payload, which may be large, isn't read."""
        async with self._queue.bounded(f"read job {job_id} of queue {self._queue.name}"):
            try:
                stored = await self._queue.ask("HGET", self._queue.toKey(job_id), "opts")
                options = cast("object", json.loads(str(stored or "{}")))
            except (ValueError, RecursionError):
                return None
        return cast("WireOptions", options) if isinstance(options, dict) else None

    async def cancel(self, job_id: str, reason: str, *, children: bool = False) -> CancelOutcome:
        """Cancel a job, whether it runs or not; see `Cancelling`."""
        return await Cancelling(self._queue, reason).cancel(job_id, children=children)

    async def _act(self, act: Act, job_id: str, call: Call) -> object:
        found, answer = await self._run(act, job_id, call, act.allowed)
        if answer is None:
            raise refusal(act, self._queue.name, job_id, found)
        return answer

    async def _run(
        self, act: Act, job_id: str, call: Call, allowed: tuple[str, ...], own: tuple[str, ...] = ()
    ) -> tuple[str, object]:
        queue = self._queue
        writing = Writing(ids=[job_id], again="Look at the job's state before calling again.")
        async with queue.bounded(f"act on job {job_id} of queue {queue.name}", writing):
            target, more = (queue.keys[""], job_id), absent_key(queue.client, queue.prefix)
            return await act.script.run(queue.backend.connection, call, target, allowed, own, more)


def _reprocess(scripts: Scripts, *, job: bullmq.Job, state: str, options: Mapping[str, object]) -> Awaitable[object]:
    return scripts.reprocessJob(job, state, options)
