"""What Redis, or the engine on it, could not do."""

from __future__ import annotations

from collections.abc import Sequence

from midday_worker.errors.root import MiddayWorkerError


class EngineError(MiddayWorkerError):
    """Redis, or the engine on it, could not do what was asked."""


class RedisUnavailableError(EngineError):
    """Redis could not be reached in time.

    `may_have_been_written` is true when a command was on its way as the connection broke: the job may exist.
    `job_ids` are the ids that were to be written; an id whose finished job is still kept is not run twice when
    it is sent again. `added_ids` are those of a batch that were added before, in its order; as several thousands are
    under way at once, one in between may be missing. `problem` is the message without
    what it says of what was written, for whoever has written other things before.
    """

    def __init__(
        self,
        message: str,
        *,
        may_have_been_written: bool = False,
        job_ids: Sequence[str] = (),
        added_ids: Sequence[str] = (),
        problem: str | None = None,
    ) -> None:
        self.problem = message if problem is None else problem
        self.may_have_been_written = may_have_been_written
        self.job_ids = tuple(job_ids)
        self.added_ids = tuple(added_ids)
        super().__init__(message)


class NotReplicatedError(RedisUnavailableError):
    """Jobs were written, and too few replicas have confirmed it in time (REDIS_WAIT_REPLICAS).

    They run as any others; they are lost only if the primary fails before a replica has them. `job_ids` are theirs.
    """

    def __init__(self, what: str, queue: str, ids: Sequence[str], confirmed: str, added: Sequence[str] = ()) -> None:
        self._about = (what, queue, ids, confirmed)
        named = f"{what} {ids[0]}" if len(ids) == 1 else f"{len(ids):,} {what}s, from {ids[0]} on,"
        super().__init__(
            f"Wrote {named} of queue {queue}, but only {confirmed} have confirmed it: what they don't have is lost if "
            "the primary fails now. Calling again with the same id is safe.",
            may_have_been_written=True,
            job_ids=ids,
            added_ids=added,
        )

    def beside(self, added: Sequence[str]) -> NotReplicatedError:
        """Return the same of a call of several parts, of which these ids were added and confirmed."""
        return NotReplicatedError(*self._about, added)


class RedisRefusedError(EngineError):
    """Redis answered, and refused: a wrong password, no permission, read-only, or out of memory.

    `added_ids` are the ids of a batch that were added all the same.
    """

    def __init__(self, message: str, *, added_ids: Sequence[str] = ()) -> None:
        self.added_ids = tuple(added_ids)
        super().__init__(message)


class ClientClosedError(EngineError):
    """A closed `JobClient` was used."""

    def __init__(self) -> None:
        super().__init__("This JobClient is closed. Make a new one, or trigger within its `async with` block.")


class EnqueueError(EngineError):
    """The engine refused a job: for instance, its parent doesn't exist.

    `added_ids` are the ids of a batch that were added all the same.
    """

    def __init__(self, message: str, *, job: str, job_id: str | None = None, added_ids: Sequence[str] = ()) -> None:
        self.job = job
        self.job_id = job_id
        self.added_ids = tuple(added_ids)
        super().__init__(message)
