"""The check for known vulnerabilities: that nothing was found counts only where it was looked for."""

from __future__ import annotations

import json

import pytest

from scripts.audit_report import verdict

CLEAN: dict[str, object] = {"name": "starlette", "version": "1.0.0", "vulns": []}
SKIPPED: dict[str, object] = {"name": "redis", "skip_reason": "not found on PyPI"}
OWN: dict[str, object] = {"name": "midday-worker", "skip_reason": "not found on PyPI"}
KNOWN: dict[str, object] = {
    "name": "jinja2",
    "version": "3.0.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1.6"]}, {"id": "PYSEC-2", "fix_versions": []}],
}


@pytest.mark.parametrize(
    ("packages", "code", "words"),
    [
        ([CLEAN, OWN], 0, "no known vulnerability in 1 packages"),
        ([CLEAN, KNOWN], 1, "jinja2 3.0.0: PYSEC-1, mended in 3.1.6"),
        ([KNOWN, SKIPPED], 1, "could not run for 1 of 2 packages"),
        ([CLEAN, SKIPPED], 2, "could not run for 1 of 2 packages, the first: not found on PyPI"),
        ([OWN], 2, "could not run"),
    ],
)
def test_the_report_of_packages(packages: list[dict[str, object]], code: int, words: str) -> None:
    assert verdict(json.dumps({"dependencies": packages, "fixes": []}))[0] == code
    assert words in "\n".join(verdict(json.dumps({"dependencies": packages}))[1])


@pytest.mark.parametrize("report", ["", "{", "[]", "{}", '{"dependencies": 5}'])
def test_no_report_is_no_clean_one(report: str) -> None:
    code, (line,) = verdict(report)
    assert (code, line) == (2, "could not run: pip-audit gave no report; it says why above")
