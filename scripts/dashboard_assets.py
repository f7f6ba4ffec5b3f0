"""``scripts/fetch-dashboard``: the files of the dashboard's page, out of bull-board's npm package."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import Final

from midday_worker.dashboard.assets_folder import FOLDER, VERSION
from midday_worker.demo.node import find_node

PACKAGE: Final = f"@bull-board/ui@{VERSION}"
INTEGRITY: Final = "7VHpIe1XIdxlye0deOmMNbmHGVdkEy9nC/gZZitx9uZA3lLE21i92MPGHLFEvMm0Y33fAswPfvzTc3m4pQFg/Q=="
"""The package's SHA-512, in base64 as npm writes it. Another package of this name and version is not unpacked."""

# The page, its licence texts beside the files they are of, and who made it.
_TAKEN: Final = ("package/dist/", "package/package.json", "package/README.md")
_TIMEOUT_S: Final = 300


def main() -> int:
    """Fetch, check and unpack, unless they are there; return the exit code."""
    FOLDER.parent.mkdir(exist_ok=True)
    mark = FOLDER / ".integrity"
    with (FOLDER.parent / ".assets.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if mark.exists() and mark.read_text() == INTEGRITY:
            return 0
        try:
            packed = fetch()
        except (OSError, subprocess.SubprocessError) as error:
            return _failed(f"npm could not fetch {PACKAGE}: {error}")
        if not is_genuine(packed):
            return _failed(f"what npm fetched as {PACKAGE} is not what it should be: its SHA-512 differs")
        unpack(packed, FOLDER)
        mark.write_text(INTEGRITY)
    print(f"{PACKAGE} is in {FOLDER}")  # noqa: T201 - a script tells what it did
    return 0


def fetch() -> bytes:
    """Return the package as npm brings it."""
    _, npm = find_node()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [*npm, "pack", PACKAGE, "--loglevel=error"],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=_TIMEOUT_S,
        )
        (file,) = Path(folder).glob("*.tgz")
        return file.read_bytes()


def is_genuine(packed: bytes) -> bool:
    """Return whether a package is the one that is meant."""
    return base64.b64encode(hashlib.sha512(packed).digest()).decode() == INTEGRITY


def unpack(packed: bytes, target: Path) -> None:
    """Put the page's files into a folder, in the place of what is there; all of them or none."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".assets-") as folder:
        made = Path(folder) / target.name
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            for member in archive.getmembers():
                if member.isfile() and member.name.startswith(_TAKEN):
                    _write(archive, member, made)
        shutil.rmtree(target, ignore_errors=True)
        made.rename(target)


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    place = PurePosixPath(member.name)
    if ".." in place.parts:
        raise ValueError(f"{member.name} leaves its folder")
    inner = place.relative_to("package/dist" if place.parts[1] == "dist" else "package")
    content = archive.extractfile(member)
    assert content is not None, "a file has content"
    file = target / inner
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.read())


def _failed(why: str) -> int:
    print(f"error: {why}", file=sys.stderr)  # noqa: T201 - a script tells why it failed
    return 1


if __name__ == "__main__":
    sys.exit(main())
