"""docs/guide/sync.md: every block of it is run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from midday_worker.testing import RedisServer
from tests.acceptance.command import Command
from tests.acceptance.readme_blocks import README, block, blocks

GUIDE: Final = README.parent / "docs" / "guide" / "sync.md"
JOBS: Final = "Sync callers and sync handlers"
TRIGGER: Final = "Trigger without an event loop"
PROCESSES: Final = "Processes for work that keeps a processor busy"


@pytest.fixture
def environment(redis_server: RedisServer, redis_prefix: str) -> dict[str, str]:
    return {"REDIS_URL": redis_server.url, "REDIS_PREFIX": redis_prefix, "PATH": os.environ["PATH"]}


@pytest.fixture
async def command(tmp_path: Path, environment: dict[str, str]) -> AsyncIterator[Command]:
    """In a folder with `my_service/jobs.py` as the guide writes it."""
    (tmp_path / "my_service").mkdir()
    (tmp_path / "my_service" / "__init__.py").write_text("")
    (tmp_path / "my_service" / "jobs.py").write_text(block(JOBS, "python", GUIDE))
    (tmp_path / "my_service" / "primes.py").write_text(texts(PROCESSES)[0])
    command = Command(tmp_path, environment)
    yield command
    await command.kill()


def test_every_block_is_run_by_a_test_of_this_module() -> None:
    assert [(found.heading, found.language) for found in blocks(GUIDE)] == [
        (JOBS, "python"),
        (TRIGGER, "python"),
        (PROCESSES, "python"),
        (PROCESSES, "python"),
    ]


async def test_a_script_triggers_and_waits(command: Command, tmp_path: Path, environment: dict[str, str]) -> None:
    running = await command.start("run", "--import", "my_service")
    for source, printed in ((texts(TRIGGER)[0], "3\n[0, 1, 2]\n3\n"), (texts(PROCESSES)[1], "25\n")):
        (tmp_path / "script.py").write_text(source)
        done = subprocess.run(  # noqa: ASYNC221 - the worker is a process of its own
            # With warnings as errors: nothing is left open at the script's end.
            [sys.executable, "-W", "error", "script.py"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, printed, "")
    running.signal(signal.SIGTERM)
    assert await running.end() == 0


def texts(heading: str) -> list[str]:
    """The guide's blocks under a heading."""
    return [found.text for found in blocks(GUIDE) if found.heading == heading]
