"""One queue as this engine sees it and as the port does, on a client that sends nothing."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Final, cast

from midday_worker.engine.job.job import Job
from midday_worker.engine.producer.add_commands import Additions
from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.wire.options import METRICS_POINTS
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.engine.worker.job_scripts import Transitions
from tests.unit.engine.port.sent import Call, call_of, same_options, silent_connection

if TYPE_CHECKING:
    from bullmq.types import QueueBaseOptions

NOW_S: Final = 1_790_000_000.25
PLAIN: Final = WorkerConfig(queue="warehouse", concurrency=1)
LIMITED: Final = WorkerConfig(queue="warehouse", concurrency=1, rate_limit=(5, 1000), lock_duration_ms=1234)


class Both:
    """A queue whose options are those of the port's worker.

    Args:
        config: how it is worked.
        answer: what each script answers.
    """

    def __init__(self, config: WorkerConfig = PLAIN, answer: object = None) -> None:
        self.connection, self.client = silent_connection(answer)
        self.queue = Queue(config.queue, self.connection, "bull")
        self.queue.opts = cast("QueueBaseOptions", _worker_options(config))  # where the port looks for them
        self.queue.additions = Additions(self.queue.keys, self.connection.commands)  # with templates
        self.scripts = self.queue.backend.scripts
        self.moves = Transitions(
            self.queue.own_backend,
            lock_duration_ms=config.lock_duration_ms,
            limiter=config.limiter,
            metrics_points=METRICS_POINTS,
            worker_name="here:1",
        )

    def job(self, **options: object) -> Job:
        """Return a job that runs, with these options as they are stored."""
        raw = {"name": "pack", "data": "{}", "opts": json.dumps(options), "timestamp": "1", "atm": "2"}
        job = Job.from_raw(self.queue, raw, "j1")
        job.token = "t:1"
        return job

    async def sent(self, call: Awaitable[object]) -> Call:
        """Return what a call sends."""
        self.client.words = ()
        await call
        return call_of(self.client.words, self.connection)


def assert_same(ours: Call, ports: Call, file: str, packed: int) -> None:
    """Assert that two calls are the same, but for options that the script doesn't read.

    Args:
        ours: the one.
        ports: the other; what it leaves out at the end is empty in ours.
        file: the script.
        packed: the place of the packed options among the arguments.
    """
    assert (ours.script, ours.keys) == (ports.script, ports.keys)
    assert same_options(ours.args[packed], ports.args[packed], file), (ours.args[packed], ports.args[packed])
    left_out = len(ours.args) - len(ports.args)
    assert _without(ours, packed) == (*_without(ports, packed), *("",) * left_out)


def _worker_options(config: WorkerConfig) -> dict[str, object]:
    options: dict[str, object] = {"lockDuration": config.lock_duration_ms, "metrics": {"maxDataPoints": METRICS_POINTS}}
    return options if config.limiter is None else {**options, "limiter": config.limiter}


def _without(call: Call, place: int) -> tuple[object, ...]:
    return (*call.args[:place], *call.args[place + 1 :])
