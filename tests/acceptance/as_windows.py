"""Pretends that this process runs on Windows: what isn't there can't be imported, called or named.

Libraries are imported before that, as on Linux they have only their parts for Linux; this one anew, after it.
As a program it is ``midday-worker`` on Windows, or, with ``-c``, what it is given.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import pkgutil
import signal
import sys
from typing import Final

import midday_worker

HIDDEN_MODULES: Final = (
    "fcntl",
    "grp",
    "posix",
    "pty",
    "pwd",
    "readline",
    "resource",
    "syslog",
    "termios",
    "tty",
    "uvloop",
)
HIDDEN_NAMES: Final = {
    os: ("chown", "fork", "geteuid", "getpgid", "getuid", "killpg", "register_at_fork", "setsid", "uname"),
    signal: ("SIGCONT", "SIGHUP", "SIGKILL", "SIGQUIT", "SIGSTOP", "SIGUSR1", "pthread_sigmask"),
    asyncio.SelectorEventLoop: ("add_signal_handler", "create_unix_connection"),
}


def import_all() -> list[str]:
    """Import every module of the library, and return their names."""
    modules = pkgutil.walk_packages(midday_worker.__path__, "midday_worker.")
    names = [found.name for found in modules if not found.name.endswith("__main__")]
    for name in names:
        importlib.import_module(name)
    return names


def pretend() -> None:
    """Be on Windows from here on."""
    import_all()
    for name in [name for name in sys.modules if name.partition(".")[0] == "midday_worker"]:
        del sys.modules[name]
    for name in HIDDEN_MODULES:
        sys.modules[name] = None  # type: ignore[assignment]  # what `import` takes as: there is none
    for holder, names in HIDDEN_NAMES.items():
        for name in names:
            delattr(holder, name)
    sys.platform = "win32"


if __name__ == "__main__":
    pretend()
    if sys.argv[1] == "-c":
        exec(sys.argv[2])  # noqa: S102 - a test's own
    else:
        from midday_worker.cli import main

        main()
