"""What `scripts/show-faults` makes of the outcomes, and of pytest's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.faults.show import Outcome, Run, run, show

A_FOLDER = """
import pytest

@pytest.mark.fault(7)
def test_of_a_fault(): pass

def test_of_none(): assert False, "not in the table"
"""


def ended(outcome: str, exit_code: int, *tests: str) -> Run:
    return Run([Outcome(1, test, outcome, "") for test in tests], exit_code, "what pytest said")


def test_tests_that_fail_on_the_port_and_pass_here_are_as_they_have_to_be() -> None:
    assert show({"raw": ended("failed", 1, "a", "b"), "ours": ended("passed", 0, "a", "b")}) == 0


@pytest.mark.parametrize("outcome", ["passed", "skipped", "error"])
def test_a_test_that_does_not_fail_on_the_port_is_wrong(outcome: str) -> None:
    raw = Run([Outcome(1, "a", "failed", ""), Outcome(1, "b", outcome, "")], 1, "")
    assert show({"raw": raw, "ours": ended("passed", 0, "a", "b")}) == 1


@pytest.mark.parametrize("outcome", ["failed", "skipped", "error"])
def test_a_test_that_does_not_pass_here_is_wrong(outcome: str) -> None:
    assert show({"raw": ended("failed", 1, "a"), "ours": ended(outcome, 0, "a")}) == 1


@pytest.mark.parametrize("lacks", ["raw", "ours"])
def test_a_test_that_did_not_run_on_both_is_wrong(lacks: str) -> None:
    runs = {"raw": ended("failed", 1, "a", "b"), "ours": ended("passed", 0, "a", "b")}
    del runs[lacks].outcomes[1]
    assert show(runs) == 1


def test_no_test_at_all_is_wrong() -> None:
    assert show({"raw": ended("failed", 1), "ours": ended("passed", 0)}) == 1


@pytest.mark.parametrize(("raw", "ours"), [(1, 1), (0, 0), (2, 0), (1, 3)])
def test_what_pytest_exits_with_counts_whatever_the_table_says(
    raw: int, ours: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show({"raw": ended("failed", raw, "a"), "ours": ended("passed", ours, "a")}) == 1
    said = capsys.readouterr().out
    assert "instead of" in said
    assert "what pytest said" in said


@pytest.mark.process
def test_a_run_tells_of_a_failure_beside_the_tests_of_faults(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(A_FOLDER)
    found = run("ours", tmp_path / "outcomes", tmp_path)
    assert [(each.fault, each.outcome) for each in found.outcomes] == [(7, "passed")]
    assert found.exit_code == 1
    assert "not in the table" in found.output
