"""The demo from beginning to end."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from midday_worker.definition.registry import default_registry
from midday_worker.demo.expectation import expect
from midday_worker.demo.feed import feed
from midday_worker.demo.input_lines import INPUT, read_lines
from midday_worker.demo.node import NodeRuntime
from midday_worker.demo.outcome import differences, read_outcome
from midday_worker.demo.progress import Watch, queue_totals
from midday_worker.demo.report import print_report
from midday_worker.demo.stage import DIRECTORY, Stage, open_stage
from midday_worker.embedded import make_private

NODE_DIRECTORY: Final = Path(".midday/node")
TIMEOUT_S: Final = 90
"""Of the jobs, once everything is started. It takes some fifteen seconds."""


async def show(console: Console, *, keep: bool, here: Path, source: Path = INPUT) -> bool:
    """Run the demo. Returns whether everything ended as it should.

    Args:
        console: where to show it.
        keep: whether Redis and the worker are left running, until SIGINT or SIGTERM.
        here: an absolute path; what is written goes below it.
        source: the input.

    Raises:
        MiddayWorkerError: a part could not be started, or ended too early.
    """
    directory = here / DIRECTORY
    make_private(directory.parent)
    node = NodeRuntime(here / NODE_DIRECTORY)
    console.print(f"Node's own bullmq, from npm, in {NODE_DIRECTORY}: installed at the first run ...")
    await asyncio.to_thread(node.install)
    console.print("Starting an embedded Redis, a database in SQLite, and a worker ...")
    async with open_stage(directory) as stage:
        console.print(f"  Redis at {stage.redis_url}, the worker's log in {_short(stage.log)}", soft_wrap=True)
        well = await _play(stage, node, console, source)
        if keep:
            await _stay(stage, console)
    return well


async def _play(stage: Stage, node: NodeRuntime, console: Console, source: Path) -> bool:
    lines = read_lines(source)
    expected = expect(lines)
    nodes = sum(line.by_node for line in lines)
    console.print(f"Feeding {len(lines)} sign-ups and orders: {len(lines) - nodes} from Python, {nodes} from Node ...")
    totals = queue_totals(expected.jobs, {definition.id: definition.queue for definition in default_registry})
    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        feeding = group.create_task(feed(lines, stage.client, node, stage.redis_url, source))
        group.create_task(Watch(console, totals).until_idle(stage, feeding.done, TIMEOUT_S))
    fed, took_s = feeding.result(), time.monotonic() - started
    outcome = await read_outcome(stage, totals)
    print_report(console, expected, outcome, fed, took_s)
    console.print(f"E-mails are in {_short(stage.mail)}.")
    wrong = differences(expected, outcome, fed)
    for difference in wrong:
        console.print(Text.assemble(("Not as expected: ", "bold red"), difference))
    if not wrong:
        console.print("Everything ended as it should.", style="bold green")
    return not wrong


async def _stay(stage: Stage, console: Console) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    console.print(f"Left running. REDIS_URL={stage.redis_url}  Ctrl-C stops it.", soft_wrap=True)
    await stop.wait()


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
