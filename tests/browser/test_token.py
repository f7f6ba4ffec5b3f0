"""A dashboard without a configured login, in the browser of who has its address and of who has not."""

from __future__ import annotations

import pytest
from playwright.async_api import expect
from pydantic import SecretStr

from midday_worker import JobClient, Settings
from midday_worker.dashboard import create_dashboard
from midday_worker.dashboard.prefixed_app import PrefixedApp
from tests.browser.served import Serve
from tests.browser.shop import Shop, Stock
from tests.browser.visit import Visit

TOKEN = "a-token-of-this-test"


@pytest.fixture
def url(serve: Serve, shop: Shop, settings: Settings) -> str:
    fixed = settings.model_copy(update={"board_login": "token", "board_token": SecretStr(TOKEN)})
    return serve(PrefixedApp("/ops", create_dashboard(shop.registry, settings=fixed)), prefix="/ops").url


async def test_who_has_not_the_token_is_told_where_it_is(visit: Visit, url: str) -> None:
    visit.expected.add("status of 401")
    for path in ("", "runs", "?token=guessed"):
        page = await visit.open(f"{url}{path}")
        await expect(page.get_by_role("heading")).to_have_text("This dashboard asks for its token")
        # In the middle of the window: its style is allowed.
        box = await page.locator("main").bounding_box()
        assert box is not None
        assert box["x"] > 100


async def test_the_address_with_the_token_opens_it_and_no_page_or_request_has_it_then(
    visit: Visit, url: str, stock: Stock, client: JobClient
) -> None:
    page = await visit.open(f"{url}runs?state=failed&token={TOKEN}")
    await expect(page.locator("#rows tr")).to_have_count(1)
    assert page.url == f"{url}runs?state=failed"
    assert "BOARD-TOKEN" not in await page.evaluate("document.cookie")
    await page.get_by_role("link", name="Queues").click()
    await expect(page.get_by_role("main").get_by_role("link", name="emails", exact=True)).to_be_visible()
    assert TOKEN not in await page.evaluate("document.referrer + location + JSON.stringify(performance.getEntries())")
    assert [asked for _, asked in visit.asked if TOKEN in asked] == [f"{url}runs?state=failed&token={TOKEN}"]
    await page.goto(f"{url}queue/emails")
    async with page.expect_response(f"{url}api/queues/emails/pause"):
        await visit.choose("Pause")
        await visit.confirm()
    assert await client.queue("emails").isPaused()
    assert TOKEN not in page.url
