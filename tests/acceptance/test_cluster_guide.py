"""docs/guide/cluster.md: a queue moves to a cluster by the guide's commands, while producers and workers go on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, cast

import pytest

from midday_worker import JobClient, JobRegistry, Settings, job
from midday_worker.admin import PENDING
from midday_worker.testing import RedisServer
from tests.acceptance.readme_blocks import README, block, blocks, run_python
from tests.deadline import eventually
from tests.redis_cluster import RedisCluster
from tests.soak.worker import bare_environment

GUIDE: Final = README.parent / "docs" / "guide" / "cluster.md"
START, LIST, LEFT = (
    block.text for block in blocks(GUIDE) if block.heading.startswith("Moving") and block.language == "bash"
)
WITHIN_S: Final = 120.0
JOBS: Final = """
import os
from midday_worker import JobContext, job

@job("note", queue="notes")
async def note(data: str, ctx: JobContext) -> None:
    with open(os.environ["BOOK"], "a") as book:
        book.write(f"{data}\\n")
"""


@pytest.fixture
def environment(redis_server: RedisServer, redis_prefix: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The guide's variables, and the old place's own."""
    (tmp_path / "note_jobs.py").write_text(JOBS)
    with RedisCluster() as cluster:
        yield {
            **bare_environment(),
            "PATH": f"{README.parent / '.venv' / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(tmp_path),
            "WORKER_IMPORTS": "note_jobs",
            "BOOK": str(tmp_path / "book"),
            "OLD_URL": redis_server.url,
            "OLD_PREFIX": redis_prefix,
            "NEW_URL": cluster.url,
            "NEW_PREFIX": f"{{{redis_prefix}}}",
            "SCHEDULE": "each-second",
        }


@asynccontextmanager
async def running(command: str, environment: dict[str, str]) -> AsyncGenerator[None]:
    """A worker that is drained at the end."""
    worker = await asyncio.create_subprocess_shell(f"exec env {command}", env=environment)
    try:
        yield
    finally:
        worker.send_signal(signal.SIGTERM)
        assert await worker.wait() == 0


async def told(command: str, environment: dict[str, str]) -> str:
    process = await asyncio.create_subprocess_shell(command, env=environment, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()


async def test_a_queue_moves_without_losing_or_repeating_a_job(environment: dict[str, str]) -> None:
    """Delayed ones and schedules, too."""
    note = job("note", str, queue="notes", registry=JobRegistry())
    book = Path(environment["BOOK"])

    async def produce(client: JobClient, name: str) -> list[str]:
        texts = [f"{name}-{n}" for n in range(40)]
        for n, text in enumerate(texts):
            await note.trigger(text, client=client, delay="3s" if n % 10 == 0 else 0)
        schedule = environment["SCHEDULE"]
        await note.trigger_recurring(f"tick-{name}", every="1s", schedule_id=schedule, client=client)
        return texts

    def noted() -> Counter[str]:
        return Counter(book.read_text().split() if book.exists() else ())

    async def has_ticked() -> object:
        return noted()["tick-new"]

    async def is_left_empty() -> bool:
        queues = cast("list[dict[str, dict[str, int]]]", json.loads(await told(LEFT, environment)))
        return not any(each["counts"][state] for each in queues for state in PENDING)

    async with running(START.replace("NEW_", "OLD_"), environment):
        async with JobClient(place(environment, "OLD")) as client:
            expected = await produce(client, "old")
        async with running(START, environment):
            async with JobClient(place(environment, "NEW")) as client:
                expected += await produce(client, "new")
            assert environment["SCHEDULE"] in await told(LIST, environment)
            await eventually(is_left_empty, "nothing is left in the old place", WITHIN_S)
            await eventually(has_ticked, "the schedule goes on in the new place", WITHIN_S)

            async def is_done() -> bool:
                return all(noted()[text] for text in expected)

            await eventually(is_done, "all jobs have run", WITHIN_S)
    counts = noted()
    assert {text: counts[text] for text in expected if counts[text] != 1} == {}


async def test_queues_are_spread_as_the_guide_writes_it(tmp_path: Path) -> None:
    assert await run_python(block("Spreading queues", "python", GUIDE), tmp_path, bare_environment()) == ""


def place(environment: dict[str, str], which: str) -> Settings:
    return Settings(env_file=None, redis_url=environment[f"{which}_URL"], redis_prefix=environment[f"{which}_PREFIX"])
