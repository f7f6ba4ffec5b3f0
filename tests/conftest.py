"""What every test shares: our own pytest plugin, Node, and nothing that is left out silently."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import Protocol, cast

import hypothesis
import pytest
from loguru import logger

from midday_worker import JobClient, Settings
from midday_worker.demo.node import BULLMQ_PACKAGES, NodeRuntime
from midday_worker.queues import default_queues
from midday_worker.testing import RedisServer
from tests.browser.chromium import NONE_FOUND, find_chromium

ROOT = Path(__file__).parent.parent
pytest_plugins = ["midday_worker.testing.plugin"]

# How long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")

BULL_BOARD = "9.10.2"
TYPESCRIPT = {"typescript": "7.0.2", "zod": "4.6.7"}
IN_THE_BROWSER = ROOT / "tests" / "browser"
NEEDS_SERVERS = (ROOT / "tests" / "integration", ROOT / "tests" / "acceptance", IN_THE_BROWSER)
UNIT = ROOT / "tests" / "unit"
MEASURED_PROCESSES = (
    ROOT / "tests" / "integration" / "processes" / "test_children.py",
    ROOT / "tests" / "acceptance" / "test_dev.py",
    ROOT / "tests" / "acceptance" / "test_processes.py",
)
"""Tests of what runs in processes alone: of those that they start, coverage is measured."""
COVERAGE = "COVERAGE_PROCESS_CONFIG"
"""The variable by which coverage is measured in a process that is started."""
NO_BROWSER = pytest.StashKey[bool]()
LEFT_OUT = pytest.StashKey[int]()
FEWEST_PROCESSES = 4


class TestingProcess(Protocol):
    """One of pytest-xdist's, as the process that reports sees it."""

    config: pytest.Config


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips", action="store_true", help="fail the run if a test that needs a real server is skipped"
    )
    parser.addoption("--screenshots", type=Path, help="where the pictures of the dashboard go: docs/images/dashboard")
    parser.addoption("--soak-seed", type=int, help="the seed of the soak's disturbances, to see a run of it again")
    parser.addoption("--random-order", metavar="SEED", help="run the files, and the tests of each, in a random order")
    parser.addoption("--cluster", action="store_true", help="run the conformance with Node on a cluster")
    parser.addoption(
        "--raw-engine",
        action="store_true",
        help="run the tests of the port's faults on the port: each must fail",
    )


def pytest_configure(config: pytest.Config) -> None:
    # Shells start what runs in the background with Ctrl-C ignored, which the programs that tests start would inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        config.stash[NO_BROWSER] = find_chromium() is None
    except LookupError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say how this order is had again."""
    seed: str | None = config.getoption("--random-order")
    return None if seed is None else f"order: --random-order {seed}"


def shuffle(items: list[pytest.Item], seed: str) -> None:
    """Mix the files, and the tests of each, which stay together for what they share."""
    draw = random.Random(seed)  # noqa: S311 - no secret: each process has to draw the same
    places = {path: draw.random() for path in dict.fromkeys(item.path for item in items)}
    items.sort(key=lambda item: (places[item.path], draw.random()))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    seed: str | None = config.getoption("--random-order")
    if seed is not None:
        shuffle(items, seed)
    # What takes longest begins first, so that side by side no process has much left when the others are done.
    items.sort(key=lambda item: item.path.is_relative_to(UNIT))
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in NEEDS_SERVERS):
            item.add_marker(pytest.mark.integration)
    if config.stash[NO_BROWSER]:
        left_out = [item for item in items if item.path.is_relative_to(IN_THE_BROWSER)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
        config.stash[LEFT_OUT] = len(left_out)


@pytest.fixture(scope="session", autouse=True)
def _no_process_is_left() -> Iterator[None]:
    """Fail if a process outlives the tests that started it: it would disturb those that share its server."""
    yield
    listed = " ".join(tasks.read_text() for tasks in Path("/proc/self/task").glob("*/children"))
    commands = [Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ") for child in listed.split()]
    assert [command for command in commands if command and "multiprocessing" not in command] == []


@pytest.fixture(autouse=True)
def _default_queues_stay() -> Iterator[None]:
    """Fail if a test leaves a queue with a prefix in the registry of all: other tests' commands would look there."""
    before = {each.name for each in default_queues if each.prefix}
    yield
    assert {each.name for each in default_queues if each.prefix} == before, "give the queue a registry of its own"


@pytest.fixture(autouse=True)
def _measured_processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not any(request.path.is_relative_to(measured) for measured in MEASURED_PROCESSES):
        monkeypatch.delenv(COVERAGE, raising=False)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return what `-n auto` means: on a small machine more than its processors, as the tests mostly wait."""
    return max(FEWEST_PROCESSES, os.cpu_count() or 1)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that reports what this one has left out; each has left out the same."""
    output = cast("dict[str, object] | None", getattr(session.config, "workeroutput", None))
    if output is not None:
        output["left_out"] = session.config.stash.get(LEFT_OUT, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: TestingProcess) -> None:
    """Hear it."""
    output = cast("dict[str, object]", getattr(node, "workeroutput", {}))  # a crashed one has none
    if count := cast("int", output.get("left_out", 0)):
        node.config.stash[LEFT_OUT] = count


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and item.config.getoption("--no-skips") and item.get_closest_marker("integration"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} needs a real server and was skipped: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> Generator[None]:
    """Name what was left out after all else that is said; only the closing line follows."""
    yield
    if count := config.stash.get(LEFT_OUT, 0):
        terminalreporter.write_line(f"left out: {count} tests of tests/browser. {NONE_FOUND}", yellow=True)


@pytest.fixture(scope="session")
def node() -> NodeRuntime:
    """Node with its own BullMQ, installed once under .midday/."""
    runtime = NodeRuntime(ROOT / ".midday" / "node")
    runtime.install()
    return runtime


@pytest.fixture(scope="session")
def bull_board() -> NodeRuntime:
    """Node with BullMQ and bull-board, installed once under .midday/."""
    packages = {**BULLMQ_PACKAGES, "@bull-board/api": BULL_BOARD, "@bull-board/ui": BULL_BOARD}
    runtime = NodeRuntime(ROOT / ".midday" / "bull-board", packages)
    runtime.install()
    return runtime


@pytest.fixture(scope="session")
def typescript() -> NodeRuntime:
    """Node with BullMQ, zod and TypeScript, installed once under .midday/."""
    runtime = NodeRuntime(ROOT / ".midday" / "typescript", {**BULLMQ_PACKAGES, **TYPESCRIPT})
    runtime.install()
    return runtime


@pytest.fixture
def settings(redis_server: RedisServer, redis_prefix: str) -> Settings:
    return Settings(env_file=None, redis_url=redis_server.url, redis_prefix=redis_prefix)


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[JobClient]:
    async with JobClient(settings) as client:
        yield client


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is logged, as `LEVEL message`."""
    found: list[str] = []
    sink = logger.add(lambda line: found.append(line.rstrip("\n")), format="{level} {message}", level="INFO")
    yield found
    logger.remove(sink)


@pytest.fixture
def mortal_redis() -> Iterator[RedisServer]:
    """A Redis of this test's own, to be killed, paused and started again; what was written stays."""
    with RedisServer(appendonly=True) as server:
        yield server
