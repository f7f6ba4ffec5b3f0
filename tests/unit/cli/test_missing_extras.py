"""What `demo` and `dev` say when an optional package isn't installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from midday_worker.cli.commands import dev
from midday_worker.cli.commands.demo import run_demo
from midday_worker.errors import ConfigurationError


def test_the_demo_without_its_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "midday_worker.demo.show", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'midday-worker\[demo\]'"):
        run_demo(keep=False)


def test_dev_without_watchfiles_says_so_and_goes_on_without_reload(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The worker is what matters; only the reload is lost."""
    watched: list[object] = []

    def not_found(_name: str) -> None:
        return None

    class Session:
        def __init__(self, _arguments: object, _variables: object, root: object) -> None:
            watched.append(root)

        async def run(self) -> bool:
            return True

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    monkeypatch.setattr(dev, "find_spec", not_found)
    monkeypatch.setattr(dev, "DevSession", Session)
    dev.run_dev(["my_jobs"], reload=True)
    assert watched == [None]
    assert "pip install 'midday-worker[reload]'" in capsys.readouterr().err
