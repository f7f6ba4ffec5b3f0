"""Our own page for everybody: whatever they see by, may do, are shown, and while Redis is away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal, cast
from urllib.parse import quote

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from redis.asyncio import Redis

from midday_worker import JobClient, Settings
from midday_worker.dashboard import create_dashboard
from midday_worker.demo.node import NodeRuntime
from midday_worker.testing import RedisServer
from tests.browser.conftest import ROOT, WINDOW
from tests.browser.served import Serve
from tests.browser.shop import Shop, Stock, stock_up
from tests.browser.test_hostile import ID, TEXTS, add_hostile
from tests.browser.visit import Visit

AXE = {"axe-core": "4.14.1"}
SERIOUS = ("serious", "critical")
CHECK = """async () => (await axe.run()).violations.map(
  ({ id, impact, nodes }) => [impact, id, nodes.map(({ html }) => html.slice(0, 200)).join(" | ")])"""


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core's source, installed once under .midday/."""
    runtime = NodeRuntime(ROOT / ".midday" / "axe", AXE)
    runtime.install()
    return (runtime.directory / "node_modules" / "axe-core" / "axe.min.js").read_text()


async def findings(page: Page, axe: str) -> list[list[str]]:
    """Return what axe finds that counts."""
    await page.evaluate(axe)
    found = cast("list[list[str]]", await page.evaluate(CHECK))
    return [each for each in found if each[0] in SERIOUS]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious_on_any_part_of_the_page(
    visit: Visit, url: str, stock: Stock, axe: str, scheme: Literal["light", "dark"]
) -> None:
    await visit.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page = await visit.open(f"{url}runs?tag=teamId%3Dteam_a")
    await expect(page.locator("#rows tr").first).to_be_visible()
    assert await findings(page, axe) == []
    await page.goto(f"{url}runs?open=emails%2F{stock.failed}")
    await expect(page.get_by_role("complementary")).to_contain_text("no such user")
    await expect(page.get_by_role("list", name="Log")).to_contain_text("sending to")
    assert await findings(page, axe) == []
    await page.goto(f"{url}runs")
    await page.get_by_role("button", name="Remove all").click()
    await expect(page.get_by_role("button", name="Remove 9 runs")).to_be_enabled()
    assert await findings(page, axe) == []
    visit.expected.add("status of 400")
    await page.goto(f"{url}runs?state=zzz&tag=bad")
    await expect(page.get_by_role("alert")).to_be_visible()
    assert await findings(page, axe) == []


async def test_light_and_dark_are_those_of_the_main_page(visit: Visit, url: str) -> None:
    await visit.page.emulate_media(color_scheme="dark")
    page = await visit.open(f"{url}runs")
    await expect(page.locator("body.dark-mode")).to_be_visible()
    dark = await page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    await page.get_by_role("button", name="Switch between light and dark").click()
    await expect(page.locator("body:not(.dark-mode)")).to_be_visible()
    assert await page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor") != dark
    await page.goto(url)
    await expect(page.get_by_role("main")).to_be_visible()
    assert "dark-mode" not in (await page.locator("body").get_attribute("class") or "")
    await page.goto(f"{url}runs")
    await expect(page.locator("body:not(.dark-mode)")).to_be_visible()


async def test_hostile_payloads_are_shown_as_text(visit: Visit, url: str, client: JobClient, redis: Redis) -> None:
    await add_hostile(client, redis, {})
    visit.page.on("dialog", lambda dialog: pytest.fail(f"a dialog was opened: {dialog.message}"))
    page = await visit.open(f"{url}runs?open={quote(f'emails/{ID}', safe='')}")
    run = page.get_by_role("complementary")
    await expect(run.get_by_role("heading", level=2)).to_have_text(TEXTS["html"])
    for part in ("Stack", "Options"):
        await run.locator("summary", has_text=part).click()
    await expect(run).to_contain_text("window.hacked='address'")
    await expect(run).to_contain_text(r"invoice\u202efdp.exe")
    await expect(run.get_by_role("list", name="Log")).to_contain_text(TEXTS["script"])
    assert "\u202e" not in await page.locator("body").inner_text()
    assert await page.evaluate("window.hacked") is None
    assert await page.locator("img[src=x], iframe, main style, aside style, main h1").count() == 0


@pytest.mark.parametrize("access", ["viewer", "read-only"])
async def test_whoever_may_only_look_is_told_so_and_has_nothing_to_act_with(
    visit: Visit, serve: Serve, shop: Shop, settings: Settings, stock: Stock, access: str
) -> None:
    dashboard = (
        create_dashboard(shop.registry, settings=settings, auth=lambda _: "viewer")
        if access == "viewer"
        else create_dashboard(shop.registry, settings=settings, read_only=True)
    )
    page = await visit.open(f"{serve(dashboard).url}runs?open=emails%2F{stock.failed}")
    await expect(page.get_by_text("Read-only")).to_be_visible()
    await expect(page.get_by_role("complementary")).to_contain_text("no such user")
    await expect(page.get_by_role("button", name="Retry")).to_have_count(0)
    await expect(page.get_by_role("button", name="Remove")).to_have_count(0)


async def test_an_outage_of_redis_is_said_and_the_list_goes_on_by_itself(
    visit: Visit, serve: Serve, shop: Shop, mortal_redis: RedisServer
) -> None:
    visit.expected.add("status of 503")
    settings = Settings(env_file=None, redis_url=mortal_redis.url, board_login="none")
    async with JobClient(settings) as client:
        await stock_up(shop, client, settings)
    page = await visit.open(f"{serve(create_dashboard(shop.registry, settings=settings)).url}runs")
    await expect(page.locator("#rows tr")).to_have_count(9)
    mortal_redis.kill()
    await expect(page.get_by_role("alert")).to_contain_text("Redis doesn")
    await expect(page.locator("#rows tr")).to_have_count(9)
    mortal_redis.restart()
    await expect(page.get_by_role("alert")).to_be_hidden()
    await expect(page.locator("#rows tr")).to_have_count(9)


NARROW = 390
OUTSIDE = """(width) => [...document.querySelectorAll("h1, main :is(button, input, td, p), aside :is(button, h2, dd)")]
  .filter((part) => part.checkVisibility())
  .map((part) => [part.getBoundingClientRect(), part.outerHTML.slice(0, 200)])
  .filter(([box]) => box.left < 0 || box.right > width)
  .map(([box, html]) => `${box.left} to ${box.right}: ${html}`)"""


@pytest_asyncio.fixture(loop_scope="session")
async def narrow(browser: Browser) -> AsyncIterator[Page]:
    """A window as wide as a telephone's."""
    context = await browser.new_context(viewport={"width": NARROW, "height": WINDOW["height"]})
    yield await context.new_page()
    await context.close()


async def test_on_a_narrow_screen_everything_is_within_it_and_has_its_width(
    narrow: Page, url: str, stock: Stock
) -> None:
    await narrow.goto(f"{url}runs")
    await expect(narrow.get_by_role("main")).to_contain_text("no such user")
    assert await narrow.evaluate(OUTSIDE, NARROW) == []
    box = await narrow.locator("#rows tr").first.bounding_box()
    assert box is not None
    assert box["width"] > NARROW * 0.8
    await narrow.goto(f"{url}runs?open=emails%2F{stock.failed}")
    await expect(narrow.get_by_role("complementary")).to_contain_text("no such user")
    assert await narrow.evaluate(OUTSIDE, NARROW) == []
