"""RQ; BENCH_WORKER is "fork", its default of a process for each job, or "simple"."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from redis import Redis
from rq import Queue, SimpleWorker, Worker

from scripts.benchmark.contenders.program import TEXT, Orders, produce_blocking, role

ORDERS = Orders.read()
NAME = "scripts.benchmark.contenders.peers.rq.item"


def item(n: int, text: str) -> None:
    started = time.monotonic_ns()
    if ORDERS.wait_s:
        time.sleep(ORDERS.wait_s)
    ORDERS.ledger(at_once=True).add(n, started)


def work() -> None:
    ORDERS.wait_for_go()
    redis = Redis.from_url(ORDERS.redis)
    kind = {"fork": Worker, "simple": SimpleWorker}[os.environ["BENCH_WORKER"]]
    kind([Queue(ORDERS.queue, connection=redis)], connection=redis).work(logging_level="WARNING")


def add_jobs() -> None:
    queue = Queue(ORDERS.queue, connection=Redis.from_url(ORDERS.redis))

    def add_all(numbers: Sequence[int]) -> None:
        queue.enqueue_many([Queue.prepare_data(NAME, args=(number, TEXT)) for number in numbers])

    produce_blocking(lambda number: queue.enqueue(NAME, number, TEXT), add_all)


if __name__ == "__main__":
    if role() == "work":
        work()
    else:
        add_jobs()
