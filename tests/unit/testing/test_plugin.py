"""The pytest plugin: fixtures for those who ask, nothing for those who don't."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process


def run_pytest(tests: str, folder: Path, *arguments: str) -> str:
    """Run pytest in a project of somebody else's, and return what it printed."""
    (folder / "test_theirs.py").write_text(tests)
    options = ["-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", "."]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, *arguments, "test_theirs.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_pytest_starts_without_the_engine_the_database_and_the_log(tmp_path: Path) -> None:
    printed = run_pytest(
        "import sys\n"
        "def test_nothing_is_imported():\n"
        "    assert not {'bullmq', 'redis', 'sqlalchemy', 'loguru', 'pydantic'} & sys.modules.keys()\n"
        "    assert 'midday_worker.testing.servers' not in sys.modules\n",
        tmp_path,
    )
    assert "1 passed" in printed, printed


def test_the_fixtures_explain_themselves(tmp_path: Path) -> None:
    printed = run_pytest("", tmp_path, "--fixtures")
    for name in ("redis_server [session scope]", "postgres_server [session scope]", "redis_prefix", "postgres_url"):
        assert name in printed


def test_a_fixture_of_the_users_own_goes_before_ours(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "import pytest\n@pytest.fixture(scope='session')\ndef redis_server():\n    return 'theirs'\n"
    )
    printed = run_pytest("def test_it(redis_server):\n    assert redis_server == 'theirs'\n", tmp_path)
    assert "1 passed" in printed, printed


def test_servers_are_started_once_and_are_gone_at_the_end(tmp_path: Path) -> None:
    printed = run_pytest(
        "def test_one(redis_server, redis_prefix):\n"
        "    print('seen', redis_server.process.pid, redis_prefix)\n"
        "def test_two(redis_server, redis_prefix):\n"
        "    print('seen', redis_server.process.pid, redis_prefix)\n",
        tmp_path,
        "-s",
    )
    seen = [line.rpartition("seen ")[2].split() for line in printed.splitlines() if "seen" in line]
    [(first, prefix), (second, other)] = seen
    assert first == second
    assert prefix != other
    assert not Path(f"/proc/{first}").exists()


def test_each_test_has_a_prefix_of_its_own(redis_prefix: str, request: pytest.FixtureRequest) -> None:
    assert redis_prefix.startswith("test-")
    assert request.getfixturevalue("redis_prefix") == redis_prefix
