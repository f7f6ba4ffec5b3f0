"""A call of middleware around an attempt, for a job that no worker has fetched."""

from __future__ import annotations

from typing import Never, cast

from midday_worker.engine.job.job import Job
from midday_worker.handling.attempt_call import AttemptCall


class _Unread:
    def parse(self, data: object, version: int | None = None) -> Never:
        raise AssertionError("nobody is to read the payload")

    def validate(self, payload: object) -> Never:
        self.parse(payload)


def call_of(stored: object) -> AttemptCall[object]:
    """Return the call for a fake of a job, whose payload nobody may read."""
    return AttemptCall(cast("Job", stored), _Unread())
