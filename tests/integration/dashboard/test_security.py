"""Who may ask what of the dashboard: hosts, logins, roles, and requests that another site's page makes."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Mapping
from typing import cast

import pytest
from loguru import logger
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.types import Message, Scope

from midday_worker import ConfigurationError, JobClient, JobRegistry, Settings
from midday_worker.dashboard import Access, create_dashboard
from midday_worker.dashboard.security import gate
from midday_worker.dashboard.security.forgery import COOKIE, HEADER
from tests.integration.dashboard.conftest import Jobs
from tests.integration.dashboard.visitor import Answer, Visitor, at

Make = Callable[..., Starlette]


@pytest.fixture
def make(jobs: Jobs, registry: JobRegistry, client: JobClient) -> Make:
    return functools.partial(create_dashboard, registry, client=client)


@pytest.fixture
def lines() -> list[str]:
    """What is logged."""
    kept: list[str] = []
    logger.add(lambda message: kept.append(message.record["message"]), format="{message}")
    return kept


def with_login(settings: Settings) -> Settings:
    password = Settings(board_password="s3cret").board_password
    return settings.model_copy(
        update={"board_username": "ada", "board_password": password, "board_login": "token"},
    )


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1@evil.example", "", "a b", "[::1"]
)
async def test_another_host_s_name_is_refused(make: Make, host: str) -> None:
    async with Visitor(make()) as visitor:
        answer = Answer(await visitor.http.get("/api/queues", headers={"Host": host}))
    assert (answer.status, answer.json["code"]) == (403, "HOST_NOT_ALLOWED")


async def test_allowed_names_are_answered(make: Make) -> None:
    async with Visitor(make(allowed_hosts=["Admin.example.com"])) as visitor:
        for host in ("admin.example.com", "ADMIN.example.com:8443", "localhost:3000", "[::1]:3000"):
            assert (await visitor.http.get("/api/queues", headers={"Host": host})).status_code == 200


async def test_redis_s_figures_are_not_told_where_they_are_configured_away(make: Make) -> None:
    async with Visitor(make()) as visitor:
        assert (await visitor.get("/api/redis/stats")).status == 200
    async with Visitor(make(ui_config={"hideRedisDetails": True})) as visitor:
        answer = await visitor.get("/api/redis/stats")
        assert (answer.status, answer.key) == (403, "ERRORS.FORBIDDEN")


@pytest.mark.parametrize(
    ("base", "address"),
    [("http://10.0.0.5", "127.0.0.1"), ("http://localhost", "10.0.0.9"), ("http://0.0.0.0", "127.0.0.1")],
)
async def test_with_no_login_asked_for_only_this_machine_is_answered(make: Make, base: str, address: str) -> None:
    async with Visitor(make(allowed_hosts=["*"]), base, client=(address, 5000)) as visitor:
        answer = await visitor.get("/api/queues")
    assert (answer.status, answer.json["code"]) == (403, "LOCAL_ONLY")


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Host", "Via"])
async def test_with_no_login_asked_for_whoever_a_proxy_asks_for_is_refused(
    make: Make, settings: Settings, header: str
) -> None:
    async with Visitor(make()) as visitor:
        answer = await visitor.http.get("/api/queues", headers={header: "203.0.113.9"})
        assert (answer.status_code, answer.json()["code"]) == (403, "LOCAL_ONLY")
    async with Visitor(make(settings=with_login(settings)), login=("ada", "s3cret")) as visitor:
        assert (await visitor.http.get("/api/queues", headers={header: "203.0.113.9"})).status_code == 200


@pytest.mark.parametrize("login", [None, ("ada", "wrong"), ("eve", "s3cret"), ("", ""), ("ada", "s3cret\x00")])
async def test_wrong_credentials_are_refused(
    make: Make, settings: Settings, login: tuple[str, str] | None, lines: list[str]
) -> None:
    async with Visitor(make(settings=with_login(settings)), login=login) as visitor:
        for path in ("/", "/api/queues", "/static/js/main.js", "/nothing"):
            answer = await visitor.get(path)
            assert (answer.status, answer.key, answer.json["code"]) == (401, "ERRORS.FORBIDDEN", "LOGIN_REQUIRED")
            assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert len(lines) == 4
    assert "s3cret" not in "".join(lines)


@pytest.mark.parametrize("header", ["Basic", "Basic ====", "Basic /w==", "Bearer x", "Basic YWRh", "\xff"])
async def test_a_malformed_login_is_a_wrong_one(make: Make, settings: Settings, header: str) -> None:
    async with Visitor(make(settings=with_login(settings))) as visitor:
        answer = await visitor.http.get("/api/queues", headers=[(b"Authorization", header.encode("latin-1"))])
    assert answer.status_code == 401


async def test_whoever_logs_in_may_act_from_anywhere(make: Make, settings: Settings, lines: list[str]) -> None:
    app = make(settings=with_login(settings), allowed_hosts=["board.example"])
    async with Visitor(app, "http://board.example", client=("10.0.0.9", 1), login=("ada", "s3cret")) as visitor:
        assert (await visitor.put(at("emails", "pause"))).status == 200
    assert [line for line in lines if "ada did PUT /api/queues/emails/pause" in line]


def test_half_a_login_is_refused(make: Make, settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="go together"):
        make(settings=settings.model_copy(update={"board_username": "ada"}))


@pytest.mark.parametrize("more", [{"board_login": "none"}, {"board_token": SecretStr("t")}])
def test_more_than_one_login_is_refused(make: Make, settings: Settings, more: dict[str, object]) -> None:
    """Which of them would hold?"""
    with pytest.raises(ConfigurationError, match=r"BOARD_USERNAME and BOARD_(LOGIN|TOKEN).*: choose one"):
        make(settings=with_login(settings).model_copy(update=more))


def test_no_login_is_warned_of(make: Make, lines: list[str]) -> None:
    make()
    (line,) = lines
    assert line.startswith("the dashboard has no login, as BOARD_LOGIN=none or --no-login asks for")


@pytest.mark.parametrize("answer", ["deny", "root", None, Access("deny", "eve")])
async def test_whoever_is_denied_sees_nothing(make: Make, answer: object) -> None:
    def auth(_request: Request) -> object:
        return answer

    async with Visitor(make(auth=auth)) as visitor:
        for path in ("/", "/api/queues", "/static/x"):
            assert (await visitor.get(path)).json["code"] == "DENIED"


async def test_an_error_in_auth_lets_nobody_in(make: Make) -> None:
    def broken(_request: Request) -> Access:
        raise RuntimeError("the user's own secret")

    async with Visitor(make(auth=broken)) as visitor:
        answer = await visitor.get("/api/queues")
    assert (answer.status, answer.key) == (500, "ERRORS.INTERNAL_SERVER_ERROR")
    assert "secret" not in answer.text


async def test_a_viewer_looks_and_changes_nothing(make: Make) -> None:
    async def viewer(_request: Request) -> Access:
        return Access("viewer", "eve")

    async with Visitor(make(auth=viewer)) as visitor:
        listed = cast("list[dict[str, object]]", (await visitor.get("/api/queues")).json["queues"])
        assert {queue["readOnlyMode"] for queue in listed} == {True}
        refused = await visitor.put(at("emails", "pause"))
    assert (refused.status, refused.json["code"]) == (403, "VIEWER")


async def test_a_dashboard_for_looking_changes_nothing(make: Make, client: JobClient) -> None:
    async with Visitor(make(read_only=True)) as visitor:
        for method, path in (
            ("PUT", at("emails", "pause")),
            ("POST", at("emails", "add")),
            ("PATCH", at("emails", "x", "delay")),
        ):
            answer = await visitor.act(method, path, {})
            assert (answer.status, answer.key) == (405, "ERRORS.QUEUE_READ_ONLY")
    assert await client.queue("emails").isPaused() is False


FORGED: list[dict[str, str]] = [
    {},
    {HEADER: "x" * 43},
    {HEADER: "right", "Origin": "http://evil.example"},
    {HEADER: "right", "Origin": "null"},
    {HEADER: "right", "Origin": "http://localhost:81"},
    {HEADER: "right", "Origin": "http://[bad"},
    {HEADER: "right", "Sec-Fetch-Site": "cross-site"},
    {HEADER: "right", "Sec-Fetch-Site": "same-site"},
    {HEADER: "", "Cookie": f"{COOKIE}="},
    {HEADER: "short", "Cookie": f"{COOKIE}=short"},
]


@pytest.mark.parametrize("headers", FORGED)
async def test_a_request_of_another_page_changes_nothing(
    make: Make, client: JobClient, headers: Mapping[str, str]
) -> None:
    async with Visitor(make()) as visitor:
        await visitor.get("/api/queues")
        token = visitor.http.cookies[COOKIE]
        sent = {name: token if value == "right" else value for name, value in headers.items()}
        answer = Answer(await visitor.http.put(at("emails", "pause"), headers=sent))
    assert (answer.status, answer.json["code"]) == (403, "CSRF")
    assert await client.queue("emails").isPaused() is False


async def test_the_page_s_own_request_is_taken(make: Make, client: JobClient) -> None:
    async with Visitor(make()) as visitor:
        await visitor.get("/api/queues")
        headers = {HEADER: visitor.http.cookies[COOKIE], "Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
        assert (await visitor.http.put(at("emails", "pause"), headers=headers)).status_code == 200
    assert await client.queue("emails").isPaused() is True


async def test_the_token_is_for_this_site_and_stays(make: Make) -> None:
    async with Visitor(make(), "https://localhost") as visitor:
        cookie = (await visitor.get("/api/queues")).headers["set-cookie"]
        assert {"Secure", "SameSite=strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
        assert "set-cookie" not in (await visitor.get("/api/queues")).headers


async def test_every_answer_has_the_headers_that_hold_a_page_in(make: Make) -> None:
    async with Visitor(make()) as visitor:
        for path in ("/", "/api/queues", "/api/nothing", "/static/favicon.ico", "/static/nothing"):
            headers = (await visitor.get(path)).headers
            assert headers["content-security-policy"].startswith("default-src 'self'; script-src 'self';")
            assert headers["x-content-type-options"] == "nosniff"


BODIES: list[tuple[bytes, str, int]] = [
    (b"{", "application/json", 400),
    (b"[]", "application/json", 400),
    (b'"\\ud800"', "application/json", 400),
    (b'{"name": "\\ud800"}', "application/json", 400),
    (b'{"concurrency": NaN}', "application/json", 400),
    (b'{"concurrency": ' + b"9" * 5_000 + b"}", "application/json", 400),
    (b"[" * 100_000, "application/json", 400),
    (b"\xff\xfe", "application/json", 400),
    (b'{"concurrency": 4}', "text/plain", 415),
    (b"concurrency=4", "application/x-www-form-urlencoded", 415),
    (b'{"concurrency": 4}', "", 415),
    (b" " * 10_000_000, "application/json", 413),
]


@pytest.mark.parametrize(("body", "kind", "status"), BODIES, ids=[f"{kind}-{body[:12]!r}" for body, kind, _ in BODIES])
async def test_a_wrong_body_has_a_clear_answer_and_one_line(
    make: Make, lines: list[str], body: bytes, kind: str, status: int
) -> None:
    async with Visitor(make()) as visitor:
        await visitor.get("/api/queues")
        headers = {HEADER: visitor.http.cookies[COOKIE], "Content-Type": kind}
        answer = Answer(await visitor.http.put(at("emails", "concurrency"), headers=headers, content=body))
        assert answer.status == status
        assert answer.key in ("ERRORS.INVALID_REQUEST_BODY", "ERRORS.INVALID_CONCURRENCY")
    assert len(lines) == 2  # the first warns of no login


async def test_a_body_that_does_not_say_how_long_it_is_is_bounded_too(make: Make) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(100):
            read += 65_536
            yield b" " * 65_536

    async with Visitor(make()) as visitor:
        await visitor.get("/api/queues")
        headers = {HEADER: visitor.http.cookies[COOKIE], "Content-Type": "application/json"}
        answer = await visitor.http.put(at("emails", "concurrency"), headers=headers, content=endless())
    assert answer.status_code == 413
    assert read < 2_000_000


async def test_a_body_that_does_not_come_is_not_waited_for(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor one that comes drop by drop."""
    monkeypatch.setattr(gate, "BODY_S", 0.2)

    async def drops() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.02)

    async with Visitor(make()) as visitor, asyncio.timeout(10):
        await visitor.get("/api/queues")
        headers = {HEADER: visitor.http.cookies[COOKIE], "Content-Type": "application/json"}
        answer = Answer(await visitor.http.put(at("emails", "concurrency"), headers=headers, content=drops()))
    assert (answer.status, answer.json["code"], answer.headers["connection"]) == (408, "SLOW_BODY", "close")


async def test_whoever_goes_away_amid_a_body_leaves_one_line(make: Make, lines: list[str]) -> None:
    token = "t" * 43
    headers = {"host": "localhost", "content-type": "application/json", "cookie": f"{COOKIE}={token}", HEADER: token}
    scope: Scope = {
        **{"type": "http", "method": "PUT", "path": "/api/queues/emails/concurrency", "query_string": b""},
        **{"headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()]},
        **{"client": ("127.0.0.1", 5000), "server": ("127.0.0.1", 80), "scheme": "http"},
    }
    came: list[Message] = [
        {"type": "http.request", "body": b'{"conc', "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return came.pop(0)

    async def send(message: Message) -> None:
        """Nobody hears it."""

    await make()(scope, receive, send)
    _, line = lines  # the first warns of no login
    assert line.startswith("the dashboard refused PUT /api/queues/emails/concurrency"), line


async def test_a_websocket_is_closed(make: Make) -> None:
    sent: list[Mapping[str, object]] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    await make()({"type": "websocket", "path": "/", "headers": []}, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]
