"""The command line in process, on a Redis with a prefix of the test's own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from midday_worker import Settings, default_registry
from midday_worker.testing import RedisServer
from tests.integration.cli.terminal import Terminal


@pytest.fixture
def terminal(
    redis_server: RedisServer,
    redis_prefix: str,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Terminal:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    monkeypatch.setenv("REDIS_PREFIX", redis_prefix)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("WORKER_IMPORTS", raising=False)
    monkeypatch.setitem(vars(default_registry), "_jobs", {})
    for module in ("other_jobs", "declared_jobs", "scheduled_jobs"):
        monkeypatch.delitem(sys.modules, f"tests.integration.cli.{module}", raising=False)
    return Terminal(settings, monkeypatch, capsys)
