"""`overlap`: which rows of a log are new, when its oldest may be gone."""

from __future__ import annotations

import pytest

from midday_worker.handles.job_log import overlap


@pytest.mark.parametrize(
    ("before", "now", "known"),
    [
        ("", "abc", 0),
        ("abc", "abc", 3),
        ("abc", "abcd", 3),
        ("abc", "cde", 1),
        ("abc", "def", 0),
        ("aab", "abab", 2),
        ("abc", "", 0),
    ],
)
def test_what_is_known_is_the_longest_end_of_what_was_seen(before: str, now: str, known: int) -> None:
    assert overlap(list(before), list(now)) == known
