"""The dashboard while Redis is away: each route says so, in the form that the page understands, and then goes on."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Final

from midday_worker import JobClient, JobRegistry, Settings
from midday_worker.dashboard import create_dashboard
from midday_worker.testing import RedisServer
from tests.integration.dashboard.conftest import Jobs
from tests.integration.dashboard.play import acts, reads
from tests.integration.dashboard.visitor import Visitor, at

WITHOUT_REDIS: Final = ("GetQueueDefaultJobOptionsResponse", "GetQueueJobDataSchemaResponse")
"""What the program itself knows."""


async def test_without_redis_every_route_says_so(
    jobs: Jobs, registry: JobRegistry, mortal_redis: RedisServer, redis_prefix: str
) -> None:
    settings = Settings(
        env_file=None,
        redis_url=mortal_redis.url,
        redis_prefix=redis_prefix,
        redis_command_timeout="300ms",
        board_login="none",
    )
    ids: defaultdict[str, str] = defaultdict(lambda: "some")
    async with JobClient(settings) as client, Visitor(create_dashboard(registry, client=client)) as visitor:
        assert (await visitor.get(at("emails", "rate-limit"))).status == 200  # and a token
        await asyncio.to_thread(mortal_redis.kill)
        scenes = [scene for play in (reads(visitor, ids, "some"), acts(visitor, ids)) async for scene in play]
        for scene in scenes:
            if scene.shape in WITHOUT_REDIS:
                assert scene.answer.status == 200, scene.asked
            else:
                assert scene.answer.status == 503, f"{scene.asked}: {scene.answer.text}"
                assert scene.answer.key == "ERRORS.REDIS_UNAVAILABLE"
                assert mortal_redis.url not in scene.answer.text
                # It is said of the last command alone, and an act may be of many.
                assert "Nothing was written" not in scene.answer.text
        mortal_redis.restart()
        assert (await visitor.get("/api/queues")).status == 200
