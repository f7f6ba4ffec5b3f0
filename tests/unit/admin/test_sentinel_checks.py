"""What the doctor says of sentinels and replicas."""

from __future__ import annotations

from dataclasses import replace

import pytest

from midday_worker.admin.sentinel_checks import judge_sentinels
from midday_worker.engine.redis.sentinels import SentinelGroup

WELL = SentinelGroup(
    "mymaster", "a:6379", {"b:6379": "", "c:6379": ""}, {"s1:26379": "", "s2:26379": "", "s3:26379": ""}, 2, []
)


ONE_AWAY = "with one away, no primary can be replaced"


def said(group: SentinelGroup) -> dict[str, str]:
    return {finding.text: finding.grade for finding in judge_sentinels(group)}


def test_a_group_that_is_well_is_named() -> None:
    assert said(WELL) == {
        "mymaster is a:6379; sentinels s1:26379, s2:26379, s3:26379; quorum 2": "ok",
        "b:6379, c:6379": "ok",
    }


@pytest.mark.parametrize(
    ("group", "text", "grade"),
    [
        (replace(WELL, lost=["x:1 does not answer"]), "x:1 does not answer", "warn"),
        (
            replace(WELL, sentinels={"s1": "", "s2": ""}),
            f"2 sentinels: {ONE_AWAY}",
            "warn",
        ),
        (
            replace(WELL, sentinels={"s1": ""}, quorum=1),
            f"1 sentinel: {ONE_AWAY}",
            "warn",
        ),
        (
            replace(WELL, sentinels={"s1": "", "s2": "s_down", "s3": "s_down"}),
            "1 of 3 sentinels are well: they can make no other server the primary",
            "fail",
        ),
        (replace(WELL, sentinels={"s1": "", "s2": "", "s3": "s_down"}), "not well: s3 (s_down)", "warn"),
        (
            replace(WELL, quorum=4),
            "3 of 3 sentinels are well: they can make no other server the primary",
            "fail",
        ),
        (replace(WELL, replicas={}), "none: if the primary fails, nothing takes its place", "warn"),
        (replace(WELL, replicas={"b": "s_down"}), "b (s_down)", "warn"),
    ],
)
def test_what_is_missing_is_said(group: SentinelGroup, text: str, grade: str) -> None:
    assert said(group)[text] == grade


def test_a_primary_that_is_away_is_no_primary() -> None:
    assert any(text.startswith("mymaster is nowhere just now") for text in said(replace(WELL, primary="")))
