"""The commands that add jobs: what is computed once, and what per job."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from midday_worker.engine.additions import Additions
from midday_worker.request import JobRequest
from midday_worker.tracing import TraceContext
from tests.unit.sample import Parcel, pack

if TYPE_CHECKING:
    from bullmq.redis_connection import Script


@pytest.fixture
def additions() -> Additions:
    script = cast("Script", SimpleNamespace(sha="0" * 40))
    return Additions(defaultdict(lambda: "bull:warehouse:"), defaultdict(lambda: script))


def packed_options(additions: Additions, request: JobRequest) -> bytes:
    packed = additions.make(request).args[2]
    assert isinstance(packed, bytes)
    return packed


def test_options_that_are_the_same_are_packed_once(additions: Additions) -> None:
    first, second = pack.node(Parcel(order_id="o1")), pack.node(Parcel(order_id="o2"))

    assert packed_options(additions, first) is packed_options(additions, second)


def test_each_job_has_its_own_trace_and_one_of_a_batch_shares_it(additions: Additions) -> None:
    request = pack.node(Parcel(order_id="o1"))
    one, other = (replace(request, trace=TraceContext(carrier)) for carrier in ("{1}", "{2}"))
    plain, first, again, second = (packed_options(additions, each) for each in (request, one, one, other))

    assert first is again
    assert [b"tm" in plain, b"{1}" in first, b"{2}" in second] == [False, True, True]
    assert packed_options(additions, request) == plain
