"""Whatever is asked, by whatever path, header and body: an answer in the page's form, never a 500, nothing broken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.routing import Route

from midday_worker import JobClient, JobRegistry, Payload, QueueRegistry, Settings, SyncJobContext, job
from midday_worker.dashboard import create_dashboard
from midday_worker.dashboard.routes.table import ROUTES
from midday_worker.dashboard.security.forgery import COOKIE, HEADER
from midday_worker.testing import RedisServer

TOKEN = "t" * 43
AWKWARD = (
    *("meta", "events", "wait", "id", "", ".", "..", "a/b", "%", "%2F", "a:b", "0", "-1", "repeat:x:1", "daily"),
    *("\x00", "\n", "\r\n", "\ud800", "é\u202e", "\ufffd", "x" * 5_000, "{}", "*", "[a]", "' OR 1", "emails", "active"),
)
texts = st.sampled_from(AWKWARD) | st.text(max_size=20)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
chosen = ("queue", "state", "job", "tag", "text", "act", "until", "limit", "cursor")
fields = ("name", "data", "options", "jobData", "runAt", "priority", "concurrency", "max", "duration", "force")
bodies = st.dictionaries(
    st.sampled_from((*fields, "pattern", "every", "tz", "limit", "endDate", "left", *chosen)), jsons, max_size=5
).map(lambda body: json.dumps(body).encode()) | st.binary(max_size=60)
queries = st.dictionaries(
    st.sampled_from(
        ("activeQueue", "status", "page", "jobsPerPage", "queueName", "root", "depth", "maxChildren", *chosen)
    ),
    texts,
    max_size=3,
)
headers = st.dictionaries(
    st.sampled_from(("Origin", "Host", "Cookie", "Content-Type", "Sec-Fetch-Site", "Authorization", "If-None-Match")),
    st.sampled_from(
        ("", "null", "http://localhost", "x" * 9_000, "application/json", "*", "[", "a=b; c", "Basic Zm9v")
    ),
    max_size=1,
)


class Mail(Payload):
    user_id: str


@dataclass(slots=True)
class Stand:
    """A dashboard over a Redis of its own, on an event loop that outlives each example."""

    loop: asyncio.AbstractEventLoop
    client: JobClient
    http: httpx.AsyncClient


def user_of(data: Mail, _ctx: SyncJobContext) -> str:
    return data.user_id


async def _stand(url: str, prefix: str) -> tuple[JobClient, httpx.AsyncClient]:
    registry = JobRegistry(QueueRegistry())
    mail = job("send-mail", Mail, user_of, queue="emails", registry=registry)
    client = JobClient(Settings(env_file=None, redis_url=url, redis_prefix=prefix, board_login="none"))
    await mail.trigger(Mail(user_id="ada"), client=client, job_id="job-one")
    await mail.trigger_recurring(Mail(user_id="ada"), "0 9 * * *", schedule_id="daily", client=client)
    http = httpx.AsyncClient(
        transport=httpx.ASGITransport(create_dashboard(registry, client=client)),
        base_url="http://localhost",
    )
    return client, http


@pytest.fixture
def stand(redis_server: RedisServer, redis_prefix: str) -> Iterator[Stand]:
    loop = asyncio.new_event_loop()
    client, http = loop.run_until_complete(_stand(redis_server.url, redis_prefix))
    yield Stand(loop, client, http)
    loop.run_until_complete(http.aclose())
    loop.run_until_complete(client.close())
    loop.close()


LONG = [*AWKWARD, "x" * 300, "x" * 60_000, "../" * 200, "a\x00.js", "\ud800.js"]


@pytest.mark.parametrize("before", ["/", "/static/", "/static/runs/", "/queue/", "/api/"])
def test_no_name_breaks_a_path(stand: Stand, before: str) -> None:
    """Files', too: some names are none that the file system takes."""
    for name in LONG:
        for path in (f"{before}{encoded(name)}", f"{before}{encoded(name)}.js"):
            answer = stand.loop.run_until_complete(stand.http.get(path))
            assert answer.status_code < 500 or answer.json()["code"] == "ASSETS_MISSING", (path[:400], answer.text)


def encoded(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass").replace(".", "%2E")


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    # A stream doesn't end by itself.
    route=st.sampled_from([route for route in ROUTES if not route.path.endswith("/tail")]),
    queue=st.just("emails") | texts,
    ids=st.sampled_from(("job-one", "daily")) | texts,
    query=queries,
    header=headers,
    body=bodies,
)
@example(route=ROUTES[15], queue="emails", ids="meta", query={}, header={}, body=b"{}")
def test_nothing_breaks_the_dashboard(
    stand: Stand, route: Route, queue: str, ids: str, query: dict[str, str], header: dict[str, str], body: bytes
) -> None:
    method = min(route.methods or ())  # of GET and HEAD the first
    path = "/".join(
        encoded(queue if part == "{queue}" else ids) if part.startswith("{") else part for part in route.path.split("/")
    )
    stand.http.cookies.clear()  # what answers brought would go before ours
    given_headers = {"Cookie": f"{COOKIE}={TOKEN}", HEADER: TOKEN, "Content-Type": "application/json"} | header
    request = stand.http.build_request(
        method,
        path
        + "".join(
            f"{'&' if index else '?'}{name}={encoded(value)}" for index, (name, value) in enumerate(query.items())
        ),
        headers=given_headers,
        content=None if method == "GET" else body,
    )
    answer = stand.loop.run_until_complete(stand.http.send(request))
    assert answer.status_code < 500 or answer.json()["code"] == "ASSETS_MISSING", answer.text
    # The gate lets in whatever comes without a header of its own: it is the routes that are tried.
    assert header or answer.status_code not in (401, 403), answer.text
    if answer.status_code >= 400:
        assert answer.json()["error"]["key"].startswith("ERRORS."), answer.text
    # Whatever was done to jobs, the dashboard still shows the queue.
    listed = stand.loop.run_until_complete(stand.http.get("/api/queues?activeQueue=emails"))
    assert [queue["name"] for queue in listed.json()["queues"]] == ["emails"]
