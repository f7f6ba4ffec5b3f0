"""Adding jobs: what reaches Redis, byte for byte as Node would write it, and what never does."""

from __future__ import annotations

import json
from typing import cast

import pytest
from redis.asyncio import Redis

from midday_worker import (
    JobClient,
    JobContext,
    JobDefinition,
    JobRegistry,
    OptionError,
    Payload,
    PayloadError,
    Settings,
    job,
)
from tests.integration.crew import Crew
from tests.integration.stored_keys import keys_of


class Mail(Payload):
    user_id: str
    copies: int = 1


@pytest.fixture
def send(registry: JobRegistry) -> JobDefinition[Mail, str]:
    async def handle(data: Mail, ctx: JobContext) -> str:
        return f"{data.user_id} x{data.copies}"

    return job("send", Mail, handle, queue="mails", registry=registry)


class Stored:
    """The jobs of the queue `mails`, as Redis holds them."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = f"{prefix}:mails"

    async def field(self, job_id: str, name: str) -> object:
        text = await self._redis.hget(f"{self._prefix}:{job_id}", name)
        return None if text is None else cast("object", json.loads(text))

    async def waiting(self) -> list[str]:
        """The ids that wait, the next one first."""
        ids = await self._redis.lrange(f"{self._prefix}:wait", 0, -1)
        return [str(job_id) for job_id in reversed(ids)]


@pytest.fixture
def stored(redis: Redis, settings: Settings) -> Stored:
    return Stored(redis, settings.redis_prefix)


async def test_payload_and_options_are_written_as_node_writes_them(
    client: JobClient, send: JobDefinition[Mail, str], stored: Stored
) -> None:
    triggered = await send.trigger(
        Mail(user_id="u1"),
        client=client,
        attempts=4,
        backoff={"type": "exponential", "delay": "1s", "jitter": 0.25},
        delay="5s",
        priority=10,
        timeout="30s",
        remove_on_complete={"count": 5, "age": "1h"},
        remove_on_fail=False,
        keep_logs=7,
        stack_trace_limit=2,
    )
    assert await stored.field(triggered.id, "data") == {"userId": "u1", "copies": 1}
    assert await stored.field(triggered.id, "opts") == {
        "attempts": 4,
        "backoff": {"type": "exponential", "delay": 1000, "jitter": 0.25},
        "delay": 5000,
        "priority": 10,
        "removeOnComplete": {"count": 5, "age": 3600},
        "removeOnFail": False,
        "kl": 7,
        "stackTraceLimit": 2,
        "midday": {"timeout": 30_000},
    }
    assert await triggered.state() == "delayed"


async def test_lifo_goes_before_those_that_wait(
    client: JobClient, send: JobDefinition[Mail, str], stored: Stored
) -> None:
    first = await send.trigger(Mail(user_id="u1"), client=client)
    second = await send.trigger(Mail(user_id="u2"), client=client, lifo=True)
    assert await stored.waiting() == [second.id, first.id]


async def test_priorities_are_run_in_order_and_after_none(
    client: JobClient, registry: JobRegistry, send: JobDefinition[Mail, str], settings: Settings
) -> None:
    order: list[int] = []

    async def note(data: int, ctx: JobContext) -> None:
        order.append(data)

    noting = job("note", int, note, registry=registry)
    handles = [await noting.trigger(priority, client=client, priority=priority) for priority in (9, 1, 5)]
    handles.append(await noting.trigger(0, client=client))
    single = settings.model_copy(update={"concurrency": 1})
    async with Crew(registry, single):
        for handle in handles:
            await handle.result("10s")
    assert order == [0, 1, 5, 9]


async def test_a_batch_of_2500_is_added_in_order_and_whole(
    client: JobClient, send: JobDefinition[Mail, str], stored: Stored
) -> None:
    handles = await send.batch_trigger([{"payload": {"userId": f"u{n}"}} for n in range(2_500)], client=client)
    ids = [handle.id for handle in handles]
    assert len(set(ids)) == 2_500
    assert await stored.waiting() == ids
    assert await stored.field(ids[2_499], "data") == {"userId": "u2499", "copies": 1}


async def test_items_of_a_batch_have_options_of_their_own(
    client: JobClient, send: JobDefinition[Mail, str], stored: Stored
) -> None:
    plain, late = await send.batch_trigger(
        [{"payload": Mail(user_id="u1")}, {"payload": Mail(user_id="u2"), "options": {"delay": 5000, "attempts": 7}}],
        client=client,
    )
    assert (await plain.state(), await late.state()) == ("waiting", "delayed")
    assert cast("dict[str, object]", await stored.field(late.id, "opts"))["attempts"] == 7


async def test_a_batch_with_one_wrong_item_adds_nothing(
    client: JobClient, send: JobDefinition[Mail, str], redis: Redis, settings: Settings
) -> None:
    wrong: dict[str, object] = {"userId": "u2", "copies": "many"}
    with pytest.raises(PayloadError, match="payload 1 of the batch") as caught:
        await send.batch_trigger([{"payload": Mail(user_id="u1")}, {"payload": wrong}], client=client)
    assert [problem.path for problem in caught.value.problems] == ["copies"]
    assert await keys_of(redis, settings) == []


async def test_a_batch_with_one_wrong_option_adds_nothing(
    client: JobClient, send: JobDefinition[Mail, str], redis: Redis, settings: Settings
) -> None:
    with pytest.raises(OptionError, match="priority"):
        await send.batch_trigger(
            [{"payload": Mail(user_id="u1")}, {"payload": Mail(user_id="u2"), "options": {"priority": -1}}],
            client=client,
        )
    assert await keys_of(redis, settings) == []


@pytest.mark.parametrize("payload", [{}, {"userId": 7}, {"userId": "u1", "copies": []}])
async def test_a_wrong_payload_reaches_redis_in_no_form(
    client: JobClient, send: JobDefinition[Mail, str], redis: Redis, settings: Settings, payload: dict[str, object]
) -> None:
    with pytest.raises(PayloadError, match="Invalid payload for job 'send'"):
        await send.trigger(payload, client=client)
    with pytest.raises(PayloadError):
        await send.trigger_delayed(payload, "3d", client=client)
    with pytest.raises(PayloadError):
        await send.trigger_recurring(payload, "0 9 * * *", client=client)
    assert await keys_of(redis, settings) == []


async def test_the_same_job_id_twice_makes_one_job(
    client: JobClient, send: JobDefinition[Mail, str], stored: Stored
) -> None:
    first = await send.trigger(Mail(user_id="u1"), client=client, job_id="welcome-u1")
    again = await send.trigger(Mail(user_id="u1", copies=2), client=client, job_id="welcome-u1")
    assert first.id == again.id == "welcome-u1"
    assert await stored.waiting() == ["welcome-u1"]
    assert await stored.field("welcome-u1", "data") == {"userId": "u1", "copies": 1}


async def test_a_duplicate_stands_for_the_first_job_until_that_ends(
    client: JobClient, registry: JobRegistry, send: JobDefinition[Mail, str], settings: Settings
) -> None:
    first = await send.trigger(Mail(user_id="u1"), client=client, deduplication={"id": "u1"})
    duplicate = await send.trigger(Mail(user_id="u1"), client=client, deduplication={"id": "u1"})
    other = await send.trigger(Mail(user_id="u2"), client=client, deduplication={"id": "u2"})
    assert first.id == duplicate.id != other.id
    async with Crew(registry, settings):
        await first.result("10s")
    after = await send.trigger(Mail(user_id="u1"), client=client, deduplication={"id": "u1"})
    assert after.id != first.id


async def test_a_debounced_duplicate_brings_the_newest_payload(
    client: JobClient, send: JobDefinition[Mail, str], stored: Stored
) -> None:
    for copies in (1, 2, 3):
        last = await send.trigger(
            Mail(user_id="u1", copies=copies),
            client=client,
            delay="1h",
            deduplication={"id": "u1", "ttl": "1h", "extend": True, "replace": True},
        )
    assert await stored.field(last.id, "data") == {"userId": "u1", "copies": 3}


async def test_trigger_delayed_waits(
    client: JobClient, registry: JobRegistry, send: JobDefinition[Mail, str], settings: Settings
) -> None:
    triggered = await send.trigger_delayed(Mail(user_id="u1"), 300, client=client)
    assert await triggered.state() == "delayed"
    async with Crew(registry, settings):
        assert await triggered.result("10s") == "u1 x1"
    done = await triggered.fetch()
    assert done.processedOn is not None
    assert done.processedOn - done.timestamp >= 300


async def test_the_client_entered_on_this_loop_is_used_and_left_again(
    settings: Settings, send: JobDefinition[Mail, str], client: JobClient
) -> None:
    async with JobClient(settings) as inner:
        triggered = await send.trigger(Mail(user_id="u1"))
        assert triggered.client is inner
    assert (await send.trigger(Mail(user_id="u1"))).client is client
