"""What tests of more than one Redis share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sentinel_set import SentinelSet


@pytest.fixture(scope="session")
def sentinel_set() -> Iterator[SentinelSet]:
    """A primary, two replicas and three sentinels. Whoever ends one of them starts it again."""
    with SentinelSet() as servers:
        yield servers


@pytest.fixture
def sentinels(sentinel_set: SentinelSet) -> SentinelSet:
    """The same, all of them well, and each replica in step."""
    sentinel_set.wait_until_ready()
    return sentinel_set
