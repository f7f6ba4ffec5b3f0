"""mypy and basedpyright infer what the files here say, and refuse just what is marked in `rejected/`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeAlias, TypedDict

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
INFERRED = (HERE / "inferred.py", HERE / "declared.py")
REJECTED = HERE / "rejected"
"""Left out by the project's configuration; it has a pyrightconfig.json of its own."""
MISTAKEN = sorted(REJECTED.glob("*.py"))

Line: TypeAlias = tuple[str, int]
Checker: TypeAlias = Callable[[], set[Line]]


class _Position(TypedDict):
    line: int


class _Range(TypedDict):
    start: _Position


class _Diagnostic(TypedDict):
    file: str
    range: _Range
    severity: str


class _Report(TypedDict):
    generalDiagnostics: list[_Diagnostic]


def run(*command: str) -> str:
    """Run a checker; return what it wrote. An exit with 2 or more is a breakdown, not a finding."""
    executable = Path(sys.executable).parent / command[0]
    done = subprocess.run(
        [executable, *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


@cache
def mypy() -> set[Line]:
    """Return the lines in which mypy finds errors."""
    written = run("mypy", "--no-error-summary", "--no-pretty", *map(str, [*INFERRED, *MISTAKEN]))
    found = re.findall(r"^(?P<file>[^:\n]+):(?P<line>\d+): error:", written, re.MULTILINE)
    return {(Path(file).name, int(line)) for file, line in found}


@cache
def basedpyright() -> set[Line]:
    """Return the lines in which basedpyright finds errors; REJECTED's configuration names the same files."""
    report: _Report = json.loads(run("basedpyright", "--outputjson", "--project", str(REJECTED)))
    return {
        (Path(found["file"]).name, found["range"]["start"]["line"] + 1)
        for found in report["generalDiagnostics"]
        if found["severity"] == "error"
    }


def marked(path: Path) -> set[Line]:
    """Return the lines that end in an error's mark."""
    lines = enumerate(path.read_text("utf-8").splitlines(), 1)
    return {(path.name, number) for number, line in lines if "  # error: " in line}


CHECKERS = pytest.mark.parametrize("errors", [mypy, basedpyright])


@CHECKERS
@pytest.mark.parametrize("inferred", INFERRED, ids=lambda path: path.stem)
def test_the_inferred_types_are_those_that_are_asserted(errors: Checker, inferred: Path) -> None:
    assert "assert_type(" in inferred.read_text("utf-8")
    assert [line for line in errors() if line[0] == inferred.name] == []


@CHECKERS
def test_each_mistake_is_rejected_and_nothing_else(errors: Checker) -> None:
    expected = set[Line]().union(*map(marked, MISTAKEN))

    assert len(expected) > 30
    assert errors() == expected
