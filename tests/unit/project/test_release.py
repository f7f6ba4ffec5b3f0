"""scripts/release: what it refuses before it changes anything, and that it pushes nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

SCRIPTS = Path(__file__).parents[3] / "scripts"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with the script, a commit and a tag."""
    (tmp_path / "scripts").mkdir()
    for name in ("release", "bootstrap.sh"):
        shutil.copy(SCRIPTS / name, tmp_path / "scripts" / name)
    git = ["git", "-c", "user.name=Nobody", "-c", "user.email=nobody@example.com"]
    for arguments in (
        ["init", "--quiet"],
        ["add", "."],
        ["commit", "--quiet", "--message", "First"],
        ["tag", "v0.9.0"],
    ):
        subprocess.run([*git, *arguments], cwd=tmp_path, check=True, timeout=300)
    return tmp_path


def refusal(checkout: Path, *arguments: str) -> str:
    command = ["bash", "scripts/release", *arguments]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    assert not (checkout / ".venv").exists()
    return done.stderr


@pytest.mark.parametrize("arguments", [(), ("--dry-run",), ("1.0.0", "1.0.1")])
def test_it_takes_one_version(checkout: Path, arguments: tuple[str, ...]) -> None:
    assert refusal(checkout, *arguments) == "error: usage: scripts/release [--dry-run] VERSION\n"


@pytest.mark.parametrize("option", [(), ("--dry-run",)])
def test_it_wants_a_clean_tree(checkout: Path, option: tuple[str, ...]) -> None:
    (checkout / "new").touch()
    assert "not committed" in refusal(checkout, *option, "1.0.0")


def test_it_wants_a_version_that_was_not_released(checkout: Path) -> None:
    assert "the tag v0.9.0 is there already" in refusal(checkout, "0.9.0")


@pytest.mark.parametrize("script", ["release", "package"])
def test_it_says_how_to_commit_tag_and_push_and_does_none(script: str) -> None:
    text = (SCRIPTS / script).read_text()
    done = re.sub(r'say "[^"]*"', "", text)
    assert re.findall(r"\b(?:git (?:commit|tag v|push)|twine upload).*", done) == []
