"""What a release writes: a version in its one place, and a dated section in the changelog."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from midday_worker import __version__
from scripts.release_files import with_release, with_version

ROOT = Path(__file__).parents[3]
MODULE = 'import x\n\n__version__ = "0.9.0"\n\n__all__ = []\n'
CHANGELOG = """# Changelog

## [Unreleased] 0.1.0

### Added

- One thing.

## [0.0.9] - 2025-01-01

- Another.
"""


def test_the_version_has_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == "midday_worker/__init__.py"
    assert f'__version__ = "{__version__}"' in (ROOT / "midday_worker" / "__init__.py").read_text()


@pytest.mark.parametrize("version", ["0.9.0", "0.10.0", "1.0.0rc1"])
def test_a_version_is_set_and_nothing_else_changed(version: str) -> None:
    assert with_version(MODULE, version) == MODULE.replace("0.9.0", version)


@pytest.mark.parametrize(
    ("version", "words"),
    [("0.8.9", "older than 0.9.0"), ("v1.0.0", "written '1.0.0'"), ("1-rc1", "written '1rc1'"), ("x", "no version")],
)
def test_another_version_is_refused(version: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        with_version(MODULE, version)


def test_what_is_unreleased_goes_under_the_version_and_its_date() -> None:
    dated = "## [Unreleased]\n\n## [0.1.0] - 2026-01-02\n"
    assert with_release(CHANGELOG, "0.1.0", "2026-01-02") == CHANGELOG.replace("## [Unreleased] 0.1.0\n", dated)


def test_the_changelog_as_it_is_can_be_released_or_says_that_it_is_empty() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    first = text.partition("## [Unreleased]")[2].partition("\n## ")[0]
    if "- " in first:
        assert "## [Unreleased]\n\n## [9.9.9] - 2026-01-02\n" in with_release(text, "9.9.9", "2026-01-02")
    else:
        with pytest.raises(ValueError, match="nothing under"):
            with_release(text, "9.9.9", "2026-01-02")


@pytest.mark.parametrize("changelog", ["# Changelog\n", "## [Unreleased]\n\n## [0.0.9]\n\n- Another.\n"])
def test_a_release_of_nothing_is_refused(changelog: str) -> None:
    with pytest.raises(ValueError, match="nothing under"):
        with_release(changelog, "0.1.0", "2026-01-02")
