"""A service made of a guide's page: its first block is its jobs, its second one triggers them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from midday_worker.testing import RedisServer
from tests.acceptance.command import Command
from tests.acceptance.readme_blocks import README, blocks, run_python
from tests.sentinel_set import SentinelSet


class GuideService:
    """What a page shows, in a folder and with a Redis.

    Args:
        page: the page's file in docs/guide.
        folder: where it is written.
        redis: its Redis, or several of them.
        prefix: the prefix of its keys.
    """

    def __init__(self, page: str, folder: Path, redis: RedisServer | SentinelSet, prefix: str) -> None:
        self.blocks = blocks(README.parent / "docs" / "guide" / page)
        self.folder = folder
        self.environment = {
            "REDIS_URL": redis.url,
            "REDIS_PREFIX": prefix,
            "DATABASE_PRIMARY_URL": f"sqlite:///{folder}/service.db",
            "PATH": os.environ["PATH"],
        }
        (folder / "my_service").mkdir()
        (folder / "my_service" / "__init__.py").write_text("")
        (folder / "my_service" / "jobs.py").write_text(self.blocks[0].text)

    async def follow(self, until: str) -> tuple[list[str], list[str]]:
        """Run a worker and the second block; return what the block printed, and what the worker logged.

        Args:
            until: what the worker says before the block is run.
        """
        command = Command(self.folder, self.environment)
        try:
            running = await command.start("run", "--import", "my_service.jobs")
            await running.until(until)
            printed = await run_python(self.blocks[1].text, self.folder, self.environment)
            running.signal(signal.SIGTERM)
            assert await running.end() == 0, "".join(running.lines)
            return printed.splitlines(), running.lines
        finally:
            await command.kill()
