"""`midday-worker dashboard` as a process: where it serves, and what it refuses to start with."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import socket
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from midday_worker.dashboard.assets_folder import FOLDER
from midday_worker.http_address import HttpAddress
from midday_worker.workers.http.connections import MOST_CONNECTIONS
from tests.acceptance.command import Command, Running
from tests.deadline import eventually
from tests.silent_connections import ended, silent

ROOT = Path(__file__).parents[2]
FREE = ("--port", "0")
BROWSER = """
import pathlib, sys, time, urllib.request
seen, url = pathlib.Path(sys.argv[1]), sys.argv[2]
status = urllib.request.urlopen(url, timeout=20).status
partial = seen.with_suffix(".partial")
partial.write_text(f"{url} {status}")
partial.rename(seen)
while seen.exists():
    time.sleep(0.05)
"""
pytestmark = pytest.mark.usefixtures("dashboard_assets")


async def address_of(running: Running) -> str:
    """Return where it says that it serves."""
    assert running.process.stdout is not None
    async with asyncio.timeout(30):
        line = (await running.process.stdout.readline()).decode()
    found = re.search(r"http://\S+", line)
    assert found is not None, line
    return found[0]


async def read(url: str) -> str:
    def get() -> str:
        with urlopen(url, timeout=30) as answer:  # noqa: S310 - our own server's address
            return str(answer.read().decode())

    return await asyncio.to_thread(get)


async def test_connections_that_say_nothing_give_way_to_who_asks(command: Command) -> None:
    running = await command.start("dashboard", *FREE)
    url = await address_of(running)
    where = HttpAddress.parse(url.removeprefix("http://").rstrip("/"))
    async with silent(where, MOST_CONNECTIONS + 50) as readers:
        assert "<base href" in await read(url)
        await ended(readers, 50)


async def test_it_serves_the_page_and_its_files_below_a_prefix(command: Command) -> None:
    running = await command.start("dashboard", *FREE, "--prefix", "/admin/queues")
    url = await address_of(running)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/admin/queues/", url)
    page = await read(url)
    assert '<base href="/admin/queues/" />' in page
    assert "https://" not in page
    for path in re.findall(r'(?:src|href)="(static/[^"]+)"', page):
        assert await read(f"{url}{path}") if not path.endswith(".png") else True
    assert '"name":"mails"' in await read(f"{url}api/queues")
    running.signal(signal.SIGTERM)
    assert await running.end() in (0, -signal.SIGTERM)


async def test_only_the_named_queues_are_shown(command: Command) -> None:
    url = await address_of(await command.start("dashboard", *FREE, "--queues", "reports,mails", WORKER_IMPORTS=""))
    names = re.findall(r'"name":"(\w+)"', await read(f"{url}api/queues"))
    assert names == ["reports", "mails"]


async def test_a_browser_is_opened_that_may_last_as_long_as_it_likes(command: Command, tmp_path: Path) -> None:
    """It reads the page and stays open, as one in a terminal does: the dashboard doesn't wait for it."""
    seen, browser = tmp_path / "seen", tmp_path / "browser.py"
    browser.write_text(BROWSER)
    running = await command.start("dashboard", *FREE, "--open", BROWSER=f"{sys.executable} {browser} {seen} %s")
    url = await address_of(running)

    async def has_seen() -> bool:
        return seen.exists()

    await eventually(has_seen, "the browser has read the page", 30)
    assert seen.read_text() == f"{url} 200"
    seen.unlink()  # which closes it
    running.signal(signal.SIGTERM)
    assert await running.end() in (0, -signal.SIGTERM)


async def test_other_machines_need_a_login(command: Command) -> None:
    line = (await command.run("dashboard", *FREE, "--host", "0.0.0.0")).refused()  # noqa: S104 - that it is refused
    assert "set BOARD_USERNAME and BOARD_PASSWORD first" in line


async def test_half_a_login_is_refused(command: Command) -> None:
    line = (await command.run("dashboard", *FREE, BOARD_USERNAME="ada")).refused()
    assert line == "BOARD_USERNAME and BOARD_PASSWORD go together; only one of them is set."


async def test_a_port_in_use_is_one_clear_line(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = (await command.run("dashboard", "--port", port)).refused()
    expected = f"The dashboard can't listen on 127.0.0.1:{port} (from --host and --port): Address already in use"
    assert line.startswith(expected)


async def test_without_queues_it_says_how_to_name_them(command: Command) -> None:
    line = (await command.run("dashboard", *FREE, WORKER_IMPORTS="")).refused()
    assert line.startswith("There is no queue to show.")


async def test_without_the_page_s_files_it_says_how_to_get_them(command: Command, project: Path) -> None:
    """A copy of the package, without them."""
    package = project / "midday_worker"
    shutil.copytree(FOLDER.parents[1], package, ignore=shutil.ignore_patterns("assets", "__pycache__"))
    line = (await command.run("dashboard", *FREE, PYTHONPATH=str(project))).refused()
    assert line.startswith("The dashboard's page files are missing:")
    assert "bash scripts/fetch-dashboard" in line


async def test_without_the_extra_it_says_what_to_install(command: Command, project: Path) -> None:
    (project / "starlette.py").write_text("raise ImportError(\"No module named 'starlette'\")\n")
    line = (await command.run("dashboard", *FREE, PYTHONPATH=str(project))).refused()
    assert line.endswith("pip install 'midday-worker[dashboard]'")


@pytest.mark.parametrize("prefix", ["/a b", "../x", "/a//b", "/<b>"])
async def test_a_prefix_that_is_no_path_is_one_clear_line(command: Command, prefix: str) -> None:
    ended = await command.run("dashboard", *FREE, "--prefix", prefix)
    assert f"--prefix is {prefix!r}; accepted: a path" in ended.refused()
