"""The routes of the HTTP side, over a service that is as a test says."""

from __future__ import annotations

import asyncio
import socket

from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from midday_worker.dashboard.under import Under
from midday_worker.http_address import HttpAddress
from midday_worker.metrics.snapshot import Snapshot
from midday_worker.workers.http.listener import listen, listening_on
from midday_worker.workers.http.server import HttpSide
from midday_worker.workers.status import ServiceStatus


class Service:
    """It is well."""

    async def metrics(self) -> Snapshot:
        """Something was restarted."""
        snapshot = Snapshot()
        snapshot.add("midday_worker_process_restarts_total", (), 3)
        return snapshot

    async def status(self) -> ServiceStatus:
        """Say so."""
        return ServiceStatus(environment="production", count=0, processes=())


async def admin(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("the dashboard")(scope, receive, send)


async def ask(address: HttpAddress, path: str, headers: str = "") -> str:
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    return answer


async def test_another_application_may_be_around_the_routes() -> None:
    listener = listen(HttpAddress("127.0.0.1", 0))
    where = listening_on(listener)
    async with HttpSide(listener).serving(Service(), lambda app: Under("/admin", admin, otherwise=app)):
        assert (await ask(where, "/admin")).startswith("HTTP/1.1 307")
        assert (await ask(where, "/admin/")).endswith("the dashboard")
        assert "404" in (await ask(where, "/administration"))
        assert (await ask(where, "/health")).endswith('{"status":"ok","silent_processes":[]}')


async def test_an_answer_is_not_cached_and_names_no_server() -> None:
    listener = listen(HttpAddress("127.0.0.1", 0))
    where = listening_on(listener)
    async with HttpSide(listener).serving(Service()):
        answer = (await ask(where, "/info")).lower()
        assert "cache-control: no-store" in answer
        assert "x-content-type-options: nosniff" in answer
        assert "server:" not in answer
        assert "404" in (await ask(where, "/admin/"))
        assert "400" in (await ask(where, "/health", "Content-Length: many\r\n"))


async def test_after_its_block_nothing_listens() -> None:
    listener = listen(HttpAddress("127.0.0.1", 0))
    where = listening_on(listener)
    async with HttpSide(listener).serving(Service()):
        pass
    with socket.socket() as probe:
        assert probe.connect_ex((where.host, where.port)) != 0
