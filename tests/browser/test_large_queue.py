"""A queue of a million jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, NamedTuple

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

import midday_worker.dashboard.recent
from midday_worker import JobClient, Settings
from midday_worker.dashboard import create_dashboard
from midday_worker.engine.redis.connection import RedisConfig, connect
from midday_worker.testing import RedisServer
from tests.browser.backlog import fill
from tests.browser.figures import Figures
from tests.browser.served import Serve
from tests.browser.shop import Mail, Shop, open_shop
from tests.browser.visit import OPEN_PANEL, Visit

COUNTS: Final = {"wait": 500_000, "completed": 400_000, "failed": 100_000}
FEW: Final = dict.fromkeys(COUNTS, 1)
TIMES_AS_LONG: Final = 4
"""The most that a million jobs may take, of what a queue of a few takes. Reading them all would take hundreds."""
TRIES: Final = 5
"""The least of these counts: whatever else the machine does only makes them longer."""

NOTE = """new MutationObserver((_, observer) => {
  if (!document.querySelector("[role=tabpanel]")) return;
  window.shownAfter = performance.now();
  observer.disconnect();
}).observe(document, { childList: true, subtree: true })"""

COUNT = """async ([path, tries]) => {
  const took = [];
  for (let i = 0; i < tries; i++) {
    const before = performance.now();
    await (await fetch(path)).json();
    took.push(performance.now() - before);
  }
  return took;
}"""


class Urls(NamedTuple):
    """Where two dashboards are."""

    large: str
    small: str


async def hold(settings: Settings, counts: dict[str, int]) -> None:
    """Fill the queue of the mails."""
    async with JobClient(settings) as client, connect(RedisConfig(settings.redis_url.get_secret_value())) as redis:
        await open_shop().mail.trigger(Mail(user_id="ada"), client=client)
        await fill(redis, client.queue("emails"), counts)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def large() -> AsyncIterator[Settings]:
    """A Redis with a million jobs, and how to reach it."""
    with RedisServer() as server:
        settings = Settings(env_file=None, redis_url=server.url, board_login="none")
        await hold(settings, COUNTS)
        yield settings


@pytest_asyncio.fixture(loop_scope="session")
async def urls(large: Settings, settings: Settings, serve: Serve, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Urls:
    """Dashboards of a queue of a million jobs and of one of a few, which read the counts anew each time."""
    await hold(settings, FEW)
    monkeypatch.setattr(midday_worker.dashboard.recent, "_FRESH_S", 0.0)
    return Urls(*(serve(create_dashboard(shop.registry, settings=its)).url for its in (large, settings)))


async def shown_after_ms(page: Page, url: str) -> float:
    """Open a queue's page, and return when the first job was there, counted from the click."""
    await page.goto(url)
    await expect(page.locator(OPEN_PANEL).first).to_be_visible()
    return float(await page.evaluate("window.shownAfter"))


async def test_the_page_of_a_queue_of_a_million_jobs_is_there_as_soon_as_that_of_a_small_one(
    visit: Visit, urls: Urls, figures: Figures
) -> None:
    await visit.open(urls.small)
    page = await visit.open(f"{urls.large}queue/emails")
    await expect(page.locator('a[href="/queue/emails?status=completed"]')).to_contain_text("400")
    await page.add_init_script(NOTE)
    for query in ("", "?status=failed"):
        large, small = [
            min([await shown_after_ms(page, f"{url}queue/emails{query}") for _ in range(TRIES)]) for url in urls
        ]
        figures.add(f"a million jobs: {query or 'latest'} shown after {large:.0f} ms, of a few after {small:.0f} ms")
        assert large < TIMES_AS_LONG * small


async def test_the_counts_of_a_million_jobs_take_as_long_as_those_of_a_few(
    visit: Visit, urls: Urls, figures: Figures
) -> None:
    least: list[float] = []
    for url in urls:
        page = await visit.open(f"{url}queue/emails")
        await expect(page.locator(OPEN_PANEL).first).to_be_visible()
        least.append(min(await page.evaluate(COUNT, [f"{url}api/queues", TRIES])))
    large, small = least
    figures.add(f"counts: of a million jobs in {large:.1f} ms, of a few in {small:.1f} ms")
    assert large < TIMES_AS_LONG * small
