"""The acts on one job: the states that allow each, and the script that does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from midday_worker.engine.guarded import MISSING, Guarded
from midday_worker.errors import JobNotFoundError, JobStateError

UNSTARTED: Final = ("waiting", "prioritized", "delayed", "waiting-children")
"""The states of a job that waits to be run, for the first time or again."""

_FORGIVEN: Final = """
redis.call("HDEL", prefix .. id, "defa")
redis.call("DEL", prefix .. id .. ":cancel")
"""
"""A job that is run again is not cancelled any more."""


@dataclass(frozen=True, slots=True)
class Act:
    """An act on one job.

    Attributes:
        done: what it does, as in "can't be promoted".
        allowed: the states that allow it.
        script: how.
    """

    done: str
    allowed: tuple[str, ...]
    script: Guarded


RETRY: Final = Act("retried", ("failed", "completed"), Guarded("reprocessJob-9.lua", before=_FORGIVEN))
PROMOTE: Final = Act("promoted", ("delayed",), Guarded("promote-9.lua"))
REMOVE: Final = Act("removed", (*UNSTARTED, "completed", "failed", "unknown"), Guarded("removeJob-2.lua"))
RESCHEDULE: Final = Act("rescheduled", ("delayed",), Guarded("changeDelay-4.lua"))
CHANGE_PRIORITY: Final = Act("given another priority", UNSTARTED, Guarded("changePriority-7.lua"))
UPDATE_DATA: Final = Act("given another payload", (*UNSTARTED, "failed"), Guarded("updateData-1.lua"))


def refusal(act: Act, queue: str, job_id: str, found: str, why: str = "") -> JobNotFoundError | JobStateError:
    """Return the error for a job whose state doesn't allow an act."""
    if found == MISSING:
        return JobNotFoundError(job_id=job_id, queue=queue)
    return JobStateError(act=act.done, job_id=job_id, queue=queue, state=found, allowed=act.allowed, why=why)
