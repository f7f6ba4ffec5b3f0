"""The files that a release changes: the version's one place, and the changelog."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from packaging.version import InvalidVersion, Version

ROOT: Final = Path(__file__).parent.parent
_VERSION: Final = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)
_UNRELEASED: Final = re.compile(r"^## \[Unreleased\].*\n(?P<entries>(?:(?!## ).*(?:\n|\Z))*)", re.MULTILINE)


def with_version(module: str, version: str) -> str:
    """Return the package's `__init__.py` with a version.

    Raises:
        ValueError: The version is none, is spelled in another way than tools will, or is older than the present one.
    """
    try:
        wanted = Version(version)
    except InvalidVersion as error:
        raise ValueError(f"{version!r} is no version") from error
    if str(wanted) != version:
        raise ValueError(f"{version!r} is written {str(wanted)!r}")
    (present,) = _VERSION.findall(module)
    if wanted < Version(present):
        raise ValueError(f"{version} is older than {present}, which this is")
    return _VERSION.sub(f'__version__ = "{version}"', module)


def with_release(changelog: str, version: str, date: str) -> str:
    """Return the changelog with what is unreleased under a version and its date, and nothing unreleased.

    Raises:
        ValueError: Nothing is unreleased.
    """
    found = _UNRELEASED.search(changelog)
    if found is None or "- " not in found["entries"]:
        raise ValueError("CHANGELOG.md has nothing under '## [Unreleased]'")
    release = f"## [Unreleased]\n\n## [{version}] - {date}\n{found['entries']}"
    return changelog[: found.start()] + release + changelog[found.end() :]


def main(version: str) -> int:
    """Write both files. Return the exit code."""
    module, changelog = ROOT / "midday_worker" / "__init__.py", ROOT / "CHANGELOG.md"
    today = datetime.now(UTC).date().isoformat()
    try:
        texts = with_version(module.read_text(), version), with_release(changelog.read_text(), version, today)
    except ValueError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    for path, text in zip((module, changelog), texts, strict=True):
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
