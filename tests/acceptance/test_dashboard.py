"""`midday-worker dashboard` as a process: where it serves, and what it refuses to start with."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import socket
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

import pytest

from midday_worker.dashboard.assets_folder import FOLDER
from midday_worker.settings.http_address import HttpAddress
from midday_worker.workers.http.connections import MOST_CONNECTIONS
from tests.acceptance.command import Command, Running
from tests.deadline import eventually
from tests.quiet_proxy import nginx, quiet_proxy
from tests.silent_connections import ended, silent

ROOT = Path(__file__).parents[2]
FREE = ("--port", "0")
BROWSER = """
import pathlib, sys, time
from urllib.request import HTTPCookieProcessor, build_opener
seen, url = pathlib.Path(sys.argv[1]), sys.argv[2]
status = build_opener(HTTPCookieProcessor()).open(url, timeout=20).status
partial = seen.with_suffix(".partial")
partial.write_text(f"{url} {status}")
partial.rename(seen)
while seen.exists():
    time.sleep(0.05)
"""
OPEN = {"BOARD_LOGIN": "none"}
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


class Asker:
    """Asks as a browser does: it keeps cookies, and goes where it is sent."""

    def __init__(self) -> None:
        self.opener = build_opener(HTTPCookieProcessor())

    async def status(self, url: str, method: str = "GET", **headers: str) -> int:
        """Return the answer's status."""
        return await asyncio.to_thread(self._status, Request(url, method=method, headers=headers))  # noqa: S310 - as above

    def _status(self, request: Request) -> int:
        try:
            with self.opener.open(request, timeout=30) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code


async def check_that_only_the_token_opens(base: str, query: str) -> None:
    """Fail if anything is read or paused without the token, or if it is refused with it."""
    stranger, guest = Asker(), Asker()
    for path in ("", "runs", "api/queues", "static/runs/main.js", "?token=guessed"):
        assert await stranger.status(f"{base}{path}") == 401, path
    token = query.removeprefix("?token=")
    assert await stranger.status(f"{base}api/queues/mails/pause", "PUT", Authorization="Bearer guessed") == 401
    assert await guest.status(f"{base}{query}") == 200
    assert await guest.status(f"{base}api/queues") == 200
    assert await stranger.status(f"{base}api/queues/mails/pause", "PUT", Authorization=f"Bearer {token}") == 200
    assert await stranger.status(f"{base}api/queues") == 401


async def test_without_a_login_it_writes_an_address_that_alone_lets_in(command: Command) -> None:
    """Straight, and through a proxy that looks like this machine."""
    url = await address_of(await command.start("dashboard", *FREE))
    base, query = re.fullmatch(r"(http://127\.0\.0\.1:\d+/)(\?token=[\w-]{43})", url).groups()  # type: ignore[union-attr]
    await check_that_only_the_token_opens(base, query)
    async with quiet_proxy(HttpAddress.parse(base[7:-1])) as proxy:
        await check_that_only_the_token_opens(f"http://{proxy}/", query)


@pytest.mark.long
async def test_behind_nginx_as_it_is_installed_only_the_token_opens(command: Command, tmp_path: Path) -> None:
    """It needs nginx: `apt-get install nginx-light`."""
    url = await address_of(await command.start("dashboard", *FREE))
    base, _, query = url.partition("?")
    async with nginx(HttpAddress.parse(base[7:-1]), tmp_path) as proxy:
        await check_that_only_the_token_opens(f"http://{proxy}/", f"?{query}")


async def test_a_token_that_is_set_opens_it_and_is_not_written(command: Command) -> None:
    running = await command.start("dashboard", *FREE, "--prefix", "/jobs", BOARD_TOKEN="s3cret-token")
    url = await address_of(running)
    assert url.endswith("/jobs/")
    await check_that_only_the_token_opens(url, "?token=s3cret-token")
    running.signal(signal.SIGTERM)
    await running.end()
    assert "s3cret" not in "".join(running.lines)


@pytest.mark.parametrize(("option", "variables"), [(["--no-login"], {}), ([], OPEN)])
async def test_no_login_is_there_for_who_asks_for_it_with_a_warning(
    command: Command, option: list[str], variables: dict[str, str]
) -> None:
    running = await command.start("dashboard", *FREE, *option, **variables)
    url = await address_of(running)
    assert "token" not in url
    assert await Asker().status(f"{url}api/queues") == 200
    assert "whoever reaches it may act" in await running.until("the dashboard has no login")


async def test_connections_that_say_nothing_give_way_to_who_asks(command: Command) -> None:
    running = await command.start("dashboard", *FREE, **OPEN)
    url = await address_of(running)
    where = HttpAddress.parse(url.removeprefix("http://").rstrip("/"))
    async with silent(where, MOST_CONNECTIONS + 50) as readers:
        assert "<base href" in await read(url)
        await ended(readers, 50)


async def test_it_serves_the_page_and_its_files_below_a_prefix(command: Command) -> None:
    running = await command.start("dashboard", *FREE, "--prefix", "/admin/queues", **OPEN)
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
    url = await address_of(
        await command.start("dashboard", *FREE, "--queues", "reports,mails", WORKER_IMPORTS="", **OPEN)
    )
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
    assert "set BOARD_USERNAME and BOARD_PASSWORD first, or BOARD_TOKEN" in line
    line = (await command.run("dashboard", *FREE, "--host", "0.0.0.0", "--no-login")).refused()  # noqa: S104 - as above
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
