"""What a worker asks of Redis beside its jobs' moves, compared with what the port's worker does."""

from __future__ import annotations

import bullmq
import pytest

from midday_worker.engine.producer.scheduler import Scheduler
from midday_worker.engine.worker import Worker, WorkerConfig
from midday_worker.engine.worker.stalls import Stalls
from tests.unit.engine.port.both import Both

CONFIG = WorkerConfig(queue="warehouse", concurrency=1, stalled_interval_ms=700, max_stalled_count=9)


def ports_worker(both: Both) -> bullmq.Worker:
    """Return the port's worker of the same queue, which doesn't run."""
    options = {"connection": both.client, "prefix": "bull", "stalledInterval": 700, "maxStalledCount": 9}
    return bullmq.Worker(CONFIG.queue, None, options)


def test_our_worker_stands_beside_the_ports() -> None:
    """Built upon it, it would have to undo what its constructor makes."""
    assert Worker.__bases__ == (object,)


async def test_stalled_jobs_are_looked_for_as_the_port_does() -> None:
    both = Both(CONFIG, answer=[])
    ours = await both.sent(Stalls(both.queue.own_backend, CONFIG, None).check())
    assert ours == await both.sent(ports_worker(both).runStalledJobsCheck())
    assert ours.script == "moveStalledJobsToWait"


@pytest.mark.parametrize(
    "repeat", [{"every": 60_000, "count": 2}, {"pattern": "0 3 * * *", "tz": "UTC", "count": 2}], ids=["every", "cron"]
)
async def test_the_next_run_of_a_schedule_is_made_as_the_port_does(repeat: dict[str, object]) -> None:
    both = Both(CONFIG)
    run = both.job(repeat=repeat, prevMillis=1_790_000_000_000)
    run.id, run.repeatJobKey = "repeat:often:1790000000000", "often"
    ours = await both.sent(Scheduler(both.queue).advance(run))
    assert ours == await both.sent(ports_worker(both)._scheduleNextIteration(run))
    assert ours.script == "updateJobScheduler"
