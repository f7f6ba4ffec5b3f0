"""The bars' arithmetic."""

from __future__ import annotations

import pytest

from tests.bars.bar import Bar, percentile, table


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (99, 99), (100, 100), (0, 1)])
def test_a_percentile_is_one_of_the_values(percent: float, expected: float) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], percent) == expected


def test_the_table_says_which_bars_were_missed() -> None:
    bars = [Bar("one", "1", "1", held=True), Bar("two", "1", "2", held=False)]
    assert table(bars).splitlines()[2:] == ["| one | 1 | 1 | yes |", "| two | 1 | 2 | no |"]
