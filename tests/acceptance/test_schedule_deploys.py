"""Deployments of two versions of a service, in turns, as processes that live side by side for a while."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Final

import pytest

from midday_worker import JobClient
from midday_worker.testing import RedisServer
from tests.acceptance.command import Command
from tests.deadline import eventually

VERSION: Final = """
from midday_worker import JobContext, cron, every, job

@job("sync", queue="syncs", schedule=[every("10m", id="kept"), cron("{minute} 9 * * *", id="moved"), {own}])
async def sync(data: None, ctx: JobContext) -> None: ...
"""
OWN: Final = ("dropped", "made")


@pytest.mark.parametrize("deploys", [pytest.param(50, marks=pytest.mark.long), 2])
async def test_deploys_of_two_versions_in_turns_end_with_the_newest_set(
    tmp_path: Path, redis_server: RedisServer, redis_prefix: str, client: JobClient, deploys: int
) -> None:
    environment = {"REDIS_URL": redis_server.url, "REDIS_PREFIX": redis_prefix, "PATH": os.environ["PATH"]}
    command = Command(tmp_path, {**environment, "SERVICE_NAME": "billing", "SCHEDULES_GRACE": "0"})
    for number, own in enumerate(OWN):
        (tmp_path / f"version_{number}.py").write_text(VERSION.format(minute=number, own=f'every("1h", id="{own}")'))

    async def holds(number: int, *ids: str) -> bool:
        found = {schedule.id: schedule.pattern for schedule in await client.schedules("syncs")}
        return found.keys() == set(ids) and found["moved"] == f"{number} 9 * * *"

    before = None
    try:
        for deploy in range(deploys):
            version = deploy % 2
            running = await command.start("run", "--import", f"version_{version}")
            both = OWN if before else OWN[:1]
            await eventually(lambda: holds(version, "kept", "moved", *both), f"deploy {deploy}", 60)  # noqa: B023 - awaited here
            if before is not None:
                before.signal(signal.SIGTERM)
                assert await before.end() == 0
            await eventually(lambda: holds(version, "kept", "moved", OWN[version]), f"the end of deploy {deploy}", 60)  # noqa: B023 - as above
            before = running
        assert before is not None
        before.signal(signal.SIGTERM)
        assert await before.end() == 0
    finally:
        await command.kill()
    assert await holds((deploys - 1) % 2, "kept", "moved", OWN[(deploys - 1) % 2])
