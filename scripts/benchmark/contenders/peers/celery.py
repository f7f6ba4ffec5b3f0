"""Celery with its threads pool, results kept in Redis as other contenders keep theirs."""

from __future__ import annotations

import time

from celery import Celery

from scripts.benchmark.contenders.program import TEXT, Orders, produce_blocking, role

ORDERS = Orders.read()
LEDGER = ORDERS.ledger()
APP = Celery("bench", broker=ORDERS.redis, backend=ORDERS.redis)
APP.conf.task_default_queue = ORDERS.queue


@APP.task(name="item")
def item(n: int, text: str) -> None:
    started = time.monotonic_ns()
    if ORDERS.wait_s:
        time.sleep(ORDERS.wait_s)
    LEDGER.add(n, started)


def work() -> None:
    ORDERS.wait_for_go()
    APP.worker_main(
        [
            "worker",
            "--pool=threads",
            f"--concurrency={ORDERS.concurrency}",
            "--loglevel=WARNING",
            "--without-gossip",
            "--without-mingle",
        ]
    )


if __name__ == "__main__":
    if role() == "work":
        work()
    else:
        produce_blocking(lambda number: item.delay(number, TEXT))
