"""A Redis whose certificate goes bad while workers are connected, as when one expires or is replaced wrongly."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from midday_worker import JobClient, JobContext, JobRegistry, RedisRefusedError, Settings, job
from midday_worker.testing import RedisServer
from tests.integration.crew import Crew
from tests.integration.jobs.certificate import write_certificate
from tests.redis_proxy import TlsProxy

MEASURED_S = 4.0
MOST_PER_SECOND = 20


def certificate(folder: Path) -> tuple[Path, Path]:
    folder.mkdir()
    return write_certificate(folder)


async def test_work_survives_a_certificate_that_goes_bad_and_is_put_right(
    mortal_redis: RedisServer, registry: JobRegistry, tmp_path: Path, lines: list[str]
) -> None:
    """What ends meanwhile keeps its result and runs once; a trigger is refused; nothing storms the server."""
    good, bad = certificate(tmp_path / "good"), certificate(tmp_path / "bad")
    started, may_end = asyncio.Event(), asyncio.Event()
    runs: list[int] = []

    async def handle(data: int, ctx: JobContext) -> int:
        runs.append(data)
        started.set()
        await may_end.wait()
        return data * 2

    double = job("double", int, handle, registry=registry)
    async with TlsProxy(mortal_redis, good) as proxy:
        settings = Settings(env_file=None, redis_url=f"{proxy.url}?ssl_ca_certs={good[0]}")
        async with Crew(registry, settings), JobClient(settings) as client:
            handle_of_first = await double.trigger(1, client=client)
            await asyncio.wait_for(started.wait(), 20)
            proxy.show(bad)
            with pytest.raises(RedisRefusedError, match="certificate can't be verified"):
                await double.trigger(100, client=client)
            may_end.set()
            before = proxy.handshakes
            await asyncio.sleep(MEASURED_S)
            rate = (proxy.handshakes - before) / MEASURED_S
            proxy.show(good)
            assert await handle_of_first.result("30s") == 2
            assert await (await double.trigger(2, client=client)).result("30s") == 4
    assert runs == [1, 2]
    assert 0 < rate < MOST_PER_SECOND, f"{rate} handshakes in a second"
    assert len([line for line in lines if "does not answer as it should" in line]) == 1
    assert len([line for line in lines if "certificate can't be verified" in line]) == 1
    assert len([line for line in lines if line.endswith("is back")]) == 1
    assert not [line for line in lines if "could not be settled" in line]
