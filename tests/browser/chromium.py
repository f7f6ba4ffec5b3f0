"""The browser that the tests drive: a Chromium that is on this machine already."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Final

VARIABLE: Final = "TEST_CHROMIUM"
"""The environment variable that names another one: a path, or a command on PATH."""

COMMANDS: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")

NONE_FOUND: Final = (
    f"There is no Chromium on PATH ({', '.join(COMMANDS)}), and {VARIABLE} names none. "
    "On Debian: apt-get install chromium"
)

FLAGS: Final = (
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
"""So that the browser itself asks nobody anything."""


def find_chromium() -> str | None:
    """Return the path of the browser; None if there is none. Raises LookupError: the one that was named is missing."""
    named = os.environ.get(VARIABLE)
    if named:
        found = shutil.which(named)
        if found is None:
            raise LookupError(f"{VARIABLE} is {named!r}, and no program is there.")
        return found
    return next(filter(None, map(shutil.which, COMMANDS)), None)


if __name__ == "__main__":
    try:
        sys.exit(None if find_chromium() else f"error: {NONE_FOUND}")
    except LookupError as error:
        sys.exit(f"error: {error}")
