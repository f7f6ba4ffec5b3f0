"""A queue of a million jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

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
PAGE_MS: Final = 1_000
COUNTS_MS: Final = 50
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


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def large() -> AsyncIterator[Settings]:
    """A Redis with a million jobs, and how to reach it."""
    with RedisServer() as server:
        settings = Settings(env_file=None, redis_url=server.url, board_login="none")
        async with JobClient(settings) as client, connect(RedisConfig(server.url)) as redis:
            await open_shop().mail.trigger(Mail(user_id="ada"), client=client)
            await fill(redis, client.queue("emails"), COUNTS)
        yield settings


@pytest.fixture
def large_url(large: Settings, serve: Serve, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> str:
    """A dashboard that reads the counts anew each time."""
    monkeypatch.setattr(midday_worker.dashboard.recent, "_FRESH_S", 0.0)
    return serve(create_dashboard(shop.registry, settings=large)).url


async def shown_after_ms(page: Page, url: str) -> float:
    """Open a queue's page, and return when the first job was there, counted from the click."""
    await page.goto(url)
    await expect(page.locator(OPEN_PANEL).first).to_be_visible()
    return float(await page.evaluate("window.shownAfter"))


async def test_the_page_of_a_queue_of_a_million_jobs_is_there_within_a_second(
    visit: Visit, large_url: str, figures: Figures
) -> None:
    page = await visit.open(f"{large_url}queue/emails")
    await expect(page.locator('a[href="/queue/emails?status=completed"]')).to_contain_text("400")
    await page.add_init_script(NOTE)
    tabs = {"latest": "", "failed": "?status=failed"}
    took = {
        tab: min([await shown_after_ms(page, f"{large_url}queue/emails{query}") for _ in range(TRIES)])
        for tab, query in tabs.items()
    }
    figures.add(f"a million jobs: {', '.join(f'{tab} shown after {ms:.0f} ms' for tab, ms in took.items())}")
    assert {tab: ms for tab, ms in took.items() if ms > PAGE_MS} == {}


async def test_the_counts_of_a_million_jobs_take_less_than_50_ms(
    visit: Visit, large_url: str, figures: Figures
) -> None:
    page = await visit.open(f"{large_url}queue/emails")
    await expect(page.locator(OPEN_PANEL).first).to_be_visible()
    took = sorted(await page.evaluate(COUNT, [f"{large_url}api/queues", TRIES]))
    figures.add(f"a million jobs: counts in {took[0]:.1f} ms (median {took[len(took) // 2]:.1f} ms)")
    assert took[0] < COUNTS_MS
