"""What users test their jobs with: recorded triggers, single handlers, a worker in a time of its own, real servers."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from midday_worker.testing.batch import run_batch
    from midday_worker.testing.fake_job import FakeChild, FakeJob, child_failure, child_result
    from midday_worker.testing.overriding import override
    from midday_worker.testing.recorded import Recorded, RecordedSchedule
    from midday_worker.testing.recording import RecordingClient, recording_client
    from midday_worker.testing.run import run_job
    from midday_worker.testing.runs import Run
    from midday_worker.testing.servers import PostgresServer, RedisServer
    from midday_worker.testing.worker import RunningWorker, WorkerEndedError, run_until_idle, running_worker
    from midday_worker.testing.world import World, time_travel

__all__ = [
    "FakeChild",
    "FakeJob",
    "PostgresServer",
    "Recorded",
    "RecordedSchedule",
    "RecordingClient",
    "RedisServer",
    "Run",
    "RunningWorker",
    "WorkerEndedError",
    "World",
    "child_failure",
    "child_result",
    "override",
    "recording_client",
    "run_batch",
    "run_job",
    "run_until_idle",
    "running_worker",
    "time_travel",
]

# Loaded on first use: pytest imports this package, for its plugin, at the start of every run.
_HOMES: Final = {
    "fake_job": "FakeChild FakeJob child_failure child_result",
    "overriding": "override",
    "recorded": "Recorded RecordedSchedule",
    "recording": "RecordingClient recording_client",
    "run": "run_job",
    "worker": "RunningWorker WorkerEndedError run_until_idle running_worker",
    "runs": "Run",
    "world": "World time_travel",
    "batch": "run_batch",
    "servers": "PostgresServer RedisServer",
}


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names.split():
            value: object = getattr(import_module(f"{__name__}.{module}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
