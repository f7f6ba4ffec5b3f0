"""A dashboard without a configured login: nobody gets in without the token that it wrote at its start."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from io import StringIO

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from loguru import logger
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.types import ASGIApp

from midday_worker import JobClient, JobRegistry, Settings
from midday_worker.dashboard import create_dashboard
from tests.deadline import eventually
from tests.integration.dashboard.conftest import Jobs
from tests.integration.dashboard.visitor import Answer, Visitor, at

PATHS = ("/", "/runs", "/queue/emails", "/api/queues", "/api/nothing", "/static/runs/main.js", "/nothing", "//x/")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"board_login": "token"})


@pytest.fixture
def board(
    jobs: Jobs, registry: JobRegistry, client: JobClient, capsys: pytest.CaptureFixture[str]
) -> tuple[Starlette, str]:
    """A dashboard, and the token that it wrote."""
    app = create_dashboard(registry, client=client)
    found = re.search(r"add \?token=([\w-]{43}) to its address", capsys.readouterr().err)
    assert found is not None
    return app, found[1]


async def test_without_the_token_nobody_reads_or_changes_anything(
    board: tuple[Starlette, str], client: JobClient
) -> None:
    """From this machine, through a proxy that says so, and through one that doesn't: that looks like this machine."""
    app, _ = board
    for forwarded in ({}, {"X-Forwarded-For": "203.0.113.9"}):
        async with Visitor(app) as visitor:
            visitor.http.headers.update(forwarded)
            for path in PATHS:
                answer = await visitor.get(path)
                assert (answer.status, answer.json["code"]) == (401, "TOKEN_REQUIRED"), path
                assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
                assert "set-cookie" not in answer.headers
            assert (await visitor.put(at("emails", "pause"))).status == 401
    assert not await client.queue("emails").isPaused()


async def test_the_address_with_the_token_lets_a_browser_in_and_goes_away(
    board: tuple[Starlette, str], client: JobClient
) -> None:
    app, token = board
    async with Visitor(app) as visitor:
        entered = await visitor.get("/", {"token": token})
        assert (entered.status, entered.headers["location"]) == (303, "./")
        cookie = entered.headers.get_list("set-cookie")[0]
        assert cookie.startswith("BOARD-TOKEN-http=")
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
        assert token not in cookie
        assert entered.headers["cache-control"] == "no-store"
        assert (await visitor.get("/api/queues")).status == 200
        assert (await visitor.put(at("emails", "pause"))).status == 200
        assert (await visitor.http.put(at("emails", "resume"))).json()["code"] == "CSRF"
    assert await client.queue("emails").isPaused()


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("/runs?state=failed&token=TOKEN&text=a%20b%26c&state=active", "./runs?state=failed&text=a+b%26c&state=active"),
        ("/queue/a%2Fb?token=TOKEN", "./a%2Fb"),
        ("http://localhost//evil.example/?token=TOKEN", "./"),
        ("http://localhost//evil.example?token=TOKEN", "./evil.example"),
        ("/x/http:%2F%2Fevil.example?token=TOKEN", "./http:%2F%2Fevil.example"),
        ("/runs?token=old&token=TOKEN", "./runs"),
    ],
)
async def test_only_the_token_leaves_the_address(board: tuple[Starlette, str], address: str, place: str) -> None:
    """Relative: the same place behind any proxy, and never another host's."""
    app, token = board
    async with Visitor(app) as visitor:
        assert (await visitor.get(address.replace("TOKEN", token))).headers["location"] == place
        # With the cookie too, whatever the token is: it has to leave the address.
        again = await visitor.http.get(address.replace("TOKEN", "old"))
        assert (again.status_code, again.headers["location"]) == (303, place)


async def test_a_program_sends_it_in_a_header_and_needs_nothing_else(
    board: tuple[Starlette, str], client: JobClient
) -> None:
    app, token = board
    async with Visitor(app) as visitor:
        headers = {"Authorization": f"Bearer {token}"}
        assert (await visitor.http.get("/api/queues", headers=headers)).status_code == 200
        visitor.http.cookies.clear()
        assert (await visitor.http.put(at("emails", "pause"), headers=headers)).status_code == 200
        forged = {**headers, "Origin": "http://evil.example"}
        assert (await visitor.http.put(at("emails", "resume"), headers=forged)).status_code == 403
    assert await client.queue("emails").isPaused()


WRONG = ["", "TOKEN ", "TOKE", "token", "TOKENTOKEN", "é", "\x00", "*", "x" * 9_000]


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_wrong_token_is_refused_wherever_it_stands(board: tuple[Starlette, str], wrong: str) -> None:
    app, token = board
    given = wrong.replace("TOKEN ", f"{token} x").replace("TOKEN", token).replace("TOKE", token[:-1])
    raw = given.encode().decode("latin-1").encode("latin-1")
    async with Visitor(app) as visitor:
        assert (await visitor.get("/", {"token": given})).status == 401
        for name, value in (
            (b"Authorization", b"Bearer " + raw),
            (b"Authorization", b"Basic " + raw),
            (b"Cookie", b"BOARD-TOKEN-http=" + raw),
        ):
            assert (await visitor.http.get("/", headers=[(name, value)])).status_code == 401
        # In a request that changes something, only a header or the cookie counts.
        assert (await visitor.http.put(at("emails", "pause"), params={"token": token})).status_code == 401


async def test_the_token_itself_is_no_cookie(board: tuple[Starlette, str]) -> None:
    app, token = board
    async with Visitor(app) as visitor:
        assert (await visitor.http.get("/", headers={"Cookie": f"BOARD-TOKEN-http={token}"})).status_code == 401


async def test_a_browser_is_told_where_the_token_is(board: tuple[Starlette, str]) -> None:
    app, _ = board
    async with Visitor(app) as visitor:
        page = await visitor.http.get("/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (page.status_code, page.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert "BOARD_TOKEN" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'self'")


async def test_a_token_that_is_set_holds_for_replicas_and_over_restarts(
    jobs: Jobs, registry: JobRegistry, client: JobClient, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever is in it; and it is written nowhere."""
    token = "a token; with = and é"
    fixed = settings.model_copy(update={"board_token": SecretStr(token)})
    apps = [create_dashboard(registry, client=client, settings=fixed) for _ in range(2)]
    assert capsys.readouterr() == ("", "")
    async with Visitor(apps[0], client=("10.0.0.9", 1)) as visitor, Visitor(apps[1]) as other:
        assert (await visitor.get("/", {"token": token})).status == 303
        other.http.cookies = visitor.http.cookies
        assert (await other.get("/api/queues")).status == 200


async def test_tokens_that_are_made_differ_and_so_do_their_cookies(
    board: tuple[Starlette, str], registry: JobRegistry, client: JobClient
) -> None:
    app, token = board
    async with Visitor(app) as visitor, Visitor(create_dashboard(registry, client=client)) as other:
        await visitor.get("/", {"token": token})
        other.http.cookies = visitor.http.cookies
        assert (await other.get("/api/queues")).status == 401


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncGenerator[str]:
    """Serve an application by uvicorn as it is, with its access log; yield where."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=1))
    running = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await eventually(started, "uvicorn serves")
    yield f"http://localhost:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await running


async def test_no_log_holds_the_token(board: tuple[Starlette, str], caplog: pytest.LogCaptureFixture) -> None:
    """Neither ours nor the access log of a server that the dashboard is mounted in, whether it is right or wrong."""
    app, token = board
    kept: list[str] = []
    logger.add(lambda message: kept.append(str(message)))
    host = FastAPI()
    host.mount("/ops", app)
    with caplog.at_level(logging.INFO, "uvicorn.access"):
        async with served(host) as url, httpx.AsyncClient(base_url=url) as http:
            assert (await http.get(f"/ops/runs?token=wrong{token}&state=failed")).status_code == 401
            entered = await http.get(f"/ops/runs?token={token}&state=failed")
            assert Answer(entered).headers["location"] == "./runs?state=failed"
            assert (await http.get(entered.headers["location"].replace("./", "/ops/"))).status_code in (200, 503)
            assert {cookie.path for cookie in http.cookies.jar} == {"/ops/"}
    assert "GET /ops/runs?state=failed" in caplog.text
    assert kept
    assert token not in caplog.text + "".join(kept)


class Gone(StringIO):
    """A stream whose reader has gone."""

    def write(self, _text: str, /) -> int:
        raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize("stderr", [Gone(), None])
def test_a_token_that_can_not_be_written_keeps_nothing_from_starting(
    stderr: Gone | None, registry: JobRegistry, client: JobClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stderr)
    create_dashboard(registry, client=client)
