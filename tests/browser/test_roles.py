"""Those who may only look."""

from __future__ import annotations

from typing import cast

import pytest
from playwright.async_api import Page, expect
from redis.asyncio import Redis

from midday_worker import JobClient, Settings
from midday_worker.dashboard import create_dashboard
from tests.browser.served import Serve
from tests.browser.shop import Shop, Stock
from tests.browser.visit import OPEN_PANEL, Visit

WRITE = """async (path) => {
  const token = document.cookie.match(/XSRF-TOKEN=([^;]+)/)[1];
  const answer = await fetch(path, { method: "PUT", headers: { "X-XSRF-TOKEN": token } });
  return { status: answer.status, ...(await answer.json()) };
}"""


async def write(page: Page, path: str) -> dict[str, object]:
    """Try what the page has no button for, with all that its own requests have."""
    return cast("dict[str, object]", await page.evaluate(WRITE, path))


@pytest.fixture(params=["viewer", "read-only"])
def looking(request: pytest.FixtureRequest, serve: Serve, shop: Shop, settings: Settings) -> tuple[str, int]:
    """A dashboard that may only be looked at, and the status of what is tried on it."""
    if request.param == "viewer":
        dashboard = create_dashboard(shop.registry, settings=settings, auth=lambda _: "viewer")
        return serve(dashboard).url, 403
    return serve(create_dashboard(shop.registry, settings=settings, read_only=True)).url, 405


async def test_whoever_may_only_look_has_nothing_to_click_that_changes_anything(
    visit: Visit, looking: tuple[str, int], stock: Stock
) -> None:
    url, _ = looking
    page = await visit.open(f"{url}queue/emails/{stock.failed}")
    main = page.get_by_role("main")
    await expect(page.locator(OPEN_PANEL)).to_contain_text("LookupError: no such user")
    await expect(main.locator(".lucide-refresh-cw, .lucide-trash-2, .lucide-pencil")).to_have_count(0)
    await page.goto(f"{url}queue/emails")
    await expect(page.get_by_role("link", name=stock.failed)).to_be_visible()
    await expect(main.locator("button[aria-haspopup=menu]")).to_have_count(0)
    await page.goto(f"{url}job-schedulers")
    row = page.get_by_role("row").filter(has_text="morning")
    await expect(row).to_be_visible()
    await expect(row.get_by_role("button", name="Job template")).to_be_visible()
    await expect(row.get_by_role("button")).to_have_count(1)


async def test_whoever_may_only_look_is_refused_by_the_server_too(
    visit: Visit, looking: tuple[str, int], stock: Stock, client: JobClient, redis: Redis
) -> None:
    url, status = looking
    visit.expected.add(f"status of {status}")
    page = await visit.open(f"{url}queue/emails")
    await expect(page.get_by_role("link", name=stock.failed)).to_be_visible()
    for act in (f"{stock.failed}/retry", f"{stock.failed}/clean", "pause", "obliterate", "job-schedulers/morning/run"):
        answer = await write(page, f"{url}api/queues/emails/{act}")
        assert answer["status"] == status, act
    assert await redis.zscore(client.queue("emails").toKey("failed"), stock.failed) is not None
    assert not await client.queue("emails").isPaused()


async def test_the_same_request_of_somebody_who_may_act_is_done(
    visit: Visit, url: str, stock: Stock, client: JobClient
) -> None:
    page = await visit.open(f"{url}queue/emails")
    await expect(page.get_by_role("link", name=stock.failed)).to_be_visible()
    assert (await write(page, f"{url}api/queues/emails/pause"))["status"] == 200
    assert await client.queue("emails").isPaused()
