"""docs/guide/lifecycle.md: every block of it is run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

from midday_worker.testing import RedisServer
from tests.acceptance.readme_blocks import README, block, blocks, run_python

GUIDE: Final = README.parent / "docs" / "guide" / "lifecycle.md"
JOBS: Final = "The life of a job"


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """A folder with `my_service/jobs.py` as the guide writes it."""
    (tmp_path / "my_service").mkdir()
    (tmp_path / "my_service" / "__init__.py").write_text("")
    (tmp_path / "my_service" / "jobs.py").write_text(block(JOBS, "python", GUIDE))
    return tmp_path


@pytest.fixture
def environment(redis_server: RedisServer, redis_prefix: str) -> dict[str, str]:
    return {"REDIS_URL": redis_server.url, "REDIS_PREFIX": redis_prefix, "PATH": os.environ["PATH"]}


def test_every_block_is_run_by_a_test_of_this_module() -> None:
    assert [(found.heading, found.language) for found in blocks(GUIDE)] == [
        (JOBS, "python"),
        ("Acts on a job", "python"),
    ]


async def test_acts_on_a_job(service: Path, environment: dict[str, str]) -> None:
    printed = await run_python(block("Acts on a job", "python", GUIDE), service, environment)
    refusal, state = printed.splitlines()
    assert refusal.endswith("of queue reports can't be promoted: it is prioritized. Allowed: delayed.")
    assert state == "prioritized ('delayed',)"
