"""The commands that add jobs: what is computed once, and what per job."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midday_worker.engine.producer import add_commands as additions_module
from midday_worker.engine.producer.add_commands import Addition, Additions, Parent
from midday_worker.engine.redis.template import ID_LENGTH
from midday_worker.engine.wire.options import WireOptions, encode_request
from midday_worker.options import ResolvedOptions
from midday_worker.options.resolved import DeduplicationPolicy, KeepPolicy
from midday_worker.request import JobRequest
from midday_worker.telemetry.tracing.trace_context import TraceContext
from tests.unit.sample import Parcel, pack, weigh

if TYPE_CHECKING:
    from bullmq.redis_connection import Script

Words = list[bytes]


@pytest.fixture
def additions() -> Additions:
    return make_additions()


def make_additions(prefix: str = "bull:warehouse:") -> Additions:
    script = cast("Script", SimpleNamespace(sha="0" * 40))
    return Additions(defaultdict(lambda: prefix), defaultdict(lambda: script))


def words_of(addition: Addition) -> Words:
    """Return the words of a command, as they arrive in Redis."""
    command = addition.command
    if not isinstance(command, bytes):
        return [word if isinstance(word, bytes) else str(word).encode() for word in command]
    head, _, rest = command.partition(b"\r\n")
    words: Words = []
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size.removeprefix(b"$"))
        words.append(rest[:length])
        assert rest[length : length + 2] == b"\r\n"
        rest = rest[length + 2 :]
    assert int(head.removeprefix(b"*")) == len(words)
    return words


def meaning_of(addition: Addition, since_ms: float) -> tuple[object, ...]:
    """Return what a command says but for its id and its time, which are checked."""
    words = words_of(addition)
    arguments = 3 + int(words[2])
    call, (packed, text, options, *last) = words[:arguments], words[arguments:]
    prefix, job_id, name, now, *rest = cast("list[object]", msgpack.unpackb(packed))
    assert job_id == addition.id
    assert since_ms - 1 <= cast("int", now) <= time.time() * 1_000 + 1
    last, look = last[:1], last[1:2]  # without the call's token
    last_is_now = last == [b"%d" % cast("int", now)]
    return call, prefix, name, rest, text, options, last_is_now or last, look, addition.repeatable


def options_of(addition: Addition) -> bytes:
    words = words_of(addition)
    return words[3 + int(words[2]) + 2]


KINDS = [
    ResolvedOptions(),
    ResolvedOptions(delay=1_500),
    ResolvedOptions(priority=7),
    ResolvedOptions(lifo=True, remove_on_complete=KeepPolicy(count=0)),
    ResolvedOptions(deduplication=DeduplicationPolicy("ett två", ttl_ms=1_000)),
]


@given(
    prefix=st.text(st.characters(codec="utf-8"), max_size=40),
    name=st.text(st.characters(codec="utf-8"), min_size=1, max_size=300),
    texts=st.lists(st.text(st.characters(codec="utf-8")), min_size=3, max_size=3),
    options=st.sampled_from(KINDS),
)
def test_a_job_like_the_one_before_is_added_by_the_same_command_packed_once(
    prefix: str, name: str, texts: list[str], options: ResolvedOptions
) -> None:
    started = time.time() * 1_000
    request = replace(pack.node(Parcel(order_id="o1")), name=name, options=options)
    like_others = make_additions(prefix)
    for text in texts:
        one_of_many, alone = (each.make(replace(request, text=text)) for each in (like_others, make_additions(prefix)))
        assert meaning_of(one_of_many, started) == meaning_of(alone, started)
    assert isinstance(like_others.make(request).command, bytes)


def test_each_job_has_an_id_of_its_own(additions: Additions) -> None:
    made = [additions.make(pack.node(Parcel(order_id="o1"))).id for _ in range(1_000)]
    assert len(set(made)) == 1_000
    assert {len(job_id) for job_id in made} == {ID_LENGTH}


def test_jobs_that_differ_in_more_than_their_payload_are_packed_each_for_itself(additions: Additions) -> None:
    plain = pack.node(Parcel(order_id="o1"))
    child = weigh.node(Parcel(order_id="o2"))
    others = [
        replace(plain, call_timeout=5),
        replace(plain, call_retry_on_timeout=False),
        replace(plain, deadline_ms=5),
        replace(plain, children=(child,)),
        replace(plain, trace=TraceContext("{1}")),
        pack.node(Parcel(order_id="o1"), job_id="mine"),
        pack.node(Parcel(order_id="o1"), delay="1s"),
        replace(plain, name="pack too"),
    ]
    parent = Parent("p1", "bull:other", "fail")
    asked = [*((request, None) for request in others), (plain, parent), (plain, None)]
    for request, of in asked:
        for _ in range(2):
            additions.make(plain)
        for _ in range(3):
            added, alone = additions.make(request, of), make_additions().make(request, of)
            assert meaning_of(added, 0) == meaning_of(alone, 0)
            assert request.options.job_id in (None, added.id)


def test_options_that_are_the_same_are_packed_once(additions: Additions, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = list[JobRequest]()

    def counted(request: JobRequest) -> WireOptions:
        calls.append(request)
        return encode_request(request)

    monkeypatch.setattr(additions_module, "encode_request", counted)
    made = {options_of(additions.make(pack.node(Parcel(order_id=f"o{n}")))) for n in range(5)}

    assert (len(made), len(calls)) == (1, 1)


def test_each_job_has_its_own_trace_and_one_of_a_batch_shares_it(additions: Additions) -> None:
    request = pack.node(Parcel(order_id="o1"))
    one, other = (replace(request, trace=TraceContext(carrier)) for carrier in ("{1}", "{2}"))
    plain, first, again, second = (options_of(additions.make(each)) for each in (request, one, one, other))

    assert first == again
    assert [b"tm" in plain, b"{1}" in first, b"{2}" in second] == [False, True, True]
    assert options_of(additions.make(request)) == plain
