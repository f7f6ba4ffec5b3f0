"""A service that is told to stop by a signal."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from midday_worker.testing import RedisServer
from tests.integration.faults.engine import STARTED, Engine

ROOT = Path(__file__).parents[3]
JOB_MODULE = "tests.integration.faults.service_job"


@pytest.mark.fault(14)
async def test_a_service_finishes_its_job_after_sigterm(
    engine: Engine, engine_name: str, redis_server: RedisServer, redis_prefix: str
) -> None:
    job_id = await engine.add("word")
    commands = {
        "ours": ["midday_worker", "run", "--import", JOB_MODULE],
        "raw": [JOB_MODULE, redis_server.url, redis_prefix],
    }
    variables = {"REDIS_URL": redis_server.url, "REDIS_PREFIX": redis_prefix}
    service = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *commands[engine_name],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=asyncio.subprocess.PIPE,
    )
    assert service.stdout is not None
    try:
        assert await asyncio.wait_for(service.stdout.readline(), 60) == STARTED
        service.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(service.wait(), 60)
    finally:
        if service.returncode is None:
            service.kill()
            await service.wait()
    assert (code, await engine.state(job_id)) == (0, "completed")
