"""The stage: an embedded Redis, a database with its tables, and a worker as a process of its own."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from midday_worker.client.client import JobClient
from midday_worker.databases import Database, create_database
from midday_worker.embedded import EmbeddedRedis
from midday_worker.engine.inspection.health import heartbeats
from midday_worker.errors import MiddayWorkerError
from midday_worker.jobs.models import Base
from midday_worker.processes.worker_child import WorkerChild
from midday_worker.settings.settings import Settings

DIRECTORY: Final = Path(".midday/demo")
IMPORTS: Final = ("midday_worker.jobs", "midday_worker.demo.sign_ups", "midday_worker.demo.orders")
PREFIX: Final = "bull"
"""Node's default."""

_START_S: Final = 30
_STOP_S: Final = 15
_POLL_S: Final = 0.05
_LOG_LINES: Final = 10


class WorkerEndedError(MiddayWorkerError):
    """The demo's worker ended while it was needed."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What the demo plays on.

    Attributes:
        redis_url: of the embedded Redis.
        client: adds jobs to it, and reads.
        database: that of the worker.
        mail: where the worker writes its e-mails.
        log: where it writes its log.
        worker: its process.
    """

    redis_url: str
    client: JobClient
    database: Database
    mail: Path
    log: Path
    worker: WorkerChild

    def check_worker(self) -> None:
        """Raise WorkerEndedError, with the end of its log, if the worker has ended."""
        if self.worker.returncode is not None:
            tail = "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-_LOG_LINES:])
            raise WorkerEndedError(f"The worker ended with code {self.worker.returncode}; see {self.log}: {tail}")


@asynccontextmanager
async def open_stage(directory: Path) -> AsyncGenerator[Stage]:
    """Start everything, and stop it at the end; what was written stays in the directory until the next start.

    Args:
        directory: an absolute path.

    Raises:
        ConfigurationError: no redis-server was found, or another demo runs in this directory.
        WorkerEndedError: the worker didn't start.
    """
    # On this thread: its servers end with it.
    with EmbeddedRedis(directory / "redis") as redis:
        log = _clear(directory)
        settings = Settings(env_file=None, environment="development", redis_url=redis.url, redis_prefix=PREFIX)
        database = create_database(f"sqlite:///{directory / 'demo.db'}")
        worker = _worker(directory, redis.url, log)
        try:
            async with JobClient(settings) as client:
                async with database.engine().begin() as connection:
                    await connection.run_sync(Base.metadata.create_all)
                await worker.start()
                stage = Stage(redis.url, client, database, directory / "mail", log, worker)
                await _wait_for_worker(stage)
                yield stage
        finally:
            await worker.stop(_STOP_S)
            await database.dispose()


def _clear(directory: Path) -> Path:
    """Remove what an earlier demo left, and return the worker's log, empty."""
    shutil.rmtree(directory / "mail", ignore_errors=True)
    for left in directory.glob("demo.db*"):
        left.unlink()
    log = directory / "worker.log"
    log.write_bytes(b"")
    return log


def _worker(directory: Path, redis_url: str, log: Path) -> WorkerChild:
    variables = {
        "ENVIRONMENT": "development",
        "REDIS_URL": redis_url,
        "REDIS_PREFIX": PREFIX,
        "DATABASE_PRIMARY_URL": f"sqlite:///{directory / 'demo.db'}",
        "MAIL_DIRECTORY": str(directory / "mail"),
        "MAIL_DELIVERY": "file",
        "LOG_FORMAT": "json",
    }
    arguments = [part for module in IMPORTS for part in ("--import", module)]
    # In a directory of its own there is no .env of somebody else's.
    return WorkerChild(
        [*arguments, "--concurrency", "10", "--drain-timeout", "5s"],
        variables,
        alone=True,
        directory=directory,
        output=log,
    )


async def _wait_for_worker(stage: Stage) -> None:
    async with asyncio.timeout(_START_S):
        while not await heartbeats(stage.client.connection, PREFIX):
            stage.check_worker()
            await asyncio.sleep(_POLL_S)
