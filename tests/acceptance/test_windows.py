"""On Windows: jobs are triggered and looked at, and what can't work is refused in one line.

A process of Linux pretends to be there: see `as_windows`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from midday_worker.testing import RedisServer
from tests.acceptance.cli_process import OURS
from tests.acceptance.command import TIME_S

ROOT = Path(__file__).parent.parent.parent
JOBS = """
from midday_worker import JobContext, job

@job("say")
async def say(data: str, ctx: JobContext) -> str:
    return data
"""
TRIGGERS = """
import asyncio
from my_jobs import say

handle = say.sync.trigger("from a thread")
print(handle.state())

async def main():
    handle = await say.trigger("from a loop")
    print(await handle.state())

asyncio.run(main())
"""


def on_windows(directory: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``midday-worker`` there."""
    (directory / "my_jobs.py").write_text(JOBS)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return subprocess.run(
        [sys.executable, "-m", "tests.acceptance.as_windows", *arguments],
        cwd=directory,
        env={**clean, "PYTHONPATH": f"{ROOT}{os.pathsep}{directory}", **variables},
        capture_output=True,
        text=True,
        timeout=TIME_S,
        check=False,
    )


def test_every_module_is_imported_there(tmp_path: Path) -> None:
    done = on_windows(
        tmp_path, "-c", "print(len(__import__('tests.acceptance.as_windows').acceptance.as_windows.import_all()))"
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100


def test_jobs_are_triggered_there_from_a_loop_from_a_thread_and_by_the_command_line(
    tmp_path: Path, redis_server: RedisServer, redis_prefix: str
) -> None:
    redis = {"REDIS_URL": redis_server.url, "REDIS_PREFIX": redis_prefix}
    done = on_windows(tmp_path, "-c", TRIGGERS, **redis)
    assert (done.stdout.split(), done.returncode) == (["waiting", "waiting"], 0), done.stderr
    done = on_windows(tmp_path, "trigger", "say", "--data", '"by a command"', "--import", "my_jobs", **redis)
    assert done.returncode == 0, done.stderr
    done = on_windows(tmp_path, "queues", "--json", **redis)
    assert '"waiting": 3' in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("run", "--import", "my_jobs"), "A worker"),
        (("dev", "--import", "my_jobs"), "A worker"),
        (("demo",), "A worker"),
        (("-c", "from midday_worker.testing import RedisServer; RedisServer().start()"), "An embedded server"),
        (("-c", "from midday_worker.testing import PostgresServer; PostgresServer().start()"), "An embedded server"),
    ],
)
def test_what_cannot_work_there_is_refused_in_one_line_that_says_what_can(
    tmp_path: Path, arguments: tuple[str, ...], what: str
) -> None:
    done = on_windows(tmp_path, *arguments)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert f"{what} needs Linux or macOS. On Windows jobs can be triggered" in last
    if arguments[0] != "-c":
        assert done.stderr.count("\n") == 1


def test_a_unix_socket_is_refused_there(tmp_path: Path) -> None:
    done = on_windows(tmp_path, "queues", REDIS_URL="unix:///run/redis.sock")
    assert "REDIS_URL is 'unix:///run/redis.sock' (from the environment); unix:// is not for Windows" in done.stderr
