"""The page of contracts."""

from __future__ import annotations

import re

from midday_worker import JobClient, JobRegistry
from midday_worker.dashboard import create_dashboard
from tests.integration.dashboard.conftest import Jobs
from tests.integration.dashboard.visitor import Visitor


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html.partition("<tbody>")[2]).split())


async def test_it_shows_what_is_stored_and_what_would_fail(visitor: Visitor, client: JobClient, jobs: Jobs) -> None:
    await jobs.mail.trigger({"userId": "u1"}, client=client)
    await client.queue("emails").add("send-mail", {"id": "<b>private</b>"}, {})
    await client.queue("emails").add("<i>other</i>", {}, {})
    answer = await visitor.http.get("/contracts")
    assert answer.status_code == 200
    text = text_of(answer.text)
    assert re.search(r"send-mail emails 1 2 of version 1 1 userId: Field required", text)
    assert "build-report reports 1 none none" in text
    assert "&lt;i&gt;other&lt;/i&gt; of queue emails: 1 have no handler in this program" in text
    assert "private" not in answer.text
    assert "1 would fail. 3 jobs and schedules read" in answer.text


async def test_only_queues_that_are_shown_are_read(client: JobClient, jobs: Jobs, registry: JobRegistry) -> None:
    await jobs.mail.trigger({"userId": "u1"}, client=client)
    app = create_dashboard(registry, queues=["reports"], client=client)
    async with Visitor(app) as visitor:
        answer = await visitor.http.get("/contracts")
    assert "send-mail" not in answer.text
    assert "None would fail. 0 jobs and schedules read" in answer.text
