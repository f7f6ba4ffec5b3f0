"""The page of the schedules."""

from __future__ import annotations

from urllib.parse import quote

from playwright.async_api import Locator, expect
from redis.asyncio import Redis

from midday_worker import JobClient
from tests.browser.shop import Stock
from tests.browser.visit import Visit
from tests.deadline import eventually


async def row_of(visit: Visit, url: str) -> Locator:
    """Return the row of the only schedule."""
    page = await visit.open(f"{url}job-schedulers")
    row = page.get_by_role("row").filter(has_text="morning")
    await expect(row).to_be_visible()
    return row


async def next_run(client: JobClient, redis: Redis, schedule: str) -> str:
    """Return the id of the job that waits for its time."""
    score = await redis.zscore(client.queue("emails").toKey("repeat"), schedule)
    assert score is not None
    return f"repeat:{schedule}:{score:.0f}"


async def test_a_schedule_is_listed_with_its_pattern_and_its_next_run(
    visit: Visit, url: str, client: JobClient, redis: Redis, stock: Stock
) -> None:
    run = await next_run(client, redis, stock.schedule)
    row = await row_of(visit, url)
    for text in ("send-mail", "emails", "0 9 * * *", "Europe/Stockholm"):
        await expect(row).to_contain_text(text)
    await expect(row.get_by_role("link").nth(1)).to_have_attribute("href", f"/queue/emails/{quote(run, safe='')}")


async def test_a_schedule_s_job_is_run_now(
    visit: Visit, url: str, client: JobClient, redis: Redis, stock: Stock
) -> None:
    wait = client.queue("emails").toKey("wait")
    before = await redis.llen(wait)
    row = await row_of(visit, url)
    await row.get_by_role("button", name="Run now").click()
    await visit.confirm()

    async def added() -> bool:
        return await redis.llen(wait) == before + 1

    await eventually(added, "one more job waits")


async def test_a_schedule_is_changed(visit: Visit, url: str, client: JobClient, redis: Redis, stock: Stock) -> None:
    key = client.queue("emails").toKey(f"repeat:{stock.schedule}")
    row = await row_of(visit, url)
    await row.get_by_role("button", name="Edit schedule").click()
    form = visit.page.get_by_role("dialog")
    await form.get_by_role("textbox", name="Cron pattern").fill("30 7 * * 1")
    await form.get_by_role("button", name="Save").click()

    async def changed() -> bool:
        return await redis.hget(key, "pattern") == "30 7 * * 1"

    await eventually(changed, "the pattern is in Redis")
    await expect(row).to_contain_text("30 7 * * 1")
    await expect(row).to_contain_text("Europe/Stockholm")


async def test_a_pattern_that_is_none_is_refused_and_said(
    visit: Visit, url: str, client: JobClient, redis: Redis, stock: Stock
) -> None:
    visit.expected.add("status of 400")
    row = await row_of(visit, url)
    await row.get_by_role("button", name="Edit schedule").click()
    form = visit.page.get_by_role("dialog")
    await form.get_by_role("textbox", name="Cron pattern").fill("61 25 * * *")
    await form.get_by_role("button", name="Save").click()
    await expect(visit.notices).to_contain_text("The schedule was rejected, check the cron pattern")
    assert await redis.hget(client.queue("emails").toKey(f"repeat:{stock.schedule}"), "pattern") == "0 9 * * *"


async def test_a_schedule_is_removed_with_its_next_run(
    visit: Visit, url: str, client: JobClient, redis: Redis, stock: Stock
) -> None:
    run = await next_run(client, redis, stock.schedule)
    row = await row_of(visit, url)
    await row.get_by_role("button", name="Remove scheduler").click()
    await visit.confirm()
    await expect(visit.page.get_by_role("main")).to_contain_text("No schedulers registered.")
    assert await redis.exists(client.queue("emails").toKey("repeat")) == 0
    assert await redis.zscore(client.queue("emails").toKey("delayed"), run) is None
