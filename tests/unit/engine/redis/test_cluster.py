"""Finding the node of a slot: what nodes say, who is asked next, and what is said when nobody knows."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis.asyncio.connection import SSLConnection as AsyncTlsConnection
from redis.connection import SSLConnection
from redis.crc import key_slot
from redis.exceptions import AuthenticationError, ResponseError

from midday_worker import ConfigurationError
from midday_worker.embedded import free_port
from midday_worker.engine.redis.cluster import ClusterDiscovery, has_hash_tag, slot_of
from midday_worker.engine.redis.connection import (
    RedisConfig,
    connect,
    connect_blocking,
    connect_in_thread,
    read_together,
)
from midday_worker.engine.transport import NeverSentError
from midday_worker.settings.redis_address import RedisAddress
from tests.scripted_redis import ScriptedRedis, Words, bulk

ALL = 16_383


def slots(*nodes: tuple[str, int]) -> bytes:
    """Return a reply to CLUSTER SLOTS: all slots are at the first node, the others are replicas."""
    shown = b"".join(b"*3\r\n%s:%d\r\n%s" % (bulk(host.encode()), port, bulk(b"id")) for host, port in nodes)
    return b"*1\r\n*%d\r\n:0\r\n:%d\r\n%s" % (2 + len(nodes), ALL, shown)


def discovery(*hosts: str) -> ClusterDiscovery:
    return ClusterDiscovery(RedisAddress.parse(f"redis+cluster://{','.join(hosts)}"), 7)


def at(server: ScriptedRedis) -> str:
    return server.url.removeprefix("redis://")


@pytest.mark.parametrize("host", ["", "?"])
async def test_a_node_without_a_host_is_at_the_one_that_was_asked(host: str) -> None:
    async with ScriptedRedis(lambda _words: slots((host, 7001))) as node:
        assert await discovery(at(node)).find({}) == ("127.0.0.1", 7001)


async def test_hosts_as_the_cluster_announces_them_are_used() -> None:
    async with ScriptedRedis(lambda _words: slots(("redis-1.example", 7001))) as node:
        assert await discovery(at(node)).find({}) == ("redis-1.example", 7001)


async def test_a_node_is_found_while_all_threads_of_the_loop_are_taken() -> None:
    """As by handlers that call `asyncio.to_thread`."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    may_end = threading.Event()
    taken = asyncio.create_task(asyncio.to_thread(may_end.wait))
    try:
        async with ScriptedRedis(lambda _words: slots(("10.0.0.1", 1))) as node, asyncio.timeout(30):
            assert await discovery(at(node)).find({}) == ("10.0.0.1", 1)
    finally:
        may_end.set()
        await taken


async def test_who_does_not_answer_or_resolve_is_passed_over() -> None:
    async with ScriptedRedis(lambda _words: slots(("10.0.0.1", 1))) as node:
        found = discovery("no-such-host.invalid:1", f"127.0.0.1:{free_port()}", at(node))
        assert await found.find({}) == ("10.0.0.1", 1)


async def test_when_nobody_answers_each_is_named_with_its_reason() -> None:
    port = free_port()
    with pytest.raises(NeverSentError, match=rf"no node of the cluster answers: .*invalid:1 \(.*127.0.0.1:{port} \("):
        await discovery("no-such-host.invalid:1", f"127.0.0.1:{port}").find({})


async def test_nodes_that_it_was_told_of_are_asked_when_those_of_the_url_are_gone() -> None:
    async with ScriptedRedis(lambda _words: slots(("10.0.0.9", 9))) as second:
        port = int(at(second).rpartition(":")[2])
        async with ScriptedRedis(lambda _words: slots(("127.0.0.1", port), ("127.0.0.1", port))) as first:
            found = discovery(at(first))
            assert await found.find({}) == ("127.0.0.1", port)
        assert await found.find({}) == ("10.0.0.9", 9)


async def test_each_time_another_one_is_asked() -> None:
    """One that is cut off from the others, and answers, would else be believed for ever."""
    asked: list[str] = []

    def node(name: str) -> ScriptedRedis:
        def answer(words: Words) -> bytes:
            asked.append(name)
            return slots(("10.0.0.1", 1))

        return ScriptedRedis(answer)

    async with node("first") as first, node("second") as second:
        found = discovery(at(first), at(second))
        await found.find({})
        await found.find({})
    assert asked == ["first", "second"]


async def test_a_slot_that_nobody_holds_is_waited_for() -> None:
    async with ScriptedRedis(lambda _words: b"*0\r\n") as node:
        with pytest.raises(NeverSentError, match="no node of the cluster serves slot 7"):
            await discovery(at(node)).find({})


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"-ERR This instance has cluster support disabled\r\n", ResponseError),
        (b"-NOAUTH Authentication required.\r\n", AuthenticationError),
    ],
)
async def test_what_waiting_does_not_mend_is_raised_at_once(said: bytes, error: type[Exception]) -> None:
    async with ScriptedRedis(lambda _words: said) as node:
        with pytest.raises(error):
            await discovery(at(node), "127.0.0.1:1").find({})


@pytest.mark.parametrize("prefix", ["{bull}", "{bull}x", "a{bull}"])
def test_the_slot_of_a_prefix_is_that_of_its_keys(prefix: str) -> None:
    assert slot_of(prefix) == key_slot(f"{prefix}:emails:wait".encode()) == key_slot(f"{prefix}:other:id".encode())


@pytest.mark.parametrize("prefix", ["bull", "{}", "bull}{", "{bull"])
def test_a_prefix_without_a_hash_tag_is_refused_with_one_that_works(prefix: str) -> None:
    assert not has_hash_tag(prefix)
    with pytest.raises(ConfigurationError, match=r"needs a hash tag, such as \{bull"):
        connect(RedisConfig("redis+cluster://127.0.0.1:1", prefix))


async def test_finding_a_node_holds_nobody_up() -> None:
    """Two who look at the same time, while one of the nodes is silent."""
    async with ScriptedRedis(lambda _words: None) as silent, ScriptedRedis(lambda _words: slots(("h", 1))) as node:
        found = discovery(at(silent), at(node))
        assert set(await asyncio.gather(found.find({}), found.find({}))) == {("h", 1)}


@pytest.mark.parametrize(("scheme", "is_tls"), [("redis", False), ("rediss", True)])
def test_connections_to_a_cluster_are_encrypted_where_the_url_says_so(scheme: str, is_tls: bool) -> None:
    config = RedisConfig(f"{scheme}+cluster://127.0.0.1:1", "{bull}")
    for client in (connect(config), connect_blocking(config), connect_in_thread(config, 1.0)):
        kind = client.connection_pool.connection_class
        assert issubclass(kind, (AsyncTlsConnection, SSLConnection)) is is_tls
        assert "discovery" in client.connection_pool.connection_kwargs


@pytest.mark.parametrize("pipelining", [True, False])
async def test_reads_that_go_out_together_follow_their_keys(pipelining: bool) -> None:
    """redis-py puts a node's MOVED in the place of each answer; that is no answer."""
    holder: list[ScriptedRedis] = []

    def port_of(server: ScriptedRedis) -> int:
        return int(server.url.rpartition(":")[2])

    def answer(words: Words, server: ScriptedRedis) -> bytes:
        if words[0] == b"CLUSTER":
            return slots(("127.0.0.1", port_of(holder[0])))
        return b":7\r\n" if server is holder[0] else b"-MOVED 7 127.0.0.1:1\r\n"

    old = ScriptedRedis(lambda words: answer(words, old))
    new = ScriptedRedis(lambda words: answer(words, new))
    async with old, new:
        holder[:] = [old]
        client = connect(RedisConfig(f"redis+cluster://{at(new)}", prefix="{bull}", pipelining=pipelining))
        for server in (old, new):
            holder[:] = [server]
            assert await read_together(client, lambda pipe: [pipe.llen("{bull}:a"), pipe.llen("{bull}:b")]) == [7, 7]
        await client.aclose()
