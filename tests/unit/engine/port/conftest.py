"""The clock stands still, so that two calls say the same."""

from __future__ import annotations

import time

import pytest

from tests.unit.engine.port.both import NOW_S


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction] - a fixture that is used everywhere
    monkeypatch.setattr(time, "time", lambda: NOW_S)
