"""What the tests of the shipped jobs share: an environment of their own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def mail_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No variable and no `.env` of the machine reaches these tests; e-mails go to the returned folder."""
    for name in list(os.environ):
        if name.startswith("MAIL_") or name == "ENVIRONMENT":
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    directory = tmp_path / "mail"
    monkeypatch.setenv("MAIL_DIRECTORY", str(directory))
    return directory
