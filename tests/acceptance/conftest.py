"""What the tests of the command line share: a project with jobs, and `midday-worker` in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from midday_worker.testing import RedisServer
from tests.acceptance.command import TIME_S, Command, needed_environment

ROOT = Path(__file__).parents[2]
OF_PROCESSES = {
    "test_exits",
    "test_interruption",
    "test_processes",
    "test_rolling_deploy",
    "test_run",
    "test_run_outage",
}
"""Tests of how a process starts and ends: each starts as a user's does, and none is forked."""
JOBS = '''
"""Jobs of a made-up service."""

import asyncio
from pathlib import Path

from midday_worker import JobContext, Payload, job


class Mail(Payload):
    user_id: str
    copies: int = 1


@job("send-mail", queue="mails", attempts=4)
async def send_mail(data: Mail, ctx: JobContext) -> str:
    ctx.logger.info("sending to {user}", user=data.user_id)
    return data.user_id


@job("wait-for-ever", attempts=2)
async def wait_for_ever(data: Mail, ctx: JobContext) -> None:
    ctx.logger.warning("waiting")
    await asyncio.Event().wait()


@job("wait-until-told")
async def wait_until_told(data: Mail, ctx: JobContext) -> str:
    ctx.logger.warning("waiting")
    while not Path("done-waiting").exists():
        await asyncio.sleep(0.02)
    return "done"
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "jobs.py").write_text(JOBS)
    (package / "broken.py").write_text("import shop.jobs\n\nraise RuntimeError('no licence')\n")
    (package / "lacking.py").write_text("import a_package_that_nobody_has\n")
    return tmp_path


@pytest.fixture(scope="session")
def fork_server() -> Iterator[Path | None]:
    """The socket of a process that has imported what every command imports; none where the system has no pidfds."""
    if not hasattr(os, "pidfd_open"):
        yield None
        return
    with TemporaryDirectory(prefix="fork-") as folder:  # tmp_path can be too long for a socket
        path = Path(folder) / "socket"
        program = [sys.executable, str(Path(__file__).with_name("fork_server.py")), str(path)]
        unmeasured = {name: value for name, value in needed_environment().items() if not name.startswith("COVERAGE")}
        pipe = subprocess.PIPE  # for all three, as its commands have them
        with subprocess.Popen(program, env=unmeasured, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield path
            process.communicate(timeout=TIME_S)


@pytest.fixture
async def command(
    project: Path, redis_server: RedisServer, redis_prefix: str, request: pytest.FixtureRequest
) -> AsyncIterator[Command]:
    environment = {"REDIS_URL": redis_server.url, "REDIS_PREFIX": redis_prefix, "WORKER_IMPORTS": "shop.jobs"}
    forked = request.path.stem.removeprefix("test_") not in OF_PROCESSES
    command = Command(project, environment, request.getfixturevalue("fork_server") if forked else None)
    yield command
    await command.kill()


@pytest.fixture(scope="session")
def dashboard_assets() -> None:
    """The dashboard's files, fetched once."""
    subprocess.run(["bash", ROOT / "scripts" / "fetch-dashboard"], check=True, capture_output=True, timeout=300)


@pytest.fixture
def mortal_redis() -> Iterator[RedisServer]:
    """A Redis of this test's own, to be stopped and started again."""
    with RedisServer() as server:
        yield server
