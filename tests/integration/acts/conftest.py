"""The stage, on this test's prefix."""

from __future__ import annotations

import pytest

from midday_worker import JobClient, Settings
from tests.integration.acts.stages import Stage


@pytest.fixture
def stage(client: JobClient, settings: Settings) -> Stage:
    return Stage(client, settings)
