"""A reverse proxy as nginx is with `proxy_pass` alone: it asks for its own target, and doesn't say for whom."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from midday_worker.embedded import ServerProcess, free_port
from midday_worker.settings.http_address import HttpAddress

_HOST = re.compile(rb"^host:[^\r]*\r\n|^connection:[^\r]*\r\n", re.IGNORECASE | re.MULTILINE)
_NGINX = """daemon off;
pid nginx.pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://{target}; }} }}
}}
"""


@asynccontextmanager
async def quiet_proxy(target: HttpAddress) -> AsyncGenerator[HttpAddress]:
    """Pass requests on, one a connection, with the target's own Host header; yield where."""

    async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, rest = head.split(b"\r\n", 1)
        answer, asked = await asyncio.open_connection(target.host, target.port)
        asked.write(first + f"\r\nHost: {target}\r\nConnection: close\r\n".encode() + _HOST.sub(b"", rest))
        while part := await answer.read(65_536):
            writer.write(part)
        for each in (asked, writer):
            each.close()
            await each.wait_closed()

    async with asyncio.TaskGroup() as requests:  # so that the last ones are over before the event loop is

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            requests.create_task(passed_on(reader, writer))

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        async with server:
            yield HttpAddress("127.0.0.1", server.sockets[0].getsockname()[1])


@asynccontextmanager
async def nginx(target: HttpAddress, folder: Path) -> AsyncGenerator[HttpAddress]:
    """The same by nginx itself. Raises FileNotFoundError where it isn't installed."""
    binary = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if binary is None:
        raise FileNotFoundError("nginx")
    port = free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(_NGINX.format(port=port, target=target))
    server = ServerProcess(
        [binary, "-p", str(folder), "-c", str(configuration)], folder / "nginx.log", stop_signal=signal.SIGQUIT
    )
    try:
        await asyncio.to_thread(server.wait_until, lambda: _listens(port), 20)
        yield HttpAddress("127.0.0.1", port)
    finally:
        await asyncio.to_thread(server.stop)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
