"""Which changes start the worker of `dev` again."""

from __future__ import annotations

from pathlib import Path

import pytest

from midday_worker.cli.source_files import is_source

ROOT = Path("/home/me/build/app")


@pytest.mark.parametrize("name", ["jobs.py", "jobs/mail.py", "templates/mail.html", ".env", "pyproject.toml"])
def test_the_project_s_own_files_are_source(name: str) -> None:
    """Also where the project itself lies in a directory whose name is ignored."""
    assert is_source(ROOT / name, ROOT)


@pytest.mark.parametrize(
    "name",
    [
        ".venv/lib/x.py",
        "venv/lib/x.py",
        "node_modules/p/x.html",
        ".midday/dev.db",
        ".midday/x.py",
        ".git/config.toml",
        "jobs/__pycache__/mail.py",
        "build/lib/jobs.py",
        "data.db",
        "notes.txt",
        "jobs/mail.pyc",
    ],
)
def test_what_tools_write_is_not(name: str) -> None:
    assert not is_source(ROOT / name, ROOT)
