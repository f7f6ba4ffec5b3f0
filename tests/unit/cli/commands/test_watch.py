"""What a stored progress says in percent."""

from __future__ import annotations

import pytest

from midday_worker.cli.commands.watch import percentage


@pytest.mark.parametrize(
    ("progress", "percent"),
    [
        (50, 50),
        (12.5, 12.5),
        ({"done": 1, "total": 4}, 25),
        ({"done": 1}, None),
        ({"done": 1, "total": 0}, None),
        ({"done": True, "total": 4}, None),
        (True, None),
        ("half", None),
        (None, None),
        ([50], None),
    ],
)
def test_a_number_and_a_count_are_percentages(progress: object, percent: float | None) -> None:
    assert percentage(progress) == percent
