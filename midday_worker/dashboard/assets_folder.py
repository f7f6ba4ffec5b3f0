"""The page's files: bull-board's own, which come with the wheel."""

from __future__ import annotations

import gzip
import hashlib
import json
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, cast

from midday_worker.errors import ConfigurationError

FOLDER: Final = Path(__file__).with_name("assets")
"""Where they are. Not in the repository: `scripts/fetch-dashboard` brings them, the build takes them along."""

OWN_FOLDER: Final = Path(__file__).with_name("runs") / "files"
"""Those of the page of all runs, which are ours."""

VERSION: Final = "9.10.2"
"""Of `@bull-board/ui`; the routes here are those that this version asks."""

_HASHED: Final = re.compile(r"\.[0-9a-f]{10}\.(js|css)(\.LICENSE\.txt)?$")
_TEXT: Final = (".js", ".css", ".json", ".svg", ".txt")
_OWN: Final = (".js", ".css")
_KINDS: Final = {".js": "text/javascript", ".ico": "image/x-icon"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it is sent.

    Attributes:
        body: its bytes.
        compressed: the same with gzip, for text.
        kind: its media type.
        tag: changes with its bytes.
        lasting: whether its name changes with its bytes.
    """

    body: bytes
    compressed: bytes | None
    kind: str
    tag: str
    lasting: bool


@dataclass(frozen=True, slots=True)
class Assets:
    """The template of the page, and the paths of the files beside it."""

    index: str
    files: Mapping[str, Path]

    def find(self, path: str) -> Asset | None:
        """Return the file of a path below `static/`; None if there is none."""
        file = self.files.get(path)
        return None if file is None else _read(file)


@cache
def load_assets() -> Assets:
    """Return the page's files. Raises ConfigurationError: they are missing, or of another version."""
    try:
        package = cast("Mapping[str, object]", json.loads((FOLDER / "package.json").read_text()))
        index = (FOLDER / "index.ejs").read_text()
    except (OSError, ValueError) as error:
        raise ConfigurationError(_missing("are missing")) from error
    if package.get("version") != VERSION:
        raise ConfigurationError(_missing(f"are of version {package.get('version')}, not {VERSION}"))
    static = FOLDER / "static"
    return Assets(index, {path.relative_to(static).as_posix(): path for path in static.rglob("*") if path.is_file()})


def find_own(name: str) -> Asset | None:
    """Return a file of the page of all runs; None if there is none."""
    # Looked for among those that are there: the file system refuses some names with an error.
    file = next((file for file in OWN_FOLDER.iterdir() if file.name == name and file.suffix in _OWN), None)
    return None if file is None else _read(file)


@cache
def _read(file: Path) -> Asset:
    body = file.read_bytes()
    kind = _KINDS.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    text = file.suffix in _TEXT
    return Asset(
        body=body,
        compressed=gzip.compress(body, mtime=0) if text else None,
        kind=f"{kind}; charset=utf-8" if text else kind,
        tag=f'"{hashlib.sha256(body).hexdigest()[:32]}"',
        lasting=_HASHED.search(file.name) is not None,
    )


def _missing(what: str) -> str:
    return (
        f"The dashboard's page files {what}: {FOLDER}. They come with the wheel; "
        "in a checkout `bash scripts/fetch-dashboard` brings them (it needs npm)."
    )
