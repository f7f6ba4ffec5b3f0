"""What can be done to a queue from its page, and what comes of it in Redis."""

from __future__ import annotations

import json
from typing import cast

from playwright.async_api import expect
from redis.asyncio import Redis

from midday_worker import JobClient, Settings
from tests.browser.shop import Stock
from tests.browser.visit import Visit
from tests.deadline import eventually
from tests.integration.stored_keys import keys_of


async def fill_in(visit: Visit, payload: object, *, job: str = "") -> None:
    """Fill in the form for adding a job, and send it."""
    await visit.choose("Add job")
    form = visit.page.get_by_role("dialog", name="Add job")
    await expect(form).to_contain_text('"userId"')
    if job:
        await form.get_by_role("textbox", name="Job name").fill(job)
    await form.locator(".cm-content").first.fill(json.dumps(payload))
    await form.get_by_role("button", name="Add", exact=True).click()


async def test_the_form_for_adding_a_job_begins_with_what_its_schema_wants(visit: Visit, url: str) -> None:
    page = await visit.open(f"{url}queue/emails")
    await visit.choose("Add job")
    editor = page.get_by_role("dialog", name="Add job").locator(".cm-content").first
    await expect(editor).to_contain_text('"userId": ""')
    await expect(editor).to_contain_text('"action": "email"')


async def test_a_job_that_is_typed_in_is_added(visit: Visit, url: str, client: JobClient, redis: Redis) -> None:
    queue = client.queue("emails")
    page = await visit.open(f"{url}queue/emails")
    await fill_in(visit, {"userId": "grace", "action": "notification"})
    await expect(page.get_by_role("main")).to_contain_text('userId:"grace"')
    (job_id,) = cast("list[str]", await redis.lrange(queue.toKey("wait"), 0, -1))
    name, data = cast("list[str]", await redis.hmget(queue.toKey(job_id), ["name", "data"]))
    assert name == "send-mail"
    assert json.loads(data) == {"userId": "grace", "teamId": "team_a", "action": "notification"}


async def test_a_payload_that_the_schema_refuses_is_said_and_not_added(
    visit: Visit, url: str, client: JobClient, redis: Redis
) -> None:
    visit.expected.add("status of 400")
    await visit.open(f"{url}queue/emails")
    await fill_in(visit, {"userId": "grace", "action": "shout"})
    await expect(visit.notices).to_contain_text('The "data" field in the request body is not valid.')
    await expect(visit.notices).to_contain_text("action: Input should be 'email' or 'notification'")
    assert await redis.exists(client.queue("emails").toKey("wait")) == 0


async def test_a_job_that_the_queue_does_not_know_is_refused_with_those_that_it_knows(visit: Visit, url: str) -> None:
    visit.expected.add("status of 400")
    await visit.open(f"{url}queue/emails")
    await fill_in(visit, {"userId": "grace"}, job="send-male")
    await expect(visit.notices).to_contain_text("Queue emails has no job 'send-male'. There are: 'send-mail'.")


async def test_a_queue_is_paused_shown_so_and_resumed(visit: Visit, url: str, client: JobClient, stock: Stock) -> None:
    page = await visit.open(f"{url}queue/emails")
    await visit.choose("Pause")
    await visit.confirm()
    await eventually(client.queue("emails").isPaused, "it is paused")
    await page.get_by_role("link", name="midday_worker").click()
    emails = page.get_by_role("listitem").filter(has=page.get_by_role("button", name="8 Jobs"))
    await expect(emails).to_contain_text("[ Paused ]")
    await emails.get_by_role("link", name="emails", exact=True).click()
    await visit.choose("Resume")
    await visit.confirm()

    async def runs() -> bool:
        return not await client.queue("emails").isPaused()

    await eventually(runs, "it runs again")


async def test_the_limit_on_jobs_at_once_is_set_and_shown(
    visit: Visit, url: str, client: JobClient, redis: Redis
) -> None:
    page = await visit.open(f"{url}queue/emails")
    await visit.choose("Set concurrency")
    await page.get_by_role("spinbutton", name="Concurrency").fill("4")
    await page.get_by_role("button", name="Save").click()

    async def limited() -> bool:
        return await redis.hget(client.queue("emails").toKey("meta"), "concurrency") == "4"

    await eventually(limited, "the limit is in Redis")
    await page.reload()
    await page.get_by_role("button", name="Queue info").click()
    info = page.get_by_role("dialog", name="Queue info")
    await expect(
        info.get_by_role("definition").filter(has=page.get_by_role("button", name="Set concurrency"))
    ).to_contain_text("4")


async def test_a_queue_is_obliterated_only_once_it_is_paused(
    visit: Visit, url: str, client: JobClient, redis: Redis, settings: Settings, stock: Stock
) -> None:
    visit.expected.add("status of 400")
    queue = client.queue("emails")
    page = await visit.open(f"{url}queue/emails")
    await visit.choose("Obliterate")
    await visit.confirm()
    await expect(visit.notices).to_contain_text("Queue emails must be paused before it is obliterated.")
    assert await redis.exists(queue.toKey(stock.failed)) == 1
    await queue.pause()
    await page.reload()
    await visit.choose("Obliterate")
    await visit.confirm()
    await expect(page.get_by_role("main")).to_contain_text("No latest jobs in this queue.")
    assert [key for key in await keys_of(redis, settings) if key.startswith(queue.toKey(""))] == []


async def test_all_failed_jobs_are_retried_at_once(
    visit: Visit, url: str, client: JobClient, redis: Redis, stock: Stock
) -> None:
    await visit.open(f"{url}queue/emails")
    await visit.choose("Retry all 1 failed jobs")
    await visit.confirm()

    async def empty() -> bool:
        return await redis.zcard(client.queue("emails").toKey("failed")) == 0

    await eventually(empty, "no job is failed")
