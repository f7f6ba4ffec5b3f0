"""What ran, and whether it counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.benchmark.ledger import Entry, NotExactlyOnceError, check_exactly_once, rate, read_ledgers

SECOND = 1_000_000_000


def entries(*numbers: int) -> list[Entry]:
    return [Entry(number, 0, 1) for number in numbers]


def test_each_job_once_counts() -> None:
    check_exactly_once(entries(2, 0, 1), range(3))


@pytest.mark.parametrize(
    ("ran", "what"),
    [
        ((0, 1), r"of 3 jobs 1 were lost \(2\)"),
        ((0, 1, 1, 2), r"1 ran more than once \(1\)"),
        ((0, 1, 2, 7), r"1 were never added \(7\)"),
        ((5, 5), r"1 ran more than once \(5\); 1 were never added \(5\); 3 were lost \(0, 1, 2\)"),
        ((), r"3 were lost \(0, 1, 2\)"),
    ],
)
def test_anything_else_does_not(ran: tuple[int, ...], what: str) -> None:
    with pytest.raises(NotExactlyOnceError, match=what):
        check_exactly_once(entries(*ran), range(3))


def test_jobs_may_be_left_where_that_was_intended() -> None:
    check_exactly_once(entries(1), range(3), all_of_them=False)
    with pytest.raises(NotExactlyOnceError, match="1 ran more than once"):
        check_exactly_once(entries(1, 1), range(3), all_of_them=False)


def test_many_wrong_numbers_are_not_all_listed() -> None:
    with pytest.raises(NotExactlyOnceError, match=r"9 were lost \(0, 1, 2, 3, 4, \.\.\.\)"):
        check_exactly_once([], range(9))


def test_the_rate_is_from_the_first_start_to_the_last_end() -> None:
    ran = [Entry(0, 2 * SECOND, 3 * SECOND), Entry(1, 1 * SECOND, 2 * SECOND), Entry(2, 3 * SECOND, 5 * SECOND)]
    assert rate(ran) == 3 / 4
    assert rate(ran, 2) == 2 / 2


def test_every_process_s_ledger_is_read_without_a_line_that_is_being_written(tmp_path: Path) -> None:
    (tmp_path / "1.ledger").write_text("0 10 20\n1 11 21\n2 12")
    (tmp_path / "2.ledger").write_text("3 13 23\n")
    (tmp_path / "3.ready").touch()
    assert read_ledgers(tmp_path) == [Entry(0, 10, 20), Entry(1, 11, 21), Entry(3, 13, 23)]
