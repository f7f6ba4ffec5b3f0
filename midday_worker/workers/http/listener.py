"""The socket of the HTTP side, bound before anything else starts."""

from __future__ import annotations

import socket
from typing import Final

from midday_worker.errors import ConfigurationError
from midday_worker.settings.http_address import HttpAddress

_BACKLOG: Final = 128


def listen(address: HttpAddress, *, who: str = "The HTTP side", origin: str = "--http or WORKER_HTTP") -> socket.socket:
    """Return a socket that listens there, and nowhere else.

    Args:
        address: where.
        who: listens, for the error.
        origin: what gave the address, for the error.

    Raises:
        ConfigurationError: the port is in use, or the host isn't this machine's.
    """
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, where = found[0]
        return socket.create_server(where[:2], family=family, backlog=_BACKLOG)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(f"{who} can't listen on {address} (from {origin}): {reason}.") from error


def listening_on(listener: socket.socket) -> HttpAddress:
    """Return where a socket listens: the port is the real one if any free one was asked for."""
    host, port = listener.getsockname()[:2]
    return HttpAddress(str(host), int(port))
