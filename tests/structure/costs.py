"""What a trigger and a job cost: the process that adds it, the worker, and Redis."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from redis import Redis

from midday_worker.testing import RedisServer
from tests.structure.jobs import QUEUE
from tests.structure.meters import CpuTime, Meter
from tests.structure.program import WORKER, Program, program

CONCURRENCY: Final = 50
POLL_S: Final = 0.1
STALL_S: Final = 600.0

REST_S: Final = 1.0
"""After the last job, for what the worker does with the answer."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one trigger or job: the process that was measured, in its meter's unit, and Redis, in µs of CPU time."""

    own: float
    redis: float


def trigger_cost(meter: Meter, jobs: int, folder: Path) -> Cost:
    """Let a producer, which is warm, trigger so many jobs, one after another. Nobody works them."""
    redis = CpuTime()
    with RedisServer() as server, _producer(server, folder, jobs, meter.under) as producer:
        producer.read()
        meter.start(producer.pid)
        redis.start(server.process.pid)
        producer.write()
        producer.read()
        cost = Cost(meter.stop(producer.pid) / jobs, redis.stop(server.process.pid) / jobs)
        producer.write()
        producer.wait()
    return cost


def job_cost(meter: Meter, jobs: int, folder: Path) -> Cost:
    """Let a worker, which is warm, run so many jobs that wait, at concurrency 50."""
    redis = CpuTime()
    with (
        RedisServer() as server,
        program(server.url, folder, *WORKER, under=meter.under, concurrency=CONCURRENCY) as worker,
        _producer(server, folder, jobs) as producer,
    ):
        producer.read()
        _wait_until_none_is_left(server)
        meter.start(worker.pid)
        worker.send(signal.SIGSTOP)
        producer.write()
        producer.read()
        redis.start(server.process.pid)
        worker.send(signal.SIGCONT)
        _wait_until_none_is_left(server)
        cost = Cost(meter.stop(worker.pid) / jobs, redis.stop(server.process.pid) / jobs)
        producer.write()
        producer.wait()
    return cost


def _producer(
    server: RedisServer, folder: Path, jobs: int, under: Sequence[str] = ()
) -> AbstractContextManager[Program]:
    return program(server.url, folder, "tests.structure.producer", str(jobs), under=under)


def _wait_until_none_is_left(server: RedisServer) -> None:
    deadline = time.monotonic() + STALL_S
    with Redis(host=server.host, port=server.port) as redis:
        while any(redis.llen(f"bull:{QUEUE}:{state}") for state in ("wait", "active")):
            if time.monotonic() > deadline:
                raise TimeoutError("the worker does not get on with its jobs")
            time.sleep(POLL_S)
    time.sleep(REST_S)
