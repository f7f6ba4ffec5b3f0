"""docs/guide/batches.md, followed: its job is run by a worker, triggered and tested as it says."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from midday_worker.testing import RedisServer
from tests.acceptance.command import Command
from tests.acceptance.readme_blocks import README, blocks, run_python

PAGE = README.parent / "docs" / "guide" / "batches.md"
RUN_TESTS = """
import subprocess, sys
command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", "test_jobs.py"]
print(subprocess.run(command, capture_output=True, text=True).stdout)
"""


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """A folder with the page's job, and its test."""
    define, _trigger, test = blocks(PAGE)
    (tmp_path / "my_service").mkdir()
    (tmp_path / "my_service" / "__init__.py").write_text("")
    (tmp_path / "my_service" / "jobs.py").write_text(define.text)
    (tmp_path / "test_jobs.py").write_text(test.text)
    return tmp_path


@pytest.fixture
def environment(redis_server: RedisServer, redis_prefix: str, service: Path) -> dict[str, str]:
    return {
        "REDIS_URL": redis_server.url,
        "REDIS_PREFIX": redis_prefix,
        "DATABASE_PRIMARY_URL": f"sqlite:///{service}/service.db",
        "PATH": os.environ["PATH"],
    }


async def test_the_job_is_handled_as_the_page_says(service: Path, environment: dict[str, str]) -> None:
    command = Command(service, environment)
    try:
        running = await command.start("run", "--import", "my_service.jobs")
        await running.until("readings (concurrency 100)")
        printed = await run_python(blocks(PAGE)[1].text, service, environment)
        assert printed == "True\ncolder than anything\n"
        running.signal(signal.SIGTERM)
        assert await running.end() == 0
    finally:
        await command.kill()


async def test_the_page_s_test_passes(service: Path, environment: dict[str, str]) -> None:
    printed = await run_python(RUN_TESTS, service, {**environment, "REDIS_URL": "redis://127.0.0.1:1"})
    assert "1 passed" in printed, printed
