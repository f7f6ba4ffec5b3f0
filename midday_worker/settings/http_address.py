"""`HttpAddress`: where the HTTP side listens, as `--http` and WORKER_HTTP write it; and whom a request asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

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


def hostname(host: str) -> str | None:
    """Return the name in a Host header, without the port; None if it has none.

    >>> hostname("Example.com:8080"), hostname("[::1]"), hostname("x@y"), hostname("a:b")
    ('example.com', '::1', None, None)
    """
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises for one that is no port
    except ValueError:
        return None
    if parts.path or parts.query or parts.fragment or parts.username is not None:
        return None
    return parts.hostname
