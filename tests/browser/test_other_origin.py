"""A page of another origin, in the browser of somebody who is at the dashboard."""

from __future__ import annotations

from typing import cast

import pytest
from playwright.async_api import Page, expect
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from midday_worker import Settings
from tests.browser.served import Serve
from tests.browser.shop import Stock
from tests.browser.visit import Visit
from tests.integration.stored_keys import keys_of

ATTACKS = """async (board) => {
  const token = (document.cookie.match(/XSRF-TOKEN=([^;]+)/) || [])[1] || "guessed";
  const body = JSON.stringify({ name: "send-mail", data: { userId: "mallory" } });
  const tell = (promise) => promise.then(
    (answer) => answer.type === "opaque" ? "sent blindly" : `answered ${answer.status}`, () => "blocked");
  const send = (method, path, options) =>
    tell(fetch(board + path, { method, credentials: "include", ...options }));
  return {
    read: await send("GET", "api/queues", {}),
    plain: await send("POST", "api/queues/emails/add", { body, mode: "no-cors" }),
    json: await send("POST", "api/queues/emails/add",
      { body, headers: { "Content-Type": "application/json", "X-XSRF-TOKEN": token } }),
    pause: await send("PUT", "api/queues/emails/pause", { headers: { "X-XSRF-TOKEN": token } }),
    change: await send("PATCH", "api/queues/emails/job-schedulers/morning", { headers: { "X-XSRF-TOKEN": token } }),
    script: await new Promise((resolve) => {
      const script = document.createElement("script");
      script.onload = () => resolve("loaded");
      script.onerror = () => resolve("blocked");
      script.src = board + "api/queues";
      document.head.append(script);
    }),
  };
}"""

FORM = """([board, kind]) => {
  const frame = document.createElement("iframe");
  frame.name = kind;
  const form = document.createElement("form");
  form.method = "post";
  form.action = board + "api/queues/emails/add";
  form.enctype = kind;
  form.target = kind;
  const input = document.createElement("input");
  input.name = '{"name": "send-mail", "data": {"userId": "mallory", "x": "';
  input.value = '"}}';
  form.append(input);
  document.body.append(frame, form);
  form.submit();
}"""

FRAME = """(board) => new Promise((resolve) => {
  const frame = document.createElement("iframe");
  frame.onload = () => resolve();
  frame.src = board;
  document.body.append(frame);
})"""


async def trap(_request: Request) -> Response:
    return HTMLResponse("<!doctype html><title>Win a prize</title><body>You have won.</body>")


async def content(redis: Redis, settings: Settings) -> dict[str, str]:
    """Return all that Redis holds of this test."""
    return {key: str(await redis.dump(key)) for key in await keys_of(redis, settings)}


@pytest.fixture(params=["localhost", "127.0.0.1"])
def trap_url(request: pytest.FixtureRequest, serve: Serve) -> str:
    """The page of another site; or of another port, whose pages can read the dashboard's cookies."""
    return serve(Starlette(routes=[Route("/", trap)]), host=str(request.param)).url


async def lured(visit: Visit, url: str, trap_url: str) -> Page:
    """Look at the dashboard, and then at the other page."""
    visit.elsewhere.add(trap_url.rstrip("/"))
    visit.expected |= {"blocked by CORS policy", "Failed to load resource", "Refused to", "violates the following"}
    page = await visit.open(url)
    await expect(page.get_by_role("main").get_by_role("link", name="emails", exact=True)).to_be_visible()
    await page.goto(trap_url)
    return page


async def test_nothing_that_another_page_sends_changes_or_tells_it_anything(
    visit: Visit, url: str, trap_url: str, stock: Stock, redis: Redis, settings: Settings
) -> None:
    page = await lured(visit, url, trap_url)
    before = await content(redis, settings)
    results = cast("dict[str, str]", await page.evaluate(ATTACKS, url))
    assert results.pop("plain") in ("blocked", "sent blindly")
    assert results == dict.fromkeys(("read", "json", "pause", "change", "script"), "blocked")
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain"):
        async with page.expect_response(f"{url}api/queues/emails/add") as answer:
            await page.evaluate(FORM, [url, kind])
        assert (await answer.value).status == 403
    assert await content(redis, settings) == before
    assert len(before) > 10


async def test_another_page_cannot_hold_the_dashboard_in_a_frame(
    visit: Visit, url: str, trap_url: str, stock: Stock
) -> None:
    page = await lured(visit, url, trap_url)
    await page.evaluate(FRAME, url)
    assert [each for each in visit.complaints if "frame-ancestors 'none'" in each]
    assert [frame.url for frame in page.frames if frame.url == url] == []
