"""``midday-worker jobs``, and how jobs are loaded for every command."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from midday_worker import default_registry
from midday_worker.cli.commands.jobs import list_jobs
from midday_worker.cli.loading import load_jobs, settings_with
from midday_worker.errors import ImportFailedError

SOURCE = """
from midday_worker import JobContext, job

@job("send-invoice", queue="mail", attempts=7, timeout="1m")
async def send_invoice(data: int, ctx: JobContext) -> None: ...
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with a module of one job in it that nobody has imported."""
    (tmp_path / "invoices_of_test.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WORKER_IMPORTS", raising=False)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.delitem(sys.modules, "invoices_of_test", raising=False)
    monkeypatch.setitem(vars(default_registry), "_jobs", {})
    return tmp_path


def test_jobs_are_written_as_json(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    list_jobs(["invoices_of_test"], as_json=True)

    assert json.loads(capsys.readouterr().out) == [
        {
            "job": "send-invoice",
            "queue": "mail",
            "attempts": 7,
            "timeout_ms": 60_000,
            "run_elsewhere": False,
            "defined_at": f"{project}/invoices_of_test.py:4",
        }
    ]


def test_jobs_are_written_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    list_jobs(["invoices_of_test"], as_json=False)

    table = capsys.readouterr().out
    assert "send-invoice" in table
    assert " invoices_of_test.py:4" in table  # from the current directory: a whole path would be folded


def test_into_a_pipe_each_job_is_one_whole_line(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    name = f"send-{'invoice-' * 30}to-nobody"
    (project / "invoices_of_test.py").write_text(SOURCE.replace("send-invoice", name))
    list_jobs(["invoices_of_test"], as_json=False)
    (row,) = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("send")]
    assert row == [name, "mail", "7", "1m", "invoices_of_test.py:4"]


def test_a_job_without_a_handler_is_listed_as_run_elsewhere(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    (project / "invoices_of_test.py").write_text(SOURCE + '\njob("send-sms", str, queue="sms")\n')

    list_jobs(["invoices_of_test"], as_json=True)
    rows = {row["job"]: row["run_elsewhere"] for row in json.loads(capsys.readouterr().out)}
    list_jobs(["invoices_of_test"], as_json=False)
    table = capsys.readouterr().out

    assert rows == {"send-invoice": False, "send-sms": True}
    assert "sms (run elsewhere)" in table
    assert "mail (run elsewhere)" not in table


def test_a_name_with_brackets_is_no_markup(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    (project / "invoices_of_test.py").write_text(SOURCE.replace("send-invoice", "send[red]"))

    list_jobs(["invoices_of_test"], as_json=False)

    assert "send[red]" in capsys.readouterr().out


def test_without_jobs_it_says_how_to_name_them(capsys: pytest.CaptureFixture[str]) -> None:
    list_jobs([], as_json=False)

    assert capsys.readouterr().out.startswith("No jobs. Name the package that defines them: --import")


def test_what_the_environment_names_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_IMPORTS", "invoices_of_test")

    assert "send-invoice" in load_jobs([], settings_with())


def test_what_the_command_line_names_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_IMPORTS", "no_such_package")

    assert "send-invoice" in load_jobs(["invoices_of_test"], settings_with())
    with pytest.raises(ImportFailedError, match="no_such_package"):
        load_jobs([], settings_with())


def test_an_option_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_CONCURRENCY", "3")

    assert settings_with(concurrency=9).concurrency == 9
    assert settings_with(concurrency=None).concurrency == 3
