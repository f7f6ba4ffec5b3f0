"""`HttpAddress`: where the HTTP side listens, as `--http` and WORKER_HTTP write it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

_FORM: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%\w]+\]|[^\s:/\[\]@]+):(?P<port>[0-9]{1,5})")
_HIGHEST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class HttpAddress:
    """A host and a port; port 0 is any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the address that a text names. Raises ValueError, with the accepted forms.

        >>> HttpAddress.parse("[::1]:8080")
        HttpAddress(host='::1', port=8080)
        """
        found = _FORM.fullmatch(text.strip())
        if found is None or int(found["port"]) > _HIGHEST_PORT:
            raise ValueError('accepted: host:port, such as "127.0.0.1:8080" or "[::1]:8080", a port up to 65535')
        return cls(found["host"].strip("[]"), int(found["port"]))

    def __str__(self) -> str:
        """The address as a URL has it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
