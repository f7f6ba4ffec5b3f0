"""What the unit tests of traces share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.spans import Spans, recorded_spans


@pytest.fixture
def spans() -> Iterator[Spans]:
    with recorded_spans() as spans:
        yield spans
