"""The first page: all queues at a glance."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.shop import Stock
from tests.browser.visit import Visit


async def test_every_queue_is_shown_with_how_many_jobs_it_has_and_which_failed(
    visit: Visit, url: str, stock: Stock
) -> None:
    page = await visit.open(url)
    main = page.get_by_role("main")
    emails, reports = (
        main.get_by_role("listitem").filter(has=page.get_by_role("link", name=name, exact=True))
        for name in ("emails", "reports")
    )
    await expect(emails).to_contain_text("8 Jobs")
    await expect(emails.get_by_role("link", name="Failed 1")).to_be_visible()
    await expect(reports).to_contain_text("1 Job")
    await expect(emails).to_contain_text("No workers")
    for name, count in {"waiting": 3, "prioritized": 1, "completed": 1, "failed": 1, "delayed": 2}.items():
        await expect(main.locator(f'a[href="/?status={name}"]')).to_contain_text(str(count))


async def test_a_click_on_a_queue_opens_it(visit: Visit, url: str, stock: Stock) -> None:
    page = await visit.open(url)
    await page.get_by_role("main").get_by_role("link", name="emails", exact=True).click()
    await expect(page.get_by_role("heading", name="emails")).to_be_visible()
    await expect(page).to_have_url(f"{url}queue/emails")
    await expect(page.get_by_role("link", name=stock.failed)).to_be_visible()
