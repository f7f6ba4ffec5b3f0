"""What there is on Linux and macOS alone."""

from __future__ import annotations

import sys

from midday_worker.errors import ConfigurationError


def refuse_windows(what: str) -> None:
    """Raise ConfigurationError on Windows, for what needs signals, process groups or file locks.

    >>> refuse_windows("A worker")
    """
    if sys.platform == "win32":
        raise ConfigurationError(
            f"{what} needs Linux or macOS. On Windows jobs can be triggered, cancelled and looked at, by the library, "
            "the command line and the dashboard; workers run beside it, in WSL, in a container or on another machine."
        )
