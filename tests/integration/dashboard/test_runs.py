"""The runs of all queues in one list: what is found, how honestly, and what can't be found because it isn't shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobRegistry, Settings
from midday_worker.admin.runs import scan
from midday_worker.dashboard import Shown, create_dashboard
from midday_worker.dashboard.shown.redaction import NOT_SHOWN
from midday_worker.demo.node import NodeRuntime
from tests.integration.dashboard.conftest import Jobs, Mail
from tests.integration.dashboard.visitor import Answer, Visitor
from tests.integration.engine.command_stats import commands

PAGE = "/api/runs"


def runs(answer: Answer) -> list[dict[str, object]]:
    assert answer.status == 200, answer.text
    return cast("list[dict[str, object]]", answer.json["runs"])


def ids(answer: Answer) -> list[object]:
    return [run["id"] for run in runs(answer)]


async def fill(redis: Redis, client: JobClient, count: int, **fields: str) -> None:
    """Put failed jobs into a queue, one a millisecond, as they would be stored."""
    queue = client.queue("emails")
    async with redis.pipeline(transaction=False) as pipe:
        for number in range(count):
            job_id = f"job-{number}"
            stored = {"name": "send-mail", "timestamp": "1", "data": f'{{"userId":"user-{number}"}}', **fields}
            pipe.hset(queue.toKey(job_id), items=[text for item in stored.items() for text in item])
            pipe.zadd(queue.keys["failed"], {job_id: 1_000 + number})
        await pipe.execute()


async def test_the_runs_of_all_queues_are_one_list_the_newest_first(visitor: Visitor, ended: dict[str, str]) -> None:
    found = runs(await visitor.get(PAGE))
    assert {run["queue"] for run in found} == {"emails", "reports"}
    states = {str(run["id"]): run["state"] for run in found}
    assert {states[ended[name]] for name in ("ada", "nobody", "later", "vip", "next", "flow")} == {
        *("completed", "failed", "delayed", "prioritized", "waiting", "waiting-children")
    }
    waiting = [cast("int", run["at"]) for run in found if run["state"] == "waiting"]
    assert waiting == sorted(waiting, reverse=True)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"queue": "reports"}, ["flow"]),
        ({"state": "failed"}, ["nobody"]),
        ({"job": "build-report"}, ["flow"]),
        ({"tag": "userId=vip"}, ["vip"]),
        ({"tag": "month=May"}, ["flow"]),
        ({"text": "NO SUCH user"}, ["nobody"]),
        ({"text": "ada", "state": "completed"}, ["ada"]),
        ({"text": "nowhere"}, []),
    ],
)
async def test_runs_are_found_by_queue_state_job_tag_and_text(
    visitor: Visitor, ended: dict[str, str], query: Mapping[str, str], expected: list[str]
) -> None:
    answer = await visitor.get(PAGE, query)
    assert sorted(map(str, ids(answer))) == sorted(ended[name] for name in expected)
    assert answer.json["cursor"] is None
    assert answer.json["scanned"] == answer.json["total"]


async def test_a_list_goes_on_where_it_was_left_and_says_how_much_it_looked_at(
    visitor: Visitor, redis: Redis, client: JobClient
) -> None:
    await fill(redis, client, 120)
    seen: list[object] = []
    cursor: object = ""
    while cursor is not None:
        answer = await visitor.get(PAGE, {"limit": "50", "cursor": str(cursor)})
        seen += ids(answer)
        cursor = answer.json["cursor"]
        assert (answer.json["scanned"], answer.json["total"]) == (len(seen), 120)
        # A newer one comes in between: what follows stays in its place.
        await redis.zadd(client.queue("emails").keys["failed"], {"job-0": 1_000})
    assert seen == [f"job-{number}" for number in reversed(range(120))]


async def test_jobs_that_ended_in_the_same_millisecond_are_each_listed_once(
    visitor: Visitor, redis: Redis, client: JobClient
) -> None:
    await fill(redis, client, 30)
    await redis.zadd(client.queue("emails").keys["failed"], {f"job-{number}": 5 for number in range(30)})
    first = await visitor.get(PAGE, {"limit": "20"})
    second = await visitor.get(PAGE, {"limit": "20", "cursor": str(first.json["cursor"])})
    assert sorted(map(str, [*ids(first), *ids(second)])) == sorted(f"job-{number}" for number in range(30))


async def test_one_answer_looks_at_a_bounded_number_and_says_so(
    visitor: Visitor, redis: Redis, client: JobClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "MOST", 100)
    monkeypatch.setattr(scan, "LONGEST_S", 60)
    await fill(redis, client, 250)
    answer = await visitor.get(PAGE, {"tag": "userId=user-10"})
    assert (ids(answer), answer.json["scanned"], answer.json["total"]) == ([], 100, 250)
    for scanned in (200, 250):
        answer = await visitor.get(PAGE, {"tag": "userId=user-10", "cursor": str(answer.json["cursor"])})
        assert answer.json["scanned"] == scanned
    assert (ids(answer), answer.json["cursor"]) == (["job-10"], None)


async def test_a_payload_too_large_to_be_searched_is_counted(visitor: Visitor, redis: Redis, client: JobClient) -> None:
    await fill(redis, client, 2, data='"' + "x" * 40_000 + '"')
    answer = await visitor.get(PAGE, {"text": "xx"})
    assert (ids(answer), answer.json["unsearched"]) == ([], 2)
    listed = runs(await visitor.get(PAGE))
    assert "x" * 100 not in str(listed)
    assert (await visitor.get(PAGE)).json["unsearched"] == 0


async def test_what_redact_hides_can_t_be_found(
    jobs: Jobs, registry: JobRegistry, client: JobClient, redis: Redis
) -> None:
    def redact(shown: Shown) -> object:
        return {"userId": "hidden"} if shown.field == "data" else "another failure"

    handle = await jobs.mail.trigger(Mail(user_id="secret"), client=client)
    await redis.hset(client.queue("emails").toKey(handle.id), "failedReason", "secret too")
    async with Visitor(create_dashboard(registry, client=client, redact=redact)) as visitor:
        for query in ({"text": "secret"}, {"tag": "userId=secret"}):
            assert ids(await visitor.get(PAGE, query)) == []
            count = await visitor.get(f"{PAGE}/count", {"act": "remove", **query})
            assert count.json["matched"] == 0
        found = await visitor.get(PAGE, {"text": "hidden"})
        assert [run["reason"] for run in runs(found)] == ["another failure"]
        assert "secret" not in found.text


async def test_a_redact_that_raises_shows_and_finds_nothing(
    jobs: Jobs, registry: JobRegistry, client: JobClient
) -> None:
    def redact(shown: Shown) -> object:
        raise LookupError(str(shown.value))

    await jobs.mail.trigger(Mail(user_id="secret"), client=client)
    async with Visitor(create_dashboard(registry, client=client, redact=redact)) as visitor:
        assert ids(await visitor.get(PAGE, {"text": "secret"})) == []
        assert "secret" not in (await visitor.get(PAGE)).text


async def test_a_hostile_job_is_listed_and_hides_no_other(
    visitor: Visitor, ended: dict[str, str], hostile: str, redis: Redis, client: JobClient
) -> None:
    queue = client.queue("emails")
    await redis.set(queue.toKey("no-hash"), "text")
    await redis.lpush(queue.keys["wait"], "no-hash", "missing", "meta")
    found = {str(run["id"]): run for run in runs(await visitor.get(PAGE, {"state": "waiting"}))}
    assert {hostile, "no-hash", "missing", "meta", ended["next"]} <= set(found)
    assert found[hostile]["name"] == "<script>alert(1)</script>"
    assert found[hostile]["data"] == {NOT_SHOWN: "it can't be read"}
    assert ids(await visitor.get(PAGE, {"text": "<script>"})) == [hostile]


NODE = """
import { Queue } from "bullmq";
const [url, prefix] = process.argv.slice(2);
const { hostname: host, port } = new URL(url);
const queue = new Queue("emails", { connection: { host, port: Number(port) }, prefix });
await queue.add("from-node", { teamId: 7, city: "Zürich" }, { jobId: "n/1%é" });
await queue.add("from-node", { teamId: 8 }, { priority: 3, delay: 60000 });
await queue.close();
console.log("{}");
"""


async def test_node_s_jobs_are_found(visitor: Visitor, settings: Settings, node: NodeRuntime) -> None:
    await node.run(NODE, settings.redis_url.get_secret_value(), settings.redis_prefix)
    for query in ({"tag": "teamId=7"}, {"text": "zürich"}, {"text": "N/1%É"}):
        assert ids(await visitor.get(PAGE, {"job": "from-node", **query})) == ["n/1%é"]
    (later,) = runs(await visitor.get(PAGE, {"state": "delayed"}))
    assert cast("int", later["due"]) - cast("int", later["added"]) == 60_000


@pytest.mark.parametrize(
    ("query", "status", "key"),
    [
        ({"queue": "unknown"}, 404, "ERRORS.QUEUE_NOT_FOUND"),
        ({"state": "gone"}, 400, "ERRORS.INVALID_QUERY_PARAM"),
        ({"limit": "0"}, 400, "ERRORS.INVALID_QUERY_PARAM"),
        ({"limit": "201"}, 400, "ERRORS.INVALID_QUERY_PARAM"),
        ({"tag": "teamId"}, 400, "ERRORS.INVALID_REQUEST_BODY"),
        ({"cursor": "made up"}, 400, "ERRORS.INVALID_REQUEST_BODY"),
        ({"text": "x" * 1_001}, 400, "ERRORS.INVALID_REQUEST_BODY"),
    ],
)
async def test_what_can_t_be_chosen_is_refused(
    visitor: Visitor, query: Mapping[str, str], status: int, key: str
) -> None:
    answer = await visitor.get(PAGE, query)
    assert (answer.status, answer.key) == (status, key)


async def test_the_cost_of_a_page_does_not_depend_on_the_number_of_jobs(
    visitor: Visitor, redis: Redis, client: JobClient
) -> None:
    costs: list[int] = []
    for count in (200, 20_000):
        await fill(redis, client, count)
        await visitor.get(PAGE)
        before = sum((await commands(redis)).values())
        await visitor.get(PAGE)
        counted = await visitor.get(f"{PAGE}/count", {"act": "retry"})
        assert counted.json["matched"] == count
        costs.append(sum((await commands(redis)).values()) - before)
    assert costs[0] == costs[1]
