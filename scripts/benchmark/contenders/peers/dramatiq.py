"""dramatiq, threads, with its defaults."""

from __future__ import annotations

import signal
import threading
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.worker import Worker

from scripts.benchmark.contenders.program import TEXT, Orders, produce_blocking, role

ORDERS = Orders.read()
LEDGER = ORDERS.ledger()
BROKER = RedisBroker(url=ORDERS.redis)
dramatiq.set_broker(BROKER)


@dramatiq.actor(queue_name=ORDERS.queue)
def item(n: int, text: str) -> None:
    started = time.monotonic_ns()
    if ORDERS.wait_s:
        time.sleep(ORDERS.wait_s)
    LEDGER.add(n, started)


def work() -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    ORDERS.wait_for_go()
    worker = Worker(BROKER, worker_threads=ORDERS.concurrency)
    worker.start()
    stop.wait()
    worker.stop(timeout=2_000)


if __name__ == "__main__":
    if role() == "work":
        work()
    else:
        produce_blocking(lambda number: item.send(number, TEXT))
