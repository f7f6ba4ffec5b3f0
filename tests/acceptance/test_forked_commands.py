"""A command that the fork server runs does what one that starts by itself does: `Command` may use either."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.acceptance.command import TIME_S, Command

SHOW = """
import atexit, gc, os, sys, threading
atexit.register(print, "left")
from midday_worker import job
print(sys.argv[1:], os.getcwd(), sys.path[0], sorted(os.environ.items()), sys.stdin.read(), gc.isenabled())
print(sys.stdout.encoding, sys.stdout.line_buffering, sys.stderr.line_buffering, sys.stdin.isatty(), __name__)
print(sys.modules["__main__"].__spec__.name, threading.active_count(), file=sys.stderr)
"""
PROGRAMS = {
    "show": SHOW,
    "interrupted": "raise KeyboardInterrupt\n",
    "aborting": "import os, resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\nos.abort()\n",
}
JOB = """
from midday_worker import JobContext, job


@job("{name}")
async def handle(data: str, ctx: JobContext) -> None: ...
"""


@pytest.fixture
def forked(command: Command) -> Command:
    return command


@pytest.fixture
def itself(command: Command) -> Command:
    """The same, as a new Python each time."""
    return Command(command.folder, command.environment)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--version"], 0),
        (["--help"], 0),
        (["jobs", "--import", "show"], 0),
        (["jobs", "--import", "interrupted"], 130),
        (["jobs", "--import", "aborting"], -signal.SIGABRT),
        (["trigger", "send-mail", "--data", "@-"], 1),
        (["tirgger"], 2),
        (["queue"], 2),
    ],
)
async def test_it_says_the_same_and_ends_in_the_same_way(
    forked: Command, itself: Command, arguments: list[str], code: int
) -> None:
    for name, program in PROGRAMS.items():
        (forked.folder / f"{name}.py").write_text(program)
    one, other = await asyncio.gather(*(command.run(*arguments, stdin="[1]") for command in (forked, itself)))
    assert one == other
    assert one.code == code


async def test_nothing_of_a_command_is_left_for_the_next(forked: Command, tmp_path: Path) -> None:
    for job in ("first", "second"):
        folder = tmp_path / job
        folder.mkdir()
        (folder / "own.py").write_text(JOB.format(name=job))
        forked.folder = folder
        listed = await forked.run("jobs", "--import", "own")
        assert listed.code == 0, listed
        assert [name for name in ("first", "second") if name in listed.out] == [job]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_reaches_it(forked: Command, number: signal.Signals) -> None:
    running = await forked.start("run")
    await running.until("send-mail (attempts 4)")
    running.signal(number)
    assert await running.end() == 0


async def test_it_does_not_outlive_the_one_who_asked(forked: Command) -> None:
    (forked.folder / "told.py").write_text("import os\nprint(os.getpid(), flush=True)\n")
    running = await forked.start("run", "--import", "told,shop.jobs")
    assert running.process.stdout is not None
    command = os.pidfd_open(int(await running.process.stdout.readline()))
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(command, ended.set)
    running.process.kill()
    async with asyncio.timeout(TIME_S):
        await ended.wait()
    asyncio.get_running_loop().remove_reader(command)
    os.close(command)


async def test_where_its_imports_or_python_read_the_environment_otherwise_it_starts_by_itself(forked: Command) -> None:
    (forked.folder / "show.py").write_text("import os\nprint(os.getpid())\nfrom shop.jobs import *\n")
    for variables, alone in (({}, False), ({"LANG": "C"}, True), ({"TERMINAL_WIDTH": "60"}, True)):
        running = await forked.start("jobs", "--import", "show", **variables)
        assert running.process.stdout is not None
        pid = int(await running.process.stdout.readline())
        assert (pid == running.process.pid) is alone
        await running.end()
