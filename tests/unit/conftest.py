"""What all unit tests share: none starts a process without saying so."""

from __future__ import annotations

import subprocess
from typing import NoReturn

import pytest


@pytest.fixture(autouse=True)
def processes_are_announced(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the mark `process`: what `scripts/test --quick` leaves out."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("A test that starts a process is marked so: @pytest.mark.process")

    if request.node.get_closest_marker("process") is None:
        monkeypatch.setattr(subprocess.Popen, "_execute_child", refuse)
