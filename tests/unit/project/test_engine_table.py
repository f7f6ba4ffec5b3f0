"""docs/engine.md: every fault of the port is listed, with tests, files and places in the port that exist."""

from __future__ import annotations

import pkgutil
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "midday_worker"
FAULTS = 24
"""How many faults have a number."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table; its names are what stands in backticks."""

    number: int | None
    port: tuple[str, ...]
    where: tuple[str, ...]
    tests: tuple[str, ...]


def read_rows() -> list[Row]:
    rows: list[Row] = []
    for line in (ROOT / "docs" / "engine.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 6 and (cells[0] == "-" or cells[0].isdigit()):
            port, where, tests = (tuple(re.findall(r"`([^`]+)`", cells[column])) for column in (2, 4, 5))
            rows.append(Row(int(cells[0]) if cells[0].isdigit() else None, port, where, tests))
    return rows


ROWS = read_rows()
LISTED = {row.number: row for row in ROWS if row.number is not None}


def marked() -> dict[int, set[str]]:
    """The modules with tests of each fault."""
    found: dict[int, set[str]] = {}
    for module in (ROOT / "tests" / "integration" / "faults").glob("test_*.py"):
        for number in re.findall(r"^@pytest\.mark\.fault\((\d+)\)$", module.read_text("utf-8"), re.MULTILINE):
            found.setdefault(int(number), set()).add(f"faults/{module.name}")
    return found


def test_every_fault_is_listed_once() -> None:
    assert [row.number for row in ROWS if row.number is not None] == list(range(1, FAULTS + 1))


def test_every_fault_has_a_test_that_fails_on_the_port() -> None:
    assert sorted(marked()) == list(range(1, FAULTS + 1))


@pytest.mark.parametrize("number", LISTED)
def test_a_faults_row_names_the_modules_of_its_tests(number: int) -> None:
    assert marked().get(number, set()) == {name for name in LISTED[number].tests if name.startswith("faults/")}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.number or row.tests))
def test_what_a_row_names_exists(row: Row) -> None:
    assert row.port
    assert row.where
    assert row.tests
    for name in row.tests:
        assert list((ROOT / "tests").rglob(name)), f"no test {name}"
    for name in row.where:
        assert (PACKAGE / "engine" / name).exists() or (PACKAGE / name).exists(), f"no file {name}"
    for name in row.port:
        assert pkgutil.resolve_name(name), "as upstream has moved it, look whether the fault is still there"
