"""`AddTransaction`: jobs of one call that go to Redis in one transaction, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from redis.exceptions import RedisError

from midday_worker.engine.producer.add_commands import Addition
from midday_worker.engine.producer.answer import checked_id
from midday_worker.engine.redis.error_translation import Writing, already, is_unreachable, translation, was_never_sent
from midday_worker.errors import EngineError, EnqueueError, NotReplicatedError


@dataclass(frozen=True, slots=True)
class AddTransaction:
    """One transaction's jobs. Of one that was carried out, some may be refused and the others added.

    Attributes:
        asked: the ids that were to be added.
        added: the ids that Redis has answered.
        error: why not all of them were, if so.
    """

    asked: Sequence[str]
    added: Sequence[str] = ()
    error: RedisError | OSError | EnqueueError | NotReplicatedError | None = None

    @classmethod
    def of(cls, additions: Sequence[Addition], answers: Sequence[object]) -> AddTransaction:
        """Return what came of a transaction that was carried out."""
        asked = [addition.id for addition in additions]
        added: list[str] = []
        failure: RedisError | OSError | EnqueueError | None = None
        for addition, answer in zip(additions, answers, strict=True):
            try:
                added.append(checked_id(answer, addition.name, addition.id))
            except (RedisError, EnqueueError) as error:
                failure = failure or error
        return cls(asked, added, failure)

    @property
    def is_unsure(self) -> bool:
        """Whether it may have been written although it failed."""
        if isinstance(self.error, NotReplicatedError):
            return True
        return self.error is not None and is_unreachable(self.error) and not was_never_sent(self.error)


def failure_of(parts: Sequence[AddTransaction], queue: str) -> EngineError | None:
    """Return the error to raise for a call that was sent in parts; it tells of them all. None if none failed."""
    broken = [part for part in parts if part.error is not None]
    if not broken:
        return None
    # That something may have been written is what a caller has to know before all else.
    worst = next((part for part in broken if part.is_unsure), broken[0])
    error = worst.error
    added = [job_id for part in parts for job_id in part.added]
    if error is None or isinstance(error, EnqueueError):
        return _refused(error, added)
    if isinstance(error, NotReplicatedError):
        return error.beside(added)
    others = [job_id for part in broken if part is not worst and part.is_unsure for job_id in part.asked]
    ids = [job_id for job_id in worst.asked if job_id not in worst.added] if worst.added else worst.asked
    writing = Writing(ids=ids, before=added, beside=others)
    return translation(error, f"add {len(ids)} jobs to queue {queue}", writing)


def _refused(error: EnqueueError | None, added: Sequence[str]) -> EngineError | None:
    if error is None or not added:
        return error
    return EnqueueError(f"{error} {already(added)}", job=error.job, job_id=error.job_id, added_ids=added)
