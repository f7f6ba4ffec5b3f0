"""Acts on many runs: counted first, then done to those, and who may not do it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import cast

import pytest
from loguru import logger
from redis.asyncio import Redis
from starlette.requests import Request

from midday_worker import JobClient, JobRegistry, Settings
from midday_worker.admin.runs import bulk
from midday_worker.dashboard import Access, create_dashboard
from tests.integration.crew import Crew
from tests.integration.dashboard.conftest import Jobs, Mail
from tests.integration.dashboard.visitor import Answer, Visitor

COUNT = "/api/runs/count"
ACT = "/api/runs/act"


async def count(visitor: Visitor, act: str, **query: str) -> Answer:
    answer = await visitor.get(COUNT, {"act": act, **query})
    assert answer.status == 200, answer.text
    return answer


async def do(visitor: Visitor, act: str, counted: Answer, **more: object) -> Answer:
    left = cast("int", counted.json["matched"])
    body = {"act": act, "until": counted.json["until"], "left": left, **more}
    answer = await visitor.act("POST", ACT, body)
    assert answer.status == 200, answer.text
    return answer


async def states(client: JobClient, ids: Mapping[str, str], queue: str = "emails") -> dict[str, str]:
    return {name: await client.state(queue, job_id) for name, job_id in ids.items()}


@pytest.fixture
async def failed(jobs: Jobs, client: JobClient, registry: JobRegistry, settings: Settings) -> AsyncIterator[list[str]]:
    """The ids of twelve failed runs."""
    handles = [await jobs.mail.trigger(Mail(user_id="nobody", action=f"a{n % 3}"), client=client) for n in range(12)]
    async with Crew(registry, settings):
        for handle in handles:
            with pytest.raises(Exception, match="no such user"):
                await handle.result("10s")
    yield [handle.id for handle in handles]


async def test_those_that_were_counted_are_retried_and_no_other(
    visitor: Visitor, failed: list[str], client: JobClient
) -> None:
    counted = await count(visitor, "retry", tag="action=a1")
    assert (counted.json["matched"], counted.json["scanned"]) == (4, 12)
    done = await do(visitor, "retry", counted, tag=["action=a1"])
    assert (done.json["done"], done.json["refused"], done.json["cursor"]) == (4, {}, None)
    assert [await client.state("emails", job_id) for job_id in failed] == ["failed", "waiting", "failed"] * 4


async def test_runs_with_an_empty_name_are_runs(
    visitor: Visitor, failed: list[str], client: JobClient, redis: Redis
) -> None:
    """As Node adds them."""
    for job_id in failed:
        await redis.hset(client.queue("emails").toKey(job_id), "name", "")
    done = await do(visitor, "retry", await count(visitor, "retry"))
    assert (done.json["done"], done.json["refused"]) == (12, {})


async def test_runs_are_retried_the_oldest_first(visitor: Visitor, failed: list[str], client: JobClient) -> None:
    by_end = cast("list[str]", await client.queue("emails").ask("ZRANGE", client.queue("emails").keys["failed"], 0, -1))
    await do(visitor, "retry", await count(visitor, "retry"))
    waiting = cast("list[str]", await client.queue("emails").ask("LRANGE", client.queue("emails").keys["wait"], 0, -1))
    assert waiting == by_end[::-1]  # the next to run is the last
    assert sorted(waiting) == sorted(failed)


async def test_no_more_is_done_than_was_counted(visitor: Visitor, failed: list[str], client: JobClient) -> None:
    counted = await count(visitor, "retry")
    answer = await visitor.act("POST", ACT, {"act": "retry", "until": counted.json["until"], "left": 5})
    assert (answer.json["done"], answer.json["cursor"]) == (5, None)
    after = [await client.state("emails", job_id) for job_id in failed]
    assert (after.count("waiting"), after.count("failed")) == (5, 7)


async def test_a_run_that_failed_after_the_count_is_left_alone(
    visitor: Visitor, failed: list[str], client: JobClient, redis: Redis
) -> None:
    counted = await count(visitor, "retry")
    later = cast("int", counted.json["until"]) + 1
    await redis.zadd(client.queue("emails").keys["failed"], {failed[3]: later})
    done = await do(visitor, "retry", counted)
    assert (done.json["done"], done.json["refused"]) == (11, {})
    assert await client.state("emails", failed[3]) == "failed"


async def test_what_was_refused_is_said_with_why(
    visitor: Visitor, ended: dict[str, str], client: JobClient, redis: Redis
) -> None:
    queue = client.queue("emails")
    await redis.zadd(queue.keys["completed"], {"gone": 5, "meta": 6})
    counted = await count(visitor, "remove", queue="emails", state="completed")
    done = await do(visitor, "remove", counted, queue=["emails"], state=["completed"])
    assert done.json["refused"] == {"what is stored in its place is no job": 2}
    assert done.json["done"] == 1
    assert await redis.exists(queue.keys["meta"]) == 1
    scheduled = await count(visitor, "remove", state="delayed", text="repeat:")
    done = await do(visitor, "remove", scheduled, state=["delayed"], text="repeat:")
    assert done.json["refused"] == {"it is the next run of a schedule": 1}
    assert (await states(client, {"later": ended["later"]})) == {"later": "delayed"}


@pytest.mark.parametrize(("text", "left_alone"), [("", 1), ("cancelled: gone", 0)])
async def test_a_cancelled_run_is_retried_only_if_the_search_names_it(
    visitor: Visitor, failed: list[str], client: JobClient, redis: Redis, text: str, left_alone: int
) -> None:
    await redis.hset(client.queue("emails").toKey(failed[0]), "failedReason", "cancelled: gone")
    counted = await count(visitor, "retry", state="failed", text=text)
    done = await do(visitor, "retry", counted, state=["failed"], text=text)
    assert done.json["refused"] == ({"it was cancelled": 1} if left_alone else {})
    assert await client.state("emails", failed[0]) == ("failed" if left_alone else "waiting")
    assert done.json["done"] == (11 if left_alone else 1)


async def test_delayed_runs_are_promoted(visitor: Visitor, ended: dict[str, str], client: JobClient) -> None:
    counted = await count(visitor, "promote", tag="userId=later")
    done = await do(visitor, "promote", counted, tag=["userId=later"])
    assert done.json["done"] == 1
    assert await client.state("emails", ended["later"]) == "waiting"


async def test_what_waits_is_removed_and_what_runs_is_not_counted(
    visitor: Visitor, ended: dict[str, str], client: JobClient, redis: Redis
) -> None:
    queue = client.queue("emails")
    await redis.lrem(queue.keys["wait"], 0, ended["next"])
    await redis.lpush(queue.keys["active"], ended["next"])
    assert (await count(visitor, "remove", state="active")).json["matched"] == 0
    counted = await count(visitor, "remove", queue="emails", state="prioritized")
    done = await do(visitor, "remove", counted, queue=["emails"], state=["prioritized", "active"])
    assert done.json["done"] == 1
    assert await states(client, {"vip": ended["vip"], "next": ended["next"]}) == {"vip": "unknown", "next": "active"}


async def test_a_step_is_bounded_and_the_next_one_goes_on(
    visitor: Visitor, failed: list[str], client: JobClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 2)
    monkeypatch.setattr(bulk, "_AT_ONCE", 2)
    counted = await count(visitor, "remove", tag="action=a2")
    left, cursor, steps = cast("int", counted.json["matched"]), None, 0
    while left and steps < 10:
        body = {"act": "remove", "until": counted.json["until"], "left": left, "cursor": cursor, "tag": ["action=a2"]}
        step = await visitor.act("POST", ACT, body)
        assert cast("int", step.json["done"]) <= 2
        left -= cast("int", step.json["done"])
        cursor, steps = step.json["cursor"], steps + 1
    assert (left, steps) == (0, 2)
    assert [await client.state("emails", job_id) for job_id in failed] == ["failed", "failed", "unknown"] * 4


@pytest.mark.parametrize("role", ["viewer", "read-only", "forged"])
async def test_who_may_not_act_counts_and_changes_nothing(
    failed: list[str], registry: JobRegistry, client: JobClient, role: str
) -> None:
    def auth(_request: Request) -> Access:
        return Access("viewer" if role == "viewer" else "admin", "eve")

    app = create_dashboard(registry, client=client, auth=auth, read_only=role == "read-only")
    async with Visitor(app) as visitor:
        counted = await count(visitor, "remove")
        assert counted.json["matched"] == 12
        names = await visitor.get("/api/runs/names")
        assert names.json["readOnly"] is (role != "forged")
        body = {"act": "remove", "until": counted.json["until"], "left": 12}
        if role == "forged":
            answer = Answer(await visitor.http.post(ACT, json=body))
        else:
            answer = await visitor.act("POST", ACT, body)
    expected = {"viewer": (403, "VIEWER"), "read-only": (405, "READ_ONLY"), "forged": (403, "CSRF")}
    assert (answer.status, answer.json["code"]) == expected[role]
    assert {await client.state("emails", job_id) for job_id in failed} == {"failed"}


@pytest.mark.parametrize(
    "change",
    [
        {"act": "obliterate"},
        {"act": None},
        {"left": 0},
        {"left": "1"},
        {"until": None},
        {"until": -1},
        {"queue": "emails"},
        {"tag": ["teamId"]},
        {"cursor": "x"},
    ],
)
async def test_a_body_that_is_none_changes_nothing(
    visitor: Visitor, failed: list[str], client: JobClient, change: Mapping[str, object]
) -> None:
    body = {"act": "remove", "until": 2**50, "left": 100, **change}
    answer = await visitor.act("POST", ACT, body)
    assert (answer.status, answer.key) == (400, "ERRORS.INVALID_REQUEST_BODY")
    assert {await client.state("emails", job_id) for job_id in failed} == {"failed"}


async def test_a_count_without_an_act_is_refused(visitor: Visitor) -> None:
    for query in ({}, {"act": "obliterate"}):
        answer = await visitor.get(COUNT, query)
        assert (answer.status, answer.key) == (400, "ERRORS.INVALID_QUERY_PARAM")


async def test_each_step_is_logged_with_who_did_it(registry: JobRegistry, failed: list[str], client: JobClient) -> None:
    lines: list[str] = []
    logger.add(lambda message: lines.append(message.record["message"]), format="{message}")

    def who(_request: Request) -> Access:
        return Access("admin", "ada\nforged")

    async with Visitor(create_dashboard(registry, client=client, auth=who)) as visitor:
        await do(visitor, "remove", await count(visitor, "remove", text="nobody"), text="nobody")
    (line,) = [line for line in lines if "of many runs" in line]
    assert line.startswith("dashboard: ada\\nforged: remove of many runs: 12 done, 0 refused")
    assert "'text': 'nobody'" in line
