"""scripts/try-servers: a table of how tests end on servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers import __main__ as servers
from tests.unit.embedded.test_binary import make_binary


@pytest.mark.process
def test_a_failure_is_in_the_table_and_in_the_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "conftest.py").write_text(
        "def pytest_addoption(parser): parser.addoption('--no-skips', action='store_true')"
    )
    well = "import os\ndef test_well(): assert os.environ['REDIS_SERVER_BINARY'].endswith('mine')\n"
    (tmp_path / "test_it.py").write_text(f"{well}def test_ill(): assert False\n")
    monkeypatch.setattr(servers, "SUITES", {"this": str(tmp_path / "test_it.py")})
    monkeypatch.setattr(servers, "FOLDER", tmp_path)
    monkeypatch.setattr("sys.argv", ["try-servers", str(make_binary(tmp_path / "mine", "7.9.1"))])
    assert servers.main() == 1
    assert f"| {tmp_path}/mine | Redis 7.9.1 | 1 failed, 1 passed in " in capsys.readouterr().out
