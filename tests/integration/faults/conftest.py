"""The engine that the tests of faults run on: ours, or with --raw-engine the stock port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from midday_worker.testing import RedisServer
from tests.integration.faults.engine import Engine
from tests.integration.faults.engines import ENGINES, EngineAt

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--raw-engine"):
        if config.option.tbstyle == "auto":
            config.option.tbstyle = "line"
        for item in items:
            if item.path.is_relative_to(HERE):
                # The port leaves tasks and sockets behind; a test has to fail for its fault, not for those.
                item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture
def engine_name(request: pytest.FixtureRequest) -> str:
    return "raw" if request.config.getoption("--raw-engine") else "ours"


@pytest.fixture
async def engine_at(engine_name: str, redis_prefix: str) -> AsyncIterator[EngineAt]:
    """Make engines for a Redis of one's own."""
    made: list[Engine] = []

    def make(url: str) -> Engine:
        made.append(ENGINES[engine_name](url, redis_prefix))
        return made[-1]

    yield make
    for engine in made:
        await engine.close()


@pytest.fixture
def engine(engine_at: EngineAt, redis_server: RedisServer) -> Engine:
    """The engine on the Redis that tests share."""
    return engine_at(redis_server.url)
