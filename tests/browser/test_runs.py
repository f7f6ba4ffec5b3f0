"""Our own page: the runs of all queues in one list."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Final

import pytest
from playwright.async_api import Locator, Page, Route, expect
from redis.asyncio import Redis

from midday_worker import JobClient
from tests.browser.shop import Mail, Shop, Stock
from tests.browser.visit import Visit
from tests.deadline import eventually

READ_MS: Final = 60_000
"""Within this a list is read again by itself, on a machine that answers slowly too."""


def rows(page: Page) -> Locator:
    """The runs that are listed."""
    return page.locator("#rows tr")


async def test_the_main_page_leads_to_all_runs_and_they_lead_back(visit: Visit, url: str, stock: Stock) -> None:
    page = await visit.open(url)
    await page.locator("header li button:has(.lucide-circle-user)").click()
    await page.get_by_role("menuitem", name="All runs").click()
    await expect(page).to_have_url(f"{url}runs")
    await expect(rows(page)).to_have_count(9)
    await expect(page.get_by_role("status").first).to_have_text("9 runs, all of them.")
    await page.get_by_role("link", name="build-report").click()
    await page.get_by_role("link", name="Open in the queue").click()
    await expect(page).to_have_url(f"{url}queue/reports/{stock.flow}")
    await expect(page.get_by_role("main")).to_contain_text('month:"May"')


async def test_filters_leave_what_they_say_and_are_in_the_address(visit: Visit, url: str, stock: Stock) -> None:
    page = await visit.open(f"{url}runs")
    await page.get_by_role("button", name="emails 8").click()
    await page.get_by_role("group", name="States").get_by_role("button", name="waiting").first.click()
    await expect(rows(page)).to_have_count(3)
    await page.get_by_role("textbox", name="Tag").fill("teamId=team_b")
    await page.keyboard.press("Enter")
    await expect(rows(page)).to_have_count(1)
    await expect(rows(page)).to_contain_text(stock.waiting)
    await expect(page).to_have_url(f"{url}runs?queue=emails&state=waiting&tag=teamId%3Dteam_b")
    await page.get_by_role("button", name="Remove the filter: tag").click()
    await expect(rows(page)).to_have_count(3)
    await page.go_back()
    await expect(rows(page)).to_have_count(1)


async def test_text_is_looked_for_as_it_is_typed(visit: Visit, url: str, stock: Stock) -> None:
    page = await visit.open(f"{url}runs")
    await expect(rows(page)).to_have_count(9)
    await page.get_by_role("searchbox").press_sequentially("no such user")
    await expect(rows(page)).to_have_count(1)
    await expect(rows(page)).to_contain_text(stock.failed)


async def test_a_link_opens_a_run_among_those_that_are_filtered(visit: Visit, url: str, stock: Stock) -> None:
    page = await visit.open(f"{url}runs?queue=emails&state=failed&open=emails%2F{stock.failed}")
    run = page.get_by_role("complementary", name="send-mail")
    await expect(run.get_by_role("group").filter(has_text="Failure")).to_contain_text("no such user")
    await expect(run.get_by_role("list", name="Log")).to_contain_text("sending to nobody")
    await expect(rows(page)).to_have_count(1)
    await run.get_by_role("button", name="Close").click()
    await expect(run).to_be_hidden()
    await expect(page).to_have_url(f"{url}runs?queue=emails&state=failed")


async def test_all_that_match_are_counted_and_only_then_retried(
    visit: Visit, url: str, client: JobClient, redis: Redis, stock: Stock
) -> None:
    failed = client.queue("emails").toKey("failed")
    page = await visit.open(f"{url}runs")
    await page.get_by_role("button", name="Retry all").click()
    dialog = page.get_by_role("dialog", name="Retry runs")
    await expect(dialog.get_by_role("status")).to_have_text("1 run matches.")
    assert await redis.zcard(failed) == 1
    await dialog.get_by_role("button", name="Retry 1 run").click()
    await expect(dialog.get_by_role("status")).to_have_text("1 of 1 run retried.")
    assert await redis.zcard(failed) == 0
    assert await redis.lpos(client.queue("emails").toKey("wait"), stock.failed) is not None
    await dialog.get_by_role("button", name="Close").click()
    await expect(page.get_by_role("button", name="failed 0")).to_be_visible()


async def test_delayed_runs_are_promoted_and_removed_in_bulk(
    visit: Visit, url: str, client: JobClient, redis: Redis, stock: Stock
) -> None:
    queue = client.queue("emails")
    page = await visit.open(f"{url}runs?state=delayed&text={stock.later}")
    await page.get_by_role("button", name="Promote all").click()
    await page.get_by_role("dialog").get_by_role("button", name="Promote 1 run").click()
    await expect(page.get_by_role("dialog").get_by_role("status")).to_have_text("1 of 1 run promoted.")
    assert await redis.zscore(queue.toKey("delayed"), stock.later) is None
    await page.goto(f"{url}runs?state=failed")
    await page.get_by_role("button", name="Remove all").click()
    await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert await redis.exists(queue.toKey(stock.failed)) == 1
    await page.get_by_role("button", name="Remove all").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove 1 run").click()
    await expect(page.get_by_role("dialog").get_by_role("status")).to_have_text("1 of 1 run removed.")
    assert await redis.exists(queue.toKey(stock.failed)) == 0


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("tag=teamId:3", "'teamId:3' is no tag"),
        ("state=zzz", "There is no state 'zzz'. Accepted: active"),
        ("state=failed&state=zzz", "There is no state 'zzz'. Accepted: active"),
        ("queue=nowhere", "No queue 'nowhere' is shown here."),
    ],
)
async def test_a_filter_that_is_wrong_shows_no_runs_and_lets_nothing_be_done_to_them(
    visit: Visit, url: str, stock: Stock, query: str, said: str
) -> None:
    """Left out, it would show all of them, and Remove all would remove all of them."""
    visit.expected.update({"status of 400", "status of 404"})
    page = await visit.open(f"{url}runs?{query}")
    await expect(page.get_by_role("alert")).to_contain_text(said)
    await expect(rows(page)).to_have_count(0)
    for act in ("Retry all", "Promote all", "Remove all"):
        await expect(page.get_by_role("button", name=act)).to_be_disabled()
    assert page.url == f"{url}runs?{query}"


async def test_a_filter_that_is_wrong_can_be_taken_away(visit: Visit, url: str, stock: Stock) -> None:
    visit.expected.add("status of 400")
    page = await visit.open(f"{url}runs?state=zzz&tag=bad")
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.get_by_role("button", name="Remove the filter: state zzz").click()
    await expect(page.get_by_role("alert")).to_contain_text("'bad' is no tag")
    await page.get_by_role("button", name="Remove the filter: tag bad").click()
    await expect(rows(page)).to_have_count(9)
    await expect(page.get_by_role("alert")).to_be_hidden()
    await page.go_back()
    await expect(page.get_by_role("alert")).to_contain_text("'bad' is no tag")
    await expect(rows(page)).to_have_count(0)


async def test_a_removal_has_to_be_chosen_where_a_retry_is_at_hand(visit: Visit, url: str, stock: Stock) -> None:
    page = await visit.open(f"{url}runs?state=failed")
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="Remove all").click()
    await expect(dialog.get_by_role("button", name="Remove 1 run")).to_be_enabled()
    await expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(dialog).to_be_hidden()
    await page.get_by_role("button", name="Retry all").click()
    await expect(dialog.get_by_role("button", name="Retry 1 run")).to_be_focused()


async def test_a_run_s_log_and_progress_come_as_they_are_written(
    visit: Visit, url: str, client: JobClient, shop: Shop
) -> None:
    queue = client.queue("emails")
    handle = await shop.mail.trigger(Mail(user_id="ada"), client=client)
    page = await visit.open(f"{url}runs?open=emails%2F{handle.id}")
    run = page.get_by_role("complementary", name="send-mail")
    await expect(run.get_by_role("region", name="Log").get_by_role("status")).to_have_text("live")
    job = await queue.getJob(handle.id)
    assert job is not None
    for number in (1, 2):
        await job.log(f"line {number}")
        await expect(run.get_by_role("list", name="Log")).to_contain_text(f"line {number}")
    await job.updateProgress(40)
    await expect(run.get_by_role("progressbar", name="Progress")).to_have_attribute("value", "40")


async def test_a_run_that_is_added_elsewhere_appears_by_itself(
    visit: Visit, url: str, client: JobClient, shop: Shop
) -> None:
    page = await visit.open(f"{url}runs")
    await expect(page.locator("#empty")).to_be_visible()
    handle = await shop.mail.trigger(Mail(user_id="ada"), client=client)
    await expect(rows(page)).to_contain_text(handle.id, timeout=READ_MS)


class Held:
    """The page of all runs, whose lists aren't answered until `let_go`, and whose clock is the test's."""

    def __init__(self, visit: Visit, url: str) -> None:
        self._visit = visit
        self._url = url
        self._may_go = asyncio.Event()
        self.page = visit.page
        self.asked = 0

    async def open(self) -> Page:
        await self.page.clock.install()
        await self.page.route("**/api/runs?*", self._hold)
        async with self._counts():
            return await self._visit.open(f"{self._url}runs")

    async def pass_by(self, seconds: int) -> None:
        """Let time pass on the page, enough for it to read the counts again: it does that every five seconds."""
        async with self._counts():
            await self.page.clock.fast_forward(seconds * 1_000)

    def let_go(self) -> None:
        self._may_go.set()

    def _counts(self) -> AbstractAsyncContextManager[object]:
        return self.page.expect_response("**/api/runs/names")

    async def _hold(self, route: Route) -> None:
        self.asked += 1
        await self._may_go.wait()
        await route.continue_()


@pytest.fixture
def held(visit: Visit, url: str) -> Held:
    return Held(visit, url)


async def test_a_list_that_was_answered_slowly_is_read_again(held: Held, client: JobClient, shop: Shop) -> None:
    page = await held.open()
    await page.clock.fast_forward(1_000)
    held.let_go()
    await expect(page.locator("#empty")).to_be_visible()
    handle = await shop.mail.trigger(Mail(user_id="ada"), client=client)
    await held.pass_by(5 * 60)
    await expect(rows(page)).to_contain_text(handle.id)


async def test_a_list_is_not_asked_for_again_before_it_is_answered(held: Held, stock: Stock) -> None:
    """It would be given up each time, and none that takes longer than the time between would ever be shown."""
    page = await held.open()
    await held.pass_by(6)
    assert held.asked == 1
    held.let_go()
    await expect(rows(page)).to_have_count(9)


async def test_a_list_that_is_never_answered_is_given_up_and_asked_for_again(held: Held, stock: Stock) -> None:
    page = await held.open()
    await held.pass_by(31)
    await expect(page.get_by_role("alert")).to_contain_text("tried again every few seconds")
    held.let_go()
    await held.pass_by(6)
    await expect(rows(page)).to_have_count(9)
    await expect(page.get_by_role("alert")).to_be_hidden()


async def test_live_is_off_while_older_runs_are_shown(visit: Visit, url: str, client: JobClient, shop: Shop) -> None:
    """They are not read again: what would be shown of the newest would hide what is looked at."""
    for _ in range(51):
        await shop.mail.trigger(Mail(user_id="ada"), client=client)
    page = await visit.open(f"{url}runs")
    live = page.get_by_role("button", name="Live")
    await expect(rows(page)).to_have_count(50)
    await expect(live).to_have_attribute("aria-pressed", "true")
    await page.get_by_role("button", name="Show more").click()
    await expect(rows(page)).to_have_count(51)
    await expect(live).to_have_attribute("aria-pressed", "false")
    await live.click()
    await expect(rows(page)).to_have_count(50)
    await expect(live).to_have_attribute("aria-pressed", "true")
    await live.click()
    await expect(live).to_have_attribute("aria-pressed", "false")


async def test_everything_is_reached_with_the_keyboard(
    visit: Visit, url: str, client: JobClient, redis: Redis, stock: Stock
) -> None:
    page = await visit.open(f"{url}runs?state=failed")
    await expect(rows(page)).to_have_count(1)
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the runs")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(rows(page).get_by_role("link")).to_be_focused()
    await page.keyboard.press("Enter")
    run = page.get_by_role("complementary", name="send-mail")
    retry = run.get_by_role("button", name="Retry")
    await expect(retry).to_be_visible()
    for _ in range(4):
        if await retry.evaluate("button => button === document.activeElement"):
            break
        await page.keyboard.press("Tab")
    await expect(retry).to_be_focused()
    await page.keyboard.press("Enter")

    async def waits() -> bool:
        return await redis.lpos(client.queue("emails").toKey("wait"), stock.failed) is not None

    await eventually(waits, "it waits again")
    await page.keyboard.press("Escape")
    await expect(run).to_be_hidden()
    await page.keyboard.press("/")
    await expect(page.get_by_role("searchbox")).to_be_focused()
