"""docs/guide/results.md, followed from top to bottom: every block of it is run."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from midday_worker.testing import RedisServer
from tests.acceptance.command import Command
from tests.acceptance.readme_blocks import README, block, blocks, run_python

GUIDE = README.parent / "docs" / "guide" / "results.md"
JOBS = "A job to follow"
TERMINAL = "In the terminal"

Follow = Callable[[str], Awaitable[list[str]]]


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """A folder with the guide's jobs."""
    (tmp_path / "my_service").mkdir()
    (tmp_path / "my_service" / "__init__.py").write_text("")
    (tmp_path / "my_service" / "jobs.py").write_text(block(JOBS, "python", GUIDE))
    return tmp_path


@pytest.fixture
async def follow(
    redis_server: RedisServer, redis_prefix: str, service: Path, fork_server: Path | None
) -> AsyncIterator[Follow]:
    """Run what a section says while a worker runs the jobs; return the lines that it prints."""
    environment = {"REDIS_URL": redis_server.url, "REDIS_PREFIX": redis_prefix, "PATH": os.environ["PATH"]}
    command = Command(service, environment, fork_server)
    running = await command.start("run", "--import", "my_service.jobs")

    async def run(heading: str) -> list[str]:
        if heading != TERMINAL:
            return (await run_python(block(heading, "python", GUIDE), service, environment)).splitlines()
        lines: list[str] = []
        for line in block(heading, "bash", GUIDE).splitlines():
            _, *arguments = shlex.split(line)
            finished = await command.run(*arguments)
            assert finished.code == 0, finished.err
            lines += finished.out.splitlines()
        return lines

    yield run
    running.signal(signal.SIGTERM)
    assert await running.end() == 0
    await command.kill()


def test_every_block_is_run_by_a_test_of_this_module() -> None:
    assert [(found.heading, found.language) for found in blocks(GUIDE)] == [
        (JOBS, "python"),
        ("One result", "python"),
        ("Many results", "python"),
        ("A job from before", "python"),
        ("Progress and log", "python"),
        ("In the terminal", "bash"),
    ]


async def test_one_result(follow: Follow) -> None:
    assert await follow("One result") == ["Report of May 4"]


async def test_many_results(follow: Follow) -> None:
    assert await follow("Many results") == ["['Report of May', 'Report of June', 'Report of July']", "4", "4", "4"]


async def test_a_job_from_before(follow: Follow) -> None:
    assert await follow("A job from before") == ["Report of May", "completed 1"]


async def test_in_the_terminal(follow: Follow) -> None:
    await follow("A job from before")
    lines = await follow(TERMINAL)
    assert lines.count('Completed: {"pages": 4, "title": "Report of May"}') == 3


async def test_progress_and_log(follow: Follow) -> None:
    printed = await follow("Progress and log")
    assert [line for line in printed if line.startswith("progress")][-1] == "progress 100"
    assert printed[-2:] == ["log printing May", "['printing May']"]
