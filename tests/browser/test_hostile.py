"""Jobs that hold what a page could stumble over: it is shown as the text that it is."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from redis.asyncio import Redis

from midday_worker import JobClient
from tests.browser.visit import OPEN_PANEL, Visit

ID = "<b>a/b:c d?é#\n"
TEXTS = {
    "html": "<img src=x onerror=\"window.hacked='html'\"><h1>big</h1>",
    "script": "</script><script>window.hacked='script'</script>",
    "address": "javascript:window.hacked='address'",
    "elsewhere": '<img src="https://elsewhere.invalid/pixel"><iframe src="//elsewhere.invalid"></iframe>',
    "style": "<style>body { display: none }</style>",
    "template": "{{constructor.constructor('window.hacked=1')()}}${window.hacked=1}",
    "controls": "a\u0000b\u0007c\u001b[31md\u0085e\u2028f\ufeffg",
    "backwards": "invoice\u202efdp.exe\u2066\u200f",
    "half": "\ud83d",
}
LARGE = 1_000_000


async def add_hostile(client: JobClient, redis: Redis, fields: dict[str, str]) -> None:
    queue = client.queue("emails")
    stored = {
        "name": TEXTS["html"],
        "data": json.dumps(TEXTS),
        "opts": json.dumps({"attempts": 1, "note": TEXTS["script"]}),
        "timestamp": "1700000000000",
        "processedOn": "1700000001000",
        "finishedOn": "1700000002000",
        "pb": TEXTS["html"],
        "progress": json.dumps({"note": TEXTS["script"]}),
        "failedReason": TEXTS["script"],
        "stacktrace": json.dumps([TEXTS["html"] + TEXTS["script"]]),
        "returnvalue": json.dumps(TEXTS["html"]),
        **fields,
    }
    for name, value in stored.items():
        await redis.hset(queue.toKey(ID), name, value)
    await redis.rpush(queue.toKey(f"{ID}:logs"), TEXTS["html"], TEXTS["script"], TEXTS["controls"])
    await redis.zadd(queue.toKey("failed"), {ID: 1_700_000_002_000})


@pytest_asyncio.fixture(loop_scope="session")
async def hostile(client: JobClient, redis: Redis) -> None:
    """A failed job whose every field is hostile."""
    await add_hostile(client, redis, {})


async def is_harmless(page: Page) -> None:
    """Look for what would be there if any of it were more than text."""
    assert await page.evaluate("window.hacked") is None
    assert await page.locator("main h1, main iframe, main style, main img[src=x]").count() == 0
    await expect(page.get_by_role("main")).to_be_visible()


@pytest.mark.usefixtures("hostile")
async def test_every_field_of_a_job_is_shown_as_text(visit: Visit, url: str) -> None:
    visit.page.on("dialog", lambda dialog: pytest.fail(f"a dialog was opened: {dialog.message}"))
    page = await visit.open(f"{url}queue/emails/{quote(ID, safe='')}")
    panel = page.locator(OPEN_PANEL)
    await expect(page.get_by_role("heading", level=5)).to_have_text(TEXTS["html"])
    await expect(panel).to_contain_text(TEXTS["html"] + TEXTS["script"])
    for tab, text in {
        "Data": "window.hacked='address'",
        "Progress": "window.hacked='script'",
        "Options": "window.hacked='script'",
        "Logs": TEXTS["script"],
    }.items():
        await page.get_by_role("tab", name=tab).click()
        await expect(panel).to_contain_text(text)
        await is_harmless(page)


@pytest.mark.usefixtures("hostile")
async def test_a_job_whose_id_the_page_cannot_open_breaks_no_list_and_is_opened_by_ours(
    visit: Visit, url: str, client: JobClient, redis: Redis
) -> None:
    """bull-board's page decodes an id once too often, so that one with a percent sign leads nowhere."""
    queue = client.queue("emails")
    await redis.copy(queue.toKey(ID), queue.toKey("100%"))
    await redis.zadd(queue.toKey("failed"), {"100%": 1})
    page = await visit.open(f"{url}queue/emails?status=failed")
    await expect(page.get_by_role("main").get_by_text("100%", exact=True)).to_be_visible()
    await expect(page.get_by_role("main").get_by_role("link", name=ID.strip())).to_be_visible()
    await page.goto(f"{url}runs?open={quote('emails/100%', safe='')}")
    await expect(page.get_by_role("complementary")).to_contain_text(TEXTS["script"])


@pytest.mark.usefixtures("hostile")
async def test_a_list_of_jobs_shows_them_as_text_and_links_to_them(visit: Visit, url: str) -> None:
    page = await visit.open(f"{url}queue/emails?status=failed")
    await expect(page.get_by_role("heading", level=5)).to_have_text(TEXTS["html"])
    await is_harmless(page)
    await page.get_by_role("main").get_by_role("link", name=ID.strip()).click()
    await expect(page.locator(OPEN_PANEL)).to_contain_text(TEXTS["html"])
    assert await page.get_by_role("main").locator("a[href^=javascript]").count() == 0
    await is_harmless(page)


async def test_a_payload_of_a_megabyte_is_left_out_of_the_list_and_shown_alone(
    visit: Visit, url: str, client: JobClient, redis: Redis
) -> None:
    text = "<b>" + "x" * LARGE
    await add_hostile(client, redis, {"data": json.dumps({"large": text})})
    page = await visit.open(f"{url}queue/emails?status=failed")
    await page.get_by_role("tab", name="Data").click()
    await expect(page.locator(OPEN_PANEL)).to_contain_text("midday_worker: not shown")
    await page.goto(f"{url}queue/emails/{quote(ID, safe='')}")
    await page.get_by_role("tab", name="Data").click()
    await expect(page.locator(OPEN_PANEL)).to_contain_text("large")
    await is_harmless(page)
