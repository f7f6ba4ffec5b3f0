"""What the tests of Redis's conditions share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from loguru import logger


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is logged, as `LEVEL message`."""
    found: list[str] = []
    sink = logger.add(lambda line: found.append(line.rstrip("\n")), format="{level} {message}", level="INFO")
    yield found
    logger.remove(sink)
