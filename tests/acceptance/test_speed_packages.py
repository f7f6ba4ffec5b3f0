"""uvloop and hiredis make a worker faster, and change nothing else when they are absent."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from midday_worker import JobClient, JobContext, JobRegistry, job
from tests.acceptance.command import Command

BLOCK = """
import sys

sys.modules["{absent}"] = None  # importing it raises ImportError
"""
JOBS = """
import asyncio
import sys

from redis._parsers import _AsyncHiredisParser
from redis.asyncio.connection import DefaultParser

from midday_worker import JobContext, job


@job("look")
async def look(data: dict[str, int], ctx: JobContext) -> dict[str, object]:
    await ctx.update_progress(50)
    return {
        "uvloop": type(asyncio.get_running_loop()).__module__.startswith("uvloop"),
        "hiredis": DefaultParser is _AsyncHiredisParser,
        "total": sum(data.values()),
    }
"""


async def elsewhere(data: dict[str, int], ctx: JobContext) -> dict[str, object]:
    raise NotImplementedError


look = job("look", dict[str, int], elsewhere, registry=JobRegistry())


@pytest.mark.parametrize("absent", ["nothing", "uvloop", "hiredis"])
async def test_a_worker_does_the_same_without_it(
    absent: str, command: Command, client: JobClient, project: Path
) -> None:
    (project / "sitecustomize.py").write_text(BLOCK.format(absent=absent))
    (project / "shop" / "look.py").write_text(JOBS)
    running = await command.start("run", "--import", "shop.look", PYTHONPATH=str(project))
    await running.until("look (attempts 3)")
    triggered = [await look.trigger({"a": number, "ä": 1}, client=client) for number in range(20)]
    results = [await handle.result("20s") for handle in triggered]
    running.signal(signal.SIGTERM)
    assert await running.end() == 0
    expected = {"uvloop": absent != "uvloop", "hiredis": absent != "hiredis"}
    assert results == [{**expected, "total": number + 1} for number in range(20)]
    assert "Traceback" not in "".join(running.lines)
