"""What the tests in the browser share: the browser, a shop with its queues, its dashboard, and a visitor."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ViewportSize, async_playwright, expect
from redis.asyncio import Redis
from starlette.types import ASGIApp

from midday_worker import JobClient, Settings
from midday_worker.dashboard import create_dashboard
from midday_worker.engine.redis.connection import RedisConfig, connect
from midday_worker.testing import RedisServer
from tests.browser.chromium import FLAGS, find_chromium
from tests.browser.figures import FIGURES, Figures
from tests.browser.served import Serve, Served
from tests.browser.shop import Shop, Stock, open_shop, stock_up
from tests.browser.visit import Visit

ROOT = Path(__file__).parents[2]
TIMEOUT_MS = 15_000
WINDOW = ViewportSize(width=1280, height=800)

expect.set_options(timeout=TIMEOUT_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run them all in one event loop: the browser's."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(FIGURES, Figures()).lines:
        terminalreporter.write_line(line)


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    """What was measured, to be said at the end of the run."""
    return request.config.stash.setdefault(FIGURES, Figures())


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport=WINDOW, locale="en-US", timezone_id="UTC")
    context.set_default_timeout(TIMEOUT_MS)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(context: BrowserContext) -> AsyncIterator[Visit]:
    """Somebody at the page; whatever their browser complains about in the end is a failure."""
    visit = Visit(context, await context.new_page())
    yield visit
    visit.check()


@pytest.fixture(scope="session", autouse=True)
def assets() -> None:
    """The page's files, fetched once."""
    subprocess.run(["bash", ROOT / "scripts" / "fetch-dashboard"], check=True, capture_output=True, timeout=300)


@pytest.fixture
def settings(redis_server: RedisServer, redis_prefix: str) -> Settings:
    """Without a login: `test_token.py` has its own."""
    return Settings(env_file=None, redis_url=redis_server.url, redis_prefix=redis_prefix, board_login="none")


@pytest_asyncio.fixture(loop_scope="session")
async def client(settings: Settings) -> AsyncIterator[JobClient]:
    async with JobClient(settings) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def redis(redis_server: RedisServer) -> AsyncIterator[Redis]:
    """A plain client, for looking at what a click has changed."""
    async with connect(RedisConfig(redis_server.url)) as redis:
        yield redis


@pytest.fixture
def shop() -> Shop:
    return open_shop()


@pytest_asyncio.fixture(loop_scope="session")
async def stock(shop: Shop, client: JobClient, settings: Settings) -> Stock:
    return await stock_up(shop, client, settings)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves applications until the test's end."""
    with ExitStack() as stack:

        def serve(app: ASGIApp, *, host: str = "127.0.0.1", prefix: str = "") -> Served:
            return stack.enter_context(Served(app, host, prefix))

        yield serve


@pytest.fixture
def url(serve: Serve, shop: Shop, settings: Settings) -> str:
    """Where the shop's dashboard is."""
    return serve(create_dashboard(shop.registry, settings=settings)).url
