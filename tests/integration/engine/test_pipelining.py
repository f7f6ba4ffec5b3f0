"""The pipelined client on a real Redis: the same answers as redis-py's, whatever callers and connections do."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar, cast

import pytest
from redis._parsers import (
    _AsyncHiredisParser,  # pyright: ignore[reportPrivateUsage] - to choose between redis-py's parsers
    _AsyncRESP3Parser,  # pyright: ignore[reportPrivateUsage]
)
from redis.asyncio import Redis
from redis.client import NEVER_DECODE
from redis.exceptions import ConnectionError, ResponseError

from midday_worker.engine.transport.pipelining import PipelinedRedis
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.redis_proxy import LossyProxy

Client = TypeVar("Client", bound=Redis)
PARSERS = [_AsyncHiredisParser, _AsyncRESP3Parser]
LUA = "return redis.call('INCR', KEYS[1])"


@asynccontextmanager
async def connected(kind: type[Client], url: str, **options: object) -> AsyncGenerator[Client]:
    from_url = cast("Callable[..., Client]", kind.from_url)  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
    async with from_url(url, **options) as client:
        yield client


async def call(client: Redis, *words: object, **options: object) -> object:
    execute = cast("Callable[..., Awaitable[object]]", client.execute_command)  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
    return await execute(*words, **options)


async def calls(client: Redis, name: str) -> int:
    stats = cast("dict[str, dict[str, int]]", await call(client, "INFO", "commandstats"))
    return sum(entry["calls"] for key, entry in stats.items() if key.startswith(f"cmdstat_{name}"))


COMMANDS: list[tuple[object, ...]] = [
    ("SET", "s", "värde"),
    ("GET", "s"),
    ("GET", "none"),
    ("INCRBYFLOAT", "f", "1.5"),
    ("HSET", "h", "a", "1", "b", "2"),
    ("HGETALL", "h"),
    ("HMGET", "h", "a", "none"),
    ("ZADD", "z", "1.5", "a", "2", "b"),
    ("ZRANGE", "z", 0, -1, "WITHSCORES"),
    ("ZSCORE", "z", "a"),
    ("ZPOPMIN", "z"),
    ("SADD", "set", "only"),
    ("SMEMBERS", "set"),
    ("LPUSH", "l", "a", "b"),
    ("LRANGE", "l", 0, -1),
    ("XADD", "x", "1-1", "field", "value"),
    ("XRANGE", "x", "-", "+"),
    ("XREAD", "COUNT", 5, "STREAMS", "x", "0"),
    ("XINFO STREAM", "x"),
    ("TYPE", "x"),
    ("EXISTS", "x", "s"),
    ("PEXPIRE", "s", 100_000),
    ("TTL", "none"),
    ("SCAN", 0, "MATCH", "nothing*"),
    ("CONFIG GET", "maxmemory"),
    ("EVAL", "return {1, 'two', false, {3}}", 0),
    ("EVAL", "return redis.error_reply('MINE no')", 0),
    ("LPUSH", "s", "wrong type"),
    ("SCRIPT EXISTS", "0" * 40),
    ("OBJECT", "ENCODING", "s"),
    ("CLIENT SETNAME", "me"),
    ("CLIENT GETNAME",),
    ("PING",),
    ("DEL", "s", "none"),
]


@pytest.mark.parametrize("parser", PARSERS, ids=["hiredis", "python"])
@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("decode", [True, False])
async def test_answers_are_those_of_redis_py(
    mortal_redis: RedisServer, parser: object, protocol: int, decode: bool
) -> None:
    options = {"protocol": protocol, "decode_responses": decode, "parser_class": parser}
    answers: list[list[object]] = []
    for kind in (Redis, PipelinedRedis):
        async with connected(kind, mortal_redis.url, **options) as client:
            await call(client, "FLUSHALL")
            answers.append(
                [await answer(client, *words, **extra) for words in COMMANDS for extra in ({}, {NEVER_DECODE: True})]
            )
            assert (await calls(client, "lrange")) > 0
    stock, pipelined = answers
    assert pipelined == stock


async def answer(client: Redis, *words: object, **options: object) -> object:
    try:
        return await call(client, *words, **options)
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize("parser", PARSERS, ids=["hiredis", "python"])
@pytest.mark.parametrize("seed", range(3))
async def test_whoever_is_cancelled_no_reply_is_another_s(redis_server: RedisServer, parser: object, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    options = {"decode_responses": True, "parser_class": parser}
    async with connected(PipelinedRedis, redis_server.url, **options) as client:
        client.max_in_flight_bytes = 4_000

        async def caller(name: int) -> int:
            for turn in range(20):
                token = f"{name}-{turn}-" + "x" * chance.randrange(200)
                assert await call(client, "ECHO", token) == token
            return name

        tasks = [asyncio.create_task(caller(name)) for name in range(200)]
        doomed = chance.sample(range(200), 100)
        for name in doomed:
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            tasks[name].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(results[name] == name for name in set(range(200)) - set(doomed)), results
        assert all(results[name] == name or tasks[name].cancelled() for name in doomed), results
        assert any(tasks[name].cancelled() for name in doomed)
        assert await call(client, "ECHO", "last") == "last"


async def test_a_script_that_many_want_is_loaded_once_for_each_connection(mortal_redis: RedisServer) -> None:
    async with connected(PipelinedRedis, mortal_redis.url) as client:
        script = client.register_script(LUA)

        async def run() -> object:
            return await cast("Callable[..., Awaitable[object]]", script)(keys=["counter"])

        for round_number in (1, 2):
            await call(client, "SCRIPT", "FLUSH")
            before = await calls(client, "script")
            counts = await asyncio.gather(*(run() for _ in range(500)))
            assert sorted(cast("list[int]", counts)) == list(
                range(500 * (round_number - 1) + 1, 500 * round_number + 1)
            )
            assert await calls(client, "script") - before == 1


async def test_a_caller_cancelled_while_it_loads_a_script_takes_nobody_with_it(mortal_redis: RedisServer) -> None:
    async with connected(PipelinedRedis, mortal_redis.url) as client:
        await call(client, "PING")
        loads = [asyncio.ensure_future(client.script_load(LUA)) for _ in range(3)]
        await asyncio.sleep(0)
        loads[0].cancel()
        shas = await asyncio.gather(*loads, return_exceptions=True)
    assert isinstance(shas[0], asyncio.CancelledError)
    assert shas[1] == shas[2]
    assert len(str(shas[1])) == 40


async def test_commands_that_block_hold_up_nobody(redis_server: RedisServer, redis_prefix: str) -> None:
    async with connected(PipelinedRedis, redis_server.url, decode_responses=True) as client:
        key = f"{redis_prefix}:marker"
        blocked = asyncio.create_task(call(client, "BZPOPMIN", key, 10))
        waiting = asyncio.create_task(call(client, "XREAD", "BLOCK", 10_000, "STREAMS", f"{key}:s", "$"))
        for n in range(100):
            assert await call(client, "ECHO", f"{n}") == f"{n}"
        assert not blocked.done()
        assert not waiting.done()
        await call(client, "ZADD", key, 0, "job")
        async with asyncio.timeout(5):
            popped = cast("list[object]", await blocked)
        assert list(popped)[:2] == [key, "job"]
        waiting.cancel()


async def test_transactions_and_subscriptions_work_beside_other_commands(
    redis_server: RedisServer, redis_prefix: str
) -> None:
    async with connected(PipelinedRedis, redis_server.url, decode_responses=True) as client:
        key = f"{redis_prefix}:n"
        noise = asyncio.gather(*(call(client, "ECHO", f"{n}") for n in range(200)))
        async with client.pipeline(transaction=True) as pipe:
            pipe.incr(key)
            pipe.incr(key)
            results: list[object] = await pipe.execute()
        heard: list[object] = []
        async with client.pubsub() as subscription:  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
            await subscription.subscribe(f"{key}:channel")
            async with asyncio.timeout(10):
                while not heard:
                    message = cast("dict[str, object] | None", await subscription.get_message(timeout=10))
                    if message and message["type"] == "subscribe":
                        await call(client, "PUBLISH", f"{key}:channel", "hello")
                    elif message:
                        heard.append(message["data"])
        assert results == [1, 2]
        assert heard == ["hello"]
        assert await noise == [f"{n}" for n in range(200)]


async def test_a_restart_fails_what_is_in_flight_and_the_next_command_connects_again(mortal_redis: RedisServer) -> None:
    async with connected(PipelinedRedis, mortal_redis.url, client_name="a-name", decode_responses=True) as client:
        await call(client, "PING")
        await asyncio.to_thread(mortal_redis.pause)
        tasks = [asyncio.create_task(call(client, "INCR", "n")) for _ in range(50)]
        await asyncio.sleep(0)
        await asyncio.to_thread(mortal_redis.kill)
        async with asyncio.timeout(10):
            results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(type(result) is ConnectionError for result in results), results
        await asyncio.to_thread(mortal_redis.restart)
        assert await call(client, "CLIENT GETNAME") == "a-name"
        script = client.register_script(LUA)
        assert await cast("Callable[..., Awaitable[object]]", script)(keys=["m"]) == 1


async def test_a_lost_reply_is_not_asked_for_again(redis_server: RedisServer, redis_prefix: str) -> None:
    key = f"{redis_prefix}:n"
    async with LossyProxy(redis_server, b"INCR") as proxy, connected(PipelinedRedis, proxy.url) as client:
        with pytest.raises(ConnectionError):
            await call(client, "INCR", key)
        assert await call(client, "GET", key) == b"1"


def test_each_event_loop_has_a_connection_that_ends_with_it(mortal_redis: RedisServer) -> None:
    from_url = cast("Callable[..., PipelinedRedis]", PipelinedRedis.from_url)  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
    client = from_url(mortal_redis.url, client_name="looping", decode_responses=True)

    async def use() -> None:
        await asyncio.gather(*(call(client, "PING") for _ in range(10)))

        async def is_alone() -> bool:
            clients = cast("list[dict[str, str]]", await call(client, "CLIENT LIST"))
            return [entry["name"] for entry in clients].count("looping") == 1

        await eventually(is_alone, "the connections of ended loops are gone")

    for _ in range(3):
        asyncio.run(use())
    forgotten = asyncio.new_event_loop()  # as asyncio.run doesn't: closed without a word to what runs on it
    forgotten.run_until_complete(use())
    forgotten.close()
    del forgotten
    with pytest.warns(ResourceWarning):  # Python's own, of what runs on a closed loop
        asyncio.run(use())
        gc.collect()
    asyncio.run(client.aclose())


async def test_an_error_in_a_script_is_its_caller_s(redis_server: RedisServer, redis_prefix: str) -> None:
    async with connected(PipelinedRedis, redis_server.url, decode_responses=True) as client:
        results = await asyncio.gather(
            call(client, "ECHO", "a"),
            call(client, "EVAL", "return redis.call('NOSUCH')", 0),
            call(client, "ECHO", "b"),
            return_exceptions=True,
        )
    assert (results[0], results[2]) == ("a", "b")
    assert isinstance(results[1], ResponseError)
