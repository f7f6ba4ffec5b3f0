"""What has to come out, worked out from the input alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from midday_worker.demo.input_lines import Line
from midday_worker.demo.orders import Order
from midday_worker.demo.sign_ups import SignUp
from midday_worker.jobs.models import Plan

_ALWAYS = ("welcome-email", "get-started-email")
_ABOUT_THE_TRIAL = ("trial-expiring-email", "trial-ended-email")


@dataclass(slots=True)
class Expectation:
    """The numbers to compare with Redis, the disk and the database.

    Attributes:
        jobs: how many of each name end in which state.
        emails: how many files of each kind there are.
        teams: how many are in the database.
        paid: what all orders together bring in.
        refused: the lines that nothing is added for.
        failing: the lines that Node adds though they are wrong, by the id of their job.
        repeated: how many lines are there a second time.
    """

    jobs: Counter[tuple[str, str]] = field(default_factory=Counter)
    emails: Counter[str] = field(default_factory=Counter)
    teams: int = 0
    paid: Decimal = Decimal(0)
    refused: dict[int, Line] = field(default_factory=dict)
    failing: dict[str, Line] = field(default_factory=dict)
    repeated: int = 0


def expect(lines: Iterable[Line]) -> Expectation:
    """Return what these lines lead to."""
    expected = Expectation()
    seen: set[str] = set()
    for line in lines:
        value = line.parse()
        if value is None:
            _expect_refusal(expected, line)
        elif line.job_id in seen:
            expected.repeated += 1
        elif isinstance(value, SignUp):
            seen.add(line.job_id)
            _expect_sign_up(expected, value)
        else:
            seen.add(line.job_id)
            _expect_order(expected, value)
    return expected


def _expect_refusal(expected: Expectation, line: Line) -> None:
    if line.record is not None and line.by_node:
        # Node has no schema: the job is added, and fails when it is executed.
        expected.failing[line.job_id] = line
        expected.jobs[line.job, "failed"] += 1
    else:
        expected.refused[line.number] = line


def _expect_sign_up(expected: Expectation, sign_up: SignUp) -> None:
    expected.teams += 1
    for job in ("sign-up", "onboard-team", *_ALWAYS, *_ABOUT_THE_TRIAL):
        expected.jobs[job, "completed"] += 1
    if sign_up.invites:
        expected.jobs["team-invite", "completed"] += len(sign_up.invites)
    if sign_up.team.cancelled:
        return
    if sign_up.invites:
        expected.emails["team-invite"] += len(sign_up.invites)
    if sign_up.unsubscribed:
        return
    expected.emails.update(_ALWAYS)
    if sign_up.team.plan == Plan.TRIAL:
        expected.emails.update(_ABOUT_THE_TRIAL)


def _expect_order(expected: Expectation, order: Order) -> None:
    affordable = order.total <= order.card.limit
    outcome = "completed" if affordable else "failed"
    expected.paid += order.total if affordable else 0
    for job in ("place-order", "check-card", "reserve-inventory"):
        expected.jobs[job, "completed"] += 1
    for job in ("weigh-parcel", "book-carrier", "arrange-shipping"):
        expected.jobs[job, "completed"] += 1
    expected.jobs["pick-item", "completed"] += len(order.items)
    for job in ("charge-card", "take-payment", "fulfil-order"):
        expected.jobs[job, outcome] += 1
