"""Workers of both languages on the queues of one dashboard, and queues without any."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import expect

from midday_worker import JobClient, Settings
from midday_worker.demo.node import NodeRuntime
from tests.browser.shop import Mail, Shop
from tests.browser.visit import Visit
from tests.integration.crew import Crew

NODE_WORKER = """
import { Worker } from "bullmq";
const [port, prefix] = process.argv.slice(2);
const connection = { host: "127.0.0.1", port: Number(port) };
const work = async (job) => ({ sent: job.data.userId });
const worker = new Worker("emails", work, { connection, prefix, name: "in-node" });
await worker.waitUntilReady();
console.log("ready");
"""


@pytest_asyncio.fixture(loop_scope="session")
async def node_worker(node: NodeRuntime, settings: Settings) -> AsyncIterator[None]:
    """BullMQ's own worker of the queue emails, until the test's end."""
    script = node.directory / "fleet.mjs"
    script.write_text(NODE_WORKER)
    port = (settings.redis_url.get_secret_value()).rpartition(":")[2].partition("/")[0]
    process = await asyncio.create_subprocess_exec(
        *node.command(str(script), port, settings.redis_prefix),
        cwd=node.directory,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        assert await process.stdout.readline() == b"ready\n"
    yield
    process.terminate()
    await process.communicate()


async def test_workers_of_node_and_python_are_shown_side_by_side(
    visit: Visit, url: str, shop: Shop, settings: Settings, client: JobClient, node_worker: None
) -> None:
    async with Crew(shop.registry, settings):
        await (await shop.mail.trigger(Mail(user_id="ada"), client=client)).result("20s")
        page = await visit.open(f"{url}queue/emails")
        await page.get_by_role("button", name="Queue info").click()
        info = page.get_by_role("dialog", name="Queue info")
        await info.get_by_role("button", name="Connected workers").click()
        workers = info.get_by_role("listitem")
        await expect(workers).to_have_count(2)
        await expect(workers.filter(has_text="in-node")).to_have_count(1)


async def test_a_queue_that_has_a_worker_of_node_alone_is_not_said_to_have_none(
    visit: Visit, url: str, node_worker: None
) -> None:
    page = await visit.open(url)
    emails, reports = (
        page.get_by_role("main").get_by_role("listitem").filter(has=page.get_by_role("link", name=name, exact=True))
        for name in ("emails", "reports")
    )
    await expect(reports).to_contain_text("No workers")
    await expect(emails).to_be_visible()
    await expect(emails).not_to_contain_text("No workers")


async def test_an_empty_queue_is_said_to_be_empty(visit: Visit, url: str) -> None:
    page = await visit.open(url)
    await expect(page.get_by_role("main").get_by_role("listitem").filter(has_text="reports")).to_contain_text("0 Jobs")
    await page.goto(f"{url}queue/reports")
    await expect(page.get_by_role("main")).to_contain_text("No latest jobs in this queue.")
    await page.goto(f"{url}job-schedulers")
    await expect(page.get_by_role("main")).to_contain_text("No schedulers registered.")
