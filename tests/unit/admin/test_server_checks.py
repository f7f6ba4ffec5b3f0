"""What the doctor says of a server and of a clock."""

from __future__ import annotations

import pytest

from midday_worker.admin.server_checks import judge_clock, judge_server, list_versions
from midday_worker.engine.redis.server import Server


@pytest.mark.parametrize(
    ("server", "grades"),
    [
        (Server("7.2.0"), {"redis": "ok", "eviction policy": "ok"}),
        (Server("5.0.3"), {"redis": "fail", "eviction policy": "ok"}),
        (Server("7.2.0", "allkeys-lru"), {"redis": "ok", "eviction policy": "fail"}),
        (Server("7.2.0", ""), {"redis": "ok", "eviction policy": "note"}),
        (Server("7.2.0", read_only=True), {"redis": "ok", "eviction policy": "ok", "role": "fail"}),
    ],
)
def test_a_server_is_judged(server: Server, grades: dict[str, str]) -> None:
    findings = judge_server(server)
    assert {finding.check: finding.grade for finding in findings} == grades
    assert all(finding.fix for finding in findings if finding.grade == "fail")


@pytest.mark.parametrize(
    ("skew_s", "grade", "words"),
    [
        (0.012, "ok", "12 ms apart"),
        (-0.9, "ok", "900 ms apart"),
        (2.0, "warn", "2.0 s ahead of Redis"),
        (-45.0, "fail", "45.0 s behind Redis"),
    ],
)
def test_a_clock_is_judged(skew_s: float, grade: str, words: str) -> None:
    finding = judge_clock(skew_s)
    assert finding.grade == grade
    assert words in finding.text


def test_the_versions_are_those_that_are_installed() -> None:
    assert "bullmq 3." in list_versions().text
