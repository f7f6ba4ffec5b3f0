"""A job's own page."""

from __future__ import annotations

from playwright.async_api import expect
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.routing import Mount

from midday_worker import JobClient, Settings
from midday_worker.dashboard import create_dashboard
from midday_worker.dashboard.prefixed_app import PrefixedApp
from tests.browser.served import Serve
from tests.browser.shop import NOBODY, Shop, Stock
from tests.browser.visit import OPEN_PANEL, Visit
from tests.deadline import eventually


async def test_a_failed_job_has_its_error_its_payload_and_its_log(visit: Visit, url: str, stock: Stock) -> None:
    page = await visit.open(f"{url}queue/emails/{stock.failed}")
    await expect(page.locator(OPEN_PANEL)).to_contain_text("LookupError: no such user")
    await page.get_by_role("tab", name="Data").click()
    await expect(page.locator(OPEN_PANEL)).to_contain_text(f'userId:"{NOBODY}"')
    await expect(page.get_by_role("main")).to_contain_text("50%")
    await page.get_by_role("tab", name="Logs").click()
    await expect(page.locator(OPEN_PANEL)).to_contain_text(f"sending to {NOBODY}")


async def test_a_retry_puts_the_job_back_into_the_queue(
    visit: Visit, url: str, stock: Stock, client: JobClient, redis: Redis
) -> None:
    queue = client.queue("emails")
    page = await visit.open(f"{url}queue/emails/{stock.failed}")
    await page.get_by_role("main").locator("button:has(.lucide-refresh-cw)").click()
    assert await redis.zscore(queue.toKey("failed"), stock.failed) is not None
    await visit.confirm()

    async def waits() -> bool:
        return await redis.lpos(queue.toKey("wait"), stock.failed) is not None

    await eventually(waits, "the job waits again")
    assert await redis.zscore(queue.toKey("failed"), stock.failed) is None
    await expect(page.get_by_role("main")).not_to_contain_text("Failed at")


async def test_a_flow_is_drawn_and_its_children_are_links(visit: Visit, url: str, stock: Stock) -> None:
    page = await visit.open(f"{url}queue/reports/{stock.flow}")
    nodes = page.locator(".react-flow__node")
    await expect(nodes).to_have_count(3)
    await expect(nodes.filter(has_text="build-report")).to_contain_text("2 unfinished")
    await expect(nodes.filter(has_text="send-mail")).to_have_count(2)
    await expect(page.locator(".react-flow__edge")).to_have_count(2)
    await nodes.filter(has_text=stock.child[-8:]).click()
    await expect(page.get_by_role("main")).to_contain_text('userId:"child"')


async def test_a_link_to_a_job_opens_it_below_a_prefix(
    visit: Visit, serve: Serve, shop: Shop, settings: Settings, stock: Stock
) -> None:
    dashboard = create_dashboard(shop.registry, settings=settings)
    served = serve(PrefixedApp("/admin/queues", dashboard), prefix="/admin/queues")
    page = await visit.open(f"{served.url}queue/emails/{stock.failed}")
    await expect(page.locator(OPEN_PANEL)).to_contain_text("LookupError: no such user")
    await page.get_by_role("main").get_by_role("link", name="emails").click()
    await expect(page).to_have_url(f"{served.url}queue/emails")
    await page.get_by_role("link", name="Failed 1").click()
    await expect(page).to_have_url(f"{served.url}queue/emails?status=failed")
    await page.reload()
    await expect(page.get_by_role("link", name=stock.failed)).to_be_visible()
    await expect(page.get_by_role("link", name=stock.done)).to_have_count(0)
    assert {path for _, path in visit.asked if not path.startswith(served.url)} == set()


async def test_a_scheduled_run_s_link_opens_in_an_application_that_mounts_it(
    visit: Visit, serve: Serve, shop: Shop, settings: Settings, stock: Stock
) -> None:
    host = Starlette(routes=[Mount("/ops", create_dashboard(shop.registry, settings=settings))])
    served = serve(host, prefix="/ops")
    page = await visit.open(f"{served.url}job-schedulers")
    row = page.get_by_role("row").filter(has_text="morning")
    await row.get_by_role("cell").nth(4).get_by_role("link").click()
    await expect(page.get_by_role("main")).to_contain_text("repeat:morning:")
    await page.reload()
    await expect(page.locator(OPEN_PANEL)).to_contain_text('userId:"ada"')
