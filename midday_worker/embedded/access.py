"""How an embedded Redis is reached: its port and password, kept beside its data for as long as those are."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_FORM: Final = re.compile(r"port (\d+)\nrequirepass ([\w-]+)\n")


@dataclass(frozen=True, slots=True)
class Access:
    """The port that it listened on last, None before its first start, and the password that it always asks for."""

    port: int | None
    password: str

    @classmethod
    def read(cls, file: Path) -> Self:
        """Return what is kept in a file; with a new password where nothing is."""
        found = _FORM.fullmatch(file.read_text()) if file.exists() else None
        return cls(int(found[1]), found[2]) if found else cls(None, secrets.token_urlsafe(32))

    def keep(self, file: Path, port: int) -> None:
        """Write it as the server reads it: in a command line everybody would see it."""
        file.touch(mode=0o600)
        file.write_text(f"port {port}\nrequirepass {self.password}\n")


def make_private(directory: Path) -> None:
    """Make a directory, or one that is there already, its owner's alone."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
