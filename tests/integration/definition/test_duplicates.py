"""Calls that are duplicates of others: which of them adds a job, and that each is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest
from loguru import logger
from redis.asyncio import Redis

from midday_worker import CallOptions, JobClient, JobContext, JobDefinition, JobRegistry, Payload, Settings
from midday_worker import job as define
from midday_worker.errors import FlowError
from midday_worker.handles.handle import JobHandle
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.redis_proxy import LossyProxy

QUEUE = "mails"
VICTIM = "u424242"
KEYED: list[CallOptions] = [{"idempotency_key": "k"}, {"throttle": ("k", "1h")}]


class Mail(Payload):
    user_id: str
    copies: int = 1
    tags: tuple[str, ...] = ()


Send = JobDefinition[Mail, str]


def define_send(registry: JobRegistry, name: str = "send") -> Send:
    async def handle(data: Mail, ctx: JobContext) -> str:
        return data.user_id

    return define(name, Mail, handle, queue=QUEUE, registry=registry)


@pytest.fixture
def send(registry: JobRegistry) -> Send:
    return define_send(registry)


@pytest.fixture
def warnings() -> list[str]:
    """What is logged as a warning."""
    lines: list[str] = []
    logger.add(lambda message: lines.append(message.record["message"]), level="WARNING")
    return lines


async def jobs_of(client: JobClient) -> int:
    return sum((await client.queue(QUEUE).getJobCounts()).values())


async def test_a_call_tells_whether_it_made_its_job(client: JobClient, send: Send) -> None:
    mail = Mail(user_id="u1")
    named = CallOptions(job_id="welcome", delay="1h")
    alone = CallOptions(deduplication={"id": "d"})
    both = CallOptions(job_id="other", deduplication={"id": "d"})
    calls: list[CallOptions] = [{}, {}, named, named, {"job_id": "welcome"}, alone, alone, both, {"priority": 3}]
    handles = [await send.trigger(mail, client=client, **options) for options in calls]
    assert [handle.added for handle in handles] == [True, True, True, False, False, True, False, False, True]
    assert handles[7].id == handles[5].id
    assert all(type(handle.id) is str for handle in handles)
    assert send.handle("welcome", client=client).added is None


async def test_the_items_of_a_batch_tell_it_too(client: JobClient, send: Send) -> None:
    mail = Mail(user_id="u1")
    await send.trigger(mail, client=client, job_id="welcome")
    options: list[CallOptions] = [{}, {"job_id": "welcome"}, *KEYED, *KEYED, {"job_id": "new"}]
    handles = await send.batch_trigger([{"payload": mail, "options": each} for each in options], client=client)
    assert [handle.added for handle in handles] == [True, False, True, True, False, False, True]
    assert [handles[4].id, handles[5].id] == [handles[2].id, handles[3].id]


async def test_blocking_calls_and_flows_tell_it_too(settings: Settings, client: JobClient, send: Send) -> None:
    def view() -> list[bool | None]:
        with JobClient.sync(settings):
            calls = [send.sync.trigger(Mail(user_id="u1"), idempotency_key="k") for _ in range(2)]
            return [*(call.added for call in calls), send.sync.handle(calls[0].id).added]

    assert await asyncio.to_thread(view) == [True, False, None]
    nodes = [send.node(Mail(user_id="u2")), send.node(Mail(user_id="u3"), job_id="mine")]
    flow = await send.trigger_flow(Mail(user_id="u1"), nodes, client=client)
    assert (flow.added, *(child.added for child in flow.children)) == (True, True, None)  # somebody may have added it


@pytest.mark.parametrize("options", [*KEYED, {"job_id": "k"}], ids=lambda options: next(iter(options)))
async def test_of_50_calls_at_once_one_adds(client: JobClient, send: Send, options: CallOptions) -> None:
    calls = (send.trigger(Mail(user_id="u1"), client=client, **options) for _ in range(50))
    handles = await asyncio.gather(*calls)
    assert sum(handle.added is True for handle in handles) == 1
    assert len({handle.id for handle in handles}) == 1
    assert await jobs_of(client) == 1


async def removed(client: JobClient, handle: JobHandle[str]) -> None:
    await handle.remove()


async def drained(client: JobClient, handle: JobHandle[str]) -> None:
    await client.queue(QUEUE).drain()


async def cancelled_and_cleaned(client: JobClient, handle: JobHandle[str]) -> None:
    await handle.cancel("no")
    await client.queue(QUEUE).clean(0, 0, "failed")


@pytest.mark.parametrize("end", [removed, drained, cancelled_and_cleaned])
async def test_an_idempotency_key_outlives_its_job(
    client: JobClient, send: Send, end: Callable[[JobClient, JobHandle[str]], Awaitable[None]]
) -> None:
    first = await send.trigger(Mail(user_id="u1"), client=client, idempotency_key="k")
    await end(client, first)
    assert await first.state() == "unknown"
    again = await send.trigger(Mail(user_id="u1"), client=client, idempotency_key="k")
    assert (again.id, again.added) == (first.id, False)
    assert await jobs_of(client) == 0


async def test_an_idempotency_key_outlives_a_job_that_ran_and_was_removed(
    client: JobClient, registry: JobRegistry, send: Send, settings: Settings
) -> None:
    options = CallOptions(idempotency_key="k", remove_on_complete=True)
    first = await send.trigger(Mail(user_id="u1"), client=client, **options)
    async with Crew(registry, settings):
        await eventually(lambda: is_gone(first), "the job ran and was removed")
        again = await send.trigger(Mail(user_id="u1"), client=client, **options)
    assert (again.id, again.added) == (first.id, False)


async def is_gone(handle: JobHandle[str]) -> bool:
    return await handle.state() == "unknown"


async def test_an_idempotency_key_is_kept_for_a_day_or_as_long_as_it_says(
    client: JobClient, send: Send, redis: Redis, redis_prefix: str
) -> None:
    mail = Mail(user_id="u1")
    await send.trigger(mail, client=client, idempotency_key="day")
    left = await redis.pttl(f"{redis_prefix}:{QUEUE}:de:idempotency_key:send:day")
    assert 23 * 3_600_000 < left <= 24 * 3_600_000
    first = await send.trigger(mail, client=client, idempotency_key="short", idempotency_ttl=50)

    async def expired() -> bool:
        return not await redis.exists(f"{redis_prefix}:{QUEUE}:de:idempotency_key:send:short")

    await eventually(expired, "the key is gone")
    again = await send.trigger(mail, client=client, idempotency_key="short", idempotency_ttl="1h")
    assert again.added
    assert again.id != first.id


async def test_a_key_counts_for_the_jobs_of_one_name(client: JobClient, registry: JobRegistry, send: Send) -> None:
    same: CallOptions = {"throttle": ("b:k", "1h")}
    others = [(define_send(registry, "send:b"), "k"), (define_send(registry, "send too"), "b:k")]
    assert (await send.trigger(Mail(user_id="u1"), client=client, **same)).added
    for other, key in others:
        assert (await other.trigger(Mail(user_id="u1"), client=client, throttle=(key, "1h"))).added
    assert (await send.trigger(Mail(user_id="u1"), client=client, idempotency_key="b:k")).added
    assert not (await send.trigger(Mail(user_id="u1"), client=client, **same)).added


async def test_another_payload_under_an_idempotency_key_is_told_without_its_values(
    client: JobClient, send: Send, warnings: list[str]
) -> None:
    first = await send.trigger(Mail(user_id="u1", tags=("a", "b")), client=client, idempotency_key="k")
    await send.trigger(Mail(user_id="u1", tags=("a", "b")), client=client, idempotency_key="k")
    assert warnings == []
    await send.trigger(Mail(user_id="secret", tags=("a", "hidden")), client=client, idempotency_key="k")
    assert len(warnings) == 1
    assert first.id in warnings[0]
    assert warnings[0].endswith("differ in: userId, tags.1")
    await send.trigger(Mail(user_id="u2"), client=client, throttle=("k", "1h"))
    await send.trigger(Mail(user_id="u3"), client=client, throttle=("k", "1h"))
    assert len(warnings) == 1


async def test_a_debounced_job_starts_with_the_newest_payload(
    client: JobClient, registry: JobRegistry, send: Send, settings: Settings
) -> None:
    handles = [await send.trigger(Mail(user_id=f"u{n}"), client=client, debounce=("k", 200)) for n in range(3)]
    assert [handle.added for handle in handles] == [True] * 3
    assert await jobs_of(client) == 1
    async with Crew(registry, settings):
        assert await handles[2].result("30s") == "u2"


async def test_a_payload_that_comes_after_a_debounced_job_has_started_is_not_lost(
    client: JobClient, send: Send
) -> None:
    first = await send.trigger(Mail(user_id="u1"), client=client, debounce=("k", "1h"))
    await first.promote()  # as if its time were over a moment before that of its key
    second = await send.trigger(Mail(user_id="u2"), client=client, debounce=("k", "1h"))
    assert (second.added, await first.state(), await second.state()) == (True, "waiting", "delayed")


@pytest.mark.parametrize("option", ["idempotency_key", "debounce", "throttle"])
async def test_a_node_of_a_flow_has_no_key(client: JobClient, send: Send, option: str) -> None:
    options = cast("CallOptions", {option: "k" if option == "idempotency_key" else ("k", "5s")})
    mail = Mail(user_id="u1")
    with pytest.raises(FlowError, match=f"Job 'send' is part of a flow and has {option}"):
        await send.trigger_flow(mail, [send.node(mail, **options)], client=client)
    with pytest.raises(FlowError, match=option):
        await send.trigger_flow(mail, [send.node(mail)], client=client, **options)
    assert await jobs_of(client) == 0


@asynccontextmanager
async def lossy(redis: RedisServer, send: Send) -> AsyncGenerator[JobClient]:
    """A client that loses the reply to a command with VICTIM. Redis knows the scripts."""
    async with LossyProxy(redis, VICTIM.encode()) as proxy:
        async with JobClient(Settings(env_file=None, redis_url=proxy.url)) as client:
            await (await send.trigger(Mail(user_id="u1"), client=client, job_id="before")).remove()
            yield client
        assert proxy.losses == 0


@pytest.mark.parametrize(
    "options",
    [
        {"job_id": "welcome"},
        {"idempotency_key": "k"},
        {"idempotency_key": "k", "remove_on_complete": True},
    ],
    ids=["job_id", "idempotency_key", "removed as it completes"],
)
async def test_a_call_that_is_sent_again_after_a_lost_reply_still_made_its_job(
    mortal_redis: RedisServer, send: Send, options: CallOptions
) -> None:
    async with lossy(mortal_redis, send) as client:
        handle = await send.trigger(Mail(user_id=VICTIM), client=client, **options)
        assert handle.added
        assert not (await send.trigger(Mail(user_id="u1"), client=client, **options)).added
        assert await jobs_of(client) == 1


async def test_one_that_is_sent_again_did_not_make_the_job_that_was_there(
    mortal_redis: RedisServer, send: Send
) -> None:
    async with lossy(mortal_redis, send) as client:
        await send.trigger(Mail(user_id="u1"), client=client, job_id="welcome")
        handle = await send.trigger(Mail(user_id=VICTIM), client=client, job_id="welcome")
        batch = await send.batch_trigger(
            [{"payload": Mail(user_id="u2"), "options": {"job_id": name}} for name in ("welcome", "new")],
            client=client,
        )
        assert [handle.added, *(each.added for each in batch)] == [False, False, True]


async def test_a_batch_that_is_sent_again_tells_it_right(mortal_redis: RedisServer, send: Send) -> None:
    options: list[CallOptions] = [{}, {"job_id": "welcome"}, {"idempotency_key": "k"}, {"idempotency_key": "k"}]
    async with lossy(mortal_redis, send) as client:
        handles = await send.batch_trigger(
            [{"payload": Mail(user_id=VICTIM), "options": each} for each in options], client=client
        )
        assert [handle.added for handle in handles] == [True, True, True, False]


async def test_without_pipelining_it_is_the_same(settings: Settings, send: Send) -> None:
    async with JobClient(settings.model_copy(update={"redis_pipelining": False})) as client:
        options: list[CallOptions] = [*KEYED, {"job_id": "welcome"}]
        handles = [await send.trigger(Mail(user_id="u1"), client=client, **each) for each in [*options, *options]]
        assert [handle.added for handle in handles] == [True, True, True, False, False, False]


async def test_the_stored_options_are_bullmqs_deduplication(
    client: JobClient, send: Send, redis: Redis, redis_prefix: str
) -> None:
    calls: list[CallOptions] = [*KEYED, {"debounce": ("k", "5s")}]
    stored: list[object] = []
    for options in calls:
        handle = await send.trigger(Mail(user_id="u1"), client=client, **options)
        text = await redis.hget(f"{redis_prefix}:{QUEUE}:{handle.id}", "opts")
        written = cast("dict[str, object]", json.loads(text or ""))
        stored.append((written["de"], written.get("delay")))
    assert stored == [
        ({"id": "idempotency_key:send:k", "ttl": 86_400_000}, None),
        ({"id": "throttle:send:k", "ttl": 3_600_000}, None),
        ({"id": "debounce:send:k", "ttl": 5_000, "extend": True, "replace": True}, 5_000),
    ]
