"""Redis goes away while somebody looks at the dashboard, and comes back."""

from __future__ import annotations

from playwright.async_api import expect

from midday_worker import JobClient, Settings
from midday_worker.dashboard import create_dashboard
from midday_worker.testing import RedisServer
from tests.browser.served import Serve
from tests.browser.shop import Shop, stock_up
from tests.browser.visit import Visit


async def test_the_page_says_that_redis_is_away_and_goes_on_once_it_is_back(
    visit: Visit, serve: Serve, shop: Shop, mortal_redis: RedisServer
) -> None:
    visit.expected.add("status of 503")
    settings = Settings(env_file=None, redis_url=mortal_redis.url, board_login="none")
    async with JobClient(settings) as client:
        stock = await stock_up(shop, client, settings)
    page = await visit.open(f"{serve(create_dashboard(shop.registry, settings=settings)).url}queue/emails")
    job = page.get_by_role("link", name=stock.failed)
    await expect(job).to_be_visible()
    mortal_redis.kill()
    await expect(visit.notices.first).to_contain_text("bull-board cannot reach Redis.")
    await expect(visit.notices.first).to_contain_text("Redis is not reachable")
    await expect(job).to_be_visible()
    mortal_redis.restart()
    await page.reload()
    await expect(job).to_be_visible()
    async with page.expect_response(lambda answer: "/api/queues?" in answer.url) as polled:
        pass
    assert (await polled.value).status == 200
