"""Pictures of each page; with `--screenshots FOLDER` they are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect
from redis.asyncio import Redis

from midday_worker import JobClient, Settings
from midday_worker.dashboard import create_dashboard
from tests.browser.busy_shop import Busy, BusyShop
from tests.browser.served import Serve
from tests.browser.visit import OPEN_PANEL, Visit

SMALLEST = 10_000
"""An empty page has less."""

LARGEST = 200_000


@pytest_asyncio.fixture(loop_scope="session")
async def busy(client: JobClient, settings: Settings, redis: Redis) -> AsyncIterator[Busy]:
    async with BusyShop(client, redis).busy(settings) as busy:
        yield busy


class Album:
    """Takes pictures of one page into a folder."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page = page
        self.folder = folder

    async def take(self, name: str, seen: Locator) -> None:
        """Take one once something is seen."""
        await expect(seen).to_be_visible()
        await self.page.mouse.move(640, 795)
        await self.page.screenshot(path=self.folder / f"{name}.png", animations="disabled")


async def of_the_main_page(album: Album, url: str, busy: Busy) -> None:
    page = album.page
    main = page.get_by_role("main")
    await page.goto(url)
    await album.take("overview", main.get_by_role("link", name="payments", exact=True))
    await page.goto(f"{url}queue/payments")
    await album.take("queue", page.locator(OPEN_PANEL).first)
    await page.goto(f"{url}queue/payments/{busy.failed}")
    await album.take("job", page.locator(OPEN_PANEL).filter(has_text="CardDeclinedError"))
    await page.goto(f"{url}queue/reports/{busy.flow}")
    await page.locator(".react-flow").evaluate('graph => graph.scrollIntoView({ block: "end" })')
    await album.take("flow", page.locator(".react-flow__node").nth(3))
    await page.goto(f"{url}job-schedulers")
    await album.take("schedules", page.get_by_role("row").filter(has_text="backup"))
    await page.goto(f"{url}queue/emails")
    await main.locator("button[aria-haspopup=menu]").first.click()
    await page.get_by_role("menuitem", name="Add job").click()
    await album.take("add-job", page.get_by_role("dialog").get_by_text('"userId"'))


async def of_all_runs(album: Album, url: str, busy: Busy) -> None:
    page = album.page
    await page.goto(f"{url}runs?queue=payments&queue=exports")
    await album.take("runs", page.locator("#rows tr").first)
    await page.goto(f"{url}contracts")
    await album.take("contracts", page.get_by_role("row").nth(1))
    await page.emulate_media(color_scheme="dark")
    await page.goto(f"{url}runs?queue=exports&open=exports%2F{busy.running}")
    await album.take("run-dark", page.get_by_role("list", name="Log").get_by_text("wrote table invoices"))


async def test_a_picture_of_each_page_is_small_and_not_empty(
    request: pytest.FixtureRequest, tmp_path: Path, visit: Visit, serve: Serve, settings: Settings, busy: Busy
) -> None:
    wanted: Path | None = request.config.getoption("--screenshots")
    folder = wanted or tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    url = serve(create_dashboard(busy.registry, settings=settings)).url
    album = Album(await visit.open(url), folder)
    await of_the_main_page(album, url, busy)
    await of_all_runs(album, url, busy)
    pictures = sorted(folder.glob("*.png"))
    assert [path.stem for path in pictures] == [
        *("add-job", "contracts", "flow", "job", "overview", "queue", "run-dark", "runs", "schedules"),
    ]
    for path in pictures:
        assert SMALLEST < path.stat().st_size < LARGEST, path
