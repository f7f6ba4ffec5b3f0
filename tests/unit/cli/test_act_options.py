"""When a command goes ahead, and when it asks, counts or refuses."""

from __future__ import annotations

import io
import sys

import pytest
import typer

from midday_worker.cli.act_options import ActOptions
from midday_worker.errors import MiddayWorkerError

DEED = "remove 3 jobs"


class Keyboard(io.StringIO):
    """Standard input with a person at it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))


def test_a_dry_run_and_a_count_of_none_change_nothing(nobody: None) -> None:
    assert ActOptions(dry_run=True, yes=True).agreed(DEED, 3) is False
    assert ActOptions(yes=True).agreed(DEED, 0) is False
    assert ActOptions().agreed(DEED, 0) is False


def test_with_yes_nobody_is_asked(nobody: None) -> None:
    assert ActOptions(yes=True).agreed(DEED, 3) is True


def test_where_nobody_can_be_asked_it_is_refused(nobody: None) -> None:
    with pytest.raises(MiddayWorkerError, match=r"This would remove 3 jobs. Add --yes"):
        ActOptions().agreed(DEED, 3)


def test_a_program_that_reads_json_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Keyboard("y\n"))
    with pytest.raises(MiddayWorkerError, match="Add --yes"):
        ActOptions(as_json=True).agreed(DEED, 3)


def test_a_person_is_asked_and_may_refuse(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", Keyboard("y\nn\n"))
    assert ActOptions().agreed(DEED, 3) is True
    with pytest.raises(typer.Exit):
        ActOptions().agreed(DEED, 3)
    written = capsys.readouterr()
    assert "Remove 3 jobs? [y/N]" in written.err
    assert written.err.endswith("Nothing was changed.\n")
    assert written.out.strip() == ""
