"""Jobs whose handlers run in processes, which import this module; `EVENTS` is where they tell what they do."""

from __future__ import annotations

import decimal
import logging
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from contextvars import ContextVar
from datetime import date
from pathlib import Path
from typing import cast

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import format_span_id, format_trace_id

from midday_worker import JobRegistry, NonRetryableError, Payload, RetryAfter, SyncJobContext, job
from tests.integration.processes.process_helpers import deferred, double, in_process

registry = JobRegistry()


class Range(Payload):
    start: int
    stop: int


class Sum(Payload):
    total: int
    computed_on: date


class TooLargeError(Exception):
    """An exception whose class isn't made of its message."""

    def __init__(self, *, limit: int, found: int) -> None:
        self.limit = limit
        self.found = found
        super().__init__(f"{found} is more than {limit}")


class WithLockError(Exception):
    """An exception that can't be pickled."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lock = threading.Lock()


@job("sum", queue="sums", executor="process", registry=registry)
def add_up(data: Range, ctx: SyncJobContext) -> Sum:
    return Sum(total=sum(range(data.start, data.stop)), computed_on=date(2026, 1, 2))


TENANT: ContextVar[str] = ContextVar("tenant", default="nobody")
TENANT.set("imported")  # by each process, once


@job("settle", queue="sums", executor="process", registry=registry)
def settle(data: str, ctx: SyncJobContext) -> str:
    seen = f"{TENANT.get()} {decimal.getcontext().prec}"
    TENANT.set(data)
    decimal.getcontext().prec = 3
    return seen


@job("where", queue="sums", executor="process", max_tasks_per_child=2, registry=registry)
def where(data: str, ctx: SyncJobContext) -> int:
    return os.getpid()


@job("tell", queue="sums", executor="process", registry=registry)
def tell(data: str, ctx: SyncJobContext) -> list[object]:
    ctx.update_progress(50)
    ctx.update_progress({"rows": 7})
    ctx.log("a line of the job's log")
    ctx.logger.info("logged by {name}", name=data)
    logging.getLogger("some.library").warning("logged by a library")
    print("printed")  # noqa: T201 - goes where the worker's output goes
    return [ctx.job.id, ctx.job.name, ctx.job.queue, ctx.job.data, ctx.job.attempt, ctx.job.attempts]


@job("hold", queue="sums", executor="process", attempts=2, backoff=0, fail_on=WithLockError, registry=registry)
def hold(data: None, ctx: SyncJobContext) -> None:
    raise WithLockError("held")


@job("fail", queue="sums", executor="process", attempts=1, registry=registry)
def fail(data: str, ctx: SyncJobContext) -> int:
    match data:
        case "large":
            raise TooLargeError(limit=1, found=2)
        case "final":
            raise NonRetryableError("never again")
        case "later":
            raise RetryAfter("1h", "the bank is busy")
        case "local":

            class LocalError(Exception):
                pass

            raise LocalError("known to nobody else")
        case "exit":
            sys.exit(4)
        case "db":
            return ctx.db
        case "result":
            return {1, "two"}  # type: ignore[return-value]  # pyright: ignore[reportReturnType] - on purpose
        case _:
            return int(data)


@job("die", queue="sums", executor="process", attempts=1, registry=registry)
def die(data: str, ctx: SyncJobContext) -> None:
    match data:
        case "exit":
            os._exit(3)
        case "abort":
            os.abort()
        case _:
            os.kill(os.getpid(), signal.SIGKILL)


@job("spin", queue="sums", executor="process", attempts=1, registry=registry)
def spin(data: str, ctx: SyncJobContext) -> None:
    """Keep a processor busy for ever; with "child", have a process of its own too."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) if data == "child" else None
    ctx.log(f"{os.getpid()} {child.pid if child else os.getpid()}")
    while True:
        pass


@job("obey", queue="sums", executor="process", attempts=1, registry=registry)
def obey(data: str, ctx: SyncJobContext) -> None:
    """Stop when told to."""
    ctx.log(str(os.getpid()))
    while not ctx.cancelled:
        time.sleep(0.01)
    ctx.log("has seen it")


@job("compute", queue="sums", executor="process", registry=registry)
def compute(data: float, ctx: SyncJobContext) -> int:
    ctx.log("has started")
    end, rounds = time.monotonic() + data, 0
    while time.monotonic() < end:
        rounds += 1
    return rounds


@job("hog", queue="sums", executor="process", attempts=1, registry=registry)
def hog(data: int, ctx: SyncJobContext) -> None:
    """Take more memory than there is, which is `data` bytes more than now."""
    ctx.log(str(os.getpid()))
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + data, now + data))
    gathered: list[bytes] = []
    while True:
        gathered.append(bytes(1000))


@job("hand-on", queue="sums", executor="process", registry=registry)
def hand_on(data: Range, ctx: SyncJobContext) -> int:
    """Trigger another job, and wait for it."""
    return add_up.sync.trigger(data).result("60s").total


@job("gather", queue="sums", executor="process", registry=registry)
def gather(data: str, ctx: SyncJobContext) -> list[int]:
    return sorted(part.total for part in ctx.children_results(add_up))


@job("track", queue="sums", executor="process", registry=registry)
def track(data: list[str], ctx: SyncJobContext) -> str:
    return "".join(ctx.track(data))


@job("speak", queue="sums", executor="process", registry=registry)
def speak(data: str, ctx: SyncJobContext) -> None:
    """Log at three levels, each by loguru and by the standard library."""
    for level in (logging.DEBUG, logging.INFO, logging.WARNING):
        ctx.logger.log(logging.getLevelName(level), "by loguru")
        logging.getLogger("some.library").log(level, "by a library")
    logging.getLogger("some.library").warning("%d in %s", "malformed")


@job("trace", queue="sums", executor="process", registry=registry)
def make_span(data: str, ctx: SyncJobContext) -> list[str]:
    """Make a span; return the ids of its trace and of the span above it."""
    span = cast("ReadableSpan", TracerProvider(shutdown_on_exit=False).get_tracer("child").start_span("inner"))
    assert span.parent is not None
    return [format_trace_id(span.parent.trace_id), format_span_id(span.parent.span_id)]


@deferred("helped", registry)
def helped(data: int, ctx: SyncJobContext) -> int:
    return data + 1


doubled = in_process("doubled", registry, double)
helpers_own = job("helpers-own", int, double, executor="process", queue="sums", registry=registry)
