"""A cluster for the session. Each test has a prefix of its own; what it breaks is put right after it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from midday_worker import Settings
from tests.redis_cluster import RedisCluster


@pytest.fixture(scope="session")
def whole_cluster() -> Iterator[RedisCluster]:
    with RedisCluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(whole_cluster: RedisCluster) -> Iterator[RedisCluster]:
    yield whole_cluster
    whole_cluster.restore()


@pytest.fixture
def redis_prefix() -> str:
    return f"{{test-{secrets.token_hex(6)}}}"


@pytest.fixture(params=[True, False], ids=["pipelined", "one by one"])
def settings(cluster: RedisCluster, redis_prefix: str, request: pytest.FixtureRequest) -> Settings:
    return Settings(
        env_file=None, redis_url=cluster.url, redis_prefix=redis_prefix, redis_pipelining=bool(request.param)
    )
