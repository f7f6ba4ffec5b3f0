"""What a look for stalled jobs says and counts, on a backend that only answers."""

from __future__ import annotations

from typing import cast

import pytest
from redis.exceptions import ConnectionError, ResponseError

from midday_worker.engine.producer.backend import Backend
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.engine.worker.stalls import Stalls

CONFIG = WorkerConfig(queue="warehouse", concurrency=1)


class Answering:
    """A queue's backend that knows of one answer."""

    def __init__(self, answer: list[str] | Exception) -> None:
        self.answer = answer

    async def moveStalledJobsToWait(self, max_stalled_count: int, stalled_interval: int) -> list[str]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def look(answer: list[str] | Exception) -> None:
    await Stalls(cast("Backend", Answering(answer)), CONFIG, None).check()


async def test_each_job_that_lost_its_worker_is_said(lines: list[str]) -> None:
    await look(["j1", "j2"])
    said = "WARNING queue warehouse: job {} lost its worker and waits again"
    assert lines == [said.format("j1"), said.format("j2")]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ResponseError("WRONGTYPE"), ["WARNING queue warehouse: WRONGTYPE"]),
        (ConnectionError("gone"), []),  # of an outage it is said once, elsewhere
    ],
    ids=["refused", "away"],
)
async def test_a_look_that_fails_ends_nothing(lines: list[str], error: Exception, said: list[str]) -> None:
    await look(error)
    assert lines == said
