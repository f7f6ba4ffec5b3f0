"""Our own page of contracts, in a browser."""

from __future__ import annotations

from playwright.async_api import expect

from midday_worker import JobClient
from tests.browser.shop import Stock
from tests.browser.visit import Visit


async def test_the_main_page_leads_to_the_contracts(visit: Visit, url: str, stock: Stock, client: JobClient) -> None:
    await client.queue("emails").add("send-mail", {"who": 1}, {})
    page = await visit.open(url)
    await page.locator("header li button:has(.lucide-circle-user)").click()
    await page.get_by_role("menuitem", name="Contracts").click()
    await expect(page).to_have_url(f"{url}contracts")
    await expect(page.get_by_role("status")).to_contain_text("1 would fail.")
    await expect(page.get_by_role("row", name="send-mail")).to_contain_text("Field required")
    await page.get_by_role("row", name="send-mail").get_by_text("Payload").click()
    await expect(page.get_by_role("row", name="send-mail")).to_contain_text('"type": "object"')
