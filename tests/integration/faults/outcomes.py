"""A pytest plugin that writes the outcome of each test of a fault to a file: ``-p ... --fault-outcomes FILE``."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fault-outcomes", type=Path, help="append a line of JSON for each test of a fault to this file")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    marker, target = item.get_closest_marker("fault"), item.config.getoption("--fault-outcomes")
    if marker is not None and target is not None and (report.when == "call" or not report.passed):
        outcome = {
            "fault": marker.args[0],
            "test": item.nodeid.rpartition("/")[2],
            # An error in a fixture shows nothing of the fault.
            "outcome": report.outcome if report.when == "call" else "error",
            "why": str(call.excinfo.value).splitlines()[:1] if call.excinfo is not None else [],
        }
        with target.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(outcome) + "\n")
    return report
