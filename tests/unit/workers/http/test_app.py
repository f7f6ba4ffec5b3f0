"""The routes of the HTTP side, over a service that is as a test says."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import cast

import pytest
from loguru import logger
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from midday_worker.dashboard.prefixed_app import PrefixedApp
from midday_worker.settings.http_address import HttpAddress
from midday_worker.telemetry.metrics.snapshot import Snapshot
from midday_worker.workers.http.listener import listen, listening_on
from midday_worker.workers.http.server import HttpSide
from midday_worker.workers.status import ServiceStatus


@pytest.fixture
def log() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line).rstrip("\n")), level="INFO", format="{level} {message}")
    yield lines
    logger.remove(sink)


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


async def ask(
    address: HttpAddress, path: str, headers: str = "", *, host: str = "localhost", method: str = "GET"
) -> str:
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    return answer


async def test_another_application_may_be_around_the_routes() -> None:
    listener = listen(HttpAddress("127.0.0.1", 0))
    where = listening_on(listener)
    async with HttpSide(listener).serving(Service(), lambda app: PrefixedApp("/admin", admin, otherwise=app)):
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


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "localhost.evil.example", "a b", "x@127.0.0.1"])
async def test_a_page_of_another_site_reads_nothing_by_a_name_of_its_own(host: str, log: list[str]) -> None:
    listener = listen(HttpAddress("127.0.0.1", 0))
    async with HttpSide(listener).serving(Service()):
        for path in ("/info", "/metrics", "/health"):
            answer = await ask(listening_on(listener), path, host=host)
            assert answer.startswith("HTTP/1.1 403")
            assert '"code":"HOST_NOT_ALLOWED"' in answer
            assert "production" not in answer
    assert sum("the HTTP side refused GET /info" in line for line in log) == 1


@pytest.mark.parametrize("host", ["LOCALHOST:80", "a.localhost", "127.0.0.1:1", "[::1]:80", "10.1.2.3:8080"])
async def test_whoever_asks_by_an_address_is_answered(host: str) -> None:
    listener = listen(HttpAddress("127.0.0.1", 0))
    async with HttpSide(listener).serving(Service()):
        assert (await ask(listening_on(listener), "/info", host=host)).startswith("HTTP/1.1 200")


async def test_a_prober_without_a_host_header_is_answered() -> None:
    listener = listen(HttpAddress("127.0.0.1", 0))
    where = listening_on(listener)
    async with HttpSide(listener).serving(Service()):
        reader, writer = await asyncio.open_connection(where.host, where.port)
        writer.write(b"GET /health HTTP/1.0\r\n\r\n")
        assert b" 200 " in await reader.readline()
        writer.close()


async def test_on_an_address_that_others_reach_any_name_is_answered() -> None:
    listener = listen(HttpAddress("0.0.0.0", 0))  # noqa: S104 - as containers want it
    where = HttpAddress("127.0.0.1", listening_on(listener).port)
    async with HttpSide(listener).serving(Service()):
        assert (await ask(where, "/metrics", host="worker.jobs.svc:8080")).startswith("HTTP/1.1 200")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nothing%0Ahere", 404, "NOT_FOUND"), ("DELETE", "/health", 405, "METHOD_NOT_ALLOWED")],
)
async def test_what_is_refused_is_json_and_a_line_in_the_log(
    method: str, path: str, status: int, code: str, log: list[str]
) -> None:
    listener = listen(HttpAddress("127.0.0.1", 0))
    async with HttpSide(listener).serving(Service()):
        answer = await ask(listening_on(listener), path, method=method)
    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status}")
    assert "nosniff" in head
    assert cast("dict[str, object]", json.loads(body))["code"] == code
    assert [line for line in log if "refused" in line] == [
        f"WARNING the HTTP side refused {method} {path}: {json.loads(body)['message']}"
    ]


async def test_what_breaks_is_json_too() -> None:
    class Broken(Service):
        async def status(self) -> ServiceStatus:
            raise RuntimeError("a secret")

    listener = listen(HttpAddress("127.0.0.1", 0))
    async with HttpSide(listener).serving(Broken()):
        answer = await ask(listening_on(listener), "/info")
    assert answer.startswith("HTTP/1.1 500")
    assert '"key":"ERRORS.INTERNAL_SERVER_ERROR"' in answer
    assert "a secret" not in answer


async def test_after_its_block_nothing_listens() -> None:
    listener = listen(HttpAddress("127.0.0.1", 0))
    where = listening_on(listener)
    async with HttpSide(listener).serving(Service()):
        pass
    with socket.socket() as probe:
        assert probe.connect_ex((where.host, where.port)) != 0
