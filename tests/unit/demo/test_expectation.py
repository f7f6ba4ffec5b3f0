"""What the demo expects of its input, and how it tells that something differs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest

from midday_worker.demo.expectation import Expectation, expect
from midday_worker.demo.feed import Fed
from midday_worker.demo.input_lines import Line, read_lines
from midday_worker.demo.orders.order import luhn_sum
from midday_worker.demo.outcome import Outcome, differences

REFUSED = [10, 34, 56, 63, 108, 170, 185, 209, 234]
FAILING = [24, 84, 96, 124, 140, 152, 264, 296]


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    return read_lines()


@pytest.fixture
def expected(lines: list[Line]) -> Expectation:
    return expect(lines)


@pytest.fixture
def outcome(expected: Expectation) -> Outcome:
    """What holds exactly what is expected."""
    return Outcome(
        jobs=Counter(expected.jobs),
        emails=Counter(expected.emails),
        teams=expected.teams,
        paid=expected.paid,
        failures={(line.job, job_id): "invalid" for job_id, line in expected.failing.items()},
        retried=0,
    )


@pytest.fixture
def fed(expected: Expectation) -> Fed:
    return Fed(refused=dict.fromkeys(expected.refused, "invalid"))


def test_the_input_holds_what_its_hand_made_lines_say(lines: list[Line], expected: Expectation) -> None:
    """331 lines, 17 of them wrong: nine stop before they are added, eight of Node's in the worker."""
    assert len(lines) == 331
    assert sorted(expected.refused) == REFUSED
    assert sorted(line.number for line in expected.failing.values()) == FAILING
    assert expected.repeated == 4
    assert expected.teams == 204
    assert expected.paid == Decimal("32853.00")
    assert expected.jobs.total() == 2500
    assert expected.emails.total() == 743


def test_every_way_of_being_wrong_is_in_the_input(lines: list[Line]) -> None:
    """Missing fields, wrong types, malformed JSON, another type of line, no object at all."""
    reasons = " ".join(line.refusal for line in lines)
    assert "not JSON" in reasons
    assert "not a JSON object" in reasons
    assert 'no job for type "refund"' in reasons
    assert sum(line.by_node for line in lines if line.parse() is None) == 10


def test_an_outcome_as_expected_has_no_differences(expected: Expectation, outcome: Outcome, fed: Fed) -> None:
    assert differences(expected, outcome, fed) == []


def test_each_number_that_is_off_is_named(expected: Expectation, outcome: Outcome, fed: Fed) -> None:
    jobs = outcome.jobs + Counter({("sign-up", "waiting"): 1})
    off = replace(outcome, jobs=jobs, emails=Counter(), teams=203, paid=Decimal(1))
    assert differences(expected, off, fed) == [
        "jobs: 1 sign-up waiting, expected 0",
        "e-mails: 0 get-started-email, expected 188",
        "e-mails: 0 team-invite, expected 99",
        "e-mails: 0 trial-ended-email, expected 134",
        "e-mails: 0 trial-expiring-email, expected 134",
        "e-mails: 0 welcome-email, expected 188",
        "database rows: 203 teams, expected 204",
        "orders paid: 1, expected 32853.00",
    ]


def test_a_line_that_was_refused_or_failed_without_reason_is_named(
    expected: Expectation, outcome: Outcome, fed: Fed
) -> None:
    fed.refused[7] = "why not"
    del fed.refused[10]
    failures = {**outcome.failures, ("sign-up", "sign-up-user_001"): "oops"}
    assert differences(expected, replace(outcome, failures=failures), fed) == [
        "refused line 10: missing",
        "refused line 7: not expected",
        "failed job of an invalid line sign-up-user_001: not expected",
    ]


@pytest.mark.parametrize("number", ["4242424242424242", "378282246310005", "5555555555554444"])
def test_a_card_number_with_its_check_digit_is_divisible(number: str) -> None:
    assert luhn_sum(number) % 10 == 0
    assert luhn_sum(number[:-1] + str((int(number[-1]) + 1) % 10)) % 10 != 0
